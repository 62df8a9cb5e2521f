import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { dayNumber, firesBetween, parseCron, type Cron } from '../cron/index.ts';
import {
  coveringCycle,
  decideDue,
  lastFire,
  MISSED_AFTER_MS,
  nextFiringTick,
  nextTick,
  scheduleBound,
  type HolidayRule,
  type ScheduleTiming,
  type Tick,
} from './index.ts';

const DAY_MS = 86_400_000;

function cronOf(text: string): Cron {
  const parsed = parseCron(text);
  if ('problems' in parsed) throw new Error(parsed.problems.join('; '));
  return parsed.cron;
}

function dayOfText(text: string): number {
  const [year, month, day] = text.split('-').map(Number);
  return dayNumber({ year: year!, month: month!, day: day! });
}

function timingOf(
  cron: string,
  zone: string,
  rest: Partial<Pick<ScheduleTiming, 'startAt' | 'endAt' | 'onHoliday'>> & { holidays?: string[] } = {},
): ScheduleTiming {
  const { startAt = null, endAt = null, onHoliday = null, holidays = [] } = rest;
  return { cron: cronOf(cron), zone, startAt, endAt, onHoliday, holidays: new Set(holidays.map(dayOfText)) };
}

const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;
const shown = (ms: number, zone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toString({ timeZoneName: 'never' });

/** Every tick due within the span, by listing the nominal instants far around it and moving each by the calendar of Temporal. */
function naiveTicks(timing: ScheduleTiming, from: number, to: number, around: number): Tick[] {
  const byDue = new Map<number, Tick>();
  const span = { from: from - around, to: to + around, limit: Infinity };
  for (const nominalAt of firesBetween(timing.cron, timing.zone, span)) {
    if (timing.startAt !== null && nominalAt < timing.startAt) continue;
    if (timing.endAt !== null && nominalAt > timing.endAt) continue;
    const { dueAt, isHoliday } = naiveDue(timing, nominalAt);
    const same = byDue.get(dueAt);
    const nominals = same ? [...same.merged, same.nominalAt, nominalAt] : [nominalAt];
    byDue.set(dueAt, { dueAt, nominalAt: nominals.at(-1)!, merged: nominals.slice(0, -1), isHoliday });
  }
  return [...byDue.values()].filter(({ dueAt }) => dueAt >= from && dueAt <= to).sort((a, b) => a.dueAt - b.dueAt);
}

function naiveDue(timing: ScheduleTiming, nominalAt: number): { dueAt: number; isHoliday: boolean } {
  const nominal = Temporal.Instant.fromEpochMilliseconds(nominalAt).toZonedDateTimeISO(timing.zone);
  const isFree = (date: Temporal.PlainDate): boolean =>
    timing.holidays.has(dayNumber({ year: date.year, month: date.month, day: date.day }));
  let date = nominal.toPlainDate();
  if (!isFree(date)) return { dueAt: nominalAt, isHoliday: false };
  if (timing.onHoliday !== 'shift_next' && timing.onHoliday !== 'shift_previous')
    return { dueAt: nominalAt, isHoliday: true };
  while (isFree(date)) date = date.add({ days: timing.onHoliday === 'shift_next' ? 1 : -1 });
  const local = date.toPlainDateTime(nominal.toPlainTime());
  const moved = local.toZonedDateTime(timing.zone, { disambiguation: 'earlier' });
  if (moved.toPlainDateTime().equals(local)) return { dueAt: moved.epochMilliseconds, isHoliday: false };
  // Clocks skip it: the first instant after the gap.
  return { dueAt: moved.getTimeZoneTransition('next')!.epochMilliseconds, isHoliday: false };
}

function walked(timing: ScheduleTiming, from: number, to: number): Tick[] {
  const ticks: Tick[] = [];
  for (let tick = nextTick(timing, from - 1); tick && tick.dueAt <= to; tick = nextTick(timing, tick.dueAt))
    ticks.push(tick);
  return ticks;
}

describe('ticks', () => {
  const daily = (onHoliday: HolidayRule | null) =>
    timingOf('0 9 * * *', 'Europe/Berlin', { onHoliday, holidays: ['2026-05-02', '2026-05-03'] });

  test('without holidays each nominal instant is a tick of its own', () => {
    const timing = timingOf('0 9 * * *', 'Europe/Berlin', {
      startAt: at('2026-05-02T07:00:00Z'),
      endAt: at('2026-05-03T07:00:00Z'),
    });
    expect(walked(timing, at('2026-01-01T00:00:00Z'), at('2027-01-01T00:00:00Z'))).toEqual(
      ['2026-05-02T07:00:00Z', '2026-05-03T07:00:00Z'].map((text) => ({
        dueAt: at(text),
        nominalAt: at(text),
        merged: [],
        isHoliday: false,
      })),
    );
  });

  test.each(['skip', null] as const)('on a holiday it is passed over, and is a tick to be recorded (%s)', (rule) => {
    const ticks = walked(daily(rule), at('2026-05-01T00:00:00Z'), at('2026-05-05T00:00:00Z'));
    expect(ticks.map(({ dueAt, isHoliday }) => [shown(dueAt, 'Europe/Berlin'), isHoliday])).toEqual([
      ['2026-05-01T09:00:00+02:00', false],
      ['2026-05-02T09:00:00+02:00', true],
      ['2026-05-03T09:00:00+02:00', true],
      ['2026-05-04T09:00:00+02:00', false],
    ]);
    expect(nextFiringTick(daily(rule), at('2026-05-01T07:00:00Z'))?.dueAt).toBe(at('2026-05-04T07:00:00Z'));
  });

  test.each([
    [
      'shift_next',
      '2026-05-04T09:00:00+02:00',
      '2026-05-04T07:00:00Z',
      ['2026-05-02T07:00:00Z', '2026-05-03T07:00:00Z'],
    ],
    [
      'shift_previous',
      '2026-05-01T09:00:00+02:00',
      '2026-05-03T07:00:00Z',
      ['2026-05-01T07:00:00Z', '2026-05-02T07:00:00Z'],
    ],
  ] as const)(
    '%s: the nominal instants of the holidays are one tick with the working day',
    (rule, due, nominal, merged) => {
      const ticks = walked(daily(rule), at('2026-05-01T00:00:00Z'), at('2026-05-05T00:00:00Z'));
      expect(ticks).toHaveLength(2);
      const tick = ticks.find(({ merged: with_ }) => with_.length > 0)!;
      expect(shown(tick.dueAt, 'Europe/Berlin')).toBe(due);
      expect(tick).toEqual({ dueAt: tick.dueAt, nominalAt: at(nominal), merged: merged.map(at), isHoliday: false });
    },
  );

  test('a nominal instant after another one may be due before it', () => {
    // Saturday 18:00 moves to Monday 18:00, after Monday 09:00.
    const timing = timingOf('0 9,18 * * 1,6', 'UTC', {
      onHoliday: 'shift_next',
      holidays: ['2026-05-02', '2026-05-03'],
    });
    const ticks = walked(timing, at('2026-05-02T00:00:00Z'), at('2026-05-05T00:00:00Z'));
    expect(ticks.map(({ dueAt, nominalAt, merged }) => [dueAt, nominalAt, merged])).toEqual([
      [at('2026-05-04T09:00:00Z'), at('2026-05-04T09:00:00Z'), [at('2026-05-02T09:00:00Z')]],
      [at('2026-05-04T18:00:00Z'), at('2026-05-04T18:00:00Z'), [at('2026-05-02T18:00:00Z')]],
    ]);
  });

  test('moved to a day on which its local time does not exist, it is due after the gap, with all others of the gap', () => {
    const timing = timingOf('15,45 2 7 3 *', 'America/New_York', { onHoliday: 'shift_next', holidays: ['2026-03-07'] });
    const tick = nextTick(timing, at('2026-03-06T00:00:00Z'))!;
    expect(shown(tick.dueAt, 'America/New_York')).toBe('2026-03-08T03:00:00-04:00');
    expect([...tick.merged, tick.nominalAt].map((ms) => shown(ms, 'America/New_York'))).toEqual([
      '2026-03-07T02:15:00-05:00',
      '2026-03-07T02:45:00-05:00',
    ]);
    expect(nextTick({ ...timing, endAt: at('2026-12-31T00:00:00Z') }, tick.dueAt)).toBeNull();
  });

  test('a preview goes over a year of holidays at once', () => {
    const holidays = Array.from({ length: 366 }, (_, i) =>
      Temporal.PlainDate.from('2026-01-01').add({ days: i }).toString(),
    );
    const timing = timingOf('* * * * * ?', 'Asia/Shanghai', { onHoliday: 'skip', holidays });
    const first = nextFiringTick(timing, at('2026-01-01T00:00:00Z'))!;
    const second = nextFiringTick(timing, first.dueAt)!;
    expect([first, second].map(({ dueAt }) => shown(dueAt, 'Asia/Shanghai'))).toEqual([
      '2027-01-02T00:00:00+08:00',
      '2027-01-02T00:00:01+08:00',
    ]);
  });

  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'America/St_Johns',
    'Pacific/Apia',
    'America/Sao_Paulo',
  ];
  const expressions = [
    '0 9 * * *',
    '30 1 * * *',
    '15,45 0,2,23 * * *',
    '*/20 * * * *',
    '0 2 * * 1,6',
    '30 2 1 * *',
    '0 0 0 ? * SUN',
    '0 30 23 L * ?',
    '0 7,33 * * * *',
  ];
  /** Odd weeks: clocks put forward and back; St. John's at 00:01, Lord Howe by half an hour, Apia skipped 30 December 2011. */
  const weeks = [
    '2026-03-08',
    '2026-11-01',
    '2010-11-07',
    '2010-03-14',
    '2011-12-30',
    '2026-04-05',
    '2026-10-04',
    '2015-10-18',
    '2016-02-21',
    '2026-03-29',
    '2026-10-25',
  ];

  test('each of them is what a plain list of all nominal instants says, in every order and on any holidays', () => {
    const cases = fc.record({
      zone: fc.constantFrom(...zones),
      cron: fc.constantFrom(...expressions),
      week: fc.constantFrom(...weeks),
      holidays: fc.uniqueArray(fc.integer({ min: -6, max: 8 }), { maxLength: 12 }),
      onHoliday: fc.constantFrom('skip', 'shift_next', 'shift_previous', null),
      bounds: fc.option(fc.tuple(fc.integer({ min: -5 * 24, max: 0 }), fc.integer({ min: 0, max: 6 * 24 })), {
        nil: null,
      }),
    });
    fc.assert(
      fc.property(cases, ({ zone, cron, week, holidays, onHoliday, bounds }) => {
        const middle = at(`${week}T00:00:00Z`);
        const timing: ScheduleTiming = {
          cron: cronOf(cron),
          zone,
          onHoliday,
          holidays: new Set(holidays.map((day) => dayOfText(week) + day)),
          startAt: bounds && middle + bounds[0] * 3_600_000,
          endAt: bounds && middle + bounds[1] * 3_600_000,
        };
        const span = [middle - 4 * DAY_MS, middle + 5 * DAY_MS] as const;
        expect(walked(timing, ...span)).toEqual(naiveTicks(timing, ...span, 20 * DAY_MS));
      }),
      { numRuns: 400 },
    );
  });

  test('asked at any instant, it answers with the next one', () => {
    const timing = timingOf('*/20 * * * *', 'America/St_Johns', {
      onHoliday: 'shift_previous',
      holidays: ['2010-11-07', '2010-11-08'],
    });
    const from = at('2010-11-06T00:00:00Z');
    const to = from + 4 * DAY_MS;
    const all = naiveTicks(timing, from, to, 9 * DAY_MS);
    fc.assert(
      fc.property(fc.integer({ min: from, max: to - DAY_MS }), (after) => {
        expect(nextTick(timing, after)).toEqual(all.find(({ dueAt }) => dueAt > after));
      }),
      { numRuns: 300 },
    );
  });
});

