/**
 * Histories of a store that loses its last commits while workers go on: real masters' and workers' cores, random DAGs, links that come
 * back at different times, several losses. What is promised then (all workers come back, none has lost its directory): no attempt
 * begins twice, no task has two processes, each task has as many processes as it would have had without the loss, and its result is
 * that of its process.
 */
import {
  type AttemptId,
  type AttemptOutcome,
  commandIdOf,
  type CommandId,
  type MasterToWorker,
  masterIdOf,
  parseAttemptId,
  type RunId,
  runIdOf,
  type WorkerId,
  workerIdOf,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { type SupervisorOrder, WorkerCore, type WorkerOutput } from '@pelorus/worker/core';
import { describe, expect, test } from 'vitest';
import { type Batch, type Change, MasterCore, type MasterCoreOptions, type StoredRun } from '../src/index.ts';
import { Recall } from '../src/recall.ts';
import { specOf, task, workflow } from '../test/fixtures.ts';
import { hashText, Random } from './random.ts';
import { Timeline } from './timeline.ts';

const HISTORIES = 25;
const LIMIT_MS = 3_600_000;

interface Rows {
  runs: ReadonlyMap<RunId, StoredRun>;
  done: ReadonlySet<CommandId>;
}

interface Options {
  seed: number;
  masterCore?: (options: MasterCoreOptions) => MasterCore;
}

class History {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly workers: Worker[];
  /** After each commit; the first is what there was before. */
  commits: Rows[];
  /** Processes begun, by attempt. */
  readonly begun = new Map<AttemptId, string>();
  readonly live = new Set<AttemptId>();
  master: Master;
  lost = 0;
  private readonly options: Options;
  private readonly definition;

  constructor(options: Options) {
    this.options = options;
    this.random = new Random(options.seed);
    this.definition = this.randomDefinition();
    const runs = Array.from({ length: this.random.whole(1, 4) }, (_, index) => this.newRun(runIdOf(index + 1)));
    this.commits = [{ runs: new Map(runs.map((run) => [run.spec.id, run])), done: new Set() }];
    this.workers = Array.from({ length: this.random.whole(1, 3) }, (_, index) => new Worker(this, index));
    this.master = this.newMaster(false);
    for (const worker of this.workers) worker.dial(this.random.between(0, 100));
    for (let losses = this.random.whole(1, 3); losses > 0; losses--)
      this.timeline.after(this.random.between(200, 20_000), () => this.goBack());
  }

  get rows(): Rows {
    return this.commits.at(-1)!;
  }

  play(): void {
    const endAt = this.timeline.now + LIMIT_MS;
    const isOpen = (): boolean => [...this.rows.runs.values()].some(({ status }) => status.state !== 'succeeded');
    const lossesUntil = this.timeline.now + 20_000;
    while (isOpen() || this.timeline.now < lossesUntil) {
      if (!this.timeline.step() || this.timeline.now > endAt)
        throw new Error(`no end: ${JSON.stringify(this.rows.runs.get(runIdOf(1)))}`);
    }
  }

  /** How often the task fails before it succeeds. */
  failures(run: RunId, index: number): number {
    return hashText(`${run}.${index}`, this.options.seed) % 5 === 0 ? 1 : 0;
  }

  /** How many processes each task had, and how many it should have had. */
  tally(): { had: Record<string, number>; expected: Record<string, number> } {
    const had: Record<string, number> = {};
    const expected: Record<string, number> = {};
    for (const attempt of this.begun.keys()) {
      const { run, task: index } = parseAttemptId(attempt)!;
      had[`${run}.${index}`] = (had[`${run}.${index}`] ?? 0) + 1;
    }
    for (const run of this.rows.runs.keys())
      for (const index of this.definition.tasks.keys()) expected[`${run}.${index}`] = 1 + this.failures(run, index);
    return { had, expected };
  }

  private randomDefinition() {
    const { random } = this;
    const tasks = Array.from({ length: random.whole(1, 6) }, (_, index) => {
      const needs = Array.from({ length: index }, (__, before) => `t${before}`).filter(() => random.chance(0.5));
      const retry = {
        max: 1,
        intervalMs: random.pick([0, 1_000]),
        backoff: 'fixed',
        maxIntervalMs: 3_600_000,
      } as const;
      return task(`t${index}`, needs, { retry });
    });
    return workflow(tasks);
  }

  private newRun(run: RunId): StoredRun {
    const status = { run, version: 0, state: 'queued', cause: null, firstFailure: null, waitReason: null } as const;
    return {
      spec: specOf(this.definition, { id: run }),
      status: { ...status, owner: null, startedAt: null, endedAt: null },
      tasks: [],
      attempts: [],
    };
  }

  /** The store forgets its last commits; whoever was master is a new one, and all links are gone. */
  private goBack(): void {
    const forgotten = this.random.whole(1, Math.max(1, this.commits.length - 1));
    this.lost += Math.min(forgotten, this.commits.length - 1);
    this.commits.length = Math.max(1, this.commits.length - forgotten);
    for (const worker of this.workers) worker.hangUp();
    this.master.over = true;
    this.master = this.newMaster(true);
    for (const worker of this.workers) worker.dial(this.random.between(10, 4_500));
  }

  private newMaster(wentBack: boolean): Master {
    const make = this.options.masterCore ?? ((options) => new MasterCore(options));
    const core = make({
      master: masterIdOf(`m${this.commits.length}`),
      selector: 'random',
      random: this.random.next,
    });
    const { rows, timeline, definition } = this;
    if (wentBack) core.storeWentBack(runIdOf(rows.runs.size + 1), timeline.now);
    const version = { workflowId: 1, version: 1, definition, files: [] };
    for (const stored of rows.runs.values()) core.open(stored, { workflow: version, projectParams: {} }, timeline.now);
    core.adoptionFinished();
    for (const run of rows.runs.keys()) {
      const id = commandIdOf(run);
      if (rows.done.has(id)) continue;
      core.command({ id, run, action: { kind: 'start' }, user: 'ada', at: timeline.now }, timeline.now);
    }
    return new Master(this, core);
  }
}

/** A loop around the real core: one commit at a time, and only then its messages. */
class Master {
  over = false;
  private readonly history: History;
  private readonly core: MasterCore;
  private committing = false;

  constructor(history: History, core: MasterCore) {
    this.history = history;
    this.core = core;
    this.turn();
  }

  hear(link: number, messages: WorkerToMaster[] | null): void {
    if (this.over) return;
    if (messages) this.core.frame(link, messages, this.history.timeline.now);
    else this.core.linkDown(link);
    this.turn();
  }

  private turn(): void {
    const { timeline, random } = this.history;
    if (this.over || this.committing) return;
    this.core.tick(timeline.now);
    const batch = this.core.flush(timeline.now);
    if (!batch) return this.sleep();
    if (batch.problems.length > 0) throw batch.problems[0]!.error;
    this.committing = true;
    timeline.after(random.between(0, 20), () => {
      if (this.over) return;
      this.committing = false;
      this.history.commits.push(written(this.history.rows, batch.changes));
      this.release(batch);
      this.turn();
    });
  }

  private release({ sends }: Batch): void {
    for (const [link, messages] of sends)
      this.history.workers.find((worker) => worker.link === link)?.receive(link, messages);
  }

  private sleep(): void {
    const { timeline } = this.history;
    const next = this.core.nextTickAt();
    if (next !== null) timeline.after(Math.max(1, next - timeline.now), () => this.turn());
  }
}

/** A real worker's core; its processes take a while and do what `failures` says. */
class Worker {
  /** Of the connection that there is; 0: none. */
  link = 0;
  private readonly history: History;
  private readonly core: WorkerCore;
  private links = 0;
  private wakeAt = Infinity;
  private readonly index: number;

  constructor(history: History, index: number) {
    this.history = history;
    this.index = index;
    this.core = new WorkerCore({
      worker: workerIdOf(`w${index}.1`),
      name: `w${index}`,
      host: `h${index}`,
      groups: ['default'],
      features: ['shell'],
      slots: history.random.whole(1, 4),
    });
  }

  dial(afterMs: number): void {
    this.history.timeline.after(afterMs, () => {
      this.hangUp();
      this.link = ++this.links * 10 + this.index;
      this.handle({ kind: 'link-up', link: `${this.link}` });
    });
  }

  hangUp(): void {
    if (this.link === 0) return;
    const { link } = this;
    this.link = 0;
    this.history.master.hear(link, null);
    this.handle({ kind: 'link-down', link: `${link}` });
  }

  receive(link: number, messages: MasterToWorker[]): void {
    this.history.timeline.after(5, () => {
      if (link === this.link) this.handle({ kind: 'frame', link: `${link}`, messages });
    });
  }

  private handle(input: Parameters<WorkerCore['handle']>[0]): void {
    const { timeline, random } = this.history;
    this.carryOut(this.core.handle(input, { now: timeline.now, chance: random.next }));
    const { nextWakeAt } = this.core;
    if (nextWakeAt >= this.wakeAt || nextWakeAt === Infinity) return;
    this.wakeAt = nextWakeAt;
    timeline.after(Math.max(1, nextWakeAt - timeline.now), () => {
      this.wakeAt = Infinity;
      this.handle({ kind: 'tick' });
    });
  }

  private carryOut({ messages, orders }: WorkerOutput): void {
    const { timeline } = this.history;
    for (const { link, messages: said } of messages)
      timeline.after(5, () => {
        if (link === `${this.link}`) this.history.master.hear(this.link, said);
      });
    for (const order of orders) this.obey(order);
  }

  private obey(order: SupervisorOrder): void {
    if (order.kind === 'kill') throw new Error(`${order.attempt} is killed`);
    if (order.kind !== 'start') return;
    const { history } = this;
    const { attempt } = order.spec;
    const { run, task: index } = parseAttemptId(attempt)!;
    if (history.begun.has(attempt)) throw new Error(`${attempt} begins a second time`);
    for (const other of history.live)
      if (other.startsWith(`${run}.${index}.`)) throw new Error(`${attempt} begins while ${other} lives`);
    // How often it has failed is told by its processes: the task, not the number of the attempt, decides what happens.
    const before = [...history.begun.keys()].filter((one) => one.startsWith(`${run}.${index}.`)).length;
    history.begun.set(attempt, `w${this.index}`);
    history.live.add(attempt);
    const startedAt = history.timeline.now;
    history.timeline.after(1, () => this.say({ kind: 'started', attempt, startedAt }));
    history.timeline.after(2 + history.random.skewed(0, 20_000), () => {
      history.live.delete(attempt);
      this.say({ kind: 'finished', attempt, outcome: this.outcomeOf(attempt, before < history.failures(run, index)) });
    });
  }

  private outcomeOf(attempt: AttemptId, fails: boolean): AttemptOutcome {
    const at = this.history.timeline.now;
    const times = { startedAt: at, endedAt: at, outputsTruncated: false };
    if (fails) return { ...times, state: 'failed', cause: { kind: 'exit', code: 1 }, outputs: {} };
    return { ...times, state: 'succeeded', cause: null, outputs: { by: attempt } };
  }

  private say(
    event: Extract<Parameters<WorkerCore['handle']>[0], { kind: 'supervisor-events' }>['events'][number],
  ): void {
    this.handle({ kind: 'supervisor-events', events: [event] });
  }
}

function written({ runs, done }: Rows, changes: readonly Change[]): Rows {
  const next = new Map(runs);
  const commands = new Set(done);
  const change = (run: RunId, patch: (stored: StoredRun) => Partial<StoredRun>): void => {
    const stored = next.get(run)!;
    next.set(run, { ...stored, ...patch(stored) });
  };
  for (const each of changes) {
    if (each.kind === 'command-done') commands.add(each.command);
    else if (each.kind === 'run') change(each.status.run, () => ({ status: each.status }));
    else if (each.kind === 'task-run' || each.kind === 'attempt') {
      const { record } = each;
      const of = each.kind === 'attempt' ? 'attempts' : 'tasks';
      change(record.run, (stored) => ({ [of]: [...stored[of].filter((one) => one.task !== record.task), record] }));
    }
  }
  return { runs: next, done: commands };
}

class Hasty extends MasterCore {
  override storeWentBack(): void {}
}

class Gullible extends MasterCore {
  protected override newRecall(runsBefore: RunId, at: number): Recall {
    return new (class extends Recall {
      protected override mayBegin({ denied }: { denied: ReadonlySet<WorkerId> }): boolean {
        return denied.size > 0;
      }
    })(runsBefore, at);
  }
}

const MUTANTS: { name: string; masterCore: NonNullable<Options['masterCore']> }[] = [
  { name: 'a master begins what it finds ready', masterCore: (options) => new Hasty(options) },
  { name: 'a master asks until one worker knows nothing', masterCore: (options) => new Gullible(options) },
];

function play(options: Options): History {
  const history = new History(options);
  history.play();
  return history;
}

describe('a store that loses its last commits', () => {
  test('what workers hold or have ended goes on or counts as it is, and nothing of it begins again', () => {
    let lost = 0;
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const history = play({ seed });
      const { had, expected } = history.tally();
      expect(had, `seed ${seed}`).toEqual(expected);
      for (const { tasks } of history.rows.runs.values())
        for (const { run, task: index, attempts, outputs } of tasks)
          expect(outputs, `seed ${seed}`).toEqual({ by: `${run}.${index}.${attempts}` });
      lost += history.lost;
    }
    expect(lost).toBeGreaterThan(HISTORIES * 5);
  });

  test.each(MUTANTS)('broken on purpose: $name', ({ masterCore }) => {
    const isNoticed = (seed: number): boolean => {
      try {
        const { had, expected } = play({ seed, masterCore }).tally();
        return Object.keys(expected).some((name) => had[name] !== expected[name]);
      } catch {
        return true;
      }
    };
    expect(Array.from({ length: HISTORIES }, (_, index) => index + 1).some(isNoticed)).toBe(true);
  });
});
