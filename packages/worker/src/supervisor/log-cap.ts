/**
 * Keeps an attempt's log within its limit without touching the task, which writes to the file itself. When the file is
 * too long it is cut back to its first half, a line marks the gap, and the task goes on appending after it: so a log is
 * its beginning, the mark, and the latest output. What a reader has read of the beginning stays where it was.
 */
import { appendFileSync, statSync, truncateSync } from 'node:fs';

/** Cuts the log if it exceeds the limit; returns how many bytes that dropped. */
export function capLog(logPath: string, limitBytes: number, droppedBefore: number): number {
  const size = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= limitBytes) return 0;
  const keep = Math.floor(limitBytes / 2);
  const dropped = size - keep;
  try {
    truncateSync(logPath, keep);
    appendFileSync(
      logPath,
      `\n[pelorus] the log reached its limit of ${limitBytes} bytes; ${droppedBefore + dropped} bytes are missing here\n`,
    );
  } catch {
    return 0;
  }
  return dropped;
}
