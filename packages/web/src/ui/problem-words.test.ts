import { parseDefinition, PROBLEM_PHRASES, readProblemPhrase, type ProblemPhraseName } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { problemWords } from './problem-words.ts';

const WRONG = `name: [nightly]
tags: 3
tasks:
  a: { type: shell, run: 5, needs: [b, lod, a], retires: 1 }
  b: { needs: [a], run: x, timeout: soon }
  load: { type: shel, run: x }
  c: { type: python }
  d: { type: shell, run: x, file: y, url: z }
  e: { description: none }
`;

describe('what is wrong, in Chinese', () => {
  test('mistakes of a definition: nothing of them is English but what stands in it', () => {
    const { problems } = parseDefinition(WRONG, 'yaml');
    const told = problems.map(({ message }) => problemWords(message, true));
    expect(told.length).toBeGreaterThan(8);
    for (const each of told) {
      expect(each).toMatch(/[\u4e00-\u9fff]/);
      expect(each.replaceAll(/`[^`]*`/g, '').replaceAll(/shell|python|script|http|sql|true|false/g, '')).not.toMatch(
        /[a-z]{3}/,
      );
    }
  });

  test.each([
    ['parallelism must be at least 1', 'parallelism 必须是不小于 1'],
    ['mode must be one of serial, parallel', 'mode 必须是以下之一：serial, parallel'],
    ['name is required', '缺少 name'],
    ['zon is not known here; did you mean zone?', '这里没有参数 zon，是不是 zone？'],
    ['dates must have at most 10000 entries', 'dates 的条目数必须不大于 10000'],
  ])('%s', (message, text) => expect(problemWords(message, true)).toBe(text));

  test.each(Object.keys(PROBLEM_PHRASES) as ProblemPhraseName[])(
    '%s holds in Chinese what it holds in English',
    (name) => {
      const message = PROBLEM_PHRASES[name].replaceAll(/\{#\w+\}/g, '7').replaceAll(/\{(\w+)\}/g, '<$1>');
      expect(readProblemPhrase(message)?.name).toBe(name);
      const chinese = problemWords(message, true);
      expect(chinese).toMatch(/[\u4e00-\u9fff]/);
      for (const value of Object.values(readProblemPhrase(message)?.values ?? {})) expect(chinese).toContain(value);
    },
  );

  test('what is not known is shown as it is, and so is all of it in English', () => {
    expect(problemWords('the moon is full', true)).toBe('the moon is full');
    expect(problemWords('name is required', false)).toBe('name is required');
  });
});
