/**
 * Lists over a million runs and the detail of a run of 1,000 tasks, over HTTP, while the master works at full rate in the same
 * process. The client is a process of its own, so that what it does is not measured.
 */
import { API_BASE } from '@pelorus/protocol';
import { createApi, createRunHints } from '@pelorus/server/api';
import { openDirectoryLogs } from '@pelorus/server/logs';
import { openSqliteStore, type Store } from '@pelorus/server/store';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { percentile, print } from './figure.ts';
import { newRun, openHarness, type Harness } from './harness.ts';
import { chain, fan } from './workflows.ts';

/** What the client is sent: what to ask, and how often; `pages`: follow the cursor instead of asking for the same again. */
export interface Scenario {
  name: string;
  path: string;
  requests: number;
  pages: boolean;
}
export interface Measured {
  name: string;
  /** Milliseconds until the whole answer was there. */
  latencies: number[];
  bytes: number;
}

const RUNS = 1_000_000;
/** The newest runs have rows of their tasks. */
const WITH_TASKS = 50_000;
const REQUESTS = 100;
const IN_FLIGHT = 100;

export async function benchLists(store: string): Promise<void> {
  const hints = createRunHints();
  const harness = await openHarness(200, { fill: fillHistory, onCommitted: hints.committed });
  const app = createApi({
    store: harness.store,
    logs: openDirectoryLogs({ folder: '/nowhere', writtenInPlace: true }),
    hints: { commandWritten: () => harness.master.commandHint(), runsChanged: hints.subscribe },
    clock: Date.now,
    log: { info() {}, warn() {}, error: (fields, event) => console.error(event, fields) },
    version: 'bench',
    storeKind: store,
    user: 'admin',
  });
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 });
  const [wide, work] = [fan(998), chain(10)];
  await harness.save(wide);
  await harness.save(work);
  const run = await harness.submit(wide.name);
  await harness.ended(run);

  const report = { workload: `lists-${RUNS}`, store };
  const alone = await rateOf(harness, work.name, new Promise((resolve) => setTimeout(resolve, 10_000)));
  print({ ...report, metric: 'tasks-alone', value: alone * work.tasks.length, unit: '1/s', n: 1 });
  const tell = ({ name, latencies, bytes }: Measured): void => {
    const figure = { ...report, n: latencies.length };
    print({ ...figure, metric: `${name} p50`, value: percentile(latencies, 50), unit: 'ms' });
    print({ ...figure, metric: `${name} p99`, value: percentile(latencies, 99), unit: 'ms' });
    print({ ...figure, metric: `${name} size`, value: bytes / 1024, unit: 'KiB' });
  };
  const beside = await rateOf(harness, work.name, ask(baseUrl, scenarios(run), tell));
  print({ ...report, metric: 'tasks-while-lists-are-read', value: beside * work.tasks.length, unit: '1/s', n: 1 });
  await app.close();
  await harness.close();
}

function scenarios(wide: number): Scenario[] {
  const since = 'submittedAfter=2020-01-01T00:00:00Z';
  const json = (value: unknown): string => encodeURIComponent(JSON.stringify(value));
  const paths: Record<string, string> = {
    'executors newest': '/executors',
    'executors prefix': `/executors?projectName=${json(['project-1'])}`,
    'executors prefix failed': `/executors?projectName=${json(['project-1'])}&status=${json([6])}`,
    'executors two prefixes, three states': `/executors?workflowName=${json(['workflow-1', 'workflow-3'])}&status=${json([3, 5, 6])}`,
    'executors from 10000': '/executors?from=10000&size=100',
    'executors 1000 at once': '/executors?size=1000',
    'runs last 7 days': '/runs',
    'runs ever': `/runs?${since}`,
    'runs failed of a project': `/runs?project=project-3&state=failed&${since}`,
    'runs of workflows by prefix': `/runs?workflow=workflow-1*&${since}`,
    'runs in progress': '/runs?state=running&state=queued&limit=100',
    'runs of one day long ago': '/runs?submittedAfter=2025-09-01T00:00:00Z&submittedBefore=2025-09-02T00:00:00Z',
    'run of 1000 tasks': `/runs/${wide}`,
    'tasks of a run of 1000': `/runs/${wide}/tasks`,
    'execution of 1000 nodes': `/executors/${wide}`,
    'live query of 1000 tasks': `/runs/${wide}/live`,
  };
  return [
    ...Object.entries(paths).map(([name, path]) => ({ name, path, requests: REQUESTS, pages: false })),
    { name: 'runs by cursor, 200 pages deep', path: `/runs?limit=100&${since}`, requests: 200, pages: true },
    {
      name: 'failed runs by cursor, 100 pages deep',
      path: `/runs?limit=100&state=failed&${since}`,
      requests: 100,
      pages: true,
    },
  ];
}

