/**
 * What a `dependent` task waits for, as questions to the store and as a verdict on the answers. Pure: which instants a
 * window means is reckoned by the calendar of the run's zone, from its logical date. Rules: the execution semantics,
 * section 5; the windows mean what they mean in Apache DolphinScheduler, but for weeks and months: those are one interval
 * each, since a workflow that runs weekly or monthly could never satisfy every day of them.
 */
import {
  isTerminalRun,
  isTerminalTaskRun,
  phrase,
  type RunId,
  type RunState,
  type UpstreamCondition,
} from '@pelorus/protocol/vocabulary';
import { Temporal } from './temporal.ts';
import type { UpstreamVerdict } from './events.ts';
import type { TaskRunRecord } from './records.ts';

/** Half-open, epoch ms. */
export interface Interval {
  from: number;
  to: number;
}

export interface LogicalInstant {
  /** Epoch ms. */
  at: number;
  /** IANA name. */
  zone: string;
}

/** Asks for the latest run (by logical date, then by id) whose logical date lies in `from ≤ date < to`, or for a task in it. */
export interface UpstreamQuery {
  project: string;
  workflow: string;
  /** Null: the workflow as a whole. */
  task: string | null;
  from: number;
  to: number;
  /** The run that asks: a workflow that waits for itself means its other runs. */
  except?: RunId;
}

export type UpstreamFact = { kind: 'none' } | { kind: 'running' | 'succeeded' | 'failed'; runId: RunId };

/** Questions that one `dependent` task may put to the store at once. */
export const UPSTREAM_QUERIES_MAX = 10_000;

/** The N of `lastNHours` and `lastNDays` goes up to this. */
export const UPSTREAM_WINDOW_STEPS_MAX = 366;

/** The windows that have a name of their own, and what they mean; `lastNHours` and `lastNDays` come in every length. */
export const UPSTREAM_WINDOWS: readonly { name: string; meaning: string }[] = [
  { name: 'currentHour', meaning: 'the hour of the logical date' },
  { name: 'last1Hour', meaning: 'the hour before it' },
  { name: 'last2Hours', meaning: 'each of the two hours before it' },
  { name: 'last3Hours', meaning: 'each of the three hours before it' },
  { name: 'last24Hours', meaning: 'each of the 24 hours before it' },
  { name: 'lastNHours', meaning: `each of the N hours before it, N from 1 to ${UPSTREAM_WINDOW_STEPS_MAX}` },
  { name: 'today', meaning: 'the day of the logical date' },
  { name: 'last1Days', meaning: 'the day before it' },
  { name: 'last2Days', meaning: 'each of the two days before it' },
  { name: 'last3Days', meaning: 'each of the three days before it' },
  { name: 'last7Days', meaning: 'each of the seven days before it' },
  { name: 'lastNDays', meaning: `each of the N days before it, N from 1 to ${UPSTREAM_WINDOW_STEPS_MAX}` },
  { name: 'thisWeek', meaning: 'from Monday to the end of the day of the logical date' },
  { name: 'lastWeek', meaning: 'Monday to Sunday of the week before' },
  { name: 'lastMonday', meaning: 'Monday of the week before' },
  { name: 'lastTuesday', meaning: 'Tuesday of the week before' },
  { name: 'lastWednesday', meaning: 'Wednesday of the week before' },
  { name: 'lastThursday', meaning: 'Thursday of the week before' },
  { name: 'lastFriday', meaning: 'Friday of the week before' },
  { name: 'lastSaturday', meaning: 'Saturday of the week before' },
  { name: 'lastSunday', meaning: 'Sunday of the week before' },
  { name: 'thisMonth', meaning: 'from the first of the month to the end of the day of the logical date' },
  { name: 'thisMonthBegin', meaning: 'the first day of the month' },
  { name: 'lastMonth', meaning: 'the whole month before' },
  { name: 'lastMonthBegin', meaning: 'the first day of the month before' },
  { name: 'lastMonthEnd', meaning: 'the last day of the month before' },
];

/**
 * The intervals that a window means, oldest first; every one of them has to be satisfied. Null for a window or a zone
 * that there is not. Days and hours are those of the zone: a day may have 23 or 25 hours, and an hour that the clocks
 * repeat is two.
 */
