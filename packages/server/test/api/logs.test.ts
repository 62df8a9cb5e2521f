import { appendFile, mkdir, mkdtemp, open as openFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatLogMeta, LIMITS, runIdOf, type AttemptId, type AttemptKey } from '@pelorus/protocol';
import { createLogReader, type LogQuery, type LogReader } from '../../src/api/index.ts';
import { openDatabaseLogs, openDirectoryLogs, type LogStore } from '../../src/logs/index.ts';
import { openSqliteStore, type Store } from '../../src/store/index.ts';
import { computing, limitHere } from './computing.ts';

let scratch: string;
let store: Store;
let count = 0;
const readers: LogReader[] = [];
const key: AttemptKey = { run: runIdOf(7), task: 0, n: 1 };
const attempt = '7.0.1' as AttemptId;
const never = new AbortController().signal;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'pelorus-logs-'));
  store = await openSqliteStore(path.join(scratch, 'store'));
});
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
  await openDatabaseLogs(store).deleteRun(key.run);
});
afterAll(async () => {
  await store.close();
  await rm(scratch, { recursive: true, force: true });
});

function readerOf(logs: LogStore): LogReader {
  const reader = createLogReader(logs);
  readers.push(reader);
  return reader;
}
const lines = (from = 0, size = 100): LogQuery => ({ kind: 'lines', from, size });
const tail = (size: number, before: number | null = null): LogQuery => ({ kind: 'tail', size, before });
const at = (offset: number, size = 100): LogQuery => ({ kind: 'offset', offset, size });
const text = (pattern: string, from = 0, size = 100): LogQuery => ({
  kind: 'search',
  from,
  size,
  wanted: { kind: 'text', pattern },
});
const matching = (pattern: string, from = 0, size = 100): LogQuery => ({
  kind: 'search',
  from,
  size,
  wanted: { kind: 'expression', pattern },
});
const read = (reader: LogReader, query: LogQuery = lines(), note: string | null = null) =>
  reader.read(key, query, note, never);

/** A reader of a log that holds this. */
type Filled = (content: string | Uint8Array) => Promise<LogReader>;

const places: [string, Filled][] = [
  [
    'a directory',
    async (content) => {
      const folder = path.join(scratch, `logs-${(count += 1)}`);
      const logs = openDirectoryLogs({ folder, writtenInPlace: false });
      await logs.append(attempt, 0, Buffer.from(content));
      return readerOf(logs);
    },
  ],
  [
    'the database',
    async (content) => {
      const logs = openDatabaseLogs(store);
      const bytes = Buffer.from(content);
      for (let from = 0; from < bytes.length; from += 300_000)
        await logs.append(attempt, from, bytes.subarray(from, from + 300_000));
      return readerOf(logs);
    },
  ],
];

