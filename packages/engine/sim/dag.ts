/**
 * The rules of the execution semantics once more, naively: from rows alone, by recursion, with nothing shared with the
 * engine but the words. Slow and plain, so that it can be checked by reading.
 */
import { isTerminalTaskRun, type TaskDefinition, type WorkflowDefinition } from '@pelorus/protocol';
import type { TaskRunRecord } from '../src/index.ts';

export type Rows = readonly (TaskRunRecord | undefined)[];

export function predecessorsOf(definition: WorkflowDefinition, task: number): number[] {
  return [...new Set(definition.tasks[task]!.needs)].map((name) => indexOf(definition, name));
}

function successorsOf(definition: WorkflowDefinition, task: number): number[] {
  const { name } = definition.tasks[task]!;
  return definition.tasks.flatMap((other, index) => (other.needs.includes(name) ? [index] : []));
}

function indexOf(definition: WorkflowDefinition, name: string): number {
  const index = definition.tasks.findIndex((task) => task.name === name);
  if (index === -1) throw new Error(`no task ${name}`);
  return index;
}

export function stateIn(rows: Rows, task: number): TaskRunRecord['state'] {
  return rows[task]?.state ?? 'pending';
}

/** Ended, and when it is a disabled task, everything that it stands for has ended too. */
export function hasEnded(definition: WorkflowDefinition, rows: Rows, task: number): boolean {
  if (!isTerminalTaskRun(stateIn(rows, task))) return false;
  return (
    !definition.tasks[task]!.disabled ||
    predecessorsOf(definition, task).every((pred) => hasEnded(definition, rows, pred))
  );
}

/** Whether a task that has ended counts as a failure for those after it; a disabled one passes on what is before it. */
export function countsAsFailure(definition: WorkflowDefinition, rows: Rows, task: number): boolean {
  if (definition.tasks[task]!.disabled)
    return predecessorsOf(definition, task).some((pred) => countsAsFailure(definition, rows, pred));
  const state = stateIn(rows, task);
  return state === 'failed' || state === 'killed' || state === 'upstream_failed';
}

/** What the trigger rule makes of the predecessors as they are now. */
export function verdictOf(
  definition: WorkflowDefinition,
  rows: Rows,
  task: number,
): 'wait' | 'run' | 'upstream_failed' | 'skipped' {
  const preds = predecessorsOf(definition, task);
  const allEnded = preds.every((pred) => hasEnded(definition, rows, pred));
  const failed = preds.some((pred) => hasEnded(definition, rows, pred) && countsAsFailure(definition, rows, pred));
  switch (definition.tasks[task]!.trigger) {
    case 'all_success':
    case 'none_failed':
      return failed ? 'upstream_failed' : allEnded ? 'run' : 'wait';
    case 'all_done':
      return allEnded ? 'run' : 'wait';
    case 'any_failed':
      return failed ? 'run' : allEnded ? 'skipped' : 'wait';
  }
}

/** Every task that really comes next (behind disabled ones) accepts a failure, and there is one. */
export function failureIsHandled(definition: WorkflowDefinition, task: number): boolean {
  const next = effectiveSuccessors(definition, task);
  return (
    next.length > 0 && next.every((successor) => successor.trigger === 'all_done' || successor.trigger === 'any_failed')
  );
}

function effectiveSuccessors(definition: WorkflowDefinition, task: number): TaskDefinition[] {
  return successorsOf(definition, task).flatMap((successor) => {
    const one = definition.tasks[successor]!;
    return one.disabled ? effectiveSuccessors(definition, successor) : [one];
  });
}
