/** A sample of what `node packages/engine/test/cron-scan.ts --all` goes through. */
import { describe, expect, test } from 'vitest';
import { firesBetween, nextFire, parseCron } from '../src/cron/index.ts';
import { seeded } from './seeded.ts';
import { CASES, firesByScan, offsetsOf } from './cron-oracle.ts';
import { checkZone } from './cron-zone-check.ts';

const ODD = [
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Europe/Dublin',
  'Pacific/Kiritimati',
  'Antarctica/Troll',
];

test.each(ODD)('%s: fires are those of the scan, around changes of clocks from 1970 to 2040', (zone) => {
  const { changes, fires, differences } = checkZone(zone, seeded(7), { changesMax: 14 });
  expect({ zone, differences }).toEqual({ zone, differences: [] });
  expect(changes).toBeGreaterThan(1);
  expect(fires).toBeGreaterThan(1000);
});

test('so do three zones that a seed chooses', () => {
  const seed = Number(process.env['CRON_SEED'] ?? 20_260_310);
  const random = seeded(seed);
  const zones = Intl.supportedValuesOf('timeZone').filter((zone) => !ODD.includes(zone));
  for (let left = 3; left > 0; left -= 1) {
    const zone = zones[Math.floor(random() * zones.length)] ?? 'UTC';
    const { differences } = checkZone(zone, random, { changesMax: 8 });
    expect({ zone, seed, differences }).toEqual({ zone, seed, differences: [] });
  }
});

describe('the scan notices', () => {
  const from = Date.UTC(2026, 2, 7) / 1000;
  const to = Date.UTC(2026, 2, 10) / 1000;
  const daily = CASES.filter(({ cron }) => cron === '30 2 * * *');

  test('a time that was skipped, and one that was moved', () => {
    const stretches = offsetsOf('America/New_York', from - 86_400, to);
    const wrong = stretches.map(({ offset }) => ({ from: from - 86_400, offset })).slice(0, 1);
    expect(firesByScan(daily, stretches, from, to)).toEqual([
      [from + 27_000, from + 86_400 + 25_200, from + 2 * 86_400 + 23_400],
    ]);
    expect(firesByScan(daily, wrong, from, to)).not.toEqual(firesByScan(daily, stretches, from, to));
  });
});

describe('whatever instant is asked about', () => {
  test.each(CASES.map(({ cron }) => cron))('%s: the answer is later, and nothing was passed over', (text) => {
    const parsed = parseCron(text);
    if ('problems' in parsed) throw new Error(parsed.problems.join());
    const random = seeded(11);
    for (let asked = 0; asked < 60; asked += 1) {
      const zone = ODD[Math.floor(random() * ODD.length)] ?? 'UTC';
      const after = Math.floor(random() * Date.UTC(2040, 0, 1));
      const next = nextFire(parsed.cron, zone, after) ?? NaN;
      expect(next).toBeGreaterThan(after);
      expect(firesBetween(parsed.cron, zone, { from: after + 1, to: next, limit: 10 })).toEqual([next]);
      const later = firesBetween(parsed.cron, zone, { from: after, to: next + 40 * 86_400_000, limit: 50 });
      expect(later.every((fire, index) => index === 0 || fire > (later[index - 1] ?? Infinity))).toBe(true);
    }
  });
});
