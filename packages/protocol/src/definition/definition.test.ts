import { describe, expect, it } from 'vitest';
import { LIMITS } from '../limits.ts';
import type { TaskDefinition, WorkflowDefinition } from '../workflow.ts';
import { normaliseForHash, parseDefinition, parseDefinitionValue, type ParsedDefinition } from './index.ts';

const task: Omit<TaskDefinition, 'name' | 'action'> = {
  description: '',
  needs: [],
  trigger: 'all_success',
  disabled: false,
  params: {},
  env: {},
  retry: { max: 0, intervalMs: 60_000, backoff: 'fixed', maxIntervalMs: 3_600_000 },
  timeout: null,
  delayMs: 0,
  priority: null,
  workerGroup: null,
  environment: null,
  runAs: null,
  taskGroup: null,
  onWorkerLost: 'rerun',
  dispatchTimeoutMs: null,
  files: [],
  outputs: {},
  extras: null,
};
const workflow: Omit<WorkflowDefinition, 'name' | 'tasks'> = {
  project: null,
  description: '',
  labels: {},
  params: {},
  failurePolicy: 'end',
  concurrency: 'parallel',
  timeout: { afterMs: 86_400_000, action: 'fail' },
  priority: 'medium',
  parameterMode: 'strict',
  schedule: null,
  notify: { on: 'none', to: [] },
};

function read(text: string): WorkflowDefinition {
  const { definition, problems } = parseDefinition(text, 'yaml');
  expect(problems).toEqual([]);
  if (definition === null) throw new Error('no problems and no definition');
  return definition;
}

const everything = `
name: every-key
project: samples
description: all of it
labels: { team: data, tier: 1, live: true }
params:
  year: $[yyyy]
  count: 3
  ratio: { type: number, default: 1 }
  mode: { enum: [fast, slow], default: fast }
  token: { required: true }
  flag: true
failurePolicy: continue
concurrency: serial_wait
timeout: { after: 2h, action: warn }
priority: high
parameterMode: lenient
schedule:
  cron: "0 15 2 * * ?"
  timezone: Europe/Berlin
  start: 2026-01-01
  end: 2026-12-31T23:59:59+01:00
  misfire: fire_all
  calendar: holidays
  onHoliday: shift_next
  dependsOnPrevious: true
  dependsOn: [load, other/load]
  online: true
notify: { when: failure, to: [ops, "#alerts"] }
defaults:
  retry: { max: 2, interval: 5s }
  timeout: { after: 1h, action: warn }
  env: { LANG: C, TZ: UTC }
  connection: samples
  shell: sh
tasks:
  sh:
    description: a shell task
    run: echo \${x:-1}
    trigger: all_done
    disabled: true
    params: { a: 1, b: two, c: false }
    env: { LANG: de, N: 8080 }
    retry: { max: 5, backoff: exponential, maxInterval: 1m }
    timeout: { after: 5m }
    delay: 10
    priority: lowest
    workerGroup: gpu
    environment: prod
    runAs: etl
    taskGroup: { name: db, weight: 2 }
    onWorkerLost: wait
    dispatchTimeout: 90s
    executionLease: 6h
    files: [lib/a.sh, b.sh]
    outputs: { rows: integer, name: { type: string } }
    extras: { any: [1, null, "x"] }
    substitution: text
  py: { type: python, file: p.py, interpreter: python3.12, timeout: 30 }
  fn: { type: script, run: return 1, retry: { interval: 2h } }
  web: { type: http, method: POST, url: "https://x/\${a}", headers: { Accept: "*/*", N: 1 }, body: { a: [1] }, expect: { status: [200, 201], body: ok }, outputs: { id: $.id } }
  get: { type: http, url: "http://x", expect: { status: 204 } }
  db: { type: sql, run: select 1, preStatements: [a], postStatements: [b], maxRows: 5, raw: { t: [x, 1] } }
  join: { type: virtual, needs: [sh, py] }
  check: { type: conditions, needs: [join, db], when: { or: [{ task: db, state: failed }, { and: [{ task: join, state: succeeded }] }] }, success: [pick] }
  pick: { type: switch, needs: [check], cases: [{ when: "\${n} > 1", goto: child }, { when: true, goto: [late] }] }
  child: { type: sub_workflow, needs: [pick], workflow: other/load, version: 3, params: { y: 1 } }
  late: { type: dependent, needs: [pick], upstream: { workflow: load, task: t, window: last1Days }, checkInterval: 1m, maxWait: 2h, onFailure: wait }
`;

