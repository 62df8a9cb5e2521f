import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS, type ParameterValue } from '@pelorus/protocol';
import { declared, http, python, resolved, runText, script, shell, sql, task, workflow } from './definition.fixture.ts';
import type { ResolvedTask } from './resolve-task.ts';
import { escapeTemplate } from './template.ts';

const paramsOf = (answer: ResolvedTask) => (answer.kind === 'ready' ? answer.params : { invalid: answer.detail });
const detailOf = (answer: ResolvedTask) => (answer.kind === 'invalid' ? answer.detail : 'ready');
const output = (name: string, endedAt: number, outputs: Record<string, string>) => ({ task: name, endedAt, outputs });

describe('precedence', () => {
  const own = task(shell('true'), { params: { region: 'task' } });
  const bare = task(shell('true'));
  const withDefault = { params: declared({ region: 'workflow' }) };
  const predecessors = [output('extract', 10, { region: 'output' })];

  it('is start, task, outputs, workflow, project', () => {
    const all = { start: { region: 'start' }, predecessors, project: { region: 'project' } };
    expect(paramsOf(resolved(own, { ...all, definition: workflow([own], withDefault) }))).toEqual({ region: 'start' });
    expect(paramsOf(resolved(own, { ...all, start: {}, definition: workflow([own], withDefault) }))).toEqual({
      region: 'task',
    });
    expect(paramsOf(resolved(bare, { ...all, start: {}, definition: workflow([bare], withDefault) }))).toEqual({
      region: 'output',
    });
    expect(
      paramsOf(resolved(bare, { ...all, start: {}, predecessors: [], definition: workflow([bare], withDefault) })),
    ).toEqual({ region: 'workflow' });
    expect(paramsOf(resolved(bare, { project: { region: 'project' } }))).toEqual({ region: 'project' });
  });

  it('takes the output that is not empty and finished first', () => {
    const several = [output('c', 30, { n: 'third' }), output('a', 10, { n: '' }), output('b', 20, { n: 'second' })];
    expect(paramsOf(resolved(bare, { predecessors: several }))).toEqual({ n: 'second' });
    expect(paramsOf(resolved(bare, { predecessors: several.slice(1, 2) }))).toEqual({ n: '' });
    expect(
      paramsOf(resolved(bare, { predecessors: [output('x', 5, { n: '1' }), output('y', 5, { n: '2' })] })),
    ).toEqual({ n: '1' });
  });

  it('resolves a reference through the same precedence', () => {
    const definition = workflow([own], { params: declared({ path: '/data/${region}' }) });
    expect(paramsOf(resolved(own, { definition }))).toEqual({ path: '/data/task', region: 'task' });
  });

  it('delivers all of it as text', () => {
    const typed = task(shell('true'), { params: { yes: true, no: false, half: 0.5, big: 1e21, minus: -0, count: 12 } });
    expect(paramsOf(resolved(typed))).toEqual({
      yes: 'true',
      no: 'false',
      half: '0.5',
      big: '1e+21',
      minus: '0',
      count: '12',
    });
  });
});

