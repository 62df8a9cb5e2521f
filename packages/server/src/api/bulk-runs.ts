/** What an operation on many runs does with one of them, and what it would do. */
import { RUN_STATES, isTerminalRun, type RunId, type RunState } from '@pelorus/protocol';
import type {
  ApiStore,
  AuditStamp,
  BulkAction,
  BulkActionKind,
  BulkItem,
  BulkOperation,
  SettledBulkItem,
} from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { ApiFailure } from './problem.ts';
import { prepareAgain } from './run-again.ts';
import { commandRun, suits } from './run-commands.ts';
import { submitRun } from './submit.ts';

/** Whether the action makes sense for a run in that state: what a filter without states selects, and what a preview says. */
export function mayApply(kind: BulkActionKind, state: RunState): boolean {
  switch (kind) {
    case 'stop':
    case 'pause':
    case 'resume':
      return suits(kind, state);
    case 'rerun':
      return isTerminalRun(state) && state !== 'succeeded';
    case 'repeat':
      return isTerminalRun(state);
  }
}

export function statesFor(kind: BulkActionKind): RunState[] {
  return RUN_STATES.filter((state) => mayApply(kind, state));
}

const OPERATION_OF: Record<BulkActionKind, string> = {
  stop: 'stopRun',
  pause: 'pauseRun',
  resume: 'resumeRun',
  rerun: 'rerunRun',
  repeat: 'repeatRun',
};

/** How the audit has what is done to one run: the operation that does it to one alone. */
export function bulkStamp(sender: Omit<AuditStamp, 'action'>, kind: BulkActionKind): AuditStamp {
  return { ...sender, action: OPERATION_OF[kind] };
}

/** Runs that may not be touched go into the audit as if each had been asked for alone: one row for each project, which counts them. */
export async function auditForbidden(
  store: Pick<ApiStore, 'listRunHeads' | 'writeAudit'>,
  stamp: AuditStamp,
  items: readonly { run: RunId; code: string | null }[],
): Promise<void> {
  const runs = items.flatMap(({ run, code }) => (code === 'FORBIDDEN' ? [run] : []));
  if (runs.length === 0) return;
  const byProject = Map.groupBy(await store.listRunHeads(runs), ({ projectId }) => projectId);
  const refusals = Array.from(byProject, ([id, [first, ...others]]) => {
    const name = first!.project;
    const about = { project: { id, name }, target: `projects/${name}` };
    return { stamp, code: 'FORBIDDEN', ...about, times: 1 + others.length };
  });
  await store.writeAudit(refusals);
}

/**
 * Does it, once however often it is asked: a process that died between the deed and its record finds the deed again by its key.
 * What cannot be done is an outcome; rejects only when the store does not answer.
 */
export async function settleItem(
  context: ApiContext,
  operation: Pick<BulkOperation, 'id' | 'action'>,
  item: Pick<BulkItem, 'position' | 'run'>,
  signal: AbortSignal,
): Promise<SettledBulkItem> {
  const { position, run } = item;
  const done = { position, state: 'done', command: null, newRun: null, code: null, message: null } as const;
  try {
    return { ...done, ...(await act(context, operation.action, run, `bulk-${operation.id}-${position}`, signal)) };
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return { ...done, state: 'refused', code: error.code, message: error.message };
  }
}

async function act(
  context: ApiContext,
  { kind, version }: BulkAction,
  run: RunId,
  idempotencyKey: string,
  signal: AbortSignal,
): Promise<Partial<SettledBulkItem>> {
  const key = { idempotencyKey, requestHash: kind };
  const earlier = await context.store.findSubmission(context.user, key, context.clock());
  switch (kind) {
    case 'stop':
    case 'pause':
    case 'resume': {
      if (earlier !== null) return { command: earlier.command };
      return { command: (await commandRun(context, run, kind, { waitMs: 0, signal, idempotencyKey })).command };
    }
    case 'rerun':
    case 'repeat': {
      if (earlier !== null) return { newRun: earlier.run };
      const what = kind === 'rerun' ? ({ kind: 'failed' } as const) : ({ kind: 'all' } as const);
      const prepared = await prepareAgain(context, { run, what, version: kind === 'rerun' ? version : 'same' });
      return { newRun: (await submitRun(context, prepared, key)).id };
    }
  }
}
