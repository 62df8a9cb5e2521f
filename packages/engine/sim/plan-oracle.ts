/**
 * What a run that runs another again may do, worked out again: which results it takes over, and that it does nothing for
 * them. Each function says what is wrong, or null. Independent of the engine's planner.
 */
import { formatAttemptId, parseAttemptId, type RunId } from '@pelorus/protocol';
import { ancestorsOf, branchesOf, caseOf } from './dag.ts';
import type { Ledger } from './ledger.ts';
import type { DurableRun, StoreModel } from './store-model.ts';

const SUCCESSES: ReadonlySet<string> = new Set(['succeeded', 'forced_success', 'reused']);

/** Nothing was done for a task whose result was taken over, and the result is the one that there was. */
export function wrongReuse(run: DurableRun, { store, ledger }: { store: StoreModel; ledger: Ledger }): string | null {
  for (const { task, attempt } of run.spec.plan.reuse) {
    const record = run.tasks[task];
    const origin = parseAttemptId(attempt)!;
    const source = store.runs.get(origin.run)?.tasks[origin.task];
    const name = `task ${task}, taken over from ${attempt},`;
    if (record?.state !== 'reused') return `${name} is ${record?.state ?? 'pending'}`;
    const began = ledger.byAttempt.has(formatAttemptId({ run: run.spec.id, task, n: 1 }));
    if (record.attempts > 0 || run.attempts[task]!.length > 0 || began) return `${name} was executed`;
    if (!source || !SUCCESSES.has(source.state)) return `${name} was ${source?.state ?? 'pending'} there`;
    if (JSON.stringify(source.outputs) !== JSON.stringify(record.outputs)) return `${name} has other outputs`;
  }
  return null;
}

/** Whether the plan takes over what it should and runs what it should. */
export function wrongPlan(run: DurableRun, runs: ReadonlyMap<RunId, DurableRun>): string | null {
  const { mode, rerunOf } = run.spec;
  const earlier = rerunOf === null ? undefined : runs.get(rerunOf);
  if (!earlier) return null;
  const reused = new Set(run.spec.plan.reuse.map(({ task }) => task));
  if (mode !== 'rerun-failed' && mode !== 'rerun-from') return reused.size === 0 ? null : `${mode} takes results over`;
  for (const task of run.workflow.definition.tasks.keys()) {
    const wrong = reused.has(task) ? wrongTakenOver(run, earlier, task) : wrongLeft(run, earlier, task);
    if (wrong !== null) return `task ${task} ${wrong}`;
  }
  return null;
}

function wrongTakenOver(run: DurableRun, earlier: DurableRun, task: number): string | null {
  if (!SUCCESSES.has(earlier.tasks[task]?.state ?? 'pending')) return 'is taken over though it had not succeeded';
  if (branchesOf(run.workflow.definition.tasks[task]!.action).length > 0)
    return 'is taken over though it chooses a branch';
  return isNewOrChanged(run, earlier, task) ? 'is taken over though it, or one before it, has changed' : null;
}

/** What was not taken over runs, if it had been selected; what had succeeded is run again for a reason only. */
function wrongLeft(run: DurableRun, earlier: DurableRun, task: number): string | null {
  const before = caseOf(earlier);
  const { type } = run.workflow.definition.tasks[task]!.action;
  const runsNow = run.spec.plan.run !== 'all' && run.spec.plan.run.includes(task);
  const had = SUCCESSES.has(earlier.tasks[task]?.state ?? 'pending');
  const changed = isNewOrChanged(run, earlier, task);
  if (had && !changed && run.spec.mode === 'rerun-failed' && type !== 'switch' && type !== 'conditions')
    return 'had succeeded and is not taken over';
  const wasThere = task < before.tasks.length;
  const wasLeftOut = wasThere && before.notSelected.has(task);
  if (wasThere && !wasLeftOut && !runsNow) return 'had been selected and does not run';
  return wasLeftOut && runsNow && run.spec.mode === 'rerun-failed' && !changed
    ? 'had not been selected and runs'
    : null;
}

/** Versions only ever grow at their end, so that a task keeps its place. */
function isNewOrChanged(run: DurableRun, earlier: DurableRun, task: number): boolean {
  const now = caseOf(run);
  const before = earlier.workflow.definition.tasks;
  return [task, ...ancestorsOf(now, task)].some(
    (one) => JSON.stringify(now.tasks[one]) !== JSON.stringify(before[one]),
  );
}