describe('values', () => {
  it('fill in names first and time expressions after', () => {
    const one = task(shell('true'), {
      params: {
        days: 2,
        day: '$[yyyyMMdd-${days}]',
        file: '/in/${day}/${format}.csv',
        format: '$[HH]',
        same: '$[${pattern}]',
        pattern: 'yyyy-MM',
      },
    });
    expect(paramsOf(resolved(one))).toEqual({
      days: '2',
      day: '20240313',
      file: '/in/20240313/13.csv',
      format: '13',
      same: '2024-03',
      pattern: 'yyyy-MM',
    });
  });

  it('are not read again: an output that looks like a template stays what it is', () => {
    const one = task(shell('true'), { params: { copy: '<${out}>' } });
    const tricky = '${days} $[yyyy] $$[x] ${';
    expect(paramsOf(resolved(one, { predecessors: [output('a', 1, { out: tricky })] }))).toEqual({
      out: tricky,
      copy: `<${tricky}>`,
    });
  });

  it('write a literal ${ and $[ with one more dollar', () => {
    expect(paramsOf(resolved(task(shell('true'), { params: { a: '$${x} $$[yyyy] $x $' } })))).toEqual({
      a: '${x} $[yyyy] $x $',
    });
  });

  it('may be given at start with expressions of their own', () => {
    expect(paramsOf(resolved(task(shell('true')), { start: { day: '$[yyyyMMdd+${n}]', n: 1 } }))).toEqual({
      day: '20240316',
      n: '1',
    });
  });

  it('that refer to one another in a circle are named', () => {
    const one = task(shell('true'), { params: { a: '${b}', b: 'x${c}', c: '$[yyyyMMdd-${a}]' } });
    expect(detailOf(resolved(one))).toContain('parameters refer to one another in a circle: `a` → `b` → `c` → `a`');
    expect(detailOf(resolved(task(shell('true'), { params: { a: '${a}' } })))).toContain('`a` → `a`');
  });

  it('may form a chain of any length', () => {
    const params = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, n) => [`p${n}`, n === 19_999 ? 'end' : `\${p${n + 1}}`]),
    );
    const answer = resolved(task(shell('true'), { params }));
    expect(answer.kind === 'ready' && answer.params['p0']).toBe('end');
  });

  it('that would double without end stop at the limit', () => {
    const params = Object.fromEntries(
      Array.from({ length: 64 }, (_, n) => [`p${n}`, n === 63 ? 'xxxxxxxx' : `\${p${n + 1}}\${p${n + 1}}`]),
    );
    expect(detailOf(resolved(task(shell('true'), { params })))).toContain(
      `becomes longer than ${LIMITS.parameterBytes} characters`,
    );
  });

  it.each([
    ['a\0b', 'parameter `out` holds a NUL character'],
    ['\ud800', 'parameter `out` holds half a surrogate pair, which is no character'],
    ['ä'.repeat(40_000), 'parameter `out` is longer than 65536 bytes'],
  ])('that cannot be kept or handed over are refused', (value, detail) => {
    expect(detailOf(resolved(task(shell('true')), { predecessors: [output('a', 1, { out: value })] }))).toBe(detail);
  });
});

describe('unknown names', () => {
  const one = task(shell('true'), { params: { a: 'x ${nowhere} $[yyyyMMdd-${n}]' } });

  it('fail a strict workflow with the reason', () => {
    expect(resolved(one)).toEqual({
      kind: 'invalid',
      detail:
        'parameter `a` refers to `${nowhere}`, and there is no such parameter; parameter `a` refers to `${n}`, and there is no such parameter',
    });
  });

  it('stay as they are in a lenient one', () => {
    expect(paramsOf(resolved(one, { definition: workflow([one], { parameterMode: 'lenient' }) }))).toEqual({
      a: 'x ${nowhere} $[yyyyMMdd-${n}]',
    });
  });

  it('are not found on the prototype of an object', () => {
    const odd = task(shell('true'), { params: { a: '${constructor}${__proto__}${toString}' } });
    expect(resolved(odd).kind).toBe('invalid');
  });

  it('a parameter may be called __proto__', () => {
    const params = JSON.parse('{"__proto__": "x", "b": "${__proto__}"}') as Record<string, ParameterValue>;
    expect(Object.entries(paramsOf(resolved(task(shell('true'), { params }))))).toEqual([
      ['__proto__', 'x'],
      ['b', 'x'],
    ]);
  });

  it('a bad time expression fails with the reason', () => {
    expect(detailOf(resolved(task(shell('true'), { params: { a: '$[yyyyMMDD]' } })))).toBe(
      'parameter `a`: bad time expression `$[yyyyMMDD]`: `DD` is not a field of a format; the day is dd; a literal `$[` is written `$$[` (line 1)',
    );
  });
});

