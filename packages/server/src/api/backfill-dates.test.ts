import { expect, test } from 'vitest';
import { datesIn, wrongCrontab } from './backfill-dates.ts';

test.each([
  '* * *',
  '61 * * * *',
  '2026-03-29T00:00:00',
  'a b c d e',
  '*/0 * * * *',
  '1,,2 * * * *',
  '0 0 0 0 0 0 0 0',
])('%s is no crontab', (crontab) => expect(wrongCrontab(crontab)).toEqual(expect.any(String)));

test.each(['0 2 * * *', ' 0 2 * * 7 ', '0 0 2 ? * 1', '0 0/5 2 L * ? 2026', '@daily', '0 0 2 ? * MON#1'])(
  '%s is one',
  (crontab) => expect(wrongCrontab(crontab)).toBeNull(),
);

test('daily dates keep the milliseconds of the first', async () => {
  const dates = await datesIn({ startAt: 1250, endAt: 2 * 86_400_000 + 1249, crontab: null, zone: 'UTC' });
  expect(dates).toEqual([1250, 86_401_250]);
});
