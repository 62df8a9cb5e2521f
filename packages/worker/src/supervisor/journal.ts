/**
 * An appended file of JSON lines. Appending costs one write and survives the death of any process; what must survive the
 * loss of power is synced besides, many entries at a time.
 */
import {
  closeSync,
  fdatasync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The file is rewritten with what still matters when it has grown by this much. */
const COMPACT_BYTES = 16 * 1024 * 1024;

export class Journal<Entry> {
  readonly #path: string;
  #file: number;
  #bytes: number;
  #compactAt: number;
  #syncing = false;
  /** The file ends in the middle of a line. */
  #isTorn: boolean;

  /** Throws when the file cannot be opened. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    this.#file = openSync(path, 'a+', 0o600);
    this.#bytes = fstatSync(this.#file).size;
    this.#compactAt = this.#bytes + COMPACT_BYTES;
    this.#isTorn = endsInALine(this.#file, this.#bytes);
  }

  /** All entries, oldest first; a line torn by a crash is skipped. */
  read(): Entry[] {
    return readFileSync(this.#path, 'utf8')
      .split('\n')
      .flatMap((line) => parseEntry<Entry>(line));
  }

  /** Throws when the disk refuses. */
  append(entries: Entry[]): void {
    // A full disk takes a part of a write: the rest of that line must not spoil the next one.
    const bytes = Buffer.from((this.#isTorn ? '\n' : '') + serialise(entries));
    this.#isTorn = true;
    for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    this.#isTorn = false;
    this.#bytes += bytes.length;
  }

  /** Calls back when all that was appended is on the disk, with an error when the disk refuses. One at a time. */
  sync(done: (error: Error | null) => void): void {
    this.#syncing = true;
    fdatasync(this.#file, (error) => {
      this.#syncing = false;
      done(error);
    });
  }

  /** Nothing can be appended afterwards. */
  close(): void {
    closeSync(this.#file);
  }

  /** True when `rewrite` is possible and would be worth its while. */
  get large(): boolean {
    return this.#bytes > this.#compactAt && !this.#syncing;
  }

  /** Replaces all entries. Throws when the disk refuses; the old file stays in use then. */
  rewrite(entries: Entry[]): void {
    const text = serialise(entries);
    const file = openSync(`${this.#path}.new`, 'w', 0o600);
    try {
      writeFileSync(file, text);
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    closeSync(this.#file);
    this.#file = file;
    this.#isTorn = false;
    this.#bytes = text.length;
    this.#compactAt = text.length + COMPACT_BYTES;
  }
}

function endsInALine(file: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

function serialise(entries: unknown[]): string {
  let text = '';
  for (const entry of entries) text += `${JSON.stringify(entry)}\n`;
  return text;
}

/** Our own lines, read back. */
function parseEntry<Entry>(line: string): Entry[] {
  if (line === '') return [];
  try {
    return [JSON.parse(line) as Entry];
  } catch {
    return [];
  }
}
