/**
 * What changes in all projects, for everybody who watches: one reader of the store for all clients that ask about the same.
 *
 * Owns: the position up to which changes have been read, the last `recentChanges` of them, each thing once, and the text of those
 * that somebody wanted.
 * Invariants
 * 1. No gap: a client is at a position of the store's count of changes. It is served from what is kept here when that reaches back
 *    to its position, else it reads the store itself, page by page, until it does.
 * 2. A client is told of a thing only while it may read its project and it matches what was asked for; both are looked at when the
 *    event is sent.
 * 3. Without clients nothing is read.
 */
import type { EventsAbout, RunState } from '@pelorus/protocol';
import type { ApiStore } from '../store/port.ts';
import type { Caller } from './access.ts';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import type { RunHints } from './run-hints.ts';
import type { RunTallies } from './run-tallies.ts';
import type { EventFrame, EventSource } from './sse.ts';
import { toldOf, type Told } from './told-changes.ts';
import { instantText } from './views.ts';

/** What a client wants to hear of; absent: everything. */
export interface ChangesWanted {
  about: readonly EventsAbout[];
  /** The same for those who want the same. */
  key: string;
  projectId?: number;
  workflow?: (name: string) => boolean;
  /** Of runs. */
  states?: readonly RunState[];
}

export interface ChangesFeed {
  /** `after` null: from now on. */
  follow(wanted: ChangesWanted, after: number | null): Promise<EventSource>;
  close(): void;
}

export interface FeedParts {
  store: Pick<ApiStore, 'changesSince' | 'changesPosition' | 'projectsOfRuns'>;
  tallies: RunTallies;
  hints: RunHints['subscribe'] | null;
  clock: () => number;
  log: ApiLog;
}

export function createChangesFeed(parts: FeedParts): ChangesFeed {
  const feeds = new Map<string, Feed>();
  const feedAbout = (about: readonly EventsAbout[]): Feed => {
    const subjects = [...new Set(about)].toSorted();
    const key = subjects.join(' ');
    const feed = feeds.get(key) ?? new Feed(parts, subjects);
    feeds.set(key, feed);
    return feed;
  };
  return {
    follow: (wanted, after) => feedAbout(wanted.about).follow(wanted, after),
    close: () => {
      for (const feed of feeds.values()) feed.close();
    },
  };
}

class Feed {
  private readonly parts: FeedParts;
  private readonly about: readonly EventsAbout[];
  /** In the order of their changes: everything that changed after `from` is here. Older changes of the same thing are passed over. */
  private recent: Told[] = [];
  private readonly latest = new Map<string, Told>();
  /** What clients that are as far as each other, and want and may see the same, are told next. */
  private readonly frames = new Map<string, { frame: EventFrame | null; next: number }>();
  private from = 0;
  private position: number | null = null;
  private clients = 0;
  private readonly waiting = new Set<() => void>();
  private timer: NodeJS.Timeout | null = null;
  private timerAt = Infinity;
  private looking = false;
  private hinted = false;
  private lookedAt = 0;
  private unsubscribe: (() => void) | null = null;
  private closed = false;

  constructor(parts: FeedParts, about: readonly EventsAbout[]) {
    this.parts = parts;
    this.about = about;
  }

  close(): void {
    this.closed = true;
    this.rest();
    this.wakeAll();
  }

  async follow(wanted: ChangesWanted, after: number | null): Promise<EventSource> {
    const now = await this.parts.store.changesPosition();
    // A position that is not reached yet is of another store.
    const start = after === null || after > now ? now : after;
    return (signal, sender) => this.events(wanted, { start, now }, signal, sender);
  }

  // ---------------------------------------------------------------------------------------------- the store

  /** Begins to look when the first client comes. What was kept is of no use when nobody looked meanwhile. */
  private begin(position: number): void {
    // Masters tell of runs only.
    if (this.about.includes('runs')) this.unsubscribe ??= this.parts.hints?.(() => this.hint()) ?? null;
    if (this.position !== null) return;
    this.from = position;
    this.position = position;
    this.lookIn(0);
  }

  private rest(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.timerAt = Infinity;
    this.position = null;
    this.recent = [];
    this.latest.clear();
    this.frames.clear();
  }

  private hint(): void {
    if (this.looking) this.hinted = true;
    else this.lookIn(0);
  }

