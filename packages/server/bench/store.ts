/**
 * Figures of the store, one JSON line each: `node packages/server/bench/store.ts [--only commit,submit,load,list] [--runs 1000000]`.
 * Every write is durable (fsync); the first line is what one fdatasync costs here, to compare with.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import type { Change } from '@pelorus/engine';
import { masterIdOf, runIdOf, workerIdOf } from '@pelorus/protocol';
import type { RunId } from '@pelorus/protocol';
import { openSqliteStore } from '../src/store/index.ts';
import type { Fence, NewRun, RunFilter, Store } from '../src/store/index.ts';

const { values: args } = parseArgs({
  options: {
    only: { type: 'string', default: 'commit,submit,load,list' },
    runs: { type: 'string', default: '1000000' },
  },
});
const fence: Fence = { master: masterIdOf('bench'), token: 'secret' };

const directory = mkdtempSync(join(tmpdir(), 'pelorus-bench-store-'));
try {
  measureFsync();
  for (const name of args.only.split(',')) await workload(name);
} finally {
  rmSync(directory, { recursive: true });
}

async function workload(name: string): Promise<void> {
  const path = join(directory, name);
  if (name === 'list') await fillHistory(path, Number(args.runs));
  const store = await prepared(path);
  if (name === 'commit') await measureCommits(store);
  else if (name === 'submit') await measureSubmits(store);
  else if (name === 'load') await measureLoad(store);
  else if (name === 'list') await measureLists(store, Number(args.runs));
  else throw new Error(`There is no workload '${name}'.`);
  await store.close();
}

async function prepared(path: string): Promise<Store> {
  const store = await openSqliteStore(path);
  await store.registerMaster({ id: fence.master, token: fence.token, host: 'localhost' });
  await store.ensureProject({ name: 'p', description: '', owner: 'u', at: 1 });
  await store.saveWorkflow({
    project: 'p',
    name: 'w',
    source: '',
    format: 'yaml',
    hash: 'h',
    hidden: false,
    mustBeNew: false,
    user: 'u',
    at: 1,
    files: [],
    definition: {
      name: 'w',
      project: null,
      description: '',
      labels: {},
      params: {},
      failurePolicy: 'end',
      concurrency: 'parallel',
      timeout: { afterMs: 1, action: 'fail' },
      priority: 'medium',
      parameterMode: 'strict',
      schedule: null,
      notify: { on: 'none', to: [] },
      tasks: [],
    },
  });
  return store;
}

function measureFsync(): void {
  const fd = openSync(join(directory, 'fsync'), 'w');
  const block = Buffer.alloc(8192);
  const times = Array.from({ length: 500 }, () => {
    writeSync(fd, block);
    const start = performance.now();
    fdatasyncSync(fd);
    return performance.now() - start;
  });
  closeSync(fd);
  latency('fdatasync', 'latency', times);
}

async function measureCommits(store: Store): Promise<void> {
  const { run } = await store.submitRun(newRun());
  let version = 0;
  const small = (task: number): Change[] => [taskRun(run.id, task, ++version), attempt(run.id, task, version)];
  await timed(200, () => store.commit(fence, small(0)));
  latency('commit-alone', 'latency', await timed(2000, () => store.commit(fence, small(0))));
  for (const inFlight of [32, 256]) {
    const seconds = await concurrently(20_000, inFlight, (i) => store.commit(fence, small(i % 5000)));
    emit(`commit-2-rows-${inFlight}-in-flight`, 'commits', 20_000 / seconds, '1/s', 20_000);
  }
  for (const [size, inFlight, count] of [
    [1000, 1, 100],
    [1000, 8, 100],
    [200, 8, 500],
  ] as const) {
    const batches = Array.from({ length: count }, (_, k) =>
      Array.from({ length: size / 2 }, (_, i) => small(10_000 + k * size + i)).flat(),
    );
    const cpu = process.threadCpuUsage();
    const seconds = await concurrently(count, inFlight, (k) => store.commit(fence, batches[k]!));
    const used = process.threadCpuUsage(cpu);
    emit(`commit-${size}-rows-${inFlight}-in-flight`, 'rows', (size * count) / seconds, '1/s', size * count);
    emit(
      `commit-${size}-rows-${inFlight}-in-flight`,
      'main thread',
      (used.user + used.system) / (size * count),
      'µs/row',
      size * count,
    );
  }
}

async function measureSubmits(store: Store): Promise<void> {
  latency('submit-alone', 'latency', await timed(500, () => store.submitRun(newRun())));
  const seconds = await concurrently(20_000, 100, () => store.submitRun(newRun()));
  emit('submit-100-in-flight', 'runs', 20_000 / seconds, '1/s', 20_000);
  let after = (await store.claimCommands(fence, null, 256)).at(-1)!.id;
  latency(
    'claim-256-of-20000',
    'latency',
    await timed(60, async () => {
      after = (await store.claimCommands(fence, after, 256)).at(-1)!.id;
    }),
  );
  latency('claim-none', 'latency', await timed(500, () => store.claimCommands(fence, 1e9 as typeof after, 256)));
}

/** 10,000 live runs of 10 tasks, half of which have an attempt, of a master that is gone. */
async function measureLoad(store: Store): Promise<void> {
  const runs: RunId[] = [];
  const gone: Fence = { master: masterIdOf('gone'), token: 'token' };
  await store.registerMaster({ id: gone.master, token: gone.token, host: 'localhost' });
  await concurrently(10_000, 100, async () => {
    const { run } = await store.submitRun(newRun());
    runs.push(run.id);
    const tasks = Array.from({ length: 10 }, (_, task) => [
      taskRun(run.id, task, 1),
      ...(task < 5 ? [attempt(run.id, task, 1)] : []),
    ]);
    await store.commit(gone, [begun(run.id), ...tasks.flat()]);
  });
  await store.releaseMaster(gone);
  const adoptStart = performance.now();
  let adopted = 0;
  for (let after: RunId | null = null; ;) {
    const page = await store.adoptRuns(fence, after, 500);
    if (page.length === 0) break;
    adopted += page.length;
    after = page.at(-1)!;
  }
  if (adopted !== runs.length) throw new Error(`${adopted} runs were adopted, not ${runs.length}`);
  emit('adopt-10000', 'total', performance.now() - adoptStart, 'ms', adopted);
  for (const size of [500, 10_000]) {
    const cpu = process.threadCpuUsage();
    const start = performance.now();
    for (let from = 0; from < runs.length; from += size) await store.loadRuns(runs.slice(from, from + size));
    const used = process.threadCpuUsage(cpu);
    emit(`load-10000-by-${size}`, 'total', performance.now() - start, 'ms', runs.length);
    emit(`load-10000-by-${size}`, 'main thread', (used.user + used.system) / 1000, 'ms', runs.length);
  }
  latency('load-1', 'latency', await timed(500, () => store.loadRuns([runs[0]!])));
}