/** Runs a second while `until` is pending. */
async function rateOf(harness: Harness, workflow: string, until: Promise<unknown>): Promise<number> {
  let over = false;
  let ended = 0;
  void until.finally(() => (over = true));
  const at = performance.now();
  const lane = async (): Promise<void> => {
    while (!over) {
      await harness.ended(await harness.submit(workflow));
      if (!over) ended += 1;
    }
  };
  const lanes = Array.from({ length: IN_FLIGHT }, lane);
  await until;
  const seconds = (performance.now() - at) / 1000;
  await Promise.all(lanes);
  return ended / seconds;
}

/** Resolves when the client has nothing more to ask. */
async function ask(baseUrl: string, wanted: Scenario[], tell: (measured: Measured) => void): Promise<void> {
  const client = fork(fileURLToPath(new URL('./http-client.ts', import.meta.url)), [baseUrl + API_BASE]);
  client.on('message', (measured: Measured) => tell(measured));
  const over = once(client, 'exit');
  client.send(wanted);
  await over;
}

/** A million runs of 200 workflows in 20 projects over the last year; 1 in 50 failed. */
async function fillHistory(directory: string): Promise<void> {
  const store = await openSqliteStore(directory);
  const workflows = await saveWorkflows(store);
  const { run } = await store.submitRun({ ...newRun('workflow-0'), project: 'project-0' });
  await store.close();
  const db = new DatabaseSync(join(directory, 'pelorus.db'));
  db.exec('begin');
  const spec = db.prepare('select spec from run where id = ?').get(run.id)!['spec'] as string;
  db.exec("update run set state = 'stopped'; update command set done_at = 1");
  const insert = db.prepare(`
    insert into run (project_id, project, workflow_id, workflow, workflow_version, submitted_at, logical_at, version, state, started_at,
      ended_at, spec) values (?, ?, ?, ?, 1, ?, ?, 25, ?, ?, ?, ?) returning id`);
  const insertTask = db.prepare(`
    insert into task_run (run_id, task, version, state, attempts, retries, started_at, ended_at) values (?, ?, ?, 'succeeded', 1, 0, ?, ?)`);
  const now = Date.now();
  const step = (365 * 86_400_000) / RUNS;
  for (let i = 0; i < RUNS; i++) {
    const of = workflows[(i * 7919) % workflows.length]!;
    const at = Math.floor(now - (RUNS - i) * step);
    const state = Math.imul(i, 0x9e3779b1) >>> 16 < 1311 ? 'failed' : 'succeeded';
    const row = insert.get(of.projectId, of.project, of.id, of.name, at, at, state, at + 50, at + 5000, spec)!;
    if (RUNS - i > WITH_TASKS) continue;
    for (let task = 0; task < 10; task++) insertTask.run(row['id'] as number, task, task + 2, at + 60, at + 90);
  }
  db.exec('commit');
  db.close();
}

async function saveWorkflows(
  store: Store,
): Promise<{ id: number; name: string; project: string; projectId: number }[]> {
  const definition = chain(10);
  const saved: { id: number; name: string; project: string; projectId: number }[] = [];
  for (let index = 0; index < 200; index++) {
    const project = `project-${Math.floor(index / 10)}`;
    const name = `workflow-${index % 10}`;
    const at = Date.now();
    if (index % 10 === 0) await store.ensureProject({ name: project, description: '', owner: 'bench', at });
    const { workflow } = await store.saveWorkflow({
      project,
      name,
      definition: { ...definition, name },
      files: [],
      source: '',
      format: 'json',
      hash: 'h',
      hidden: false,
      mustBeNew: false,
      user: 'bench',
      at,
    });
    saved.push(workflow);
  }
  return saved;
}
