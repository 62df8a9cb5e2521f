/** The table of docs/failures.md is complete, and what it names as proof is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const FAILURES = 126;
const WORDS_MAX = { what: 12, we: 25 };

const root = join(import.meta.dirname, '..');
const rows = [...readFileSync(join(root, 'docs/failures.md'), 'utf8').matchAll(/^\| F(\d+) \|(.*)\|$/gm)].map(
  ([, number, rest = '']) => {
    const [what = '', we = '', proof = '', ...more] = rest.split('|').map((cell) => cell.trim());
    return { number: Number(number), what, we, proof, more };
  },
);

test('each failure of the catalogue has one row', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: FAILURES }, (_, i) => i + 1));
});

describe.each(rows)('F$number', ({ what, we, proof, more }) => {
  test('says what happens, what is done and what proves it, in few words', () => {
    expect(more).toEqual([]);
    expect({ what: wordsOf(what), we: wordsOf(we) }).toSatisfy(
      (words: typeof WORDS_MAX) => isFew(words.what, WORDS_MAX.what) && isFew(words.we, WORDS_MAX.we),
    );
    expect(proof).toMatch(/› |\*\*(not proved|does not hold)\*\*/);
  });

  test('names only proofs that are there', () => {
    const named = [...proof.matchAll(/`([^`]+) › ([^`]+)`/g)].map(([, file = '', name = '']) => ({ file, name }));
    const isThere = ({ file, name }: (typeof named)[number]): boolean =>
      existsSync(join(root, file)) && readFileSync(join(root, file), 'utf8').includes(name);
    expect(named.filter((each) => !isThere(each))).toEqual([]);
    expect(named).toHaveLength(proof.split('›').length - 1);
  });
});

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => /\w/.test(word)).length;
}

function isFew(count: number, most: number): boolean {
  return count > 0 && count <= most;
}
