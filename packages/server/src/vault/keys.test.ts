import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseKeys } from './keys.ts';

const base64 = randomBytes(32).toString('base64');
const passphrase = 'correct horse battery staple and so on';

test('32 bytes in base64 are the key itself, in either alphabet, with or without padding', () => {
  const bytes = Buffer.from(base64, 'base64');
  for (const text of [base64, base64.replace('=', ''), bytes.toString('base64url'), ` ${base64}\n`])
    expect(parseKeys(text)).toEqual([{ id: expect.stringMatching(/^[0-9a-f]{12}$/) as string, bytes }]);
});

test('a passphrase gives the same key again, and another one another', () => {
  const [one] = parseKeys(passphrase) as { id: string; bytes: Buffer }[];
  expect(one?.bytes).toHaveLength(32);
  expect(parseKeys(passphrase)).toEqual([one]);
  expect(parseKeys(`${passphrase}!`)).not.toEqual([one]);
});

test('several keys keep their order; one given twice counts once', () => {
  const keys = parseKeys(`${passphrase},${base64},${passphrase}`) as { id: string }[];
  expect(keys.map(({ id }) => id)).toEqual([
    ...(parseKeys(passphrase) as { id: string }[]).map(({ id }) => id),
    ...(parseKeys(base64) as { id: string }[]).map(({ id }) => id),
  ]);
});

test('what is too short is refused without being quoted', () => {
  expect(parseKeys('too-short-to-be-a-key')).toBe('is neither 32 bytes in base64 nor a text of at least 32 characters');
  expect(parseKeys('')).toMatch(/^is neither/);
  const several = parseKeys(`${base64},hunter2`);
  expect(several).toBe(
    'holds a key (number 2) that is neither 32 bytes in base64 nor a text of at least 32 characters',
  );
  expect(parseKeys(Array.from({ length: 9 }, () => base64).join(','))).toBe('holds 9 keys, more than 8');
});
