/**
 * A decision in the making: what would be true after the changes so far, read over a run that is not touched.
 *
 * Owns the overlay (changed records and counters) and the list of tasks to look at again. Knows nothing of why.
 * Invariants: the run is never written; every change gets the next version; each task becomes terminal at most once.
 */
import { type Cause, isTerminalTaskRun, type TaskRunState } from '@pelorus/protocol';
import type { Effect } from './events.ts';
import type { AttemptRecord, Change, RunStatus, TaskRunRecord } from './records.ts';
import {
  countsAsBad,
  isFailure,
  isLive,
  isLogic,
  type Result,
  resultOf,
  rootOfFailure,
  type Run,
  untakenBy,
  withdrawFailure,
} from './run.ts';

interface Counters {
  open: number;
  failed: number;
  branched: number;
  unchosen: number;
  culprit: number;
}

export class Draft {
  readonly run: Run;
  readonly changes: Change[] = [];
  readonly effects: Effect[] = [];
  status: RunStatus;
  unfinished: number;
  live: number;
  liveLogic: number;
  bad: number;
  killed: number;
  private version: number;
  /** Made when first written: most decisions touch one task. */
  private tasks: Map<number, TaskRunRecord> | null = null;
  private latest: Map<number, AttemptRecord> | null = null;
  private overlay: Map<number, Counters> | null = null;
  private readonly toEvaluate: number[] = [];
  private nextToEvaluate = 0;

  constructor(run: Run) {
    this.run = run;
    this.status = run.status;
    this.unfinished = run.unfinished;
    this.live = run.live;
    this.liveLogic = run.liveLogic;
    this.bad = run.bad;
    this.killed = run.killed;
    this.version = run.version;
  }

  record(task: number): TaskRunRecord | undefined {
    return this.tasks?.get(task) ?? this.run.tasks[task];
  }

  state(task: number): TaskRunState {
    return this.record(task)?.state ?? 'pending';
  }

  attempt(task: number): AttemptRecord | undefined {
    return this.latest?.get(task) ?? this.run.attempts[task];
  }

  /** How a task that has ended counts for its successors. */
  result(task: number): Result {
    const record = this.record(task);
    return record ? resultOf(record, this.counters(task), this.run.graph) : 'success';
  }

  counters(task: number): Readonly<Counters> {
    const { run } = this;
    return (
      this.overlay?.get(task) ?? {
        open: run.open[task]!,
        failed: run.failed[task]!,
        branched: run.branched[task]!,
        unchosen: run.unchosen[task]!,
        culprit: run.culprit[task]!,
      }
    );
  }

  setStatus(patch: Partial<RunStatus>): void {
    this.status = { ...this.status, ...patch, version: ++this.version };
    this.changes.push({ kind: 'run', status: this.status });
  }

  setAttempt(record: AttemptRecord): void {
    const stamped = { ...record, version: ++this.version };
    (this.latest ??= new Map()).set(record.task, stamped);
    this.changes.push({ kind: 'attempt', record: stamped });
  }

  /** Moves a task run; successors of one that becomes terminal are looked at again by `nextTask`. */
  setTask(task: number, state: TaskRunState, patch: Partial<TaskRunRecord>): void {
    const before = this.state(task);
    const record = this.nextRecord(task, state, patch);
    (this.tasks ??= new Map()).set(task, record);
    this.changes.push({ kind: 'task-run', record });
    if (isLive(before) !== isLive(state)) {
      const step = isLive(state) ? 1 : -1;
      this.live += step;
      if (isLogic(this.run.graph.tasks[task]!)) this.liveLogic += step;
    }
    if (state === 'forced_success' && isTerminalTaskRun(before)) this.forgive(before, task);
    if (isTerminalTaskRun(state) && !isTerminalTaskRun(before)) this.settle(record);
  }

  private nextRecord(task: number, state: TaskRunState, patch: Partial<TaskRunRecord>): TaskRunRecord {
    const old = this.record(task);
    return {
      run: this.run.spec.id,
      task,
      version: ++this.version,
      state,
      cause: null,
      waitReason: null,
      attempts: old?.attempts ?? 0,
      retries: old?.retries ?? 0,
      wakeAt: null,
      readyAt: old?.readyAt ?? null,
      startedAt: old?.startedAt ?? null,
      endedAt: null,
      outputs: null,
      ...patch,
    };
  }

  private forgive(before: TaskRunState, task: number): void {
    if (countsAsBad(this.run, before, task)) this.bad--;
    if (before === 'killed') this.killed--;
    if (!isFailure(before)) return;
    withdrawFailure(this.run.graph, task, {
      record: (at) => this.record(at),
      seen: (at) => this.counters(at),
      withdraw: (at) => {
        const counters = this.mutableCounters(at);
        if (--counters.failed === 0) counters.culprit = -1;
      },
    });
  }

  private settle(record: TaskRunRecord): void {
    this.unfinished--;
    if (countsAsBad(this.run, record.state, record.task)) this.bad++;
    if (record.state === 'killed') this.killed++;
    const { graph } = this.run;
    const task = record.task;
    const own = this.counters(task);
    const result = resultOf(record, own, graph);
    const culprit = rootOfFailure(record, own.culprit);
    const untaken = untakenBy(record, result, graph.tasks[task]!);
    for (let edge = graph.succStart[task]!; edge < graph.succStart[task + 1]!; edge++) {
      const successor = graph.succs[edge]!;
      const counters = this.mutableCounters(successor);
      counters.open--;
      const unchosen = untaken?.has(graph.tasks[successor]!.name) ?? false;
      if (unchosen) counters.unchosen++;
      if (unchosen || result === 'branch') counters.branched++;
      if (result === 'failure') {
        counters.failed++;
        if (counters.culprit === -1) counters.culprit = culprit;
      }
      if (counters.open === 0 || counters.failed === 1) this.toEvaluate.push(successor);
    }
  }

  private mutableCounters(task: number): Counters {
    const overlay = (this.overlay ??= new Map<number, Counters>());
    let counters = overlay.get(task);
    if (!counters) overlay.set(task, (counters = { ...this.counters(task) }));
    return counters;
  }

  /** The next task whose predecessors changed, or −1. */
  nextTask(): number {
    return this.nextToEvaluate < this.toEvaluate.length ? this.toEvaluate[this.nextToEvaluate++]! : -1;
  }

  lookAt(task: number): void {
    this.toEvaluate.push(task);
  }

  effect(effect: Effect): void {
    this.effects.push(effect);
  }

  /** Name of the task whose failure keeps `task` from running. */
  culpritName(task: number): string {
    const culprit = this.counters(task).culprit;
    return this.run.graph.tasks[culprit === -1 ? task : culprit]!.name;
  }

  firstFailure(task: number, cause: Cause): void {
    if (this.status.firstFailure) return;
    this.setStatus({ firstFailure: { task: this.run.graph.tasks[task]!.name, cause } });
  }
}
