/** Logs: how long a search, a look at the end and the first page take, what they do to others meanwhile, and what shipping costs a task. */
import type { AttemptId, AttemptSpec, MasterId, MasterToWorker, WorkerToMaster } from '@pelorus/protocol';
import { runIdOf } from '@pelorus/protocol';
import { createLogReader, type LogQuery, type LogReader } from '@pelorus/server/api';
import { openDatabaseLogs, openDirectoryLogs, startLogIntake, type LogIntake } from '@pelorus/server/logs';
import { openSqliteStore } from '@pelorus/server/store';
import { createMemoryLinkPair, startWorker } from '@pelorus/worker';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { percentile, print } from './figure.ts';

const MB = 1_000_000;
const ROUNDS = 7;
const KEY = { run: runIdOf(1), task: 0, n: 1 };
const never = new AbortController().signal;

const SEARCHES: Record<string, LogQuery> = {
  text: wanted('text', 'no line says this'),
  'text-many': wanted('text', 'task'),
  'expression-none': wanted('expression', 'ERROR|WARN'),
  'expression-some': wanted('expression', 'task \\d+99 processed'),
  'expression-all': wanted('expression', '^2026.*ok$'),
};

function wanted(kind: 'text' | 'expression', pattern: string): LogQuery {
  return { kind: 'search', from: 0, size: 100, wanted: { kind, pattern } };
}

export async function benchLogs(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'pelorus-bench-logs-'));
  try {
    await benchSearch(dir);
    await benchTail(dir);
    await benchShipping();
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function benchSearch(dir: string): Promise<void> {
  const reader = await readerOf(join(dir, 'search'), 100 * MB);
  for (const [name, query] of Object.entries(SEARCHES)) {
    const { times, delayMs, cpuMs } = await timed(reader, query, ROUNDS);
    const figure = { workload: `log-query-100mb-${name}`, store: 'directory', n: times.length };
    print({ ...figure, metric: 'total-p50', value: percentile(times, 50), unit: 'ms' });
    print({ ...figure, metric: 'total-min', value: Math.min(...times), unit: 'ms' });
    print({ ...figure, metric: 'cpu', value: cpuMs, unit: 'ms' });
    print({ ...figure, metric: 'event-loop-delay-max', value: delayMs, unit: 'ms' });
  }
  await reader.close();
}

async function benchTail(dir: string): Promise<void> {
  const folder = join(dir, 'tail');
  const reader = await readerOf(folder, 1000 * MB);
  const tail = await timed(reader, { kind: 'tail', size: 100, before: null }, ROUNDS);
  const figure = { workload: 'log-1gb', store: 'directory' };
  print({ ...figure, metric: 'tail-100-p50', value: percentile(tail.times, 50), unit: 'ms', n: tail.times.length });
  const page: LogQuery = { kind: 'lines', from: 5_000_000, size: 100 };
  const first = await timed(reader, page, 1);
  print({ ...figure, metric: 'page-and-total-first', value: percentile(first.times, 50), unit: 'ms', n: 1 });
  print({ ...figure, metric: 'event-loop-delay-max', value: first.delayMs, unit: 'ms', n: 1 });
  const later = await timed(reader, page, ROUNDS);
  print({ ...figure, metric: 'page-and-total-p50', value: percentile(later.times, 50), unit: 'ms', n: ROUNDS });
  await reader.close();
}

async function timed(
  reader: LogReader,
  query: LogQuery,
  rounds: number,
): Promise<{ times: number[]; delayMs: number; cpuMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  if (rounds > 1) await reader.read(KEY, query, null, never);
  delay.enable();
  const cpu = process.cpuUsage();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const at = performance.now();
    await reader.read(KEY, query, null, never);
    times.push(performance.now() - at);
  }
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  return { times, delayMs: delay.max / 1e6, cpuMs: (user + system) / 1000 / rounds };
}

/** A log of lines of some 77 bytes. */
async function readerOf(folder: string, bytes: number): Promise<LogReader> {
  await mkdir(join(folder, '1'), { recursive: true });
  const file = await open(join(folder, '1', '1.0.1.log'), 'w');
  for (let written = 0, n = 0; written < bytes;) {
    let text = '';
    for (const end = n + 10_000; n < end; n++)
      text += `2026-03-15T12:00:${n % 60} INFO worker-${n % 17} task ${n} processed ${(n * 7) % 1000} rows in ${n % 97} ms ok\n`;
    written += (await file.write(text)).bytesWritten;
  }
  await file.close();
  return createLogReader(openDirectoryLogs({ folder, writtenInPlace: true }));
}

const TASKS = 500;
const SHIP_ROUNDS = 5;

