import { describe, expect, test } from 'vitest';
import { evaluateTimeExpression } from '../parameters/time-expression.ts';
import { runDateOf, setLines, translateVariables, type DssScope } from './dss-variables.ts';

const FREE: DssScope = { runDate: null, values: new Map() };

/** What a script prints on 29 February 2020, 14:05 in Shanghai: there `run_date` is the 28th. */
function printed(script: string): string {
  const { text } = translateVariables(script, FREE, 'script');
  const logical = { at: Date.parse('2020-02-29T14:05:00+08:00'), zone: 'Asia/Shanghai' };
  return text.replaceAll(/\$\[([^\]]*)\]/g, (source, expression: string) => {
    const evaluated = evaluateTimeExpression(expression, logical);
    return evaluated.ok ? evaluated.value : source;
  });
}

describe('dates, with run_date=20200228', () => {
  test.each([
    ['run_date', '20200228'],
    ['run_date_std', '2020-02-28'],
    ['run_date+1', '20200229'],
    ['run_date-59', '20191231'],
    ['run_today', '20200229'],
    ['run_today_std-1', '2020-02-28'],
    ['run_month_begin', '20200201'],
    ['run_month_begin-1', '20200101'],
    ['run_month_end', '20200229'],
    ['run_month_end_std+1', '2020-03-31'],
    ['run_month_now_begin', '20200101'],
    ['run_month_now_end_std', '2020-01-31'],
    ['run_quarter_begin', '20200101'],
    ['run_quarter_end', '20200331'],
    ['run_quarter_end_std-1', '2019-12-31'],
    ['run_quarter_now_begin', '20200101'],
    ['run_half_year_begin', '20200101'],
    ['run_half_year_begin-1', '20190701'],
    ['run_half_year_end', '20200630'],
    ['run_half_year_end_std+1', '2020-12-31'],
    ['run_year_begin', '20200101'],
    ['run_year_begin_std-3', '2017-01-01'],
    ['run_year_end+10', '20301231'],
    ['run_year_end_std', '2020-12-31'],
    ['run_last_month_begin', '20200101'],
    ['run_last_month_end_std', '2020-01-31'],
    ['run_last_quarter_begin', '20191001'],
    ['run_last_quarter_end', '20191231'],
    ['run_last_half_year_begin', '20190701'],
    ['run_last_half_year_end', '20191231'],
    ['run_last_year_begin', '20190101'],
    ['run_last_year_end_std', '2019-12-31'],
    ['run_last_month_now_end', '20191231'],
    ['run_last_quarter_now_end', '20191231'],
    ['run_mon', '202002'],
    ['run_mon-2', '201912'],
    ['run_mon_std', '2020-02'],
    ['run_mon_end', '202012'],
    ['run_mon_end+11', '202112'],
    ['run_last_mon_now', '202001'],
    ['run_last_mon_now_std', '2020-01'],
    ['run_today_h', '2020022914'],
    ['run_today_h_std', '2020-02-29 14'],
    ['run_today_h-15', '2020022823'],
    ['run_today_h+12', '2020030102'],
  ])('${%s} is %s', (name, value) => {
    expect(printed(`<\${${name}}>`)).toBe(`<${value}>`);
    const [base, sign, amount] = name.split(/(?=[+-])|(?<=[+-])/);
    if (amount !== undefined) expect(printed(`\${ ${base} ${sign} ${amount} }`)).toBe(value);
    if (name.startsWith('run_today_h')) return;
    const fixed = translateVariables(`\${${name}}`, { ...FREE, runDate: '20200228' }, 'script');
    expect(fixed.text).toBe(value);
  });

  test('a fixed date leaves only the hour to the run', () => {
    const { text, uses } = translateVariables(
      '${run_today_h} ${run_today_h_std} ${run_today_h-1}',
      { ...FREE, runDate: '20200228' },
      'script',
    );
    expect(text).toBe('20200229$[HH] 2020-02-29 $[HH] ${run_today_h-1}');
    expect(uses.map(({ outcome }) => outcome)).toEqual(['changed', 'changed', 'unsupported']);
  });

  test('what a date cannot be moved by stays, and is told', () => {
    const source = '${run_date*2} ${run_date-x} ${run_year_end+999999} $${run_date}';
    const { text, uses } = translateVariables(source, FREE, 'script');
    expect(text).toBe(source);
    expect(uses.map(({ source: from, outcome }) => [from, outcome])).toEqual([
      ['${run_date*2}', 'unsupported'],
      ['${run_date-x}', 'unsupported'],
      ['${run_year_end+999999}', 'unsupported'],
      ['${run_date}', 'unsupported'],
    ]);
  });
});

describe('numbers and text', () => {
  const scope: DssScope = {
    runDate: null,
    values: new Map([
      ['n', '41'],
      ['half', '0.5'],
      ['days', '7'],
      ['city', 'Köln'],
      ['late', null],
    ]),
  };

  test('are reckoned where their value is known', () => {
    const { text } = translateVariables(
      '${n+1} ${n*2} ${n/2} ${half-1} ${n+days} ${run_date-days} ${city+_x}',
      scope,
      'script',
    );
    expect(text).toBe('42 82 20.5 -0.5 48 $[yyyyMMdd-8] Köln_x');
  });

  test('stay where it is not, or where a shell means something else by them', () => {
    const source = '${late+1} ${other-default} ${other} ${n} ${x:-y} ${#n} ${n%.*} ${';
    const { text, uses } = translateVariables(source, scope, 'script');
    expect(text).toBe(source);
    expect(uses.map(({ source: from }) => from)).toEqual(['${late+1}']);
  });

  test('a `$[` of the script itself stays literal', () => {
    expect(translateVariables('$[i+1] $$[ ${run_date}', FREE, 'script').text).toBe('$$[i+1] $$$[ $[yyyyMMdd-1]');
  });

  test('a value is not looked up a second time, but for dates', () => {
    expect(translateVariables('/data/${city}/${run_date}/$[x]', scope, 'value').text).toBe(
      '/data/$${city}/$[yyyyMMdd-1]/$$[x]',
    );
  });
});

test('run_date is a date or nothing', () => {
  expect(['20200228', '2020-02-28', ' 20200229 ', '20190229', '2020022', 'yesterday', ''].map(runDateOf)).toEqual([
    '20200228',
    '20200228',
    '20200229',
    null,
    null,
    null,
    null,
  ]);
});

test('`@set` lines are found as the engine finds them', () => {
  expect(setLines('#@set a=1\n  #@set b = x y ;\necho #@set c=1\n#@set d=1=2\n#@set e', 'script')).toEqual([
    { name: 'a', value: '1' },
    { name: 'b', value: 'x y' },
  ]);
  expect(setLines('--@set a=1;\n#@set b=2', 'sql')).toEqual([{ name: 'a', value: '1' }]);
});

test('a long word after `${` costs no more than its length', () => {
  const script = `\${${'a'.repeat(300_000)} `.repeat(3);
  expect(translateVariables(script, FREE, 'script').text).toBe(script);
});
