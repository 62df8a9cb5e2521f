/** What every log store must do; run against each adapter. */
import { expect, test } from 'vitest';
import { runIdOf, type AttemptId, type LogGap } from '@pelorus/protocol';
import { LOG_CALL_BYTES, type LogStore } from '../../src/logs/index.ts';

export interface LogPlaceUnderTest {
  open(): Promise<LogStore>;
  /** Another process on the same place. */
  openAgain(): Promise<LogStore>;
}

const attempt = '7.0.1' as AttemptId;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const gap = (from: number, to: number, reason: LogGap['reason'] = 'spool'): LogGap => ({ from, to, reason });

/** Reads from `offset` to the end or the next gap. */
export async function readOn(logs: LogStore, of: AttemptId, offset = 0): Promise<string> {
  const parts: Uint8Array[] = [];
  for (let at = offset; ;) {
    const part = await logs.read(of, at, LOG_CALL_BYTES);
    if (part.length === 0) return Buffer.concat(parts).toString();
    parts.push(part);
    at += part.length;
  }
}

export function logStoreContract(place: () => LogPlaceUnderTest): void {
  const open = (): Promise<LogStore> => place().open();

  test('of a log that never came there is nothing', async () => {
    const logs = await open();
    expect(await logs.stat(attempt)).toBeNull();
    expect(await logs.read(attempt, 0, 100)).toHaveLength(0);
    expect(await logs.listRuns(null, 10)).toEqual([]);
  });

  test('a log grows by what is appended, and answers how far it is durable', async () => {
    const logs = await open();
    expect(await logs.append(attempt, 0, bytes('one\n'))).toBe(4);
    expect(await logs.append(attempt, 4, bytes('two\n'))).toBe(8);
    expect(await logs.stat(attempt)).toMatchObject({ size: 8, complete: false, gaps: [] });
    expect(await readOn(logs, attempt)).toBe('one\ntwo\n');
    expect(Buffer.from(await logs.read(attempt, 2, 4)).toString()).toBe('e\ntw');
    expect(await logs.read(attempt, 8, 4)).toHaveLength(0);
    expect(await logs.read(attempt, 80, 4)).toHaveLength(0);
  });

  test('the same bytes again change nothing, and of what overlaps only the new is taken', async () => {
    const logs = await open();
    await logs.append(attempt, 0, bytes('0123456789'));
    expect(await logs.append(attempt, 0, bytes('01234'))).toBe(10);
    expect(await logs.append(attempt, 3, bytes('3456789'))).toBe(10);
    expect(await logs.append(attempt, 5, bytes('56789abc'))).toBe(13);
    expect(await readOn(logs, attempt)).toBe('0123456789abc');
  });

  test('a hole is refused, and the answer says where to go on', async () => {
    const logs = await open();
    expect(await logs.append(attempt, 5, bytes('later'))).toBe(0);
    await logs.append(attempt, 0, bytes('abc'));
    expect(await logs.append(attempt, 5, bytes('later'))).toBe(3);
    expect(await logs.markGap(attempt, gap(4, 9))).toBe(3);
    expect(await logs.complete(attempt, 5)).toBe(3);
    expect(await logs.stat(attempt)).toMatchObject({ size: 3, complete: false, gaps: [] });
    expect(await readOn(logs, attempt)).toBe('abc');
  });

  test('what another process has stored is seen, and gone on with', async () => {
    const [first, second] = [await open(), await place().openAgain()];
    await first.append(attempt, 0, bytes('first,'));
    expect(await second.append(attempt, 6, bytes('second,'))).toBe(13);
    expect(await first.stat(attempt)).toMatchObject({ size: 13 });
    expect(await first.append(attempt, 13, bytes('first again'))).toBe(24);
    expect(await readOn(await place().openAgain(), attempt)).toBe('first,second,first again');
  });

  test('two processes that store the same pieces, one behind the other, leave each byte once', async () => {
    const [first, second] = [await open(), await place().openAgain()];
    await first.append(attempt, 0, bytes('0123'));
    await second.stat(attempt);
    await first.append(attempt, 4, bytes('4567'));
    await second.append(attempt, 4, bytes('456789'));
    await first.append(attempt, 8, bytes('89ab'));
    expect(await readOn(await place().openAgain(), attempt)).toBe('0123456789ab');
  });

  test('an announced gap counts in offsets and holds no bytes', async () => {
    const logs = await open();
    await logs.append(attempt, 0, bytes('head'));
    expect(await logs.markGap(attempt, gap(4, 1_000_000))).toBe(1_000_000);
    expect(await logs.append(attempt, 1_000_000, bytes('tail'))).toBe(1_000_004);
    for (const each of [logs, await place().openAgain()]) {
      expect(await each.stat(attempt)).toMatchObject({ size: 1_000_004, gaps: [gap(4, 1_000_000)] });
      expect(await readOn(each, attempt)).toBe('head');
      expect(await each.read(attempt, 500, 10)).toHaveLength(0);
      expect(await readOn(each, attempt, 1_000_000)).toBe('tail');
    }
  });

  test('a gap at the beginning, and gaps one after another', async () => {
    const logs = await open();
    await logs.markGap(attempt, gap(0, 10));
    await logs.markGap(attempt, gap(10, 20));
    await logs.append(attempt, 20, bytes('x'));
    await logs.markGap(attempt, gap(21, 30, 'truncated'));
    await logs.markGap(attempt, gap(30, 40));
    for (const each of [logs, await place().openAgain()])
      expect(await each.stat(attempt)).toMatchObject({
        size: 40,
        gaps: [gap(0, 20), gap(21, 30, 'truncated'), gap(30, 40)],
      });
  });

  test('a gap announced again, or over what has come, leaves what is there', async () => {
    const logs = await open();
    await logs.append(attempt, 0, bytes('0123456789'));
    expect(await logs.markGap(attempt, gap(2, 8))).toBe(10);
    expect(await logs.markGap(attempt, gap(5, 15))).toBe(15);
    expect(await logs.markGap(attempt, gap(5, 15))).toBe(15);
    expect(await logs.stat(attempt)).toMatchObject({ size: 15, gaps: [gap(10, 15)] });
    expect(await readOn(logs, attempt)).toBe('0123456789');
  });

  test('a log cut back to its limit loses its middle, also where that had been stored; more than once', async () => {
    const logs = await open();
    const text = 'x'.repeat(300_000);
    await logs.append(attempt, 0, bytes(text));
    await logs.append(attempt, 300_000, bytes('y'.repeat(200_000)));
    expect(await logs.markGap(attempt, gap(100_001, 600_000, 'limit'))).toBe(600_000);
    expect(await logs.markGap(attempt, gap(100_001, 600_000, 'limit'))).toBe(600_000);
    await logs.append(attempt, 600_000, bytes('after the first cut'));
    // Late, and again.
    expect(await logs.markGap(attempt, gap(100_001, 600_000, 'limit'))).toBe(600_019);
    expect(await readOn(logs, attempt, 600_000)).toBe('after the first cut');
    expect(await logs.markGap(attempt, gap(100_001, 700_000, 'limit'))).toBe(700_000);
    await logs.append(attempt, 700_000, bytes('after the second'));
    for (const each of [logs, await place().openAgain()]) {
      expect(await each.stat(attempt)).toMatchObject({ size: 700_016, gaps: [gap(100_001, 700_000, 'limit')] });
      expect(await readOn(each, attempt)).toBe(text.slice(0, 100_001));
      expect(await readOn(each, attempt, 700_000)).toBe('after the second');
    }
  });

  test('a log that is all there when it is cut back loses its middle too', async () => {
    const logs = await open();
    await logs.append(attempt, 0, bytes(`${'x'.repeat(100_000)}${'y'.repeat(200_000)}`));
    expect(await logs.markGap(attempt, gap(100_000, 300_000, 'limit'))).toBe(300_000);
    for (const each of [logs, await place().openAgain()]) {
      expect(await each.stat(attempt)).toMatchObject({ size: 300_000, gaps: [gap(100_000, 300_000, 'limit')] });
      expect(await readOn(each, attempt)).toBe('x'.repeat(100_000));
    }
  });

  test('complete means that all of it is there; what comes behind the end needs another one', async () => {
    const logs = await open();
    await logs.append(attempt, 0, bytes('all'));
    expect(await logs.complete(attempt, 4)).toBe(3);
    expect(await logs.stat(attempt)).toMatchObject({ complete: false });
    expect(await logs.complete(attempt, 3)).toBe(3);
    expect(await logs.complete(attempt, 3)).toBe(3);
    expect(await (await place().openAgain()).stat(attempt)).toMatchObject({ size: 3, complete: true });
    await logs.append(attempt, 3, bytes(' and more'));
    expect(await logs.stat(attempt)).toMatchObject({ size: 12, complete: false });
    expect(await logs.complete(attempt, 12)).toBe(12);
    expect(await logs.stat(attempt)).toMatchObject({ complete: true });
  });

  test('an attempt that wrote nothing has a complete log of no bytes', async () => {
    const logs = await open();
    expect(await logs.complete(attempt, 0)).toBe(0);
    for (const each of [logs, await place().openAgain()])
      expect(await each.stat(attempt)).toMatchObject({ size: 0, complete: true, gaps: [] });
  });

  test('any bytes come back as they were, however they were cut', async () => {
    const logs = await open();
    const whole = Buffer.from(Array.from({ length: 2_500_000 }, (_, n) => (n * 7919) % 256));
    const cuts = [1, 16_383, 16_384, 65_536, 65_537, 131_072, 1_048_576, 2_000_000, whole.length];
    let at = 0;
    for (const cut of cuts) {
      expect(await logs.append(attempt, at, whole.subarray(at, cut))).toBe(cut);
      at = cut;
    }
    for (const each of [logs, await place().openAgain()]) {
      for (const from of [0, 16_000, 65_535, 1_048_575, 2_499_999]) {
        const part = await each.read(attempt, from, 200_000);
        expect(part.length).toBeGreaterThan(0);
        expect(Buffer.from(part).equals(whole.subarray(from, from + part.length))).toBe(true);
      }
      const parts: Uint8Array[] = [];
      for (let offset = 0; offset < whole.length; offset += parts.at(-1)!.length)
        parts.push(await each.read(attempt, offset, LOG_CALL_BYTES));
      expect(Buffer.concat(parts).equals(whole)).toBe(true);
    }
  });

  test('a log of many small appends reads as one', async () => {
    const logs = await open();
    let at = 0;
    for (let n = 0; n < 300; n += 1) at = await logs.append(attempt, at, bytes(`line ${n} ${'.'.repeat(n)}\n`));
    const all = Array.from({ length: 300 }, (_, n) => `line ${n} ${'.'.repeat(n)}\n`).join('');
    expect(await readOn(logs, attempt)).toBe(all);
    expect(await readOn(await place().openAgain(), attempt, 12_345)).toBe(all.slice(12_345));
  });

  test('logs of one run and of others do not touch', async () => {
    const logs = await open();
    const ids = ['7.0.1', '7.0.10', '7.0.2', '7.1.1', '70.0.1', '8.0.1'] as AttemptId[];
    await Promise.all(ids.map((id) => logs.append(id, 0, bytes(`log of ${id}`))));
    for (const id of ids) expect(await readOn(logs, id)).toBe(`log of ${id}`);
    expect(await logs.listRuns(null, 10)).toEqual([7, 8, 70]);
    expect(await logs.listRuns(runIdOf(7), 1)).toEqual([8]);
    expect(await logs.listRuns(runIdOf(8), 5)).toEqual([70]);
    expect(await logs.listRuns(runIdOf(70), 5)).toEqual([]);
    await logs.deleteRun(runIdOf(7));
    await logs.deleteRun(runIdOf(7));
    expect(await logs.listRuns(null, 10)).toEqual([8, 70]);
    const again = await place().openAgain();
    expect(await again.stat('7.0.1' as AttemptId)).toBeNull();
    expect(await readOn(again, '8.0.1' as AttemptId)).toBe('log of 8.0.1');
  });

  test('who watches a log is told of its changes, and of no other', async () => {
    const logs = await open();
    let told = 0;
    const end = logs.watch(attempt, () => (told += 1));
    await logs.append(attempt, 0, bytes('x'));
    await logs.append('8.0.1' as AttemptId, 0, bytes('x'));
    expect(told).toBe(1);
    await logs.complete(attempt, 1);
    expect(told).toBe(2);
    end();
    await logs.append(attempt, 1, bytes('y'));
    expect(told).toBe(2);
  });
}
