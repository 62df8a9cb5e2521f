/** What tasks write is what the oracle reads, on a real disk and from real shells. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { appendToLedger, parseLedger, readLedger, scriptWithLedger, shellPrelude } from './ledger.ts';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'pelorus-ledger-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a shell task writes start, signs of life and end, with its exit code', async () => {
  const file = join(directory, 'shell');
  const text = `${shellPrelude(file)}rest 6; done_with 3`;
  const env = { ...process.env, PELORUS_ATTEMPT: '7.2.1' };
  await expect(run('bash', ['-c', text], { env })).rejects.toMatchObject({ code: 3 });
  const { lines, torn } = readLedger(file);
  expect(torn).toEqual([]);
  expect(lines.map(({ word, attempt, detail }) => [word, attempt, detail])).toEqual([
    ['start', '7.2.1', '-'],
    ['alive', '7.2.1', '-'],
    ['alive', '7.2.1', '-'],
    ['end', '7.2.1', '3'],
  ]);
  expect(new Set(lines.map(({ execution }) => execution)).size).toBe(1);
  expect(lines[3]!.atMs - lines[0]!.atMs).toBeGreaterThan(500);
  expect(Math.abs(lines[3]!.atMs - Date.now())).toBeLessThan(120_000);
});

test('lines of many processes at once are whole', async () => {
  const file = join(directory, 'many');
  const text = `${shellPrelude(file)}for i in {1..50}; do mark alive $i; done; done_with 0`;
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      run('bash', ['-c', text], { env: { ...process.env, PELORUS_ATTEMPT: `1.${n}.1` } }),
    ),
  );
  const { lines, torn } = parseLedger(readFileSync(file, 'utf8'));
  expect([lines.length, torn.length]).toEqual([8 * 52, 0]);
});

test('a script task and the bed itself write lines of the same kind', async () => {
  const file = join(directory, 'script');
  const body = scriptWithLedger(file, 'await rest(300);');
  const AsyncFunction = (async () => undefined).constructor as new (
    ...words: string[]
  ) => (ctx: object) => Promise<void>;
  await new AsyncFunction('ctx', body)({ params: { attempt: '4.0.2' } });
  appendToLedger(file, { word: 'end', attempt: '4.1.1', execution: 'http-1' });
  expect(readLedger(file).lines.map(({ word, attempt }) => `${word} ${attempt}`)).toEqual([
    'start 4.0.2',
    'alive 4.0.2',
    'end 4.0.2',
    'end 4.1.1',
  ]);
});
