import { expect, test } from 'vitest';
import { shutDown, type Services } from './life-cycle.ts';

function services(events: string[], overrides: Partial<Services['worker']> = {}, fail: string[] = []): Services {
  const does = (name: string) => async (): Promise<void> => {
    events.push(name);
    if (fail.includes(name)) throw new Error(`${name} failed`);
  };
  return {
    api: { close: does('api closed') },
    worker: {
      usedSlots: 0,
      supervisorPid: 7,
      drain: does('worker drained'),
      stop: does('worker stopped'),
      ...overrides,
    },
    master: { stop: does('master stopped') },
    traces: { stop: does('traces stopped') },
    logs: { stop: does('logs stopped') },
    alerts: { stop: does('alerts stopped') },
    store: { close: does('store closed') },
  };
}

const ORDER = [
  'api closed',
  'worker drained',
  'worker stopped',
  'master stopped',
  'traces stopped',
  'logs stopped',
  'alerts stopped',
  'store closed',
];
const forEver = (): Promise<void> => new Promise(() => {});
const options = { drainMs: 10, pause: forEver, onError: () => {} };

test('closes from the outside in: api, worker, master, traces, logs, alerts, store', async () => {
  const events: string[] = [];
  expect(await shutDown(services(events), options)).toEqual({ leftRunning: 0, supervisorPid: 7 });
  expect(events).toEqual(ORDER);
});

test('goes on when a step fails, and tells it', async () => {
  const events: string[] = [];
  const failed: string[] = [];
  await shutDown(services(events, {}, ORDER), { ...options, onError: (step) => failed.push(step) });
  expect(events).toEqual(ORDER);
  expect(failed).toEqual(['api', 'worker', 'worker', 'master', 'traces', 'logs', 'alerts', 'store']);
});

test('waits for running attempts no longer than the drain time, and says how many are left', async () => {
  const events: string[] = [];
  const paused: number[] = [];
  const pause = (durationMs: number): Promise<void> => {
    paused.push(durationMs);
    return durationMs === 10 ? Promise.resolve() : forEver();
  };
  const report = await shutDown(services(events, { usedSlots: 3, drain: forEver }), { ...options, pause });
  expect(report).toEqual({ leftRunning: 3, supervisorPid: 7 });
  expect(paused).toContain(10);
  expect(events).toEqual(ORDER.filter((event) => event !== 'worker drained'));
});
