/**
 * A run in memory: its stored records plus counters derived from them. Only `apply` writes it.
 *
 * Invariants
 * 1. Every counter is a function of the stored records; `openRun` recomputes them all, `apply` keeps them.
 * 2. `open[t]` is the number of predecessors of t that are not terminal; `failed[t]` of those that ended in failure as t
 *    sees it; `branched[t]` of those that an untaken branch skipped or that did not choose t, and `unchosen[t]` of the latter.
 * 3. A task run without a record is pending.
 */
import {
  type Cause,
  isTerminalTaskRun,
  type TaskDefinition,
  type TaskRunState,
  type WorkflowDefinition,
  type ParameterValue,
  workerIdOf,
} from '@pelorus/protocol';
import { branchesOf, type Graph, graphOf } from './graph.ts';
import type {
  AttemptRecord,
  Connection,
  RunSpec,
  RunStatus,
  StoredRun,
  TaskRunRecord,
  WorkflowFile,
  WorkflowVersion,
} from './records.ts';

/** What the plan says of a task. */
export const PLAN_RUN = 0;
export const PLAN_DISABLED = 1;
export const PLAN_NOT_SELECTED = 2;

/** Stands where a worker's id would for attempts that the master holds itself: `sub_workflow` and `dependent`. */
export const LOGIC_WORKER = workerIdOf('master');

/** How a terminal task run counts for its successors. */
export type Result = 'success' | 'failure' | 'branch';

/** What was looked up, or a sentence that says why it is not there. */
export type Looked<Value> = { kind: 'found'; value: Value } | { kind: 'problem'; problem: string };

/** What a project keeps for its tasks. It is asked as an attempt is dispatched and answers with what is there at that moment. */
export interface TaskVault {
  secret(name: string): Looked<string>;
  /** With the secrets that its address names in place. */
  connection(name: string): Looked<Connection>;
}

export interface RunContext {
  workflow: WorkflowVersion;
  /** Absent: the project has neither secrets nor connections. */
  vault?: TaskVault;
  /** What the run has pinned (`RunSpec.files`), with its content. */
  files?: readonly WorkflowFile[];
  /** Variables of the environments that its tasks or the run itself name; one that is not among them does not exist. */
  environments?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  projectParams: Readonly<Record<string, ParameterValue>>;
}

export interface Run {
  readonly spec: RunSpec;
  readonly context: RunContext;
  readonly definition: WorkflowDefinition;
  readonly graph: Graph;
  /** RFC 3339, UTC. */
  readonly logicalDate: string;
  readonly plan: Uint8Array;
  /** 1 where a failure of the task is handled by all of its effective successors. */
  readonly handled: Uint8Array;
  status: RunStatus;
  /** Change counter; the version of the last change. */
  version: number;
  tasks: (TaskRunRecord | undefined)[];
  /** Latest attempt per task. */
  attempts: (AttemptRecord | undefined)[];
  open: Int32Array;
  failed: Int32Array;
  branched: Int32Array;
  unchosen: Int32Array;
  /** The root task whose failure counts in `failed[t]`, or −1. */
  culprit: Int32Array;
  /** Task runs that are not terminal. */
  unfinished: number;
  /** Task runs that are dispatched, running or killing. */
  live: number;
  /** Of these, the ones that the master holds itself. */
  liveLogic: number;
  /** Terminal task runs that are neither success-like nor a handled failure. */
  bad: number;
  killed: number;
  /** Task runs that gave outputs. */
  withOutputs: number;
  /** The names of all of these. */
  outputNames: Set<string>;
}

export function stateOf(run: Run, task: number): TaskRunState {
  return run.tasks[task]?.state ?? 'pending';
}

export function taskOf(run: Run, task: number): TaskDefinition {
  return run.graph.tasks[task]!;
}

export function isLive(state: TaskRunState): boolean {
  return state === 'dispatched' || state === 'running' || state === 'killing';
}

