/** A worker on scratch directories with a master that a test plays by hand. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  AttemptId,
  AttemptReport,
  AttemptSpec,
  Cause,
  MasterId,
  MasterLink,
  TaskAction,
  WorkerToMaster,
} from '@pelorus/protocol';
import { WORKER_CORE_LIMITS } from '../src/core.ts';
import { attemptLogPath, createMemoryLinkPair, startWorker, type Worker, type WorkerOptions } from '../src/index.ts';

export const attemptOf = (text: string): AttemptId => text as AttemptId;

export function specOf(attempt: string, action: TaskAction, more: Partial<AttemptSpec> = {}): AttemptSpec {
  return {
    attempt: attemptOf(attempt),
    project: 'p',
    workflow: 'w',
    task: 't',
    logicalDate: '2024-03-15T13:45:00Z',
    action,
    params: {},
    env: {},
    files: [],
    connection: null,
    outputs: {},
    killGraceMs: 1000,
    executionLeaseMs: 60_000,
    ...more,
  };
}

export const shell = (run: string, options: { file?: string; shell?: string } = {}): TaskAction => ({
  type: 'shell',
  run: options.file === undefined ? run : null,
  file: options.file ?? null,
  shell: options.shell ?? 'sh',
  substitution: 'env',
});
export const script = (run: string): TaskAction => ({ type: 'script', run, file: null });

/** What a shell task says to wait for a file that its test makes, so that it goes on when the test wants it to, and not after so many seconds. */
export const untilThere = (path: string): string => `while [ ! -e "${path}" ]; do sleep 0.05; done`;
/** The same in a script task. */
export const scriptUntilThere = (path: string): string =>
  `while (!(await import('node:fs')).existsSync('${path}')) await new Promise((r) => setTimeout(r, 20));`;

/** A directory of this test's own, removed by {@link Scratch.remove}. */
export class Scratch {
  readonly dir = mkdtempSync(join(tmpdir(), 'pelorus-worker-'));
  readonly dataDir = join(this.dir, 'data');
  readonly logDir = join(this.dir, 'logs');

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  log(attempt: string): string {
    try {
      return readFileSync(attemptLogPath(this.logDir, attemptOf(attempt)), 'utf8');
    } catch {
      return '';
    }
  }
}

/** What takes this long hangs: a limit no slow machine reaches, shorter than that of a test. */
export const HANG_MS = 120_000;

/** The most that a worker takes to try a connection. */
const PROBE_MS: number = WORKER_CORE_LIMITS.probeTimeoutMaxMs;

/** Answers like a master that stores everything at once; keeps what it heard. */
export class HandMaster {
  readonly reports: AttemptReport[] = [];
  readonly probed = new Map<string, Extract<WorkerToMaster, { kind: 'probe-result' }>>();
  hello: Extract<WorkerToMaster, { kind: 'hello' }> | null = null;
  /** False: reports are heard but not acknowledged. */
  acknowledges = true;
  /** Told of each report as it is heard. */
  onReport: (report: AttemptReport) => void = () => {};
  /** False: heartbeats stay unanswered. */
  renews = true;
  #link: MasterLink | null = null;
  #waiters: (() => void)[] = [];

  /** What a worker calls to connect. */
  connect = async () => {
    const { worker, master } = createMemoryLinkPair();
    this.accept(master);
    return worker;
  };

