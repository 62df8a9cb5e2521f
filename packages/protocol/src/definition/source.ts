/**
 * A parsed document that still knows where each value was written. JSON and YAML both become this tree, so that
 * everything after parsing works on plain values and asks for a position only when there is a problem.
 */
import { called, shorten, type Place } from './place.ts';

/** Collections inside one another that a document may have. */
export const MAX_DEPTH = 100;

/** Stands for a value that was refused while parsing, so that it is not complained about a second time. */
export const REFUSED = Symbol('refused');

export interface SourceNode {
  /** Where the value begins, in UTF-16 units from the start of the text. */
  offset: number;
  value: unknown;
  /** Of a map: key → where the key stands, and its value. */
  members: Map<string, { keyOffset: number; node: SourceNode }> | null;
  /** Of a list. */
  items: SourceNode[] | null;
  /** Of a number: the text as written, when it is not how the number prints (`1.10`, `0x1f`, `1e3`). */
  written: string | null;
}

/** Something wrong that was found while parsing, before the content is looked at. */
export interface SourceProblem {
  place: Place;
  offset: number;
  message: string;
}

export interface ParsedSource {
  /** Null when the text has syntax errors. */
  root: SourceNode | null;
  problems: SourceProblem[];
}

export function scalarNode(offset: number, value: unknown, written: string | null = null): SourceNode {
  return { offset, value, members: null, items: null, written };
}

/** True for a whole number written with more digits than a number keeps: it would be printed otherwise than it was written. */
export function isInexact(value: number, written: string): boolean {
  return (
    !Number.isSafeInteger(value) && /^[-+]?\d+$/.test(written) && String(value) !== written.replace(/^\+?(-?)0*/, '$1')
  );
}
export function inexactNumber(place: Place, written: string): string {
  return `${called(place)} is ${shorten(written)}, more digits than a number keeps; put it in quotes to keep it as text`;
}

/** Sets a key as an own property whatever its name; plain assignment of `__proto__` would change the prototype. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

/** Turns offsets into lines and columns (both from 1; columns count UTF-16 units). */
export class LineIndex {
  readonly #lineStarts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  at(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }
}
