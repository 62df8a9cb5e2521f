/** Backfills: both faces of the API come here with what to run and for which dates. */
import type { ConcurrencyPolicy, RunId } from '@pelorus/protocol';
import type { NewBackfill, BackfillRow } from '../store/port.ts';
import { datesIn, wrongCrontab, type DateRange } from './backfill-dates.ts';
import { dependentsOf } from './backfill-dependents.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { badParameters, problemAt } from './problem.ts';
import { prepareRun, type RunOrder, type SubmissionKey } from './submit.ts';

/** Names of the parameters as this face of the API has them, for its errors. */
export interface BackfillNames {
  startDate: string;
  endDate: string;
  crontab: string;
  mode: string;
  parallelism: string;
}

export interface BackfillOrder {
  /** How each run is made; its logical date is not looked at. */
  run: RunOrder;
  /** A range, or the very dates; epoch ms. */
  when: Omit<DateRange, 'zone'> | { dates: number[] };
  mode: 'serial' | 'parallel';
  /** Null: as the product does, 2. */
  parallelism: number | null;
  order: 'ascending' | 'descending';
  continueAfterFailure: boolean;
  /** Workflows that depend on it run for each date, too. */
  withDependents: boolean;
}

/** Checked, and ready to be stored. */
export interface PreparedBackfill {
  backfill: NewBackfill;
  warnings: string[];
}

const PARALLELISM_DEFAULT = 2;
/** Later dates are not reckoned, and none is to be missing without a word. */
const LATEST_DATE = Date.UTC(2200, 0, 1);

/** Everything that can be refused is refused here, before anything is written. */
export async function prepareBackfill(
  context: ApiContext,
  order: BackfillOrder,
  names: BackfillNames,
): Promise<PreparedBackfill> {
  refuseWrongRange(order, names);
  const now = context.clock();
  const first = 'dates' in order.when ? (order.when.dates[0] ?? now) : order.when.startAt;
  const {
    run,
    workflow,
    definition,
    warnings: ofRun,
  } = await prepareRun(context, { ...order.run, logicalDateAt: first });
  const zone = order.run.zone ?? definition.schedule?.timezone ?? 'UTC';
  const dates = await datesOf(order, zone, names);
  const { selection, params, failurePolicy, priority, workerGroup, environment, dryRun } = order.run;
  const { timeoutMs, notifyType, notifyMails, extras, version } = order.run;
  const following = order.withDependents ? await dependentsOf(context, workflow, order.run) : NO_DEPENDENTS;
  const warnings = [...ofRun, ...following.warnings, ...policyWarnings(definition.concurrency, order)];
  const backfill: NewBackfill = {
    workflowId: workflow.id,
    workflowVersion: version,
    startAt: Math.min(...ends(order, dates)),
    endAt: Math.max(...ends(order, dates)),
    crontab: 'dates' in order.when ? null : order.when.crontab,
    zone,
    mode: order.mode,
    parallelism: order.mode === 'serial' ? 1 : (order.parallelism ?? PARALLELISM_DEFAULT),
    order: order.order,
    continueAfterFailure: order.continueAfterFailure,
    dependents: following.dependents,
    dates: order.order === 'ascending' ? dates : dates.toReversed(),
    options: {
      ...{ selection, params, failurePolicy, priority, workerGroup, environment, dryRun },
      ...{ timeoutMs, notifyType, notifyMails, extras },
    },
    submitUser: run.submitUser,
    createdAt: now,
  };
  return { backfill, warnings };
}

function refuseWrongRange(order: BackfillOrder, names: BackfillNames): void {
  const problems: [string, string][] = [];
  if (!('dates' in order.when)) {
    const { startAt, endAt, crontab } = order.when;
    if (startAt > endAt) problems.push([names.startDate, `must not be after ${names.endDate}`]);
    if (endAt >= LATEST_DATE) problems.push([names.endDate, 'must lie before the year 2200']);
    const wrong = crontab === null ? null : wrongCrontab(crontab);
    if (wrong !== null) problems.push([names.crontab, wrong]);
  }
  if (order.parallelism !== null && order.mode === 'serial')
    problems.push([names.parallelism, `belongs to ${names.mode} parallel only`]);
  if (problems.length > 0)
    throw badParameters(
      problems.map(([name, message]) => problemAt(`/${name.replaceAll('.', '/')}`, `${name} ${message}`)),
    );
}

/** Ascending. */
async function datesOf({ when }: BackfillOrder, zone: string, names: BackfillNames): Promise<number[]> {
  if ('dates' in when) return [...new Set(when.dates)].toSorted((a, b) => a - b);
  const dates = await datesIn({ ...when, zone });
  const name = when.crontab === null ? names.endDate : names.crontab;
  const refuse = (why: string) => badParameters([problemAt(`/${name.replaceAll('.', '/')}`, `${name} ${why}`)]);
  if (dates.length === 0) throw refuse(`gives no date from ${names.startDate} to ${names.endDate}`);
  if (dates.length > API_LIMITS.backfillDates)
    throw refuse(`gives more than ${API_LIMITS.backfillDates} dates, which one backfill may have`);
  return dates;
}

function ends({ when }: BackfillOrder, dates: number[]): [number, number] {
  return 'dates' in when ? [dates[0] ?? 0, dates.at(-1) ?? 0] : [when.startAt, when.endAt];
}

const NO_DEPENDENTS = { dependents: [], warnings: [] };

/** What somebody who asks for many at a time would otherwise wonder about. */
function policyWarnings(policy: ConcurrencyPolicy, { mode }: BackfillOrder): string[] {
  if (policy === 'serial_discard')
    return [
      'the workflow discards a run while another one has not ended (serial_discard): dates run one at a time, and one that meets another run is skipped',
    ];
  if (policy === 'serial_priority')
    return [
      'a newer run of the workflow stops the older ones (serial_priority): dates run one at a time, and one that meets a newer run is stopped',
    ];
  return policy === 'serial_wait' && mode === 'parallel'
    ? ['runs of the workflow wait for each other (serial_wait): of those made at a time only one goes on']
    : [];
}

/** Durable when it returns, with the runs of the dates that begin at once; the master is told. */
export async function submitBackfill(
  context: ApiContext,
  { backfill }: PreparedBackfill,
  key: SubmissionKey | null,
): Promise<{ row: BackfillRow; runs: RunId[] }> {
  const given = key ?? { idempotencyKey: null, requestHash: '' };
  const { backfill: row, repeated, runs } = await context.store.createBackfill(backfill, given);
  context.hints.commandWritten();
  context.log.info({ backfill: row.id, workflow: row.workflow, dates: row.dateCount, repeated }, 'backfill submitted');
  return { row, runs };
}

export function backfillLocation(id: number): { location: string } {
  return { location: `/api/v1/backfills/${id}` };
}
