import { parseDefinition, parseDefinitionValue, type TaskDefinition } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { checkDefinitionParameters, checkDefinitionTemplates } from '../parameters/check-definition.ts';
import { checkTemplate } from '../parameters/template.ts';
import { dssFlowName, importDssFiles, type DssOptions, type ImportedWorkflow, type ImportResult } from './index.ts';
import { generatedFlow } from '../../test/generated-dss.ts';
import { seeded } from '../../test/seeded.ts';

type Written = Record<string, unknown>;

const NAMED = { name: 'flow', project: 'etl', file: 'flow.json' };

/** One file alone; `name` is what its main flow becomes. */
function importDss(
  source: string,
  { name, file, ...options }: DssOptions & { name: string; file: string },
): ImportResult {
  return importDssFiles([{ source, name, file }], options);
}

function node(id: string, jobType: string, more: Written = {}): Written {
  return { id, key: id, title: id, jobType, ...more };
}

function shell(id: string, script: string, more: Written = {}): Written {
  return node(id, 'linkis.shell.sh', { jobContent: { script }, ...more });
}

function runtime(values: Written): Written {
  return { params: { variable: {}, configuration: { special: {}, runtime: values, startup: {} } } };
}

function importOf(nodes: Written[], more: Written = {}, options: Partial<DssOptions> = {}): ImportResult {
  return importDss(JSON.stringify({ nodes, edges: [], props: [], ...more }), { ...NAMED, ...options });
}

function tasksOf(workflow: ImportedWorkflow | undefined): Map<string, TaskDefinition> {
  const parsed = parseDefinition(workflow?.source ?? '', 'yaml', { checkTemplate });
  expect(parsed.problems).toEqual([]);
  return new Map(parsed.definition?.tasks.map((task) => [task.name, task]));
}

function rowOf({ report }: ImportResult, item: string): unknown {
  return report.find((row) => row.item === item);
}

describe('nodes', () => {
  test('each type of node becomes its type of task', () => {
    const result = importOf([
      shell('sh', 'echo hi'),
      node('py', 'linkis.python.python', { jobContent: { script: 'print(1)' } }),
      node('db', 'linkis.jdbc.jdbc', {
        jobContent: { script: 'select 1' },
        ...runtime({ 'wds.linkis.engine.runtime.datasource': 'sales' }),
      }),
      node('join', 'linkis.control.empty'),
      node('sub', 'workflow.subflow', { jobContent: { embeddedFlowId: 7 } }),
      node('send', 'linkis.appconn.eventchecker.eventsender'),
    ]);
    const tasks = tasksOf(result.workflows[0]);
    expect([...tasks.values()].map(({ name, disabled, action }) => [name, action.type, disabled])).toEqual([
      ['sh', 'shell', false],
      ['py', 'python', false],
      ['db', 'sql', false],
      ['join', 'virtual', false],
      ['sub', 'sub_workflow', false],
      ['send', 'virtual', false],
    ]);
    expect(tasks.get('db')?.action).toMatchObject({ connection: 'sales', run: 'select 1' });
    expect(rowOf(result, 'node sh')).toEqual({ item: 'node sh', outcome: 'mapped', to: 'task sh (shell)', why: null });
    expect(rowOf(result, 'node sub')).toMatchObject({ outcome: 'changed', why: 'import flow 7 under the name sub' });
  });

  test.each([
    'linkis.spark.sql',
    'linkis.spark.py',
    'linkis.spark.scala',
    'linkis.hive.hql',
    'linkis.appconn.qualitis',
    'linkis.appjoint.sendemail',
    '',
  ])('%s is kept, disabled, and fails when it is enabled as it is', (jobType) => {
    const result = importOf([node('x', jobType, { jobContent: { script: 'select ${run_date}' } })]);
    const task = tasksOf(result.workflows[0]).get('x');
    expect(task).toMatchObject({
      disabled: true,
      action: { type: 'shell' },
      extras: { dss: { script: 'select ${run_date}' } },
    });
    expect(task?.action).toMatchObject({ run: expect.stringMatching(/exit 1\n$/) as unknown });
    expect(rowOf(result, 'node x')).toMatchObject({ outcome: 'unsupported', to: 'task x (shell, disabled)' });
  });

  test('ids, type, creator, layout and settings stay in extras; secrets do not', () => {
    const written = shell('a', 'true', {
      creator: 'ann',
      layout: { x: 1, y: 2, width: 3, height: 4 },
      ...runtime({ 'wds.linkis.rm.yarnqueue': 'q', 'jdbc.password': 'hunter2' }),
    });
    const result = importOf([written]);
    const extras = tasksOf(result.workflows[0]).get('a')?.extras as { dss: Written };
    expect(extras.dss).toEqual({
      ...written,
      params: {
        variable: {},
        configuration: {
          special: {},
          runtime: { 'wds.linkis.rm.yarnqueue': 'q', 'jdbc.password': '***' },
          startup: {},
        },
      },
    });
    expect(JSON.stringify(result)).not.toContain('hunter2');
    expect(rowOf(result, 'setting runtime.wds.linkis.rm.yarnqueue (a)')).toMatchObject({ outcome: 'unsupported' });
    expect(rowOf(result, 'secret jdbc.password (a)')).toMatchObject({ outcome: 'unsupported' });
  });

  test('`auto.disabled` and retries keep their meaning', () => {
    const result = importOf([
      shell('a', 'true', { params: { configuration: { special: { 'auto.disabled': 'true' } } } }),
      shell('b', 'true', {
        params: { configuration: { runtime: { 'job.failed.retry.count': '3', 'job.failed.retry.interval': '5000' } } },
      }),
    ]);
    const tasks = tasksOf(result.workflows[0]);
    expect(tasks.get('a')?.disabled).toBe(true);
    expect(tasks.get('b')?.retry).toMatchObject({ max: 3, intervalMs: 5000 });
  });

  test('titles become names, each once; good ones stay', () => {
    const titles = ['a b', 'load', 'load', '数据 1', 'a_b', '', '9', '__proto__', 'x'.repeat(80)];
    const result = importOf(titles.map((title, index) => shell(`n${index}`, 'true', { title })));
    expect([...tasksOf(result.workflows[0]).keys()]).toEqual([
      'a_b_2',
      'load',
      'load_2',
      '数据_1',
      'a_b',
      'task',
      '_9',
      '_proto_',
      'x'.repeat(63),
    ]);
    expect(rowOf(result, 'node a b')).toMatchObject({ outcome: 'changed', to: 'task a_b_2 (shell)' });
    expect(rowOf(result, 'node a_b')).toMatchObject({ outcome: 'mapped' });
  });
});

