/** Parameters: where values come from, which wins, what they may hold. */
import { refused, same, type Case } from './case.ts';

/** What the task `a` prints, alone. */
function prints(name: string, yaml: string, lines: string[], start: Case['start'] = {}): Case {
  return {
    name,
    yaml,
    start,
    act: async (run) => {
      same((await run.ended()).split(':')[0], 'succeeded');
      same(await run.log('a'), lines);
    },
  };
}

const PRECEDENCE = `params: { v: workflow }
tasks:
  before: { run: '{output}' }
  a: { run: 'echo $v', needs: [before], params: {own} }
`;
const precedence = (output: string, own: string): string =>
  PRECEDENCE.replace('{output}', output).replace('{own}', own);
const OUTPUT = 'echo v=output >> "$PELORUS_OUTPUT"';

export const PARAMETERS: Case[] = [
  prints('a default of the workflow', precedence('true', '{}'), ['workflow']),
  prints('an output wins over the workflow', precedence(OUTPUT, '{}'), ['output']),
  prints("the task's own wins over an output", precedence(OUTPUT, '{ v: own }'), ['own']),
  prints('the start wins over everything', precedence(OUTPUT, '{ v: own }'), ['start'], { params: { v: 'start' } }),
  prints('an output without text, alone, is an empty text', precedence('echo v= >> "$PELORUS_OUTPUT"', '{}'), ['']),
  {
    name: 'of several outputs the first to finish that is not empty',
    yaml: `tasks:
  slow: { run: '{gate}; echo v=slow >> "$PELORUS_OUTPUT"' }
  quick: { run: 'echo v=quick >> "$PELORUS_OUTPUT"' }
  empty: { run: 'echo v= >> "$PELORUS_OUTPUT"' }
  a: { run: 'echo $v', needs: [slow, quick, empty] }
`,
    act: async (run) => {
      await run.untilTask('quick', 'succeeded');
      await run.untilTask('empty', 'succeeded');
      run.open();
      await run.ended();
      same(await run.log('a'), ['quick']);
    },
    ends: 'succeeded: slow succeeded, quick succeeded, empty succeeded, a succeeded',
  },
  prints(
    'an output reaches tasks further down, and may have several lines',
    `tasks:
  first:
    run: |
      cat >> "$PELORUS_OUTPUT" <<END
      text<<STOP
      one
      two
      STOP
      END
  second: { run: 'true', needs: [first] }
  a: { run: 'echo "$text"', needs: [second, first] }
`,
    ['one', 'two'],
  ),
  prints(
    'a line of the log can be an output',
    "tasks: { first: { run: \"echo '${setValue(v=7)}'\" }, a: { run: 'echo $v', needs: [first] } }",
    ['7'],
  ),
  prints(
    'an output is data, whatever it looks like',
    `tasks:
  first:
    run: |
      echo 'v=$$[yyyy] \${x} $(id)' >> "$PELORUS_OUTPUT"
  a: { run: 'echo "$v"', needs: [first] }
`,
    ['$[yyyy] ${x} $(id)'],
  ),
  prints(
    'time expressions and built-ins are of the logical date, in its zone',
    'tasks: { a: { run: "echo $[yyyyMMdd-1] $[add_months(yyyy-MM-dd,-1)] ${system.biz.date} ${system.biz.curdate} $[HH]" } }',
    ['20240330 2024-02-29 20240330 20240331 01'],
    { logicalDate: '2024-03-31T00:30:00Z', zone: 'Europe/Paris' },
  ),
  prints(
    'values may hold other values and times',
    'params: { base: /data, day: "$[yyyyMMdd]", path: "${base}/${day}" }\ntasks: { a: { run: "echo $path" } }',
    ['/data/20240331'],
    { logicalDate: '2024-03-31T12:00:00Z' },
  ),
  prints(
    'a value is never code in a shell task, unless substitution says so',
    "params: { v: 'x; echo injected' }\ntasks: { a: { run: 'echo \"${v}\"' } }",
    ['x; echo injected'],
  ),
  prints(
    'with substitution: text it is',
    "params: { v: 'x; echo replaced' }\ntasks: { a: { run: 'echo ${v}', substitution: text } }",
    ['x', 'replaced'],
  ),
  prints(
    'Python gets them as variables too',
    'params: { v: ada }\ntasks: { a: { type: python, run: \'import os; print(os.environ["v"])\' } }',
    ['ada'],
  ),
  {
    name: 'a required parameter that is missing',
    yaml: "params: { v: { required: true } }\ntasks: { a: { run: 'true' } }",
    refusedStart: /v/,
  },
  prints(
    'a required parameter that is given',
    "params: { v: { required: true } }\ntasks: { a: { run: 'echo $v' } }",
    ['x'],
    { params: { v: 'x' } },
  ),
  {
    name: 'a value outside of its enum, and one that is no number',
    yaml: "params: { v: { enum: [a, b] }, n: { type: integer, default: 1 } }\ntasks: { a: { run: 'true' } }",
    act: async (run) => {
      await refused(run.start({ params: { v: 'c' } }), /`?v`?/);
      await refused(run.start({ params: { n: 'many' } }), /`?n`?/);
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'parameters in a circle are refused, and the circle is named',
    yaml: 'params: { a: "${b}", b: "${a}" }\ntasks: { t: { run: "true" } }',
    refusedSave: /`a` → `b` → `a`/,
  },
  {
    name: 'a name that nobody can give is refused',
    yaml: 'tasks: { a: { type: http, url: "http://127.0.0.1:1/${nobody}" } }',
    refusedSave: /nobody/,
  },
  {
    name: 'a time expression that is wrong is refused',
    yaml: "tasks: { a: { run: 'echo $[yyyy' } }",
    refusedSave: /\$\[/,
  },
  {
    name: 'lenient workflows leave what they do not know',
    yaml: 'parameterMode: lenient\ntasks: { a: { run: \'echo "${nobody:-left}"\', substitution: text } }',
    act: async (run) => {
      await run.ended();
      same(await run.log('a'), ['left']);
    },
    ends: 'succeeded: a succeeded',
  },
];
