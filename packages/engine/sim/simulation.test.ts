import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';
import { playHistory } from './history.ts';
import { neverReached, SOON_REACHED } from './paths.ts';
import { Tally } from './tally.ts';

const FIXED_HISTORIES = 250;

function playOrFail(seed: number, total: Tally): void {
  const report = playHistory({ seed });
  total.add(report.tally);
  if (report.violation) expect.fail(explain(report));
}

describe('histories of masters, workers, a network and a store that fail', () => {
  it('keep every invariant for a fixed set of seeds, and reach what they are there for', () => {
    const total = new Tally();
    for (let seed = 1; seed <= FIXED_HISTORIES; seed++) playOrFail(seed, total);
    expect(neverReached(total, SOON_REACHED)).toEqual([]);
  });

  it('play the same from the same seed', () => {
    const once: string[] = [];
    const twice: string[] = [];
    playHistory({ seed: 7, trace: (line) => once.push(line) });
    playHistory({ seed: 7, trace: (line) => twice.push(line) });
    expect(twice).toEqual(once);
    expect(once.length).toBeGreaterThan(100);
  });
});
