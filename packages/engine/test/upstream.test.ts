import { parseDefinition, runIdOf, type UpstreamCondition } from '@pelorus/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  judgeUpstream,
  type LogicalInstant,
  UPSTREAM_QUERIES_MAX,
  UPSTREAM_WINDOWS,
  type UpstreamFact,
  upstreamFactOfRun,
  upstreamFactOfTask,
  upstreamQueries,
  type UpstreamQuery,
  upstreamQueryKey,
  windowsOf,
} from '../src/index.ts';

const HOUR = 3_600_000;

function at(text: string, zone = 'UTC'): LogicalInstant {
  return { at: Date.parse(text), zone };
}

/** `2024-03-14T00/2024-03-15T00`: from and to, in UTC, minutes only where they are not 0. */
function shown(window: string, logical: LogicalInstant): string[] | null {
  const short = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace(/:00$/, '');
  return windowsOf(window, logical)?.map(({ from, to }) => `${short(from)}/${short(to)}`) ?? null;
}

describe('windows', () => {
  // A Friday.
  const friday = at('2024-03-15T13:45:00Z');
  test.each([
    ['currentHour', ['2024-03-15T13/2024-03-15T14']],
    ['last1Hour', ['2024-03-15T12/2024-03-15T13']],
    ['last2Hours', ['2024-03-15T11/2024-03-15T12', '2024-03-15T12/2024-03-15T13']],
    ['today', ['2024-03-15T00/2024-03-16T00']],
    ['last1Days', ['2024-03-14T00/2024-03-15T00']],
    ['last3Days', ['2024-03-12T00/2024-03-13T00', '2024-03-13T00/2024-03-14T00', '2024-03-14T00/2024-03-15T00']],
    ['thisWeek', ['2024-03-11T00/2024-03-16T00']],
    ['lastWeek', ['2024-03-04T00/2024-03-11T00']],
    ['lastMonday', ['2024-03-04T00/2024-03-05T00']],
    ['lastTuesday', ['2024-03-05T00/2024-03-06T00']],
    ['lastWednesday', ['2024-03-06T00/2024-03-07T00']],
    ['lastThursday', ['2024-03-07T00/2024-03-08T00']],
    ['lastFriday', ['2024-03-08T00/2024-03-09T00']],
    ['lastSaturday', ['2024-03-09T00/2024-03-10T00']],
    ['lastSunday', ['2024-03-10T00/2024-03-11T00']],
    ['thisMonth', ['2024-03-01T00/2024-03-16T00']],
    ['thisMonthBegin', ['2024-03-01T00/2024-03-02T00']],
    ['lastMonth', ['2024-02-01T00/2024-03-01T00']],
    ['lastMonthBegin', ['2024-02-01T00/2024-02-02T00']],
    ['lastMonthEnd', ['2024-02-29T00/2024-03-01T00']],
  ])('%s on Friday, 15 March 2024, 13:45', (window, expected) => {
    expect(shown(window, friday)).toEqual(expected);
  });

  test('longer rows of hours and days have one interval for each', () => {
    expect([
      windowsOf('last24Hours', friday)!.length,
      windowsOf('last7Days', friday)!.length,
      windowsOf('last366Days', friday)!.length,
    ]).toEqual([24, 7, 366]);
    expect(shown('last24Hours', friday)![0]).toBe('2024-03-14T13/2024-03-14T14');
  });

  test('a Sunday and a Monday belong to the week that began on Monday', () => {
    expect(shown('thisWeek', at('2024-03-17T10:00:00Z'))).toEqual(['2024-03-11T00/2024-03-18T00']);
    expect(shown('thisWeek', at('2024-03-18T00:00:00Z'))).toEqual(['2024-03-18T00/2024-03-19T00']);
    expect(shown('lastSunday', at('2024-03-17T10:00:00Z'))).toEqual(['2024-03-10T00/2024-03-11T00']);
  });

  test('January looks back to December', () => {
    expect(shown('lastMonth', at('2024-01-31T10:00:00Z'))).toEqual(['2023-12-01T00/2024-01-01T00']);
    expect(shown('lastMonthEnd', at('2024-01-01T00:00:00Z'))).toEqual(['2023-12-31T00/2024-01-01T00']);
  });

  test.each([
    '',
    'tomorrow',
    'last0Days',
    'last367Days',
    'last999Hours',
    'lastMonths',
    'Monday',
    'last',
    'lastmonday',
    'toString',
  ])('there is no window %j', (window) => expect(windowsOf(window, friday)).toBeNull());

  test('an unknown zone and an impossible instant have no windows', () => {
    expect(windowsOf('today', at('2024-03-15T00:00:00Z', 'Mars/Base'))).toBeNull();
    expect(windowsOf('last366Days', { at: -8.64e15, zone: 'UTC' })).toBeNull();
    expect(windowsOf('today', { at: Number.NaN, zone: 'UTC' })).toBeNull();
  });

  test('every listed window has intervals', () => {
    for (const { name } of UPSTREAM_WINDOWS) expect(windowsOf(name.replace('N', '5'), friday), name).not.toBeNull();
  });

  test('every listed window may be written in a definition', () => {
    for (const { name } of UPSTREAM_WINDOWS) {
      const upstream = { and: [{ workflow: 'other', window: name.replace('N', '5') }] };
      const text = JSON.stringify({ name: 'w', tasks: { wait: { type: 'dependent', upstream } } });
      expect(parseDefinition(text, 'json').problems, name).toEqual([]);
    }
  });
});

