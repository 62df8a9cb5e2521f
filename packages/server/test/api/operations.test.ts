/** Task groups, alert channels, alerts. */
import { beforeEach, describe, expect, test } from 'vitest';
import { runIdOf, type AlertChannelView, type AlertView, type Page, type TaskGroupView } from '@pelorus/protocol';
import { openChannel } from '../../src/vault/index.ts';
import { anyText, matching, NOW, openApi, type ApiUnderTest, vaultOf } from './api-under-test.ts';

let api: ApiUnderTest;
const tested: string[] = [];
beforeEach(async () => {
  tested.length = 0;
  api = await openApi({
    hints: {
      commandWritten: () => undefined,
      testAlertChannel: async (name) => {
        tested.push(name);
        return { delivered: false, detail: 'connection refused' };
      },
    },
  });
});

describe('task groups', () => {
  const put = (name: string, body: object) => api.call<TaskGroupView>('PUT', `/task-groups/${name}`, { body });
  const get = async (name: string) => (await api.call<TaskGroupView>('GET', `/task-groups/${name}`)).body;

  test('are created, changed, listed and deleted', async () => {
    const created = await put('gpu', { size: 4 });
    expect(created).toMatchObject({ status: 201 });
    expect(created.body).toEqual({
      name: 'gpu',
      size: 4,
      held: 0,
      liveAttempts: 0,
      waitingTasks: 0,
      updatedAt: '2026-03-15T12:00:00.000Z',
      updatedBy: 'admin',
    });
    expect(await put('gpu', { size: 2 })).toMatchObject({ status: 200, body: { size: 2 } });
    await put('db', { size: 0 });
    const { body } = await api.call<Page<TaskGroupView>>('GET', '/task-groups');
    expect(body.items.map(({ name, size }) => [name, size])).toEqual([
      ['db', 0],
      ['gpu', 2],
    ]);
    expect(await api.call('DELETE', '/task-groups/gpu')).toMatchObject({ status: 204, text: '' });
    expect(await api.call('DELETE', '/task-groups/gpu')).toMatchObject({
      status: 404,
      body: { code: 'TASK_GROUP_NOT_FOUND', message: 'there is no task group gpu' },
    });
    expect((await api.call('GET', '/task-groups/nothing')).body).toMatchObject({ code: 'TASK_GROUP_NOT_FOUND' });
  });

  test.each([
    [{}, 'size is required'],
    [{ size: -1 }, 'size must be at least 0'],
    [{ size: 1.5 }, 'size must be an integer'],
    [{ size: 1, sise: 2 }, 'sise is not known here; did you mean size?'],
  ])('%j is refused', async (body, message) => {
    expect((await put('gpu', body)).body).toMatchObject({ status: 400, message });
  });

  test('show what they hold and what waits for them', async () => {
    await put('gpu', { size: 3 });
    const train = { run: 'true', taskGroup: { name: 'gpu', weight: 2 } };
    await api.save('samples', 'train', { name: 'train', tasks: { a: train, b: train, c: { run: 'true' } } });
    const id = await api.run('samples', 'train');
    await api.setRun(id, 'running');
    await api.setTask(id, 0, 'running', { attempts: 1 });
    await api.setAttempt(id, 0, 1, 'running');
    await api.setTask(id, 1, 'queued', { waitReason: 'task group gpu is full' });
    await api.setTask(id, 2, 'queued');
    expect(await get('gpu')).toMatchObject({ size: 3, held: 2, liveAttempts: 1, waitingTasks: 1 });
    await api.setAttempt(id, 0, 1, 'succeeded', { endedAt: NOW });
    await api.setTask(id, 0, 'succeeded', { attempts: 1, endedAt: NOW });
    expect(await get('gpu')).toMatchObject({ held: 0, liveAttempts: 0, waitingTasks: 1 });
  });
});

