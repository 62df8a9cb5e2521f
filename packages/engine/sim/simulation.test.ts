import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';
import { playHistory } from './history.ts';
import { Tally } from './tally.ts';

const FIXED_HISTORIES = 400;
const TIMED_SECONDS = 10;

/** What a set of histories must have met, or they prove little. */
const MUST_HAPPEN = [
  'fault: frame lost',
  'fault: frame delivered twice',
  'fault: frame overtaken by others',
  'fault: frames held up',
  'fault: link broken',
  'fault: partition',
  'fault: one-way partition',
  'fault: store outcome unknown, done',
  'fault: store outcome unknown, not done',
  'fault: store failed',
  'fault: master crashed before its commit',
  'fault: master crashed between its commit and sending',
  'fault: master crashed after sending',
  'fault: master paused',
  'fault: agent crashed',
  'fault: agent paused',
  'fault: agent drained and replaced',
  'fault: supervisor crashed',
  'fault: host rebooted',
  'path: run adopted',
  'path: master dropped its memory',
  'path: master found itself fenced',
  'path: dispatch heard again',
  'path: kill heard before its dispatch',
  'path: agent found running attempts again',
  'path: agent found results of its predecessor',
  'path: killed at the end of its execution lease',
  'path: attempt lost (worker_lost)',
  'path: attempt lost (no_capacity)',
  'path: report finished sent again',
  'path: report answered with unknown',
  'path: task group full',
  'path: runs nested three deep',
  'path: child started again for a retry',
  'path: end of a child applied',
  'path: stop handed to a child',
  'path: pause handed to a child',
  'path: resume handed to a child',
  "path: child of another master's run",
  'path: run adopted that waits for a child',
  'path: logic attempt failed (child)',
  'path: logic attempt failed (invalid)',
  'path: logic attempt failed (timeout)',
  'path: logic attempt failed (dependency)',
  'upstream: satisfied',
  'upstream: failed',
  'upstream: waiting',
  'path: branch chosen',
  'path: switch could not choose',
  'path: task skipped (branch)',
  'path: task skipped (not_triggered)',
  'path: success forced (failed)',
  'path: success forced (upstream_failed)',
  'path: success forced (queued)',
  'path: success forced (retry_wait)',
  'path: run of a serial_wait workflow started when its turn came',
  'path: run of a serial_priority workflow started when its turn came',
  'path: run of a serial_discard workflow started',
  'path: run superseded',
  'path: child discarded',
  'path: child started when its turn came',
  'path: run again: rerun-failed',
  'path: run again: rerun-from',
  'path: run again: repeat',
  'path: run again: node',
  'path: run again: selected',
  'path: results taken over',
  'path: plan refused',
  'run ended: succeeded (dry run)',
  'run ended: succeeded',
  'run ended: failed',
  'run ended: stopped',
];

function playOrFail(seed: number, total: Tally): void {
  const report = playHistory({ seed });
  total.add(report.tally);
  if (report.violation) expect.fail(explain(report));
}

describe('histories of masters, workers, a network and a store that fail', () => {
  it('keep every invariant for a fixed set of seeds, and reach what they are there for', () => {
    const total = new Tally();
    for (let seed = 1; seed <= FIXED_HISTORIES; seed++) playOrFail(seed, total);
    expect(MUST_HAPPEN.filter((name) => !total.counts.has(name))).toEqual([]);
  }, 120_000);

  it('keep every invariant for seeds that nobody has tried', () => {
    const first = Date.now() % 2 ** 31;
    console.log(`simulation: first seed ${first}`);
    const until = performance.now() + TIMED_SECONDS * 1000;
    for (let seed = first; performance.now() < until; seed++) playOrFail(seed, new Tally());
  }, 120_000);

  it('play the same from the same seed', () => {
    const once: string[] = [];
    const twice: string[] = [];
    playHistory({ seed: 7, trace: (line) => once.push(line) });
    playHistory({ seed: 7, trace: (line) => twice.push(line) });
    expect(twice).toEqual(once);
    expect(once.length).toBeGreaterThan(100);
  });
});
