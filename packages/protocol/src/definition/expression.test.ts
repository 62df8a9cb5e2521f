import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateExpression, EXPRESSION_LIMITS, namesIn, parseExpression, type ExpressionValue } from './expression.ts';

const values: Record<string, ExpressionValue> = {
  n: '12',
  m: 9,
  zero: 0,
  neg: '-3',
  r: 'cn',
  empty: '',
  yes: true,
  no: 'false',
  'system.biz.date': '20240314',
  zip: '01234',
  big: '9007199254740993',
  exp: '1e3',
  spaced: ' 7 ',
};

function valueOf(text: string): boolean | string {
  const parsed = parseExpression(text);
  if (parsed.kind === 'syntax-error') return `${parsed.offset}: ${parsed.message}`;
  const evaluated = evaluateExpression(parsed.expression, (name) => values[name]);
  return evaluated.kind === 'value' ? evaluated.value : `unknown ${evaluated.name}`;
}

describe('expressions', () => {
  it.each<[string, boolean]>([
    ['${n} > 10 && ${r} == "cn"', true],
    ['${n} > 10 && ${r} == "de"', false],
    ['${n} > ${m}', true],
    ['${n} == 12.0', true],
    ['${exp} == 1000', true],
    ['${spaced} == 7', true],
    ['${neg} < -2', true],
    ['-2 > ${neg}', true],
    ['"12" > "9"', false],
    ['${n} == "12"', true],
    ['${zip} == 1234', true],
    ['${zip} == "1234"', false],
    ['${zip} == "01234"', true],
    ['${big} == 9007199254740992', false],
    ['${big} != ${big}', false],
    ['${r} < "de"', true],
    ['${r} >= 5', true],
    ['${system.biz.date} >= 20240301', true],
    ['${yes}', true],
    ['${no}', false],
    ['${empty}', false],
    ['${zero}', false],
    ['${yes} == true', true],
    ['${no} == false', true],
    ['true == 1', false],
    ['!${no}', true],
    ['!!${no}', false],
    ['!${no} == true', true],
    ['!(${n} == 12)', false],
    ['true || ${unknown}', true],
    ['false && ${unknown}', false],
    ['false || false || true', true],
    ['true || false && false', true],
    ['(true || false) && false', false],
    ['${r} in ["de", "cn"]', true],
    ['${r} in ["de", \'fr\']', false],
    ['${n} in [1, 12]', true],
    ['${n} in [${m}, ${n}]', true],
    ['${r} =~ "^c"', true],
    ['${r} =~ "^n$"', false],
    ['${n} =~ "^\\d+$"', true],
    ['${n} =~ "^\\\\d{2}$"', true],
    ['"a\\"b" == \'a"b\'', true],
    ['"\\${n}" =~ "n"', true],
    ['( ( ( true ) ) )', true],
    ['1', true],
    ['0', false],
    ['""', false],
  ])('%s is %s', (text, value) => {
    expect(valueOf(text)).toBe(value);
  });

  it('ends as unknown at a name that has no value', () => {
    expect(valueOf('${unknown} == 1')).toBe('unknown unknown');
  });

  it('takes nothing from a prototype for a value', () => {
    const parsed = parseExpression('${constructor} == 1');
    expect(
      parsed.kind === 'expression' &&
        evaluateExpression(parsed.expression, (name) => Reflect.get({}, name) as string | undefined),
    ).toEqual({ kind: 'unknown-name', name: 'constructor' });
  });

  it.each<[string, string]>([
    ['', '0: a value is missing at the end'],
    ['${n} ==', '7: a value is missing at the end'],
    ['${n} = 1', '5: `=` means nothing here; equality is `==`'],
    ['${n} === 1', '5: `===` is written `==`'],
    ['${n} & 1', '5: `&` means nothing here; “and” is `&&`'],
    ['n > 1', '0: `n` means nothing here; write ${n} for a parameter, "n" for a text'],
    ['$n > 1', '0: a parameter is written `${name}`'],
    ['"${r}" == "cn"', '0: a parameter inside quotes is not replaced; write `${name}` without quotes'],
    ['"abc', '0: the text that begins here has no closing quote'],
    ['1 < 2 < 3', '6: comparisons cannot be chained; use `&&`'],
    ['(1', '2: `)` must stand here, not the end'],
    ['1)', '1: unexpected `)`'],
    ['1 2', '2: unexpected `2`'],
    ['${n} in []', '9: a value must stand here, not `]`'],
    ['${n} in 1', '8: `[` must stand here, not `1`'],
    ['${r} =~ ${n}', '8: a pattern in quotes must stand after `=~`'],
    ['process.exit(1)', '7: `.` means nothing here'],
    [
      'constructor',
      '0: `constructor` means nothing here; write ${constructor} for a parameter, "constructor" for a text',
    ],
    ['1 + 1', '2: `+` means nothing here'],
  ])('%s is a mistake', (text, message) => {
    expect(valueOf(text)).toBe(message);
  });

  it('refuses patterns that RE2 refuses, look-behind and back references among them', () => {
    for (const pattern of ['(', '(?<=a)b', '(a)\\\\1', 'a{2000}'])
      expect(valueOf(`\${r} =~ "${pattern}"`)).toMatch(/^8: bad pattern: /);
  });

  it('matches a pattern that makes backtracking engines hang at once', () => {
    const parsed = parseExpression('${text} =~ "^(a+)+$"');
    const startedAt = performance.now();
    expect(
      parsed.kind === 'expression' && evaluateExpression(parsed.expression, () => `${'a'.repeat(50_000)}b`),
    ).toEqual({ kind: 'value', value: false });
    // It would be for ever, and a busy machine takes its time.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it('refuses what is too long or too deep, and reads a long chain', () => {
    const { characters, depth } = EXPRESSION_LIMITS;
    expect(valueOf('1'.repeat(characters + 1))).toBe(`0: longer than ${characters} characters`);
    expect(valueOf('('.repeat(depth + 1))).toBe(`${depth}: more than ${depth} parentheses inside one another`);
    expect(valueOf('!'.repeat(9000) + 'true')).toBe(true);
    expect(valueOf(`${'true && '.repeat(1200)}true`)).toBe(true);
  });

  it('names what it looks up', () => {
    const parsed = parseExpression('!${a} && (${b} in [${c}, 1] || ${a} =~ "x" || ${d} < 1)');
    expect(parsed.kind === 'expression' && [...namesIn(parsed.expression)]).toEqual(['a', 'b', 'c', 'd']);
  });

  it('never throws, whatever the text and the values', () => {
    const token = fc.constantFrom(
      '${a}',
      '${b}',
      '==',
      '!=',
      '<',
      '>=',
      '&&',
      '||',
      '!',
      '(',
      ')',
      'in',
      '[',
      ']',
      ',',
      '=~',
      '"x"',
      "'1'",
      '1',
      '-2.5',
      'true',
      ' ',
      '\\',
      '$',
      '"',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(token, { maxLength: 30 }).map((tokens) => tokens.join(' ')),
    );
    fc.assert(
      fc.property(text, fc.oneof(fc.string(), fc.double(), fc.boolean()), (source, value) => {
        const parsed = parseExpression(source);
        if (parsed.kind === 'expression')
          expect(['value', 'unknown-name']).toContain(
            evaluateExpression(parsed.expression, (name) => (name === 'a' ? value : undefined)).kind,
          );
        else expect(parsed.offset).toBeLessThanOrEqual(source.length);
      }),
      { numRuns: 3000 },
    );
  });
});
