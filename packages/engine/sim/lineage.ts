/**
 * S11: what holds between a run and the runs that its `sub_workflow` tasks start, read off the rows. Each function says what
 * is wrong, or null.
 */
import { isTerminalRun, type RunId } from '@pelorus/protocol';
import type { AttemptRecord, ParentLink } from '../src/index.ts';
import { type DurableRun, isTerminalAttempt, type StoreModel } from './store-model.ts';

/** Right after the commit that started the child. */
export function wrongStart(store: StoreModel, parent: ParentLink): string | null {
  const { run, task, attempt: n } = parent;
  const above = store.runs.get(run);
  const attempt = above?.attempts[task]?.[n - 1];
  const child = store.childOf(parent);
  if (!above || !attempt || !child) return `a child is started for ${run}.${task}.${n}, which is not there`;
  const name = `run ${child.spec.id}, the child of ${run}.${task}.${n},`;
  if (isTerminalAttempt(attempt)) return `${name} is started although the attempt is ${attempt.state}`;
  if (child.spec.depth !== (above.spec.depth ?? 0) + 1) return `${name} is at depth ${child.spec.depth ?? 0}`;
  if (child.spec.logicalDateAt !== above.spec.logicalDateAt) return `${name} has another logical date`;
  const { action } = above.workflow.definition.tasks[task]!;
  return action.type === 'sub_workflow' && action.workflow === child.spec.workflow
    ? null
    : `${name} is of workflow ${child.spec.workflow}`;
}

/** An attempt ends after its child. */
export function wrongAttemptEnd(store: StoreModel, { run, task, n, state }: AttemptRecord): string | null {
  const child = store.childOf({ run, task, attempt: n });
  if (!child || isTerminalRun(child.status.state)) return null;
  return `attempt ${run}.${task}.${n} is ${state}, but its child, run ${child.spec.id}, is ${child.status.state}`;
}

/** Nothing below a run outlives it. */
export function wrongRunEnd(store: StoreModel, id: RunId): string | null {
  const { state } = store.runs.get(id)!.status;
  const alive = descendantsOf(store, id).find(({ status }) => !isTerminalRun(status.state));
  return alive ? `run ${id} is shown ${state}, but run ${alive.spec.id} below it is ${alive.status.state}` : null;
}

/** Children, their children and so on. */
export function descendantsOf(store: StoreModel, id: RunId): DurableRun[] {
  return store.childrenOf(id).flatMap((child) => [child, ...descendantsOf(store, child.spec.id)]);
}

/** L4 of a live attempt that waits for its child: the child will end and say so, or has said so; one to be killed is told. */
export function missingChild(store: StoreModel, attempt: AttemptRecord): string | null {
  const { run, task, n, kill } = attempt;
  const child = store.childOf({ run, task, attempt: n });
  if (!child) return 'it waits for a child that was never started';
  const { id } = child.spec;
  const { state } = child.status;
  if (isTerminalRun(state)) {
    const told = store
      .waitingCommands(run)
      .some(({ action }) => action.kind === 'child-finished' && action.child === id && action.attempt === n);
    return told ? null : `its child, run ${id}, is ${state}, and nobody tells it`;
  }
  if (kill)
    return state === 'stopping' || isTold(store, id, 'stop')
      ? null
      : `it is being killed, but its child, run ${id}, is ${state}`;
  return isPausedAbove(store, run) && goesOn(store, child)
    ? `its run is paused, but its child, run ${id}, is ${state}`
    : null;
}

function isPausedAbove(store: StoreModel, id: RunId): boolean {
  const { state } = store.runs.get(id)!.status;
  return state === 'pausing' || state === 'paused';
}

/** Though nobody has asked for just that. */
function goesOn(store: StoreModel, { spec, status, turn, resumedByPeople }: DurableRun): boolean {
  if (turn !== null) return false;
  const atRest = status.state === 'pausing' || status.state === 'paused' || status.state === 'stopping';
  return !atRest && !resumedByPeople && !isTold(store, spec.id, 'pause');
}

function isTold(store: StoreModel, id: RunId, what: 'pause' | 'stop'): boolean {
  return store.waitingCommands(id).some(({ action }) => action.kind === what);
}
