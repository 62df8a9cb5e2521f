/** A shipper over real files, with a log store that a test plays by hand. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  gapToMark,
  withGap,
  workerIdOf,
  type AttemptId,
  type LogAcknowledged,
  type LogGap,
  type LogPiece,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { attemptLogPath, logMetaPath } from '../src/attempt-log.ts';
import { LogShipper, type ShipLimits } from '../src/log-shipper.ts';
import { capLog } from '../src/supervisor/log-cap.ts';
import { eventually } from './fixture.ts';

const one = '1.0.1' as AttemptId;
const two = '2.0.1' as AttemptId;
let dir: string;
const shippers: LogShipper[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pelorus-ship-'));
});
afterEach(async () => {
  for (const shipper of shippers.splice(0)) {
    shipper.linkDown();
    await shipper.stop();
  }
  rmSync(dir, { recursive: true, force: true });
});

const pathOf = (attempt: AttemptId): string => attemptLogPath(dir, attempt);

function write(attempt: AttemptId, text: string | Uint8Array): void {
  mkdirSync(dirname(pathOf(attempt)), { recursive: true });
  appendFileSync(pathOf(attempt), text);
}

/** Keeps what it is sent by the rules of a log store. */
class HandLogs {
  readonly pieces: LogPiece[] = [];
  readonly bytes = new Map<AttemptId, Map<number, number>>();
  readonly sizes = new Map<AttemptId, number>();
  readonly gaps = new Map<AttemptId, LogGap[]>();
  readonly ended = new Set<AttemptId>();
  /** False: what comes is taken and not answered. */
  answers = true;
  /** Above 0: nothing is taken. */
  retryAfterMs = 0;
  /** Told when the end of a log has been acknowledged. */
  onEnded: (attempt: AttemptId) => void = () => {};
  /** Most bytes that were sent and not answered. */
  mostFlying = 0;
  #flying = 0;
  #shipper: LogShipper | null = null;

  link(shipper: LogShipper): void {
    this.#shipper = shipper;
    this.#flying = 0;
    shipper.linkUp((messages: WorkerToMaster[]) => {
      for (const message of messages) {
        if (message.kind !== 'log') throw new Error(`a ${message.kind} from the shipper`);
        this.#flying += message.base64.length;
        this.mostFlying = Math.max(this.mostFlying, this.#flying);
        setImmediate(() => this.#take(message));
      }
    });
  }

  unlink(): void {
    this.#shipper?.linkDown();
    this.#shipper = null;
  }

  text(attempt: AttemptId): string {
    const bytes = this.bytes.get(attempt) ?? new Map<number, number>();
    return Buffer.from([...bytes.keys()].sort((a, b) => a - b).map((at) => bytes.get(at)!)).toString();
  }

  #take(piece: LogPiece): void {
    const { attempt } = piece;
    this.#flying -= piece.base64.length;
    this.pieces.push(piece);
    const answer = (offset: number | null, ended = false): void => {
      const acknowledged: LogAcknowledged = {
        kind: 'log-ack',
        attempt,
        offset,
        ended,
        retryAfterMs: this.retryAfterMs,
      };
      if (this.answers) this.#shipper?.onAcknowledged(acknowledged);
    };
    if (this.retryAfterMs > 0) return answer(null);
    const [offset, ended] = this.#store(piece);
    answer(offset, ended);
    if (ended) this.onEnded(attempt);
  }

  #store({ attempt, offset, base64, gap, end }: LogPiece): [number, boolean] {
    const size = this.sizes.get(attempt) ?? 0;
    const bytes = Buffer.from(base64, 'base64');
    if (offset > size) return [size, false];
    const own = this.bytes.get(attempt) ?? new Map<number, number>();
    this.bytes.set(attempt, own);
    for (const [at, byte] of bytes.entries()) {
      const known = own.get(offset + at);
      if (known !== undefined && known !== byte) throw new Error(`byte ${offset + at} of ${attempt} came as two`);
      own.set(offset + at, byte);
    }
    const known = this.gaps.get(attempt) ?? [];
    const marked = gap ? gapToMark({ from: offset, ...gap }, size, known) : null;
    if (marked) {
      this.gaps.set(attempt, withGap(known, marked));
      for (const at of own.keys()) if (at >= marked.from) own.delete(at);
    }
    const next = Math.max(size, offset + bytes.length, gap?.to ?? 0);
    this.sizes.set(attempt, next);
    const total = gap?.to ?? offset + bytes.length;
    if (end && total === next) this.ended.add(attempt);
    return [next, end === true && total === next];
  }
}

async function start(limits: Partial<ShipLimits> = {}): Promise<LogShipper> {
  const shipper = new LogShipper({
    logDir: dir,
    worker: workerIdOf('w-1'),
    log: { warn: () => {} },
    limits: { lookMs: 20, lookMaxMs: 50, lingerMs: 200, answerMs: 60_000, ...limits },
  });
  shippers.push(shipper);
  await shipper.start();
  return shipper;
}

