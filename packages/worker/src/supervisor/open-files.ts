/**
 * Small files that are read again and again. The kernel takes three times as long to open one of a control group as to read it, so between
 * `keep` and `close` each is opened once. Nothing throws: what cannot be read is empty.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { readText } from '../control-group.ts';

const buffer = Buffer.alloc(16 * 1024);

export class OpenFiles {
  readonly #descriptors = new Map<string, number>();
  #keeps = false;

  /** What is in the file now, in ASCII. */
  read(path: string): string {
    if (!this.#keeps) return readText(path);
    try {
      let descriptor = this.#descriptors.get(path);
      if (descriptor === undefined) this.#descriptors.set(path, (descriptor = openSync(path, 'r')));
      return readFrom(descriptor);
    } catch {
      return '';
    }
  }

  keep(): void {
    this.#keeps = true;
  }

  /** Whoever still reads opens it each time. */
  close(): void {
    this.#keeps = false;
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor);
    this.#descriptors.clear();
  }
}

/** A read gives no more than a page of some. */
function readFrom(descriptor: number): string {
  let text = '';
  for (;;) {
    const length = readSync(descriptor, buffer, 0, buffer.length, text.length);
    if (length === 0) return text;
    text += buffer.toString('latin1', 0, length);
  }
}
