/** `pelorus import`, as a person uses it: files into a running server, and what was imported is run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPlace, type DevProcess, type Place } from './dev-process.ts';
import { endOf, importInto } from './imports.ts';

// Each command is a process of its own, and the machine may be busy.
const SAMPLES = fileURLToPath(new URL('../../../samples/imports/', import.meta.url));
const SIGNAL = { 'msg.topic': 'a_b_c', 'msg.name': 'ready', 'query.frequency': '10000', 'only.receive.today': 'true' };

let place: Place;
let server: DevProcess;

beforeAll(async () => {
  place = await newPlace();
  server = await place.dev('--no-samples');
});
afterAll(async () => place.clear());

const imported = (...args: string[]): ReturnType<typeof importInto> => importInto(place, 'dss', ...args);

function save(name: string, value: unknown): string {
  writeFileSync(join(place.directory, name), JSON.stringify(value));
  return name;
}

const node = (id: string, jobType: string, more: object = {}): Record<string, unknown> => ({
  id,
  key: id,
  title: id,
  jobType,
  ...more,
});
const shell = (id: string, script: string): Record<string, unknown> =>
  node(id, 'linkis.shell.sh', { jobContent: { script } });
const runtime = (values: object): object => ({
  params: { variable: {}, configuration: { special: {}, runtime: values, startup: {} } },
});

/** `count` nodes in rows of ten, each after two of the row before; every one that can do something prints its name. */
function rows(prefix: string, count: number): { nodes: Record<string, unknown>[]; edges: object[] } {
  const nodes = Array.from({ length: count }, (_, index) =>
    index % 7 === 3
      ? node(`${prefix}${index}`, 'linkis.control.empty')
      : shell(`${prefix}${index}`, `echo "${prefix}${index} of \${run_date} in \${city}"`),
  );
  const edges = nodes.flatMap((_, index) =>
    index < 10
      ? []
      : [index - 10, index - 9 - (index % 10 === 9 ? 1 : 0)].map((before) => ({
          source: `${prefix}${before}`,
          target: `${prefix}${index}`,
        })),
  );
  return { nodes, edges };
}

describe('a flow of 201 nodes with subflows, and one of 124 that waits for its signal', () => {
  test('are imported, run, and reckon their dates from the logical date', async () => {
    const main = rows('m', 198);
    main.nodes.push(
      node('call_one', 'workflow.subflow', { jobContent: { embeddedFlowId: 21 } }),
      node('call_two', 'workflow.subflow', { jobContent: { embeddedFlowId: 22 } }),
      node('tell', 'linkis.appconn.eventchecker.eventsender', runtime({ ...SIGNAL, 'msg.type': 'SEND' })),
    );
    main.edges.push(
      { source: 'm197', target: 'call_one' },
      { source: 'call_one', target: 'call_two' },
      { source: 'call_two', target: 'tell' },
    );
    const child = (id: number, name: string): object => ({ id, name, flowJson: JSON.stringify(rows(`${name}_`, 12)) });
    const other = rows('o', 123);
    other.nodes.push(
      node('hear', 'linkis.appconn.eventchecker.eventreceiver', runtime({ ...SIGNAL, 'msg.type': 'RECEIVE' })),
    );
    for (let first = 0; first < 10; first++) other.edges.push({ source: 'hear', target: `o${first}` });
    const props = [{ 'user.to.proxy': 'etl' }, { city: 'Köln' }];
    const files = [
      save('main.json', {
        id: 20,
        name: 'main',
        flowJson: JSON.stringify({ ...main, props }),
        children: [child(21, 'one'), child(22, 'two')],
      }),
      save('other.json', { ...other, props }),
    ];

    const { code, answer } = await imported(...files, '--project', 'big');
    expect({
      code,
      problems: answer.problems,
      workflows: answer.workflows.map(({ name, result }) => [name, result]),
    }).toEqual({
      code: 0,
      problems: [],
      workflows: [
        ['two', 'created'],
        ['one', 'created'],
        ['main', 'created'],
        ['other', 'created'],
      ],
    });

    const at = '2020-02-29T12:00:00Z';
    const run = await server.client.runs.submit({ project: 'big', workflow: 'main', logicalDate: at });
    expect(await endOf(run.id, server)).toBe('succeeded');
    const waiting = await server.client.runs.submit({ project: 'big', workflow: 'other', logicalDate: at });
    expect(await endOf(waiting.id, server)).toBe('succeeded');

    for (const [id, count] of [
      [run.id, 201],
      [waiting.id, 124],
    ] as const)
      expect((await server.client.runs.get(id)).counts).toEqual({ succeeded: count });
    const log = await place.pelorus('logs', String(run.id), 'm0');
    expect(log.stdout).toBe('m0 of 20200228 in Köln\n');
    const children = (await server.client.runs.list({ project: 'big', limit: 20 })).items.filter(
      ({ workflow }) => workflow === 'one' || workflow === 'two',
    );
    expect(
      children.map(({ workflow, state, logicalDate }) => `${workflow} ${state} ${logicalDate}`).toSorted(),
    ).toEqual(['one succeeded 2020-02-29T12:00:00.000Z', 'two succeeded 2020-02-29T12:00:00.000Z']);
  });
});

