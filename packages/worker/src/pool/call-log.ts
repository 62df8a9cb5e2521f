import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 200;

/** The log of one call: nothing is made on disk before the first line, and lines are written in batches. */
export class CallLog {
  readonly #path: string;
  readonly #limitBytes: number;
  #waiting = '';
  #written = -1;
  #timer: NodeJS.Timeout | null = null;

  constructor(path: string, limitBytes: number) {
    this.#path = path;
    this.#limitBytes = limitBytes;
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
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const text = this.#waiting;
    this.#waiting = '';
    if (text === '') return;
    try {
      this.#append(text);
    } catch {
      // A log that cannot be written does not fail the task.
    }
  }

  #append(text: string): void {
    if (this.#written < 0) {
      mkdirSync(dirname(this.#path), { recursive: true });
      this.#written = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    }
    this.#written += Buffer.byteLength(text);
    const over = this.#written >= this.#limitBytes;
    appendFileSync(
      this.#path,
      over ? `${text}\n[pelorus] the log has reached its limit; what follows is dropped\n` : text,
    );
  }
}
