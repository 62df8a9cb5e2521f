import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIMITS, runIdOf, type AttemptKey } from '@pelorus/protocol';
import { openLogDirectory, type LogQuery } from '../../src/api/index.ts';

let folder: string;
const key: AttemptKey = { run: runIdOf(7), task: 0, n: 1 };
const never = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pelorus-logs-'));
  await mkdir(path.join(folder, '7'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function read(query: Partial<LogQuery> = {}, reader = openLogDirectory(folder)) {
  return reader.read(key, { from: 0, size: 100, matches: null, ...query }, never);
}
const write = (content: string | Uint8Array) => writeFile(path.join(folder, '7', '7.0.1.log'), content);

test('an attempt that has not written anything has an empty log', async () => {
  expect(
    await openLogDirectory(folder).read(
      { run: runIdOf(99), task: 3, n: 1 },
      { from: 0, size: 10, matches: null },
      never,
    ),
  ).toEqual({ total: 0, lines: [] });
});

test('the last line counts though it has no line end yet', async () => {
  await write('one\ntwo\r\nthree');
  expect(await read()).toEqual({ total: 3, lines: ['one', 'two', 'three'] });
  await write('one\ntwo\n');
  expect(await read()).toEqual({ total: 2, lines: ['one', 'two'] });
  await write('\n\n');
  expect(await read()).toEqual({ total: 2, lines: ['', ''] });
});

test('bytes that are not UTF-8 do not spoil the line', async () => {
  await write(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0x00, 0x0a]));
  expect(await read()).toEqual({ total: 2, lines: ['a\uFFFDb', '\0'] });
});

test('a line longer than the limit is cut and says by how much', async () => {
  await write(`${'x'.repeat(LIMITS.logLineBytes + 5)}\nnext\n`);
  const { total, lines } = await read();
  expect(total).toBe(2);
  expect(lines).toEqual([`${'x'.repeat(LIMITS.logLineBytes)} … [5 more bytes in this line]`, 'next']);
});

test('every page of a log of several chunks is the lines it names, wherever chunks end', async () => {
  const all = Array.from({ length: 40_000 }, (_, index) => `${index} ${'é'.repeat(index % 37)}`);
  await write(`${all.join('\n')}\n`);
  const reader = openLogDirectory(folder);
  for (const from of [0, 1, 4_999, 9_000, 17_123, 25_000, 31_111, 39_950, 39_999, 40_000, 1_000_000]) {
    expect(await read({ from, size: 100 }, reader)).toEqual({ total: 40_000, lines: all.slice(from, from + 100) });
  }
  const step = 331;
  for (let from = 0; from < 40_000; from += step) {
    expect((await read({ from, size: 1 }, reader)).lines).toEqual([all[from]]);
  }
});

test('a log that grows is read on, one that became shorter is read anew', async () => {
  const reader = openLogDirectory(folder);
  await write('a\nb');
  expect(await read({}, reader)).toEqual({ total: 2, lines: ['a', 'b'] });
  await appendFile(path.join(folder, '7', '7.0.1.log'), 'b\nc\n');
  expect(await read({}, reader)).toEqual({ total: 3, lines: ['a', 'bb', 'c'] });
  await write('z\n');
  expect(await read({}, reader)).toEqual({ total: 1, lines: ['z'] });
});

test('total counts the matching lines, and from and size page through them', async () => {
  await write(
    Array.from({ length: 5_000 }, (_, index) => `line ${index} ${index % 10 === 3 ? 'ERROR' : 'ok'}`).join('\n'),
  );
  expect(await read({ from: 498, size: 10, matches: (line) => line.includes('ERROR') })).toEqual({
    total: 500,
    lines: ['line 4983 ERROR', 'line 4993 ERROR'],
  });
});

test('an aborted read ends', async () => {
  await write('x\n'.repeat(1_000_000));
  await expect(
    openLogDirectory(folder).read(key, { from: 0, size: 1, matches: null }, AbortSignal.abort(new Error('gone'))),
  ).rejects.toThrow('gone');
});