describe('declarations', () => {
  const one = task(shell('true'));
  const declare = (type: 'integer' | 'boolean' | 'string' | 'number', over = {}) => ({
    definition: workflow([one], { params: { n: { type, required: false, ...over } } }),
  });

  it.each<[string, ParameterValue, string]>([
    ['integer', 'abc', 'parameter `n` is declared as an integer; `abc` is not one'],
    ['integer', 1.5, 'parameter `n` is declared as an integer; `1.5` is not one'],
    ['boolean', 'yes', 'parameter `n` is declared as a boolean; `yes` is not one'],
    ['number', '', 'parameter `n` is declared as a number; `` is not one'],
    ['integer', '$[HH:mm]', 'parameter `n` is declared as an integer; `13:45` is not one'],
  ])('%s refuses %j', (type, value, detail) => {
    expect(detailOf(resolved(one, { ...declare(type as 'integer'), start: { n: value } }))).toBe(detail);
  });

  it.each<[string, ParameterValue, string]>([
    ['integer', '12345678901234567890', '12345678901234567890'],
    ['integer', '$[yyyyMMdd]', '20240315'],
    ['number', '1e3', '1e3'],
    ['boolean', 'true', 'true'],
    ['string', 5, '5'],
  ])('%s admits %j', (type, value, text) => {
    expect(paramsOf(resolved(one, { ...declare(type as 'integer'), start: { n: value } }))).toEqual({ n: text });
  });

  it('an enum admits its values alone, whoever gives them', () => {
    const region = declare('string', { enum: ['cn', 'us'], default: 'cn' });
    expect(paramsOf(resolved(one, region))).toEqual({ n: 'cn' });
    const detail = 'parameter `n` may be `cn`, `us`; `de` is none of them';
    expect(detailOf(resolved(one, { ...region, start: { n: 'de' } }))).toBe(detail);
    expect(detailOf(resolved(one, { ...region, predecessors: [output('a', 1, { n: 'de' })] }))).toBe(detail);
    expect(paramsOf(resolved(one, { ...declare('integer', { enum: [1, 2] }), start: { n: '+01' } }))).toEqual({
      n: '+01',
    });
  });

  it('a required one must be given', () => {
    expect(detailOf(resolved(one, declare('string', { required: true })))).toBe(
      'parameter `n` is required and was not given',
    );
    expect(paramsOf(resolved(one, { ...declare('string', { required: true }), start: { n: '' } }))).toEqual({ n: '' });
  });
});

describe('built-ins', () => {
  const everyName = [
    'system.biz.date',
    'system.biz.curdate',
    'system.datetime',
    'system.project.name',
    'system.workflow.name',
    'system.workflow.instance.id',
    'system.task.name',
    'system.task.instance.id',
    'system.task.execute.path',
    'sf.system.bizdate',
    'sf.system.bizcurdate',
    'sf.system.cyctime',
    'sf.system.execId',
    'sf.system.jobId',
  ];
  const text = everyName.map((name) => `\${${name}}`).join(' ');
  const values =
    '20240314 20240315 20240315134500 samples daily 7 load 7.0.1 ${system.task.execute.path} 20240314 20240315 20240315134500 7 7.0.1';

  it('are what the page says, in values, in scripts and in the environment', () => {
    const one = task(shell(text), { params: { all: text }, env: { ALL: text } });
    expect(resolved(one)).toEqual({
      kind: 'ready',
      action: { ...one.action, run: values },
      params: { all: values },
      env: { ALL: values },
    });
  });

  it('reckon dates in the zone of the run', () => {
    const one = task(shell('${system.biz.date} ${system.datetime}'));
    const run = {
      id: 1,
      project: 'p',
      workflow: 'w',
      logicalDateAt: Date.parse('2024-03-11T04:10:00Z'),
      zone: 'America/New_York',
      submittedAt: 0,
    };
    expect(runText(resolved(one, { run }))).toBe('20240310 20240311001000');
  });

  it('cannot be overridden by an output', () => {
    const one = task(shell('${system.biz.date}'));
    expect(resolved(one, { predecessors: [output('a', 1, { 'system.biz.date': 'x; rm -rf /' })] })).toMatchObject({
      action: { run: '20240314' },
      params: {},
    });
  });

  it('with characters that mean something to a shell are refused in its text', () => {
    const one = task(shell('echo ${system.project.name}'));
    const run = { id: 1, project: 'a; rm -rf /', workflow: 'w', logicalDateAt: 0, zone: 'UTC', submittedAt: 0 };
    expect(detailOf(resolved(one, { run }))).toBe(
      '`run` refers to `${system.project.name}`, whose value `a; rm -rf /` may not be put into a script; pass it as a parameter',
    );
  });

  it('misspelt are errors even in a script', () => {
    expect(detailOf(resolved(task(shell('${system.bizdate}'))))).toBe(
      '`run` refers to `${system.bizdate}`, and there is no such parameter',
    );
  });
});

