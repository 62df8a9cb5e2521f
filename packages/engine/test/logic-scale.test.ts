/** A hundred thousand tasks must neither recurse nor cost more than in proportion. */
import { describe, expect, test } from 'vitest';
import { LARGE_CASES, timed } from './large-workflows.ts';

const ANSWERS: Record<string, string> = {
  'a chain of skipped tasks before one that runs': 'succeeded, 99999 skipped',
  'a chain of disabled tasks in an untaken branch': 'succeeded, 99999 skipped',
  'a chain behind a failure': 'failed, 99999 upstream_failed',
  'a fan of one to many to one, every task placed and finished': 'succeeded, 50002 succeeded',
  'a chain in which each task gives the same outputs': 'succeeded, 20000 succeeded',
  'a switch that leaves out many tasks, and their join': 'succeeded, 50001 skipped',
  'a switch that leaves out a long branch': 'succeeded, 49999 skipped',
  'conditions over many predecessors': 'succeeded',
  'fail-fast with many tasks queued': 'failed, 49999 killed',
  'force success of a failure with a long chain of disabled tasks behind it': 'failed, 0 behind a failure',
  'recovery of a run half-way': 'running, 49999 live',
  'plans: node and all behind it, re-run of what failed, re-run from a task, their description': '100002, 2, 3',
  'progress and the remaining time': '10000000',
};

/** Four times the tasks take about four times the time, on a busy machine some more; what grows with the square, sixteen. */
const RATIO_MAX = 10;
/** Below this, the clock says nothing about the ratio. */
const MEASURABLE_MS = 5;

describe('large workflows', () => {
  test('every case has its answer', () => expect(LARGE_CASES.map(({ title }) => title)).toEqual(Object.keys(ANSWERS)));

  test.each(LARGE_CASES)('$title ($count)', { retry: 2 }, ({ title, count, prepare }) => {
    const whole = timed(prepare(count), 3);
    const quarter = timed(prepare(count / 4), 3);
    console.log(`${whole.ms.toFixed(0)} ms for ${count}, ${quarter.ms.toFixed(0)} ms for a quarter of it: ${title}`);
    expect(whole.answer).toBe(ANSWERS[title]);
    expect(whole.ms).toBeLessThan(2000);
    if (quarter.ms > MEASURABLE_MS) expect(whole.ms / quarter.ms).toBeLessThan(RATIO_MAX);
  });
});
