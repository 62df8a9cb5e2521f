/** The thread that looks for lines. One message is a piece of text that ends with a line; answered with where the lines are that match. */
import { parentPort } from 'node:worker_threads';
import { RE2JS } from 're2js';
import type { SearchPiece, SearchedPiece } from './log-search.ts';
import { lineText } from './log-lines.ts';

const port = parentPort!;
const LINE_END = 10;
const CARRIAGE_RETURN = 13;
const EXPRESSIONS_KEPT = 8;
const expressions = new Map<string, RE2JS>();

port.on('message', (piece: SearchPiece) => {
  const bytes = Buffer.from(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length);
  const found = piece.wanted.kind === 'text' ? findText(bytes, piece) : findMatches(bytes, piece);
  const lines = Uint32Array.from(found);
  const answer: SearchedPiece = { id: piece.id, bytes: piece.bytes, lines };
  port.postMessage(answer, [piece.bytes.buffer as ArrayBuffer, lines.buffer]);
});

/** Begin and end of each line that contains the text: it is looked for in all lines at once. */
function findText(bytes: Buffer, { wanted, missing }: SearchPiece): number[] {
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

function findMatches(bytes: Buffer, { wanted, missing }: SearchPiece): number[] {
  const expression = expressionOf(wanted.pattern);
  if (missing > 0) return expression.test(lineText(bytes, missing)) ? [0, bytes.length] : [];
  const found: number[] = [];
  for (let begin = 0; begin <= bytes.length;) {
    const next = bytes.indexOf(LINE_END, begin);
    const end = next === -1 ? bytes.length : next;
    if (expression.test(textBetween(bytes, begin, end))) found.push(begin, end);
    begin = end + 1;
  }
  return found;
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
