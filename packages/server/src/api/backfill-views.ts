/** Stored backfills as the resources answer them. Pure. */
import type { BackfillDate, BackfillSummary, BackfillView } from '@pelorus/protocol';
import type { BackfillDateRow, BackfillDependent, BackfillRow } from '../store/port.ts';
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
    continueAfterFailure: row.continueAfterFailure,
    state: row.state,
    waitReason: row.waitReason,
    dateCount: row.dateCount,
    counts: row.counts,
    progress: progressOf(row),
    submittedBy: row.submitUser,
    createdAt: instantText(row.createdAt),
    updatedAt: instantText(row.updatedAt),
    endedAt: row.endedAt === null ? null : instantText(row.endedAt),
  };
}

/** Rounded down, so that 1 means: all. */
function progressOf({ counts, dateCount }: BackfillRow): number {
  const open = (counts.pending ?? 0) + (counts.running ?? 0);
  return Math.floor(((dateCount - open) / Math.max(1, dateCount)) * 10_000) / 10_000;
}

/** A page of its dates, and which of its dependents may be named. */
export interface BackfillPage {
  dates: readonly BackfillDateRow[];
  nextCursor: string | null;
  mayName: (dependent: BackfillDependent) => boolean;
}

export function backfillView(row: BackfillRow, { dates, nextCursor, mayName }: BackfillPage): BackfillView {
  const { selection, ...options } = row.options;
  return {
    ...backfillSummary(row),
    options: {
      ...options,
      from: selection.kind === 'node' ? { task: selection.tasks, dep: DEPS[selection.dep] } : null,
      select: selection.kind === 'selected' ? selection.tasks : null,
    },
    dependents: row.dependents.filter(mayName).map(nameOf),
    dates: dates.map((date) => {
      const dependent = row.dependents[date.step - 1];
      return dateView(date, dependent !== undefined && mayName(dependent) ? nameOf(dependent) : null);
    }),
    nextCursor,
  };
}

const DEPS = { NODE_ONLY: 'node', NODE_POST: 'post', NODE_PRE: 'pre' } as const;

export const nameOf = ({ project, workflow }: { project: string; workflow: string }): string =>
  `${project}/${workflow}`;

function dateView(date: BackfillDateRow, dependent: string | null): BackfillDate {
  const { state, run, runs, reason } = date;
  return {
    ...{ date: instantText(date.logicalAt), state, run, runs, dependent, reason },
    startedAt: date.begunAt === null ? null : instantText(date.begunAt),
    endedAt: date.endedAt === null ? null : instantText(date.endedAt),
  };
}
