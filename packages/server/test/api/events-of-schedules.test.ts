/** What `GET /events` tells of schedules, their ticks, deadlines, calendars and backfills. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BackfillView, CalendarView, DeadlineView, MaintenanceView, ScheduleView } from '@pelorus/protocol';
import { createClient } from '@pelorus/sdk';
import { newSecret, secretHash, TOKEN_PREFIX } from '../../src/api/credentials.ts';
import { master } from '../store/records.ts';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';
import { listen, type EventClient, type HeardEvent } from './event-client.ts';

const ADMIN = newSecret();
const asAdmin: Record<string, string> = { authorization: `Bearer ${ADMIN}` };
const EACH_SECOND = { cron: '* * * * * *', zone: 'UTC' };
const open = new Set<EventClient>();
let api: ApiUnderTest;
let baseUrl: string;

beforeAll(async () => {
  api = await openApi({ adminToken: ADMIN });
  baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
  for (const project of ['samples', 'secret']) {
    await put(`/projects/${project}`, {});
    await put(`/projects/${project}/workflows/diamond`, DIAMOND);
  }
});
afterAll(() => {
  for (const client of open) client.cut();
});

async function put<Body = unknown>(path: string, body: object): Promise<Body> {
  const answer = await api.call<Body>('PUT', path, { headers: asAdmin, body });
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}
const scheduleAt = (name: string, project = 'samples') => `/projects/${project}/workflows/diamond/schedules/${name}`;

async function watch(query: string, headers = asAdmin, lastEventId?: string | null): Promise<EventClient> {
  const more = typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {};
  const client = await listen(baseUrl, `/events?${query}`, { ...headers, ...more });
  open.add(client);
  await client.heard(({ event }) => event === 'ready');
  return client;
}

/** Fields that a test looks at, whatever the event. */
type Heard = Omit<HeardEvent, 'data'> & { data: Record<string, unknown> };
const named = (kind: string, name: string) => (heard: HeardEvent) => {
  const { event, data } = heard as unknown as Heard;
  return event === kind && (data['name'] ?? data['schedule']) === name;
};
const kinds = (client: EventClient): string[] =>
  client.events.map((heard) => `${heard.event} ${((heard as unknown as Heard).data['name'] ?? '') as string}`.trim());

test('a schedule that is made, switched and deleted, and the switch of all of them', async () => {
  const client = await watch('about=schedules');
  const runs = await watch('');
  const made = await put<ScheduleView>(scheduleAt('nightly'), { cron: '0 6 * * *' });
  const { nextFires: _nextFires, ...view } = made as ScheduleView & { nextFires: unknown };
  expect((await client.heard(named('schedule', 'nightly'))).data).toEqual(view);
  await api.call('POST', `${scheduleAt('nightly')}/online`, { headers: asAdmin });
  const online = await client.heard(
    (heard) => named('schedule', 'nightly')(heard) && (heard as unknown as Heard).data['online'] === true,
  );
  expect(online.data).toMatchObject({ revision: 2, nextFire: { local: expect.any(String) as string } });
  await api.call('DELETE', scheduleAt('nightly'), { headers: asAdmin });
  const gone = await client.heard(({ event }) => event === 'schedule-deleted');
  expect(gone.data).toEqual({ project: 'samples', workflow: 'diamond', name: 'nightly' });
  const paused = await put<MaintenanceView>('/maintenance', { paused: true, reason: 'new disks' });
  expect((await client.heard(({ event }) => event === 'maintenance')).data).toEqual(paused);
  await put('/maintenance', { paused: false });
  // Whoever asked about runs alone has heard of none of it.
  const run = await api.call<{ id: number }>('POST', '/runs', {
    headers: asAdmin,
    body: { project: 'samples', workflow: 'diamond' },
  });
  await runs.heard(({ data }) => data.id === run.body.id);
  expect(kinds(runs)).toEqual(['ready', 'run']);
});

test('each tick, with its run or why it has none; and the schedule with what comes next', async () => {
  const client = await watch('about=schedules,runs');
  await put(scheduleAt('ticking'), { ...EACH_SECOND, misfire: 'skip', online: true });
  const fence = await master(api.store, 'ticker');
  await expect.poll(async () => (await api.store.fireDue(fence, 10)).fired).toBeGreaterThan(0);
  await api.call('POST', `${scheduleAt('ticking')}/offline`, { headers: asAdmin });
  const fired = (heard: HeardEvent) =>
    named('tick', 'ticking')(heard) && (heard as unknown as Heard).data['outcome'] === 'fired';
  const tick = (await client.heard(fired)) as unknown as Heard;
  expect(tick.data).toMatchObject({ project: 'samples', workflow: 'diamond', reason: null, revision: 1 });
  await client.heard(({ event, data }) => event === 'run' && data.id === tick.data['run']);
  const schedule = (await client.heard(
    (heard) => named('schedule', 'ticking')(heard) && (heard as unknown as Heard).data['online'] === false,
  )) as unknown as Heard;
  expect(schedule.data['lastRun']).toBeGreaterThanOrEqual(tick.data['run'] as number);
  const ids = client.events.map(({ id }) => Number(id));
  expect(ids).toEqual(ids.toSorted((one, other) => one - other));
});

