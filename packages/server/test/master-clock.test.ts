import { afterEach, describe, expect, test, vi } from 'vitest';
import { steadyClock } from '../src/master/steady-clock.ts';
import { startCluster } from './master/cluster.ts';
import { taskDefinition } from './store/records.ts';

afterEach(() => void vi.useRealTimers());

const HOUR_MS = 3_600_000;

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

test('a master that began while the clock of its host was an hour ahead tries again in time, and writes no instant that is to come', async () => {
  const trials = ['fail', 'succeed'] as const;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR_MS });
  // It shares its store, so it goes by the store's clock, which is a thread's and right.
  const cluster = await startCluster(({ attempt }) => trials[attempt.endsWith('.1') ? 0 : 1], { alone: false });
  vi.useRealTimers();
  const retry = { max: 1, intervalMs: 100, backoff: 'fixed', maxIntervalMs: 100 } as const;
  await cluster.save('shaky', [taskDefinition('only', { retry })]);
  const run = await cluster.submit('shaky');
  expect(await cluster.endOf(run)).toBe('succeeded');
  const { status, tasks, attempts } = await cluster.detail(run);
  const [workers, masters] = [await cluster.store.listWorkers(), await cluster.store.listMasters(10)];
  await cluster.close();
  const written = JSON.stringify([
    status,
    tasks,
    attempts,
    workers,
    masters.map(({ leaseUntil: _, ...master }) => master),
  ]);
  const instants = [...written.matchAll(/At":(\d+)/g)].map(([, at]) => Number(at));
  expect(instants.length).toBeGreaterThan(10);
  // How long the store took to answer is no difference of clocks.
  expect(Math.max(...instants)).toBeLessThan(Date.now() + HOUR_MS / 2);
  expect(attempts).toHaveLength(2);
});
