/**
 * Replaces secrets by `***` in bytes that come in pieces. It owns the search, not what a secret looks like (forms.ts).
 *
 * Invariants of a {@link MaskStream}:
 * 1. However the bytes are cut, what comes out is the same, and no form of a secret is in it.
 * 2. Bytes that cannot be the beginning of a form are given out at once; no more than one pattern's length is held back.
 * 3. Forms that overlap or touch become one `***`.
 *
 * Looking for each form by itself costs a pass over the text per form, and an automaton over long keys costs megabytes: so
 * each position's next four bytes are looked up in a table of 64 KiB, and only where that says so are patterns compared.
 */
import { EscapedText, type Progress } from './escaped-text.ts';
import { formsOf, textsOf } from './forms.ts';

const STARS = Buffer.from('***');
const GRAM_BYTES = 4;
/** A longer form is looked for in pieces, so that this bounds what is held back and what one position costs. */
const PATTERN_CHARACTERS = 512;
const PIECE_CHARACTERS = 256;
/** An output that ends within a form: this much of it is not shown, or half of a shorter form. */
const TAIL_BYTES = 8;
const NOTHING = Buffer.alloc(0);

/** Something that is looked for. */
interface Pattern {
  /** What it may begin with: four bytes each, as latin1 text. */
  beginnings(length: number): Iterable<string>;
  at(bytes: Buffer, from: number): Progress;
  /** What a part is counted against. */
  readonly characterCount: number;
}

export class Mask {
  /** Patterns by the four bytes that they may begin with. */
  readonly #patterns = new Map<number, Pattern[]>();
  /** Nonzero where patterns may begin, by {@link slot} of the first four bytes. */
  readonly #slots = new Uint8Array(1 << 16);
  /** The first one to three bytes of what patterns may begin with. */
  readonly #beginnings = new Set<number>();

  private constructor(patterns: Iterable<Pattern>) {
    for (const pattern of patterns) this.#add(pattern);
  }

  /** Null when no value is long enough to be masked. */
  static of(secrets: Iterable<string>): Mask | null {
    const forms = new Set<string>();
    const texts = new Set<string>();
    for (const secret of secrets) {
      for (const form of formsOf(secret)) for (const piece of piecesOf(form)) forms.add(piece);
      for (const text of textsOf(secret)) for (const piece of piecesOf(text)) texts.add(piece);
    }
    if (texts.size === 0) return null;
    return new Mask([...[...forms].map(exactly), ...[...texts].map((text) => new EscapedText(text))]);
  }

  /** A whole text, masked. */
  text(text: string): string {
    const bytes = Buffer.from(text);
    const masked = new MaskStream(this).end(bytes);
    return masked.equals(bytes) ? text : masked.toString('utf8');
  }

  stream(): MaskStream {
    return new MaskStream(this);
  }

