/**
 * The rules of the execution semantics once more, naively: from rows alone, by recursion, with nothing shared with the
 * engine but the words. Slow and plain, so that it can be checked by reading.
 */
import { isTerminalTaskRun, type TaskAction, type TaskCondition, type TaskDefinition } from '@pelorus/protocol';
import type { TaskRunRecord } from '../src/index.ts';
import type { DurableRun } from './store-model.ts';

type Rows = readonly (TaskRunRecord | undefined)[];

/** A run as its rows say, or said once. */
export interface Case {
  tasks: readonly TaskDefinition[];
  rows: Rows;
  /** Tasks that the plan leaves out. */
  notSelected: ReadonlySet<number>;
}

export type Verdict =
  | 'wait'
  | 'run'
  | 'upstream_failed'
  /** It belongs to a branch that was not taken. */
  | 'branch'
  /** No predecessor failed, for which alone it would have run. */
  | 'not_triggered'
  /** It is disabled or not selected, and all that it stands for has ended. */
  | 'pass';

export function caseOf(run: DurableRun): Case {
  const { tasks } = run.workflow.definition;
  const { plan } = run.spec;
  const planned = new Set(plan.run === 'all' ? tasks.keys() : [...plan.run, ...plan.reuse.map(({ task }) => task)]);
  return { tasks, rows: run.tasks, notSelected: new Set([...tasks.keys()].filter((task) => !planned.has(task))) };
}

/** The run before its first forced success, before the second, and so on to what it is now. What was decided then stays. */
export function momentsOf(run: DurableRun): Case[] {
  const now = caseOf(run);
  const moments = [now];
  const rows = [...now.rows];
  for (const { task, before } of run.forced.toReversed()) {
    rows[task] = before;
    moments.unshift({ ...now, rows: [...rows] });
  }
  return moments;
}

export function predecessorsOf({ tasks }: Pick<Case, 'tasks'>, task: number): number[] {
  return [...new Set(tasks[task]!.needs)].map((name) => indexOf(tasks, name));
}

function successorsOf({ tasks }: Case, task: number): number[] {
  const { name } = tasks[task]!;
  return tasks.flatMap((other, index) => (other.needs.includes(name) ? [index] : []));
}

function indexOf(tasks: readonly TaskDefinition[], name: string): number {
  const index = tasks.findIndex((task) => task.name === name);
  if (index === -1) throw new Error(`no task ${name}`);
  return index;
}

/** Nothing is done for it; it stands for what is before it. */
export function isPassedThrough({ tasks, notSelected }: Case, task: number): boolean {
  return tasks[task]!.disabled || notSelected.has(task);
}

/** Ended, and when it is passed through, everything that it stands for has ended too. */
export function hasEnded(of: Case, task: number): boolean {
  const { state } = of.rows[task] ?? { state: 'pending' };
  if (!isTerminalTaskRun(state)) return false;
  return (
    state !== 'skipped' || !isPassedThrough(of, task) || predecessorsOf(of, task).every((pred) => hasEnded(of, pred))
  );
}

/** How a task that has ended counts for those after it. */
export function resultOf(of: Case, task: number): 'success' | 'failure' | 'branch' {
  const { state, cause } = of.rows[task] ?? { state: 'pending', cause: null };
  if (state === 'failed' || state === 'killed' || state === 'upstream_failed') return 'failure';
  if (state !== 'skipped') return 'success';
  if (!isPassedThrough(of, task)) return cause?.kind === 'branch' ? 'branch' : 'success';
  if (isLeftOut(of, task)) return 'branch';
  if (predecessorsOf(of, task).some((pred) => resultOf(of, pred) === 'failure')) return 'failure';
  return isBehindUntaken(of, task) ? 'branch' : 'success';
}

