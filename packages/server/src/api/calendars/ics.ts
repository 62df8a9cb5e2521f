/**
 * Holidays from iCalendar (RFC 5545): the days of every event, from DTSTART to DTEND or for its DURATION, with RRULE, RDATE, EXDATE and
 * single occurrences that were moved or cancelled. Dates count as they are written: an event at a time of day makes its day a holiday,
 * whatever its zone. Rules that never end are read up to a horizon. Pure.
 */
import { CALENDAR_YEARS, FileProblem, dayOf, dayText, type ReadDays } from './days.ts';
import { occurrences, readRecurrence, type Recurrence } from './recurrence.ts';

const LIMITS = {
  events: 20_000,
  /** Rules of all events. */
  rules: 500,
  /** Days of one event. */
  span: 3660,
} as const;

interface Property {
  name: string;
  value: string;
  line: number;
}

/** What is read of one VEVENT. */
interface CalendarEvent {
  line: number;
  properties: ReadonlyMap<string, Property[]>;
}

/** `horizon`: the number of the last day of rules without an end; `most`: days that matter. */
export function readIcs(text: string, { horizon, most }: { horizon: number; most: number }): ReadDays {
  try {
    return daysOf(eventsOf(text).map(readEvent), { horizon, most });
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    return { problems: [{ line: error.line, message: error.message }] };
  }
}

interface Occurring {
  uid: string;
  first: number;
  span: number;
  rule: Recurrence | null;
  more: readonly number[];
  except: readonly number[];
  /** It stands for the occurrence of that day of the event with the same UID. */
  replaces: number | null;
  isCancelled: boolean;
}

function daysOf(events: readonly Occurring[], { horizon, most }: { horizon: number; most: number }): ReadDays {
  const replaced = new Map<string, number[]>();
  for (const { uid, replaces } of events) if (replaces !== null && uid !== '') addTo(replaced, uid, replaces);
  const days: number[] = [];
  let isCut = false;
  for (const event of events) {
    if (event.isCancelled) continue;
    const { rule, first, span, more, except } = event;
    const without = new Set([...except, ...(event.replaces === null ? (replaced.get(event.uid) ?? []) : [])]);
    const begun = rule === null ? [first] : occurrences(rule, first, { last: horizon, most });
    isCut ||= rule !== null && rule.count === null && (rule.until === null || rule.until > horizon);
    for (const begin of [...begun, ...more]) {
      // More than fit, whatever comes: repeated days are few.
      if (days.length > most * 20) break;
      if (!without.has(begin)) for (let day = begin; day < begin + span; day += 1) days.push(day);
    }
  }
  const warnings = isCut
    ? [`rules without an end were read up to ${dayText(horizon)}; import the calendar again before that`]
    : [];
  return { days, warnings };
}

// ------------------------------------------------------------------------------------------------------- events

function readEvent({ line, properties }: CalendarEvent): Occurring {
  const start = one(properties, 'DTSTART') ?? fail(line, 'the event has no DTSTART');
  const begin = readMoment(start);
  const rule = one(properties, 'RRULE');
  if ((properties.get('RRULE')?.length ?? 0) > 1) fail(line, 'the event has more than one RRULE');
  const exrule = one(properties, 'EXRULE');
  if (exrule) fail(exrule.line, 'EXRULE is not read; EXDATE is');
  const replaces = one(properties, 'RECURRENCE-ID');
  return {
    uid: one(properties, 'UID')?.value ?? '',
    first: begin.day,
    span: spanOf(begin, properties),
    rule: rule === null ? null : ruleOf(rule),
    more: datesOf(properties.get('RDATE')),
    except: datesOf(properties.get('EXDATE')),
    replaces: replaces === null ? null : readMoment(replaces).day,
    isCancelled: one(properties, 'STATUS')?.value.trim().toUpperCase() === 'CANCELLED',
  };
}

function ruleOf({ value, line }: Property): Recurrence {
  const rule = readRecurrence(value);
  return typeof rule === 'string' ? fail(line, `RRULE: ${rule}`) : rule;
}

function datesOf(properties: readonly Property[] | undefined): number[] {
  return (properties ?? []).flatMap(({ value, ...rest }) =>
    value
      .split(',')
      .filter((each) => each !== '')
      .map((each) => readMoment({ value: each, ...rest }).day),
  );
}

interface Moment {
  day: number;
  /** Of its day. */
  second: number;
  isDate: boolean;
}

const MOMENT = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})Z?)?$/;

