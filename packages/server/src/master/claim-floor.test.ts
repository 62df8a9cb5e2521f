import { commandIdOf } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { ClaimFloor } from './claim-floor.ts';

const id = commandIdOf;

test('looks begin behind what was read half a minute ago, each minute with whatever there is', () => {
  const floor = new ClaimFloor();
  const begins: [at: number, from: number | null][] = [];
  for (let second = 0; second <= 61; second++) {
    begins.push([second, floor.from(second * 1_000)]);
    floor.complete(id(100 * (second + 1)), second * 1_000);
  }
  const changes = begins.filter(([, from], i) => i === 0 || from !== begins[i - 1]![1]);
  expect(changes.slice(0, 3)).toEqual([
    [0, null],
    [30, 100],
    [31, 200],
  ]);
  expect(begins.slice(59)).toEqual([
    [59, 3_000],
    [60, null],
    [61, 3_200],
  ]);
});

test('when runs come from others, looks begin with whatever there is', () => {
  const floor = new ClaimFloor();
  floor.from(0);
  floor.complete(id(100), 0);
  expect(floor.from(30_000)).toBe(100);
  floor.forget();
  expect([floor.from(30_001), floor.from(30_002)]).toEqual([null, null]);
});
