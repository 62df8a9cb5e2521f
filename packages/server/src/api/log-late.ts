/** What is said of a log whose end has not come though its attempt has ended: an empty or broken-off log says so. */
import { LOGIC_WORKER, type AttemptRecord } from '@pelorus/engine';
import type { LogStat, LogStore } from '../logs/index.ts';
import { API_LIMITS } from './limits.ts';

const ENDED: ReadonlySet<AttemptRecord['state']> = new Set(['succeeded', 'failed', 'killed', 'lost']);

export function hasEnded(record: AttemptRecord | null): record is AttemptRecord {
  return record !== null && ENDED.has(record.state);
}

/** A line to be shown behind the last one, or null where nothing is missing, or may still be on its way. */
export function noteOn(
  record: AttemptRecord,
  stat: LogStat | null,
  { logs, now }: { logs: Pick<LogStore, 'shipped'>; now: number },
): string | null {
  if (!logs.shipped || stat?.complete === true || !hasEnded(record) || record.worker === LOGIC_WORKER) return null;
  const isLate = record.state === 'lost' || now - (record.endedAt ?? 0) > API_LIMITS.logLateMs;
  return isLate ? lateNote(record) : null;
}

export function lateNote({ state, worker }: AttemptRecord): string {
  const why =
    state === 'lost'
      ? `worker ${worker} was lost before it was shipped`
      : `worker ${worker} has not shipped it yet, or was lost before it could`;
  return `--- the rest of this log is missing: ${why} ---`;
}