describe.each(places)('a log in %s', (_name, filled) => {
  test('that is empty has no lines, wherever they are looked for', async () => {
    const reader = await filled('');
    const nothing = { total: 0, lines: [], startByte: 0, endByte: 0, sizeBytes: 0 };
    for (const query of [lines(), tail(5), at(0), at(99), text('x'), matching('.')])
      expect(await read(reader, query)).toEqual(nothing);
  });

  test('counts the last line though it has no line end yet', async () => {
    expect(await read(await filled('one\ntwo\r\nthree'))).toEqual({
      total: 3,
      lines: ['one', 'two', 'three'],
      startByte: 0,
      endByte: 14,
      sizeBytes: 14,
    });
  });

  test('knows empty lines', async () => {
    const reader = await filled('\n\nx\n\n');
    expect(await read(reader)).toMatchObject({ total: 4, lines: ['', '', 'x', ''] });
    expect(await read(reader, tail(2))).toMatchObject({ total: 4, lines: ['x', ''], startByte: 2, endByte: 5 });
    expect(await read(reader, matching('^$'))).toMatchObject({ total: 3, lines: ['', '', ''] });
  });

  test('shows bytes that are not UTF-8 without spoiling the line', async () => {
    const reader = await filled(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0x00, 0x0a]));
    expect(await read(reader)).toMatchObject({ total: 2, lines: ['a\uFFFDb', '\0'] });
  });

  test('cuts a line that is longer than the limit, says by how much, and finds it by its beginning', async () => {
    const long = 'x'.repeat(LIMITS.logLineBytes);
    const reader = await filled(`before\n${long}YYYYY${'z'.repeat(2_000_000)}\nafter\n`);
    const shown = `${long} … [2000005 more bytes in this line]`;
    expect((await read(reader)).lines).toEqual(['before', shown, 'after']);
    expect(await read(reader, text('xxx'))).toMatchObject({ total: 1, lines: [shown] });
    expect(await read(reader, matching('x{5}'))).toMatchObject({ total: 1, lines: [shown], startByte: 7 });
    expect(await read(reader, text('YYYYY'))).toMatchObject({ total: 0 });
    expect(await read(reader, matching('^after$'))).toMatchObject({ total: 1, lines: ['after'] });
  });

  test('gives the lines that a page names, wherever chunks end', async () => {
    const all = Array.from({ length: 40_000 }, (_, index) => `${index} ${'é'.repeat(index % 37)}`);
    const reader = await filled(`${all.join('\n')}\n`);
    for (const from of [0, 1, 4_999, 9_000, 17_123, 25_000, 31_111, 39_950, 39_999, 40_000, 1_000_000])
      expect(await read(reader, lines(from))).toMatchObject({ total: 40_000, lines: all.slice(from, from + 100) });
    for (let from = 0; from < 40_000; from += 797)
      expect((await read(reader, lines(from, 1))).lines).toEqual([all[from]]);
  });

  test('can be read on by offsets, forwards and backwards, each line once', async () => {
    const all = Array.from({ length: 5_000 }, (_, index) => `${index} ${'é'.repeat(index % 61)}`);
    const reader = await filled(`${all.join('\n')}\nthe end`);
    const forwards: string[] = [];
    for (let offset = 0; ;) {
      const page = await read(reader, at(offset, 333));
      if (page.lines.length === 0) break;
      forwards.push(...page.lines);
      expect(page.startByte).toBe(offset);
      offset = page.endByte;
    }
    expect(forwards).toEqual([...all, 'the end']);
    const backwards: string[] = [];
    for (let before: number | null = null; before !== 0;) {
      const page: Awaited<ReturnType<typeof read>> = await read(reader, tail(333, before));
      backwards.unshift(...page.lines);
      before = page.startByte;
    }
    expect(backwards).toEqual([...all, 'the end']);
    // In the middle of a line: the next one.
    const { startByte } = await read(reader, lines(1234, 1));
    expect(await read(reader, at(startByte + 1, 1))).toMatchObject({ lines: [all[1235]] });
    expect(await read(reader, at(startByte, 1))).toMatchObject({ lines: [all[1234]] });
  });

  test('counts the lines that match; from and size page through them, and offsets say where they are', async () => {
    const all = Array.from(
      { length: 60_000 },
      (_, n) => `line ${n} ${n % 10 === 3 ? 'ERROR' : 'ok'} ${'.'.repeat(n % 50)}`,
    );
    const reader = await filled(all.join('\n'));
    for (const query of [text, matching]) {
      const page = await read(reader, query('ERROR', 5_998, 10));
      expect(page).toMatchObject({ total: 6_000, lines: [all[59_983], all[59_993]] });
      expect((await read(reader, at(page.startByte, 1))).lines).toEqual([all[59_983]]);
      expect((await read(reader, tail(1, page.endByte))).lines).toEqual([all[59_993]]);
    }
    expect(await read(reader, text('line 59999 '))).toMatchObject({ total: 1, lines: [all[59_999]] });
    expect(await read(reader, text('ok\nline'))).toMatchObject({ total: 0 });
    expect(await read(reader, matching('^line \\d{2} '))).toMatchObject({ total: 90 });
  });

  test('shows a last line that is not in it where it ends', async () => {
    const reader = await filled('one\ntwo\n');
    const note = '--- the rest is missing ---';
    expect(await read(reader, lines(), note)).toMatchObject({ total: 3, lines: ['one', 'two', note], endByte: 8 });
    expect(await read(reader, lines(1, 1), note)).toMatchObject({ total: 3, lines: ['two'] });
    expect(await read(reader, lines(2, 1), note)).toMatchObject({ total: 3, lines: [note] });
    expect(await read(reader, lines(3, 1), note)).toMatchObject({ total: 3, lines: [] });
    expect(await read(reader, tail(2), note)).toMatchObject({ lines: ['two', note], startByte: 4 });
    expect(await read(reader, tail(1), note)).toMatchObject({ lines: [note] });
    expect(await read(reader, tail(1, 4), note)).toMatchObject({ lines: ['one'] });
    expect(await read(reader, at(4), note)).toMatchObject({ lines: ['two', note], endByte: 8 });
    expect(await reader.read({ ...key, n: 2 }, lines(), note, never)).toMatchObject({ total: 1, lines: [note] });
  });

  test('ends a read that is aborted', async () => {
    const reader = await filled('x\n'.repeat(1_000_000));
    const aborted = AbortSignal.abort(new Error('gone'));
    for (const query of [lines(0, 1), text('x'), matching('x')])
      await expect(reader.read(key, query, null, aborted)).rejects.toThrow('gone');
  });

  test('has a line in the place of each gap, and offsets that count what is missing', async () => {
    const reader = await filled('head\nbroken');
    const { store: logs } = reader;
    await logs.markGap(attempt, { from: 11, to: 12_356, reason: 'spool' });
    await logs.append(attempt, 12_356, Buffer.from(' rest\nnext\n'));
    await logs.markGap(attempt, { from: 12_367, to: 12_368, reason: 'truncated' });
    const all = [
      'head',
      'broken',
      '--- 12,345 bytes missing: the worker had no more room to keep them until they could be shipped ---',
      ' rest',
      'next',
      '--- 1 bytes missing: the task emptied its own log ---',
    ];
    expect(await read(reader)).toEqual({ total: 6, lines: all, startByte: 0, endByte: 12_368, sizeBytes: 12_368 });
    const seen: string[] = [];
    for (let offset = 0; offset < 12_368;) {
      const page = await read(reader, at(offset, 1));
      seen.push(...page.lines);
      offset = page.endByte;
    }
    expect(seen).toEqual(all);
    expect(await read(reader, tail(3))).toMatchObject({ lines: all.slice(3), startByte: 12_356 });
    expect(await read(reader, text('bytes missing'))).toMatchObject({ total: 2 });
    const whole: Uint8Array[] = [];
    for await (const piece of reader.pieces(key, never)) whole.push(piece);
    expect(Buffer.concat(whole).toString()).toBe(`${all.join('\n')}\n`);
  });
});