/** A million runs of 200 workflows in 20 projects over a year; 1 in 50 failed, 100 not ended, 20 of them not started. */
async function fillHistory(path: string, count: number): Promise<void> {
  await (await openSqliteStore(path)).close();
  const db = new DatabaseSync(join(path, 'pelorus.db'));
  db.exec(
    `
    begin;
    insert into project (name, description, owner, created_at)
      select 'project-' || value, '', 'u', 1 from generate_series(0, 19);
    insert into workflow (project_id, name, description, version, hash, hidden, created_at, updated_at, updated_by)
      select 1 + value / 10, 'workflow-' || (value % 10), '', 1, 'h', 0, 1, 1, 'u' from generate_series(0, 199);`.replaceAll(
      /from generate_series\((\d+), (\d+)\)/g,
      'from (with recursive series(value) as (select $1 union all select value + 1 from series where value < $2) select value from series)',
    ),
  );
  const insert = db.prepare(`
    insert into run (project_id, project, workflow_id, workflow, workflow_version, submitted_at, version, state, started_at, ended_at,
      exec_type, submit_user, rerun_of, logical_at, spec)
    values (?, ?, ?, ?, 1, ?, 5, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const spec = JSON.stringify({
    execType: 'DIRECT',
    mode: 'whole',
    params: { year: '2026' },
    submitUser: 'u',
    note: 'x'.repeat(300),
  });
  const first = 1_750_000_000_000;
  const step = (365 * 86_400_000) / count;
  for (let i = 0; i < count; i++) {
    const workflow = (i * 7919) % 200;
    const submittedAt = Math.floor(first + i * step);
    const left = count - i;
    const state =
      left <= 20 ? 'queued' : left <= 100 ? 'running' : Math.imul(i, 0x9e3779b1) >>> 16 < 1311 ? 'failed' : 'succeeded';
    const project = Math.floor(workflow / 10);
    insert.run(
      1 + project,
      `project-${project}`,
      1 + workflow,
      `workflow-${workflow % 10}`,
      submittedAt,
      state,
      left <= 20 ? null : submittedAt + 50,
      left <= 100 ? null : submittedAt + 5000,
      i % 3 === 0 ? 'SCHEDULER' : i % 1000 === 1 ? 'COMPLEMENT_DATA' : 'DIRECT',
      workflow === 0 ? 'ann' : i % 2 === 0 ? 'bob' : 'u',
      i % 500 === 0 && i > 0 ? i - 1 : null,
      submittedAt - (i % 7) * 86_400_000,
      spec,
    );
  }
  db.exec('commit');
  db.close();
}

async function measureLists(store: Store, count: number): Promise<void> {
  const last = 1_750_000_000_000 + 365 * 86_400_000;
  const filters: Record<string, [filter: RunFilter, from?: number]> = {
    all: [{}],
    'all-from-10000': [{}, 10_000],
    running: [{ states: ['running'] }],
    failed: [{ states: ['failed'] }],
    'one-workflow': [{ project: 'project-3', workflow: 'workflow-4' }],
    'one-workflow-failed': [{ project: 'project-3', workflow: 'workflow-4', states: ['failed'] }],
    'project-prefix': [{ projectPrefixes: ['project-1'] }],
    'project-prefix-failed': [{ projectPrefixes: ['project-1'], states: ['failed', 'stopped'] }],
    'workflow-prefixes': [{ workflowPrefixes: ['workflow-1', 'workflow-2'] }],
    'no-match': [{ projectPrefixes: ['nowhere'] }],
    'last-day': [{ submittedFrom: last - 86_400_000 }],
    'last-90-days': [{ submittedFrom: last - 90 * 86_400_000 }],
    'one-day-long-ago': [{ submittedFrom: last - 300 * 86_400_000, submittedTo: last - 299 * 86_400_000 }],
    'one-day-long-ago-one-workflow': [
      {
        project: 'project-3',
        workflow: 'workflow-4',
        submittedFrom: last - 300 * 86_400_000,
        submittedTo: last - 299 * 86_400_000,
      },
    ],
    'half-year-failed': [
      { states: ['failed'], submittedFrom: last - 300 * 86_400_000, submittedTo: last - 120 * 86_400_000 },
    ],
    'glob-in-the-middle': [{ workflowGlob: '*low-?' }],
    'part-of-a-name-failed': [{ workflowContains: 'FLOW-3', states: ['failed'] }],
    'one-run': [{ id: runIdOf(500_000) }],
    'of-one-user': [{ submitUser: 'ann' }],
    'of-half-of-all': [{ submitUser: 'bob' }],
    'of-half-of-all-from-10000': [{ submitUser: 'bob' }, 10_000],
    'of-nobody': [{ submitUser: 'nobody' }],
    'of-half-of-all-failed': [{ submitUser: 'bob', states: ['failed'] }],
    'of-half-of-all-failed-one-workflow': [
      { submitUser: 'bob', states: ['failed'], project: 'project-3', workflow: 'workflow-4' },
    ],
    'of-half-of-all-none-such': [
      { submitUser: 'bob', workflowPrefixes: ['workflow-1', 'workflow-3'], execType: 'DIRECT' },
    ],
    backfilled: [{ execType: 'COMPLEMENT_DATA' }],
    scheduled: [{ execType: 'SCHEDULER' }],
    'scheduled-last-day': [{ execType: 'SCHEDULER', submittedFrom: last - 86_400_000 }],
    reruns: [{ rerunOf: runIdOf(499_999) }],
    'one-logical-day-long-ago': [{ logicalFrom: last - 300 * 86_400_000, logicalTo: last - 299 * 86_400_000 }],
    'logical-half-year-failed': [
      { states: ['failed'], logicalFrom: last - 300 * 86_400_000, logicalTo: last - 120 * 86_400_000 },
    ],
    'logical-half-year-long-ago': [{ logicalFrom: last - 360 * 86_400_000, logicalTo: last - 180 * 86_400_000 }],
  };
  for (const [name, [filter, from]] of Object.entries(filters)) {
    const page = await store.listRuns(filter, from ?? 0, 100);
    latency(
      `list-${count}-${name}-total-${page.total}`,
      'latency',
      await timed(60, () => store.listRuns(filter, from ?? 0, 100)),
    );
  }
}

function newRun(): NewRun {
  return {
    project: 'p',
    workflow: 'w',
    workflowVersion: null,
    execType: 'DIRECT',
    mode: 'whole',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    parent: null,
    submitUser: 'u',
    proxyUser: null,
    queue: null,
    failurePolicy: 'end',
    priority: 'medium',
    timeoutMs: 86_400_000,
    timeoutAction: 'fail',
    workerGroup: null,
    environment: null,
    dryRun: false,
    params: {},
    logicalDateAt: 1,
    zone: 'UTC',
    submittedAt: Date.now(),
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
    idempotencyKey: null,
    tasks: [],
  };
}

function begun(run: RunId): Change {
  return {
    kind: 'run',
    status: {
      run,
      version: 1,
      state: 'running',
      cause: null,
      firstFailure: null,
      waitReason: null,
      owner: null,
      startedAt: 1_750_000_000_000,
      endedAt: null,
    },
  };
}

function taskRun(run: RunId, task: number, version: number): Change {
  return {
    kind: 'task-run',
    record: {
      run: runIdOf(run),
      task,
      version,
      state: 'running',
      cause: null,
      waitReason: null,
      attempts: 1,
      retries: 0,
      wakeAt: null,
      readyAt: 1_750_000_000_000,
      startedAt: 1_750_000_000_001,
      endedAt: null,
      outputs: null,
    },
  };
}

function attempt(run: RunId, task: number, version: number): Change {
  return {
    kind: 'attempt',
    record: {
      run,
      task,
      n: 1,
      version,
      state: 'running',
      cause: null,
      worker: workerIdOf('worker-0123456789'),
      dispatchedAt: 1_750_000_000_000,
      startedAt: 1_750_000_000_001,
      endedAt: null,
      kill: null,
    },
  };
}

async function timed(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}

/** Seconds that `count` calls take with so many in flight. */
async function concurrently(
  count: number,
  inFlight: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return (performance.now() - start) / 1000;
}

function latency(workload: string, metric: string, times: number[]): void {
  times.sort((a, b) => a - b);
  for (const p of [50, 99])
    emit(workload, `${metric} p${p}`, times[Math.floor((times.length * p) / 100)]!, 'ms', times.length);
}

function emit(workload: string, metric: string, value: number, unit: string, n: number): void {
  console.log(JSON.stringify({ workload, store: 'sqlite', metric, value: Number(value.toPrecision(4)), unit, n }));
}
