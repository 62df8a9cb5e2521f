/**
 * A thread that looks for lines. One message is a piece of text that ends with a line, and where to begin in it; answered with where
 * the lines are that match, how far it came in a slice of time, and what that cost.
 */
import { parentPort } from 'node:worker_threads';
import { RE2JS } from 're2js';
import type { SearchedSlice, SearchSlice } from './log-search-threads.ts';
import { lineText } from './log-lines.ts';

const port = parentPort!;
const LINE_END = 10;
const CARRIAGE_RETURN = 13;
const EXPRESSIONS_KEPT = 8;
/** A slice is so long, and is looked at after so many bytes. */
const SLICE_MS = 20;
const LOOK_BYTES = 2048;
const expressions = new Map<string, RE2JS>();

port.on('message', (slice: SearchSlice) => {
  const workBefore = workMs();
  const bytes = Buffer.from(slice.bytes.buffer, slice.bytes.byteOffset, slice.bytes.length);
  const { found, next } =
    slice.wanted.kind === 'text' ? { found: findText(bytes, slice), next: null } : findMatches(bytes, slice);
  const lines = Uint32Array.from(found);
  const answer: SearchedSlice = { bytes: slice.bytes, lines, next, workMs: workMs() - workBefore };
  port.postMessage(answer, [slice.bytes.buffer as ArrayBuffer, lines.buffer]);
});

/** CPU time of this thread where Node can tell it; on older ones the time that passes, in slices that hardly wait. */
function workMs(): number {
  if (typeof process.threadCpuUsage !== 'function') return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Begin and end of each line that contains the text: it is looked for in all lines at once. */
function findText(bytes: Buffer, { wanted, missing }: SearchSlice): number[] {
  const needle = Buffer.from(wanted.pattern, 'utf8');
  const found: number[] = [];
  if (needle.includes(LINE_END)) return found;
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, found.at(-1))) {
    const begin = bytes.lastIndexOf(LINE_END, at) + 1;
    const end = bytes.indexOf(LINE_END, at);
    found.push(begin, end === -1 ? bytes.length : end);
    if (end === -1) break;
  }
  // A line that was cut is one; what it says of the rest is part of it.
  if (found.length === 0 && missing > 0 && lineText(bytes, missing).includes(wanted.pattern)) return [0, bytes.length];
  return found;
}

function findMatches(
  bytes: Buffer,
  { wanted, missing, begin: from }: SearchSlice,
): { found: number[]; next: number | null } {
  const expression = expressionOf(wanted.pattern);
  if (missing > 0) return { found: expression.test(lineText(bytes, missing)) ? [0, bytes.length] : [], next: null };
  const found: number[] = [];
  const endsAt = performance.now() + SLICE_MS;
  let lookAt = from + LOOK_BYTES;
  let begin = from;
  while (begin <= bytes.length) {
    const lineEnd = bytes.indexOf(LINE_END, begin);
    const end = lineEnd === -1 ? bytes.length : lineEnd;
    if (expression.test(textBetween(bytes, begin, end))) found.push(begin, end);
    begin = end + 1;
    if (begin < lookAt) continue;
    if (performance.now() >= endsAt) break;
    lookAt = begin + LOOK_BYTES;
  }
  return { found, next: begin <= bytes.length ? begin : null };
}

/** As `lineText`, in one go: this is where the time is spent. */
function textBetween(bytes: Buffer, begin: number, end: number): string {
  return bytes.toString('utf8', begin, end > begin && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
}

function expressionOf(pattern: string): RE2JS {
  const known = expressions.get(pattern);
  if (known !== undefined) return known;
  if (expressions.size >= EXPRESSIONS_KEPT) expressions.clear();
  const expression = RE2JS.compile(pattern);
  expressions.set(pattern, expression);
  return expression;
}