function readMoment({ name, value, line }: Property): Moment {
  const [, year, month, date, hour, minute, second] = MOMENT.exec(value.trim()) ?? [];
  const day = dayOf(Number(year), Number(month), Number(date));
  if (day === null)
    return fail(
      line,
      `${name} \`${value.slice(0, 40)}\` is no date of the years ${CALENDAR_YEARS.first} to ${CALENDAR_YEARS.last}`,
    );
  if (hour === undefined) return { day, second: 0, isDate: true };
  return { day, second: Number(hour) * 3600 + Number(minute) * 60 + Number(second), isDate: false };
}

/** Days; the end itself is not part of the event. */
function spanOf(begin: Moment, properties: CalendarEvent['properties']): number {
  const [end, duration] = [one(properties, 'DTEND'), one(properties, 'DURATION')];
  const seconds = end === null ? (duration === null ? 0 : readDuration(duration)) : secondsTo(begin, readMoment(end));
  const last = begin.second + Math.max(1, seconds) - 1;
  const span = Math.floor(last / DAY_SECONDS) + 1;
  return span > LIMITS.span
    ? fail((end ?? duration)?.line ?? 1, `the event lasts ${span} days; at most ${LIMITS.span} are read`)
    : span;
}

const DAY_SECONDS = 86_400;

function secondsTo(begin: Moment, end: Moment): number {
  return (end.day - begin.day) * DAY_SECONDS + end.second - begin.second;
}

const DURATION = /^\+?P(?:(\d{1,5})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,7})S)?)?)$/;

function readDuration({ value, line }: Property): number {
  const parts = DURATION.exec(value.trim().toUpperCase());
  if (parts === null) return fail(line, `DURATION \`${value.slice(0, 40)}\` is not understood`);
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0));
  return (weeks * 7 + days) * DAY_SECONDS + hours * 3600 + minutes * 60 + seconds;
}

function one(properties: CalendarEvent['properties'], name: string): Property | null {
  return properties.get(name)?.[0] ?? null;
}

function fail(line: number, message: string): never {
  throw new FileProblem(line, message);
}

// -------------------------------------------------------------------------------------------------------- lines

/** Properties that stand in an event itself, not in an alarm within it. */
function eventsOf(text: string): CalendarEvent[] {
  const events: CalendarEvent[] = [];
  const open: string[] = [];
  let event: { line: number; properties: Map<string, Property[]> } | null = null;
  let rules = 0;
  for (const { text: content, line } of unfolded(text)) {
    const property = propertyOf(content, line);
    if (open.length === 0 && property.name !== 'BEGIN')
      fail(line, 'this is no iCalendar: it begins with BEGIN:VCALENDAR');
    if (property.name === 'BEGIN') {
      const component = property.value.trim().toUpperCase();
      if (open.length === 0 && component !== 'VCALENDAR')
        fail(line, `BEGIN:${component} stands outside of a VCALENDAR`);
      open.push(component);
      if (open.length > 10) fail(line, 'too many components stand within one another');
      if (component === 'VEVENT') event = { line, properties: new Map() };
    } else if (property.name === 'END') {
      const component = property.value.trim().toUpperCase();
      if (open.pop() !== component) fail(line, `END:${component} ends what has not begun`);
      if (component === 'VEVENT' && event !== null) events.push(event);
      if (events.length > LIMITS.events) fail(line, `there are more than ${LIMITS.events} events`);
    } else if (event !== null && open.at(-1) === 'VEVENT') {
      if (property.name === 'RRULE' && (rules += 1) > LIMITS.rules)
        fail(line, `there are more than ${LIMITS.rules} rules`);
      addTo(event.properties, property.name, property);
    }
  }
  if (open.length > 0) fail(text.split('\n').length, `the file ends within ${open.at(-1)}`);
  if (events.length === 0) fail(1, 'there is no event in it');
  return events;
}

function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Lines that begin with a space or a tab go on with the one before. */
function unfolded(text: string): { text: string; line: number }[] {
  const lines: { text: string; line: number }[] = [];
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const last = lines.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) last.text += line.slice(1);
    else if (line.trim() !== '') lines.push({ text: line, line: index + 1 });
  }
  return lines;
}

/** `NAME;PARAM="a:b";PARAM=c:value`; parameters are not looked at. */
function propertyOf(text: string, line: number): Property {
  const name = /^[A-Za-z0-9-]+/.exec(text)?.[0];
  if (name === undefined) return fail(line, `\`${text.slice(0, 40)}\` is no line of iCalendar`);
  let isQuoted = false;
  for (let at = name.length; at < text.length; at += 1) {
    if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ':' && !isQuoted) return { name: name.toUpperCase(), value: text.slice(at + 1), line };
  }
  return fail(line, `\`${text.slice(0, 40)}\` has no value`);
}
