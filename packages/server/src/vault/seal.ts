/**
 * Sealing: AES-256-GCM under the first key, with a random nonce, bound to the place where the value is kept. What is sealed is
 * `1.<key id>.<base64 of nonce, ciphertext and tag>`.
 *
 * Invariants
 * 1. A value opens only at the place (project, kind, name) that it was sealed for: rows cannot be swapped or copied.
 * 2. No error holds a value or a key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { VaultKey } from './keys.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = '1';

/** Where a sealed value is kept. */
export interface Place {
  kind: 'secret' | 'connection' | 'alert-channel';
  /** 0: of no project. */
  projectId: number;
  name: string;
}

export type Opened = { kind: 'open'; value: string } | { kind: 'closed'; reason: string };

export class NoKey extends Error {
  constructor() {
    super(
      'this server has no key for secrets: start it with PELORUS_SECRET_KEY (32 bytes in base64, or 32 characters and more)',
    );
    this.name = 'NoKey';
  }
}

export interface Vault {
  /** Whether it has a key. */
  readonly isReady: boolean;
  /** Throws `NoKey`. */
  seal(value: string, place: Place): string;
  /** `closed`, with a sentence that names what is missing, where no key fits. */
  open(sealed: string, place: Place): Opened;
  /** Whether there is the key that it needs. */
  canOpen(sealed: string): boolean;
  /** Sealed under the first key. */
  isCurrent(sealed: string): boolean;
}

/** Without keys nothing can be sealed or opened. */
export function createVault(keys: readonly VaultKey[]): Vault {
  const byId = new Map(keys.map((key) => [key.id, key]));
  const [first] = keys;
  return {
    isReady: first !== undefined,
    seal: (value, place) => {
      if (first === undefined) throw new NoKey();
      return `${FORMAT}.${first.id}.${encrypt(first, value, place)}`;
    },
    open: (sealed, place) => {
      const { format, keyId, bytes } = partsOf(sealed);
      const key = byId.get(keyId);
      if (format !== FORMAT) return closed('was sealed in a way that this version does not know');
      if (key === undefined) {
        return closed(
          first === undefined
            ? 'cannot be read: there is no PELORUS_SECRET_KEY'
            : `was sealed under key ${keyId}, and PELORUS_SECRET_KEY does not hold that one`,
        );
      }
      const value = decrypt(key, bytes, place);
      return value === null ? closed('is damaged, or was sealed for another place') : { kind: 'open', value };
    },
    canOpen: (sealed) => byId.has(partsOf(sealed).keyId),
    isCurrent: (sealed) => partsOf(sealed).keyId === first?.id,
  };
}

function closed(reason: string): Opened {
  return { kind: 'closed', reason };
}

function partsOf(sealed: string): { format: string; keyId: string; bytes: Buffer } {
  const [format = '', keyId = '', base64 = ''] = sealed.split('.');
  return { format, keyId, bytes: Buffer.from(base64, 'base64') };
}

/** What the ciphertext is bound to. */
function bindingOf({ kind, projectId, name }: Place): Buffer {
  return Buffer.from(JSON.stringify([kind, projectId, name]));
}

function encrypt(key: VaultKey, value: string, place: Place): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bindingOf(place));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64');
}

function decrypt(key: VaultKey, bytes: Buffer, place: Place): string | null {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bindingOf(place));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}
