/**
 * Changes of all runs, for everybody who watches them: one reader of the store for all clients.
 *
 * Owns: the position up to which changes have been read, the last `recentRuns` of them, each run once, and the text of those that
 * somebody wanted.
 * Invariants
 * 1. No gap: a client is at a position of the store's count of changes. It is served from what is kept here when that reaches back
 *    to its position, else it reads the store itself, page by page, until it does.
 * 2. A client is told of a run only while it may read it and the run matches what it asked for; both are looked at when the
 *    event is sent.
 * 3. Without clients nothing is read.
 */
import type { RunId, RunState } from '@pelorus/protocol';
import type { ChangedRuns } from '../store/events-port.ts';
import type { ApiStore } from '../store/port.ts';
import type { Caller } from './access.ts';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import type { RunHints } from './run-hints.ts';
import type { RunTallies } from './run-tallies.ts';
import type { EventFrame, EventSource } from './sse.ts';
import { instantText, runView } from './views.ts';

type ChangedRow = ChangedRuns['rows'][number];

/** What a client wants to hear of; absent: everything. */
export interface RunsWanted {
  /** The same for those who want the same. */
  key: string;
  projectId?: number;
  workflow?: (name: string) => boolean;
  states?: readonly RunState[];
}

export interface RunsFeed {
  /** `after` null: from now on. */
  follow(wanted: RunsWanted, after: number | null): Promise<EventSource>;
  close(): void;
}

export interface FeedParts {
  store: Pick<ApiStore, 'changedRuns' | 'runsPosition' | 'projectsOfRuns'>;
  tallies: RunTallies;
  hints: RunHints['subscribe'] | null;
  clock: () => number;
  log: ApiLog;
}

interface Recent {
  row: ChangedRow;
  /** Of the run that started it. */
  parentProject: number | null;
  /** As JSON, with the link to its parent and without; made when first wanted. */
  texts: { whole: string | null; withoutParent: string | null };
  tally: Awaited<ReturnType<RunTallies['countedAll']>>[number];
}

export function createRunsFeed(parts: FeedParts): RunsFeed {
  const feed = new Feed(parts);
  return { follow: (wanted, after) => feed.follow(wanted, after), close: () => feed.close() };
}

class Feed {
  private readonly parts: FeedParts;
  /** In the order of their changes: everything that changed after `from` is here. Older changes of the same run are passed over. */
  private recent: Recent[] = [];
  private readonly latest = new Map<RunId, Recent>();
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

  constructor(parts: FeedParts) {
    this.parts = parts;
  }

  close(): void {
    this.closed = true;
    this.rest();
    this.wakeAll();
  }

  async follow(wanted: RunsWanted, after: number | null): Promise<EventSource> {
    const now = await this.parts.store.runsPosition();
    // A position that is not reached yet is of another store.
    const start = after === null || after > now ? now : after;
    return (signal, sender) => this.events(wanted, { start, now }, signal, sender);
  }

  // ---------------------------------------------------------------------------------------------- the store