describe('shell and python', () => {
  it('get parameters as variables and keep ${region} for themselves', () => {
    const text = 'echo "${region}" ${x:-y} ${#a[@]} $region $[1+2] $(( n + 1 ))';
    for (const action of [shell(text), python(text)]) {
      expect(resolved(task(action, { params: { region: 'cn' } }))).toEqual({
        kind: 'ready',
        action,
        params: { region: 'cn' },
        env: {},
      });
    }
  });

  it('have time expressions filled in', () => {
    expect(runText(resolved(task(shell('load --day $[yyyyMMdd-1] --at "$[yyyy-MM-dd HH:mm:ss]"'))))).toBe(
      'load --day 20240314 --at "2024-03-15 13:45:00"',
    );
    expect(runText(resolved(task(shell('$[yyyyMMdd-${n}]'), { params: { n: 2 } })))).toBe('20240313');
    expect(runText(resolved(task(shell('ls $$[abc]'))))).toBe('ls $[abc]');
  });

  it('refuse a time expression that would come out as code', () => {
    const one = task(shell("echo $[yyyy'$(id)']"));
    expect(detailOf(resolved(one))).toBe(
      "`run`: `$[yyyy'$(id)']` comes out as `2024$(id)`, which may not be put into this text; make it a parameter",
    );
    const through = task(shell('echo $[yyyy-${n}]'), { params: { n: "1'`id`'" } });
    expect(resolved(through).kind).toBe('invalid');
  });

  it('refuse a name in a time expression that has no value', () => {
    expect(detailOf(resolved(task(shell('echo $[${i}+1]'))))).toBe(
      '`run` refers to `${i}`, and there is no such parameter',
    );
  });

  it('refuse a parameter with a dot, which no shell can read', () => {
    const one = task(shell('echo ${my.region}'), { params: { 'my.region': 'cn' } });
    expect(detailOf(resolved(one))).toBe(
      '`run` refers to `${my.region}`, and a name with a dot cannot be an environment variable; rename it or set `substitution: text`',
    );
    expect(runText(resolved(task(shell('echo ${ksh.name}'))))).toBe('echo ${ksh.name}');
  });

  it.each(['LD_PRELOAD', 'PATH', 'BASH_ENV', 'PYTHONPATH', 'PELORUS_OUTPUT'])(
    'refuse a parameter named %s, from wherever it comes',
    (name) => {
      const detail = `parameter \`${name}\` would decide what programs load; only a task's \`env\` may set it`;
      expect(
        detailOf(resolved(task(shell('true')), { predecessors: [output('a', 1, { [name]: '/tmp/evil.so' })] })),
      ).toBe(detail);
      expect(detailOf(resolved(task(python('pass'), { params: { [name]: 'x' } })))).toBe(detail);
      expect(resolved(task(shell('true'), { env: { [name]: 'x' } }))).toMatchObject({
        kind: 'ready',
        env: { [name]: 'x' },
      });
    },
  );

  it('no value changes the shape of the text', () => {
    const nasty = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '$(reboot)',
        '`id`',
        '"; rm -rf / #',
        "'; id '",
        '\n\nid\n',
        '${PATH}',
        '$[yyyy]',
        '$$[yyyy]',
        '\\',
        '| sh',
        '&& id',
        '\r\n',
      ),
    );
    const text = 'echo "${region}" \'${region}\' $[yyyy] ${system.biz.date} $region';
    fc.assert(
      fc.property(nasty, fc.boolean(), (value, asOutput) => {
        fc.pre(value.isWellFormed() && !value.includes('\0') && !value.includes('${secret.'));
        const one = task(shell(text));
        const given = asOutput
          ? { predecessors: [output('a', 1, { region: value })] }
          : { start: { region: escapeTemplate(value) } };
        const answer = resolved(one, given);
        expect(answer).toEqual({
          kind: 'ready',
          env: {},
          params: { region: value },
          action: { ...one.action, run: 'echo "${region}" \'${region}\' 2024 20240314 $region' },
        });
      }),
      { numRuns: 500 },
    );
  });

  it('substitution: text puts every known name into the text', () => {
    const one = task(shell('echo ${region} ${other} ${system.biz.date} $[yyyy] ${x:-${region}}', 'text'), {
      params: { region: 'a b; $(c)' },
    });
    expect(runText(resolved(one))).toBe('echo a b; $(c) ${other} 20240314 2024 ${x:-a b; $(c)}');
  });

  it('substitution: text cannot make a script of unlimited length', () => {
    const one = task(shell('${a}'.repeat(1000), 'text'), { params: { a: 'x'.repeat(60_000) } });
    expect(detailOf(resolved(one))).toBe(`\`run\` becomes longer than ${LIMITS.definitionFieldBytes} characters`);
  });
});

