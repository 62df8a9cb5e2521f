/** Figures from evidence whose answers are known. */
import { expect, test } from 'vitest';
import { byKind, measure, spread, type MeasureInput } from './measures.ts';
import type { Transition } from './oracle.ts';
import type { FaultKind } from './schedule.ts';
import type { FaultDone } from './storm.ts';

const fault = (kind: FaultKind, fromMs: number, toMs: number, more: Partial<FaultDone> = {}): FaultDone => ({
  kind,
  atMs: 0,
  forMs: toMs - fromMs,
  target: ['master-1'],
  variant: '',
  fromMs,
  toMs,
  readyMs: null,
  hit: true,
  error: null,
  ...more,
});
const runAt = (atMs: number, owner: string | null, to = 'running', run = 1): Transition => ({
  kind: 'run',
  run,
  task: null,
  n: null,
  from: null,
  to,
  owner,
  atMs,
});
const attemptAt = (atMs: number, to: string, run = 1): Transition => ({
  ...runAt(atMs, null, to, run),
  kind: 'attempt',
  task: 0,
  n: 1,
});

const base: MeasureInput = {
  faults: [],
  transitions: [],
  masters: [
    { id: 'm1', opsUrl: 'u1', registeredMs: 0, fencedMs: 116_000 },
    { id: 'm2', opsUrl: 'u2', registeredMs: 0, fencedMs: null },
    { id: 'm1b', opsUrl: 'u1', registeredMs: 103_000, fencedMs: null },
  ],
  opsUrls: { 'master-1': 'u1', 'master-2': 'u2' },
  kills: [],
};

test('a killed master: until it is fenced, and until a run of its own has another owner', () => {
  const measured = measure({
    ...base,
    faults: [fault('master-kill', 100_000, 102_000), fault('master-kill', 200_000, 201_000, { target: ['master-2'] })],
    transitions: [
      runAt(50_000, 'm1'),
      runAt(60_000, 'm2', 'running', 2),
      runAt(110_000, 'm2', 'running', 2),
      runAt(116_500, 'm2'),
    ],
  });
  expect(measured.detection).toEqual({ count: 1, p50Ms: 16_000, maxMs: 16_000 });
  expect(measured.takeover).toEqual({ count: 1, p50Ms: 16_500, maxMs: 16_500 });
  expect(measured.takeoverUndisturbed.count).toBe(1);
});

test('a takeover while PostgreSQL was away is not one of the undisturbed', () => {
  const measured = measure({
    ...base,
    faults: [
      fault('master-kill', 100_000, 102_000),
      fault('store-crash', 105_000, 106_000, { target: ['store'], readyMs: 106_100 }),
    ],
    transitions: [runAt(50_000, 'm1'), runAt(106_500, 'm2', 'running', 2), runAt(117_500, 'm2')],
  });
  expect([measured.takeover.maxMs, measured.takeoverUndisturbed.count]).toEqual([17_500, 0]);
  expect(measured.storeRecovery).toEqual({ count: 1, p50Ms: 400, maxMs: 400 });
});

test('kills: of a run until it is stopped, of a task until its attempt is killed', () => {
  const measured = measure({
    ...base,
    faults: [fault('reset', 1_500, 1_500)],
    kills: [
      { run: 1, task: null, atMs: 1_000 },
      { run: 2, task: 'victim', atMs: 40_000 },
      { run: 3, task: null, atMs: 50_000 },
    ],
    transitions: [attemptAt(1_800, 'killed'), runAt(2_000, 'm1', 'stopped'), attemptAt(40_300, 'killed', 2)],
  });
  expect(measured.killLatency).toEqual({ count: 2, p50Ms: 1_000, maxMs: 1_000 });
  expect(measured.killLatencyUndisturbed).toEqual({ count: 1, p50Ms: 300, maxMs: 300 });
});

test('a fault is survived when tasks succeed after it', () => {
  const faults = [fault('reset', 1, 1), fault('reset', 900, 900), fault('reset', 5, 5, { hit: false })];
  expect(byKind(faults, [attemptAt(500, 'succeeded')])).toEqual({ reset: { injected: 3, hit: 2, survived: 1 } });
});

test('the spread of nothing is nothing', () => {
  expect(spread([])).toEqual({ count: 0, p50Ms: null, maxMs: null });
  expect(spread([3, 1, 2])).toEqual({ count: 3, p50Ms: 2, maxMs: 3 });
});