  accept(link: MasterLink): void {
    this.#link = link;
    link.onFrame((messages) => {
      if (!messages) {
        if (this.#link === link) this.#link = null;
        return this.#wake();
      }
      for (const message of messages) this.#hear(link, message);
      this.#wake();
    });
  }

  get linked(): boolean {
    return this.#link !== null;
  }

  dispatch(...specs: AttemptSpec[]): void {
    this.#link?.send(specs.map((spec) => ({ kind: 'dispatch', spec })));
  }

  kill(attempt: string, graceMs = 1000, cause: Cause = { kind: 'killed_by', user: 'test' }): void {
    this.#link?.send([{ kind: 'kill', attempt: attemptOf(attempt), graceMs, cause }]);
  }

  query(...attempts: string[]): void {
    this.#link?.send([{ kind: 'query', attempts: attempts.map(attemptOf) }]);
  }

  /** Has a connection tried; resolves with the answer. */
  async probe(id: string, connection: NonNullable<AttemptSpec['connection']>, timeoutMs = PROBE_MS) {
    this.#link?.send([{ kind: 'probe', id, connection, timeoutMs }]);
    await this.until(
      () => this.probed.has(id),
      () => `no answer to probe ${id}`,
    );
    return this.probed.get(id);
  }

  disconnect(): void {
    this.#link?.close();
  }

  reportsOf(attempt: string): AttemptReport[] {
    return this.reports.filter((report) => report.attempt === attempt);
  }

  /** Resolves with the first report of that kind. */
  async report<Kind extends AttemptReport['kind']>(
    attempt: string,
    kind: Kind,
  ): Promise<Extract<AttemptReport, { kind: Kind }>> {
    const find = (): Extract<AttemptReport, { kind: Kind }> | undefined =>
      this.reports.find(
        (report): report is Extract<AttemptReport, { kind: Kind }> =>
          report.attempt === attempt && report.kind === kind,
      );
    await this.until(
      () => find() !== undefined,
      () => `no ${kind} of ${attempt}; heard ${JSON.stringify(this.reportsOf(attempt))}`,
    );
    const found = find();
    if (!found) throw new Error('unreachable');
    return found;
  }

  async finished(attempt: string) {
    return (await this.report(attempt, 'finished')).outcome;
  }

  /** Waits for a condition that messages make true. */
  async until(condition: () => boolean, describe: () => string): Promise<void> {
    const deadline = Date.now() + HANG_MS;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(describe());
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #hear(link: MasterLink, message: WorkerToMaster): void {
    switch (message.kind) {
      case 'hello':
        this.hello = message;
        return link.send([{ kind: 'welcome', master: 'm-1' as MasterId, version: 1, leaseMs: HANG_MS }]);
      case 'heartbeat':
        if (this.renews) link.send([{ kind: 'lease', sentAt: message.sentAt, leaseMs: HANG_MS, accepting: true }]);
        return;
      case 'report': {
        const { report } = message;
        this.reports.push(report);
        this.onReport(report);
        if (!this.acknowledges || report.kind === 'accepted' || report.kind === 'never_seen') return;
        return link.send([{ kind: 'ack', attempt: report.attempt, sequence: report.sequence, verdict: 'stored' }]);
      }
      case 'probe-result':
        this.probed.set(message.id, message);
        return;
      case 'log':
      case 'goodbye':
        return;
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

export const quietLog: WorkerOptions['log'] = { info: () => {}, warn: () => {}, error: () => {} };

/** Resolves when the master has heard its hello. */
export async function startTestWorker(
  scratch: Scratch,
  master: HandMaster,
  more: Partial<WorkerOptions> = {},
): Promise<Worker> {
  const worker = await startWorker({
    dataDir: scratch.dataDir,
    logDir: scratch.logDir,
    name: 'test',
    slots: 16,
    heartbeatMs: 500,
    maxLoadAverage: 1e6,
    reservedMemoryBytes: 0,
    supervisorLonelyMs: 1500,
    connect: master.connect,
    log: quietLog,
    ...more,
  });
  await master.until(
    () => master.hello !== null,
    () => 'no hello',
  );
  return worker;
}

/** Waits until a look at the world says yes. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + HANG_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not become true within ${HANG_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** True while a process of that number exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** Stops a process; resolves when it does nothing any more. `SIGCONT` lets it go on, `SIGKILL` ends it as it is. */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually(() => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T '), `process ${pid} is stopped`);
}
