/** Strict JSON (RFC 8259) with positions, which `JSON.parse` does not give, and with duplicate keys reported, which it hides. */
import { inside, ROOT, shorten, type Place } from './place.ts';
import {
  inexactNumber,
  isInexact,
  MAX_DEPTH,
  REFUSED,
  scalarNode,
  setOwn,
  type ParsedSource,
  type SourceNode,
  type SourceProblem,
} from './source.ts';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERALS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

/** Parses the text; the first syntax error ends it, duplicate keys are all reported. */
export function parseJsonSource(text: string): ParsedSource {
  const reader = new JsonReader(text);
  try {
    return { root: reader.document(), problems: reader.problems };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { root: null, problems: [{ place: error.place, offset: error.offset, message: error.message }] };
  }
}

class JsonSyntaxError extends Error {
  readonly offset: number;
  readonly place: Place;
  constructor(offset: number, place: Place, message: string) {
    super(message);
    this.offset = offset;
    this.place = place;
  }
}

/** Lives for one parse. `#at` only moves forward; recursion is bounded by `MAX_DEPTH`. */
class JsonReader {
  readonly problems: SourceProblem[] = [];
  readonly #text: string;
  #at: number;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.startsWith('\uFEFF') ? 1 : 0;
  }

  document(): SourceNode {
    const root = this.#value(ROOT, 0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail(ROOT, `unexpected ${this.#found()} after the end of the JSON value`);
    return root;
  }

  #value(place: Place, depth: number): SourceNode {
    this.#space();
    const first = this.#text[this.#at];
    if (first === '{' || first === '[') {
      if (depth >= MAX_DEPTH) this.#fail(place, `more than ${MAX_DEPTH} collections inside one another`);
      return first === '{' ? this.#object(place, depth) : this.#array(place, depth);
    }
    const offset = this.#at;
    if (first === '"') return scalarNode(offset, this.#string(place));
    for (const [word, value] of LITERALS) {
      if (!this.#text.startsWith(word, offset)) continue;
      this.#at += word.length;
      return scalarNode(offset, value);
    }
    NUMBER.lastIndex = offset;
    const written = NUMBER.exec(this.#text)?.[0];
    if (written === undefined) this.#fail(place, `a value must stand here, not ${this.#found()}`);
    const value = Number(written);
    if (!Number.isFinite(value)) this.#fail(place, `the number ${shorten(written)} is too large`);
    this.#at += written.length;
    if (isInexact(value, written)) {
      this.problems.push({ place, offset, message: inexactNumber(place, written) });
      return scalarNode(offset, REFUSED);
    }
    return scalarNode(offset, value, String(value) === written ? null : written);
  }

  #object(place: Place, depth: number): SourceNode {
    const value: Record<string, unknown> = {};
    const members: NonNullable<SourceNode['members']> = new Map();
    const node: SourceNode = { offset: this.#at, value, members, items: null, written: null };
    this.#at++;
    if (this.#ends('}')) return node;
    for (;;) {
      this.#space();
      const keyOffset = this.#at;
      if (this.#text[keyOffset] !== '"')
        this.#fail(place, `a key in double quotes must stand here, not ${this.#found()}`);
      const key = this.#string(place);
      const at = inside(place, key);
      this.#space();
      if (this.#text[this.#at] !== ':') this.#fail(at, `\`:\` must stand here, not ${this.#found()}`);
      this.#at++;
      const child = this.#value(at, depth + 1);
      if (members.has(key))
        this.problems.push({
          place: at,
          offset: keyOffset,
          message: `\`${shorten(key)}\` is given twice in the same map`,
        });
      else {
        members.set(key, { keyOffset, node: child });
        setOwn(value, key, child.value);
      }
      if (this.#ends('}')) return node;
      this.#comma(place, '}');
    }
  }

  #array(place: Place, depth: number): SourceNode {
    const value: unknown[] = [];
    const items: SourceNode[] = [];
    const node: SourceNode = { offset: this.#at, value, members: null, items, written: null };
    this.#at++;
    if (this.#ends(']')) return node;
    for (;;) {
      const child = this.#value(inside(place, items.length), depth + 1);
      items.push(child);
      value.push(child.value);
      if (this.#ends(']')) return node;
      this.#comma(place, ']');
    }
  }

  #string(place: Place): string {
    const begin = this.#at;
    let end = begin + 1;
    let plain = true;
    for (;;) {
      const unit = this.#text.charCodeAt(end);
      if (unit === 0x22) break;
      if (Number.isNaN(unit)) this.#fail(place, 'the text that begins here has no closing `"`');
      if (unit < 0x20) {
        this.#at = end;
        this.#fail(place, 'a line break or control character inside a text must be written as an escape such as `\\n`');
      }
      if (unit === 0x5c) {
        plain = false;
        end++;
      }
      end++;
    }
    this.#at = end + 1;
    if (plain) return this.#text.slice(begin + 1, end);
    try {
      const text: unknown = JSON.parse(this.#text.slice(begin, end + 1));
      return String(text);
    } catch {
      this.#at = begin;
      return this.#fail(place, 'the text that begins here holds an unknown `\\` escape');
    }
  }

  #comma(place: Place, close: string): void {
    if (this.#text[this.#at] !== ',') this.#fail(place, `\`,\` or \`${close}\` must stand here, not ${this.#found()}`);
    this.#at++;
  }

  #ends(close: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== close) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #found(): string {
    const point = this.#text.codePointAt(this.#at);
    if (point === undefined) return 'the end of the text';
    return point < 0x20 ? `the control character ${point}` : `\`${String.fromCodePoint(point)}\``;
  }

  #fail(place: Place, message: string): never {
    throw new JsonSyntaxError(this.#at, place, `JSON syntax: ${message}`);
  }
}
