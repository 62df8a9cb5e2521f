/** Event streams over sockets: what a client hears, whatever becomes of its connection. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RunEvent, RunSnapshot, RunView, TaskRunState, TaskView } from '@pelorus/protocol';
import { createClient } from '@pelorus/sdk';
import { createRunHints } from '../../src/api/index.ts';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';
import { listen, type EventClient, type HeardEvent } from './event-client.ts';
import { WAIT } from '../wait.ts';

const hints = createRunHints();
let api: ApiUnderTest;
let baseUrl: string;
const open = new Set<EventClient>();

beforeAll(async () => {
  api = await openApi({
    hints: { commandWritten: () => undefined, runsChanged: hints.subscribe },
    streams: { heartbeatMs: 100, tickMs: 20 },
  });
  baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
  await api.save('samples', 'diamond', DIAMOND);
});
afterAll(() => {
  for (const client of open) client.cut();
});

async function follow(path: string, lastEventId?: string | null): Promise<EventClient> {
  const client = await listen(baseUrl, path, typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {});
  open.add(client);
  void client.ended.then(() => open.delete(client));
  return client;
}

/** What a client that heard these events knows. */
function known(events: readonly { event: string; data: unknown }[]): { run: RunView | null; tasks: TaskView[] } {
  const tasks: TaskView[] = [];
  let run: RunView | null = null;
  for (const { event, data } of events) {
    if (event === 'snapshot') {
      const snapshot = data as RunSnapshot;
      if (snapshot.part === 1) tasks.length = 0;
      for (const task of snapshot.tasks) tasks[task.index] = task;
      run = snapshot.run;
    } else if (event === 'task') tasks[(data as TaskView).index] = data as TaskView;
    else if (event === 'run') run = data as RunView;
  }
  return { run, tasks };
}

async function stored(run: number): Promise<{ run: RunView | null; tasks: TaskView[] }> {
  const { items: tasks } = (await api.call<{ items: TaskView[] }>('GET', `/runs/${run}/tasks`)).body;
  return { run: (await api.call<RunView>('GET', `/runs/${run}`)).body, tasks };
}

const isRun = (state: string) => (event: HeardEvent) => event.event === 'run' && event.data.state === state;
const isTask = (name: string, state: string) => (event: HeardEvent) =>
  event.event === 'task' && event.data.name === name && event.data.state === state;

