/**
 * The part of one attempt's log that is at hand. Owns: some chunks of whole lines that follow one another, each with its offsets, and the stream that appends to them while one
 * looks at the end.
 * Invariants: 1. never much more than `LINES_KEPT` lines or `CHARACTERS_KEPT` characters are held: what is added at one side pushes whole chunks out at the other;
 * 2. a window that has lost its end does not follow, until it is read to the end again; 3. offsets are those that the server gave, never reckoned from texts.
 */
import type { LogEvent } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import { api } from '../../../api/client.ts';

const PAGE_LINES = 1000;
const LINES_KEPT = 20_000;
const CHARACTERS_KEPT = 8_000_000;
/** Small pieces of a live log are joined up to this. */
const CHUNK_LINES = 500;
/** Less than this before the end, the stream is taken up again instead of a page. */
const NEAR_END_BYTES = 262_144;

export interface LogLine {
  /** Grows from line to line; may be negative. */
  key: number;
  text: string;
}

interface Chunk {
  startByte: number;
  endByte: number;
  lines: readonly LogLine[];
  characters: number;
}

export interface LogView {
  lines: readonly LogLine[];
  status: 'loading' | 'following' | 'interrupted' | 'ended' | 'browsing';
  /** Nothing comes before the first line, or behind the last but what is yet to be written. */
  isFromStart: boolean;
  isToEnd: boolean;
  /** As far as it is known. */
  sizeBytes: number;
  /** What is missing at the end. */
  note: string | null;
  isReading: boolean;
  error: Error | null;
  /** The line that was jumped to. */
  target: number | null;
  /** Another one when it begins anew somewhere else; keys of lines are of one generation. */
  generation: number;
}

const NOTHING: LogView = {
  lines: [],
  status: 'loading',
  isFromStart: false,
  isToEnd: true,
  sizeBytes: 0,
  note: null,
  isReading: false,
  error: null,
  target: null,
  generation: 0,
};

export class LogWindow {
  view: LogView = NOTHING;
  private readonly attempt: string;
  private chunks: Chunk[] = [];
  private readonly listeners = new Set<() => void>();
  private stop = new AbortController();
  private frame: ReturnType<typeof setTimeout> | undefined;
  private next: LogView = NOTHING;
  private isChanged = false;

