/** What one search costs the others. Nothing here is measured by the clock: a loaded machine is the case in question. */
import { afterEach, describe, expect, test } from 'vitest';
import { createLogSearch, type LogSearch, type Wanted } from '../../src/api/log-search.ts';
import type { LogText } from '../../src/api/log-text.ts';

const LINES = 40_000;
/** Letters without a pattern, in lines of 64. */
const LETTERS = Buffer.from(lettersOf(LINES));
/** Some 2 s of computing for each MiB of the above, and matches nothing. */
const COSTLY: Wanted = { kind: 'expression', pattern: '[a-z]{1,250}[0-9]|[a-y]{1,250}[0-8]|[b-z]{1,250}[1-9]' };
const PLAIN: Wanted = { kind: 'text', pattern: 'needle 7' };
const FIRST = { from: 0, size: 10 };
const never = new AbortController().signal;
const minutes = { waitMs: 600_000, workMs: 600_000 };

const opened: LogSearch[] = [];
const searchOf = (limits: { waitMs: number; workMs: number }): LogSearch => {
  const search = createLogSearch(limits);
  opened.push(search);
  return search;
};
afterEach(async () => {
  for (const search of opened.splice(0)) await search.close();
});

function lettersOf(lines: number): string {
  let seed = 12345;
  const next = (): string => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return String.fromCharCode(97 + ((seed >> 16) % 26));
  };
  const line = (n: number): string => `${Array.from({ length: 64 }, next).join('')} needle ${n}\n`;
  return Array.from({ length: lines }, (_, n) => line(n)).join('');
}

function textOf(bytes: Buffer): LogText {
  return {
    length: bytes.length,
    identity: 'text',
    read: (position, length) => Promise.resolve(Uint8Array.from(bytes.subarray(position, position + length))),
    offsetAt: (position) => position,
    positionAt: (offset) => offset,
  };
}

/** Ends when the search is closed or aborted. */
function startCostly(search: LogSearch, count: number, signal: AbortSignal) {
  let ended = 0;
  const searches = Array.from({ length: count }, () =>
    search.find(textOf(LETTERS), COSTLY, FIRST, signal).then(
      () => (ended += 1),
      () => (ended += 1),
    ),
  );
  return { ended: () => ended, all: Promise.all(searches) };
}

describe('a plain query while others compute for minutes', () => {
  test('is answered before any of them', async () => {
    const search = searchOf(minutes);
    const stop = new AbortController();
    const costly = startCostly(search, 12, stop.signal);
    const found = await search.find(textOf(LETTERS), PLAIN, FIRST, never);
    expect(found.total).toBe(1 + 10 + 100 + 1000);
    expect(found.lines).toHaveLength(10);
    expect(costly.ended()).toBe(0);
    stop.abort();
    await costly.all;
  });

  test('so is a simple expression', async () => {
    const search = searchOf(minutes);
    const stop = new AbortController();
    const costly = startCostly(search, 12, stop.signal);
    const simple: Wanted = { kind: 'expression', pattern: 'needle \\d*77$' };
    const found = await search.find(textOf(LETTERS), simple, FIRST, never);
    expect(found.total).toBe(LINES / 100);
    expect(costly.ended()).toBe(0);
    stop.abort();
    await costly.all;
  });
});

test('a search whose client has gone ends at once, and leaves its place to others', async () => {
  const search = searchOf(minutes);
  const running = startCostly(search, 17, never);
  for (let round = 0; round < 5; round += 1) {
    const stop = new AbortController();
    const gone = search.find(textOf(LETTERS), COSTLY, FIRST, stop.signal);
    stop.abort(new Error('nobody is there'));
    await expect(gone).rejects.toThrow('nobody is there');
  }
  expect(running.ended()).toBe(0);
  expect((await search.find(textOf(LETTERS), PLAIN, FIRST, never)).total).toBe(1111);
});

describe('what a search may cost', () => {
  test('is counted in computing', async () => {
    const search = searchOf({ waitMs: 600_000, workMs: 100 });
    await expect(search.find(textOf(LETTERS), COSTLY, FIRST, never)).rejects.toMatchObject({
      code: 'BAD_PARAMETER',
      message: expect.stringMatching(/^query takes too much time or memory on this log: it took \d+ ms/) as string,
    });
  });

  test('time in which it waits is not: an answer that is late is no fault of the query', async () => {
    const search = searchOf({ waitMs: 50, workMs: 100 });
    const stuck: LogText = { ...textOf(LETTERS), read: () => new Promise(() => {}) };
    for (const wanted of [PLAIN, COSTLY])
      await expect(search.find(stuck, wanted, FIRST, never)).rejects.toMatchObject({
        code: 'LOG_SEARCH_BUSY',
        detail: { retryAfterSeconds: 5 },
      });
  });
});

test('many long and empty lines are found as they stand, in slices', async () => {
  const lines = Array.from({ length: 3000 }, (_, n) => (n % 3 === 0 ? '' : `${'z'.repeat(n % 700)}7`));
  const search = searchOf(minutes);
  const log = textOf(Buffer.from(`${lines.join('\n')}\n`));
  const expression: Wanted = { kind: 'expression', pattern: '^(?:[a-z]{0,300}[0-9])?$' };
  const wanted = lines.filter((line) => line.length <= 301);
  const found = await search.find(log, expression, { from: 0, size: 5000 }, never);
  expect(found).toMatchObject({ total: wanted.length, lines: wanted });
});
