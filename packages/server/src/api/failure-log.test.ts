/** A store that is away for a minute does not fill the disk of the API with its log. */
import { expect, test } from 'vitest';
import { createFailureLog } from './failure-log.ts';

test('mistakes are all told; of what is not available one a second, with how many there were', () => {
  const lines: unknown[] = [];
  const tell = (level: string) => (fields: object) => void lines.push({ level, ...fields });
  let now = 0;
  const failed = createFailureLog({ info: tell('info'), warn: tell('warn'), error: tell('error') }, () => now);
  const away = { error: new Error('away'), code: 'STORE_UNAVAILABLE' as const, method: 'GET', path: '/runs' };
  for (; now < 2_000; now += 100) failed(away);
  const bug = { error: new Error('bug'), code: 'INTERNAL' as const, method: 'GET', path: '/runs' };
  failed(bug);
  failed(bug);
  failed(away);
  const line = { level: 'warn', reason: 'away', code: 'STORE_UNAVAILABLE', method: 'GET', path: '/runs' };
  const mistake = { level: 'error', err: bug.error, code: 'INTERNAL', method: 'GET', path: '/runs' };
  expect(lines).toEqual([line, { ...line, othersBefore: 9 }, mistake, mistake, { ...line, othersBefore: 9 }]);
});