  /** After `delayMs`, but not too soon after the last look. */
  private lookIn(delayMs: number): void {
    const gapMs = Math.max(API_LIMITS.changesGapMs, this.clients * API_LIMITS.followGapPerClientMs);
    const at = Math.max(performance.now() + delayMs, this.lookedAt + gapMs);
    if (this.closed || this.position === null || at >= this.timerAt) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => void this.look(), Math.max(0, at - performance.now())).unref();
  }

  private async look(): Promise<void> {
    this.timer = null;
    this.timerAt = Infinity;
    if (this.looking) return;
    this.looking = true;
    this.hinted = false;
    let more = false;
    try {
      more = await this.read();
    } catch (error) {
      this.parts.log.warn({ err: error }, 'changes could not be read');
    }
    this.looking = false;
    this.lookedAt = performance.now();
    this.lookIn(more || this.hinted ? 0 : API_LIMITS.changesPollMs);
  }

  /** True when there is more to read at once. */
  private async read(): Promise<boolean> {
    const after = this.position;
    if (after === null) return false;
    const { told, next } = await this.page(after, null);
    // Everybody may have left meanwhile, and somebody else come.
    if (this.position !== after || next === after) return false;
    this.position = next;
    for (const each of told) this.latest.set(each.key, each);
    this.recent.push(...told);
    if (this.recent.length > 2 * API_LIMITS.recentChanges) this.forget();
    this.frames.clear();
    this.wakeAll();
    return told.length >= API_LIMITS.changesPerLook;
  }

  private async page(after: number, projectIds: number[] | null): Promise<{ told: Told[]; next: number }> {
    const request = { about: this.about, after, limit: API_LIMITS.changesPerLook, projectIds };
    const changes = await this.parts.store.changesSince(request);
    return { told: await toldOf(changes, this.parts), next: changes.next };
  }

  private forget(): void {
    const current = this.recent.filter((each) => this.latest.get(each.key) === each);
    const gone = current.splice(0, Math.max(0, current.length - API_LIMITS.recentChanges));
    for (const { key } of gone) this.latest.delete(key);
    this.from = gone.at(-1)?.changed ?? this.from;
    this.recent = current;
  }

  private wakeAll(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  // --------------------------------------------------------------------------------------------- one client

  private async *events(
    wanted: ChangesWanted,
    { start, now }: { start: number; now: number },
    signal: AbortSignal,
    sender: () => Caller,
  ): AsyncIterable<EventFrame> {
    this.clients += 1;
    this.begin(now);
    try {
      let position = start;
      let toldAt = performance.now();
      const ready = JSON.stringify({ now: instantText(this.parts.clock()) });
      yield Buffer.from(`id: ${position}\nevent: ready\ndata: ${ready}\n\n`);
      while (!signal.aborted && !this.closed) {
        const { frame, next } = await this.next(position, wanted, await sender().visibleProjects());
        position = next;
        if (frame !== null) {
          yield frame;
          toldAt = performance.now();
        } else if (performance.now() - toldAt >= API_LIMITS.changesPositionMs) {
          // An id alone is no event: it says how far a client is that was told nothing for a while.
          yield Buffer.from(`id: ${position}\n\n`);
          toldAt = performance.now();
        }
        if (this.position === null || position >= this.position) await this.change(signal);
      }
    } finally {
      this.clients -= 1;
      if (this.clients === 0) this.rest();
    }
  }

  /** From what is kept here when it reaches back far enough, else a page of the store. */
  private async next(
    position: number,
    wanted: ChangesWanted,
    visible: number[] | null,
  ): Promise<{ frame: EventFrame | null; next: number }> {
    if (this.position !== null && position >= this.from) {
      const key = `${position} ${visible === null ? 'all' : visible.join(',')} ${wanted.key}`;
      const known = this.frames.get(key);
      if (known !== undefined) return known;
      const end = Math.max(position, this.position);
      const made = this.tell(this.recentAfter(position), end, { wanted, visible });
      if (this.frames.size < API_LIMITS.changesFramesKept) this.frames.set(key, made);
      return made;
    }
    const { told, next } = await this.page(position, visible);
    return this.tell(told, next, { wanted, visible });
  }

  /** As many as fit; `end` is where a client is that has been told of all of them. */
  private tell(
    found: Told[],
    end: number,
    { wanted, visible }: { wanted: ChangesWanted; visible: number[] | null },
  ): { frame: EventFrame | null; next: number } {
    const texts: string[] = [];
    let length = 0;
    for (const [index, each] of found.entries()) {
      const { changed } = each;
      // What one commit wrote may share a number: between them nobody can stop, and come back.
      if (length >= API_LIMITS.eventPieceBytes && found[index - 1]?.changed !== changed) {
        return { frame: Buffer.from(texts.join('')), next: changed - 1 };
      }
      const isLastOfNumber = found[index + 1]?.changed !== changed;
      const text = this.eventFor(each, isLastOfNumber ? changed : changed - 1, { wanted, visible });
      texts.push(text);
      length += text.length;
    }
    return { frame: length === 0 ? null : Buffer.from(texts.join('')), next: end };
  }

  /** The latest change of each thing. */
  private recentAfter(position: number): Told[] {
    let low = 0;
    let high = this.recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.recent[middle]!.changed <= position) low = middle + 1;
      else high = middle;
    }
    return this.recent.slice(low).filter((each) => this.latest.get(each.key) === each);
  }

  private eventFor(
    each: Told,
    id: number,
    { wanted, visible }: { wanted: ChangesWanted; visible: number[] | null },
  ): string {
    const { event, projectId, workflow, state } = each;
    if (projectId !== null) {
      if (visible !== null && !visible.includes(projectId)) return '';
      if (wanted.projectId !== undefined && wanted.projectId !== projectId) return '';
    }
    if (workflow !== null && wanted.workflow !== undefined && !wanted.workflow(workflow)) return '';
    if (state !== null && wanted.states !== undefined && !wanted.states.includes(state)) return '';
    return `id: ${id}\nevent: ${event}\ndata: ${each.text(visible)}\n\n`;
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
