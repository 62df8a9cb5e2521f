/** The real thing in one process, as `pelorus dev` wires it but for HTTP: store, master, worker with its supervisor. */
import type { Change } from '@pelorus/engine';
import { isTerminalRun, type RunId, type WorkflowDefinition } from '@pelorus/protocol';
import { type Master, startMaster } from '@pelorus/server/master';
import type { NewRun, Store } from '@pelorus/server/store';
import { createMemoryLinkPair, startWorker, type Worker } from '@pelorus/worker';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newStore, type StoreKind } from './stores.ts';

export interface Harness {
  store: Store;
  master: Master;
  save(definition: WorkflowDefinition): Promise<void>;
  /** Resolves with the run's id once its submission is durable. */
  submit(workflow: string): Promise<RunId>;
  /** Resolves with the instant (performance.now) at which the run's end was durable. */
  ended(run: RunId): Promise<number>;
  /** Resolves with the instant at which the master first heard that a task of the run had started. */
  started(run: RunId): Promise<number>;
  /** Ends master and store, opens both again: how long each took, in ms. */
  restart(): Promise<{ openMs: number; adoptMs: number }>;
  close(): Promise<void>;
}

const log = { info() {}, warn() {}, error: (fields: object, message: string) => console.error(message, fields) };

/** `fill` makes the store in that directory before it is opened; `onCommitted` is the master's. */
export interface HarnessOptions {
  /** Default SQLite. */
  store?: StoreKind;
  fill?: (directory: string) => Promise<void>;
  onCommitted?: (changes: readonly Change[]) => void;
}

export async function openHarness(slots: number, options: HarnessOptions = {}): Promise<Harness> {
  const dir = await mkdtemp(join(tmpdir(), 'pelorus-bench-'));
  const { onCommitted } = options;
  const onDurable = onCommitted === undefined ? {} : { onCommitted };
  await options.fill?.(join(dir, 'store'));
  const openStore = await newStore(options.store ?? 'sqlite', join(dir, 'store'));
  let store = await openStore();
  const watch = new Watch();
  let master = await startMaster({ store: watch.over(store), log, ...onDurable });
  const worker = await startBenchWorker(dir, slots, () => master);
  await store.ensureProject({ name: 'bench', description: '', owner: 'bench', at: Date.now() });
  return {
    get store() {
      return store;
    },
    get master() {
      return master;
    },
    save: async (definition) => void (await store.saveWorkflow(saveRequest(definition))),
    submit: async (workflow) => {
      const { run } = await store.submitRun(newRun(workflow));
      master.commandHint();
      return run.id;
    },
    ended: (run) => watch.wait(watch.ends, run),
    started: (run) => watch.wait(watch.starts, run),
    restart: async () => {
      await master.stop();
      await store.close();
      const startedAt = performance.now();
      store = await openStore();
      const openedAt = performance.now();
      master = await startMaster({ store: watch.over(store), log, ...onDurable });
      return { openMs: openedAt - startedAt, adoptMs: performance.now() - openedAt };
    },
    close: async () => {
      await worker.stop({ stopTasks: true });
      await master.stop();
      await store.close();
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** Takes whatever it is given, from the master that is there when it dials. */
export function startBenchWorker(directory: string, slots: number, master: () => Master): Promise<Worker> {
  return startWorker({
    dataDir: join(directory, 'worker'),
    logDir: join(directory, 'logs'),
    name: 'bench',
    slots,
    groups: ['default'],
    maxLoadAverage: 1e9,
    reservedMemoryBytes: 0,
    log,
    connect: () => {
      const pair = createMemoryLinkPair();
      master().attachWorker(pair.master);
      return Promise.resolve(pair.worker);
    },
  });
}

export function saveRequest(definition: WorkflowDefinition): Parameters<Store['saveWorkflow']>[0] {
  return {
    project: 'bench',
    name: definition.name,
    definition,
    files: [],
    source: '',
    format: 'json',
    hash: randomUUID(),
    hidden: false,
    mustBeNew: false,
    user: 'bench',
    at: Date.now(),
  };
}

class Milestones {
  readonly reached = new Map<RunId, number>();
  readonly waiting = new Map<RunId, (at: number) => void>();
}

/** Sees each commit of the master: when it is asked for, and when it is durable. */
class Watch {
  readonly ends = new Milestones();
  readonly starts = new Milestones();

  over(store: Store): Store {
    const commit: Store['commit'] = async (fence, changes) => {
      this.note(this.starts, changes, (change) =>
        change.kind === 'attempt' && change.record.state !== 'dispatched' ? change.record.run : null,
      );
      const answer = await store.commit(fence, changes);
      this.note(this.ends, changes, (change) =>
        change.kind === 'run' && isTerminalRun(change.status.state) ? change.status.run : null,
      );
      return answer;
    };
    return new Proxy(store, { get: (target, name) => (name === 'commit' ? commit : bound(target, name)) });
  }

  wait(milestones: Milestones, run: RunId): Promise<number> {
    const at = milestones.reached.get(run);
    if (at !== undefined) return Promise.resolve(at);
    return new Promise((resolve) => milestones.waiting.set(run, resolve));
  }

  private note(milestones: Milestones, changes: readonly Change[], runOf: (change: Change) => RunId | null): void {
    const now = performance.now();
    for (const change of changes) {
      const run = runOf(change);
      if (run === null || milestones.reached.has(run)) continue;
      milestones.reached.set(run, now);
      milestones.waiting.get(run)?.(now);
      milestones.waiting.delete(run);
    }
  }
}

function bound(target: Store, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}

export function newRun(workflow: string): NewRun {
  const at = Date.now();
  return {
    project: 'bench',
    workflow,
    workflowVersion: null,
    execType: 'DIRECT',
    mode: 'whole',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    parent: null,
    submitUser: 'bench',
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
    logicalDateAt: at,
    zone: 'UTC',
    submittedAt: at,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
    idempotencyKey: null,
    tasks: [],
  };
}
