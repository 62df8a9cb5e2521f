/**
 * A text as encoders write it, found character by character: each one may stand as it is, percent-encoded (a space also as `+`) or
 * as an escape of JSON and of programming languages. Which characters an encoder leaves alone differs from one to the next and
 * addresses pass through several, so listing whole forms misses some: `encodeURIComponent` leaves `'`, and the URL parser
 * after it does not.
 */

/** How much of the text is there: all of it in `length` bytes; or not, after `length` bytes and `characters` characters. */
export type Progress = { kind: 'whole' | 'partly' | 'not'; length: number; characters: number };

interface Character {
  point: number;
  utf8: Buffer;
}

const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const LETTERS = new Map(
  Object.entries({ n: 10, t: 9, r: 13, b: 8, f: 12, v: 11, a: 7, 0: 0, e: 27 }).map(([letter, point]) => [
    letter.charCodeAt(0),
    point,
  ]),
);
/** The escapes that are followed by digits, and how many. */
const DIGITS = new Map([
  ['x'.charCodeAt(0), 2],
  ['u'.charCodeAt(0), 4],
  ['U'.charCodeAt(0), 8],
]);

export class EscapedText {
  readonly #characters: Character[];

  constructor(text: string) {
    this.#characters = Array.from(text, (char) => ({ point: char.codePointAt(0) ?? 0, utf8: Buffer.from(char) }));
  }

  get characterCount(): number {
    return this.#characters.length;
  }

  /** The different ways in which what is found may begin, each cut after `length` bytes. */
  beginnings(length: number): Set<string> {
    const whole = new Set<string>();
    let open = new Set(['']);
    for (const character of this.#characters) {
      const ways = waysToWrite(character);
      open = new Set([...open].flatMap((begun) => ways.map((way) => begun + way)));
      for (const text of open) if (text.length >= length && open.delete(text)) whole.add(text.slice(0, length));
      if (open.size === 0) break;
    }
    return whole;
  }

  /** How much of the text stands at `from`; `partly` when the bytes end before that is decided. */
  at(bytes: Buffer, from: number): Progress {
    let at = from;
    for (let index = 0; index < this.#characters.length; index += 1) {
      const length = lengthOf(this.#characters[index]!, bytes, at);
      if (length <= 0) return { kind: length < 0 ? 'partly' : 'not', length: bytes.length - from, characters: index };
      at += length;
    }
    return { kind: 'whole', length: at - from, characters: this.#characters.length };
  }
}

const UNDECIDED = -1;

/** How many bytes at `at` are the character; 0 when it is not there, {@link UNDECIDED} when more must be seen. */
function lengthOf(character: Character, bytes: Buffer, at: number): number {
  if (at >= bytes.length) return UNDECIDED;
  const first = bytes[at];
  if (first === BACKSLASH) return escapeLength(character, bytes, at) || rawLength(character, bytes, at);
  if (first === PERCENT) return percentLength(character, bytes, at) || rawLength(character, bytes, at);
  if (first === PLUS && character.point === SPACE) return 1;
  return rawLength(character, bytes, at);
}

function rawLength({ utf8 }: Character, bytes: Buffer, at: number): number {
  if (bytes[at] !== utf8[0]) return 0;
  if (utf8.length === 1) return 1;
  const length = Math.min(utf8.length, bytes.length - at);
  if (bytes.compare(utf8, 0, length, at, at + length) !== 0) return 0;
  return length === utf8.length ? length : UNDECIDED;
}

function percentLength({ utf8 }: Character, bytes: Buffer, at: number): number {
  for (const [index, byte] of utf8.entries()) {
    const start = at + index * 3;
    if (start < bytes.length && bytes[start] !== PERCENT) return 0;
    const value = hexAt(bytes, start + 1, 2);
    if (value === UNDECIDED) return UNDECIDED;
    if (value !== byte) return 0;
  }
  return utf8.length * 3;
}

function escapeLength({ point }: Character, bytes: Buffer, at: number): number {
  if (at + 1 >= bytes.length) return UNDECIDED;
  const letter = bytes[at + 1] ?? 0;
  const digits = DIGITS.get(letter);
  if (digits === undefined) return (LETTERS.get(letter) ?? letter) === point || letter === point ? 2 : 0;
  if (digits === 4 && bytes[at + 2] === '{'.charCodeAt(0)) return bracedLength(point, bytes, at);
  const value = hexAt(bytes, at + 2, digits);
  if (value === UNDECIDED) return UNDECIDED;
  if (value === point) return 2 + digits;
  if (digits !== 4 || point < 0x1_0000 || value !== highSurrogate(point)) return letter === point ? 2 : 0;
  const next = lengthOf({ point: lowSurrogate(point), utf8: NEVER }, bytes, at + 6);
  return next > 0 ? 6 + next : next;
}

/** `\u{…}` */
function bracedLength(point: number, bytes: Buffer, at: number): number {
  const written = `{${point.toString(16)}}`;
  const text = bytes.toString('latin1', at + 2, at + 2 + written.length).toLowerCase();
  if (written === text) return 2 + written.length;
  return at + 2 + written.length > bytes.length && written.startsWith(text) ? UNDECIDED : 0;
}

/** A half of a pair has no bytes of its own. */
const NEVER = Buffer.from([0xff]);

function hexAt(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index += 1) {
    if (index >= bytes.length) return UNDECIDED;
    const digit = Number.parseInt(String.fromCharCode(bytes[index] ?? 0), 16);
    if (Number.isNaN(digit)) return -2;
    value = value * 16 + digit;
  }
  return value;
}

function highSurrogate(point: number): number {
  return 0xd800 + ((point - 0x1_0000) >> 10);
}

function lowSurrogate(point: number): number {
  return 0xdc00 + ((point - 0x1_0000) & 0x3ff);
}

/** As latin1 text, one character for each byte. */
function waysToWrite({ point, utf8 }: Character): string[] {
  const raw = utf8.toString('latin1');
  const percent = Array.from(utf8, (byte) => `%${hex(byte, 2)}`).join('');
  const unit = point < 0x1_0000 ? point : highSurrogate(point);
  const escapes = [`\\u${hex(unit, 4)}`, `\\U${hex(point, 8)}`, `\\u{${point.toString(16)}}`];
  if (point < 0x100) escapes.push(`\\x${hex(point, 2)}`);
  if (point < 0x80 && !/[0-9A-Za-z]/.test(raw)) escapes.push(`\\${raw}`);
  for (const [letter, meant] of LETTERS) if (meant === point) escapes.push(`\\${String.fromCharCode(letter)}`);
  const both = [percent, ...escapes].flatMap((way) => [
    way,
    way.replace(/(?<=[%uUx{])[0-9a-f]+/g, (digits) => digits.toUpperCase()),
  ]);
  return [...new Set([raw, ...both, ...(point === SPACE ? ['+'] : [])])];
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
