import { readFileSync } from 'node:fs';
import { parseDefinition, type TaskDefinition, type WorkflowDefinition } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { checkCron } from '../cron/index.ts';
import { checkTemplate } from '../parameters/template.ts';
import { seeded } from '../../test/seeded.ts';
import { importDolphinScheduler, type DsOptions, type ImportResult } from './index.ts';

type Written = Record<string, unknown>;

function importText(source: string, options: Partial<DsOptions> = {}): ImportResult {
  return importDolphinScheduler([{ file: 'export.json', source }], { project: null, timezone: 'UTC', ...options });
}

function sample(version: string, options: Partial<DsOptions> = {}): ImportResult {
  const source = readFileSync(
    new URL(`../../../../samples/imports/dolphinscheduler-${version}.json`, import.meta.url),
    'utf8',
  );
  return importText(source, options);
}

/** As the server reads what was written. */
function definitionsOf(result: ImportResult): WorkflowDefinition[] {
  return result.workflows.map(({ source }) => {
    const { definition, problems } = parseDefinition(source, 'yaml', { checkCron, checkTemplate });
    expect(problems).toEqual([]);
    if (definition === null) throw new Error(source);
    return definition;
  });
}

function tasksOf(result: ImportResult, at = 0): Map<string, TaskDefinition> {
  return new Map(definitionsOf(result)[at]?.tasks.map((task) => [task.name, task]));
}

function whyOf({ report }: ImportResult, item: string): string | null | undefined {
  return report.find((row) => row.item === item)?.why;
}

let nextCode = 1000;
function task(
  name: string,
  taskType: string,
  taskParams: Written = {},
  more: Written = {},
): Written & { code: number } {
  return {
    code: (nextCode += 1),
    name,
    taskType,
    taskParams: { localParams: [], resourceList: [], ...taskParams },
    flag: 'YES',
    timeoutFlag: 'CLOSE',
    ...more,
  };
}
const shell = (name: string, rawScript = 'true', more: Written = {}) => task(name, 'SHELL', { rawScript }, more);

/** `edges` by position. */
function workflow(tasks: (Written & { code: number })[], edges: [number, number][] = [], more: Written = {}): Written {
  const { schedule, ...definition } = more;
  return {
    workflowDefinition: { code: 1, name: 'w', globalParams: '[]', ...definition },
    workflowTaskRelationList: edges.map(([from, to]) => ({
      preTaskCode: tasks[from]?.code,
      postTaskCode: tasks[to]?.code,
    })),
    taskDefinitionList: tasks,
    schedule: schedule ?? null,
  };
}

function importOf(
  tasks: (Written & { code: number })[],
  edges: [number, number][] = [],
  more: Written = {},
  options: Partial<DsOptions> = {},
): ImportResult {
  return importText(JSON.stringify([workflow(tasks, edges, more)]), options);
}

function property(prop: string, value: unknown, type = 'VARCHAR', direct = 'IN'): Written {
  return { prop, direct, type, value };
}

