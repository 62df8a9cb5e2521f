/** What workers send, on its way into a log store that works, is slow, or fails. */
import { expect, test } from 'vitest';
import { LIMITS, workerIdOf, type AttemptId, type LogAcknowledged, type LogPiece } from '@pelorus/protocol';
import {
  LogStoreError,
  startLogIntake,
  type LogIntake,
  type LogIntakeOptions,
  type LogStore,
} from '../../src/logs/index.ts';

interface Call {
  verb: string;
  attempt: AttemptId;
  offset: number;
  length: number;
}

/** A log store in memory whose calls a test holds up or fails; its rules are the port's. */
class HandStore {
  readonly calls: Call[] = [];
  readonly texts = new Map<AttemptId, Buffer>();
  readonly ended = new Set<AttemptId>();
  failing = false;
  gate: Promise<void> = Promise.resolve();
  running = 0;
  mostRunning = 0;

  async #do<Value>(verb: string, attempt: AttemptId, offset: number, length: number, act: () => Value): Promise<Value> {
    this.calls.push({ verb, attempt, offset, length });
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await this.gate;
    this.running -= 1;
    if (this.failing) throw new LogStoreError('down');
    return act();
  }

  readonly store: LogStore = {
    kind: 'directory',
    shipped: true,
    pollMs: 1000,
    append: (attempt, offset, bytes) =>
      this.#do('append', attempt, offset, bytes.length, () => {
        const text = this.texts.get(attempt) ?? Buffer.alloc(0);
        if (offset > text.length) return text.length;
        this.texts.set(attempt, Buffer.concat([text, bytes.subarray(text.length - offset)]));
        return Math.max(text.length, offset + bytes.length);
      }),
    markGap: (attempt, gap) => this.#do('gap', attempt, gap.from, gap.to - gap.from, () => gap.to),
    complete: (attempt, total) =>
      this.#do('complete', attempt, total, 0, () => {
        const size = this.texts.get(attempt)?.length ?? 0;
        if (size === total) this.ended.add(attempt);
        return size;
      }),
    stat: (attempt) =>
      this.#do('stat', attempt, 0, 0, () => {
        const size = this.texts.get(attempt)?.length;
        return size === undefined ? null : { size, complete: this.ended.has(attempt), gaps: [], generation: '' };
      }),
    read: async () => new Uint8Array(),
    listRuns: async () => [],
    deleteRun: async () => {},
    watch: () => () => {},
    close: async () => {},
  };
}

const one = '1.0.1' as AttemptId;
const two = '2.0.1' as AttemptId;

function piece(attempt: AttemptId, offset: number, text: string, more: Partial<LogPiece> = {}): LogPiece {
  return {
    kind: 'log',
    worker: workerIdOf('w'),
    attempt,
    offset,
    base64: Buffer.from(text).toString('base64'),
    ...more,
  };
}

function start(hand: HandStore, more: Partial<LogIntakeOptions> = {}) {
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (_fields: object, message: string) => void warnings.push(message) };
  const intake = startLogIntake({ logs: hand.store, log, ...more });
  return { intake, warnings };
}

/** Gives the pieces and waits for what is answered to the last of them. */
function send(intake: LogIntake, ...pieces: LogPiece[]): Promise<LogAcknowledged> {
  return new Promise((resolve) => {
    for (const [at, each] of pieces.entries()) intake.take(each, at === pieces.length - 1 ? resolve : () => {});
  });
}

const ack = (attempt: AttemptId, offset: number | null, more: Partial<LogAcknowledged> = {}): LogAcknowledged => ({
  kind: 'log-ack',
  attempt,
  offset,
  ended: false,
  retryAfterMs: 0,
  ...more,
});

test('pieces are stored in order and answered with what is durable; a question is answered too', async () => {
  const hand = new HandStore();
  const { intake } = start(hand);
  expect(await send(intake, piece(one, 0, ''))).toEqual(ack(one, 0));
  expect(await send(intake, piece(one, 0, 'abc'))).toEqual(ack(one, 3));
  expect(await send(intake, piece(one, 3, 'def', { end: true }))).toEqual(ack(one, 6, { ended: true }));
  expect(await send(intake, piece(one, 0, ''))).toEqual(ack(one, 6));
  expect(hand.texts.get(one)?.toString()).toBe('abcdef');
});

test('pieces that follow one another become one call', async () => {
  const hand = new HandStore();
  const { intake } = start(hand);
  const pieces = Array.from({ length: 50 }, (_, n) => piece(one, n * 2, `${n % 10}\n`));
  expect(await send(intake, ...pieces, piece(one, 100, '', { end: true }))).toEqual(ack(one, 100, { ended: true }));
  expect(hand.calls.map(({ verb }) => verb)).toEqual(['append', 'complete']);
});

