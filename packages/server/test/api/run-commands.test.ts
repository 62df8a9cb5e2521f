/** What becomes of commands, and runs that take turns. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CommandAccepted, Problem, RunSubmitted, RunView } from '@pelorus/protocol';
import { anyNumber, DIAMOND, NOW, openApi, type Answered, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
let run: number;
let written: () => void;

beforeEach(async () => {
  written = () => undefined;
  api = await openApi({ hints: { commandWritten: () => written() } });
  await api.save('samples', 'diamond', DIAMOND);
  run = await api.run('samples', 'diamond');
  await api.setRun(run, 'running');
  await api.setTask(run, 0, 'running');
});

type Outcome = Answered<CommandAccepted & Problem>;
const post = (path: string, wait?: number): Promise<Outcome> =>
  api.call('POST', `/runs/${run}/${path}`, wait === undefined ? {} : { query: { wait: String(wait) } });

/** Plays the master: does `work` with the next command. */
function whenWritten(work: (command: number) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    written = () => {
      written = () => undefined;
      // Commands are numbered by the store, those of this place from 1; the first is the start.
      void latestCommand().then(work).then(resolve, reject);
    };
  });
}

async function latestCommand(): Promise<number> {
  let latest = 0;
  for (let id = 1; (await api.store.getCommand(id as never)) !== null; id += 1) latest = id;
  return latest;
}

describe('?wait=', () => {
  test('answers when the master has applied the command, with the state that it led to', async () => {
    const master = whenWritten(async (command) => {
      await api.setRun(run, 'pausing');
      await api.endCommand(command, { kind: 'applied' });
    });
    expect(await post('pause', 20_000)).toMatchObject({
      status: 202,
      body: { run, command: anyNumber, outcome: 'applied', state: 'pausing' },
    });
    await master;
  });

  test('is a 409 with the state when the run has moved on between the look and the command', async () => {
    const master = whenWritten(async (command) => {
      await api.setRun(run, 'stopping');
      await api.endCommand(command, { kind: 'refused', reason: 'the run is stopping' });
    });
    expect(await post('pause', 20_000)).toMatchObject({
      status: 409,
      body: { code: 'WRONG_STATE', state: 'stopping', message: `run ${run}: the run is stopping` },
    });
    await master;
  });

  test('is a 409 with the state of the task when it has moved on', async () => {
    const master = whenWritten(async (command) => {
      await api.setTask(run, 0, 'succeeded');
      await api.endCommand(command, { kind: 'refused', reason: 'task a has ended: succeeded' });
    });
    expect(await post('tasks/a/kill', 20_000)).toMatchObject({
      status: 409,
      body: { code: 'WRONG_STATE', state: 'succeeded', message: `run ${run}: task a has ended: succeeded` },
    });
    await master;
  });

  test('answers that the command is pending when no master has come to it in time', async () => {
    const startedAt = performance.now();
    expect(await post('tasks/a/kill', 60)).toMatchObject({
      status: 202,
      body: { outcome: 'pending', state: 'running' },
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(60);
  });

  test('does not wait unless it is asked to, and not for ever', async () => {
    expect(await post('stop')).toMatchObject({ status: 202, body: { outcome: 'pending', state: 'running' } });
    for (const wait of ['-1', '30001', 'long'])
      expect((await api.call('POST', `/runs/${run}/stop`, { query: { wait } })).status).toBe(400);
  });

  test('a kill of the published contract', async () => {
    const kill = () => api.call('POST', `/executors/${run}/kill`, { query: { wait: '20000' } });
    const master = whenWritten(async (command) => {
      await api.setRun(run, 'succeeded', { endedAt: NOW });
      await api.endCommand(command, { kind: 'refused', reason: 'the run has ended' });
    });
    expect(await kill()).toMatchObject({
      status: 409,
      body: { state: 'succeeded', message: `run ${run} has ended: succeeded` },
    });
    await master;
    expect(await kill()).toMatchObject({ status: 409, body: { state: 'succeeded' } });
    run = await api.run('samples', 'diamond');
    const second = whenWritten(async (command) => {
      await api.setRun(run, 'stopping');
      await api.endCommand(command, { kind: 'applied' });
    });
    expect(await kill()).toMatchObject({ status: 201, body: { execId: run } });
    await second;
    expect((await kill()).status).toBe(201);
  });
});

describe('what may be forced to succeed', () => {
  test.each(['failed', 'killed', 'upstream_failed', 'queued', 'delayed', 'retry_wait', 'paused'] as const)(
    '%s',
    async (state) => {
      await api.setTask(run, 1, state);
      expect((await post('tasks/b/force-success')).status).toBe(202);
    },
  );
  test.each(['running', 'dispatched', 'killing', 'succeeded', 'skipped', 'reused', 'pending'] as const)(
    'not %s',
    async (state) => {
      if (state !== 'pending') await api.setTask(run, 1, state);
      expect(await post('tasks/b/force-success')).toMatchObject({ status: 409, body: { state } });
    },
  );
});

describe('runs of one workflow', () => {
  const submit = (workflow: string, more: object = {}) =>
    api.call<RunSubmitted>('POST', '/runs', { body: { project: 'samples', workflow, ...more } });
  const saved = (concurrency: string) =>
    api.save('samples', concurrency, { ...DIAMOND, name: concurrency, concurrency });

  test('serial_wait: the second waits and says for what, and starts when the first has ended', async () => {
    await saved('serial_wait');
    const first = (await submit('serial_wait')).body;
    expect(first).toMatchObject({ state: 'queued', waitReason: null });
    const { status, body: second } = await submit('serial_wait');
    expect({ status, ...second }).toMatchObject({
      status: 201,
      state: 'waiting',
      waitReason: `waits for its turn, behind run ${first.id} (serial_wait)`,
    });
    expect((await api.call<RunView>('GET', `/runs/${second.id}`)).body).toMatchObject({
      state: 'waiting',
      status: 1,
      waitReason: second.waitReason,
      progress: 0,
    });
    await api.setRun(first.id, 'succeeded', { endedAt: NOW });
    expect((await api.call<RunView>('GET', `/runs/${second.id}`)).body).toMatchObject({
      state: 'queued',
      waitReason: null,
    });
  });

  test('serial_discard: the newcomer ends stopped, with the run that it gave way to', async () => {
    await saved('serial_discard');
    const first = (await submit('serial_discard')).body;
    const { status, body: second } = await submit('serial_discard');
    const cause = { kind: 'discarded', runId: first.id };
    expect({ status, ...second }).toMatchObject({ status: 201, state: 'stopped', cause });
    expect((await api.call<RunView>('GET', `/runs/${second.id}`)).body).toMatchObject({ state: 'stopped', cause });
    // A dry run takes no turn.
    expect((await submit('serial_discard', { dryRun: true })).body).toMatchObject({ state: 'queued' });
  });

  test('serial_priority: the newest goes next, the others are told to stop', async () => {
    await saved('serial_priority');
    const first = (await submit('serial_priority')).body;
    await api.setRun(first.id, 'running');
    expect((await submit('serial_priority')).body).toMatchObject({
      state: 'waiting',
      waitReason: `waits until run ${first.id} has been stopped (serial_priority)`,
    });
  });

  test('a run that waits can be stopped, and cannot be paused', async () => {
    await saved('serial_wait');
    await submit('serial_wait');
    const { id } = (await submit('serial_wait')).body;
    expect(await api.call('POST', `/runs/${id}/pause`)).toMatchObject({ status: 409, body: { state: 'waiting' } });
    expect((await api.call('POST', `/runs/${id}/stop`)).status).toBe(202);
  });
});
