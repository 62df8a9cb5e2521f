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

/** So many times the tasks take about as many times the processor time, or twice that, for they fill its caches; what grows with the square, 256. */
const TIMES = 16;
const RATIO_MAX = 120;

describe('large workflows', () => {
  test('every case has its answer', () => expect(LARGE_CASES.map(({ title }) => title)).toEqual(Object.keys(ANSWERS)));

  test.each(LARGE_CASES)('$title ($count)', ({ title, count, prepare }) => {
    const whole = timed(prepare(count));
    const part = timed(prepare(count / TIMES));
    console.log(`${whole.ms.toFixed(0)} ms for ${count}, ${part.ms.toFixed(1)} ms for a sixteenth of it: ${title}`);
    expect(whole.answer).toBe(ANSWERS[title]);
    expect(whole.ms / part.ms).toBeLessThan(RATIO_MAX);
  });
});