describe('a normalised definition', () => {
  it('has a task group by its name alone with weight 1', () => {
    const { tasks } = read('name: w\ntasks: { a: { run: echo, taskGroup: db } }') as { tasks: unknown[] };
    expect(tasks).toMatchObject([{ taskGroup: { name: 'db', weight: 1, priority: 0 } }]);
  });

  it('has every default filled in', () => {
    expect(read('name: w\ntasks: { a: { run: echo } }')).toEqual({
      name: 'w',
      ...workflow,
      tasks: [
        { name: 'a', ...task, action: { type: 'shell', run: 'echo', file: null, shell: 'bash', substitution: 'env' } },
      ],
    });
  });

  it('holds every key that was written, with defaults merged under each task', () => {
    const inherited = {
      ...task,
      env: { LANG: 'C', TZ: 'UTC' },
      retry: { ...task.retry, max: 2, intervalMs: 5000 },
      timeout: { afterMs: 3_600_000, action: 'warn' },
    } as const;
    const expected: WorkflowDefinition = {
      name: 'every-key',
      project: 'samples',
      description: 'all of it',
      labels: { team: 'data', tier: '1', live: 'true' },
      params: {
        year: { type: 'string', default: '$[yyyy]', required: false },
        count: { type: 'integer', default: 3, required: false },
        ratio: { type: 'number', default: 1, required: false },
        mode: { type: 'string', default: 'fast', enum: ['fast', 'slow'], required: false },
        token: { type: 'string', required: true },
        flag: { type: 'boolean', default: true, required: false },
      },
      failurePolicy: 'continue',
      concurrency: 'serial_wait',
      timeout: { afterMs: 7_200_000, action: 'warn' },
      priority: 'high',
      parameterMode: 'lenient',
      schedule: {
        cron: '0 15 2 * * ?',
        timezone: 'Europe/Berlin',
        start: '2026-01-01',
        end: '2026-12-31T23:59:59+01:00',
        misfire: 'fire_all',
        calendar: 'holidays',
        onHoliday: 'shift_next',
        dependsOnPrevious: true,
        dependsOn: ['load', 'other/load'],
        online: true,
      },
      notify: { on: 'failure', to: ['ops', '#alerts'] },
      tasks: [
        {
          name: 'sh',
          description: 'a shell task',
          needs: [],
          trigger: 'all_done',
          disabled: true,
          params: { a: 1, b: 'two', c: false },
          env: { LANG: 'de', N: '8080', TZ: 'UTC' },
          retry: { max: 5, intervalMs: 5000, backoff: 'exponential', maxIntervalMs: 60_000 },
          timeout: { afterMs: 300_000, action: 'warn' },
          delayMs: 10_000,
          priority: 'lowest',
          workerGroup: 'gpu',
          environment: 'prod',
          runAs: 'etl',
          taskGroup: { name: 'db', weight: 2, priority: 0 },
          onWorkerLost: 'wait',
          dispatchTimeoutMs: 90_000,
          executionLeaseMs: 21_600_000,
          files: ['lib/a.sh', 'b.sh'],
          outputs: { rows: { type: 'integer' }, name: { type: 'string' } },
          extras: { any: [1, null, 'x'] },
          action: { type: 'shell', run: 'echo ${x:-1}', file: null, shell: 'sh', substitution: 'text' },
        },
        {
          name: 'py',
          ...inherited,
          timeout: { afterMs: 30_000, action: 'fail' },
          action: { type: 'python', run: null, file: 'p.py', interpreter: 'python3.12', substitution: 'env' },
        },
        {
          name: 'fn',
          ...inherited,
          retry: { max: 2, intervalMs: 7_200_000, backoff: 'fixed', maxIntervalMs: 7_200_000 },
          action: { type: 'script', run: 'return 1', file: null },
        },
        {
          name: 'web',
          ...inherited,
          action: {
            type: 'http',
            method: 'POST',
            url: 'https://x/${a}',
            headers: { Accept: '*/*', N: '1' },
            body: { a: [1] },
            expect: { status: [200, 201], body: 'ok' },
            extract: { id: '$.id' },
          },
        },
        {
          name: 'get',
          ...inherited,
          action: {
            type: 'http',
            method: 'GET',
            url: 'http://x',
            headers: {},
            body: null,
            expect: { status: [204], body: null },
            extract: {},
          },
        },
        {
          name: 'db',
          ...inherited,
          action: {
            type: 'sql',
            connection: 'samples',
            run: 'select 1',
            file: null,
            preStatements: ['a'],
            postStatements: ['b'],
            maxRows: 5,
            raw: { t: ['x', '1'] },
          },
        },
        { name: 'join', ...inherited, needs: ['sh', 'py'], action: { type: 'virtual' } },
        {
          name: 'check',
          ...inherited,
          needs: ['join', 'db'],
          action: {
            type: 'conditions',
            when: { or: [{ task: 'db', state: 'failed' }, { and: [{ task: 'join', state: 'succeeded' }] }] },
            success: ['pick'],
            failure: [],
          },
        },
        {
          name: 'pick',
          ...inherited,
          needs: ['check'],
          action: {
            type: 'switch',
            cases: [
              { when: '${n} > 1', goto: ['child'] },
              { when: 'true', goto: ['late'] },
            ],
            default: [],
          },
        },
        {
          name: 'child',
          ...inherited,
          needs: ['pick'],
          action: { type: 'sub_workflow', workflow: 'other/load', params: { y: 1 }, version: 3 },
        },
        {
          name: 'late',
          ...inherited,
          needs: ['pick'],
          action: {
            type: 'dependent',
            upstream: { workflow: 'load', task: 't', window: 'last1Days' },
            checkIntervalMs: 60_000,
            maxWaitMs: 7_200_000,
            onFailure: 'wait',
          },
        },
      ],
    };
    expect(read(everything)).toEqual(expected);
  });

  it('is the same for YAML, for JSON of the same shape and for the parsed value', () => {
    const json =
      '{"name":"w","notify":{"on":"all","to":[]},"tasks":{"a":{"run":"x","timeout":"1m"},"b":{"type":"virtual","needs":["a"]}}}';
    const fromYaml = parseDefinition(
      'name: w\nnotify: { when: all }\ntasks:\n  a: { run: x, timeout: 60 }\n  b: { type: virtual, needs: [a] }\n',
      'yaml',
    );
    expect(parseDefinition(json, 'json')).toEqual(fromYaml);
    expect(parseDefinition(json, 'yaml')).toEqual(fromYaml);
    expect(parseDefinitionValue(JSON.parse(json))).toEqual(fromYaml);
    expect(fromYaml.definition).not.toBeNull();
  });

  it('takes its name from the options when it gives none', () => {
    const text = 'tasks: { a: { run: x } }';
    expect(parseDefinition(text, 'yaml', { workflowName: 'given' }).definition?.name).toBe('given');
    expect(parseDefinition(`name: own\n${text}`, 'yaml', { workflowName: 'given' }).definition?.name).toBe('own');
    expect(parseDefinition(text, 'yaml', { workflowName: 'not a name' }).problems).toHaveLength(1);
  });

  it('keeps names of other scripts', () => {
    expect(
      read('name: 季节\ntasks: { Überprüfung_1: { run: x }, 任务-2: { run: x, needs: [Überprüfung_1] } }').tasks.map(
        ({ name, needs }) => [name, needs],
      ),
    ).toEqual([
      ['Überprüfung_1', []],
      ['任务-2', ['Überprüfung_1']],
    ]);
  });

  it('gives `run` of defaults to tasks without `run` or `file`, and a key only to the types that know it', () => {
    const { tasks } = read(
      'name: w\ndefaults: { run: echo, connection: c, outputs: { n: integer } }\ntasks: { a: {}, b: { type: python, file: b.py }, c: { type: sql }, d: { type: http, url: "http://x", outputs: { id: $.id } } }',
    );
    expect(tasks.map(({ action, outputs }) => ({ action, outputs }))).toEqual([
      {
        action: { type: 'shell', run: 'echo', file: null, shell: 'bash', substitution: 'env' },
        outputs: { n: { type: 'integer' } },
      },
      {
        action: { type: 'python', run: null, file: 'b.py', interpreter: 'python3', substitution: 'env' },
        outputs: { n: { type: 'integer' } },
      },
      {
        action: {
          type: 'sql',
          connection: 'c',
          run: 'echo',
          file: null,
          preStatements: [],
          postStatements: [],
          maxRows: 10_000,
          raw: {},
        },
        outputs: { n: { type: 'integer' } },
      },
      {
        action: {
          type: 'http',
          method: 'GET',
          url: 'http://x',
          headers: {},
          body: null,
          expect: { status: [200], body: null },
          extract: { id: '$.id' },
        },
        outputs: {},
      },
    ]);
  });
});

