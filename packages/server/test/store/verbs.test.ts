/** A verb is a generator: a statement that is not handed on with `yield*` would silently never be executed. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const STATEMENT = /(?<before>[^\n]{0,40})\b(?:c\.)?db\.(?:run|get|hasRows|all|rows|text|each|written|snapshot)\(/g;
/** Handed on, or to `together` or `finish`, which hand on all of their pieces. */
const HANDED_ON = /(?:yield\* |return |=> |runAtOnce\(|nothing\()(?:this\.#)?(?:c\.)?$/;
const PIECE = /(?:together|finish)<[^\n]*>\(\[\n(?:[^\]]*\n)?\s*(?:c\.)?$/;

test('every statement of a verb is handed on', () => {
  const folder = new URL('../../src/store/', import.meta.url);
  const lost = globSync('**/*.ts', { cwd: folder }).flatMap((file) => {
    const source = readFileSync(new URL(file, folder), 'utf8');
    return [...source.matchAll(STATEMENT)]
      .filter((match) => !HANDED_ON.test(match.groups?.['before'] ?? ''))
      .filter((match) => !PIECE.test(source.slice(0, match.index + match[0].search(/(?:c\.)?db\./))))
      .map((match) => `${file}:${source.slice(0, match.index).split('\n').length}: ${match[0].trim()}`);
  });
  expect(lost).toEqual([]);
});
