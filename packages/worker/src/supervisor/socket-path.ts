import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** `sun_path` holds 108 bytes on Linux, 104 on macOS, with the ending zero. */
const SOCKET_PATH_BYTES = 100;

/**
 * Where the supervisor of a data directory listens: inside it, or, when that path is too long for a socket, in a
 * directory of the user's own under the system's temporary directory, named by a hash of the data directory.
 * Throws when that directory exists and belongs to somebody else.
 */
export function supervisorSocketPath(dataDir: string): string {
  const inside = join(resolve(dataDir), 'supervisor.sock');
  if (Buffer.byteLength(inside) <= SOCKET_PATH_BYTES) return inside;
  const { uid } = userInfo();
  const hash = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 24);
  const base = [tmpdir(), '/tmp'].find((dir) => Buffer.byteLength(dir) <= SOCKET_PATH_BYTES - 60) ?? '/tmp';
  const directory = join(base, `pelorus-${uid}-${hash}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  const foreign = !found.isDirectory() || (uid >= 0 && found.uid !== uid) || (found.mode & 0o077) !== 0;
  if (foreign)
    throw new Error(
      `${directory} is not a private directory of this user; remove it or choose a shorter data directory`,
    );
  return join(directory, 's.sock');
}

/** Removes the directory that was made for a socket outside of its data directory. */
export function removeSocketDirectory(dataDir: string, socketPath: string): void {
  const directory = dirname(socketPath);
  if (directory !== resolve(dataDir)) rmSync(directory, { recursive: true, force: true });
}
