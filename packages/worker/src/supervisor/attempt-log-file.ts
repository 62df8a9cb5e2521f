import { appendFileSync, closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The directories of runs seen lately and when they were made or found, so that an attempt does not pay for making one that is
 * there. Shipped logs are deleted, and their directory an hour after the last of them: so this holds for less.
 */
const made = new Map<string, number>();
const MADE_MAX = 4096;
const MADE_HOLDS_MS = 600_000;

/** Makes the directory of a log file. Returns false when that is impossible; a task is not failed by its log. */
export function ensureLogDirectory(logPath: string): boolean {
  const directory = dirname(logPath);
  const now = performance.now();
  if (now - (made.get(directory) ?? -Infinity) < MADE_HOLDS_MS) return true;
  try {
    mkdirSync(directory, { recursive: true });
  } catch {
    return false;
  }
  if (made.size >= MADE_MAX) made.clear();
  made.set(directory, now);
  return true;
}

/** Appends one line of our own, marked as such. */
export function appendLogNotice(logPath: string, text: string): void {
  try {
    if (ensureLogDirectory(logPath)) appendFileSync(logPath, `[pelorus] ${text}\n`);
  } catch {
    // A full disk must not change how an attempt ends.
  }
}

/** The last `maxBytes` of a log, '' when there is none. */
export function readLogTail(logPath: string, maxBytes: number): string {
  const size = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return '';
  const file = openSync(logPath, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const length = readSync(file, buffer, 0, buffer.length, Math.max(0, size - maxBytes));
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
