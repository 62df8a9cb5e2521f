import { describe, expect, it } from 'vitest';
import { firstHour, hoursOf } from './hours.ts';

const at = '2026-03-01T10:00:00.000Z';

describe('runs by the hour', () => {
  it('are those of whole hours, up to the one that goes on', () => {
    expect(new Date(firstHour(Date.parse('2026-03-01T12:34:56Z'), 3)).toISOString()).toBe(at);
    expect(new Date(firstHour(Date.parse('2026-03-01T10:00:00Z'), 1)).toISOString()).toBe(at);
  });

  it('are told by how they went', () => {
    const runs = { succeeded: 3, failed: 1, dependency_failed: 2, running: 4, stopped: 1 };
    expect(hoursOf({ buckets: [{ at, runs, tasks: { succeeded: 7, pending: 2 } }] })).toEqual([
      { startsAt: Date.parse(at), succeeded: 3, failed: 3, others: 5, taskCount: 9 },
    ]);
  });

  it('may be none, or have too many tasks to be counted', () => {
    const empty = { startsAt: Date.parse(at), succeeded: 0, failed: 0, others: 0 };
    expect(hoursOf({ buckets: [{ at, runs: {}, tasks: {} }] })).toEqual([{ ...empty, taskCount: 0 }]);
    expect(hoursOf({ buckets: [{ at, runs: {}, tasks: null }] })).toEqual([{ ...empty, taskCount: null }]);
  });
});
