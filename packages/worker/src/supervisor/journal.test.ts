/** The journal where writes end in the middle of a line. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Journal } from './journal.ts';

const directory = mkdtempSync(join(tmpdir(), 'pelorus-journal-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a line that a crash or a full disk has torn does not spoil the next one', () => {
  const path = join(directory, 'torn');
  new Journal<{ n: number }>(path).append([{ n: 1 }]);
  appendFileSync(path, '{"n":2');
  const journal = new Journal<{ n: number }>(path);
  journal.append([{ n: 3 }]);
  journal.append([{ n: 4 }]);
  expect(journal.read()).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  journal.rewrite([{ n: 5 }]);
  journal.append([{ n: 6 }]);
  expect(readFileSync(path, 'utf8')).toBe('{"n":5}\n{"n":6}\n');
  expect(new Journal(path).read()).toEqual([{ n: 5 }, { n: 6 }]);
});

test('what does not fit is thrown, and the journal goes on when there is room', () => {
  expect(() => new Journal('/dev/full').append([{ n: 1 }])).toThrow('ENOSPC');
});