describe('windows where clocks change', () => {
  test('the day of the spring change has 23 hours, the one of the autumn change 25', () => {
    expect(shown('last2Days', at('2024-04-01T10:00:00Z', 'Europe/Berlin'))).toEqual([
      '2024-03-29T23/2024-03-30T23',
      '2024-03-30T23/2024-03-31T22',
    ]);
    expect(shown('today', at('2024-10-27T10:00:00Z', 'Europe/Berlin'))).toEqual(['2024-10-26T22/2024-10-27T23']);
  });

  test('a repeated hour is two hours, a missing one is none', () => {
    // 02:00 to 03:00 comes twice in Berlin, at 00:00 and at 01:00 UTC.
    expect(shown('last3Hours', at('2024-10-27T02:30:00Z', 'Europe/Berlin'))).toEqual([
      '2024-10-26T23/2024-10-27T00',
      '2024-10-27T00/2024-10-27T01',
      '2024-10-27T01/2024-10-27T02',
    ]);
    expect(shown('last2Hours', at('2024-03-31T01:30:00Z', 'Europe/Berlin'))).toEqual([
      '2024-03-30T23/2024-03-31T00',
      '2024-03-31T00/2024-03-31T01',
    ]);
  });

  test('Lord Howe goes back by half an hour: that hour lasts an hour and a half', () => {
    // 02:00+11:00 becomes 01:30+10:30 on 7 April 2024, at 15:00 UTC of the 6th.
    const after = at('2024-04-06T15:45:00Z', 'Australia/Lord_Howe');
    expect(shown('currentHour', after)).toEqual(['2024-04-06T15:30/2024-04-06T16:30']);
    expect(shown('last1Hour', after)).toEqual(['2024-04-06T14/2024-04-06T15:30']);
    expect(shown('currentHour', at('2024-04-06T15:15:00Z', 'Australia/Lord_Howe'))).toEqual([
      '2024-04-06T14/2024-04-06T15:30',
    ]);
    // 02:00+10:30 becomes 02:30+11:00 on 6 October 2024, at 15:30 UTC of the 5th: half an hour.
    expect(shown('currentHour', at('2024-10-05T15:40:00Z', 'Australia/Lord_Howe'))).toEqual([
      '2024-10-05T15:30/2024-10-05T16',
    ]);
  });

  test('a day that has no midnight begins at one o’clock', () => {
    expect(shown('today', at('2024-09-08T12:00:00Z', 'America/Santiago'))).toEqual(['2024-09-08T04/2024-09-09T03']);
  });

  test('Samoa had no 30 December 2011: the day before the 31st was the 29th', () => {
    expect(shown('last1Days', at('2011-12-30T20:00:00Z', 'Pacific/Apia'))).toEqual(['2011-12-29T10/2011-12-30T10']);
  });

  test('in every zone, hours and days join without gap or overlap and end where the current one begins', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'America/Santiago',
      'Africa/Casablanca',
      'Pacific/Apia',
      'Asia/Tehran',
    ];
    const instants = fc.record({
      at: fc.integer({ min: 0, max: Date.UTC(2040, 0, 1) }),
      zone: fc.constantFrom(...zones),
    });
    fc.assert(
      fc.property(
        instants,
        fc.constantFrom('Hours', 'Days'),
        fc.integer({ min: 1, max: 40 }),
        (logical, unit, count) => {
          const before = windowsOf(`last${count}${unit}`, logical)!;
          const current = windowsOf(unit === 'Hours' ? 'currentHour' : 'today', logical)![0]!;
          expect(before).toHaveLength(count);
          expect(current.from <= logical.at && logical.at < current.to).toBe(true);
          for (const [index, { from, to }] of before.entries()) {
            expect(to).toBe(before[index + 1]?.from ?? current.from);
            expect(to - from).toBeGreaterThanOrEqual(unit === 'Hours' ? HOUR / 2 : 12 * HOUR);
            expect(to - from).toBeLessThanOrEqual(unit === 'Hours' ? 2 * HOUR : 36 * HOUR);
          }
        },
      ),
      { numRuns: 800 },
    );
  });
});