  constructor(attempt: string) {
    this.attempt = attempt;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) void this.toEnd();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop.abort();
    };
  };

  /** The last lines, and whatever comes. */
  toEnd = (): Promise<void> => {
    this.begin('loading');
    return this.follow({ tail: PAGE_LINES });
  };

  toStart = (): Promise<void> => this.browse(0);

  /** The lines around an offset, which becomes the target. */
  browse = async (offset: number): Promise<void> => {
    const { signal } = this.begin('browsing');
    await this.reading(async () => {
      const [earlier, later] = await Promise.all([
        offset === 0 ? null : api.attempts.logs(this.attempt, { tail: 200, offset }, signal),
        api.attempts.logs(this.attempt, { offset, size: PAGE_LINES }, signal),
      ]);
      if (earlier && earlier.length > 0) this.append(earlier.content, earlier.startByte, earlier.endByte);
      const target = this.nextKey();
      this.append(later.content, later.startByte, later.endByte, later.sizeBytes);
      this.change({ isToEnd: later.endByte >= later.sizeBytes, target: offset === 0 ? null : target });
    });
  };

  /** More lines before the first. */
  before = async (): Promise<void> => {
    const first = this.chunks[0];
    if (this.next.isReading || this.next.isFromStart || !first) return;
    const { signal } = this.stop;
    await this.reading(async () => {
      const page = await api.attempts.logs(this.attempt, { tail: PAGE_LINES, offset: first.startByte }, signal);
      if (page.length > 0) {
        const key = (first.lines[0]?.key ?? 0) - page.length;
        this.chunks.unshift(chunkOf(page.content, key, page.startByte, page.endByte));
        this.isChanged = true;
      }
      if (page.startByte === 0 || page.length === 0) this.change({ isFromStart: true });
      if (this.trim('end')) this.leaveEnd();
    });
  };

  /** More lines behind the last, of a window that has lost its end. */
  after = async (): Promise<void> => {
    const last = this.chunks.at(-1);
    if (this.next.isReading || this.next.status !== 'browsing' || !last) return;
    if (this.next.sizeBytes - last.endByte < NEAR_END_BYTES && !this.next.isToEnd) {
      this.change({ isToEnd: true, status: 'loading' });
      return this.follow({ offset: last.endByte });
    }
    if (this.next.isToEnd) return;
    const { signal } = this.stop;
    await this.reading(async () => {
      const page = await api.attempts.logs(this.attempt, { offset: last.endByte, size: PAGE_LINES }, signal);
      this.append(page.content, page.startByte, page.endByte, page.sizeBytes);
      if (page.length === 0) this.change({ isToEnd: true });
    });
  };

  private begin(status: 'loading' | 'browsing'): AbortController {
    this.stop.abort();
    this.stop = new AbortController();
    this.chunks = [];
    this.isChanged = true;
    this.next = { ...NOTHING, sizeBytes: this.next.sizeBytes, generation: this.next.generation + 1 };
    this.change({ status });
    return this.stop;
  }

  /** What is looked at is no longer the end. */
  private leaveEnd(): void {
    this.stop.abort();
    this.stop = new AbortController();
    this.change({ status: 'browsing', isToEnd: false });
  }

  private async follow(from: { tail: number } | { offset: number }): Promise<void> {
    const { signal } = this.stop;
    const watch = {
      signal,
      patienceMs: 24 * 3_600_000,
      onInterruption: () => this.change({ status: 'interrupted' }),
    };
    try {
      for await (const event of api.followLogs(this.attempt, from, watch)) this.hear(event);
      if (!signal.aborted) this.change({ status: 'ended' });
    } catch (cause) {
      if (!signal.aborted) this.change({ status: 'ended', error: errorOf(cause) });
    }
  }

  private hear(event: LogEvent): void {
    if (event.event === 'end') {
      const isFromStart = this.chunks.length === 0 || this.chunks[0]!.startByte === 0;
      const { sizeBytes, note } = event.data;
      return this.change({ sizeBytes, note, isFromStart: isFromStart || this.next.isFromStart });
    }
    const { lines, startByte, endByte } = event.data;
    this.append(lines, startByte, endByte, endByte);
    this.change({ status: 'following' });
  }

  private append(texts: readonly string[], startByte: number, endByte: number, sizeBytes = 0): void {
    if (this.chunks.length === 0 && startByte === 0) this.change({ isFromStart: true });
    this.change({ sizeBytes: Math.max(this.next.sizeBytes, sizeBytes, endByte) });
    if (texts.length === 0) return;
    const added = chunkOf(texts, this.nextKey(), startByte, endByte);
    const last = this.chunks.at(-1);
    if (last && last.lines.length + texts.length <= CHUNK_LINES) {
      const characters = last.characters + added.characters;
      const lines = [...last.lines, ...added.lines];
      this.chunks[this.chunks.length - 1] = { startByte: last.startByte, endByte, lines, characters };
    } else this.chunks.push(added);
    this.isChanged = true;
    if (this.trim('start')) this.change({ isFromStart: false });
  }

  private nextKey(): number {
    return (this.chunks.at(-1)?.lines.at(-1)?.key ?? -1) + 1;
  }

  /** True when something was let go. */
  private trim(side: 'start' | 'end'): boolean {
    let lines = this.chunks.reduce((sum, chunk) => sum + chunk.lines.length, 0);
    let characters = this.chunks.reduce((sum, chunk) => sum + chunk.characters, 0);
    let trimmed = false;
    while ((lines > LINES_KEPT || characters > CHARACTERS_KEPT) && this.chunks.length > 1) {
      const gone = (side === 'start' ? this.chunks.shift() : this.chunks.pop())!;
      lines -= gone.lines.length;
      characters -= gone.characters;
      trimmed = true;
    }
    return trimmed;
  }

  private async reading(read: () => Promise<void>): Promise<void> {
    const { signal } = this.stop;
    this.change({ isReading: true, error: null });
    try {
      await read();
    } catch (cause) {
      if (!signal.aborted) this.change({ error: errorOf(cause) });
    } finally {
      this.change({ isReading: false });
    }
  }

  /** Told at most some 20 times a second, however much is written. */
  private change(part: Partial<LogView>): void {
    this.next = { ...this.next, ...part };
    this.frame ??= setTimeout(() => {
      this.frame = undefined;
      if (this.isChanged) this.next = { ...this.next, lines: this.chunks.flatMap(({ lines }) => lines) };
      this.isChanged = false;
      this.view = this.next;
      for (const listener of this.listeners) listener();
    }, 50);
  }
}

function chunkOf(texts: readonly string[], key: number, startByte: number, endByte: number): Chunk {
  return {
    startByte,
    endByte,
    lines: texts.map((text, index) => ({ key: key + index, text })),
    characters: texts.reduce((sum, text) => sum + text.length, 0),
  };
}

function errorOf(cause: unknown): Error {
  if (cause instanceof ApiError || cause instanceof Error) return cause;
  return new Error(String(cause));
}
