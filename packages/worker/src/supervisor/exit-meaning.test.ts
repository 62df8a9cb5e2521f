import { expect, test } from 'vitest';
import { causeOfExit, parseExit } from './exit-meaning.ts';

test.each([
  ['exit 0\n', { code: 0, signal: null }],
  ['exit 137\n', { code: 137, signal: null }],
  ['Killed\nexit 137\n', { code: 137, signal: 'SIGKILL' }],
  [
    'pelorus-slot: line 6:  7681 Killed                  ( . "$directory/launch" )\nexit 137\n',
    { code: 137, signal: 'SIGKILL' },
  ],
  ['Segmentation fault (core dumped)\nexit 139\n', { code: 139, signal: 'SIGSEGV' }],
  ['Terminated\nexit 143\n', { code: 143, signal: 'SIGTERM' }],
  ['', null],
  ['Killed\n', null],
  ['Killed\nexit 13', null],
])('%j reads as %j', (text, expected) => {
  expect(parseExit(text)).toEqual(expected);
});

test('code, signal and want of memory are told apart', () => {
  expect(causeOfExit({ code: 0, signal: null }, true)).toBeNull();
  expect(causeOfExit({ code: 3, signal: null }, true)).toEqual({ kind: 'exit', code: 3 });
  expect(causeOfExit({ code: 137, signal: null }, false)).toEqual({ kind: 'exit', code: 137 });
  expect(causeOfExit({ code: 137, signal: 'SIGKILL' }, false)).toEqual({ kind: 'signal', name: 'SIGKILL' });
  expect(causeOfExit({ code: 137, signal: 'SIGKILL' }, true)).toEqual({ kind: 'oom' });
  expect(causeOfExit({ code: 137, signal: null }, true)).toEqual({ kind: 'oom' });
  expect(causeOfExit({ code: 143, signal: 'SIGTERM' }, true)).toEqual({ kind: 'signal', name: 'SIGTERM' });
});