const NOON = at('2024-03-15T12:00:00Z');

describe('questions', () => {
  test('each once, in the project that is named or in the own one', () => {
    const today = { workflow: 'load', task: null, window: 'today' };
    const other = { workflow: 'shop/sales', task: 'sum', window: 'last2Days' };
    expect(upstreamQueries({ and: [today, { or: [other, today] }] }, 'own', NOON)).toEqual([
      { project: 'own', workflow: 'load', task: null, from: Date.UTC(2024, 2, 15), to: Date.UTC(2024, 2, 16) },
      { project: 'shop', workflow: 'sales', task: 'sum', from: Date.UTC(2024, 2, 13), to: Date.UTC(2024, 2, 14) },
      { project: 'shop', workflow: 'sales', task: 'sum', from: Date.UTC(2024, 2, 14), to: Date.UTC(2024, 2, 15) },
    ]);
  });

  test('too many are not asked, and the verdict says so', () => {
    const many = {
      and: Array.from({ length: 100 }, (_, index) => ({ workflow: `w${index}`, task: null, window: 'last366Days' })),
    };
    expect(upstreamQueries(many, 'p', NOON)).toHaveLength(UPSTREAM_QUERIES_MAX);
    expect(judgeUpstream(many, 'p', NOON, () => ({ kind: 'none' }))).toEqual({
      kind: 'failed',
      detail: 'the condition looks at 36600 intervals of time, at most 10000 are allowed',
    });
  });
});

describe('facts', () => {
  const run = runIdOf(7);
  test('of a run: only a success satisfies, whatever has not ended is waited for', () => {
    const kinds = (
      [
        'queued',
        'waiting',
        'running',
        'pausing',
        'stopping',
        'paused',
        'succeeded',
        'stopped',
        'failed',
        'dependency_failed',
      ] as const
    ).map((state) => upstreamFactOfRun(run, state).kind);
    expect(kinds).toEqual([
      'running',
      'running',
      'running',
      'running',
      'running',
      'running',
      'succeeded',
      'failed',
      'failed',
      'failed',
    ]);
  });

  test('of a task: skipped counts as success, but a run that left the task out says nothing', () => {
    const fact = (
      state:
        | 'skipped'
        | 'succeeded'
        | 'forced_success'
        | 'reused'
        | 'failed'
        | 'killed'
        | 'upstream_failed'
        | 'running'
        | 'paused',
      cause: 'disabled' | 'not_selected' | null = null,
    ) => upstreamFactOfTask(run, 'succeeded', { state, cause: cause === null ? null : { kind: cause } }).kind;
    expect([
      fact('succeeded'),
      fact('forced_success'),
      fact('reused'),
      fact('skipped', 'disabled'),
      fact('skipped', 'not_selected'),
    ]).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded', 'none']);
    expect([fact('failed'), fact('killed'), fact('upstream_failed'), fact('running'), fact('paused')]).toEqual([
      'failed',
      'failed',
      'failed',
      'running',
      'running',
    ]);
  });

  test('of a task without a row: it is still to come, or there is no such task', () => {
    expect(upstreamFactOfTask(run, 'running', null)).toEqual({ kind: 'running', runId: run });
    expect(upstreamFactOfTask(run, 'succeeded', null)).toEqual({ kind: 'none' });
  });
});

const FACTS: Record<string, UpstreamFact> = {
  good: { kind: 'succeeded', runId: runIdOf(1) },
  bad: { kind: 'failed', runId: runIdOf(2) },
  busy: { kind: 'running', runId: runIdOf(3) },
  absent: { kind: 'none' },
};
const byName = (query: UpstreamQuery) => FACTS[query.workflow]!;
const on = (workflow: string, window = 'today'): UpstreamCondition => ({ workflow, task: null, window });
const verdict = (condition: UpstreamCondition) => judgeUpstream(condition, 'p', NOON, byName).kind;