describe('the samples of three generations', () => {
  test('1.3: tasks that name one another', () => {
    const result = sample('1.3', { timezone: 'Asia/Shanghai' });
    expect(result.problems).toEqual([]);
    const [definition] = definitionsOf(result);
    expect(definition).toMatchObject({
      name: 'nightly',
      labels: { 'dolphinscheduler.name': 'nightly', 'dolphinscheduler.project': 'warehouse' },
      failurePolicy: 'continue',
      schedule: { cron: '0 0 2 * * ? *', timezone: 'Asia/Shanghai', start: '2020-06-10T00:00:00', online: false },
    });
    const tasks = tasksOf(result);
    expect(
      [...tasks.values()].map(({ name, needs, action, disabled }) => [name, needs, action.type, disabled]),
    ).toEqual([
      ['pull', [], 'shell', false],
      ['clean', ['pull'], 'python', false],
      ['条件', ['clean'], 'conditions', false],
      ['good', ['条件'], 'shell', false],
      ['bad', ['条件'], 'shell', false],
      ['query', ['good'], 'sql', true],
    ]);
    expect(tasks.get('pull')).toMatchObject({
      retry: { max: 3, intervalMs: 60_000 },
      timeout: { afterMs: 1_200_000, action: 'warn_and_fail' },
    });
    expect(tasks.get('条件')?.action).toMatchObject({
      when: { task: 'clean', state: 'succeeded' },
      success: ['good'],
      failure: ['bad'],
    });
    expect(tasks.get('query')?.action).toMatchObject({
      connection: 'sales',
      run: 'select id from emp where id = ${id}',
    });
  });

  test('2.0: codes, in the vocabulary of processes', () => {
    const result = sample('2.0');
    expect(result.problems).toEqual([]);
    const [definition] = definitionsOf(result);
    expect(definition).toMatchObject({
      name: 'orders_daily',
      description: 'Orders of yesterday',
      labels: {
        'dolphinscheduler.code': '9100000001',
        'dolphinscheduler.projectCode': '8000000001',
        'dolphinscheduler.version': '3',
      },
      timeout: { afterMs: 5_400_000, action: 'warn' },
      priority: 'high',
      failurePolicy: 'continue',
      notify: { on: 'failure' },
      schedule: {
        cron: '0 30 2 * * ? *',
        timezone: 'Asia/Shanghai',
        start: '2022-03-01T00:00:00',
        end: '2099-12-31T00:00:00',
        online: false,
      },
    });
    expect(
      Object.entries(definition?.params ?? {}).map(([name, { type, default: value }]) => [name, type, value]),
    ).toEqual([
      ['bizdate', 'string', '${system.biz.date}'],
      ['region', 'string', 'eu'],
      ['threshold', 'integer', 2],
    ]);
    const tasks = tasksOf(result);
    expect(tasks.get('extract')).toMatchObject({
      params: { day: '$[yyyy-MM-dd-1]' },
      outputs: { rows: { type: 'integer' } },
      retry: { max: 2, intervalMs: 300_000 },
      timeout: { afterMs: 1_800_000, action: 'warn_and_fail' },
      action: {
        substitution: 'text',
        run: `set -e\necho "extract \${bizdate} of \${region}, \${day}"\necho '\${setValue(rows=3)}'\n`,
      },
    });
    expect(tasks.get('check_rows')?.action).toEqual({
      type: 'switch',
      cases: [{ when: '${rows} > ${threshold}', goto: ['many'] }],
      default: ['few'],
    });
    expect(tasks.get('both_ok_')?.action).toEqual({
      type: 'conditions',
      when: {
        or: [
          { task: 'many', state: 'succeeded' },
          { task: 'few', state: 'succeeded' },
        ],
      },
      success: ['publish'],
      failure: ['alarm'],
    });
    expect(tasks.get('many')?.priority).toBe('high');
    expect(tasks.get('publish')?.action).toMatchObject({
      substitution: 'env',
      run: 'echo published ${system.biz.date} by ${system.task.name}',
    });
    expect(tasks.get('old_job')?.disabled).toBe(true);
    expect(tasks.get('spark_totals')).toMatchObject({
      disabled: true,
      action: { type: 'shell', run: expect.stringMatching(/exit 1\n$/) as unknown },
      extras: {
        dolphinscheduler: {
          code: 9100000108,
          taskType: 'SPARK',
          taskParams: { mainClass: 'com.example.Totals' },
          unsupported: 'there is no task type for SPARK yet',
        },
      },
    });
  });

  test('3.4: codes of other workflows become their names, children first', () => {
    const result = sample('3.4');
    expect(result.problems).toEqual([]);
    expect(definitionsOf(result).map(({ name, concurrency }) => [name, concurrency])).toEqual([
      ['load_stock', 'serial_wait'],
      ['stock_report', 'parallel'],
    ]);
    const tasks = tasksOf(result, 1);
    expect(tasks.get('load')?.action).toMatchObject({
      type: 'sub_workflow',
      workflow: 'load_stock',
      params: { warehouse: 'south' },
    });
    expect(tasks.get('wait_for_stock')?.action).toEqual({
      type: 'dependent',
      upstream: {
        and: [
          { workflow: 'load_stock', task: null, window: 'today' },
          { workflow: 'load_stock', task: 'show', window: 'today' },
        ],
      },
      checkIntervalMs: 10_000,
      maxWaitMs: null,
      onFailure: 'wait',
    });
    expect(tasks.get('notify')?.action).toEqual({
      type: 'http',
      method: 'POST',
      url: 'http://hooks.example/v1/stock?day=$[yyyy-MM-dd]',
      headers: { Authorization: '${secret.notify_Authorization}', 'Content-Type': 'application/json' },
      body: '{"project": "stock"}',
      expect: { status: [202], body: null },
      extract: {},
    });
    expect(tasksOf(result, 0).get('merge')?.action).toMatchObject({
      connection: 'datasource_7',
      run: "insert into stock_day select * from stock where day = ${day} and warehouse = ${warehouse} and part = '!{warehouse}'",
      preStatements: ['delete from stock_day where day = ${day}'],
      raw: { warehouse: ['north'] },
    });
    expect(JSON.stringify(result)).not.toContain('s3cr3t');
  });

  test('every field of every task is a row, a key, or kept', () => {
    for (const version of ['1.3', '2.0', '3.4']) {
      const { report } = sample(version);
      expect(report.filter(({ outcome, why }) => outcome !== 'mapped' && why === null)).toEqual([]);
      expect(new Set(report.map(({ item }) => item)).size).toBeGreaterThan(15);
    }
  });
});