describe('sql', () => {
  it('keeps names for binding, fills in time expressions, and delivers the built-ins it names', () => {
    const one = task(
      sql('select ${region}, ${system.biz.date} from t_$[yyyyMM]', {
        preStatements: ['delete from t where d = ${day}'],
        postStatements: ['select $[yyyy]'],
      }),
      {
        params: { region: 'cn', day: '$[yyyyMMdd]' },
      },
    );
    expect(resolved(one)).toEqual({
      kind: 'ready',
      env: {},
      action: {
        ...one.action,
        run: 'select ${region}, ${system.biz.date} from t_202403',
        preStatements: ['delete from t where d = ${day}'],
        postStatements: ['select 2024'],
      },
      params: { region: 'cn', day: '20240315', 'system.biz.date': '20240314' },
    });
  });

  it('leaves JSON paths alone', () => {
    const one = task(sql("select json_extract(doc, '$[0].name'), json_extract(doc, '$[#-1]')"));
    expect(resolved(one)).toEqual({ kind: 'ready', action: one.action, params: {}, env: {} });
  });

  it('refuses unknown names', () => {
    expect(detailOf(resolved(task(sql('select ${nowhere}'))))).toBe(
      '`run` refers to `${nowhere}`, and there is no such parameter',
    );
    expect(detailOf(resolved(task(sql('select 1', { preStatements: ['', 'select ${no where}'] }))))).toBe(
      '`preStatements` 2 refers to `${no where}`, and there is no such parameter',
    );
  });

  it('puts !{name} in only from the list of the task', () => {
    const raw = { table: ['sales', 'costs'] };
    const ask = (value: string | null, run = 'select * from !{table}') =>
      resolved(task(sql(run, { raw }), { params: value === null ? {} : { table: value } }));
    expect(ask('sales')).toMatchObject({
      kind: 'ready',
      params: { table: 'sales' },
      action: { run: 'select * from !{table}' },
    });
    expect(detailOf(ask('sales; drop table x'))).toBe(
      '`!{table}`: the value `sales; drop table x` is not among those that `raw` allows',
    );
    expect(detailOf(ask(null))).toContain('`!{table}`: there is no such parameter');
    expect(detailOf(ask('sales', 'select * from !{other}'))).toBe('`!{other}`: `raw` declares no values for it');
  });
});