  /** Begins to look when the first client comes. What was kept is of no use when nobody looked meanwhile. */
  private begin(position: number): void {
    this.unsubscribe ??= this.parts.hints?.(() => this.hint()) ?? null;
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
    const gapMs = Math.max(API_LIMITS.runsGapMs, this.clients * API_LIMITS.followGapPerClientMs);
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
      this.parts.log.warn({ err: error }, 'changes of runs could not be read');
    }
    this.looking = false;
    this.lookedAt = performance.now();
    this.lookIn(more || this.hinted ? 0 : API_LIMITS.runsPollMs);
  }

  /** True when there is more to read at once. */
  private async read(): Promise<boolean> {
    const after = this.position;
    if (after === null) return false;
    const limit = API_LIMITS.runsPerLook;
    const { rows, next } = await this.parts.store.changedRuns({ after, limit, projectIds: null });
    const read = await this.withTallies(rows);
    // Everybody may have left meanwhile, and somebody else come.
    if (this.position !== after || next === after) return false;
    this.position = next;
    for (const each of read) this.latest.set(each.row.spec.id, each);
    this.recent.push(...read);
    if (this.recent.length > 2 * API_LIMITS.recentRuns) this.forget();
    this.frames.clear();
    this.wakeAll();
    return rows.length === limit;
  }

  private forget(): void {
    const current = this.recent.filter((each) => this.latest.get(each.row.spec.id) === each);
    const gone = current.splice(0, Math.max(0, current.length - API_LIMITS.recentRuns));
    for (const { row } of gone) this.latest.delete(row.spec.id);
    this.from = gone.at(-1)?.row.changed ?? this.from;
    this.recent = current;
  }

  private async withTallies(rows: ChangedRow[]): Promise<Recent[]> {
    const parents = [...new Set(rows.flatMap(({ spec }) => spec.parent?.run ?? []))];
    const projects = parents.length === 0 ? new Map<number, number>() : await this.parts.store.projectsOfRuns(parents);
    const tallies = await this.parts.tallies.countedAll(rows);
    return rows.map((row, index) => ({
      row,
      parentProject: row.spec.parent === null ? null : (projects.get(row.spec.parent.run) ?? null),
      texts: { whole: null, withoutParent: null },
      tally: tallies[index]!,
    }));
  }

  private wakeAll(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  // --------------------------------------------------------------------------------------------- one client

  private async *events(
    wanted: RunsWanted,
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
        } else if (performance.now() - toldAt >= API_LIMITS.runsPositionMs) {
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
    wanted: RunsWanted,
    visible: number[] | null,
  ): Promise<{ frame: EventFrame | null; next: number }> {
    if (this.position !== null && position >= this.from) {
      const key = `${position} ${visible === null ? 'all' : visible.join(',')} ${wanted.key}`;
      const known = this.frames.get(key);
      if (known !== undefined) return known;
      const end = Math.max(position, this.position);
      const made = this.tell(this.recentAfter(position), end, { wanted, visible });
      if (this.frames.size < API_LIMITS.runsFramesKept) this.frames.set(key, made);
      return made;
    }
    const limit = API_LIMITS.runsPerLook;
    const { rows, next } = await this.parts.store.changedRuns({ after: position, limit, projectIds: visible });
    return this.tell(await this.withTallies(rows), next, { wanted, visible });
  }

  /** As many as fit; `end` is where a client is that has been told of all of them. */
  private tell(
    found: Recent[],
    end: number,
    { wanted, visible }: { wanted: RunsWanted; visible: number[] | null },
  ): { frame: EventFrame | null; next: number } {
    const texts: string[] = [];
    let length = 0;
    for (const [index, each] of found.entries()) {
      const { changed } = each.row;
      // Runs of one commit may share a number: between them nobody can stop, and come back.
      if (length >= API_LIMITS.eventPieceBytes && found[index - 1]?.row.changed !== changed) {
        return { frame: Buffer.from(texts.join('')), next: changed - 1 };
      }
      const isLastOfNumber = found[index + 1]?.row.changed !== changed;
      const text = this.eventFor(each, isLastOfNumber ? changed : changed - 1, { wanted, visible });
      texts.push(text);
      length += text.length;
    }
    return { frame: length === 0 ? null : Buffer.from(texts.join('')), next: end };
  }

  /** The latest change of each run. */
  private recentAfter(position: number): Recent[] {
    let low = 0;
    let high = this.recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.recent[middle]!.row.changed <= position) low = middle + 1;
      else high = middle;
    }
    return this.recent.slice(low).filter((each) => this.latest.get(each.row.spec.id) === each);
  }

  private eventFor(
    each: Recent,
    id: number,
    { wanted, visible }: { wanted: RunsWanted; visible: number[] | null },
  ): string {
    const { row, texts, parentProject } = each;
    const { projectId, workflow } = row.spec;
    if (visible !== null && !visible.includes(projectId)) return '';
    if (wanted.projectId !== undefined && wanted.projectId !== projectId) return '';
    if (wanted.workflow !== undefined && !wanted.workflow(workflow)) return '';
    if (wanted.states !== undefined && !wanted.states.includes(row.status.state)) return '';
    const whole = visible === null || parentProject === null || visible.includes(parentProject);
    const text = whole ? (texts.whole ??= this.text(each, true)) : (texts.withoutParent ??= this.text(each, false));
    return `id: ${id}\nevent: run\ndata: ${text}\n\n`;
  }

  private text({ row, tally }: Recent, withParent: boolean): string {
    const shown = withParent ? row : { ...row, spec: { ...row.spec, parent: null } };
    return JSON.stringify(runView(shown, tally, this.parts.clock()));
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