const until = (condition: () => boolean, what: string): Promise<void> => eventually(condition, what);

test('a small log is one message with its end, and its file goes when it has been shipped', async () => {
  const logs = new HandLogs();
  const shipper = await start();
  logs.link(shipper);
  write(one, 'hello\n');
  shipper.ended(one);
  await until(() => !existsSync(pathOf(one)), 'deleted');
  expect(logs.pieces).toEqual([
    {
      kind: 'log',
      worker: 'w-1',
      attempt: one,
      offset: 0,
      base64: Buffer.from('hello\n').toString('base64'),
      end: true,
    },
  ]);
  expect(shipper.figures).toEqual({ logs: 0, unshippedBytes: 0, flyingBytes: 0 });
});

test('an attempt that wrote nothing has an end as well', async () => {
  const logs = new HandLogs();
  const shipper = await start();
  logs.link(shipper);
  shipper.started(one);
  shipper.ended(one);
  await until(() => logs.ended.has(one), 'ended');
  expect(logs.pieces).toHaveLength(1);
});

test('a log is sent while it is written', async () => {
  const logs = new HandLogs();
  const shipper = await start();
  logs.link(shipper);
  shipper.started(one);
  for (const line of ['a\n', 'b\n', 'c\n']) {
    write(one, line);
    await until(() => logs.text(one).endsWith(line), `sent ${line}`);
  }
  expect(logs.ended.has(one)).toBe(false);
  shipper.ended(one);
  await until(() => logs.ended.has(one), 'ended');
  expect(logs.text(one)).toBe('a\nb\nc\n');
});

test('what is on its way is bounded, and a long log does not hold up a short one', async () => {
  const logs = new HandLogs();
  const shipper = await start({ pieceBytes: 1000, linkWindowBytes: 8000, logWindowBytes: 3000 });
  write(one, 'x'.repeat(200_000));
  write(two, 'short\n');
  shipper.ended(one);
  shipper.ended(two);
  logs.link(shipper);
  await until(() => logs.ended.has(one) && logs.ended.has(two), 'both');
  expect(logs.text(one)).toBe('x'.repeat(200_000));
  // They take turns by the piece.
  expect(logs.pieces.findIndex(({ attempt }) => attempt === two)).toBe(1);
  // Base64 of the window, and of one more piece.
  expect(logs.mostFlying).toBeLessThan(12_500);
});

test('what was on its way when a link broke is sent again over the next one, from the acknowledged offset', async () => {
  const logs = new HandLogs();
  const shipper = await start({ pieceBytes: 1000 });
  shipper.started(one);
  logs.link(shipper);
  write(one, 'first ');
  await until(() => logs.text(one) === 'first ', 'acknowledged');
  logs.answers = false;
  write(one, 'second ');
  await until(() => logs.pieces.length === 2, 'sent');
  logs.unlink();
  write(one, 'third');
  logs.answers = true;
  logs.link(shipper);
  shipper.ended(one);
  await until(() => logs.ended.has(one), 'ended');
  expect(logs.text(one)).toBe('first second third');
  expect(logs.pieces.slice(2).map(({ offset }) => offset)).not.toContain(0);
});

test('without an answer it is sent again', async () => {
  const logs = new HandLogs();
  const shipper = await start({ answerMs: 300 });
  logs.answers = false;
  logs.link(shipper);
  write(one, 'hello');
  shipper.ended(one);
  await until(() => logs.pieces.length >= 2, 'sent again');
  logs.answers = true;
  await until(() => logs.ended.has(one) && shipper.figures.flyingBytes === 0, 'ended');
  expect(logs.text(one)).toBe('hello');
});

test('while the log store takes nothing the worker waits, and loses nothing', async () => {
  const logs = new HandLogs();
  const shipper = await start();
  logs.retryAfterMs = 150;
  logs.link(shipper);
  write(one, 'hello ');
  shipper.started(one);
  await until(() => logs.pieces.length >= 2, 'tried again');
  const tried = logs.pieces.length;
  expect(tried).toBeLessThan(5);
  write(one, 'world');
  shipper.ended(one);
  logs.retryAfterMs = 0;
  await until(() => logs.ended.has(one), 'ended');
  expect(logs.text(one)).toBe('hello world');
});

test('another agent on the same disk asks how far each log is and goes on from there', async () => {
  const logs = new HandLogs();
  const first = await start();
  logs.link(first);
  first.started(one);
  write(one, 'first ');
  await until(() => logs.text(one) === 'first ', 'acknowledged');
  logs.unlink();
  write(one, 'second ');
  write(two, 'never seen by an agent');
  const second = new LogShipper({
    logDir: dir,
    worker: workerIdOf('w-2'),
    log: { warn: () => {} },
    limits: { lookMs: 20 },
  });
  shippers.push(second);
  second.hold({ live: [one], ended: [] });
  await second.start();
  logs.link(second);
  await until(() => logs.ended.has(two) && logs.text(one) === 'first second ', 'both');
  expect(logs.ended.has(one)).toBe(false);
  second.hold({ live: [], ended: [] });
  await until(() => logs.ended.has(one), 'nobody runs it any more');
  expect(
    logs.pieces.filter(({ attempt, worker }) => attempt === one && worker === 'w-2').map(({ offset }) => offset),
  ).toEqual([0, 6, 13]);
});