export function windowsOf(window: string, logical: LogicalInstant): Interval[] | null {
  try {
    return intervalsOf(window, Temporal.Instant.fromEpochMilliseconds(logical.at).toZonedDateTimeISO(logical.zone));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

type Zoned = Temporal.ZonedDateTime;

const STEPS = /^last([1-9]\d{0,2})(Hour|Day)s?$/;
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

function intervalsOf(window: string, date: Zoned): Interval[] | null {
  const steps = STEPS.exec(window);
  if (steps) return stepsBefore(date, steps[2] === 'Hour' ? 'hour' : 'day', Number(steps[1]));
  const weekday = window.startsWith('last') ? WEEKDAYS.indexOf(window.slice('last'.length)) : -1;
  if (weekday !== -1) return days(monday(date).subtract({ weeks: 1 }).add({ days: weekday }), { days: 1 });
  switch (window) {
    case 'currentHour':
      return [{ from: startOf(date, 'hour').epochMilliseconds, to: endOf(date, 'hour') }];
    case 'today':
      return days(date, { days: 1 });
    case 'thisWeek':
      return [{ from: monday(date).epochMilliseconds, to: endOf(date, 'day') }];
    case 'lastWeek':
      return days(monday(date).subtract({ weeks: 1 }), { weeks: 1 });
    case 'thisMonth':
      return [{ from: first(date).epochMilliseconds, to: endOf(date, 'day') }];
    case 'thisMonthBegin':
      return days(first(date), { days: 1 });
    case 'lastMonth':
      return days(first(date).subtract({ months: 1 }), { months: 1 });
    case 'lastMonthBegin':
      return days(first(date).subtract({ months: 1 }), { days: 1 });
    case 'lastMonthEnd':
      return days(first(date).subtract({ days: 1 }), { days: 1 });
    default:
      return null;
  }
}

/** Whole days from the day of `date` on. */
function days(date: Zoned, length: { days: number } | { weeks: number } | { months: number }): Interval[] {
  const start = date.toPlainDate();
  return [{ from: midnight(start, date), to: midnight(start.add(length), date) }];
}

function midnight(day: Temporal.PlainDate, { timeZoneId }: Zoned): number {
  return day.toZonedDateTime(timeZoneId).epochMilliseconds;
}

function monday(date: Zoned): Zoned {
  return date
    .startOfDay()
    .subtract({ days: date.dayOfWeek - 1 })
    .startOfDay();
}

function first(date: Zoned): Zoned {
  return date.with({ day: 1 }).startOfDay();
}

/** The hours or days before the one of `date`. Each begins where the one before ends, whatever the clocks do. */
function stepsBefore(date: Zoned, unit: 'hour' | 'day', count: number): Interval[] | null {
  if (count > UPSTREAM_WINDOW_STEPS_MAX) return null;
  const found: Interval[] = [];
  let start = startOf(date, unit);
  for (let step = 0; step < count; step++) {
    const before = startOf(start.subtract({ milliseconds: 1 }), unit);
    found.push({ from: before.epochMilliseconds, to: start.epochMilliseconds });
    start = before;
  }
  return found.reverse();
}

function startOf(date: Zoned, unit: 'hour' | 'day'): Zoned {
  return unit === 'day' ? date.startOfDay() : date.round({ smallestUnit: 'hour', roundingMode: 'floor' });
}

/** Where clocks go back by half an hour, 01:00 to 02:00 lasts an hour and a half. */
function endOf(date: Zoned, unit: 'hour' | 'day'): number {
  if (unit === 'day') return midnight(date.toPlainDate().add({ days: 1 }), date);
  const start = startOf(date, 'hour');
  const next = startOf(start.add({ hours: 1 }), 'hour');
  return (next.epochMilliseconds > start.epochMilliseconds ? next : startOf(start.add({ hours: 2 }), 'hour'))
    .epochMilliseconds;
}

// ---------------------------------------------------------------------------------------------------- questions

/** What the store has to be asked, each question once; at most `UPSTREAM_QUERIES_MAX` of them. */
export function upstreamQueries(
  upstream: UpstreamCondition,
  project: string,
  logical: LogicalInstant,
): UpstreamQuery[] {
  const queries = new Map<string, UpstreamQuery>();
  const windows = windowsNamed(upstream, logical);
  for (const leaf of leavesOf(upstream)) {
    for (const interval of windows.get(leaf.window) ?? []) {
      if (queries.size >= UPSTREAM_QUERIES_MAX) return [...queries.values()];
      const query = queryOf(leaf, project, interval);
      queries.set(upstreamQueryKey(query), query);
    }
  }
  return [...queries.values()];
}

/** Equal for equal questions: where answers are kept between asking and judging. */
export function upstreamQueryKey({ project, workflow, task, from, to }: UpstreamQuery): string {
  return JSON.stringify([project, workflow, task, from, to]);
}

type Leaf = Extract<UpstreamCondition, { workflow: string }>;

function leavesOf(upstream: UpstreamCondition): Leaf[] {
  if ('and' in upstream) return upstream.and.flatMap(leavesOf);
  if ('or' in upstream) return upstream.or.flatMap(leavesOf);
  return [upstream];
}

function windowsNamed(upstream: UpstreamCondition, logical: LogicalInstant): Map<string, Interval[] | null> {
  const names = new Set(leavesOf(upstream).map(({ window }) => window));
  return new Map([...names].map((name) => [name, windowsOf(name, logical)]));
}

function queryOf({ workflow, task }: Leaf, project: string, { from, to }: Interval): UpstreamQuery {
  const slash = workflow.indexOf('/');
  return slash === -1
    ? { project, workflow, task, from, to }
    : { project: workflow.slice(0, slash), workflow: workflow.slice(slash + 1), task, from, to };
}

// ------------------------------------------------------------------------------------------------------ answers

/** What the state of the latest run says to those that wait for the workflow. */
export function upstreamFactOfRun(runId: RunId, state: RunState): UpstreamFact {
  if (!isTerminalRun(state)) return { kind: 'running', runId };
  return { kind: state === 'succeeded' ? 'succeeded' : 'failed', runId };
}

/**
 * What the latest run says to those that wait for one task of it. `record` is null where the task has no row: it has not
 * started yet, or the run's version has no such task. Skipped counts as success, as it does for successors; but a run
 * that left the task out says nothing of it.
 */
export function upstreamFactOfTask(
  runId: RunId,
  state: RunState,
  record: Pick<TaskRunRecord, 'state' | 'cause'> | null,
): UpstreamFact {
  if (record === null) return isTerminalRun(state) ? { kind: 'none' } : { kind: 'running', runId };
  if (record.cause?.kind === 'not_selected') return { kind: 'none' };
  if (!isTerminalTaskRun(record.state)) return { kind: 'running', runId };
  const failed = record.state === 'failed' || record.state === 'killed' || record.state === 'upstream_failed';
  return { kind: failed ? 'failed' : 'succeeded', runId };
}

// ------------------------------------------------------------------------------------------------------ verdict

interface Case {
  project: string;
  logical: LogicalInstant;
  windows: ReadonlyMap<string, Interval[] | null>;
  facts: (query: UpstreamQuery) => UpstreamFact;
}

/**
 * Judges the condition by what is known. AND fails as soon as one part has failed and is satisfied when all are; OR is
 * satisfied as soon as one part is and fails when all have; no run, or one that has not ended, means waiting. `detail`
 * tells people which workflow, task and window decided it, and what was found there.
 */
export function judgeUpstream(
  upstream: UpstreamCondition,
  project: string,
  logical: LogicalInstant,
  facts: (query: UpstreamQuery) => UpstreamFact,
): UpstreamVerdict {
  const windows = windowsNamed(upstream, logical);
  const count = leavesOf(upstream).reduce((sum, { window }) => sum + (windows.get(window)?.length ?? 0), 0);
  if (count > UPSTREAM_QUERIES_MAX) {
    return {
      kind: 'failed',
      detail: `the condition looks at ${count} intervals of time, at most ${UPSTREAM_QUERIES_MAX} are allowed`,
    };
  }
  return judge(upstream, { project, logical, windows, facts });
}

function judge(upstream: UpstreamCondition, of: Case): UpstreamVerdict {
  if ('and' in upstream) return all(upstream.and.map((part) => judge(part, of)));
  if ('or' in upstream) return any(upstream.or.map((part) => judge(part, of)));
  return judgeLeaf(upstream, of);
}

function judgeLeaf(leaf: Leaf, of: Case): UpstreamVerdict {
  const intervals = of.windows.get(leaf.window) ?? null;
  if (intervals === null)
    return { kind: 'failed', detail: phrase('no_window', { window: leaf.window, zone: of.logical.zone }) };
  return all(intervals.map((interval) => judgeInterval(queryOf(leaf, of.project, interval), leaf, of)));
}

function judgeInterval(query: UpstreamQuery, leaf: Leaf, of: Case): UpstreamVerdict {
  const { project, workflow, task } = query;
  const fact = of.facts(query);
  const span = { from: wallClock(query.from, of), to: wallClock(query.to, of), zone: of.logical.zone };
  const where = { workflow: `${project}/${workflow}`, window: leaf.window, ...span };
  return { kind: VERDICTS[fact.kind], detail: found(fact, task, where) };
}

interface Where {
  workflow: string;
  window: string;
  from: string;
  to: string;
  zone: string;
}

const VERDICTS = { none: 'waiting', running: 'waiting', succeeded: 'satisfied', failed: 'failed' } as const;

function found(fact: UpstreamFact, task: string | null, where: Where): string {
  const values = fact.kind === 'none' ? where : { ...where, run: fact.runId };
  return task === null ? phrase(`workflow_${fact.kind}`, values) : phrase(`task_${fact.kind}`, { task, ...values });
}

function wallClock(at: number, { logical }: Case): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(logical.zone).toPlainDateTime();
  return local.toString({ smallestUnit: 'minute' }).replace('T', ' ');
}

function all(parts: UpstreamVerdict[]): UpstreamVerdict {
  return (
    firstOf(parts, 'failed') ??
    firstOf(parts, 'waiting') ??
    firstOf(parts, 'satisfied') ?? { kind: 'satisfied', detail: 'nothing is waited for' }
  );
}

function any(parts: UpstreamVerdict[]): UpstreamVerdict {
  return (
    firstOf(parts, 'satisfied') ??
    firstOf(parts, 'waiting') ??
    firstOf(parts, 'failed') ?? { kind: 'failed', detail: 'there is nothing that could be satisfied' }
  );
}

function firstOf(parts: UpstreamVerdict[], kind: UpstreamVerdict['kind']): UpstreamVerdict | undefined {
  const alike = parts.filter((part) => part.kind === kind);
  const [first] = alike;
  return first && alike.length > 1
    ? { kind, detail: phrase('and_more', { detail: first.detail, more: alike.length - 1 }) }
    : first;
}