describe('limits', () => {
  it('lists at most so many problems, sorted by position, the last saying how many more', () => {
    const count = LIMITS.definitionProblems + 50;
    const { problems } = parseDefinition(
      `name: w\ntasks:\n${Array.from({ length: count }, (_, index) => `  t${index}: { run: x, retires: 1 }\n`).join('')}`,
      'yaml',
    );
    expect(problems).toHaveLength(LIMITS.definitionProblems);
    expect(problems.slice(0, -1).map(({ line }) => line)).toEqual(
      Array.from({ length: LIMITS.definitionProblems - 1 }, (_, index) => index + 3),
    );
    expect(problems.at(-1)).toEqual({ pointer: '', line: null, column: null, message: 'and 51 more' });
  });

  it('refuses fields, parameters, documents and task counts beyond theirs', () => {
    const messages = (parsed: ParsedDefinition): string[] => parsed.problems.map(({ message }) => message);
    const field = (bytes: number): ParsedDefinition =>
      parseDefinitionValue({ name: 'w', tasks: { a: { run: 'ä'.repeat(bytes / 2) } } });
    expect(messages(field(LIMITS.definitionFieldBytes))).toEqual([]);
    expect(messages(field(LIMITS.definitionFieldBytes + 2))).toEqual([
      '`run` is 1048578 bytes long; at most 1048576 are allowed',
    ]);
    expect(
      messages(
        parseDefinitionValue({
          name: 'w',
          params: { p: 'x'.repeat(LIMITS.parameterBytes + 1) },
          tasks: { a: { run: 'x' } },
        }),
      ),
    ).toEqual(['`p` is 65537 bytes long; at most 65536 are allowed']);
    expect(messages(parseDefinition(' '.repeat(LIMITS.definitionBytes + 1), 'yaml'))).toEqual([
      'the definition is longer than 67108864 bytes',
    ]);
    const many = Object.fromEntries(
      Array.from({ length: LIMITS.tasksPerWorkflow + 1 }, (_, index) => [`t${index}`, { run: 'x' }]),
    );
    expect(messages(parseDefinitionValue({ name: 'w', tasks: many }))).toEqual([
      '`tasks` has 100001 entries; a workflow has at most 100000 tasks',
    ]);
  });

  it('answers for values that contain themselves', () => {
    const twice: unknown[] = [];
    twice.push(twice, twice);
    const when: Record<string, unknown> = {};
    when['and'] = [when];
    expect(parseDefinitionValue({ name: 'w', tasks: { a: { run: 'x', extras: twice } } }).definition).toBeNull();
    expect(parseDefinitionValue({ name: 'w', tasks: { a: { type: 'conditions', when } } }).definition).toBeNull();
  });

  it('reads a chain of 100,000 tasks, and finds the cycle when its ends are joined', () => {
    const count = LIMITS.tasksPerWorkflow;
    const chain = (first: string[]): unknown => ({
      name: 'w',
      tasks: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `t${index}`,
          { type: 'virtual', needs: index === 0 ? first : [`t${index - 1}`] },
        ]),
      ),
    });
    expect(parseDefinitionValue(chain([])).definition?.tasks).toHaveLength(count);
    expect(parseDefinitionValue(chain([`t${count - 1}`])).problems).toEqual([
      {
        pointer: '/tasks/t0/needs/0',
        line: null,
        column: null,
        message: expect.stringMatching(/^cycle: t0 → t1 → .* → … \(99981 more\) → .* → t99999 → t0; /) as string,
      },
    ]);
  });

  it('stays linear where every task needs every earlier one', () => {
    const names = Array.from({ length: 800 }, (_, index) => `t${index}`);
    const tasks = Object.fromEntries(
      names.map((name, index) => [name, { type: 'virtual', needs: names.slice(0, index) }]),
    );
    expect(parseDefinitionValue({ name: 'w', tasks }).problems).toEqual([]);
    const knotted = { ...tasks, t0: { type: 'virtual', needs: names.slice(1) } };
    expect(parseDefinitionValue({ name: 'w', tasks: knotted }).problems.map(({ message }) => message)).toEqual([
      'cycle: t0 → t1 → t0; each of these tasks waits for the one before it',
    ]);
  });
});

describe('normaliseForHash', () => {
  it('does not depend on the order in which keys were written, but on the order of tasks', () => {
    const [a, b, c] = [
      'name: w\ntasks: { a: { run: x, env: { B: 1, A: 2 } }, b: { run: y } }',
      'tasks: { a: { env: { A: 2, B: 1 }, run: x }, b: { run: y } }\nname: w',
      'name: w\ntasks: { b: { run: y }, a: { run: x, env: { B: 1, A: 2 } } }',
    ].map((text) => normaliseForHash(read(text)));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
    expect(a).toMatch(/^\{"concurrency":"parallel","description":"","failurePolicy":"end",/);
  });

  it('is JSON of the definition', () => {
    const definition = read(everything);
    expect(JSON.parse(normaliseForHash(definition))).toEqual(definition);
  });
});