describe('http', () => {
  it('keeps names for the worker, who encodes by place, and fills in time expressions', () => {
    const one = task(
      http({
        url: 'http://h/${region}?d=$[yyyyMMdd]',
        headers: { 'X-Day': '$[yyyy-MM-dd]', 'X-Run': '${system.workflow.instance.id}' },
        body: { day: ['$[dd]', 1, null, { r: '${region}' }] },
      }),
      {
        params: { region: 'c/n' },
      },
    );
    expect(resolved(one)).toEqual({
      kind: 'ready',
      env: {},
      params: { region: 'c/n', 'system.workflow.instance.id': '7' },
      action: {
        ...one.action,
        url: 'http://h/${region}?d=20240315',
        headers: { 'X-Day': '2024-03-15', 'X-Run': '${system.workflow.instance.id}' },
        body: { day: ['15', 1, null, { r: '${region}' }] },
      },
    });
  });

  it('refuses unknown names wherever they stand', () => {
    expect(detailOf(resolved(task(http({ url: 'http://h/${a}', headers: { H: '${b}' }, body: [['${c}']] }))))).toBe(
      '`url` refers to `${a}`, and there is no such parameter; header `H` refers to `${b}`, and there is no such parameter; `body` refers to `${c}`, and there is no such parameter',
    );
  });

  it('answers to a body nested beyond reason', () => {
    let body: unknown = '$[yyyy]';
    for (let depth = 0; depth < 300; depth++) body = [body];
    expect(detailOf(resolved(task(http({ body }))))).toBe('`body` is nested more than 200 deep');
  });
});

describe('other types', () => {
  it('script: the text is left alone, parameters are delivered', () => {
    const one = task(script('return `${ctx.params.a} $[nonsense] ${`'), { params: { a: '$[yyyy]' } });
    expect(resolved(one)).toEqual({ kind: 'ready', action: one.action, params: { a: '2024' }, env: {} });
  });

  it('sub_workflow: what is passed arrives in the child as it is', () => {
    const action = {
      type: 'sub_workflow' as const,
      workflow: 'child',
      version: 'latest' as const,
      params: { day: '$[yyyyMMdd]', out: '<${out}>', n: 3 },
    };
    const parent = task(action);
    const answer = resolved(parent, { predecessors: [output('a', 1, { out: '${x} $[yyyy]' })] });
    expect(answer).toMatchObject({
      kind: 'ready',
      action: { params: { day: '20240315', out: '<$${x} $$[yyyy]>', n: 3 } },
    });
    const start = answer.kind === 'ready' && answer.action.type === 'sub_workflow' ? answer.action.params : {};
    expect(paramsOf(resolved(task(shell('true')), { start }))).toEqual({
      day: '20240315',
      out: '<${x} $[yyyy]>',
      n: '3',
    });
  });

  it('switch: names are delivered to whoever decides, unknown ones refused', () => {
    const action = (when: string) => ({ type: 'switch' as const, cases: [{ when, goto: ['a'] }], default: ['b'] });
    expect(resolved(task(action('${system.biz.date} == "20240314" && ${n} > 1'), { params: { n: 2 } }))).toMatchObject({
      kind: 'ready',
      params: { n: '2', 'system.biz.date': '20240314' },
    });
    expect(resolved(task(action('"${m}" == "${m}"'))).kind).toBe('ready');
    expect(detailOf(resolved(task(action('${m} > 1'))))).toBe(
      '`when` refers to `${m}`, and there is no such parameter',
    );
  });
});

