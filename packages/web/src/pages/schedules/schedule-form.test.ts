import type { ScheduleView } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { bodyOf, formOf, hasAdvanced } from './schedule-form.ts';

const STORED: ScheduleView = {
  project: 'sales',
  workflow: 'nightly',
  name: 'default',
  revision: 3,
  online: true,
  cron: '0 15 2 ? * MON-FRI',
  flavour: 'quartz',
  zone: 'America/Los_Angeles',
  start: '2026-01-01',
  end: null,
  calendar: 'holidays',
  onHoliday: 'shift_next',
  misfire: 'fire_all',
  misfireMax: 7,
  params: { day: 'today', limit: 100, full: false },
  failurePolicy: 'continue',
  notifyType: 'FAILURE',
  notifyMails: ['ops', 'ann@example.com'],
  priority: 'high',
  workerGroup: 'gpu',
  environment: 'production',
  timeoutMs: 5_400_000,
  dependsOnPrevious: true,
  dependsOn: ['orders', 'finance/ledger'],
  nextFire: null,
  lastTickAt: null,
  lastFiredAt: null,
  lastRun: null,
  fromDefinition: false,
  createdAt: '2026-01-01T00:00:00.000Z',
  createdBy: 'ann',
  updatedAt: '2026-01-01T00:00:00.000Z',
  updatedBy: 'ann',
};

describe('the form of a schedule', () => {
  test('gives back all that is stored when nothing is touched', () => {
    expect(bodyOf(formOf(STORED, ''), STORED)).toEqual({
      cron: '0 15 2 ? * MON-FRI',
      zone: 'America/Los_Angeles',
      start: '2026-01-01',
      end: null,
      calendar: 'holidays',
      onHoliday: 'shift_next',
      online: true,
      misfire: 'fire_all',
      misfireMax: 7,
      params: { day: 'today', limit: 100, full: false },
      dependsOnPrevious: true,
      dependsOn: ['orders', 'finance/ledger'],
      priority: 'high',
      failurePolicy: 'continue',
      workerGroup: 'gpu',
      environment: 'production',
      timeoutMs: 5_400_000,
      notifyType: 'FAILURE',
      notifyMails: ['ops', 'ann@example.com'],
    });
  });

  test('leaves to the workflow what is empty', () => {
    const form = formOf(null, 'sales');
    expect(hasAdvanced(form)).toBe(false);
    expect(bodyOf(form, null)).toMatchObject({
      dependsOn: [],
      priority: null,
      failurePolicy: null,
      workerGroup: null,
      environment: null,
      timeoutMs: null,
      notifyType: null,
      notifyMails: null,
    });
  });

  test.each([
    ['soon', undefined],
    ['0', undefined],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
  ])('a time limit of %s', (timeLimit, timeoutMs) => {
    expect(bodyOf({ ...formOf(null, 'sales'), timeLimit }, null)?.timeoutMs).toBe(timeoutMs);
  });
});
