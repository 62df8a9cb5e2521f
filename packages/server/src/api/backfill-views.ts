/** Stored backfills as the resources answer them. Pure. */
import type { BackfillDate, BackfillSummary, BackfillView } from '@pelorus/protocol';
import type { BackfillRow } from '../store/port.ts';
import { instantText } from './views.ts';

export function backfillSummary(row: BackfillRow): BackfillSummary {
  return {
    id: row.id,
    project: row.project,
    workflow: row.workflow,
    version: row.workflowVersion,
    startDate: instantText(row.startAt),
    endDate: instantText(row.endAt),
    crontab: row.crontab,
    zone: row.zone,
    mode: row.mode,
    parallelism: row.parallelism,
    order: row.order,
    state: row.state,
    waitReason: row.waitReason,
    counts: row.counts,
    submittedBy: row.submitUser,
    createdAt: instantText(row.createdAt),
    updatedAt: instantText(row.updatedAt),
    endedAt: row.endedAt === null ? null : instantText(row.endedAt),
  };
}

export function backfillView(row: BackfillRow): BackfillView {
  const { selection, ...options } = row.options;
  return {
    ...backfillSummary(row),
    options: {
      ...options,
      from: selection.kind === 'node' ? { task: selection.tasks, dep: DEPS[selection.dep] } : null,
      select: selection.kind === 'selected' ? selection.tasks : null,
    },
    dates: row.dates?.map((at) => dateView(row, at)) ?? null,
  };
}

const DEPS = { NODE_ONLY: 'node', NODE_POST: 'post', NODE_PRE: 'pre' } as const;

/** Nothing drives backfills yet, so none of its dates has begun. */
function dateView(row: BackfillRow, at: number): BackfillDate {
  return { date: instantText(at), state: row.endedAt === null ? 'pending' : 'stopped', run: null };
}