describe('the shapes of a file', () => {
  const one = workflow([shell('a')]);

  test.each<[string, unknown]>([
    ['a list', [one]],
    ['one alone', one],
    ['an answer of the API', { code: 0, msg: 'success', data: one }],
    ['an answer with several', { data: [one] }],
    ['without a schedule', (({ schedule: _schedule, ...rest }) => rest)(one as { schedule: unknown })],
    [
      'in the words of processes',
      {
        processDefinition: one['workflowDefinition'],
        processTaskRelationList: [],
        taskDefinitionList: one['taskDefinitionList'],
      },
    ],
    [
      'the form that makes a workflow',
      {
        name: 'w',
        taskDefinitionJson: JSON.stringify(one['taskDefinitionList']),
        taskRelationJson: '[]',
        globalParams: '[]',
      },
    ],
    ['with a byte order mark', `\u{feff}${JSON.stringify(one)}`],
  ])('%s', (_what, value) => {
    const { workflows, problems } = importText(typeof value === 'string' ? value : JSON.stringify(value));
    expect([workflows.map(({ name }) => name), problems]).toEqual([['w'], []]);
  });

  test.each<[string, string, string]>([
    ['no JSON', '{', 'export.json is not JSON'],
    ['nothing', '[]', 'export.json holds no workflow'],
    ['a number', '[7]', 'export.json holds something that is no workflow: 7'],
    [
      'a flow of another product',
      '{"nodes": [], "name": "x"}',
      'export.json: x has no `workflowDefinition`, so it is no workflow of DolphinScheduler',
    ],
    ['no tasks', JSON.stringify(workflow([])), 'the workflow has no tasks'],
  ])('%s is a problem', (_what, source, message) => {
    const { workflows, problems } = importText(source);
    expect([workflows, problems.map((one) => one.message)]).toEqual([[], [message]]);
  });

  test('relations in a circle, and workflows that run one another, are problems that print the circle', () => {
    expect(
      importOf(
        [shell('a'), shell('b')],
        [
          [0, 1],
          [1, 0],
        ],
      ).problems,
    ).toEqual([{ item: 'w', message: 'the relations run in a circle: a → b → a' }]);
    const calls = (code: number, other: number): Written =>
      workflow([task('sub', 'SUB_WORKFLOW', { workflowDefinitionCode: other })], [], { code, name: `w${code}` });
    expect(importText(JSON.stringify([calls(1, 2), calls(2, 1)])).problems.map(({ message }) => message)).toEqual([
      'workflows run one another without end: w1 → w2 → w1',
    ]);
  });

  test('relations to nothing and to itself are reported and left out', () => {
    const result = importOf(
      [shell('a', 'true', { code: 71 }), shell('b', 'true', { code: 72 })],
      [
        [0, 0],
        [0, 1],
        [0, 1],
        [0, 5],
      ],
    );
    expect(tasksOf(result).get('b')?.needs).toEqual(['a']);
    expect(whyOf(result, 'relation 71 → 71')).toBe('a task does not wait for itself');
  });
});