test('behind a hole nothing is stored; the answer says where to go on', async () => {
  const hand = new HandStore();
  const { intake } = start(hand);
  expect(await send(intake, piece(one, 0, 'abc'), piece(one, 10, 'x'), piece(one, 11, 'y', { end: true }))).toEqual(
    ack(one, 3),
  );
  expect(hand.ended.size).toBe(0);
});

test('a gap goes to the store as such, and the end may come with it', async () => {
  const hand = new HandStore();
  const { intake } = start(hand);
  await send(intake, piece(one, 0, 'abc'), piece(one, 3, '', { gap: { to: 9, reason: 'spool' } }));
  expect(hand.calls.map(({ verb, offset, length }) => [verb, offset, length])).toEqual([
    ['append', 0, 3],
    ['gap', 3, 6],
  ]);
});

test('one log after another gets its turn, and only so many at a time', async () => {
  const hand = new HandStore();
  const open = Promise.withResolvers<void>();
  hand.gate = open.promise;
  const { intake } = start(hand, { atOnce: 2 });
  const ids = ['1.0.1', '2.0.1', '3.0.1', '4.0.1'] as AttemptId[];
  const answers = ids.map((id) => send(intake, piece(id, 0, 'x'.repeat(1000))));
  // A log that wrote much more goes on when the others have had their turn.
  for (let n = 0; n < 8; n += 1) intake.take(piece(ids[0]!, 1000 + n * 262_144, 'y'.repeat(262_144)), () => {});
  open.resolve();
  expect((await Promise.all(answers.slice(1))).map((answer) => answer.offset)).toEqual([1000, 1000, 1000]);
  await intake.stop();
  expect(hand.mostRunning).toBe(2);
  const order = hand.calls.map(({ attempt }) => attempt);
  expect(order.slice(0, 4)).toEqual(ids);
  expect(order.slice(4)).toEqual([ids[0], ids[0]]);
});

test('what does not fit is not taken, and may come again later; what had been taken is stored', async () => {
  const hand = new HandStore();
  const open = Promise.withResolvers<void>();
  hand.gate = open.promise;
  const { intake } = start(hand, { queueBytes: 4000, atOnce: 1 });
  intake.take(piece(one, 0, 'x'.repeat(1000)), () => {});
  const second = send(intake, piece(two, 0, 'y'.repeat(1000)));
  intake.take(piece(two, 1000, 'y'.repeat(700)), () => {});
  const refused = await send(intake, piece('3.0.1' as AttemptId, 0, 'z'.repeat(1000)));
  expect(refused.offset).toBeNull();
  expect(refused.retryAfterMs).toBeGreaterThan(0);
  open.resolve();
  await intake.stop();
  expect(hand.texts.get(two)).toHaveLength(1700);
  expect(hand.texts.has('3.0.1' as AttemptId)).toBe(false);
  void second;
});

test('while the store fails nothing is taken for a while, which is said once and not per piece', async () => {
  const hand = new HandStore();
  hand.failing = true;
  const { intake, warnings } = start(hand);
  const first = await send(intake, piece(one, 0, 'abc'));
  expect(first).toMatchObject({ offset: null, ended: false });
  expect(first.retryAfterMs).toBeGreaterThan(0);
  for (let n = 0; n < 100; n += 1) expect((await send(intake, piece(two, 0, 'abc'))).offset).toBeNull();
  expect(hand.calls).toHaveLength(1);
  expect(warnings).toEqual(['logs cannot be stored; workers keep them']);
});

test('what makes no sense is refused for long and reaches no store', async () => {
  const hand = new HandStore();
  const { intake } = start(hand);
  const nonsense: LogPiece[] = [
    piece('../../etc/passwd' as AttemptId, 0, 'x'),
    piece(one, -1, 'x'),
    piece(one, 0.5, 'x'),
    piece(one, 0, 'x'.repeat(3 * LIMITS.logPieceBytes)),
    piece(one, 5, '', { gap: { to: 5, reason: 'spool' } }),
    piece(one, 5, 'x', { gap: { to: 9, reason: 'spool' } }),
    piece(one, 5, '', { gap: { to: 9, reason: 'because' as 'spool' } }),
    { ...piece(one, 0, ''), base64: 7 as unknown as string },
  ];
  for (const each of nonsense) {
    const answer = await send(intake, each);
    expect(answer.offset).toBeNull();
    expect(answer.retryAfterMs).toBeGreaterThan(60_000);
  }
  expect(hand.calls).toEqual([]);
});

test('after the stop nothing is taken', async () => {
  const hand = new HandStore();
  const { intake } = start(hand);
  intake.take(piece(one, 0, 'abc'), () => {});
  await intake.stop();
  expect(hand.texts.get(one)?.toString()).toBe('abc');
  expect((await send(intake, piece(one, 3, 'def'))).offset).toBeNull();
});