/** Builds the run as the store knows it; used for new runs and for recovery alike. O(V + E). */
export function openRun(stored: StoredRun, context: RunContext): Run {
  const definition = context.workflow.definition;
  const graph = graphOf(definition);
  const count = graph.tasks.length;
  const plan = planOf(stored.spec, graph);
  const run: Run = {
    spec: stored.spec,
    context,
    definition,
    graph,
    logicalDate: new Date(stored.spec.logicalDateAt).toISOString(),
    plan,
    handled: handledFailures(graph, plan),
    status: stored.status,
    version: stored.status.version,
    tasks: Array.from({ length: count }),
    attempts: Array.from({ length: count }),
    open: new Int32Array(count),
    failed: new Int32Array(count),
    branched: new Int32Array(count),
    unchosen: new Int32Array(count),
    culprit: new Int32Array(count).fill(-1),
    unfinished: count,
    live: 0,
    liveLogic: 0,
    bad: 0,
    killed: 0,
    withOutputs: 0,
    outputNames: new Set(),
  };
  for (let task = 0; task < count; task++) run.open[task] = graph.predStart[task + 1]! - graph.predStart[task]!;
  const rows: (TaskRunRecord | undefined)[] = Array.from({ length: count });
  for (const record of stored.tasks) rows[record.task] = record;
  for (const task of graph.order) {
    const record = rows[task];
    if (record) setTask(run, record);
  }
  for (const attempt of stored.attempts) setAttempt(run, attempt);
  return run;
}

function planOf(spec: RunSpec, graph: Graph): Uint8Array {
  const plan = new Uint8Array(graph.tasks.length);
  if (spec.plan.run !== 'all') {
    plan.fill(PLAN_NOT_SELECTED);
    for (const task of spec.plan.run) plan[task] = PLAN_RUN;
    for (const { task } of spec.plan.reuse) plan[task] = PLAN_RUN;
  }
  graph.tasks.forEach((task, index) => {
    if (task.disabled) plan[index] = PLAN_DISABLED;
  });
  return plan;
}

const NONE = 0;
const ACCEPTED = 1;
const REFUSED = 2;

/**
 * A failure is handled when the task has successors and each accepts failure. Skipped tasks are transparent:
 * what counts is who stands behind them. Reverse topological order, so O(V + E).
 */
function handledFailures(graph: Graph, plan: Uint8Array): Uint8Array {
  const behind = new Uint8Array(graph.tasks.length);
  for (let position = graph.order.length - 1; position >= 0; position--) {
    const task = graph.order[position]!;
    let verdict = NONE;
    for (let edge = graph.succStart[task]!; edge < graph.succStart[task + 1]!; edge++) {
      const successor = graph.succs[edge]!;
      const answer =
        plan[successor] === PLAN_RUN
          ? acceptsFailure(graph.tasks[successor]!)
            ? ACCEPTED
            : REFUSED
          : behind[successor]!;
      verdict = Math.max(verdict, answer);
    }
    behind[task] = verdict;
  }
  return behind.map((verdict) => (verdict === ACCEPTED ? 1 : 0));
}

function acceptsFailure(task: TaskDefinition): boolean {
  return task.action.type === 'conditions' || task.trigger === 'all_done' || task.trigger === 'any_failed';
}

export function isFailure(state: TaskRunState): boolean {
  return state === 'failed' || state === 'killed' || state === 'upstream_failed';
}

/** What a task has seen of those before it. */
export interface Seen {
  failed: number;
  branched: number;
  unchosen: number;
}

/** How `record`, which is terminal, counts for its successors; a skipped task hands on what its predecessors were. */
export function resultOf(record: TaskRunRecord, seen: Seen, graph: Graph): Result {
  switch (record.state) {
    case 'failed':
    case 'killed':
    case 'upstream_failed':
      return 'failure';
    case 'skipped':
      if (record.cause?.kind === 'branch') return 'branch';
      if (record.cause?.kind === 'not_triggered') return 'success';
      if (isLeftOut(graph, record.task, seen)) return 'branch';
      if (seen.failed > 0) return 'failure';
      return isAllBranched(graph, record.task, seen) ? 'branch' : 'success';
    default:
      return 'success';
  }
}

/** There are tasks that choose about it, and none chose it. */
export function isLeftOut(graph: Graph, task: number, { unchosen }: Seen): boolean {
  return unchosen > 0 && unchosen === graph.choosers[task];
}

/** Everything before it belongs to branches that were not taken. */
export function isAllBranched(graph: Graph, task: number, { branched }: Seen): boolean {
  return branched > 0 && branched === graph.predStart[task + 1]! - graph.predStart[task]!;
}

export function setTask(run: Run, record: TaskRunRecord): void {
  const before = stateOf(run, record.task);
  run.tasks[record.task] = record;
  run.version = Math.max(run.version, record.version);
  if (isLive(before) !== isLive(record.state)) {
    const step = isLive(record.state) ? 1 : -1;
    run.live += step;
    if (isLogic(taskOf(run, record.task))) run.liveLogic += step;
  }
  if (record.state === 'forced_success' && isTerminalTaskRun(before)) return void forgive(run, before, record);
  if (isTerminalTaskRun(before) || !isTerminalTaskRun(record.state)) return;
  run.unfinished--;
  if (countsAsBad(run, record.state, record.task)) run.bad++;
  if (record.state === 'killed') run.killed++;
  if (record.outputs) {
    run.withOutputs++;
    for (const name of Object.keys(record.outputs)) run.outputNames.add(name);
  }
  propagate(run, record);
}