describe('what becomes of due ticks', () => {
  const timing = timingOf('* * * * *', 'UTC');
  const start = at('2026-05-01T12:00:00Z');
  const first = nextTick(timing, start - 1)!;
  const due = (misfire: 'fire_all' | 'fire_last' | 'skip', misfireMax = 100) => ({
    timing,
    next: first,
    misfire,
    misfireMax,
  });
  const outcomes = (decided: ReturnType<typeof decideDue>): string =>
    decided.ticks.map(({ skipped }) => (skipped === null ? 'F' : skipped === 'misfire' ? 'm' : 'h')).join('');

  test('nothing is due: nothing is decided', () => {
    expect(decideDue(due('fire_last'), start - 1, 10)).toEqual({ ticks: [], next: first });
  });

  test.each(['fire_all', 'fire_last', 'skip'] as const)('on time it fires, whatever the policy (%s)', (policy) => {
    const decided = decideDue(due(policy), start + 59_000, 10);
    expect(outcomes(decided)).toBe('F');
    expect(decided.next?.dueAt).toBe(start + 60_000);
  });

  test.each([
    ['fire_all', 100, 'F'.repeat(40)],
    ['fire_all', 7, 'm'.repeat(33) + 'F'.repeat(7)],
    ['fire_last', 100, `${'m'.repeat(39)}F`],
    ['skip', 100, 'm'.repeat(40)],
  ] as const)('forty missed ticks: %s (%i)', (policy, max, expected) => {
    // The last of them is a minute and a second old; the next is not due.
    const hourly = timingOf('0 * * * *', 'UTC');
    const next = nextTick(hourly, start - 1)!;
    const decided = decideDue(
      { timing: hourly, next, misfire: policy, misfireMax: max },
      start + 39 * 3_600_000 + 61_000,
      100,
    );
    expect(outcomes(decided)).toBe(expected);
    expect(decided.next?.dueAt).toBe(start + 40 * 3_600_000);
  });

  test.each([
    ['fire_last', 'mmF'],
    ['skip', 'mmF'],
    ['fire_all', 'FFF'],
  ] as const)('one that is due on time after missed ones is the catching up: %s', (policy, expected) => {
    expect(outcomes(decideDue(due(policy), start + 150_000, 10))).toBe(expected);
  });

  test('ticks on holidays are recorded as that, and are nobody’s last', () => {
    const holidays = timingOf('0 0 * * *', 'UTC', { onHoliday: 'skip', holidays: ['2026-05-04', '2026-05-05'] });
    const next = nextTick(holidays, at('2026-05-01T12:00:00Z'))!;
    const decided = decideDue(
      { timing: holidays, next, misfire: 'fire_last', misfireMax: 1 },
      at('2026-05-05T12:00:00Z'),
      10,
    );
    expect(outcomes(decided)).toBe('mFhh');
  });

  test('however few are decided at a time, the outcomes are the same', () => {
    const cases = fc.record({
      late: fc.integer({ min: 0, max: 80 }),
      at: fc.integer({ min: 0, max: 59_999 }),
      policy: fc.constantFrom('fire_all', 'fire_last', 'skip'),
      max: fc.integer({ min: 1, max: 90 }),
      limit: fc.integer({ min: 1, max: 30 }),
      withHoliday: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ late, at: offset, policy, max, limit, withHoliday }) => {
        const own = withHoliday
          ? {
              ...timingOf('0 */3 * * *', 'UTC', { holidays: ['2026-05-03', '2026-05-09'] }),
              onHoliday: 'skip' as const,
            }
          : timing;
        const next = nextTick(own, start - 1)!;
        const now = start + late * (withHoliday ? 3 * 3_600_000 : 60_000) + offset;
        const schedule = { timing: own, next, misfire: policy, misfireMax: max };
        const whole = decideDue(schedule, now, 10_000);
        const piecewise: typeof whole.ticks = [];
        let rest: Tick | null = next;
        while (rest !== null && rest.dueAt <= now) {
          const part = decideDue({ ...schedule, next: rest }, now, limit);
          expect(part.ticks.length).toBeGreaterThan(0);
          expect(part.ticks.length).toBeLessThanOrEqual(limit);
          piecewise.push(...part.ticks);
          rest = part.next;
        }
        expect(piecewise).toEqual(whole.ticks);
        expect(rest).toEqual(whole.next);
        const fired = whole.ticks.filter(({ skipped }) => skipped === null);
        const missed = fired.filter(({ tick }) => now - tick.dueAt > MISSED_AFTER_MS);
        expect(missed.length).toBeLessThanOrEqual(policy === 'fire_all' ? max : policy === 'fire_last' ? 1 : 0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('cycles', () => {
  test('the last fire at or before an instant is the last of a list', () => {
    const cases = fc.record({
      cron: fc.constantFrom('0 9 * * *', '*/20 * * * *', '30 2 * * 0', '0 0 1 1 *', '30 1 * * *', '* * * * * ?'),
      zone: fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe', 'America/St_Johns'),
      at: fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2026-12-31T00:00:00Z') }),
    });
    fc.assert(
      fc.property(cases, ({ cron, zone, at: instant }) => {
        const span = {
          from: instant - (cron.startsWith('* * * * * ') ? 5_000 : 400 * DAY_MS),
          to: instant,
          limit: Infinity,
        };
        expect(lastFire(cronOf(cron), zone, instant)).toBe(firesBetween(cronOf(cron), zone, span).at(-1));
      }),
      { numRuns: 60 },
    );
    expect(lastFire(cronOf('0 0 29 2 *'), 'UTC', at('2027-06-01T00:00:00Z'))).toBe(at('2024-02-29T00:00:00Z'));
    expect(lastFire(cronOf('0 0 0 1 1 ? 2099'), 'UTC', at('2027-06-01T00:00:00Z'))).toBeNull();
  });

  test('a cycle begins with the last nominal instant, holidays aside, and reaches to the instant asked about', () => {
    const weekly = timingOf('0 6 * * 1', 'UTC');
    const asked = at('2026-05-07T12:00:00Z');
    expect(coveringCycle(weekly, asked)).toEqual({ from: at('2026-05-04T06:00:00Z'), to: asked + 1 });
    expect(coveringCycle(weekly, at('2026-05-04T06:00:00Z'))).toEqual({
      from: at('2026-05-04T06:00:00Z'),
      to: at('2026-05-04T06:00:00Z') + 1,
    });
    const without = timingOf('0 6 * * 1', 'UTC', { onHoliday: 'skip', holidays: ['2026-05-04'] });
    expect(coveringCycle(without, asked)?.from).toBe(at('2026-04-27T06:00:00Z'));
    expect(coveringCycle({ ...weekly, startAt: asked }, asked)).toBeNull();
    expect(coveringCycle({ ...weekly, endAt: asked - 1 }, asked)).toBeNull();
  });

  test.each(['shift_next', 'shift_previous'] as const)(
    'a cycle reaches to the run that its nominal instant was merged into (%s)',
    (rule) => {
      const daily = timingOf('0 6 * * *', 'UTC', { onHoliday: rule, holidays: ['2026-05-02', '2026-05-03'] });
      const [from, asked] =
        rule === 'shift_next'
          ? ['2026-05-02T06:00:00Z', '2026-05-02T07:00:00Z']
          : ['2026-05-01T06:00:00Z', '2026-05-01T07:00:00Z'];
      const run = rule === 'shift_next' ? '2026-05-04T06:00:00Z' : '2026-05-03T06:00:00Z';
      expect(coveringCycle(daily, at(asked))).toEqual({ from: at(from), to: at(run) + 1 });
    },
  );
});

describe('bounds as they are written', () => {
  test.each([
    ['2026-03-29', 'start', '2026-03-28T23:00:00Z'],
    ['2026-03-29', 'end', '2026-03-29T21:59:59.999Z'],
    ['2026-03-29T02:30', 'start', '2026-03-29T01:00:00Z'],
    ['2026-05-01 08:00:30', 'end', '2026-05-01T06:00:30Z'],
    ['2026-05-01T08:00:30.25Z', 'end', '2026-05-01T08:00:30.250Z'],
    ['2026-05-01T08:00-05:30', 'start', '2026-05-01T13:30:00Z'],
  ] as const)('%s as %s is %s in Berlin', (text, side, instant) => {
    expect(scheduleBound(text, 'Europe/Berlin', side)).toBe(at(instant));
  });
  test('anything else is none', () => expect(scheduleBound('tomorrow', 'UTC', 'start')).toBeNull());
});