test('what comes after the end is shipped too, for a while', async () => {
  const logs = new HandLogs();
  const shipper = await start();
  logs.onEnded = (attempt) => {
    logs.onEnded = () => {};
    logs.ended.delete(attempt);
    write(attempt, '[pelorus] left something running\n');
  };
  logs.link(shipper);
  write(one, 'task\n');
  shipper.ended(one);
  await until(() => !existsSync(pathOf(one)), 'deleted');
  expect(logs.text(one)).toBe('task\n[pelorus] left something running\n');
  expect(logs.ended.has(one)).toBe(true);
});

describe('gaps', () => {
  test('a log cut back to its limit is shipped as its beginning, a gap, and what followed', async () => {
    const logs = new HandLogs();
    const shipper = await start();
    logs.link(shipper);
    shipper.started(one);
    write(one, `${'a'.repeat(500)}${'b'.repeat(700)}`);
    await until(() => logs.sizes.get(one) === 1200, 'shipped');
    capLog(pathOf(one), 1000);
    write(one, 'after');
    await until(() => logs.text(one).endsWith('after'), 'shipped on');
    capLog(pathOf(one), 100_000);
    write(one, 'c'.repeat(1000));
    await until(() => logs.text(one).endsWith('c'), 'shipped on');
    capLog(pathOf(one), 1000);
    shipper.ended(one);
    await until(() => logs.ended.has(one), 'ended');
    expect(logs.gaps.get(one)?.at(-1)).toMatchObject({ from: 500, reason: 'limit' });
    expect(logs.text(one)).toMatch(
      /^a{500}\n\[pelorus\] the log reached its limit of 1000 bytes; \d{4} bytes are missing here\n$/,
    );
  });

  test('when too much waits the oldest is given up, and says so; what is younger is kept', async () => {
    const logs = new HandLogs();
    const shipper = await start({ spoolBytes: 10_000 });
    shipper.started(one);
    write(one, 'x'.repeat(8000));
    shipper.started(two);
    write(two, 'y'.repeat(6000));
    await until(() => shipper.figures.unshippedBytes === 6000, 'bounded');
    write(one, 'after the gap');
    shipper.ended(one);
    shipper.ended(two);
    logs.link(shipper);
    await until(() => logs.ended.has(one) && logs.ended.has(two), 'ended');
    expect(logs.gaps.get(one)).toEqual([{ from: 0, to: 8000, reason: 'spool' }]);
    expect(logs.text(one)).toBe('after the gap');
    expect(logs.text(two)).toBe('y'.repeat(6000));
    expect(logs.gaps.has(two)).toBe(false);
  });

  test('a task that empties its own log loses what had not been shipped, no more', async () => {
    const logs = new HandLogs();
    const shipper = await start();
    logs.link(shipper);
    shipper.started(one);
    write(one, 'before the task emptied it\n');
    await until(() => logs.sizes.get(one) === 27, 'shipped');
    truncateSync(pathOf(one), 0);
    write(one, 'after\n');
    await until(() => logs.text(one).endsWith('after\n'), 'shipped on');
    shipper.ended(one);
    await until(() => !existsSync(pathOf(one)) && !existsSync(logMetaPath(pathOf(one))), 'deleted');
    expect(logs.text(one)).toBe('before the task emptied it\nafter\n');
    expect(logs.gaps.has(one)).toBe(false);
  });

  test('a file that has vanished ends where the log store has it', async () => {
    const logs = new HandLogs();
    const shipper = await start();
    logs.link(shipper);
    shipper.started(one);
    write(one, 'shipped');
    await until(() => logs.sizes.get(one) === 7, 'shipped');
    rmSync(dirname(pathOf(one)), { recursive: true });
    shipper.ended(one);
    await until(() => logs.ended.has(one), 'ended');
    expect(logs.text(one)).toBe('shipped');
  });

  test('what cannot be read becomes a gap, not a wait without end', async () => {
    const logs = new HandLogs();
    const shipper = await start();
    mkdirSync(dirname(pathOf(one)), { recursive: true });
    // A directory in its place: a look shows a size, and no byte of it can be read.
    mkdirSync(pathOf(one));
    writeFileSync(join(pathOf(one), 'x'), '');
    logs.link(shipper);
    shipper.ended(one);
    await until(() => logs.ended.has(one), 'ended');
    expect(logs.gaps.get(one)).toMatchObject([{ from: 0, reason: 'unreadable' }]);
  });
});