describe('importing again', () => {
  const export1 = JSON.stringify([workflow([shell('a')], [], { code: 7, name: 'old name' })]);

  test('of the same file gives the same', () => {
    expect(importText(export1)).toEqual(importText(export1));
  });

  test('of a workflow that was renamed keeps the name under which its code is known', () => {
    const result = importText(export1.replace('old name', 'new name'), { known: new Map([['7', 'old_name']]) });
    expect(result.workflows.map(({ name }) => name)).toEqual(['old_name']);
    expect(result.report[0]).toMatchObject({ item: 'workflow new name', outcome: 'changed', to: 'workflow old_name' });
  });

  test('fields that change from export to export change nothing', () => {
    const at = (time: string, id: number): ImportResult =>
      importText(
        JSON.stringify([
          workflow([shell('a', 'true', { code: 5, id, createTime: time, updateTime: time, operateTime: time })], [], {
            updateTime: time,
            id,
          }),
        ]),
      );
    expect(at('2022-01-01 00:00:00', 1).workflows).toEqual(at('2025-01-01 00:00:00', 2).workflows);
  });

  test('what is not in the file is found by its code among what was imported before', () => {
    const tasks = [
      task('sub', 'SUB_PROCESS', { processDefinitionCode: 55 }),
      task('wait', 'DEPENDENT', {
        dependence: {
          dependTaskList: [{ dependItemList: [{ definitionCode: 55, depTaskCode: 0, dateValue: 'last1Days' }] }],
        },
      }),
    ];
    const known = tasksOf(importOf(tasks, [], {}, { known: new Map([['55', 'upstream']]) }));
    expect(known.get('sub')?.action).toMatchObject({ workflow: 'upstream' });
    expect(known.get('wait')?.action).toMatchObject({
      upstream: { workflow: 'upstream', task: null, window: 'last1Days' },
      onFailure: 'fail',
    });
    const alone = importOf(tasks);
    expect(tasksOf(alone).get('wait')).toMatchObject({ disabled: true, action: { type: 'shell' } });
    expect(whyOf(alone, 'task sub')).toBe('workflow 55 is not in the file: import it under the name sub');
    expect(whyOf(alone, 'task wait')).toBe(
      'it waits for workflow 55, which is not imported; import it first, or with this one',
    );
  });
});

describe('texts', () => {
  const runOf = (script: string, more: Written = {}): unknown => {
    const action = tasksOf(importOf([shell('a', script)], [], more)).get('a')?.action;
    return action?.type === 'shell' ? [action.substitution, action.run] : null;
  };

  test.each<[string, string, string, string]>([
    ['nothing to put in', 'echo hi', 'env', 'echo hi'],
    ['a name', "echo '${x}'", 'text', "echo '${x}'"],
    ['an output', "echo '${setValue(a=1)}'", 'env', "echo '${setValue(a=1)}'"],
    ['an output beside a name', "echo '${setValue(a=${x})}'", 'text', "echo '${setValue(a=${x})}'"],
    ['an output in double quotes', 'echo "#{setValue(a=1)}"', 'env', 'echo "#{setValue(a=1)}"'],
    ['built-ins', 'echo ${system.biz.date} ${system.datetime}', 'env', 'echo ${system.biz.date} ${system.datetime}'],
    [
      'names of built-ins that differ',
      'echo ${system.workflow.definition.name}',
      'env',
      'echo ${system.workflow.name}',
    ],
    ['numbers that are none here', 'echo ${system.workflow.definition.code}-${system.project.code}', 'env', 'echo 1-9'],
    [
      'a time',
      'echo $[yyyyMMdd-7*2] $[add_months(yyyyMM,-12*1)] $[HHmmss-1/24]',
      'env',
      'echo $[yyyyMMdd-7*2] $[add_months(yyyyMM,-12*1)] $[HHmmss-1/24]',
    ],
    ['a time with zeros before its days', 'echo $[yyyyMMdd-07]', 'env', 'echo $[yyyyMMdd-7]'],
    ['what is no time', 'echo $[x+1] $[1+2]', 'env', 'echo $$[x+1] $[1+2]'],
    ['a bracket that never closes', 'echo $[yyyy', 'env', 'echo $$[yyyy'],
    ['what a shell reads itself', 'echo ${x:-y} ${#a[@]} $x', 'env', 'echo ${x:-y} ${#a[@]} $x'],
    ['a brace without a name beside a name', 'echo ${x} ${', 'env', 'echo ${x} ${'],
  ])('%s', (_what, script, substitution, run) => {
    expect(runOf(script, { projectCode: 9 })).toEqual([substitution, run]);
  });

  test('what has no meaning is told of', () => {
    const result = importOf([shell('a', 'echo $[year_week(yyyy-MM-dd,5)] ${system.nothing}')]);
    expect(whyOf(result, 'expression $[year_week(yyyy-MM-dd,5)] (a)')).toMatch(/^left as it is: /);
    expect(whyOf(result, 'expression ${system.nothing} (a)')).toBe('there is no such built-in');
  });
});

