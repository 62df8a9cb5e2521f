import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each<[string | number, number]>([
    ['30s', 30_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['90', 90_000],
    ['0', 0],
    [90, 90_000],
    [0, 0],
    ['007', 7000],
  ])('%s is %d ms', (written, durationMs) => {
    expect(parseDuration(written)).toBe(durationMs);
  });

  it.each<[string | number]>([
    [''],
    ['s'],
    ['1'.repeat(16)],
    ['1.5h'],
    [1.5],
    [-1],
    ['-1s'],
    ['10 m'],
    ['10min'],
    ['30s10m'],
    ['1H'],
    ['1s '],
    ['\n'],
    ['999999999999999d'],
    [Number.NaN],
    [Infinity],
    [1e300],
    ['1m1m'],
  ])('%j is none', (written) => {
    expect(parseDuration(written)).toBeNull();
  });
});

describe('formatDuration', () => {
  it.each<[number, string]>([
    [0, '0s'],
    [250, '250ms'],
    [1500, '1s500ms'],
    [90_000, '1m30s'],
    [86_400_000, '1d'],
    [93_784_005, '1d2h3m4s5ms'],
  ])('%d ms is %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  it('is read back as the same duration', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
      }),
    );
  });
});
