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
import { formsOf } from './forms.ts';

const STARS = Buffer.from('***');
const GRAM_BYTES = 4;
/** A longer form is looked for in pieces, so that this bounds what is held back and what one position costs. */
const PATTERN_BYTES = 512;
const PIECE_BYTES = 256;
/** An output that ends within a form: this much of it is not shown, or half of a shorter form. */
const TAIL_BYTES = 8;
const NOTHING = Buffer.alloc(0);

export class Mask {
  /** Patterns by their first four bytes, longest first. */
  readonly #patterns = new Map<number, Buffer[]>();
  /** Nonzero where patterns may begin, by {@link slot} of the first four bytes. */
  readonly #slots = new Uint8Array(1 << 16);
  /** The first one to three bytes of each pattern. */
  readonly #beginnings = new Set<number>();

  private constructor(patterns: Iterable<Buffer>) {
    for (const pattern of patterns) this.#add(pattern);
    for (const list of this.#patterns.values()) list.sort((left, right) => right.length - left.length);
  }

  /** Null when no value is long enough to be masked. */
  static of(secrets: Iterable<string>): Mask | null {
    const patterns = new Map<string, Buffer>();
    for (const secret of secrets) {
      for (const form of formsOf(secret)) {
        for (const piece of piecesOf(Buffer.from(form))) patterns.set(piece.toString('latin1'), piece);
      }
    }
    return patterns.size > 0 ? new Mask(patterns.values()) : null;
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

  #add(pattern: Buffer): void {
    const gram = pattern.readInt32BE(0);
    const list = this.#patterns.get(gram);
    if (list) list.push(pattern);
    else this.#patterns.set(gram, [pattern]);
    this.#slots[slot(gram)] = 1;
    for (let length = 1; length < GRAM_BYTES; length += 1) this.#beginnings.add(beginning(pattern, 0, length));
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
    for (const pattern of this.#patterns.get(bytes.readInt32BE(at)) ?? []) {
      const length = Math.min(pattern.length, left);
      if (bytes.compare(pattern, 0, length, at, at + length) !== 0) continue;
      if (length === pattern.length) return length;
      if (!ended) return null;
      if (length >= TAIL_BYTES || length * 2 >= pattern.length) return length;
    }
    return 0;
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

function piecesOf(form: Buffer): Buffer[] {
  if (form.length < GRAM_BYTES) return [];
  const pieces: Buffer[] = [];
  let from = 0;
  for (; form.length - from > PATTERN_BYTES; from += PIECE_BYTES) pieces.push(form.subarray(from, from + PIECE_BYTES));
  return [...pieces, form.subarray(from)];
}
