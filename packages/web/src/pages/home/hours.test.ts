import type { RunView } from '@pelorus/protocol';
import { describe, expect, it } from 'vitest';
import { hoursOf } from './hours.ts';

const NOW = Date.parse('2026-03-01T12:34:56Z');

function run(submittedAt: string, state: RunView['state'], taskCount: number): RunView {
  return { submittedAt, state, taskCount } as RunView;
}

describe('runs by the hour', () => {
  it('counts each run in the hour in which it was submitted, by how it went', () => {
    const hours = hoursOf(
      [
        run('2026-03-01T12:00:00.000Z', 'succeeded', 3),
        run('2026-03-01T12:34:00.000Z', 'dependency_failed', 1),
        run('2026-03-01T11:59:59.999Z', 'running', 2),
        run('2026-03-01T10:00:00.000Z', 'failed', 5),
      ],
      NOW,
      3,
    );
    expect(hours).toEqual([
      { startsAt: Date.parse('2026-03-01T10:00:00Z'), succeeded: 0, failed: 1, others: 0, taskCount: 5 },
      { startsAt: Date.parse('2026-03-01T11:00:00Z'), succeeded: 0, failed: 0, others: 1, taskCount: 2 },
      { startsAt: Date.parse('2026-03-01T12:00:00Z'), succeeded: 1, failed: 1, others: 0, taskCount: 4 },
    ]);
  });

  it('leaves out what is older, and what a clock that is ahead calls later', () => {
    const hours = hoursOf([run('2026-03-01T09:59:59Z', 'failed', 1), run('2026-03-01T13:00:00Z', 'failed', 1)], NOW, 3);
    expect(hours.map(({ failed }) => failed)).toEqual([0, 0, 0]);
  });
});
