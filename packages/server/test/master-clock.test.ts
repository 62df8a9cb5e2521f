import { describe, expect, test } from 'vitest';
import { steadyClock } from '../src/master/steady-clock.ts';

function bed() {
  const at = { wall: 1_000_000, monotonic: 500, boot: 9_000 as number | null };
  const clock = steadyClock({ wall: () => at.wall, monotonic: () => at.monotonic, boot: () => at.boot });
  return { at, clock };
}

describe("the master's clock", () => {
  test('begins with the wall clock and goes on evenly', () => {
    const { at, clock } = bed();
    expect(clock.now()).toBe(1_000_000);
    at.monotonic += 250;
    expect(clock.now()).toBe(1_000_250);
  });

  test('does not follow a wall clock that is set', () => {
    const { at, clock } = bed();
    at.wall += 3_600_000;
    at.monotonic += 10;
    at.boot = 9_010;
    clock.look();
    expect(clock.now()).toBe(1_000_010);
  });

  test('counts the time that the host slept, once', () => {
    const { at, clock } = bed();
    at.boot = 9_000 + 1_200_000;
    clock.look();
    clock.look();
    expect(clock.now()).toBe(2_200_000);
  });

  test('does without a clock that goes on in sleep', () => {
    const { at, clock } = bed();
    at.boot = null;
    at.monotonic += 5;
    clock.look();
    expect(clock.now()).toBe(1_000_005);
  });
});