  #add(pattern: Pattern): void {
    for (const text of pattern.beginnings(GRAM_BYTES)) {
      const bytes = Buffer.from(text, 'latin1');
      const gram = bytes.readInt32BE(0);
      const list = this.#patterns.get(gram);
      if (list) list.push(pattern);
      else this.#patterns.set(gram, [pattern]);
      this.#slots[slot(gram)] = 1;
      for (let length = 1; length < GRAM_BYTES; length += 1) this.#beginnings.add(beginning(bytes, 0, length));
    }
  }

  /** @internal The first position from `from` on at which a pattern may begin, or `bytes.length`. */
  candidate(bytes: Buffer, from: number): number {
    const slots = this.#slots;
    const last = bytes.length - GRAM_BYTES;
    if (from <= last) {
      let gram = (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
      for (let at = from; at <= last; at += 1) {
        gram = (gram << 8) | bytes[at + 3]!;
        if (slots[Math.imul(gram, 0x9e3779b1) >>> 16] !== 0) return at;
      }
    }
    for (let at = Math.max(from, last + 1); at < bytes.length; at += 1)
      if (this.#beginnings.has(beginning(bytes, at, bytes.length - at))) return at;
    return bytes.length;
  }

  /**
   * @internal How many bytes at `at` are a form, 0 when none is; null when more bytes must be seen to know. `ended`: no more will come.
   */
  matchAt(bytes: Buffer, at: number, ended: boolean): number | null {
    const left = bytes.length - at;
    if (left < GRAM_BYTES) return ended ? 0 : null;
    let longest = 0;
    for (const pattern of this.#patterns.get(bytes.readInt32BE(at)) ?? []) {
      const { kind, length, characters } = pattern.at(bytes, at);
      if (kind === 'partly' && !ended) return null;
      const telling = kind === 'partly' && (length >= TAIL_BYTES || characters * 2 >= pattern.characterCount);
      if (kind === 'whole' || telling) longest = Math.max(longest, length);
    }
    return longest;
  }
}

/** One text that comes in pieces. */
export class MaskStream {
  readonly #mask: Mask;
  /** Begins where it is not known yet whether a form begins. */
  #held: Buffer = NOTHING;
  /** So many of the held bytes are masked already (0: what was last given out was `***`); −1: not so. */
  #masked = -1;

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /** Takes bytes; returns those that can be shown by now. */
  push(bytes: Buffer): Buffer {
    return this.#advance(bytes, false);
  }

  /** Takes the last bytes; returns all that is left to show. The stream may be used for another text after that. */
  end(bytes: Buffer = NOTHING): Buffer {
    return this.#advance(bytes, true);
  }

  #advance(more: Buffer, ended: boolean): Buffer {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, more]) : more;
    const parts: Buffer[] = [];
    let shown = Math.max(this.#masked, 0);
    let maskedTo = this.#masked;
    let at = this.#mask.candidate(bytes, 0);
    for (; at < bytes.length; at = this.#mask.candidate(bytes, at + 1)) {
      const length = this.#mask.matchAt(bytes, at, ended);
      if (length === null) break;
      if (length === 0) continue;
      if (at > maskedTo) parts.push(bytes.subarray(shown, at), STARS);
      maskedTo = Math.max(maskedTo, at + length);
      shown = maskedTo;
    }
    if (shown < at) parts.push(bytes.subarray(shown, at));
    this.#held = ended ? NOTHING : Buffer.from(bytes.subarray(at));
    this.#masked = ended || maskedTo < at ? -1 : maskedTo - at;
    return parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts);
  }
}

function slot(gram: number): number {
  return Math.imul(gram, 0x9e3779b1) >>> 16;
}

/** One number for up to three bytes and how many they are. */
function beginning(bytes: Buffer, at: number, length: number): number {
  let value = length;
  for (let index = at; index < at + length; index += 1) value = (value << 8) | (bytes[index] ?? 0);
  return value;
}

/** A form as it is, to the byte. */
function exactly(form: string): Pattern {
  const pattern = Buffer.from(form);
  return {
    characterCount: pattern.length,
    beginnings: (length) => [pattern.toString('latin1', 0, length)],
    at: (bytes, from) => {
      const length = Math.min(pattern.length, bytes.length - from);
      if (bytes.compare(pattern, 0, length, from, from + length) !== 0) return NOT_THERE;
      return { kind: length === pattern.length ? 'whole' : 'partly', length, characters: length };
    },
  };
}

const NOT_THERE: Progress = { kind: 'not', length: 0, characters: 0 };

function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  const chars = text.length > PATTERN_CHARACTERS ? Array.from(text) : [text];
  if (chars.length === 1) return chars;
  let from = 0;
  for (; chars.length - from > PATTERN_CHARACTERS; from += PIECE_CHARACTERS)
    pieces.push(chars.slice(from, from + PIECE_CHARACTERS).join(''));
  return [...pieces, chars.slice(from).join('')];
}
