/**
 * Pieces of a log as events. Every one is made of whole lines and its id is the offset behind them, so that whoever comes
 * back with it misses nothing and gets nothing twice. Lines that are too long are cut into several.
 */
import { LIMITS, type LogEvent } from '@pelorus/protocol';
import type { Recent } from '../logs/index.ts';
import type { Mask } from '../vault/index.ts';
import { API_LIMITS } from './limits.ts';
import { lineText } from './log-lines.ts';
import { readText, type LogText } from './log-text.ts';
import { eventFrame, type EventFrame } from './sse.ts';

export interface Batch {
  frame: EventFrame;
  /** With which it was made. */
  mask: Mask | null;
  end: number;
}

export interface BatchRequest {
  /** Behind what it has. */
  offset: number;
  /** Which lines are told; null: every one. */
  choose: ((lines: string[]) => Promise<string[]>) | null;
  mask: Mask | null;
  /** Nothing more will come: a last line without an end is told, too. */
  isOver: boolean;
}

/** What goes to a client that has everything up to an offset; null: there is nothing yet. */
export async function nextBatch(
  batches: Recent<number, Batch>,
  text: LogText,
  { offset, choose, mask, isOver }: BatchRequest,
): Promise<Batch | null> {
  const known = choose === null ? batches.get(offset) : undefined;
  if (known?.mask === mask) return known;
  const size = text.offsetAt(text.length);
  if (offset > size) return EMPTIED;
  const position = text.positionAt(offset);
  const wanted = Math.min(API_LIMITS.logEventBytes, text.length - position);
  const bytes = await readText(text, position, position + wanted);
  const isLast = isOver && position + bytes.length >= text.length;
  const { lines, length } = wholeLines(bytes, isLast);
  if (length === 0) return null;
  const end = text.offsetAt(position + length);
  const found = choose === null ? lines : await choose(lines);
  const shown = mask === null ? found : found.map((line) => mask.text(line));
  const batch = { frame: linesFrame({ lines: shown, startByte: offset, endByte: end }), end, mask };
  if (choose === null && !isLast) batches.set(offset, batch);
  return batch;
}

/** Lines that end in these bytes, or fill them, or are the last; and how many bytes they are. */
function wholeLines(bytes: Buffer, isLast: boolean): { lines: string[]; length: number } {
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length && lines.length < API_LIMITS.logEventLines) {
    const end = bytes.indexOf(LINE_END, at);
    const length = (end === -1 ? bytes.length : end) - at;
    if (length > LIMITS.logLineBytes) {
      const cut = characterEnd(bytes, at, LIMITS.logLineBytes);
      lines.push(lineText(bytes.subarray(at, cut), 0));
      at = cut;
      continue;
    }
    if (end === -1 && !isLast) break;
    lines.push(lineText(bytes.subarray(at, at + length), 0));
    at += length + (end === -1 ? 0 : 1);
  }
  return { lines, length: at };
}

const LINE_END = 10;

/** Not in the middle of a character, if there are characters. */
function characterEnd(bytes: Buffer, from: number, length: number): number {
  for (let end = from + length; end > from + length - 4; end -= 1) if (((bytes[end] ?? 0) & 0xc0) !== 0x80) return end;
  return from + length;
}

function linesFrame(data: Extract<LogEvent, { event: 'lines' }>['data']): EventFrame {
  return eventFrame({ id: String(data.endByte), event: 'lines', data });
}

/** A log written in place that its own task has emptied: whatever is there now is new. */
const EMPTIED: Batch = {
  frame: linesFrame({ lines: ['--- the log was emptied; what is in it now follows ---'], startByte: 0, endByte: 0 }),
  end: 0,
  mask: null,
};
