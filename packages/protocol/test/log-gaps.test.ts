import { describe, expect, test } from 'vitest';
import {
  formatLogMeta,
  heldBefore,
  LIMITS,
  logSize,
  offsetOfHeld,
  parseLogMeta,
  placeInLog,
  withGap,
  type LogGap,
} from '../src/index.ts';

const gaps: LogGap[] = [
  { from: 10, to: 20, reason: 'limit' },
  { from: 25, to: 100, reason: 'spool' },
];

describe('offsets of a log with gaps', () => {
  test('bytes behind a gap are where they would be without the missing ones', () => {
    expect(placeInLog(9, gaps)).toEqual({ kind: 'bytes', position: 9, until: 10 });
    expect(placeInLog(10, gaps)).toEqual({ kind: 'gap', gap: gaps[0] });
    expect(placeInLog(20, gaps)).toEqual({ kind: 'bytes', position: 10, until: 25 });
    expect(placeInLog(99, gaps)).toEqual({ kind: 'gap', gap: gaps[1] });
    expect(placeInLog(100, gaps)).toEqual({ kind: 'bytes', position: 15, until: Infinity });
    expect(logSize(15, gaps)).toBe(100);
    expect(logSize(7, [])).toBe(7);
    expect([0, 10, 15, 20, 25, 60, 100, 130].map((offset) => heldBefore(offset, gaps))).toEqual([
      0, 10, 10, 10, 15, 15, 15, 45,
    ]);
    expect([0, 9, 10, 11, 15, 16].map((position) => offsetOfHeld(position, gaps))).toEqual([0, 9, 10, 21, 25, 101]);
  });

  test('a new gap swallows those behind its beginning and joins one that it touches', () => {
    expect(withGap([], { from: 5, to: 9, reason: 'limit' })).toEqual([{ from: 5, to: 9, reason: 'limit' }]);
    expect(withGap(gaps, { from: 10, to: 300, reason: 'limit' })).toEqual([{ from: 10, to: 300, reason: 'limit' }]);
    expect(withGap(gaps, { from: 100, to: 120, reason: 'spool' })).toEqual([
      gaps[0],
      { from: 25, to: 120, reason: 'spool' },
    ]);
    expect(withGap(gaps, { from: 15, to: 120, reason: 'spool' })).toEqual([
      { from: 10, to: 15, reason: 'limit' },
      { from: 15, to: 120, reason: 'spool' },
    ]);
  });

  test('there are never more gaps than the limit: the last takes in what is between', () => {
    const many = Array.from({ length: LIMITS.logGaps }, (_, n): LogGap => ({
      from: n * 10,
      to: n * 10 + 1,
      reason: 'spool',
    }));
    const next = withGap(many, { from: 50_000, to: 50_001, reason: 'limit' });
    expect(next).toHaveLength(LIMITS.logGaps);
    expect(next.at(-1)).toEqual({ from: (LIMITS.logGaps - 1) * 10, to: 50_001, reason: 'limit' });
  });

  test('what is written beside a log is read back; anything else is nothing', () => {
    expect(parseLogMeta(formatLogMeta({ gaps, total: 100 }))).toEqual({ gaps, total: 100 });
    expect(parseLogMeta(formatLogMeta({ gaps: [], total: null }))).toEqual({ gaps: [], total: null });
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"gaps":[{"from":3,"to":3,"reason":"limit"}]}',
      '{"gaps":[{"from":1,"to":3,"reason":"x"}]}',
    ])
      expect(parseLogMeta(text)).toBeNull();
  });
});