/** A person overruled an end: it counts neither against the run nor for those who still wait behind it. */
function forgive(run: Run, before: TaskRunState, record: TaskRunRecord): void {
  if (countsAsBad(run, before, record.task)) run.bad--;
  if (before === 'killed') run.killed--;
  if (!isFailure(before)) return;
  withdrawFailure(run.graph, record.task, {
    record: (task) => run.tasks[task],
    seen: (task) => ({ failed: run.failed[task]!, branched: run.branched[task]!, unchosen: run.unchosen[task]! }),
    withdraw: (task) => {
      if (--run.failed[task]! === 0) run.culprit[task] = -1;
    },
  });
}

/**
 * A task that had failed is a success now: its successors have one failed predecessor less, and so have those behind
 * skipped ones that had handed the failure on. Whoever has ended because of it stays as it is. O(V + E).
 */
export function withdrawFailure(
  graph: Graph,
  from: number,
  book: {
    record: (task: number) => TaskRunRecord | undefined;
    seen: (task: number) => Seen;
    withdraw: (task: number) => void;
  },
): void {
  const handedOn = [from];
  for (const task of handedOn) {
    for (let edge = graph.succStart[task]!; edge < graph.succStart[task + 1]!; edge++) {
      const successor = graph.succs[edge]!;
      const record = book.record(successor);
      const handsOn = () => record?.state === 'skipped' && resultOf(record, book.seen(successor), graph) === 'failure';
      const before = handsOn();
      book.withdraw(successor);
      if (before && !handsOn()) handedOn.push(successor);
    }
  }
}

/** Neither success-like nor a failure that the successors handle. */
export function countsAsBad(run: Run, state: TaskRunState, task: number): boolean {
  if (state === 'upstream_failed') return true;
  return isFailure(state) && run.handled[task] === 0;
}

export function isLogic(task: TaskDefinition): boolean {
  return task.action.type === 'sub_workflow' || task.action.type === 'dependent';
}

function propagate(run: Run, record: TaskRunRecord): void {
  const { graph } = run;
  const task = record.task;
  const seen = { failed: run.failed[task]!, branched: run.branched[task]!, unchosen: run.unchosen[task]! };
  const result = resultOf(record, seen, graph);
  const culprit = rootOfFailure(record, run.culprit[task]!);
  const untaken = untakenBy(record, result, taskOf(run, task));
  for (let edge = graph.succStart[task]!; edge < graph.succStart[task + 1]!; edge++) {
    const successor = graph.succs[edge]!;
    run.open[successor]!--;
    const unchosen = untaken?.has(graph.tasks[successor]!.name) ?? false;
    if (unchosen) run.unchosen[successor]!++;
    if (unchosen || result === 'branch') run.branched[successor]!++;
    if (result !== 'failure') continue;
    run.failed[successor]!++;
    if (run.culprit[successor] === -1) run.culprit[successor] = culprit;
  }
}

/** Branch tasks that a finished `conditions` or `switch` did not choose; one in an untaken branch chose none of them. */
export function untakenBy(
  record: TaskRunRecord,
  result: Result,
  { action }: TaskDefinition,
): ReadonlySet<string> | null {
  if (result === 'branch') return branchesOf(action);
  return record.cause?.kind === 'chose' && record.cause.untaken.length > 0 ? untakenOf(record.cause) : null;
}

const UNTAKEN = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Kept with the choice: each of a switch's many branches asks for it. */
export function untakenOf(choice: Extract<Cause, { kind: 'chose' }>): ReadonlySet<string> {
  let names = UNTAKEN.get(choice.untaken);
  if (!names) UNTAKEN.set(choice.untaken, (names = new Set(choice.untaken)));
  return names;
}

/** The task to name when a successor cannot run: the first in the chain that failed by itself. */
export function rootOfFailure(record: TaskRunRecord, inherited: number): number {
  const passedOn = record.state === 'upstream_failed' || record.state === 'skipped';
  return passedOn && inherited !== -1 ? inherited : record.task;
}

export function setAttempt(run: Run, record: AttemptRecord): void {
  const latest = run.attempts[record.task];
  if (!latest || record.n >= latest.n) run.attempts[record.task] = record;
  run.version = Math.max(run.version, record.version);
}
