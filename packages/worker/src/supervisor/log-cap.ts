/**
 * Keeps an attempt's log within its limit without touching the task, which writes to the file itself. When the file is
 * too long it is cut back to its first half, a line marks the gap, and the task goes on appending after it: so a log is
 * its beginning, the mark, and the latest output. What a reader has read of the beginning stays where it was. How much is
 * missing is written down beside the log, so that offsets behind the gap go on counting every byte.
 */
import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { heldBefore, logSize, offsetOfHeld, withGap } from '@pelorus/protocol/vocabulary';
import { readLogGaps, writeLogGaps } from '../attempt-log.ts';

/** Cuts the log if it exceeds the limit. */
export function capLog(logPath: string, limitBytes: number): void {
  const heldBytes = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  if (heldBytes <= limitBytes) return;
  const gaps = readLogGaps(logPath);
  const from = offsetOfHeld(Math.floor(limitBytes / 2), gaps);
  const cut = withGap(gaps, { from, to: logSize(heldBytes, gaps), reason: 'limit' });
  const gap = cut.at(-1);
  if (gap === undefined) return;
  try {
    truncateSync(logPath, heldBefore(gap.from, gaps));
    writeLogGaps(logPath, cut);
    appendFileSync(
      logPath,
      `\n[pelorus] the log reached its limit of ${limitBytes} bytes; ${gap.to - gap.from} bytes are missing here\n`,
    );
  } catch {
    // A full disk must not change how an attempt ends.
  }
}