/** What the trigger rule makes of the predecessors as they are now. */
export function verdictOf(of: Case, task: number): Verdict {
  const preds = predecessorsOf(of, task);
  const waits = preds.some((pred) => !hasEnded(of, pred));
  const failed = preds.some((pred) => hasEnded(of, pred) && resultOf(of, pred) === 'failure');
  if (isPassedThrough(of, task)) return waits ? 'wait' : 'pass';
  if (choosersOf(of, task).length > 0 && waits) return 'wait';
  if (isLeftOut(of, task)) return 'branch';
  const rule = ruleOf(of.tasks[task]!);
  if (failed && isStrict(of, task)) return 'upstream_failed';
  if (failed && rule === 'any_failed') return 'run';
  if (waits) return 'wait';
  if (isBehindUntaken(of, task)) return 'branch';
  return rule === 'any_failed' ? 'not_triggered' : 'run';
}

function ruleOf({ action, trigger }: TaskDefinition): TaskDefinition['trigger'] {
  return action.type === 'conditions' ? 'all_done' : trigger;
}

/** One failure before it is enough to keep it from running. */
export function isStrict({ tasks }: Case, task: number): boolean {
  const rule = ruleOf(tasks[task]!);
  return rule === 'all_success' || rule === 'none_failed';
}

// ---------------------------------------------------------------------------------------------------- branches

/** All that a task chooses among. */
export function branchesOf(action: TaskAction): string[] {
  if (action.type === 'conditions') return [...action.success, ...action.failure];
  if (action.type === 'switch') return [...action.cases.flatMap(({ goto }) => goto), ...action.default];
  return [];
}

function choosersOf({ tasks }: Case, task: number): number[] {
  return tasks.flatMap(({ action }, index) => (branchesOf(action).includes(tasks[task]!.name) ? [index] : []));
}

/** There are tasks that choose about it, and each chose otherwise or was never reached itself. */
function isLeftOut(of: Case, task: number): boolean {
  const choosers = choosersOf(of, task);
  return choosers.length > 0 && choosers.every((chooser) => leavesOut(of, chooser, task));
}

function leavesOut(of: Case, chooser: number, task: number): boolean {
  if (!hasEnded(of, chooser)) return false;
  const cause = of.rows[chooser]?.cause;
  const otherwise = cause?.kind === 'chose' && !cause.taken.includes(of.tasks[task]!.name);
  return otherwise || resultOf(of, chooser) === 'branch';
}

function isBehindUntaken(of: Case, task: number): boolean {
  const preds = predecessorsOf(of, task);
  const choosers = choosersOf(of, task);
  const untaken = (pred: number) =>
    resultOf(of, pred) === 'branch' || (choosers.includes(pred) && leavesOut(of, pred, task));
  return preds.length > 0 && preds.every(untaken);
}

/** Whether a condition over predecessors holds. */
export function holds(of: Case, condition: TaskCondition): boolean {
  if ('and' in condition) return condition.and.every((part) => holds(of, part));
  if ('or' in condition) return condition.or.some((part) => holds(of, part));
  const failed = resultOf(of, indexOf(of.tasks, condition.task)) === 'failure';
  return failed === (condition.state === 'failed');
}

// ---------------------------------------------------------------------------------------------------- failures

/** Every task that really comes next (behind those passed through) accepts a failure, and there is one. */
export function failureIsHandled(of: Case, task: number): boolean {
  const next = effectiveSuccessors(of, task);
  return next.length > 0 && next.every((successor) => !isStrict(of, successor));
}

function effectiveSuccessors(of: Case, task: number): number[] {
  return successorsOf(of, task).flatMap((next) => (isPassedThrough(of, next) ? effectiveSuccessors(of, next) : [next]));
}

/** Everything before it, however far. */
export function ancestorsOf(of: Pick<Case, 'tasks'>, task: number): Set<number> {
  const found = new Set(predecessorsOf(of, task));
  for (const at of found) for (const pred of predecessorsOf(of, at)) found.add(pred);
  return found;
}
