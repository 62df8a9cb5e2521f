/**
 * A log as people read it: its bytes, and in the place of each gap a line that says what is missing.
 *
 * Positions count the bytes of this text; offsets count those that the task wrote. Offsets are what clients get, because they
 * never move; positions are what is read by.
 */
import type { AttemptId, LogGap, LogGapReason } from '@pelorus/protocol';
import { Recent, type LogStat, type LogStore } from '../logs/index.ts';

export interface LogText {
  /** In bytes. */
  readonly length: number;
  /** Another text here: what is known of the lines does not hold any more. */
  readonly identity: string;
  /** Up to `length` bytes from a position on, at least one unless there is none; in memory of their own. */
  read(position: number, length: number): Promise<Uint8Array>;
  offsetAt(position: number): number;
  positionAt(offset: number): number;
}

/** A stretch of the text that is either read from the log, or stands for a gap. */
interface Stretch {
  /** Where it begins in the text. */
  at: number;
  length: number;
  /** Offsets: of its first byte, and behind its last. */
  from: number;
  to: number;
  /** Null: it is read. */
  mark: Buffer | null;
}

export interface LogTexts {
  /** The text of a log as it is now; null when there is none. */
  open(attempt: AttemptId): Promise<{ text: LogText; stat: LogStat } | null>;
}

const LINE_END = 10;
const TEXTS_KEPT = 1000;

export function createLogTexts(logs: LogStore): LogTexts {
  /** Stretches up to the last gap: they do not change when a log grows. */
  const known = new Recent<string, Stretch[]>(TEXTS_KEPT);

  async function stretchesOf(attempt: AttemptId, stat: LogStat): Promise<Stretch[]> {
    const key = `${attempt} ${stat.generation} ${JSON.stringify(stat.gaps)}`;
    const found = stat.gaps.length === 0 ? [] : known.get(key);
    const stretches = found ?? (await makeStretches(logs, attempt, stat.gaps));
    if (found === undefined) known.set(key, stretches);
    return withRest(stretches, stat);
  }

  return {
    open: async (attempt) => {
      const stat = await logs.stat(attempt);
      if (stat === null) return null;
      const stretches = await stretchesOf(attempt, stat);
      return { stat, text: textOf(stretches, identityOf(stat), (from, length) => logs.read(attempt, from, length)) };
    },
  };
}

/** Bytes of a text between two positions: all of them, unless the text has become shorter. */
export async function readText(text: LogText, from: number, to: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let at = from; at < to;) {
    const part = await text.read(at, to - at);
    if (part.length === 0) break;
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}

function identityOf({ generation, gaps }: LogStat): string {
  return gaps.length === 0 ? generation : `${generation} ${JSON.stringify(gaps)}`;
}

async function makeStretches(logs: LogStore, attempt: AttemptId, gaps: readonly LogGap[]): Promise<Stretch[]> {
  const endsLine = await Promise.all(
    gaps.map(async ({ from }, index) => {
      if (from === 0 || gaps[index - 1]?.to === from) return true;
      return (await logs.read(attempt, from - 1, 1))[0] === LINE_END;
    }),
  );
  const stretches: Stretch[] = [];
  let at = 0;
  let offset = 0;
  const add = (from: number, to: number, mark: Buffer | null): void => {
    const length = mark?.length ?? to - from;
    if (length > 0) stretches.push({ at, length, from, to, mark });
    at += length;
  };
  for (const [index, gap] of gaps.entries()) {
    add(offset, gap.from, null);
    const text = gapText(gap);
    // The end of the broken line belongs to the line, so that who reads on behind it comes to the mark.
    if (text !== '' && endsLine[index] !== true) add(gap.from, gap.from, Buffer.from('\n'));
    add(gap.from, gap.to, Buffer.from(text));
    offset = gap.to;
  }
  return stretches;
}

const WHY: Record<LogGapReason, string | null> = {
  // The log says it itself, where it goes on.
  limit: null,
  spool: 'the worker had no more room to keep them until they could be shipped',
  truncated: 'the task emptied its own log',
  unreadable: 'the worker could not read them',
};

/** One line, with its end. */
function gapText({ from, to, reason }: LogGap): string {
  const why = WHY[reason];
  return why === null ? '' : `--- ${(to - from).toLocaleString('en-US')} bytes missing: ${why} ---\n`;
}

function withRest(stretches: readonly Stretch[], { gaps, size }: LogStat): Stretch[] {
  const last = stretches.at(-1);
  const at = last === undefined ? 0 : last.at + last.length;
  const from = gaps.at(-1)?.to ?? 0;
  return size > from ? [...stretches, { at, length: size - from, from, to: size, mark: null }] : [...stretches];
}

function textOf(
  stretches: readonly Stretch[],
  identity: string,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): LogText {
  const last = stretches.at(-1);
  const length = last === undefined ? 0 : last.at + last.length;
  return {
    length,
    identity,
    read: async (position, wanted) => {
      const stretch = stretches.find(({ at, length: own }) => position < at + own);
      if (stretch === undefined) return new Uint8Array();
      const within = position - stretch.at;
      if (stretch.mark !== null) return Uint8Array.from(stretch.mark.subarray(within, within + wanted));
      return read(stretch.from + within, Math.min(wanted, stretch.length - within));
    },
    offsetAt: (position) => {
      const stretch = stretches.find(({ at, length: own }) => position < at + own);
      if (stretch === undefined) return last?.to ?? 0;
      if (stretch.mark === null) return stretch.from + position - stretch.at;
      return position === stretch.at ? stretch.from : stretch.to;
    },
    positionAt: (offset) => {
      const stretch = stretches.find(({ to }) => offset < to);
      if (stretch === undefined) return length;
      return stretch.mark === null ? stretch.at + Math.max(0, offset - stretch.from) : stretch.at;
    },
  };
}