describe('a log that its worker writes in place', () => {
  async function place(): Promise<{ reader: LogReader; file: string }> {
    const folder = path.join(scratch, `logs-${(count += 1)}`);
    await mkdir(path.join(folder, '7'), { recursive: true });
    return {
      reader: readerOf(openDirectoryLogs({ folder, writtenInPlace: true })),
      file: path.join(folder, '7', '7.0.1.log'),
    };
  }

  test('is read on when it has grown, and anew when it became shorter', async () => {
    const { reader, file } = await place();
    await writeFile(file, 'a\nb');
    expect(await read(reader)).toMatchObject({ total: 2, lines: ['a', 'b'] });
    await appendFile(file, 'b\nc\n');
    expect(await read(reader)).toMatchObject({ total: 3, lines: ['a', 'bb', 'c'] });
    await writeFile(file, 'z\n');
    expect(await read(reader)).toMatchObject({ total: 1, lines: ['z'] });
  });

  test('keeps the offsets of what came after it was cut back to its limit', async () => {
    const { reader, file } = await place();
    await writeFile(file, 'first\n\n[pelorus] 994 bytes are missing here\nlast\n');
    await writeFile(`${file}.meta`, formatLogMeta({ gaps: [{ from: 6, to: 1000, reason: 'limit' }], total: null }));
    expect(await read(reader, tail(1))).toMatchObject({ lines: ['last'], endByte: 1043 });
    expect((await read(reader, at(500))).lines).toEqual(['', '[pelorus] 994 bytes are missing here', 'last']);
    expect((await read(reader)).lines).toEqual(['first', '', '[pelorus] 994 bytes are missing here', 'last']);
  });

  test('is read at its end at once, however large it is', async () => {
    const { reader, file } = await place();
    const handle = await openFile(file, 'w');
    await handle.truncate(1024 ** 3);
    await handle.write('\nthe last but one\nthe last\n', 1024 ** 3);
    await handle.close();
    const page = await read(reader, tail(2));
    expect(page).toEqual({
      total: null,
      lines: ['the last but one', 'the last'],
      startByte: 1024 ** 3 + 1,
      endByte: 1024 ** 3 + 27,
      sizeBytes: 1024 ** 3 + 27,
    });
    // One line of a gigabyte: what is found of it soon.
    expect((await read(reader, tail(1, 1024 ** 3))).lines[0]).toMatch(
      /^\0{65536} … \[8323072 more bytes in this line\]$/,
    );
  });
});

test('searches do not hold up other requests, and one too many is refused', async () => {
  const folder = path.join(scratch, `logs-${(count += 1)}`);
  const logs = openDirectoryLogs({ folder, writtenInPlace: false });
  const content = Buffer.from(
    Array.from({ length: 100_000 }, (_, n) => `line ${n} of a log that is searched\n`).join(''),
  );
  await logs.append(attempt, 0, content);
  const reader = readerOf(logs);
  await read(reader, matching('warm'));
  const { value: outcomes, longestMs } = await computing(() =>
    Promise.allSettled(Array.from({ length: 19 }, () => read(reader, matching('(l|i|n|e)+ \\d*99 of')))),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused).toHaveLength(1);
  expect(refused[0]?.reason).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  for (const outcome of outcomes) if (outcome.status === 'fulfilled') expect(outcome.value.total).toBe(1000);
  expect(longestMs).toBeLessThan(limitHere(100));
});
