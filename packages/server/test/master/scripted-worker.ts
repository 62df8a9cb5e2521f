/** A worker in memory that does what a script says, over a pair of links; masters cannot tell it from a real one. */
import type {
  AttemptId,
  AttemptOutcome,
  AttemptReport,
  AttemptSpec,
  MasterLink,
  MasterToWorker,
  WorkerId,
  WorkerLink,
  WorkerLoad,
  WorkerToMaster,
} from '@pelorus/protocol';
import { WIRE_VERSION, workerIdOf } from '@pelorus/protocol';
import { randomUUID } from 'node:crypto';

/** How an attempt goes: it ends at once, or goes on until `finish` or a kill. */
export type Script = (spec: AttemptSpec) => 'succeed' | 'fail' | 'go on';

export interface ScriptedWorker {
  /** Attempts that go on. */
  readonly running: ReadonlyMap<AttemptId, AttemptSpec>;
  /** Every attempt that ever began, in order. */
  readonly begun: readonly AttemptSpec[];
  /** The most attempts that went on at one time, by workflow. */
  readonly peak: ReadonlyMap<string, number>;
  /** Every connection that was tried; one whose address holds `silent` gets no answer. */
  readonly probed: readonly string[];
  /** Ends an attempt that goes on. */
  finish(task: string, state?: 'succeeded' | 'failed'): void;
  /** Dials a master; the old connection is dropped. */
  dial(attach: (link: MasterLink) => void): void;
  hangUp(): void;
  /** Neither end has hung up. */
  readonly connected: boolean;
}

/** `before`: it has been there already, and this goes on at it. */
export function scriptedWorker(
  script: Script = () => 'succeed',
  slots = 100,
  before: { id: WorkerId; running: readonly AttemptSpec[] } = { id: workerIdOf(`w-${randomUUID()}`), running: [] },
): ScriptedWorker {
  return new Scripted(script, slots, before);
}

class Scripted implements ScriptedWorker {
  readonly running: Map<AttemptId, AttemptSpec>;
  readonly begun: AttemptSpec[] = [];
  readonly peak = new Map<string, number>();
  readonly probed: string[] = [];
  private readonly id: WorkerId;
  private readonly unacknowledged = new Map<AttemptId, Extract<AttemptReport, { kind: 'finished' | 'tombstoned' }>>();
  /** What has ended, for whoever asks again. */
  private readonly ended = new Map<AttemptId, Extract<AttemptReport, { kind: 'finished' }>>();
  private readonly tombstones = new Set<AttemptId>();
  private link: WorkerLink | null = null;
  private readonly script: Script;
  private readonly slots: number;

  constructor(script: Script, slots: number, { id, running }: { id: WorkerId; running: readonly AttemptSpec[] }) {
    this.script = script;
    this.slots = slots;
    this.id = id;
    this.running = new Map(running.map((spec) => [spec.attempt, spec]));
  }

  dial(attach: (link: MasterLink) => void): void {
    this.hangUp();
    const { worker, master } = linkPair();
    this.link = worker;
    worker.onFrame((messages) => {
      if (this.link !== worker) return;
      if (messages === null) this.link = null;
      for (const message of messages ?? []) this.hear(message);
    });
    attach(master);
    this.send({
      kind: 'hello',
      worker: this.id,
      name: 'scripted',
      host: 'here',
      version: WIRE_VERSION,
      features: ['shell', 'python', 'script', 'http', 'sql', 'probe'],
      groups: ['default'],
      load: this.load(),
      attempts: [...this.running.keys(), ...this.unacknowledged.keys()],
      supersedes: [],
    });
    for (const report of this.unacknowledged.values()) this.report(report);
  }

  get connected(): boolean {
    return this.link !== null;
  }

  hangUp(): void {
    const link = this.link;
    this.link = null;
    link?.close();
  }

  private load(): WorkerLoad {
    return {
      slots: this.slots,
      usedSlots: this.running.size,
      loadAverage: -1,
      cpuCount: 4,
      freeMemoryBytes: 1,
      totalMemoryBytes: 1,
      busy: false,
      draining: false,
    };
  }

  private send(message: WorkerToMaster): void {
    this.link?.send([message]);
  }

  private report(report: AttemptReport): void {
    this.send({ kind: 'report', worker: this.id, report });
  }