describe('alert channels', () => {
  const put = (name: string, body: object) => api.call<AlertChannelView>('PUT', `/alert-channels/${name}`, { body });
  const HOOK = { kind: 'webhook', target: 'https://example.org/hook' };
  const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

  test('a webhook gets a secret, which is shown once and kept', async () => {
    const created = await put('ops', { ...HOOK, events: ['run-failed', 'run-failed'] });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      name: 'ops',
      kind: 'webhook',
      target: HOOK.target,
      events: ['run-failed'],
      hasSecret: true,
      secret: matching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      updatedAt: '2026-03-15T12:00:00.000Z',
      updatedBy: 'admin',
    });
    const { secret } = created.body;
    const changed = await put('ops', { ...HOOK, target: 'http://10.0.0.7:9/x' });
    expect(changed).toMatchObject({
      status: 200,
      body: { target: 'http://10.0.0.7:9/x', events: [], hasSecret: true },
    });
    expect(changed.text).not.toContain('whsec_');
    const kept = async () => openChannel(vaultOf(), (await api.store.loadAlertChannel('ops'))!);
    expect(await kept()).toMatchObject({ secret });
    expect((await api.store.loadAlertChannel('ops'))?.secret).not.toContain(secret);
    expect((await put('ops', { ...HOOK, secret: SECRET })).text).not.toContain(SECRET);
    expect(await kept()).toMatchObject({ secret: SECRET });
    for (const path of ['/alert-channels', '/alert-channels/ops'])
      expect((await api.call('GET', path)).text).not.toContain('whsec_');
  });

  test('an e-mail channel has none, also when it was a webhook before', async () => {
    await put('ops', HOOK);
    expect(await put('ops', { kind: 'email', target: 'ops@example.org' })).toMatchObject({
      status: 200,
      body: { kind: 'email', hasSecret: false },
    });
    expect((await put('ops', HOOK)).body.secret).toEqual(matching(/^whsec_/));
  });

  test.each([
    [{ kind: 'webhook' }, 'target is required'],
    [{ kind: 'pager', target: 'x' }, 'kind must be one of email, webhook'],
    [{ kind: 'email', target: 'nobody' }, 'target of an email channel must be an e-mail address'],
    [{ kind: 'email', target: 'a@b.org\r\nBcc: c@d.org' }, 'target of an email channel must be an e-mail address'],
    [{ kind: 'webhook', target: 'file:///etc/passwd' }, 'target of a webhook channel must be a http or https address'],
    [{ kind: 'webhook', target: 'nowhere' }, 'target of a webhook channel must be a http or https address'],
    [{ kind: 'webhook', target: 'http://u:p@h/' }, 'target must not hold a user name or a password'],
    [{ ...HOOK, secret: 'short' }, 'secret must be whsec_ and the base64 text of 24 to 64 bytes'],
    [{ kind: 'email', target: 'a@b.org', secret: SECRET }, 'secret belongs to webhook channels only'],
    [{ ...HOOK, event: [] }, 'event is not known here; did you mean events?'],
  ])('%j is refused', async (body, message) => {
    expect((await put('ops', body)).body).toMatchObject({ status: 400, message });
  });

  test('are tested by whoever sends alerts', async () => {
    await put('ops', HOOK);
    expect(await api.call('POST', '/alert-channels/ops/test')).toMatchObject({
      status: 200,
      body: { delivered: false, detail: 'connection refused' },
    });
    expect(tested).toEqual(['ops']);
    expect(await api.call('POST', '/alert-channels/op/test')).toMatchObject({
      status: 404,
      body: { code: 'ALERT_CHANNEL_NOT_FOUND', message: 'there is no alert channel op; did you mean ops?' },
    });
    const silent = await openApi();
    await silent.call('PUT', '/alert-channels/ops', { body: HOOK });
    expect(await silent.call('POST', '/alert-channels/ops/test')).toMatchObject({
      status: 503,
      body: { code: 'NOT_READY', message: 'this process sends no alerts' },
    });
  });

  test('are deleted', async () => {
    await put('ops', HOOK);
    expect((await api.call('DELETE', '/alert-channels/ops')).status).toBe(204);
    expect((await api.call('DELETE', '/alert-channels/ops')).body).toMatchObject({ code: 'ALERT_CHANNEL_NOT_FOUND' });
  });
});

test('alerts are listed newest first, by run and state, in pages', async () => {
  await api.save('samples', 'w', { name: 'w', tasks: { a: { run: 'true' } } });
  const runs = [await api.run('samples', 'w'), await api.run('samples', 'w')];
  for (const id of runs) {
    const row = await api.store.getRun(runIdOf(id));
    if (row === null) throw new Error('not stored');
    const { project, workflow, workflowVersion, execType, submitUser, logicalDateAt } = row.spec;
    await api.commit({
      kind: 'alert',
      alert: {
        ...{ project, workflow, workflowVersion, execType, submitUser, logicalDateAt },
        id: `${id}.run-failed`,
        run: runIdOf(id),
        event: 'run-failed',
        task: null,
        at: NOW,
        recipients: ['ops', 'a@example.org'],
        state: 'failed',
        cause: null,
        firstFailure: null,
        startedAt: NOW,
        endedAt: NOW,
        timeoutMs: null,
      },
    });
  }
  const list = (query: Record<string, string>) => api.call<Page<AlertView>>('GET', '/alerts', { query });
  const first = (await list({ limit: '3' })).body;
  expect(first.items.map(({ run, recipient, state }) => [run, recipient, state])).toEqual([
    [runs[1], 'a@example.org', 'pending'],
    [runs[1], 'ops', 'pending'],
    [runs[0], 'a@example.org', 'pending'],
  ]);
  const second = (await list({ limit: '3', cursor: first.nextCursor ?? '' })).body;
  expect(second).toMatchObject({ nextCursor: null, items: [{ run: runs[0], recipient: 'ops', attempts: 0 }] });
  expect(second.items[0]).toMatchObject({
    project: anyText,
    workflow: anyText,
    event: 'run-failed',
    task: null,
    at: anyText,
    doneAt: null,
    result: null,
  });
  expect((await list({ run: String(runs[0]), state: 'pending' })).body.items).toHaveLength(2);
  expect((await list({ state: 'sent' })).body.items).toEqual([]);
  expect((await list({ state: 'lost' })).status).toBe(400);
});