describe('the samples', () => {
  const files = ['daily-sales.json', 'weekly-report.json'].map((name) => join(SAMPLES, name));

  test('importing again changes nothing, and writes over nothing that comes from elsewhere', async () => {
    const first = await imported(...files, '--project', 'retail');
    const second = await imported(...files, '--project', 'retail');
    expect(first.answer.workflows.map(({ result }) => result)).toEqual(['created', 'created', 'created']);
    expect(second.answer.workflows.map(({ result, version }) => [result, version])).toEqual([
      ['unchanged', 1],
      ['unchanged', 1],
      ['unchanged', 1],
    ]);

    await server.client.projects.put('mine');
    await server.client.workflows.save('mine', 'publish', {
      source: 'name: publish\ntasks: { a: { run: echo } }',
      format: 'yaml',
      files: [],
    });
    const { code, stderr } = await place.pelorus('import', 'dss', ...files, '--project', 'mine');
    expect(code).toBe(6);
    expect(stderr).toMatch(/^error: mine\/publish exists and was not imported; nothing was stored$/m);
    expect((await server.client.workflows.list({ project: 'mine' })).items.map(({ name }) => name)).toEqual([
      'publish',
    ]);
  });

  test('with --out they are files that say the same, with --dry-run only a report', async () => {
    const written = await imported(...files, '--out', 'out');
    expect(written.answer.workflows.map(({ result }) => result)).toEqual(['written', 'written', 'written']);
    expect(await place.pelorus('workflow', 'lint', 'out')).toMatchObject({ code: 0 });
    expect(readFileSync(join(place.directory, 'out/daily_sales.yaml'), 'utf8')).toMatch(/^name: daily_sales$/m);
    const table = await place.pelorus('import', 'dss', ...files, '--dry-run', '--out', 'nowhere');
    expect(table.stdout).toMatch(/^daily_sales: node aggregate +unsupported +task aggregate \(shell, disabled\)/m);
    expect(table.stdout).toMatch(/\d+ mapped, \d+ changed, \d+ unsupported\n$/);
    expect(existsSync(join(place.directory, 'nowhere'))).toBe(false);
  });
});

test('2 for what cannot be imported, with the circle printed; 5 for a file that is not there', async () => {
  const circle = {
    nodes: ['a', 'b'].map((id) => shell(id, 'true')),
    edges: [
      { source: 'a', target: 'b' },
      { source: 'b', target: 'a' },
    ],
  };
  const results = await Promise.all([
    place.pelorus('import', 'dss', save('circle.json', circle)),
    place.pelorus('import', 'dss', save('nothing.json', { tasks: [] })),
    place.pelorus('import', 'dss', 'gone.json'),
    place.pelorus('import', 'dss', 'circle.json', 'nothing.json', '--name', 'x'),
  ]);
  expect(results.map(({ code }) => code)).toEqual([2, 2, 5, 2]);
  expect(results[0]?.stderr).toMatch(/the edges run in a circle: a → b → a/);
});