describe('scripts', () => {
  const file = {
    resources: [{ fileName: '6248.sh', resourceId: 'r', version: 'v000003' }],
    jobContent: { script: '6248.sh' },
  };

  test('a script that lies on the server is taken from beside the import', () => {
    const result = importOf(
      [node('a', 'linkis.shell.sh', file)],
      {},
      { readFile: (name) => (name === '6248.sh' ? 'echo ${run_date}' : null) },
    );
    expect(tasksOf(result.workflows[0]).get('a')?.action).toMatchObject({ run: 'echo $[yyyyMMdd-1]' });
    expect(rowOf(result, 'node a')).toMatchObject({ outcome: 'mapped', why: 'its script was read from 6248.sh' });
  });

  test('a script that is nowhere leaves a disabled task that says so', () => {
    const result = importOf([node('a', 'linkis.shell.sh', file)]);
    expect(tasksOf(result.workflows[0]).get('a')).toMatchObject({
      disabled: true,
      extras: { dss: { scriptFile: '6248.sh' } },
    });
    expect(rowOf(result, 'node a')).toMatchObject({
      outcome: 'unsupported',
      why: 'its script 6248.sh is not in the file, nor beside it',
    });
  });

  test('values are put into the text only where the text refers to names', () => {
    const tasks = tasksOf(
      importOf([shell('plain', 'echo ${run_date} $HOME'), shell('named', 'echo ${city}')], {
        props: [{ city: 'Köln' }],
      }).workflows[0],
    );
    expect(tasks.get('plain')?.action).toMatchObject({ substitution: 'env', run: 'echo $[yyyyMMdd-1] $HOME' });
    expect(tasks.get('named')?.action).toMatchObject({ substitution: 'text', run: 'echo ${city}' });
  });

  test('in SQL a fixed value still goes into the text, and only that value', () => {
    const sql = node('a', 'linkis.jdbc.jdbc', {
      jobContent: { script: "select * from ${table} where d='${run_date}' and c=${other}" },
    });
    const result = importOf([sql], { props: [{ table: 'sales' }] });
    expect(tasksOf(result.workflows[0]).get('a')?.action).toMatchObject({
      run: "select * from !{table} where d='$[yyyyMMdd-1]' and c=${other}",
      raw: { table: ['sales'] },
    });
    expect(rowOf(result, 'node a')).toMatchObject({ outcome: 'changed' });
  });

  test('other files of a node come along when they are there', () => {
    const resources = ['lib.py', '../secret', 'gone.txt'].map((fileName) => ({
      fileName,
      resourceId: 'r',
      version: 'v',
    }));
    const result = importOf(
      [shell('a', 'python3 lib.py', { resources })],
      {},
      { hasFile: (name) => name === 'lib.py' || name === '../secret' },
    );
    expect(result.workflows[0]?.files).toEqual(['lib.py']);
    expect(rowOf(result, 'resource gone.txt (a)')).toMatchObject({ outcome: 'unsupported' });
    expect(rowOf(result, 'resource ../secret (a)')).toMatchObject({ outcome: 'unsupported' });
  });
});

