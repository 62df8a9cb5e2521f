import { expect, test } from 'vitest';
import { phrase, PHRASES, readPhrase, type PhraseName } from './phrases.ts';

/** Names as people give them, and numbers. */
function valuesOf(template: string): Record<string, string> {
  const places = [...template.matchAll(/\{(#?)(\w+)\}/g)];
  return Object.fromEntries(
    places.map(([, number, name], i) => [name!, number === '#' ? `${i + 3}` : `${name!}-${i}`]),
  );
}

test.each(Object.keys(PHRASES) as PhraseName[])('%s is known again, with what was put into it', (name) => {
  const values = valuesOf(PHRASES[name]);
  const sentence = phrase(name, values as never);
  expect(sentence).not.toMatch(/[{}]/);
  expect(readPhrase(sentence)).toEqual({ name, values });
});

test('one inside another is a value of it, whatever it holds', () => {
  const inner = phrase('no_worker', { group: 'gpu (old)' });
  const outer = phrase('and_more', { detail: inner, more: 2 });
  expect(readPhrase(outer)).toEqual({ name: 'and_more', values: { detail: inner, more: '2' } });
});

test('any other sentence is none', () => {
  expect(readPhrase('the moon is full')).toBeNull();
  expect(readPhrase('retry one of 3')).toBeNull();
});
