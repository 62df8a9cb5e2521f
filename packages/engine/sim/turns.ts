/**
 * Runs of one workflow taking turns, as the store's model keeps it (execution semantics, section 8). A run that waits for
 * its turn is `waiting` and says in `turn` how it waits: `serial_wait` (the oldest goes next), `serial_priority` (the
 * newest goes next, before all others) or `superseded` (told to stop; never goes).
 */
import { type Cause, isTerminalRun, type RunId } from '@pelorus/protocol';
import type { DurableRun, RunOrder } from './store-model.ts';

export type Turn = 'serial_wait' | 'serial_priority' | 'superseded';

export type Admission =
  | { kind: 'start' }
  | { kind: 'wait'; turn: 'serial_wait' | 'serial_priority'; reason: string }
  | { kind: 'discard'; cause: Extract<Cause, { kind: 'discarded' }> };

/** What becomes of a run that is about to be made; `runs` are all that there are. */
export function admit(runs: ReadonlyMap<RunId, DurableRun>, order: RunOrder, policy: string): Admission {
  if (policy === 'parallel' || order.dryRun) return { kind: 'start' };
  const line = lineOf(runs, order.workflowId);
  const last = line.at(-1);
  if (!last || ancestorsOf(runs, order).some(({ spec }) => spec.workflowId === order.workflowId))
    return { kind: 'start' };
  if (policy === 'serial_discard') return { kind: 'discard', cause: { kind: 'discarded', runId: last.spec.id } };
  return {
    kind: 'wait',
    turn: policy === 'serial_wait' ? policy : 'serial_priority',
    reason: `waits for its turn (${policy})`,
  };
}

/** Whoever has the next turn now, or null while somebody has it. */
export function nextInLine(runs: ReadonlyMap<RunId, DurableRun>, workflowId: number): DurableRun | null {
  const line = lineOf(runs, workflowId);
  if (line.some(({ turn }) => turn === null)) return null;
  return (
    line.findLast(({ turn }) => turn === 'serial_priority') ?? line.find(({ turn }) => turn === 'serial_wait') ?? null
  );
}

/** Those that a newcomer of a `serial_priority` workflow tells to stop. */
export function othersToStop(runs: ReadonlyMap<RunId, DurableRun>, newcomer: DurableRun): DurableRun[] {
  const others = lineOf(runs, newcomer.spec.workflowId).filter((run) => run !== newcomer);
  return others.filter(({ turn, status }) => turn !== 'superseded' && status.state !== 'stopping');
}

/** Runs of the workflow that have not ended, oldest first. Dry runs take no part. */
export function lineOf(runs: ReadonlyMap<RunId, DurableRun>, workflowId: number): DurableRun[] {
  return [...runs.values()].filter(
    ({ spec, status }) => spec.workflowId === workflowId && !spec.dryRun && !isTerminalRun(status.state),
  );
}

/** The run above, the one above that, and so on. */
export function ancestorsOf(runs: ReadonlyMap<RunId, DurableRun>, { parent }: Pick<RunOrder, 'parent'>): DurableRun[] {
  const above = parent && runs.get(parent.run);
  return above ? [above, ...ancestorsOf(runs, above.spec)] : [];
}
