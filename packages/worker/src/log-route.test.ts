import type { LogAcknowledged, WorkerToMaster } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { LOG_ANSWER_MS, LogRoute } from './log-route.ts';

/** A route, and what it made of a shipper: `up` and `down` in order, pieces by link, acknowledgements. */
function routed() {
  const events: string[] = [];
  let send: (messages: WorkerToMaster[]) => void = () => {};
  const clock = { now: 0 };
  const shipper = {
    linkUp: (next: typeof send) => {
      events.push('up');
      send = next;
    },
    linkDown: () => void events.push('down'),
    onAcknowledged: ({ offset }: LogAcknowledged) => void events.push(`acknowledged ${offset}`),
  };
  const route = new LogRoute<string>(shipper, () => clock.now);
  const up = (link: string): void => route.linkUp(link, (messages) => void events.push(`${link} ${messages.length}`));
  const ack = (link: string, offset: number): void =>
    route.onAcknowledged(link, { kind: 'log-ack', attempt: '1.0.1' as never, offset, ended: false, retryAfterMs: 0 });
  const piece = (): void => send([{ kind: 'goodbye', worker: 'w' as never }]);
  return { route, events, clock, up, ack, piece, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

test('the first link carries the logs, and the next one when it breaks', () => {
  const { route, events, up, piece } = routed();
  up('a');
  up('b');
  piece();
  route.linkDown('a');
  piece();
  route.linkDown('b');
  up('c');
  piece();
  expect(events).toEqual(['up', 'a 1', 'up', 'b 1', 'down', 'up', 'c 1']);
});

test('a link that breaks while another carries the logs changes nothing', () => {
  const { route, events, up, piece } = routed();
  up('a');
  up('b');
  route.linkDown('b');
  piece();
  expect(events).toEqual(['up', 'a 1']);
});

test('only the link that carries the logs is believed', () => {
  const { route, events, up, ack } = routed();
  up('a');
  up('b');
  ack('b', 1);
  ack('a', 2);
  route.linkDown('a');
  ack('a', 3);
  ack('b', 4);
  expect(events).toEqual(['up', 'acknowledged 2', 'up', 'acknowledged 4']);
});

test('a link that does not answer loses its turn, and gets it back when the others are silent too', async () => {
  const { events, clock, up, piece, turn } = routed();
  up('a');
  up('b');
  piece();
  clock.now = LOG_ANSWER_MS;
  piece();
  await turn();
  piece();
  clock.now = 3 * LOG_ANSWER_MS;
  piece();
  await turn();
  piece();
  expect(events).toEqual(['up', 'a 1', 'up', 'b 1', 'up', 'a 1']);
});

test('an answer counts from the first piece that waits for one', async () => {
  const { events, clock, up, piece, ack, turn } = routed();
  up('a');
  up('b');
  clock.now = 5 * LOG_ANSWER_MS;
  piece();
  clock.now += LOG_ANSWER_MS - 1;
  piece();
  ack('a', 1);
  clock.now += LOG_ANSWER_MS - 1;
  piece();
  await turn();
  expect(events).toEqual(['up', 'a 1', 'a 1', 'acknowledged 1', 'a 1']);
});

test('the only link is kept, answered or not', async () => {
  const { events, clock, up, piece, turn } = routed();
  up('a');
  piece();
  clock.now = 10 * LOG_ANSWER_MS;
  piece();
  await turn();
  expect(events).toEqual(['up', 'a 1', 'a 1']);
});
