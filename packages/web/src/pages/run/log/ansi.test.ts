import { describe, expect, test } from 'vitest';
import { levelOf, parseAnsi, plainText } from './ansi.ts';

const ESC = '\u001b';

describe('colours of a log line', () => {
  test('plain text is one piece without a look', () => {
    expect(parseAnsi('hello')).toEqual([{ text: 'hello', className: '' }]);
    expect(parseAnsi('')).toEqual([]);
  });

  test('colours and weights begin and end where the sequences say', () => {
    expect(parseAnsi(`a ${ESC}[1;31mred${ESC}[22m thin${ESC}[0m b`)).toEqual([
      { text: 'a ', className: '' },
      { text: 'red', className: 'text-bad font-bold' },
      { text: ' thin', className: 'text-bad' },
      { text: ' b', className: '' },
    ]);
  });

  test('256 colours and true colours become the nearest of ours, and take their numbers with them', () => {
    expect(parseAnsi(`${ESC}[38;5;196mx${ESC}[38;2;10;200;20;1my`)).toEqual([
      { text: 'x', className: 'text-bad' },
      { text: 'y', className: 'text-ok font-bold' },
    ]);
  });

  test('links, cursor movements and bells are left out; nothing of a log becomes a style', () => {
    const line = `${ESC}]8;;javascript:alert(1)${ESC}\\link${ESC}]8;;${ESC}\\${ESC}[2K\u0007 end`;
    expect(plainText(line)).toBe('link end');
    expect(parseAnsi(line).map(({ className }) => className)).toEqual(['', '']);
  });

  test('of a line that overwrites itself the end is seen', () => {
    expect(plainText('10 %\r50 %\r100 %\r')).toBe('100 %');
  });
});

describe('levels of log lines', () => {
  test.each([
    ['2026-01-01 ERROR cannot connect', 'bad'],
    ['Traceback (most recent call last):', 'bad'],
    ['requests.exceptions.ConnectionError: refused', 'bad'],
    ['level=error msg=x', 'bad'],
    ['WARNING: three rows dropped', 'warn'],
    ['12:00 DEBUG polled', 'faint'],
    ['--- 1,024 bytes missing: the log reached its limit ---', 'gap'],
    ['0 errors', null],
    ['--- a heading ---', null],
  ])('%s', (line, level) => {
    expect(levelOf(line)).toBe(level);
  });
});