describe('variables', () => {
  test('properties of the flow are parameters; the user to run as is not followed', () => {
    const result = importOf([shell('a', 'true')], {
      props: [{ 'user.to.proxy': 'hadoop' }, { city: 'Köln' }, { from: '${run_date-7}' }, { PATH: '/tmp' }],
    });
    expect(result.workflows[0]?.definition).toMatchObject({
      parameterMode: 'lenient',
      params: { city: 'Köln', from: '$[yyyyMMdd-8]' },
      labels: { 'dss.user.to.proxy': 'hadoop' },
    });
    expect(rowOf(result, 'prop user.to.proxy')).toMatchObject({ outcome: 'unsupported' });
    expect(rowOf(result, 'prop from')).toMatchObject({ outcome: 'changed' });
    expect(rowOf(result, 'prop PATH')).toMatchObject({ outcome: 'unsupported' });
  });

  test('the variables of a node, and `@set` lines over them, are parameters of the task', () => {
    const result = importOf([shell('a', '#@set n=2\necho ${n*10}', { params: { variable: { n: '1', m: 'x' } } })], {
      props: [{ n: '0' }],
    });
    const task = tasksOf(result.workflows[0]).get('a');
    expect(task?.params).toEqual({ n: '2', m: 'x' });
    expect(task?.action).toMatchObject({ run: '#@set n=2\necho 20' });
  });

  test('a date that the flow fixes becomes constants, and children are told apart', () => {
    const child = { id: 2, name: 'child', flowJson: { nodes: [shell('c', 'echo ${run_date}')], edges: [] } };
    const parent = {
      id: 1,
      name: 'parent',
      children: [child],
      flowJson: {
        nodes: [shell('p', 'echo ${run_today}'), node('s', 'workflow.subflow', { jobContent: { embeddedFlowId: 2 } })],
        edges: [],
        props: [{ run_date: '20200228' }],
      },
    };
    const result = importDss(JSON.stringify(parent), NAMED);
    const [first, second] = result.workflows.map(tasksOf);
    expect(first?.get('c')?.action).toMatchObject({ run: 'echo $[yyyyMMdd-1]' });
    expect(second?.get('p')?.action).toMatchObject({ run: 'echo 20200229' });
    expect(rowOf(result, 'flow: run_date for child')).toMatchObject({ outcome: 'unsupported' });
  });
});

