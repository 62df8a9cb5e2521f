/**
 * Texts that must survive the supervisor on disk without being readable there: AES-256-GCM under a key that is kept where
 * nothing reaches the disk. Where there is no such place the key dies with this process, and what it sealed with it.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** A file system in memory, on Linux. */
const MEMORY_DIRECTORY = '/dev/shm';

export class Seal {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** The seal of a data directory, the same one until the host restarts or {@link removeSealKey}. */
  static of(dataDir: string): Seal {
    const path = keyPath(dataDir);
    return new Seal(readKey(path) ?? makeKey(path));
  }

  seal(text: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
  }

  /** Null for what was sealed with another key. */
  open(sealed: string): string | null {
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < IV_BYTES + TAG_BYTES) return null;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}

/** For when nothing sealed is needed any more. */
export function removeSealKey(dataDir: string): void {
  rmSync(keyPath(dataDir), { force: true });
}

function keyPath(dataDir: string): string {
  const hash = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 24);
  return join(MEMORY_DIRECTORY, `pelorus-${userInfo().uid}-${hash}.key`);
}

/** Only a file of this user's that nobody else can read is a key. */
function readKey(path: string): Buffer | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const ours = found?.isFile() && found.uid === userInfo().uid && (found.mode & 0o077) === 0;
  const key = ours ? readFileSync(path) : null;
  return key?.length === KEY_BYTES ? key : null;
}

function makeKey(path: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  try {
    rmSync(path, { force: true });
    writeFileSync(path, key, { mode: 0o600, flag: 'wx' });
  } catch {
    // No such place, or somebody else's file: the key is this process's alone.
  }
  return key;
}
