/**
 * Hashes of passwords: argon2id, in the text form that other programs use as well, so that the costs can be raised later.
 * Owns: the queue before the hashing threads. Invariant: at most `passwordsAtOnce` hashes are computed at once and at
 * most `passwordQueue` wait, so that signing in can neither eat the memory nor take all threads from reading files.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';

export interface Passwords {
  /** Throws `TOO_MANY_REQUESTS` when too many are waiting already; so does `fits`. */
  hash(password: string): Promise<string>;
  /** False, after the same time, also for `stored` null: there is no such user, or no password. */
  fits(password: string, stored: string | null): Promise<boolean>;
}

/** The second of OWASP's equivalent settings: memory in KiB, passes, lanes. */
const COSTS: Costs = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const TAG_BYTES = 32;

interface Costs {
  memory: number;
  passes: number;
  parallelism: number;
}

interface Stored extends Costs {
  salt: Buffer;
  tag: Buffer;
}

const derive = promisify(argon2);

/** Other `costs` are for tests, which hash very much. */
export function createPasswords(costs: Costs = COSTS): Passwords {
  const inTurn = createTurns();
  const nobody: Stored = { ...costs, salt: randomBytes(SALT_BYTES), tag: randomBytes(TAG_BYTES) };
  return {
    hash: (password) =>
      inTurn(async () => {
        const salt = randomBytes(SALT_BYTES);
        return format({ ...costs, salt, tag: await tagOf(password, { ...costs, salt, tagLength: TAG_BYTES }) });
      }),
    fits: (password, stored) =>
      inTurn(async () => {
        const known = stored === null ? nobody : parse(stored);
        const tag = await tagOf(password, { ...known, tagLength: known.tag.length });
        return timingSafeEqual(tag, known.tag) && stored !== null;
      }),
  };
}

function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < API_LIMITS.passwordsAtOnce) running += 1;
    else await queued(waiting);
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The turn is handed on, not given back and taken.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

function queued(waiting: (() => void)[]): Promise<void> {
  if (waiting.length >= API_LIMITS.passwordQueue)
    throw new ApiFailure('TOO_MANY_REQUESTS', 'too many people are signing in at this moment', {
      retryAfterSeconds: API_LIMITS.retryAfterSeconds,
    });
  return new Promise((resolve) => waiting.push(resolve));
}

/** Keyboards differ in how they compose letters; what is typed is the same. */
function tagOf(
  password: string,
  { salt, memory, passes, parallelism, tagLength }: Costs & { salt: Buffer; tagLength: number },
): Promise<Buffer> {
  return derive('argon2id', {
    ...{ message: Buffer.from(password.normalize('NFC')), nonce: salt, memory, passes, parallelism, tagLength },
  });
}

function format({ memory, passes, parallelism, salt, tag }: Stored): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

const FORM = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function parse(text: string): Stored {
  const [, memory, passes, parallelism, salt, tag] = FORM.exec(text) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('a stored password is no argon2id hash');
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}