  private hear(message: MasterToWorker): void {
    switch (message.kind) {
      case 'dispatch':
        return this.begin(message.spec);
      case 'kill':
        return this.kill(message.attempt);
      case 'probe':
        return this.probe(message);
      case 'ack':
        return void this.unacknowledged.delete(message.attempt);
      case 'query':
        for (const attempt of message.attempts)
          this.report(
            this.ended.get(attempt) ?? {
              kind: this.running.has(attempt) ? 'running' : 'never_seen',
              attempt,
              sequence: 9,
              startedAt: Date.now(),
            },
          );
        return;
      case 'lease':
        // A real one answers by its own clock; here each lease asks for the next, well before it is over.
        setTimeout(() => this.beat(), 2_000).unref();
        return;
      case 'welcome':
      case 'log-ack':
        return;
    }
  }

  private probe({ id, connection }: Extract<MasterToWorker, { kind: 'probe' }>): void {
    this.probed.push(connection.url);
    if (connection.url.includes('silent')) return;
    this.send({ kind: 'probe-result', worker: this.id, id, ok: true, detail: 'select 1 gave 1', tookMs: 3 });
  }

  private beat(): void {
    this.send({
      kind: 'heartbeat',
      worker: this.id,
      sentAt: Date.now(),
      load: this.load(),
      attempts: [...this.running.keys()],
    });
  }

  private begin(spec: AttemptSpec): void {
    const { attempt } = spec;
    if (this.tombstones.has(attempt)) return this.report({ kind: 'tombstoned', attempt, sequence: 1 });
    const ended = this.ended.get(attempt);
    if (ended) return this.report(ended);
    if (this.running.has(attempt)) return this.report({ kind: 'running', attempt, sequence: 2, startedAt: Date.now() });
    this.begun.push(spec);
    this.running.set(attempt, spec);
    const going = [...this.running.values()].filter(({ workflow }) => workflow === spec.workflow).length;
    this.peak.set(spec.workflow, Math.max(going, this.peak.get(spec.workflow) ?? 0));
    this.report({ kind: 'accepted', attempt, sequence: 1 });
    this.report({ kind: 'running', attempt, sequence: 2, startedAt: Date.now() });
    const fate = this.script(spec);
    if (fate !== 'go on') this.end(attempt, fate === 'succeed' ? 'succeeded' : 'failed');
  }

  finish(task: string, state: 'succeeded' | 'failed' = 'succeeded'): void {
    const found = [...this.running.values()].find((spec) => spec.task === task);
    if (!found) throw new Error(`no attempt of task ${task} goes on`);
    this.end(found.attempt, state);
  }

  private kill(attempt: AttemptId): void {
    if (this.running.has(attempt)) return this.end(attempt, 'killed');
    if (this.begun.some((known) => known.attempt === attempt)) return;
    this.tombstones.add(attempt);
    this.report({ kind: 'tombstoned', attempt, sequence: 1 });
  }

  private end(attempt: AttemptId, state: AttemptOutcome['state']): void {
    this.running.delete(attempt);
    const outcome: AttemptOutcome = {
      state,
      cause: state === 'failed' ? { kind: 'exit', code: 1 } : null,
      outputs: {},
      outputsTruncated: false,
      startedAt: Date.now(),
      endedAt: Date.now(),
    };
    const report = { kind: 'finished', attempt, sequence: 3, outcome } as const;
    this.ended.set(attempt, report);
    this.unacknowledged.set(attempt, report);
    this.report(report);
  }
}

/** Two ends; frames arrive in order, in a later turn of the event loop, while neither end has closed. */
function linkPair(): { worker: WorkerLink; master: MasterLink } {
  let open = true;
  const toMaster: ((messages: WorkerToMaster[] | null) => void)[] = [];
  const toWorker: ((messages: MasterToWorker[] | null) => void)[] = [];
  const deliver = <M>(listeners: ((messages: M[] | null) => void)[], messages: M[]) =>
    setImmediate(() => open && listeners.forEach((listener) => listener(messages)));
  const close = () => {
    if (!open) return;
    open = false;
    setImmediate(() => {
      for (const listener of toMaster) listener(null);
      for (const listener of toWorker) listener(null);
    });
  };
  return {
    worker: {
      send: (messages) => void deliver(toMaster, messages),
      onFrame: (listener) => void toWorker.push(listener),
      close,
    },
    master: {
      send: (messages) => void deliver(toWorker, messages),
      onFrame: (listener) => void toMaster.push(listener),
      close,
    },
  };
}