describe('verdicts', () => {
  test('AND: failed before waiting before satisfied', () => {
    expect(verdict({ and: [on('good'), on('good')] })).toBe('satisfied');
    expect(verdict({ and: [on('good'), on('busy')] })).toBe('waiting');
    expect(verdict({ and: [on('absent'), on('bad')] })).toBe('failed');
  });

  test('OR: satisfied before waiting before failed', () => {
    expect(verdict({ or: [on('bad'), on('busy'), on('good')] })).toBe('satisfied');
    expect(verdict({ or: [on('bad'), on('absent')] })).toBe('waiting');
    expect(verdict({ or: [on('bad'), on('bad')] })).toBe('failed');
  });

  test('one inside the other', () => {
    expect(verdict({ or: [{ and: [on('good'), on('bad')] }, on('good')] })).toBe('satisfied');
    expect(verdict({ and: [{ or: [on('bad'), on('busy')] }, on('good')] })).toBe('waiting');
  });

  test('every interval of a window has to be satisfied', () => {
    const days = upstreamQueries(on('daily', 'last3Days'), 'p', NOON);
    const judge = (kinds: UpstreamFact[]) => {
      const known = new Map(days.map((query, index) => [upstreamQueryKey(query), kinds[index]!]));
      return judgeUpstream(on('daily', 'last3Days'), 'p', NOON, (query) => known.get(upstreamQueryKey(query))!).kind;
    };
    const { good, bad, absent } = FACTS as { good: UpstreamFact; bad: UpstreamFact; absent: UpstreamFact };
    expect([judge([good, good, good]), judge([good, absent, good]), judge([absent, bad, good])]).toEqual([
      'satisfied',
      'waiting',
      'failed',
    ]);
  });

  test('the detail names what decided, its window in the zone of the schedule and what was found', () => {
    const berlin = at('2024-03-15T12:00:00Z', 'Europe/Berlin');
    const detail = (condition: UpstreamCondition) => judgeUpstream(condition, 'p', berlin, byName).detail;
    expect(detail({ and: [on('good'), on('bad')] })).toBe(
      'workflow p/bad, today (2024-03-15 00:00 to 2024-03-16 00:00, Europe/Berlin): failed in run 2',
    );
    expect(detail({ workflow: 'shop/absent', task: 'sum', window: 'last1Days' })).toBe(
      'task sum of shop/absent, last1Days (2024-03-14 00:00 to 2024-03-15 00:00, Europe/Berlin): has not run',
    );
    expect(detail(on('busy', 'last2Hours'))).toBe(
      'workflow p/busy, last2Hours (2024-03-15 11:00 to 2024-03-15 12:00, Europe/Berlin): has not ended in run 3 (and 1 more)',
    );
    expect(detail(on('good'))).toBe(
      'workflow p/good, today (2024-03-15 00:00 to 2024-03-16 00:00, Europe/Berlin): succeeded in run 1',
    );
  });

  test('a window that there is not fails instead of waiting for ever', () => {
    expect(judgeUpstream(on('good', 'last999Days'), 'p', NOON, byName)).toEqual({
      kind: 'failed',
      detail: 'there is no window last999Days in the zone UTC',
    });
  });

  test('adding a success never turns a verdict against it, adding a failure never for it', () => {
    const leaf = fc.constantFrom(on('good'), on('bad'), on('busy'), on('absent'));
    const { tree } = fc.letrec<{ tree: UpstreamCondition }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.record({ and: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ or: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
      ),
    }));
    const rank = { failed: 0, waiting: 1, satisfied: 2 };
    fc.assert(
      fc.property(tree, (condition) => {
        const value = (facts: (query: UpstreamQuery) => UpstreamFact) =>
          rank[judgeUpstream(condition, 'p', NOON, facts).kind];
        const kind = value(byName);
        expect(value((query) => (query.workflow === 'busy' ? FACTS['good']! : byName(query)))).toBeGreaterThanOrEqual(
          kind,
        );
        expect(value((query) => (query.workflow === 'busy' ? FACTS['bad']! : byName(query)))).toBeLessThanOrEqual(kind);
        expect(value(() => FACTS['good']!)).toBe(2);
        expect(value(() => FACTS['bad']!)).toBe(0);
      }),
    );
  });
});
