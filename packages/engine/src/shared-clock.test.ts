import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sharedClock } from './shared-clock.ts';

function host(startsAt: number): { now: () => number; pass: (ms: number) => void } {
  let at = startsAt;
  return {
    now: () => at,
    pass: (ms) => {
      at += ms;
    },
  };
}

test('goes by the store, however far its own host is off', () => {
  const steady = host(5_000_000);
  const clock = sharedClock(steady);
  clock.heard({ askedAt: 5_000_000, answeredAt: 5_000_010, storeAt: 1_000_005 + 8_000_000 });
  steady.pass(10);
  expect(Math.abs(clock.now() - 9_000_010)).toBeLessThanOrEqual(5);
  steady.pass(4_000);
  expect(Math.abs(clock.now() - 9_004_010)).toBeLessThanOrEqual(5);
});

test('an answer that took long changes nothing it does not contradict', () => {
  const steady = host(1_000);
  const clock = sharedClock(steady);
  clock.heard({ askedAt: 1_000, answeredAt: 1_002, storeAt: 51_001 });
  const before = clock.now();
  clock.heard({ askedAt: 1_000, answeredAt: 6_000, storeAt: 51_500 });
  expect(clock.now()).toBe(before);
});

test('the first answer sets it back as well: nobody has been told what the host believed until then', () => {
  const steady = host(100_000 + 3_600_000);
  const clock = sharedClock(steady);
  expect(clock.now()).toBe(3_700_000);
  clock.heard({ askedAt: 3_700_000, answeredAt: 3_700_000, storeAt: 100_000 });
  expect(clock.now()).toBe(100_000);
});

test('ahead of the store it neither goes back nor stands still: it goes at half speed until the store has caught up', () => {
  const steady = host(100_000);
  const clock = sharedClock(steady);
  clock.heard({ askedAt: 100_000, answeredAt: 100_000, storeAt: 500_000 });
  expect(clock.now()).toBe(500_000);
  clock.heard({ askedAt: 100_000, answeredAt: 100_000, storeAt: 490_000 });
  expect(clock.now()).toBe(500_000);
  steady.pass(10_000);
  expect(clock.now()).toBe(505_000);
  steady.pass(10_000);
  expect(clock.now()).toBe(510_000);
  steady.pass(10_000);
  expect(clock.now()).toBe(520_000);
});

test('whatever is heard, it never falls, and ends within half the answer time of the store', () => {
  const step = fc.record({
    pass: fc.integer({ min: 0, max: 10_000 }),
    took: fc.integer({ min: 0, max: 3_000 }),
    where: fc.float({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: -1_000_000, max: 1_000_000 }),
      fc.array(step, { minLength: 1, maxLength: 30 }),
      (off, steps) => {
        const steady = host(10_000_000);
        const clock = sharedClock(steady);
        clock.heard({ askedAt: steady.now(), answeredAt: steady.now(), storeAt: steady.now() });
        let before = clock.now();
        let worst = 0;
        for (const { pass, took, where } of steps) {
          steady.pass(pass);
          const askedAt = steady.now();
          steady.pass(took);
          clock.heard({ askedAt, answeredAt: steady.now(), storeAt: Math.round(askedAt + took * where) + off });
          worst = Math.max(worst, took);
          const now = clock.now();
          expect(now).toBeGreaterThanOrEqual(before);
          before = now;
        }
        if (off >= 0) expect(Math.abs(clock.now() - (steady.now() + off))).toBeLessThanOrEqual(worst + 21);
      },
    ),
  );
});
