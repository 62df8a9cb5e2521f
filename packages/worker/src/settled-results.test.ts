import type { AttemptId } from '@pelorus/protocol';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SettledReport } from './core.ts';
import { SettledResults } from './settled-results.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'pelorus-settled-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const settled = (n: number): SettledReport => ({
  at: n,
  report: { kind: 'lost', attempt: `1.0.${n}` as AttemptId, sequence: n, detail: 'gone' },
});

function reopened(): SettledReport[] {
  const results = new SettledResults(dataDir, 3);
  const found = results.read();
  results.close();
  return found;
}

it('are there for the next agent, oldest first', () => {
  expect(reopened()).toEqual([]);
  const results = new SettledResults(dataDir, 3);
  results.add([settled(1), settled(2)]);
  results.add([]);
  results.close();
  expect(reopened()).toEqual([settled(1), settled(2)]);
});

it('are bounded: the oldest go, never the last', () => {
  const results = new SettledResults(dataDir, 3);
  for (let n = 1; n <= 10; n++) results.add([settled(n)]);
  results.close();
  expect(reopened()).toEqual([7, 8, 9, 10].map(settled));
});