/** Small tasks on a worker alone, in turns without shipping and with each kind of log store that this machine has. */
async function benchShipping(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'pelorus-bench-ship-'));
  const store = await openSqliteStore(join(dir, 'store'));
  const log = { info() {}, warn() {} };
  const directory = startLogIntake({
    logs: openDirectoryLogs({ folder: join(dir, 'kept'), writtenInPlace: false }),
    log,
  });
  const database = startLogIntake({ logs: openDatabaseLogs(store), log });
  const ways: [string, LogIntake | null][] = [
    ['none', null],
    ['directory', directory],
    ['database', database],
  ];
  const figures = new Map<string, { tasks: number[]; logs: number[]; cpu: number[] }>();
  let run = 1;
  for (let round = 0; round <= SHIP_ROUNDS; round++) {
    for (const [name, intake] of ways) {
      const one = await runTasks(join(dir, `worker-${run}`), run++, intake);
      if (round === 0) continue;
      const own = figures.get(name) ?? { tasks: [], logs: [], cpu: [] };
      figures.set(name, own);
      own.tasks.push(one.tasksMs / TASKS);
      own.logs.push(one.logsMs / TASKS);
      own.cpu.push(one.cpuMs / TASKS);
    }
  }
  await Promise.all([directory.stop(), database.stop()]);
  await store.close();
  await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  for (const [name, { tasks, logs, cpu }] of figures) {
    const figure = { workload: 'ship-small-task', store: name, n: TASKS * tasks.length, unit: 'ms' };
    print({ ...figure, metric: 'task-ended-p50', value: percentile(tasks, 50) });
    if (name !== 'none') print({ ...figure, metric: 'log-stored-p50', value: percentile(logs, 50) });
    print({ ...figure, metric: 'cpu-of-this-process-p50', value: percentile(cpu, 50) });
  }
}

/** Until all have ended, and until all logs are stored; per batch. */
async function runTasks(
  dataDir: string,
  run: number,
  intake: LogIntake | null,
): Promise<{ tasksMs: number; logsMs: number; cpuMs: number }> {
  const ended = Promise.withResolvers<void>();
  const shipped = Promise.withResolvers<void>();
  const up = Promise.withResolvers<(messages: MasterToWorker[]) => void>();
  let endCount = 0;
  let shipCount = 0;
  const worker = await startWorker({
    dataDir,
    logDir: join(dataDir, 'logs'),
    name: 'bench',
    slots: 8,
    maxLoadAverage: 1e9,
    reservedMemoryBytes: 0,
    shipsLogs: intake !== null,
    log: { info() {}, warn() {}, error: (fields, message) => console.error(message, fields) },
    connect: async () => {
      const { worker: end, master } = createMemoryLinkPair();
      const send = (messages: MasterToWorker[]): void => master.send(messages);
      const hear = (message: WorkerToMaster): void => {
        if (message.kind === 'hello') {
          send([{ kind: 'welcome', master: 'm' as MasterId, version: 1, leaseMs: 60_000 }]);
          up.resolve(send);
        } else if (message.kind === 'report') {
          const { report } = message;
          if (report.kind !== 'accepted')
            send([{ kind: 'ack', attempt: report.attempt, sequence: report.sequence, verdict: 'stored' }]);
          if (report.kind === 'finished' && ++endCount === TASKS) ended.resolve();
          if (report.kind === 'finished') dispatch();
        } else if (message.kind === 'log') {
          intake?.take(message, (acknowledged) => {
            send([acknowledged]);
            if (acknowledged.ended && ++shipCount === TASKS) shipped.resolve();
          });
        }
      };
      master.onFrame((messages) => messages?.forEach(hear));
      return end;
    },
  });
  const send = await up.promise;
  let next = 0;
  const dispatch = (): void => {
    if (next < TASKS) send([{ kind: 'dispatch', spec: specOf(run, next++) }]);
  };
  const at = performance.now();
  const cpu = process.cpuUsage();
  for (let slot = 0; slot < 8; slot++) dispatch();
  await ended.promise;
  const tasksMs = performance.now() - at;
  if (intake !== null) await shipped.promise;
  const logsMs = performance.now() - at;
  const { user, system } = process.cpuUsage(cpu);
  await worker.stop({ stopTasks: true });
  return { tasksMs, logsMs, cpuMs: (user + system) / 1000 };
}

function specOf(run: number, task: number): AttemptSpec {
  return {
    attempt: `${run}.${task}.1` as AttemptId,
    project: 'p',
    workflow: 'w',
    task: 't',
    logicalDate: '2026-03-15T12:00:00Z',
    action: { type: 'shell', run: 'echo hello', file: null, shell: 'sh', substitution: 'env' },
    params: {},
    env: {},
    files: [],
    connection: null,
    outputs: {},
    killGraceMs: 1000,
    executionLeaseMs: 600_000,
  };
}