describe('edges', () => {
  const nodes = ['a', 'b', 'c'].map((id) => shell(id, 'true'));

  test('are predecessors; edges to nothing and repeated ones are reported', () => {
    const edges = [
      { source: 'a', target: 'b' },
      { source: 'a', target: 'b' },
      { source: 'b', target: 'c', sourceLocation: 'bottom' },
      { source: 'gone', target: 'c' },
      { source: 'a', target: 'gone' },
    ];
    const result = importOf(nodes, { edges });
    expect([...tasksOf(result.workflows[0]).values()].map(({ needs }) => needs)).toEqual([[], ['a'], ['b']]);
    expect(result.report.filter(({ item }) => item.includes('edge'))).toEqual(
      [
        { item: 'edge gone → c', outcome: 'unsupported', to: null, why: 'it begins at a node that there is not' },
        { item: 'edge a → gone', outcome: 'unsupported', to: null, why: 'it ends at a node that there is not' },
        { item: '2 edges', outcome: 'mapped', to: 'needs', why: null },
        {
          item: 'edge fields sourceLocation',
          outcome: 'unsupported',
          to: null,
          why: 'only drawn; the graph is laid out anew',
        },
        { item: 'edge that is there twice (b)', outcome: 'mapped', to: 'needs', why: 'once is enough' },
      ].toSorted((left, right) => positionOf(result, left.item) - positionOf(result, right.item)),
    );
  });

  test('a circle is printed and refused', () => {
    const edges = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ].map(([source, target]) => ({ source, target }));
    const { workflows, problems } = importOf(nodes, { edges });
    expect({ workflows, problems }).toEqual({
      workflows: [],
      problems: [{ item: 'flow', message: 'the edges run in a circle: a → b → c → a' }],
    });
  });

  function positionOf({ report }: ImportResult, item: string): number {
    return report.findIndex((row) => row.item === item);
  }
});

