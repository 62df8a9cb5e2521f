import { describe, expect, it } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import { checkDefinitionParameters, checkDefinitionTemplates } from './check-definition.ts';
import { declared, http, python, script, shell, sql, task, workflow } from './definition.fixture.ts';

const NO_SUCH = 'there is no such parameter; one that only a start gives is declared with `required: true`';
const parameters = (tasks: TaskDefinition[], over: Partial<WorkflowDefinition> = {}, known?: ReadonlySet<string>) =>
  checkDefinitionParameters(workflow(tasks, over), known).map(({ pointer, message }) => `${pointer}: ${message}`);
const templates = (tasks: TaskDefinition[], over: Partial<WorkflowDefinition> = {}) =>
  checkDefinitionTemplates(workflow(tasks, over)).map(({ pointer, message }) => `${pointer}: ${message}`);

describe('checkDefinitionTemplates', () => {
  it('points to every bad text at once', () => {
    const tasks = [
      task(shell('echo\n$[yyyyMMDD] ${x:-y} ${'), { name: 'a/b', params: { p: '${' }, env: { E: '${}' } }),
      task(sql('select $[nope]', { preStatements: ['ok', '${'] }), { name: 's' }),
      task(http({ url: '${', headers: { H: '$[q]' }, body: { list: ['ok', '$[q]'] } }), { name: 'h' }),
    ];
    expect(templates(tasks, { params: declared({ w: '$[D]' }) })).toEqual([
      '/params/w: bad time expression `$[D]`: `D` is not a field of a format; the day is dd; a literal `$[` is written `$$[` (line 1)',
      '/tasks/a~1b/params/p: `${` has no closing `}` (line 1)',
      '/tasks/a~1b/env/E: `${}` names no parameter (line 1)',
      '/tasks/a~1b/run: bad time expression `$[yyyyMMDD]`: `DD` is not a field of a format; the day is dd; a literal `$[` is written `$$[` (line 2)',
      "/tasks/s/run: bad time expression `$[nope]`: `n` is not a field of a format; letters meant as text stand in quotes, as in 'T'; a literal `$[` is written `$$[` (line 1)",
      '/tasks/s/preStatements/1: `${` has no closing `}` (line 1)',
      '/tasks/h/url: `${` has no closing `}` (line 1)',
      "/tasks/h/headers/H: bad time expression `$[q]`: `q` is not a field of a format; letters meant as text stand in quotes, as in 'T'; a literal `$[` is written `$$[` (line 1)",
      "/tasks/h/body/list/1: bad time expression `$[q]`: `q` is not a field of a format; letters meant as text stand in quotes, as in 'T'; a literal `$[` is written `$$[` (line 1)",
    ]);
  });

  it('points to time expressions that would come out as code', () => {
    expect(templates([task(shell("$[yyyy'`id`']"))])).toEqual([
      "/tasks/load/run: `$[yyyy'`id`']` comes out as `2024`id``, which may not be put into this text; make it a parameter",
    ]);
    expect(templates([task(shell("$[yyyy'`id`']", 'text'))])).toEqual([]);
  });

  it('does not read functions, disabled tasks, or what belongs to the shell', () => {
    expect(
      templates([
        task(script('`${`, "$[nope]"')),
        task(shell('$[nope]'), { disabled: true }),
        task(shell('${x:-y} ${a[$i]} $[1+2] $$[abc]')),
        task(python('f"${"')),
      ]),
    ).toEqual([]);
  });
});

describe('checkDefinitionParameters', () => {
  it('finds names that can have no value in a task without predecessors', () => {
    const tasks = [
      task(sql('select ${region}, ${nowhere}'), { name: 'a', params: { p: '${q}' } }),
      task(http({ url: 'http://h/${x}' }), { name: 'b' }),
      task(shell('${x} $[yyyyMMdd-${n}]'), { name: 'c' }),
      task(sql('select ${fromAnOutput}'), { name: 'd', needs: ['a'] }),
    ];
    expect(parameters(tasks, { params: declared({ region: 'cn', w: '${z}' }) })).toEqual([
      `/tasks/a/params/p: \`\${q}\`: ${NO_SUCH}`,
      `/tasks/a/run: \`\${nowhere}\`: ${NO_SUCH}`,
      `/tasks/b/url: \`\${x}\`: ${NO_SUCH}`,
      `/tasks/c/run: \`\${n}\`: ${NO_SUCH}`,
      `/params/w: \`\${z}\`: ${NO_SUCH}`,
    ]);
  });

  it('accepts what the workflow, the task, the system, a secret or the caller knows', () => {
    const one = task(sql('select ${a}, ${b}, ${c}, ${system.biz.date}, ${secret.x}'), { params: { b: 1 } });
    expect(parameters([one], { params: { a: { type: 'string', required: true } } }, new Set(['c']))).toEqual([]);
    expect(parameters([task(sql('select ${x}'))], { parameterMode: 'lenient' })).toEqual([]);
  });

  it('finds misspelt names of the system anywhere', () => {
    expect(parameters([task(shell('echo ${system.bizdate}'), { needs: ['x'] })])).toEqual([
      `/tasks/load/run: \`\${system.bizdate}\`: ${NO_SUCH}`,
    ]);
  });

  it('finds circles within the workflow, and through the parameters of a task', () => {
    const one = task(shell('true'), { name: 't', params: { b: '${a}', self: '${self}' }, needs: ['x'] });
    expect(parameters([one], { params: declared({ a: '${b}', b: 'x', c: '${d}', d: '${c}' }) })).toEqual([
      '/params/c: parameters refer to one another in a circle: `c` → `d` → `c`',
      '/tasks/t/params/b: parameters refer to one another in a circle: `b` → `a` → `b`',
      '/tasks/t/params/self: parameters refer to one another in a circle: `self` → `self`; a task sees the parameters of its workflow without repeating them',
    ]);
  });

  it('finds names and defaults that cannot be', () => {
    const one = task(sql('!{t} !{u}', { raw: { t: ['x'] } }), { params: { PATH: 'x', 'system.a': 1, ok: 'a\0' } });
    expect(
      parameters([one], {
        params: {
          'a b': { type: 'string', required: false },
          n: { type: 'integer', default: 'x', enum: [1, 'y'], required: false },
        },
      }),
    ).toEqual([
      '/params/a b: parameter `a b` is not a name: a letter or _, then letters, digits, _ . -, at most 63 characters',
      '/params/n: parameter `n` is declared as an integer; `y` is not one',
      '/params/n: parameter `n` is declared as an integer; `x` is not one',
      "/tasks/load/params/PATH: parameter `PATH` decides what programs load; only a task's `env` may set it",
      '/tasks/load/params/system.a: parameter `system.a` is a name of the system, which nothing overrides',
      '/tasks/load/params/ok: parameter `ok` holds a NUL character',
      '/tasks/load/run: `!{u}`: `raw` declares no values for it',
    ]);
  });

  it('has nothing to say of a workflow as it should be', () => {
    const tasks = [
      task(shell('./extract.sh "$year" > weather.csv'), { name: 'extract' }),
      task(sql('insert into t select * from w where year = ${year} and day < ${system.biz.date}'), {
        name: 'load',
        needs: ['extract'],
      }),
    ];
    expect(parameters(tasks, { params: declared({ year: '$[yyyy]' }) })).toEqual([]);
    expect(templates(tasks, { params: declared({ year: '$[yyyy]' }) })).toEqual([]);
  });
});