test('a deadline that is made, missed and deleted; a calendar that is made, changed and deleted', async () => {
  const client = await watch('about=schedules,backfills');
  const path = '/projects/samples/workflows/diamond/deadlines/each-second';
  const made = await put<DeadlineView>(path, EACH_SECOND);
  expect((await client.heard(named('deadline', 'each-second'))).data).toEqual(made);
  const fence = await master(api.store, 'looker');
  await expect.poll(async () => (await api.store.fireDue(fence, 10)).missedDeadlines).toBeGreaterThan(0);
  await client.heard(
    (heard) => named('deadline', 'each-second')(heard) && (heard as unknown as Heard).data['lastMissedAt'] !== null,
  );
  await api.call('DELETE', path, { headers: asAdmin });
  const gone = await client.heard(({ event }) => event === 'deadline-deleted');
  expect(gone.data).toEqual({ project: 'samples', workflow: 'diamond', name: 'each-second' });

  await put('/calendars/feasts', { days: ['2030-01-01', '2030-05-01'] });
  expect((await client.heard(named('calendar', 'feasts'))).data).toMatchObject({ dayCount: 2, lastDay: '2030-05-01' });
  const { revision } = await put<CalendarView>('/calendars/feasts', { days: [] });
  await client.heard(
    (heard) => named('calendar', 'feasts')(heard) && (heard as unknown as Heard).data['revision'] === revision,
  );
  await api.call('DELETE', '/calendars/feasts', { headers: asAdmin });
  expect((await client.heard(({ event }) => event === 'calendar-deleted')).data).toEqual({ name: 'feasts' });
});

test('a backfill, whenever it has got further', async () => {
  const client = await watch('about=backfills');
  const body = { project: 'samples', workflow: 'diamond', dates: ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'] };
  const { id } = (await api.call<{ id: number }>('POST', '/backfills', { headers: asAdmin, body })).body;
  const first = (await client.heard(({ event, data }) => event === 'backfill' && data.id === id)) as unknown as Heard;
  expect(first.data).toMatchObject({ state: 'running', counts: { running: 1, pending: 1 }, progress: 0 });
  const { dates } = (await api.call<BackfillView>('GET', `/backfills/${id}`, { headers: asAdmin })).body;
  await api.setRun(dates[0]!.run!, 'failed', { endedAt: NOW });
  const ended = await client.heard(({ event, data }) => event === 'backfill' && data.state === 'failed');
  expect(ended.data).toMatchObject({ id, counts: { failed: 1, stopped: 1 }, progress: 1 });
});

test('whoever comes back hears what happened meanwhile, as it is now', async () => {
  const client = await watch('about=schedules');
  await put(scheduleAt('seen'), { cron: '0 6 * * *' });
  await client.heard(named('schedule', 'seen'));
  client.cut();
  await client.ended;
  for (let i = 0; i < 30; i++) await put(scheduleAt(`s${i}`), { cron: '0 6 * * *' });
  await put(scheduleAt('s3'), { cron: '0 7 * * *' });
  for (const name of ['s1', 'seen']) await api.call('DELETE', scheduleAt(name), { headers: asAdmin });
  const again = await watch('about=schedules', asAdmin, client.lastId());
  await again.heard(named('schedule-deleted', 'seen'));
  // What was read before a later change of the same thing may have been told as well.
  const last = new Map(
    kinds(again)
      .slice(1)
      .map((told) => [told.split(' ')[1]!, told.split(' ')[0]]),
  );
  expect(last.size).toBe(31);
  for (const [name, event] of last)
    expect([name, event]).toEqual([name, ['s1', 'seen'].includes(name) ? 'schedule-deleted' : 'schedule']);
  const edited = again.events.findLast(named('schedule', 's3')) as unknown as Heard;
  expect(edited.data['cron']).toBe('0 7 * * *');
  const ids = again.events.map(({ id }) => Number(id));
  expect(ids).toEqual(ids.toSorted((one, other) => one - other));
});

test('only of projects that one may read; the switch of all schedules and calendars are told to everybody', async () => {
  await api.store.saveUser({ name: 'eve', by: 'admin', at: NOW });
  await put('/projects/samples/members/eve', { perm: 'viewer' });
  const secret = newSecret();
  const token = {
    user: 'eve',
    hash: secretHash(TOKEN_PREFIX + secret),
    name: 't',
    mask: 15,
    projects: null,
    parent: null,
  };
  await api.store.createToken({ ...token, expiresAt: null, at: NOW, limit: 9 });
  const client = await watch('about=schedules', { authorization: `Bearer ${TOKEN_PREFIX}${secret}` });
  await put(scheduleAt('hidden', 'secret'), { cron: '0 6 * * *' });
  await put('/projects/secret/workflows/diamond/deadlines/hidden', { cron: '0 6 * * *' });
  await api.call('DELETE', scheduleAt('hidden', 'secret'), { headers: asAdmin });
  await api.call('DELETE', '/projects/secret/workflows/diamond/deadlines/hidden', { headers: asAdmin });
  await put(scheduleAt('shown'), { cron: '0 6 * * *' });
  await put('/projects/samples/workflows/diamond/deadlines/seen', { cron: '0 6 * * *' });
  await put('/calendars/ours', { days: [] });
  await put('/maintenance', { paused: true });
  await client.heard(({ event }) => event === 'maintenance');
  expect(kinds(client)).toEqual(['ready', 'schedule shown', 'deadline seen', 'calendar ours', 'maintenance']);
  await put('/maintenance', { paused: false });
});

test('asked about what there is not it is refused; the SDK gives each event its type', async () => {
  const refused = await api.call('GET', '/events', { headers: asAdmin, query: { about: 'clouds' } });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/about/0' }] } });
  const client = createClient({ baseUrl, token: ADMIN });
  const stop = new AbortController();
  for await (const event of client.watchChanges(
    { about: ['schedules'], project: 'samples' },
    { signal: stop.signal },
  )) {
    if (event.event === 'ready') await put(scheduleAt('typed'), { cron: '0 6 * * *' });
    if (event.event === 'schedule') {
      expect([event.data.project, event.data.name]).toEqual(['samples', 'typed']);
      break;
    }
  }
  stop.abort();
});
