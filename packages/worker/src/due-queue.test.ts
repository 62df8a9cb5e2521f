import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueQueue } from './due-queue.ts';

test('keys come out in the order in which they are due, and none before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (instants, now) => {
      const queue = new DueQueue<number>();
      for (const at of instants) queue.push(at, at);
      const taken: number[] = [];
      for (let due = queue.takeDue(now); due; due = queue.takeDue(now)) taken.push(due.at);
      expect(taken).toEqual(instants.filter((at) => at <= now).toSorted((a, b) => a - b));
      const left = instants.filter((at) => at > now);
      expect(queue.nextAt).toBe(left.length > 0 ? Math.min(...left) : Infinity);
    }),
  );
});

test('the earliest that do not count are dropped, up to the first that does', () => {
  const queue = new DueQueue<string>();
  for (const [index, key] of ['gone', 'gone', 'here', 'gone'].entries()) queue.push(index, key);
  queue.dropUnless(({ key }) => key === 'here');
  expect(queue.takeDue(3)).toEqual({ at: 2, key: 'here' });
  expect(queue.nextAt).toBe(3);
  queue.dropUnless(() => false);
  expect(queue.nextAt).toBe(Infinity);
});
