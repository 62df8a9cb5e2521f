/**
 * A scheduler to compare with: after every event it looks at all tasks again and decides each by reading the rules off
 * its predecessors, recursively. Nothing of the engine is in it, nothing is kept but the state of each task, and no
 * thought is given to speed. Tasks are numbers; predecessors have smaller ones.
 */

export type Rule = 'all_success' | 'all_done' | 'any_failed' | 'none_failed';

export interface Shape {
  preds: number[];
  rule: Rule;
  disabled: boolean;
  /** What the task chooses among: `yes` are taken when it says yes, `no` otherwise. A switch always says yes. */
  chooses: { kind: 'switch' | 'conditions'; yes: number[]; no: number[] } | null;
}

/** `live`: sent to a worker. */
export type NaiveState =
  | 'pending'
  | 'queued'
  | 'live'
  | 'killing'
  | 'succeeded'
  | 'failed'
  | 'killed'
  | 'upstream_failed'
  | 'skipped';
type Result = 'success' | 'failure' | 'branch';

export class NaiveScheduler {
  readonly states: NaiveState[];
  stopping = false;
  private readonly shapes: readonly Shape[];
  private readonly tasks: readonly number[];
  private readonly policy: 'end' | 'continue';
  /** Of a task that chose: what it left out. */
  private readonly leftOut = new Map<number, number[]>();
  /** Skipped because it belongs to a branch that was not taken. */
  private readonly untaken = new Set<number>();

  constructor(shapes: readonly Shape[], policy: 'end' | 'continue') {
    this.shapes = shapes;
    this.policy = policy;
    this.tasks = [...shapes.keys()];
    this.states = shapes.map(() => 'pending');
    this.lookAtAll();
  }

  /** Tasks that something can happen to from outside. */
  open(): number[] {
    return this.tasks.filter((task) => ['queued', 'live', 'killing'].includes(this.states[task]!));
  }

  place(task: number): void {
    this.states[task] = 'live';
  }

  lose(task: number): void {
    this.states[task] = 'queued';
  }

  askToKill(task: number): void {
    this.states[task] = 'killing';
  }

  end(task: number, state: 'succeeded' | 'failed' | 'killed'): void {
    this.states[task] = state;
    if (state !== 'succeeded' && !this.stopping && this.policy === 'end' && !this.isHandled(task)) this.failFast();
    this.lookAtAll();
  }

  /** Of the run. */
  outcome(): 'running' | 'succeeded' | 'failed' {
    if (this.states.some((_, task) => !this.hasEnded(task))) return 'running';
    const bad = (task: number) =>
      this.states[task] === 'upstream_failed' ||
      (['failed', 'killed'].includes(this.states[task]!) && !this.isHandled(task));
    return this.tasks.some(bad) ? 'failed' : 'succeeded';
  }

  private lookAtAll(): void {
    for (const task of this.tasks) if (this.states[task] === 'pending') this.lookAt(task);
  }

  private lookAt(task: number): void {
    const { preds, rule, disabled, chooses } = this.shapes[task]!;
    const waits = preds.some((pred) => !this.hasEnded(pred));
    const failed = preds.some((pred) => this.hasEnded(pred) && this.resultOf(pred) === 'failure');
    const strict = (rule === 'all_success' || rule === 'none_failed') && chooses?.kind !== 'conditions';
    if (disabled) {
      if (!waits) this.states[task] = 'skipped';
    } else if (!this.stopping) {
      if (this.choosersOf(task).length > 0 && waits) return;
      if (this.isLeftOut(task)) this.skip(task);
      else if (failed && strict) this.states[task] = 'upstream_failed';
      else if (failed && rule === 'any_failed' && chooses?.kind !== 'conditions') this.begin(task);
      else if (waits) return;
      else if (this.allInUntakenBranch(task)) this.skip(task);
      else if (rule === 'any_failed' && chooses?.kind !== 'conditions') this.states[task] = 'skipped';
      else this.begin(task);
    }
  }