describe('the events of one run', () => {
  test('a snapshot, then what changes, then the end; each with an id', async () => {
    const run = await api.run('samples', 'diamond');
    const client = await follow(`/runs/${run}/events`);
    expect(client.status).toBe(200);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    });
    const first = await client.heard(({ event }) => event === 'snapshot');
    expect(first.data).toMatchObject({ part: 1, isLast: true, run: { id: run, state: 'queued' } });
    expect(first.data.tasks.map((task) => [task.name, task.state, task.waitReason])).toEqual([
      ['a', 'pending', null],
      ['b', 'pending', 'waiting for a'],
      ['c', 'pending', 'waiting for a'],
      ['d', 'pending', 'waiting for b, c'],
    ]);

    await api.setRun(run, 'running');
    await api.setTask(run, 0, 'running', { startedAt: NOW, attempts: 1 });
    await api.setAttempt(run, 0, 1, 'running');
    await client.heard(isTask('a', 'running'));
    await api.setAttempt(run, 0, 1, 'succeeded', { endedAt: NOW });
    await api.setTask(run, 0, 'succeeded', { startedAt: NOW, endedAt: NOW, attempts: 1, outputs: { rows: '3' } });
    const done = await client.heard(isTask('a', 'succeeded'));
    expect(done.data).toMatchObject({ outputs: { rows: '3' }, attempts: [{ id: `${run}.0.1`, state: 'succeeded' }] });
    // Nothing of it is stored, but it waits for nobody now.
    await client.heard((event) => isTask('b', 'pending')(event) && event.data.waitReason === null);
    await vi.waitFor(async () => expect(known(client.events)).toEqual(await stored(run)), WAIT);
    expect(known(client.events).run?.counts).toEqual({ succeeded: 1, pending: 3 });

    for (const task of [1, 2, 3]) await api.setTask(run, task, 'succeeded', { startedAt: NOW, endedAt: NOW });
    await api.setRun(run, 'succeeded', { endedAt: NOW });
    expect(await client.ended).toBe(true);
    expect(client.events.at(-1)).toMatchObject({ event: 'end', data: { state: 'succeeded' } });
    expect(known(client.events)).toEqual(await stored(run));
    for (const event of client.events) expect(event.id).toMatch(/^\d+(-end)?$/);
    const after = await follow(`/runs/${run}/events`, client.lastId());
    expect(after.status).toBe(204);
  });

  test('a run that has ended is told whole and ends', async () => {
    const run = await api.run('samples', 'diamond');
    for (const task of [0, 1, 2, 3]) await api.setTask(run, task, 'succeeded', { startedAt: NOW, endedAt: NOW });
    await api.setRun(run, 'succeeded', { endedAt: NOW });
    const client = await follow(`/runs/${run}/events`);
    expect(await client.ended).toBe(true);
    expect(client.events.map(({ event }) => event)).toEqual(['snapshot', 'end']);
    expect(known(client.events)).toEqual(await stored(run));
  });

  test('what changes without a new version of the run is told too: its turn has come', async () => {
    const serial = { ...DIAMOND, name: 'serial', concurrency: 'serial_wait' };
    await api.save('samples', 'serial', serial);
    const first = await api.run('samples', 'serial');
    const second = await api.run('samples', 'serial');
    const client = await follow(`/runs/${second}/events`);
    expect((await client.heard(({ event }) => event === 'snapshot')).data.run.state).toBe('waiting');
    await api.setRun(first, 'stopped', { endedAt: NOW });
    await client.heard(isRun('queued'));
    client.cut();
  });

  test('an id that this run never had begins with a snapshot; one that it had does not', async () => {
    const run = await api.run('samples', 'diamond');
    await api.setRun(run, 'running');
    await api.setTask(run, 0, 'running', { startedAt: NOW });
    for (const id of ['999999999', 'x', '-1', '0', '12-', '0-end-end']) {
      const client = await follow(`/runs/${run}/events`, id);
      expect((await client.heard(() => true)).event).toBe('snapshot');
      client.cut();
    }
    const one = await follow(`/runs/${run}/events`);
    await one.heard(({ event }) => event === 'snapshot');
    one.cut();
    const again = await follow(`/runs/${run}/events`, one.lastId());
    expect(await again.heard(() => true)).toMatchObject({ event: 'run', id: one.lastId() });
    again.cut();
  });

  test('a large run comes in parts; an interrupted snapshot is sent anew', async () => {
    const tasks = Object.fromEntries(
      Array.from({ length: 600 }, (_, index) => [`t${index}`, { run: 'true', ...(index && { needs: ['t0'] }) }]),
    );
    await api.save('samples', 'large', { name: 'large', tasks });
    const run = await api.run('samples', 'large');
    const client = await follow(`/runs/${run}/events`);
    await client.heard(({ event, data }) => event === 'snapshot' && data.isLast);
    const parts = client.events.filter(({ event }) => event === 'snapshot');
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(({ data }) => data.part)).toEqual(parts.map((_, index) => index + 1));
    expect(parts.slice(0, -1).every(({ id }) => id === '0')).toBe(true);
    expect(known(client.events).tasks).toEqual((await stored(run)).tasks);
    client.cut();
  });

  test('a quiet stream says that it lives', async () => {
    const run = await api.run('samples', 'diamond');
    const client = await follow(`/runs/${run}/events`);
    await vi.waitFor(
      () => expect(client.comments.filter((text) => text === 'heartbeat').length).toBeGreaterThan(1),
      WAIT,
    );
    client.cut();
  });

  test('HEAD answers without a stream; no such run is 404 before there is one', async () => {
    const run = await api.run('samples', 'diamond');
    const head = await api.call('HEAD', `/runs/${run}/events`);
    expect([head.status, head.headers['content-type'], head.text]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ]);
    expect(await api.call('GET', '/runs/999999/events')).toMatchObject({
      status: 404,
      body: { code: 'RUN_NOT_FOUND' },
    });
  });
});

