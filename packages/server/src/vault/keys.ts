/**
 * The keys under which secrets are sealed, from the text of `PELORUS_SECRET_KEY`: one, or several separated by commas, of which
 * the first seals and all open.
 */
import { createHmac, scryptSync } from 'node:crypto';

export interface VaultKey {
  /** Names the key in what it has sealed; says nothing about the key. */
  id: string;
  bytes: Buffer;
}

/** 256 bits, for AES-256-GCM. */
const KEY_BYTES = 32;
/** A shorter text can be guessed. */
export const PASSPHRASE_CHARACTERS_MIN = 32;
export const KEYS_MAX = 8;
/** RFC 7914; 32 MiB and about a tenth of a second for each passphrase, once, as a process starts. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
/** A salt of its own for each installation would have to be kept with the key; a passphrase of that length needs none. */
const SALT = 'pelorus secret key 1';

/**
 * Each part is 32 bytes in base64, or else a passphrase of at least 32 characters. Answers with a sentence that says what is wrong,
 * without the text itself.
 */
export function parseKeys(text: string): VaultKey[] | string {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > KEYS_MAX) return `holds ${parts.length} keys, more than ${KEYS_MAX}`;
  const short = parts.findIndex((part) => bytesIn(part) === null && part.length < PASSPHRASE_CHARACTERS_MIN);
  if (short !== -1) {
    const which = parts.length === 1 ? 'is' : `holds a key (number ${short + 1}) that is`;
    return `${which} neither 32 bytes in base64 nor a text of at least ${PASSPHRASE_CHARACTERS_MIN} characters`;
  }
  const keys = new Map(parts.map((part) => keyOf(part)).map((key) => [key.id, key]));
  return [...keys.values()];
}

function keyOf(part: string): VaultKey {
  const bytes = bytesIn(part) ?? scryptSync(part, SALT, KEY_BYTES, SCRYPT);
  const id = createHmac('sha256', bytes).update('pelorus key id').digest('hex').slice(0, 12);
  return { id, bytes };
}

/** Base64 of exactly 32 bytes, with or without its `=`, also in the alphabet for addresses. */
function bytesIn(part: string): Buffer | null {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(part)) return null;
  const bytes = Buffer.from(part, 'base64');
  return bytes.length === KEY_BYTES ? bytes : null;
}
