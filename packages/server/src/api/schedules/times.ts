/** When a schedule fires, as requests say it: the same members in a schedule, in a preview, and zone and cron in a deadline. */
import { z } from 'zod';
import { checkCron, isZone, parseCron, scheduleBound } from '@pelorus/engine';
import type { CronFlavour, RequestProblem } from '@pelorus/protocol';
import { HOLIDAY_RULES, type CalendarHead, type ScheduleTimes } from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import { nearestName } from '../nearest.ts';
import { problemAt } from '../problem.ts';
import { someName } from '../schemas.ts';
import { isDay } from './days.ts';

export const cronMembers = {
  cron: z.string().min(1).max(1000),
  zone: z.string().max(100).optional(),
  timezone: z.string().max(100).optional(),
};

export const timesMembers = {
  ...cronMembers,
  start: z.string().max(40).nullable().optional(),
  end: z.string().max(40).nullable().optional(),
  calendar: someName.nullable().optional(),
  onHoliday: z.enum(HOLIDAY_RULES).nullable().optional(),
};
const timesBody = z.strictObject(timesMembers);
type TimesBody = z.output<typeof timesBody>;
type CronBody = Pick<TimesBody, 'cron' | 'zone' | 'timezone'>;

export type Times = Pick<ScheduleTimes, 'cron' | 'zone' | 'startAt' | 'endAt' | 'calendar' | 'onHoliday'>;

/** The flavour follows from the number of fields. */
export function flavourOf(cron: string): CronFlavour {
  const parsed = parseCron(cron);
  return 'cron' in parsed ? parsed.cron.flavour : 'unix';
}

/** What was asked for, and all that is wrong with it: then it means nothing. */
export async function readTimes(
  { store }: Pick<ApiContext, 'store'>,
  body: TimesBody,
): Promise<{ times: Times; problems: RequestProblem[] }> {
  const { zone, problems } = readCron(body);
  const [startAt, endAt] = (['start', 'end'] as const).map((side) => {
    const text = body[side] ?? null;
    const at = text === null || !isZone(zone) ? null : boundOf(text, zone, side);
    if (text !== null && at === null)
      problems.push(problemAt(`/${side}`, `${side} must be a moment such as 2026-05-01 or 2026-05-01T08:00:00Z`));
    return at;
  }) as [number | null, number | null];
  if (startAt !== null && endAt !== null && endAt < startAt) problems.push(problemAt('/end', 'end is before start'));
  const calendar = body.calendar ?? null;
  if (calendar !== null && (await store.getCalendar(calendar)) === null)
    problems.push(problemAt('/calendar', noCalendar(calendar, await store.listCalendars())));
  const times = { cron: body.cron.trim(), zone, startAt, endAt, calendar, onHoliday: body.onHoliday ?? null };
  return { times, problems };
}

/** Of an expression and its zone. */
export function readCron({ cron, zone, timezone }: CronBody): { zone: string; problems: RequestProblem[] } {
  const problems: RequestProblem[] = [];
  const wrong = checkCron(cron);
  if (wrong !== null) problems.push(problemAt('/cron', `cron: ${wrong}`));
  if (zone !== undefined && timezone !== undefined && zone !== timezone)
    problems.push(problemAt('/timezone', 'zone and timezone mean the same; give one of them'));
  const meant = zone ?? timezone ?? 'UTC';
  if (!isZone(meant)) problems.push(problemAt(zone === undefined ? '/timezone' : '/zone', noZone(meant)));
  return { zone: meant, problems };
}

function noZone(zone: string): string {
  const nearest = nearestName(zone, Intl.supportedValuesOf('timeZone'));
  const hint = nearest === null ? '' : `; did you mean ${nearest}?`;
  return `zone must be the IANA name of a time zone${hint}`;
}

const MOMENT =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ]([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:[Zz]|[-+]\d{2}:\d{2})?)?$/;
const YEARS = { first: 1970, last: 2999 } as const;

/** Null for a moment that does not exist, or that no schedule could mean. */
function boundOf(text: string, zone: string, side: 'start' | 'end'): number | null {
  const day = MOMENT.exec(text)?.[1];
  const year = Number(day?.slice(0, 4));
  if (day === undefined || !isDay(day) || year < YEARS.first || year > YEARS.last) return null;
  return scheduleBound(text, zone, side);
}

/** The sentence that says so. */
export function noCalendar(name: string, all: readonly Pick<CalendarHead, 'name'>[]): string {
  const nearest = nearestName(
    name,
    all.map((each) => each.name),
  );
  return `there is no calendar ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`;
}