describe('secrets', () => {
  it('that a definition names are left for the worker', () => {
    const one = task(shell('echo ${secret.db}'), {
      params: { url: 'pg://u:${secret.db}@h', again: '${url}?' },
      env: { TOKEN: '${secret.db}' },
    });
    expect(resolved(one)).toEqual({
      kind: 'ready',
      action: one.action,
      env: { TOKEN: '${secret.db}' },
      params: { url: 'pg://u:${secret.db}@h', again: 'pg://u:${secret.db}@h?' },
    });
  });

  it('cannot be named by an output or a start parameter, not even in pieces', () => {
    const one = task(shell('true'), { params: { whole: '${a}${b}' } });
    expect(detailOf(resolved(one, { predecessors: [output('x', 1, { a: '${sec', b: 'ret.db}' })] }))).toBe(
      'parameter `whole` names a secret, which only a definition may do',
    );
    expect(detailOf(resolved(task(shell('true')), { predecessors: [output('x', 1, { a: '${secret.db}' })] }))).toBe(
      'parameter `a` names a secret, which only a definition may do',
    );
    expect(detailOf(resolved(task(shell('true')), { start: { a: '${secret.db}' } }))).toBe(
      'parameter `a` names a secret, which only a definition may do',
    );
  });
});

describe('any definition', () => {
  const value = fc
    .array(
      fc.constantFrom(
        '${a}',
        '${b}',
        '${c}',
        '${d}',
        '${',
        '}',
        '$[',
        ']',
        '$[yyyyMMdd-${a}]',
        '$[yyyy]',
        '$$[',
        'x',
        '\0',
        '\ud800',
        '!{a}',
        '${system.biz.date}',
        "'",
      ),
      { maxLength: 5 },
    )
    .map((list) => list.join(''));
  const values = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value);

  it('gives an answer and never throws', () => {
    const actions = value.chain((text) =>
      fc.constantFrom(
        shell(text),
        shell(text, 'text'),
        python(text),
        sql(text),
        http({ url: text, body: { text } }),
        script(text),
      ),
    );
    fc.assert(
      fc.property(
        actions,
        values,
        values,
        values,
        values,
        fc.constantFrom('strict' as const, 'lenient' as const),
        (action, params, start, outputs, project, parameterMode) => {
          const one = task(action, { params, env: params });
          const answer = resolved(one, {
            start,
            project,
            predecessors: [output('p', 1, outputs)],
            definition: workflow([one], { parameterMode }),
          });
          if (answer.kind === 'invalid') expect(answer.detail).not.toBe('');
          else
            for (const text of Object.values(answer.params))
              expect(text.isWellFormed() && !text.includes('\0')).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('finds a circle exactly when there is one', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const graph = fc.array(fc.subarray(names, { maxLength: 2 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(graph, (edges) => {
        const reachable = (from: string, seen: Set<string>): Set<string> => {
          for (const to of edges[names.indexOf(from)] ?? []) if (!seen.has(to)) reachable(to, seen.add(to));
          return seen;
        };
        const circular = names.some((name) => reachable(name, new Set()).has(name));
        const params = Object.fromEntries(
          names.map((name, index) => [name, (edges[index] ?? []).map((to) => `\${${to}}`).join('')]),
        );
        const detail = detailOf(resolved(task(shell('true'), { params })));
        expect(detail.includes('in a circle')).toBe(circular);
        for (const [, path = ''] of detail.matchAll(/circle: ([^;]*)/g)) {
          const steps = path.split(' → ').map((step) => step.slice(1, -1));
          expect(steps.at(-1)).toBe(steps[0]);
          for (const [index, from] of steps.slice(0, -1).entries())
            expect(edges[names.indexOf(from)]).toContain(steps[index + 1]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the plain task', () => {
  it('gets one and the same answer every time', () => {
    const one = task(shell('echo "$HOME" ${x}'), { env: { A: 'b' } });
    const definition = workflow([one]);
    const first = resolved(one, { definition });
    expect(resolved(one, { definition, predecessors: [output('a', 1, {})] })).toBe(first);
    expect(first).toEqual({ kind: 'ready', action: one.action, params: {}, env: { A: 'b' } });
  });
});
