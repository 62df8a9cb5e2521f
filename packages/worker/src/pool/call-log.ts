import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Mask, MaskStream } from '../secrets/mask.ts';

const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 200;
const LIMIT_NOTICE = Buffer.from('\n[pelorus] the log has reached its limit; what follows is dropped\n');

/** The log of one call: nothing is made on disk before the first line, and lines are written in batches. */
export class CallLog {
  readonly #path: string;
  readonly #limitBytes: number;
  readonly #masked: MaskStream | null;
  #waiting = '';
  #written = -1;
  #timer: NodeJS.Timeout | null = null;

  constructor(path: string, limitBytes: number, mask: Mask | null) {
    this.#path = path;
    this.#limitBytes = limitBytes;
    this.#masked = mask?.stream() ?? null;
  }

  /** Adds text as it is. */
  write(text: string): void {
    if (this.#written >= this.#limitBytes || text === '') return;
    this.#waiting += text;
    if (this.#waiting.length >= FLUSH_BYTES) return this.flush();
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  /** True once anything was logged. */
  get used(): boolean {
    return this.#written >= 0 || this.#waiting !== '';
  }

  flush(): void {
    this.#write(false);
  }

  /** Writes what is left, also what could have been the beginning of a secret. */
  close(): void {
    this.#write(true);
  }

  #write(last: boolean): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const text = Buffer.from(this.#waiting);
    this.#waiting = '';
    const shown = !this.#masked ? text : last ? this.#masked.end(text) : this.#masked.push(text);
    if (shown.length === 0) return;
    try {
      this.#append(shown);
    } catch {
      // A log that cannot be written does not fail the task.
    }
  }

  #append(text: Buffer): void {
    if (this.#written < 0) {
      mkdirSync(dirname(this.#path), { recursive: true });
      this.#written = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    }
    this.#written += text.length;
    appendFileSync(this.#path, this.#written >= this.#limitBytes ? Buffer.concat([text, LIMIT_NOTICE]) : text);
  }
}