describe('flows of flows', () => {
  const sub = (id: string, embeddedFlowId: unknown): Written =>
    node(id, 'workflow.subflow', { jobContent: { embeddedFlowId } });

  test('children are saved before their parent, under their own names', () => {
    const file = {
      data: {
        flow: {
          id: 10,
          name: 'main',
          flowJson: JSON.stringify({ nodes: [sub('first', 11.0), sub('second', '12')], edges: [] }),
          children: [
            {
              id: 12,
              name: 'zwei',
              flowJson: JSON.stringify({ nodes: [sub('deep', 13)], edges: [] }),
              children: [{ id: 13, name: 'drei', flowJson: { nodes: [shell('x', 'true')] } }],
            },
            { id: 11, name: 'eins', flowJson: { nodes: [] } },
          ],
        },
      },
    };
    const result = importDss(JSON.stringify(file), { ...NAMED, name: 'top' });
    expect(result.problems).toEqual([]);
    const names = result.workflows.map(({ name }) => name);
    expect(names.toSorted()).toEqual(['drei', 'eins', 'top', 'zwei']);
    expect(names.indexOf('drei')).toBeLessThan(names.indexOf('zwei'));
    expect(names.at(-1)).toBe('top');
    const top = tasksOf(result.workflows.at(-1));
    expect([...top.values()].map(({ action }) => action)).toMatchObject([{ workflow: 'eins' }, { workflow: 'zwei' }]);
    expect(rowOf(result, 'eins: a flow without nodes')).toMatchObject({ to: 'task empty (virtual)' });
    expect(dssFlowName(JSON.stringify(file))).toBe('main');
  });

  test('several files are one import; a flow is also found by its name', () => {
    const sources = [
      { file: 'a.json', name: 'a', source: JSON.stringify({ nodes: [sub('b', 99)], edges: [] }) },
      { file: 'b.json', name: 'b', source: JSON.stringify({ nodes: [shell('x', 'true')], edges: [] }) },
    ];
    const result = importDssFiles(sources, { project: null });
    expect(result.workflows.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(rowOf(result, 'a: node b')).toMatchObject({ outcome: 'changed', why: 'its flow was found by its name' });
  });

  test('flows that run one another are refused, and so are files without flows', () => {
    const list = [
      { id: 1, name: 'a', flowJson: { nodes: [sub('to_b', 2)] } },
      { id: 2, name: 'b', flowJson: { nodes: [sub('to_a', 1)] } },
    ];
    expect(importDss(JSON.stringify(list), NAMED).problems).toEqual([
      { item: 'flow', message: 'flows run one another without end: flow → b → flow' },
    ]);
    for (const source of [
      '',
      '{',
      'null',
      '[]',
      '{}',
      '3',
      '"x"',
      '{"name":"x"}',
      '[[[{}]]]',
      '{"nodes":[],"edges":[]}',
    ])
      expect(importDss(source, NAMED)).toMatchObject({ workflows: [], problems: [{}] });
  });
});

describe('signals', () => {
  const signal = { 'msg.topic': 'bdp_tac_test', 'msg.name': 'ready' };
  const sender = node(
    'tell',
    'linkis.appconn.eventchecker.eventsender',
    runtime({ ...signal, 'msg.type': 'SEND', 'msg.sender': 'p@f@j', 'msg.body': 'x' }),
  );
  const receiver = node(
    'hear',
    'linkis.appconn.eventchecker.eventreceiver',
    runtime({
      ...signal,
      'msg.type': 'RECEIVE',
      'max.receive.hours': '2.5',
      'query.frequency': '60000',
      'only.receive.today': 'true',
      'msg.savekey': 'body',
    }),
  );

  function twoFlows(first: Written[], second: Written[]): ImportResult {
    const file = (name: string, nodes: Written[]) => ({
      file: `${name}.json`,
      name,
      source: JSON.stringify({ nodes, edges: [] }),
    });
    return importDssFiles([file('one', first), file('two', second)], { project: 'etl' });
  }

  test('a receiver waits for the task that sends, in whatever flow', () => {
    const result = twoFlows([sender], [receiver]);
    expect(tasksOf(result.workflows[1]).get('hear')?.action).toEqual({
      type: 'dependent',
      upstream: { or: [{ workflow: 'one', task: 'tell', window: 'today' }] },
      checkIntervalMs: 60_000,
      maxWaitMs: 9_000_000,
      onFailure: 'wait',
    });
    expect(tasksOf(result.workflows[0]).get('tell')).toMatchObject({
      action: { type: 'virtual' },
      extras: { dss: { event: { ...signal, 'msg.type': 'SEND', 'msg.sender': 'p@f@j', 'msg.body': 'x' } } },
    });
    expect(rowOf(result, 'two: node hear')).toMatchObject({
      outcome: 'changed',
      why: 'it waits for one/tell to succeed; the content of the message (`msg.savekey`) does not arrive',
    });
  });

  test('inside one flow the sender is a predecessor', () => {
    const result = importOf([receiver, sender]);
    expect(tasksOf(result.workflows[0]).get('hear')).toMatchObject({ needs: ['tell'], action: { type: 'virtual' } });
  });

  test('a receiver before its only sender, and one without any, wait for nobody and are disabled', () => {
    const before = importOf([receiver, sender], { edges: [{ source: 'hear', target: 'tell' }] });
    expect(tasksOf(before.workflows[0]).get('hear')).toMatchObject({ disabled: true, needs: [] });
    const alone = importOf([receiver]);
    expect(tasksOf(alone.workflows[0]).get('hear')).toMatchObject({ disabled: true });
    expect(rowOf(alone, 'node hear')).toMatchObject({
      outcome: 'unsupported',
      why: 'nobody that was imported sends `ready` on `bdp_tac_test`',
    });
  });

  test('a data checker waits for the imported workflow that it names, or is disabled', () => {
    const checker = (id: string, desc: string): Written =>
      node(
        id,
        'linkis.appconn.datachecker',
        runtime({ 'check.object': 'db.sales{ds=1}', 'job.desc': desc, 'max.check.hours': '1' }),
      );
    const result = twoFlows([shell('x', 'true')], [checker('known', 'source: one;'), checker('unknown', 'elsewhere')]);
    const tasks = tasksOf(result.workflows[1]);
    expect(tasks.get('known')?.action).toMatchObject({
      type: 'dependent',
      upstream: { and: [{ workflow: 'one', task: null, window: 'today' }] },
    });
    expect(tasks.get('unknown')).toMatchObject({ disabled: true });
  });
});

test('everything that stands at the flow is a label or a row that says why not', () => {
  const contextID = '{"type":"HAWorkFlowContextID","value":"{\\"project\\":\\"p\\",\\"flow\\":\\"f\\"}"}';
  const result = importOf([shell('a', 'true')], {
    type: 'flow',
    updateTime: 5,
    contextID,
    comment: 'x'.repeat(2000),
    resources: [{ fileName: 'a' }],
    scheduleParams: { proxyuser: 'h' },
    odd: {},
  });
  expect(result.workflows[0]?.definition['labels']).toEqual({
    'dss.file': 'flow.json',
    'dss.flow': 'f',
    'dss.project': 'p',
    'dss.type': 'flow',
    'dss.updateTime': '5',
    'dss.contextId': contextID,
    'dss.resources': '[{"fileName":"a"}]',
    'dss.scheduleParams': '{"proxyuser":"h"}',
  });
  const fields = result.report
    .filter(({ item }) => item.startsWith('field '))
    .map(({ item, outcome }) => `${item} ${outcome}`);
  expect(fields).toEqual([
    'field type mapped',
    'field updateTime mapped',
    'field contextID mapped',
    'field comment unsupported',
    'field resources unsupported',
    'field scheduleParams unsupported',
    'field odd mapped',
  ]);
});

describe('any file', () => {
  test.each(Array.from({ length: 8 }, (_, seed) => seed))(
    'number %i that was generated becomes definitions without a problem',
    (seed) => {
      const count = 1 + Math.floor(seeded(seed + 1000)() * 300);
      const child = generatedFlow(seed * 2 + 1, { id: 2, name: 'child', count: 20, children: [] });
      const main = {
        ...generatedFlow(seed * 2, { id: 1, name: 'weird name ☃', count, children: [2] }),
        children: [child],
      };
      const source = JSON.stringify(main);
      const result = importDss(source, NAMED);
      expect(result.problems).toEqual([]);
      expect(result.workflows).toHaveLength(2);
      expect(importDss(source, NAMED)).toEqual(result);
      for (const workflow of result.workflows) {
        const options = { checkTemplate };
        const parsed = parseDefinition(workflow.source, 'yaml', options);
        expect(parsed.problems).toEqual([]);
        expect(parsed.definition).toEqual(parseDefinitionValue(workflow.definition, options).definition);
        if (parsed.definition === null) throw new Error('no definition');
        expect([
          ...checkDefinitionTemplates(parsed.definition),
          ...checkDefinitionParameters(parsed.definition),
        ]).toEqual([]);
      }
      const nodes = (JSON.parse(main.flowJson) as { nodes: unknown[] }).nodes.length;
      expect(
        result.report.filter(({ item }) => item.startsWith('flow: node ') && !item.startsWith('flow: node field')),
      ).toHaveLength(nodes);
      expect(Object.keys(result.workflows[1]?.definition['tasks'] as object)).toHaveLength(nodes);
    },
  );

  test('never throws, whatever the JSON is', () => {
    const random = seeded(7);
    const whole = JSON.stringify({
      ...generatedFlow(3, { id: 1, name: 'x', count: 12, children: [2] }),
      children: [generatedFlow(4, { id: 2, name: 'y', count: 3, children: [1] })],
    });
    const strange: unknown[] = [null, 0, '', 'x', [], {}, [[]], [null], { nodes: 3 }, true, -1e308, '{"nodes":[null]}'];
    for (let round = 0; round < 60; round++) {
      const mutated = JSON.stringify(mutate(JSON.parse(whole), random, strange));
      expect(Array.isArray(importDss(mutated, NAMED).report)).toBe(true);
      expect(Array.isArray(importDss(whole.slice(0, Math.floor(random() * whole.length)), NAMED).problems)).toBe(true);
    }
    for (const open of ['[', '{"a":', '{"nodes":[', '{"children":[']) importDss(open.repeat(100_000), NAMED);
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(importOf([shell('a', 'true', { layout: JSON.parse(deep) })]).problems).toEqual([]);
    expect(importOf([shell('a', 'true', { params: { variable: { x: JSON.parse(deep) } } })]).problems).toEqual([]);
  });

  test('a flow of 5,000 nodes in one chain does not recurse', () => {
    const nodes = Array.from({ length: 5000 }, (_, index) => shell(`n${index}`, 'true'));
    const edges = nodes.slice(1).map((_, index) => ({ source: `n${index + 1}`, target: `n${index}` }));
    expect(importOf(nodes, { edges }).problems).toEqual([]);
    const closed = importOf(nodes, { edges: [...edges, { source: 'n0', target: 'n4999' }] });
    expect(closed.problems[0]?.message).toMatch(/^the edges run in a circle: /);
  });
});

/** One or more values somewhere in the tree replaced. */
function mutate(value: unknown, random: () => number, strange: unknown[]): unknown {
  if (random() < 0.02) return strange[Math.floor(random() * strange.length)];
  if (typeof value === 'string' && value.startsWith('{') && random() < 0.9)
    return JSON.stringify(mutate(JSON.parse(value), random, strange));
  if (Array.isArray(value)) return value.map((item: unknown) => mutate(item, random, strange));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [key, mutate(item, random, strange)]),
  );
}
