import { expect, test } from 'vitest';
import { cutTo, oneLine, padTo, textWidth } from './text-width.ts';

test.each([
  ['abc', 3],
  ['天气', 4],
  ['é', 1],
  ['\u001b[31mred\u001b[0m', 3],
  ['✔', 1],
  ['🚀', 2],
  ['', 0],
])('%j takes %i cells', (text, cells) => {
  expect(textWidth(text)).toBe(cells);
});

test('padding counts cells, not characters', () => {
  expect(padTo('天气', 6)).toBe('天气  ');
});

test('cutting keeps within the width and closes the style', () => {
  expect(cutTo('weather', 4)).toBe('wea…');
  expect(cutTo('天气预报', 5)).toBe('天气…');
  expect(cutTo('\u001b[31mweather\u001b[0m', 4)).toBe('\u001b[31mwea…\u001b[0m');
  expect(cutTo('fits', 4)).toBe('fits');
});

test('no text from outside can move the cursor or begin a line', () => {
  expect(oneLine('a\nb\r\nc\u001b[2Jd')).toBe('a⏎b⏎c�[2Jd');
});
