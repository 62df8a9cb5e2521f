import { expect, test } from 'vitest';
import type { VaultKey } from './keys.ts';
import { createVault, NoKey, type Place } from './seal.ts';

const keyOf = (id: string, byte: number): VaultKey => ({ id, bytes: Buffer.alloc(32, byte) });
const old = keyOf('old', 1);
const fresh = keyOf('fresh', 2);
const place: Place = { kind: 'secret', projectId: 7, name: 'db' };

test('what is sealed opens again at its place; the same value is never sealed the same way', () => {
  const vault = createVault([old]);
  for (const value of ['s3cret', '', 'ä€😀\n'.repeat(1000)]) {
    const sealed = vault.seal(value, place);
    expect(vault.open(sealed, place)).toEqual({ kind: 'open', value });
    expect(vault.seal(value, place)).not.toBe(sealed);
  }
  expect(vault.seal('s3cret', place)).toMatch(/^1\.old\.[A-Za-z0-9+/]+=*$/);
});

test('at any other place it does not open', () => {
  const vault = createVault([old]);
  const sealed = vault.seal('s3cret', place);
  const others: Place[] = [
    { ...place, kind: 'connection' },
    { ...place, projectId: 8 },
    { ...place, name: 'dB' },
  ];
  for (const other of others)
    expect(vault.open(sealed, other)).toEqual({
      kind: 'closed',
      reason: 'is damaged, or was sealed for another place',
    });
});

test('one changed character, wherever, and it does not open', () => {
  const vault = createVault([old]);
  const sealed = vault.seal('s3cret', place);
  const start = '1.old.'.length;
  for (let at = start; at < sealed.length; at++) {
    // The last character before padding holds bits that base64 ignores.
    const char = sealed[at] === 'A' ? 'z' : 'A';
    const bytes = Buffer.from(`${sealed.slice(start, at)}${char}${sealed.slice(at + 1)}`, 'base64');
    if (bytes.equals(Buffer.from(sealed.slice(start), 'base64'))) continue;
    expect(vault.open(`1.old.${bytes.toString('base64')}`, place).kind).toBe('closed');
  }
  for (const text of ['', '1.old.', '1.old.AAAA', 'x', '2.old.AAAA'])
    expect(vault.open(text, place).kind).toBe('closed');
});

test('the first key seals, all open; a missing key is named, and nothing of the value is', () => {
  const sealed = createVault([old]).seal('s3cret', place);
  const both = createVault([fresh, old]);
  expect(both.open(sealed, place)).toEqual({ kind: 'open', value: 's3cret' });
  expect([both.isCurrent(sealed), both.canOpen(sealed)]).toEqual([false, true]);
  const again = both.seal('s3cret', place);
  expect(both.isCurrent(again)).toBe(true);
  expect(createVault([old]).open(again, place)).toEqual({
    kind: 'closed',
    reason: 'was sealed under key fresh, and PELORUS_SECRET_KEY does not hold that one',
  });
  // Another key under the same name opens nothing either.
  expect(createVault([keyOf('fresh', 3)]).open(again, place).kind).toBe('closed');
});

test('without a key nothing is sealed, and what is sealed says what is missing', () => {
  const none = createVault([]);
  expect(none.isReady).toBe(false);
  expect(() => none.seal('s3cret', place)).toThrow(NoKey);
  expect(none.open(createVault([old]).seal('s3cret', place), place)).toEqual({
    kind: 'closed',
    reason: 'cannot be read: there is no PELORUS_SECRET_KEY',
  });
});
