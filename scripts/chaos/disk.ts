/**
 * Disks of a size of their own, so that they can be full: an ext4 image for the database (where fsync means something), tmpfs for workers. They
 * need root; without it everything is on the disk that there is, and disks are never full.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Disk {
  readonly directory: string;
  /** False: it shares the machine's disk, and cannot be filled. */
  readonly isOwn: boolean;
  /** Leaves next to no room. */
  fill(): Promise<void>;
  free(): void;
  unmount(): Promise<void>;
}

/** `kind` image: `<directory>.ext4`, mounted. */
export async function makeDisk(kind: 'image' | 'memory', directory: string, bytes: number): Promise<Disk> {
  mkdirSync(directory, { recursive: true });
  if (process.getuid?.() !== 0) return plain(directory);
  try {
    if (kind === 'memory') await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory]);
    else await mountImage(directory, bytes);
  } catch {
    return plain(directory);
  }
  const filler = join(directory, 'filler');
  return {
    directory,
    isOwn: true,
    fill: async () => {
      const { bavail, bsize } = statfsSync(directory);
      await run('fallocate', ['-l', String(Math.max(bavail * bsize - KEPT_FREE_BYTES, 1)), filler]).catch(() =>
        writeFileSync(filler, ''),
      );
    },
    free: () => rmSync(filler, { force: true }),
    unmount: async () => {
      await run('umount', [directory]).catch(() => run('umount', ['-l', directory]));
      rmSync(`${directory}.ext4`, { force: true });
    },
  };
}

/** Enough for a directory entry, too little for work. */
const KEPT_FREE_BYTES = 16 * 1024;

async function mountImage(directory: string, bytes: number): Promise<void> {
  const image = `${directory}.ext4`;
  writeFileSync(image, '');
  await truncate(image, bytes);
  await run('mkfs.ext4', ['-q', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', image]);
  await run('mount', ['-o', 'loop', image, directory]);
}

function plain(directory: string): Disk {
  return {
    directory,
    isOwn: false,
    fill: async () => undefined,
    free: () => undefined,
    unmount: async () => undefined,
  };
}