describe('resuming', () => {
  const STATES: TaskRunState[] = ['queued', 'dispatched', 'running', 'succeeded'];
  const TASKS = 200;

  /** Moves a run of 200 tasks to its end in random order, several tasks a commit. */
  async function proceed(run: number, random: () => number): Promise<void> {
    const at = Array.from({ length: TASKS }, () => -1);
    await api.setRun(run, 'running');
    const open = Array.from({ length: TASKS }, (_, task) => task);
    while (open.length > 0) {
      const some = Array.from(
        { length: 1 + Math.floor(random() * 12) },
        () => open[Math.floor(random() * open.length)]!,
      );
      await Promise.all(
        [...new Set(some)].map(async (task) => {
          const state = STATES[++at[task]!]!;
          await api.setTask(run, task, state, {
            startedAt: at[task]! >= 2 ? NOW : null,
            endedAt: at[task] === 3 ? NOW : null,
            attempts: 1,
          });
          if (state === 'dispatched' || state === 'running' || state === 'succeeded')
            await api.setAttempt(run, task, 1, state, { endedAt: at[task] === 3 ? NOW : null });
          if (at[task] === 3) open.splice(open.indexOf(task), 1);
        }),
      );
      hints.committed([{ kind: 'run', status: { run } as never }]);
    }
    await api.setRun(run, 'succeeded', { endedAt: NOW });
    hints.committed([{ kind: 'run', status: { run } as never }]);
  }

  /** Follows to the end, cutting the connection again and again. */
  async function followWithCuts(
    run: number,
    first: EventClient,
    random: () => number,
  ): Promise<{ events: HeardEvent[]; cuts: number }> {
    const events: HeardEvent[] = [];
    let lastId: string | null = null;
    for (let cuts = 0; ; cuts++) {
      const client: EventClient = cuts === 0 ? first : await follow(`/runs/${run}/events`, lastId);
      // More and more: what changed at once comes in pieces, and whoever never gets to the last one hears all of it again.
      const count = 1 + Math.floor(random() * (60 + 5 * cuts));
      await Promise.race([
        client.heard(({ event }) => event === 'end' || client.events.length >= count).catch(() => undefined),
        client.ended,
      ]);
      client.cut();
      await client.ended;
      events.push(...client.events);
      lastId = client.lastId() ?? lastId;
      if (client.events.at(-1)?.event === 'end' || client.status === 204) return { events, cuts };
    }
  }

  test('whoever is cut off at random points still knows everything at the end', async () => {
    const tasks = Object.fromEntries(
      Array.from({ length: TASKS }, (_, index) => [
        `t${index}`,
        { run: 'true', ...(index % 10 === 0 ? {} : { needs: [`t${index - 1}`] }) },
      ]),
    );
    await api.save('samples', 'two-hundred', { name: 'two-hundred', tasks });
    // Doubles of an arbitrary are nearly all close to 0: each event would cost a connection.
    const thousandths = fc.noBias(fc.infiniteStream(fc.integer({ min: 0, max: 999 })));
    await fc.assert(
      fc.asyncProperty(thousandths, async (stream) => {
        const random = (): number => stream.next().value / 1000;
        const run = await api.run('samples', 'two-hundred');
        const begun = await Promise.all(Array.from({ length: 5 }, () => follow(`/runs/${run}/events`)));
        await Promise.all(begun.map((client) => client.heard(({ event }) => event === 'snapshot')));
        const clients = begun.map((client) => followWithCuts(run, client, random));
        await proceed(run, random);
        const truth = await stored(run);
        for (const { events, cuts } of await Promise.all(clients)) {
          expect(cuts).toBeGreaterThan(0);
          expect(known(events)).toEqual(truth);
          for (const task of truth.tasks) {
            const last = events.findLast(
              ({ event, data }) =>
                (event === 'task' && data.index === task.index) ||
                (event === 'snapshot' && data.tasks.some((each) => each.index === task.index)),
            )!;
            const told = last.event === 'task' ? last.data : last.data.tasks.find((each) => each.index === task.index);
            expect(told).toEqual(task);
          }
        }
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  test('the SDK comes back by itself', async () => {
    const run = await api.run('samples', 'diamond');
    let connections = 0;
    const cutting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      connections += 1;
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      let bytes = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          // In the middle of an event, the first few times.
          if (connections < 4 && bytes + value.length > 900) {
            controller.enqueue(value.slice(0, Math.max(0, 900 - bytes)));
            await reader.cancel();
            return controller.error(new Error('cut'));
          }
          bytes += value.length;
          controller.enqueue(value);
        },
      });
      return new Response(body, { status: response.status, headers: response.headers });
    };
    const client = createClient({ baseUrl, fetch: cutting });
    const events: RunEvent[] = [];
    let interruptions = 0;
    const watching = (async () => {
      for await (const event of client.watchRun(run, { onInterruption: () => interruptions++ })) events.push(event);
    })();
    for (const task of [0, 1, 2, 3]) await api.setTask(run, task, 'succeeded', { startedAt: NOW, endedAt: NOW });
    await api.setRun(run, 'succeeded', { endedAt: NOW });
    await watching;
    expect(interruptions).toBeGreaterThan(1);
    expect(known(events)).toEqual(await stored(run));
    expect(events.at(-1)).toMatchObject({ event: 'end' });
  });
});
