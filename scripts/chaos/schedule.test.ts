/** A seed stands for one storm, and what it plans keeps its own rules. */
import { describe, expect, test } from 'vitest';
import { FAULT_KINDS, planStorm, RULES, type FaultKind } from './schedule.ts';

const all = (seed: number, seconds: number, kinds: readonly FaultKind[] = FAULT_KINDS) =>
  planStorm({ seed, seconds, kinds, disks: true, hosts: true });

test('the same seed plans the same storm, another seed another one', () => {
  expect(all(11, 600)).toEqual(all(11, 600));
  expect(all(11, 600)).not.toEqual(all(12, 600));
});

describe.each([1, 2, 3, 4, 5])('seed %i', (seed) => {
  const { faults, impossible } = all(seed, 900);

  test('has every kind, none seldom', () => {
    expect(impossible).toEqual([]);
    const counts = new Map(FAULT_KINDS.map((kind) => [kind, faults.filter((fault) => fault.kind === kind).length]));
    expect([...counts].filter(([, count]) => count === 0)).toEqual([]);
    const often = [...counts].filter(([kind]) => !('everyMs' in RULES[kind])).map(([, count]) => count);
    // Those that last long are often in the way of each other, and so come less often.
    expect(Math.min(...often)).toBeGreaterThanOrEqual(3);
  });

  test('ends before the storm does, and each fault lasts as long as its kind may', () => {
    expect(faults.filter(({ atMs, forMs }) => atMs + forMs > 899_001)).toEqual([]);
    expect(faults.filter(({ kind, forMs }) => forMs < RULES[kind].lasts[0] || forMs > RULES[kind].lasts[1])).toEqual(
      [],
    );
  });

  test('does nothing to what has not rested, and no more than five short things at once', () => {
    for (const [index, fault] of faults.entries()) {
      const open = faults.slice(0, index).filter((other) => other.atMs + other.forMs + 5_000 >= fault.atMs);
      expect(open.filter(({ target }) => target.some((thing) => fault.target.includes(thing)))).toEqual([]);
      const short = faults.slice(0, index).filter(({ forMs }) => forMs < 50_000);
      const active = short.filter((other) => other.atMs + other.forMs > fault.atMs);
      expect(active.length).toBeLessThan(5);
    }
  });
});

test('what does not fit is said, not left out in silence', () => {
  const kinds: FaultKind[] = ['store-outage', 'disk-full', 'unplug', 'reset'];
  const { faults, impossible } = planStorm({ seed: 1, seconds: 30, kinds, disks: false, hosts: false });
  expect(impossible).toEqual([
    { kind: 'store-outage', why: 'it lasts 60 s at least' },
    { kind: 'disk-full', why: 'disks of a size of their own need root' },
    { kind: 'unplug', why: 'network namespaces need root' },
  ]);
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(['reset']));
});

test('leases do not run out while the process that must kill stands still', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { faults } = all(seed, 900);
    const outages = faults.filter(({ kind }) => kind === 'store-outage' || kind.endsWith('-long'));
    const freezes = faults.filter(({ kind }) => kind === 'supervisor-freeze' || kind === 'host-freeze');
    const meet = outages.filter((outage) =>
      freezes.some(({ atMs, forMs }) => atMs < outage.atMs + outage.forMs && outage.atMs < atMs + forMs),
    );
    expect(meet).toEqual([]);
  }
});