  private skip(task: number): void {
    this.states[task] = 'skipped';
    this.untaken.add(task);
  }

  private begin(task: number): void {
    const { chooses, preds } = this.shapes[task]!;
    if (!chooses) {
      this.states[task] = 'queued';
      return;
    }
    const yes = chooses.kind === 'switch' || preds.every((pred) => this.resultOf(pred) !== 'failure');
    this.states[task] = 'succeeded';
    this.leftOut.set(task, yes ? chooses.no : chooses.yes);
  }

  private hasEnded(task: number): boolean {
    return !['pending', 'queued', 'live', 'killing'].includes(this.states[task]!);
  }

  /** A disabled task stands for what is before it. */
  private resultOf(task: number): Result {
    const state = this.states[task]!;
    if (state === 'failed' || state === 'killed' || state === 'upstream_failed') return 'failure';
    if (this.untaken.has(task)) return 'branch';
    if (!this.shapes[task]!.disabled) return 'success';
    if (this.isLeftOut(task)) return 'branch';
    if (this.shapes[task]!.preds.some((pred) => this.resultOf(pred) === 'failure')) return 'failure';
    return this.allInUntakenBranch(task) ? 'branch' : 'success';
  }

  private choosersOf(task: number): number[] {
    return this.tasks.filter((other) =>
      [...(this.shapes[other]!.chooses?.yes ?? []), ...(this.shapes[other]!.chooses?.no ?? [])].includes(task),
    );
  }

  /** There are tasks that choose about it, and each chose another way or was itself never reached. */
  private isLeftOut(task: number): boolean {
    const choosers = this.choosersOf(task);
    return choosers.length > 0 && choosers.every((chooser) => this.leavesOut(chooser, task));
  }

  private leavesOut(chooser: number, task: number): boolean {
    return (
      this.hasEnded(chooser) &&
      ((this.leftOut.get(chooser)?.includes(task) ?? false) || this.resultOf(chooser) === 'branch')
    );
  }

  private allInUntakenBranch(task: number): boolean {
    const { preds } = this.shapes[task]!;
    return (
      preds.length > 0 &&
      preds.every(
        (pred) =>
          this.resultOf(pred) === 'branch' || (this.choosersOf(task).includes(pred) && this.leavesOut(pred, task)),
      )
    );
  }

  private successorsOf(task: number): number[] {
    return this.tasks.filter((other) => this.shapes[other]!.preds.includes(task));
  }

  /** Who really comes next: behind disabled tasks. */
  private effectiveSuccessorsOf(task: number): number[] {
    return this.successorsOf(task).flatMap((next) =>
      this.shapes[next]!.disabled ? this.effectiveSuccessorsOf(next) : [next],
    );
  }

  private isHandled(task: number): boolean {
    const next = this.effectiveSuccessorsOf(task).map((successor) => this.shapes[successor]!);
    return (
      next.length > 0 &&
      next.every(({ rule, chooses }) => chooses?.kind === 'conditions' || rule === 'all_done' || rule === 'any_failed')
    );
  }

  /** What depends on the failure says so, what has a process is killed, all else ends without having run. */
  private failFast(): void {
    for (const task of this.tasks) {
      const { preds, rule, disabled, chooses } = this.shapes[task]!;
      if (this.states[task] !== 'pending') continue;
      if (disabled && preds.every((pred) => this.hasEnded(pred))) this.states[task] = 'skipped';
      const behind = preds.some((pred) => this.hasEnded(pred) && this.resultOf(pred) === 'failure');
      const strict = (rule === 'all_success' || rule === 'none_failed') && chooses?.kind !== 'conditions';
      if (!disabled && strict && behind) this.states[task] = 'upstream_failed';
    }
    this.stopping = true;
    for (const task of this.tasks) {
      if (this.states[task] === 'live') this.states[task] = 'killing';
      else if (this.states[task] === 'queued') this.states[task] = 'killed';
      else if (this.states[task] === 'pending' && !this.shapes[task]!.disabled) this.states[task] = 'killed';
    }
  }
}
