import { expect, test } from 'vitest';
import { outputsFromObject, parseOutputFile, parseSetValues, settleOutputs } from './outputs.ts';

test('the output file holds name=value lines and values of several lines', () => {
  const text = 'a=1\nb = x=y\r\n\nnonsense\n9x=no\nlong<<END\nline 1\nEND2\nline 2\nEND\nc=\nopen<<E\nto the end';
  expect(parseOutputFile(text)).toEqual({ a: '1', b: ' x=y', long: 'line 1\nEND2\nline 2', c: '', open: 'to the end' });
});

test('log lines set values anywhere in a line, the last one wins', () => {
  expect(parseSetValues('#{setValue(a=1)} {setValue(b=2)}')).toEqual({ a: '1' });
  expect(parseSetValues('x ${setValue(a=1)} y\n${setValue(b=f(x))}\n${setValue(a=2)} ${setValue(=no)}')).toEqual({
    a: '2',
    b: 'f(x)',
  });
});

test('objects become texts: JSON for objects, empty for null, nothing for undefined', () => {
  expect(outputsFromObject({ s: 'x', n: 1.5, b: true, o: { a: [1] }, z: null, u: undefined, big: 10n })).toEqual({
    s: 'x',
    n: '1.5',
    b: 'true',
    o: '{"a":[1]}',
    z: '',
    big: '10',
  });
  expect(outputsFromObject([1])).toEqual({});
  expect(outputsFromObject('x')).toEqual({});
});

test('declared types are normalised, and a value that is none of its type is a problem', () => {
  const declared = { i: { type: 'integer' }, n: { type: 'number' }, b: { type: 'boolean' }, s: { type: 'string' } };
  expect(settleOutputs({ i: ' +042 ', n: '1e3', b: 'TRUE', s: ' x ', other: 'y' }, declared, 1000)).toEqual({
    outputs: { i: '42', n: '1e3', b: 'true', s: ' x ', other: 'y' },
    outputsTruncated: false,
    problem: null,
  });
  expect(settleOutputs({ i: '1.5', b: 'yes' }, declared, 1000)).toEqual({
    outputs: {},
    outputsTruncated: false,
    problem: 'output i is declared integer, the task gave "1.5"; output b is declared boolean, the task gave "yes"',
  });
});

test('what exceeds the limit is dropped and said; what fits is kept', () => {
  const big = 'x'.repeat(1000);
  expect(settleOutputs({ a: '1', big, c: '3' }, {}, 1000)).toEqual({
    outputs: { a: '1', c: '3' },
    outputsTruncated: true,
    problem: null,
  });
});
