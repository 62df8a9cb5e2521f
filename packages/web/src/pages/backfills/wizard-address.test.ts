import { describe, expect, test } from 'vitest';
import { EMPTY_FORM } from '../workflows/run-request.ts';
import { searchOf, wizardOf } from './wizard-address.ts';
import { EMPTY_WIZARD, type WizardForm } from './wizard-form.ts';

const FILLED: WizardForm = {
  kind: 'list',
  start: '2026-03-01',
  end: '2026-03-31',
  at: '02:30',
  zone: 'Asia/Shanghai',
  cron: '0 15 2 ? * MON-FRI',
  list: '2026-03-01\n2026-03-05 08:00',
  mode: 'parallel',
  parallelism: '7',
  order: 'descending',
  continueAfterFailure: true,
  withDependents: true,
  run: {
    ...EMPTY_FORM,
    params: { day: 'today', note: 'a & b = c' },
    more: 'x = 1',
    what: 'select',
    task: 'load',
    tasks: 'load, report',
    priority: 'high',
    workerGroup: 'gpu',
    environment: 'production',
    failurePolicy: 'continue',
    version: '3',
    dryRun: true,
  },
};

describe('a new backfill in its address', () => {
  test('is read back as it was chosen', () => {
    const address = new URLSearchParams(searchOf(FILLED)).toString();
    expect(wizardOf(Object.fromEntries(new URLSearchParams(address)))).toEqual(FILLED);
  });

  test('is an empty query as long as nothing is chosen', () => {
    expect(searchOf(EMPTY_WIZARD)).toEqual({});
    expect(wizardOf({})).toEqual(EMPTY_WIZARD);
  });

  test('what cannot be chosen is left out', () => {
    expect(
      wizardOf({ kind: 'weekly', mode: 'x', priority: 'urgent', what: 'none', params: '{"a":1,"b":"c"}' }),
    ).toEqual({
      ...EMPTY_WIZARD,
      run: { ...EMPTY_FORM, params: { b: 'c' } },
    });
    expect(wizardOf({ params: 'no JSON' })).toEqual(EMPTY_WIZARD);
  });

  test('a list that is longer than an address may be is not in it', () => {
    const list = '2026-03-01\n'.repeat(1000);
    expect(searchOf({ ...EMPTY_WIZARD, kind: 'list', list })).toEqual({ kind: 'list' });
  });
});
