/** From the end of a run to the mail about it: real master, store, sender and mail server. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Alerts, startAlerts } from '../../src/alerts/index.ts';
import { type Cluster, startCluster } from '../master/cluster.ts';
import { taskDefinition } from '../store/records.ts';
import { type MailServer, mailServer } from './receivers.ts';
import { WAIT } from '../wait.ts';

let cluster: Cluster;
let smtp: MailServer;
let alerts: Alerts;
const fate = new Map<string, 'succeed' | 'fail' | 'go on'>();
beforeEach(async () => {
  fate.clear();
  cluster = await startCluster(({ task }) => fate.get(task) ?? 'succeed');
  smtp = await mailServer();
  const log = { info: () => undefined, warn: () => undefined };
  alerts = await startAlerts({ store: cluster.store, log, smtp: smtp.url, from: 'pelorus@x.org', baseUrl: null });
});
afterEach(async () => {
  await alerts.stop();
  await cluster.close();
  await smtp.close();
});
const subjects = () =>
  smtp.mails.map(({ to, text }) => `${to[0]}: ${/^Subject: (.*(?:\n .*)*)/m.exec(text)?.[1]?.replaceAll('\n ', ' ')}`);

test('a failure is told to the mails of the run and to those the workflow names; a success to nobody here', async () => {
  fate.set('load', 'fail');
  const notify = { on: 'failure' as const, to: ['team@x.org'] };
  await cluster.save('bad', [taskDefinition('load')], { notify });
  await cluster.save('good', [taskDefinition('fine')], { notify });
  const asked = { notifyType: 'FAILURE' as const, notifyMails: ['ann@x.org'] };
  const good = await cluster.submit('good', asked);
  const bad = await cluster.submit('bad', asked);
  expect([await cluster.endOf(good), await cluster.endOf(bad)]).toEqual(['succeeded', 'failed']);
  alerts.hint();
  await vi.waitFor(() => expect(smtp.mails).toHaveLength(2), WAIT);
  expect(subjects().toSorted()).toEqual(
    ['ann', 'team'].map((who) => expect.stringContaining(`${who}@x.org: `) as string),
  );
  expect(smtp.mails.every(({ text }) => text.includes('State:         failed'))).toBe(true);
  expect((await cluster.store.listAlerts({ limit: 10 })).every(({ alert }) => alert.run === bad)).toBe(true);
});

test('a task that takes too long is told while it goes on, once, and so is the end', async () => {
  fate.set('load', 'go on');
  await cluster.save('slow', [taskDefinition('load', { timeout: { afterMs: 50, action: 'warn' } })]);
  const run = await cluster.submit('slow', { notifyType: 'ALL', notifyMails: ['ann@x.org'] });
  await vi.waitFor(async () => expect(await cluster.store.listAlerts({ run, limit: 10 })).toHaveLength(1), WAIT);
  expect(await cluster.stateOf(run)).toBe('running');
  cluster.worker.finish('load');
  expect(await cluster.endOf(run)).toBe('succeeded');
  await vi.waitFor(async () => {
    const told = await cluster.store.listAlerts({ run, limit: 10 });
    expect(told.map(({ alert, state }) => [alert.event, alert.task, state])).toEqual([
      ['run-succeeded', null, 'sent'],
      ['timeout-warning', 'load', 'sent'],
    ]);
  }, WAIT);
});

test('an end that was committed before a crash is told after it, once', async () => {
  await alerts.stop();
  fate.set('load', 'fail');
  await cluster.save('bad', [taskDefinition('load')]);
  const run = await cluster.submit('bad', { notifyType: 'FAILURE', notifyMails: ['ann@x.org'] });
  expect(await cluster.endOf(run)).toBe('failed');
  await cluster.crash();
  const log = { info: () => undefined, warn: () => undefined };
  alerts = await startAlerts({ store: cluster.store, log, smtp: smtp.url, from: 'pelorus@x.org', baseUrl: null });
  await vi.waitFor(() => expect(smtp.mails).toHaveLength(1), WAIT);
  // The mail server has it a moment before the store knows.
  await vi.waitFor(async () => {
    expect(await cluster.store.listAlerts({ limit: 10 })).toMatchObject([{ state: 'sent' }]);
  }, WAIT);
  await cluster.crash();
  expect(await cluster.store.listAlerts({ limit: 10 })).toMatchObject([{ alert: { run }, state: 'sent', attempts: 1 }]);
});
