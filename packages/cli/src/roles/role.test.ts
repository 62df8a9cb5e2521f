import { expect, test } from 'vitest';
import { stopAll, type Started } from './role.ts';

const forEver = (): Promise<void> => new Promise(() => {});

test('ends the last first, and goes on behind a step that fails or never ends, and tells both', async () => {
  const ended: string[] = [];
  const step = (name: string, stop: () => Promise<unknown>): Started => ({
    name,
    stop: () => {
      ended.push(name);
      return stop();
    },
  });
  const told: string[] = [];
  const steps = [
    step('store', () => Promise.resolve()),
    step('logs', forEver),
    step('alerts', () => Promise.reject(new Error('no'))),
  ];
  await stopAll(steps, (name, error) => told.push(`${name}: ${(error as Error).message}`), 10);
  expect({ ended, told }).toEqual({
    ended: ['alerts', 'logs', 'store'],
    told: ['alerts: no', 'logs: it has not ended within 10 ms'],
  });
});
