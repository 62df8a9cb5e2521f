/**
 * One attempt's output on its way from a named pipe into its log. It owns the pipe, which goes when nobody writes any more.
 *
 * Invariants:
 * 1. Bytes reach the log through the mask, in order, or not at all.
 * 2. A log that cannot be written stops nothing: the task must be able to write on.
 */
import { closeSync, constants, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import type { AttemptId } from '@pelorus/protocol';
import type { Mask, MaskStream } from '../secrets/mask.ts';

export interface MaskedOutputOptions {
  attempt: AttemptId;
  pipe: string;
  logPath: string;
  /** Null: there is nothing to be looked for. */
  mask: Mask | null;
  /** Nothing of it may be shown. */
  hidden: boolean;
  /** Nobody writes any more and everything is in the log. */
  onEnd: () => void;
}

const READ_BYTES = 64 * 1024;
/** What a child that goes on writing can delay the end of its task by. */
const DRAIN_BYTES = 8 * 1024 * 1024;

export class MaskedOutput {
  readonly #options: MaskedOutputOptions;
  readonly #stream: MaskStream | null;
  readonly #file: number;
  readonly #socket: Socket;
  /** Open from the first byte on. */
  #log: number | null = null;
  /** Bytes dropped since the log could last be written. */
  #missing = 0;
  #ended = false;
  #told = false;

  /** Opens the pipe, which must be there. Throws when that is impossible. */
  constructor(options: MaskedOutputOptions) {
    this.#options = options;
    this.#stream = options.mask?.stream() ?? null;
    // Without O_NONBLOCK this would wait for a writer.
    this.#file = openSync(options.pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd: this.#file, readable: true, writable: false });
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.on('end', () => this.#end());
    this.#socket.on('error', () => this.#end());
  }

  /** Puts into the log what is in the pipe by now. */
  drain(): void {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let taken = 0; taken < DRAIN_BYTES && !this.#ended;) {
      const length = this.#readNow(buffer);
      if (length === null) return;
      if (length === 0) return this.#end();
      taken += length;
      this.#take(buffer.subarray(0, length));
    }
  }

  /** Ends what nobody has open and nothing has come from. The pipe stays: who opens it late waits there for another reader. */
  endIfUnused(): void {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const length = this.#ended ? null : this.#readNow(buffer);
    if (length === 0) this.#end({ keepsPipe: this.#log === null });
    else if (length !== null) this.#take(buffer.subarray(0, length));
  }

  /** Null when the pipe is empty and somebody has it open, 0 when nobody has. */
  #readNow(buffer: Buffer): number | null {
    try {
      return readSync(this.#file, buffer);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? null : 0;
    }
  }

  #take(bytes: Buffer): void {
    if (this.#ended) return;
    if (this.#options.hidden) return this.#tellHidden();
    this.#write(this.#stream ? this.#stream.push(bytes) : bytes);
  }

  #tellHidden(): void {
    if (this.#told) return;
    this.#told = true;
    this.#write(
      Buffer.from(
        '[pelorus] what follows is not shown: its secrets are not known any more, after a crash of the worker\n',
      ),
    );
  }

  #end({ keepsPipe = false } = {}): void {
    if (this.#ended) return;
    if (this.#stream) this.#write(this.#stream.end());
    this.#ended = true;
    this.#socket.destroy();
    if (this.#log !== null) closeSync(this.#log);
    if (!keepsPipe) rmSync(this.#options.pipe, { force: true });
    this.#options.onEnd();
  }

  #write(bytes: Buffer): void {
    let written = 0;
    try {
      this.#log ??= openLog(this.#options.logPath);
      this.#markGap(this.#log);
      while (written < bytes.length) written += writeSync(this.#log, bytes, written);
    } catch {
      this.#missing += bytes.length - written;
    }
  }

  /** Throws while the log still cannot be written. */
  #markGap(log: number): void {
    if (this.#missing === 0) return;
    writeSync(log, `\n[pelorus] the log could not be written; ${this.#missing} bytes are missing here\n`);
    this.#missing = 0;
  }
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, 'a');
}
