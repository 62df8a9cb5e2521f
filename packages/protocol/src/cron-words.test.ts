import { expect, test } from 'vitest';
import { cronInWords } from './cron-words.ts';

test.each([
  ['0 6 * * 1', 'At 06:00, only on Monday', '在06:00，仅星期一'],
  ['0 6 * * 7', 'At 06:00, only on Sunday', '在06:00，仅星期日'],
  ['0 0 6 ? * 1', 'At 06:00, only on Sunday', '在06:00，仅星期日'],
  ['0 0 6 ? * 2-6', 'At 06:00, Monday through Friday', '在06:00，星期一至星期五'],
  ['0 15 2 ? * MON 2030', 'At 02:15, only on Monday, only in 2030', '在02:15，仅星期一，仅于 2030 年'],
  ['0 0 6 ? * 6#3', 'At 06:00, on the third Friday of the month', '在06:00，限每月的第三个星期五'],
  ['0 0 6 ? * 6L', 'At 06:00, on the last Friday of the month', '在06:00，限每月的最后一个星期五'],
  ['0 0 6 LW * ?', 'At 06:00, on the last weekday of the month', '在06:00，限每月的最后一个工作日'],
  ['0 0/5 14 * * ?', 'Every 5 minutes, between 14:00 and 14:59', '每隔 5 分钟，在 14:00 和 14:59 之间'],
  ['0 6 13 * 5', 'At 06:00, on day 13 of the month, and on Friday', '在06:00，限每月 13 号，或者为星期五'],
  ['0 6 */2 * 1', 'At 06:00, every 2 days in a month, only on Monday', '在06:00，每隔 2 天，仅星期一'],
  ['@daily', 'At 00:00', '在00:00'],
  [' 5  4 * * * ', 'At 04:05', '在04:05'],
])('%s', (cron, english, chinese) => {
  expect([cronInWords(cron, 'en'), cronInWords(cron, 'zh')]).toEqual([english, chinese]);
});

test.each(['', 'soon', '* * *', '99 * * * *', '@reboot', '* * * * * * * *', `${'1,'.repeat(600)}1 * * * *`])(
  'there are no words for %j',
  (cron) => expect(cronInWords(cron, 'en')).toBeNull(),
);