describe('parameters', () => {
  test('have the type that their value has, and say what becomes of those that cannot be', () => {
    const globalParams = JSON.stringify([
      property('text', 'x'),
      property('int', '5', 'INTEGER'),
      property('zeros', '007', 'INTEGER'),
      property('big', '9007199254740993', 'LONG'),
      property('float', '1.5', 'DOUBLE'),
      property('yes', 'true', 'BOOLEAN'),
      property('empty', ''),
      property('date', '$[yyyy-MM-dd]', 'DATE'),
      property('broken', 'a ${'),
      property('db_password', 'hunter2'),
      property('PATH', '/x'),
      property('system.x', '1'),
      property('blob', 'x', 'FILE'),
    ]);
    const result = importOf([shell('a')], [], { globalParams });
    expect(
      Object.entries(definitionsOf(result)[0]?.params ?? {}).map(([name, { default: value }]) => [name, value]),
    ).toEqual([
      ['text', 'x'],
      ['int', 5],
      ['zeros', '007'],
      ['big', '9007199254740993'],
      ['float', 1.5],
      ['yes', true],
      ['empty', ''],
      ['date', '$[yyyy-MM-dd]'],
      ['broken', 'a $${'],
      ['db_password', '${secret.db_password}'],
    ]);
    expect(result.report.filter(({ outcome }) => outcome === 'unsupported').map(({ item }) => item)).toEqual([
      'global parameter PATH',
      'global parameter system.x',
      'global parameter blob',
    ]);
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  test('of a task: outputs, and names that it sees anyway', () => {
    const localParams = [
      property('out', '', 'INTEGER', 'OUT'),
      property('list', '', 'LIST', 'OUT'),
      property('region', '${region}'),
      property('from_before', ''),
      property('own', '${region}-1'),
    ];
    const result = importOf([task('a', 'SHELL', { rawScript: 'echo ${own}', localParams })]);
    expect(tasksOf(result).get('a')).toMatchObject({
      outputs: { out: { type: 'integer' }, list: { type: 'string' } },
      params: { own: '${region}-1' },
    });
    expect(Object.keys(tasksOf(result).get('a')?.params ?? {})).toEqual(['own']);
    expect(whyOf(result, 'local parameter region (a)')).toBe('a task sees it without repeating it');
  });
});

describe('keys of tasks', () => {
  test.each<[string, Written, Written]>([
    ['retries in minutes', { failRetryTimes: '3', failRetryInterval: '2' }, { retry: { max: 3, intervalMs: 120_000 } }],
    [
      'WARN',
      { timeoutFlag: 'OPEN', timeoutNotifyStrategy: 'WARN', timeout: 5 },
      { timeout: { afterMs: 300_000, action: 'warn' } },
    ],
    [
      'FAILED',
      { timeoutFlag: 'OPEN', timeoutNotifyStrategy: 'FAILED', timeout: 5 },
      { timeout: { afterMs: 300_000, action: 'fail' } },
    ],
    [
      'WARNFAILED',
      { timeoutFlag: 'OPEN', timeoutNotifyStrategy: 'WARNFAILED', timeout: 5 },
      { timeout: { afterMs: 300_000, action: 'warn_and_fail' } },
    ],
    [
      'a timeout that is closed',
      { timeoutFlag: 'CLOSE', timeoutNotifyStrategy: 'FAILED', timeout: 5 },
      { timeout: null },
    ],
    ['a delay', { delayTime: '90' }, { delayMs: 5_400_000 }],
    ['a priority', { taskPriority: 'LOWEST' }, { priority: 'lowest' }],
    ['the default worker group', { workerGroup: 'default' }, { workerGroup: null }],
    ['another worker group', { workerGroup: 'gpu' }, { workerGroup: 'gpu' }],
    ['an environment whose name was said', { environmentCode: 42 }, { environment: 'py39' }],
    [
      'a task group',
      { taskGroupId: 3, taskGroupPriority: 2 },
      { taskGroup: { name: 'group_3', weight: 1, priority: 2 } },
    ],
    ['a forbidden task', { flag: 'NO' }, { disabled: true }],
  ])('%s', (_what, more, expected) => {
    const result = importOf([shell('a', 'true', more)], [], {}, { environments: new Map([['42', 'py39']]) });
    expect(tasksOf(result).get('a')).toMatchObject(expected);
  });

  test('resources that lie beside the file come along', () => {
    const resourceList = [
      { resourceName: '/dolphinscheduler/default/resources/lib.sh' },
      { id: 3, res: 'sub/x.py' },
      { id: 9 },
      { resourceName: '../../etc/passwd' },
    ];
    const result = importOf(
      [task('a', 'SHELL', { rawScript: 'true', resourceList })],
      [],
      {},
      { hasFile: (name) => ['lib.sh', 'sub/x.py'].includes(name) },
    );
    expect(tasksOf(result).get('a')?.files).toEqual(['lib.sh', 'sub/x.py']);
    expect(result.workflows[0]?.files).toEqual(['lib.sh', 'sub/x.py']);
    expect(whyOf(result, 'resource number 9 (a)')).toBe('it is not beside the imported file');
  });

  test('limits that have no effect are told of', () => {
    const result = importOf([
      shell('a', 'true', {
        cpuQuota: 50,
        memoryMax: 100,
        isCache: 'YES',
        taskExecuteType: 'STREAM',
        environmentCode: 42,
      }),
    ]);
    expect(result.report.filter(({ outcome }) => outcome === 'unsupported').map(({ item }) => item)).toEqual(
      ['cpuQuota (a)', 'memoryMax (a)', 'isCache (a)', 'taskExecuteType STREAM (a)', 'environmentCode 42 (a)'].toSorted(
        (left, right) =>
          result.report.findIndex(({ item }) => item === left) - result.report.findIndex(({ item }) => item === right),
      ),
    );
    expect(tasksOf(result).get('a')?.extras).toMatchObject({
      dolphinscheduler: { cpuQuota: 50, isCache: 'YES', environmentCode: 42 },
    });
  });
});

describe('conditions and switches', () => {
  const [a, b, c] = [shell('a'), shell('b'), shell('c')];
  const item = (of: { code: number }, status = 'SUCCESS'): Written => ({ depTaskCode: of.code, status });
  const conditions = (dependTaskList: Written[], result: Written, relation = 'AND'): Written & { code: number } =>
    task('check', 'CONDITIONS', { dependence: { relation, dependTaskList }, conditionResult: result });
  const choose = (switchResult: Written): Written & { code: number } => task('choose', 'SWITCH', { switchResult });

  test('nested relations stay as they are, and relations that are missing are made', () => {
    const check = conditions(
      [
        { relation: 'OR', dependItemList: [item(a), item(b, 'FAILURE')] },
        { relation: 'AND', dependItemList: [item(b)] },
      ],
      { successNode: [c.code], failedNode: [] },
    );
    const result = importOf([a, b, c, check], [[0, 3]]);
    const tasks = tasksOf(result);
    expect(tasks.get('check')).toMatchObject({
      needs: ['a', 'b'],
      action: {
        when: {
          and: [
            {
              or: [
                { task: 'a', state: 'succeeded' },
                { task: 'b', state: 'failed' },
              ],
            },
            { task: 'b', state: 'succeeded' },
          ],
        },
        success: ['c'],
        failure: [],
      },
    });
    expect(tasks.get('c')?.needs).toEqual(['check']);
    expect(result.report.filter(({ item: what }) => what.startsWith('relation that was missing')).length).toBe(2);
  });

  test('a task in both branches runs either way', () => {
    const check = conditions([{ dependItemList: [item(a)] }], { successNode: [b.code, c.code], failedNode: [c.code] });
    expect(tasksOf(importOf([a, b, c, check])).get('check')?.action).toMatchObject({ success: ['b'], failure: [] });
  });

  test('one that looks at nothing, or at what comes after it, fails, so that no branch is taken', () => {
    const empty = importOf([a, conditions([], { successNode: [a.code], failedNode: [] })], [[1, 0]]);
    expect(tasksOf(empty).get('check')).toMatchObject({ disabled: false, action: { type: 'shell' } });
    expect(whyOf(empty, 'task check')).toBe('it looks at no task; it fails, so that no branch is taken');
    const after = importOf(
      [a, conditions([{ dependItemList: [item(a)] }], { successNode: [], failedNode: [] })],
      [[1, 0]],
    );
    expect(whyOf(after, 'task check')).toMatch(/^it looks at a, which runs after it/);
  });

  test('conditions of JavaScript are written as Pelorus has them', () => {
    const result = importOf([
      a,
      b,
      c,
      choose({
        dependTaskList: [
          { condition: '"${r}" === \'cn\' && ${n} > 3', nextNode: a.code },
          { condition: '${n} < 3', nextNode: [b.code] },
          { condition: '${n} < 3', nextNode: c.code },
        ],
        nextNode: c.code,
      }),
    ]);
    expect(tasksOf(result).get('choose')?.action).toEqual({
      type: 'switch',
      cases: [
        { when: '${r} == "cn" && ${n} > 3', goto: ['a'] },
        { when: '${n} < 3', goto: ['b'] },
      ],
      default: ['c'],
    });
    expect(tasksOf(result).get('a')?.needs).toEqual(['choose']);
  });

  test.each([
    ['${x}.startsWith("a")', 'cannot be read'],
    ['true', 'is always true'],
    ['1 > 2', 'is always false'],
  ])('%s: the task fails', (condition, why) => {
    const result = importOf([a, choose({ dependTaskList: [{ condition, nextNode: a.code }], nextNode: null })]);
    expect(whyOf(result, 'task choose')).toContain(why);
    expect(tasksOf(result).get('choose')).toMatchObject({
      disabled: false,
      action: { run: expect.stringMatching(/exit 1\n$/) as unknown },
    });
  });
});

describe('dependent tasks', () => {
  const wait = (dependItemList: Written[], more: Written = {}): Written & { code: number } =>
    task('wait', 'DEPENDENT', {
      dependence: {
        relation: 'OR',
        checkInterval: 30,
        failurePolicy: 'DEPENDENT_FAILURE_FAILURE',
        dependTaskList: dependItemList.map((item) => ({ relation: 'AND', dependItemList: [item] })),
        ...more,
      },
    });
  const upstream = workflow([shell('load', 'true', { code: 801 })], [], { code: 800, name: 'upstream' });
  const both = (one: Written & { code: number }): ImportResult =>
    importText(JSON.stringify([workflow([one]), upstream]));

  test('wait for workflows and tasks by name', () => {
    const result = both(
      wait([
        { definitionCode: 800, depTaskCode: -1, dateValue: 'thisMonth' },
        { definitionCode: 800, depTaskCode: 801, dateValue: 'last24Hours' },
      ]),
    );
    expect(tasksOf(result).get('wait')?.action).toEqual({
      type: 'dependent',
      upstream: {
        or: [
          { workflow: 'upstream', task: null, window: 'thisMonth' },
          { workflow: 'upstream', task: 'load', window: 'last24Hours' },
        ],
      },
      checkIntervalMs: 30_000,
      maxWaitMs: null,
      onFailure: 'fail',
    });
  });

  test.each<[Written, string]>([
    [
      { definitionCode: 1234, dateValue: 'today' },
      'it waits for workflow 1234, which is not imported; import it first, or with this one',
    ],
    [{ definitionCode: 800, dateValue: 'thisMonthEnd' }, 'there is no window `thisMonthEnd`'],
    [
      { definitionCode: 800, depTaskCode: 999, dateValue: 'today' },
      'it waits for task 999 of upstream, which is not known; import both together',
    ],
  ])('%o: disabled', (item, why) => {
    const result = both(wait([item]));
    expect(tasksOf(result).get('wait')?.disabled).toBe(true);
    expect(whyOf(result, 'w: task wait')).toBe(why);
  });
});

describe('sql and http', () => {
  test('names that data sources have can be said', () => {
    const result = importOf(
      [task('q', 'SQL', { type: 'MYSQL', datasource: 4, sql: 'select ${a}', limit: 500 })],
      [],
      {},
      { connections: new Map([['4', 'warehouse']]) },
    );
    expect(tasksOf(result).get('q')?.action).toMatchObject({ connection: 'warehouse', maxRows: 500 });
  });

  test.each([
    ['a value that is only known later', 'select !{day}', /only known when it runs/],
    ['a text that cannot be read', 'select ${', /cannot be read/],
    ['no statement', '', /no statement/],
  ])('%s: disabled', (_what, sql, why) => {
    const result = importOf([task('q', 'SQL', { datasource: 4, sql, localParams: [property('day', '$[yyyy]')] })]);
    expect(tasksOf(result).get('q')?.disabled).toBe(true);
    expect(whyOf(result, 'task q')).toMatch(why);
  });

  const http = (more: Written): ReturnType<typeof tasksOf> =>
    tasksOf(
      importOf([
        task('h', 'HTTP', {
          url: 'https://api.example/x?a=1',
          httpMethod: 'POST',
          httpCheckCondition: 'STATUS_CODE_DEFAULT',
          ...more,
        }),
      ]),
    );
  const field = (prop: string, httpParametersType: string, value: string): Written => ({
    prop,
    httpParametersType,
    value,
  });

  test('fields go to the query, the headers and the body', () => {
    expect(
      http({
        httpParams: [
          field('q', 'PARAMETER', 'ä ${x}'),
          field('X-Day', 'HEADERS', '${day}'),
          field('n', 'BODY', '${n}'),
        ],
      }).get('h')?.action,
    ).toMatchObject({
      url: 'https://api.example/x?a=1&q=%C3%A4%20${x}',
      headers: { 'X-Day': '${day}' },
      body: { n: '${n}' },
      expect: { status: [200], body: null },
    });
  });

  test.each<[Written, Written]>([
    [
      { httpCheckCondition: 'STATUS_CODE_CUSTOM', condition: '201' },
      { status: [201], body: null },
    ],
    [
      { httpCheckCondition: 'BODY_CONTAINS', condition: 'ok' },
      { status: [200], body: 'ok' },
    ],
    [
      { httpCheckCondition: 'BODY_CONTAINS', condition: 're:x.' },
      { status: [200], body: 're:re:x\\.' },
    ],
    [
      { httpCheckCondition: 'BODY_NOT_CONTAINS', condition: 'no' },
      { status: [200], body: null },
    ],
  ])('%o', (more, expected) => {
    expect(http(more).get('h')?.action).toMatchObject({ expect: expected });
  });

  test('what is no address is disabled', () => {
    expect(http({ url: 'ftp://x' }).get('h')?.disabled).toBe(true);
  });
});

describe('schedules', () => {
  const scheduled = (schedule: Written): ImportResult =>
    importOf([shell('a')], [], { schedule: { crontab: '0 0 3 * * ? *', timezoneId: 'Asia/Shanghai', ...schedule } });

  test.each<[string, Written, Written]>([
    [
      'times of instants',
      { startTime: 1_700_000_000_000, endTime: '2100-01-01T00:00:00.000+0000' },
      { start: '2023-11-14T22:13:20.000Z', end: '2100-01-01T00:00:00+00:00' },
    ],
    [
      'an end before the start',
      { startTime: '2022-01-01 00:00:00', endTime: '2021-01-01 00:00:00' },
      { start: '2022-01-01T00:00:00', end: null },
    ],
    ['a zone as an offset', { timezoneId: 'GMT+8' }, { timezone: '+08:00' }],
    ['a zone that there is not', { timezoneId: 'Mars/Olympus' }, { timezone: 'UTC' }],
  ])('%s', (_what, schedule, expected) => {
    expect(definitionsOf(scheduled(schedule))[0]?.schedule).toMatchObject({ ...expected, online: false });
  });

  test('without a time that there is, there is none', () => {
    const result = scheduled({ crontab: '0 0 0 30 2 ? *' });
    expect(definitionsOf(result)[0]?.schedule).toBe(null);
    expect(whyOf(result, 'schedule 0 0 0 30 2 ? *')).toContain('never fires');
  });

  test('a worker group is that of tasks without one', () => {
    const tasks = [shell('a'), shell('b', 'true', { workerGroup: 'gpu' })];
    const result = importOf(tasks, [], { schedule: { crontab: '0 0 3 * * ? *', workerGroup: 'etl' } });
    expect([...tasksOf(result).values()].map(({ workerGroup }) => workerGroup)).toEqual(['etl', 'gpu']);
  });
});

test('names that are none, or come twice, become names, each once', () => {
  const result = importOf([shell('a b'), shell('a_b'), shell('a b'), shell(''), shell('加载')]);
  expect([...tasksOf(result).keys()]).toEqual(['a_b_2', 'a_b', 'a_b_3', 'task', '加载']);
});

test('no file throws, and what is imported is always a definition', () => {
  const random = seeded(5);
  const sources = ['1.3', '2.0', '3.4'].map((version) =>
    readFileSync(new URL(`../../../../samples/imports/dolphinscheduler-${version}.json`, import.meta.url), 'utf8'),
  );
  const values: unknown[] = [null, 0, -1, '', 'x', [], {}, '[]', '{}', '${', '$[', true, 1e300, '\0', [null], { a: 1 }];
  for (let round = 0; round < 240; round += 1) {
    const given: unknown = JSON.parse(sources[round % sources.length] ?? '[]');
    for (let left = 3; left > 0; left -= 1) spoil(given, random, values);
    const result = importText(JSON.stringify(given));
    definitionsOf(result);
    expect(
      result.problems
        .map(({ message }) => message)
        .filter((message) => !/no tasks|circle|no workflow|unreachable|without end/.test(message)),
    ).toEqual([]);
  }
});

/** Puts something else anywhere, also into JSON inside of JSON. */
function spoil(value: unknown, random: () => number, values: unknown[]): void {
  let at = value;
  for (let depth = 0; depth < 12; depth += 1) {
    if (typeof at !== 'object' || at === null) return;
    const map = at as Record<string, unknown>;
    const keys = Object.keys(map);
    const key = keys[Math.floor(random() * keys.length)];
    if (key === undefined) return;
    const inner = map[key];
    const isText = typeof inner === 'string' && /^[[{]/.test(inner) && random() < 0.8;
    if (isText) {
      const opened: unknown = JSON.parse(inner);
      spoil(opened, random, values);
      map[key] = JSON.stringify(opened);
      return;
    }
    if (typeof inner !== 'object' || inner === null || random() < 0.1) {
      map[key] = structuredClone(values[Math.floor(random() * values.length)]);
      return;
    }
    at = inner;
  }
}
