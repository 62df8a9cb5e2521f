/**
 * Who follows a run: one reader of the store for all its clients.
 *
 * Owns: the pictures of runs that are followed, when each is looked at again, and the last frames made of them.
 * Invariants
 * 1. No gap: a client knows the version of the run up to which it has been told everything; what it is sent next is whatever looks
 *    different since, from the picture as it is then. So nothing is kept for a client that falls behind, and the picture
 *    itself is made from the store by the same rule.
 * 2. A frame is made once for all clients that are as far as each other, and kept while the picture stays the same.
 * 3. A hint makes the next look come sooner; without any it comes within a second.
 * 4. Memory is bounded: tasks of followed runs, frames kept; a client holds one frame at a time.
 */
import { formatAttemptId, isTerminalRun, type RunEvent, type RunId, type RunView } from '@pelorus/protocol';
import type { ApiStore, ChildRunRow, RunDetail } from '../store/port.ts';
import type { Caller } from './access.ts';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';
import type { RunHints } from './run-hints.ts';
import { createRunPicture, type RunPicture } from './run-picture.ts';
import type { RunTallies, RunTally } from './run-tallies.ts';
import { type EventFrame, type EventSource } from './sse.ts';
import type { VersionCache } from './version-cache.ts';
import { runView, type ChildRuns } from './views.ts';

export interface RunFollowers {
  /** The events of a run after a version of it; null: from a snapshot on. Rejects before there is a stream to end. */
  follow(run: RunId, after: number | null): Promise<EventSource>;
  /** Runs that are followed. */
  readonly size: number;
  close(): void;
}

export interface FollowerParts {
  store: Pick<ApiStore, 'runChanges' | 'listChildRuns' | 'projectsOfRuns'>;
  versions: VersionCache;
  tallies: RunTallies;
  hints: RunHints['subscribe'] | null;
  clock: () => number;
  log: ApiLog;
}

export function createRunFollowers(parts: FollowerParts): RunFollowers {
  const followers = new Map<RunId, Promise<Follower>>();
  const loaded = new Map<RunId, Follower>();
  let unsubscribe: (() => void) | null = null;

  function forget(run: RunId): void {
    followers.delete(run);
    loaded.get(run)?.stop();
    loaded.delete(run);
    if (followers.size > 0) return;
    unsubscribe?.();
    unsubscribe = null;
  }

  async function load(run: RunId): Promise<Follower> {
    const detail = await parts.store.runChanges(run, EVERYTHING);
    if (detail === null) throw new ApiFailure('RUN_NOT_FOUND', `there is no run ${run}`);
    const { workflowId, workflowVersion } = detail.spec;
    const definition = await parts.versions.definition(workflowId, workflowVersion);
    const followed = [...loaded.values()].reduce((sum, { picture }) => sum + picture.taskCount, 0);
    if (followed + definition.tasks.length > API_LIMITS.followedTasks)
      throw new ApiFailure('TOO_MANY_REQUESTS', 'too many runs are being followed; try again later', {
        retryAfterSeconds: API_LIMITS.streamRetryAfterSeconds,
      });
    const startsRuns = definition.tasks.some((task) => task.action.type === 'sub_workflow');
    const follower = new Follower(parts, createRunPicture(definition, detail), { startsRuns }, () => forget(run));
    await follower.begin(detail);
    loaded.set(run, follower);
    return follower;
  }

  return {
    follow: async (run, after) => {
      unsubscribe ??=
        parts.hints?.((runs) => {
          for (const each of runs) loaded.get(each)?.hint();
        }) ?? null;
      let follower = followers.get(run);
      if (follower === undefined) {
        follower = load(run);
        followers.set(run, follower);
        follower.catch(() => forget(run));
      }
      const ready = await follower;
      await ready.reach(after ?? 0);
      return (signal, sender) => ready.events(after, signal, sender);
    },
    get size() {
      return followers.size;
    },
    close: () => {
      for (const run of [...followers.keys()]) forget(run);
    },
  };
}

const EVERYTHING = -1;

/** What of a run's links to other projects a client may see; the same key, the same sight. */
interface Sight {
  key: string;
  children: ChildRuns;
  withParent: boolean;
}

/** A part of what is to be told; `next`: the task to go on from, null when all is told. */
interface Piece {
  frame: EventFrame;
  next: number | null;
}

/** Where a client is in being told: `since` it knew everything, up to `to` when this is over, from task `from`. */
interface Telling {
  since: number;
  to: number;
  from: number;
  part: number;
}

class Follower {
  readonly picture: RunPicture;
  private readonly parts: FollowerParts;
  private readonly startsRuns: boolean;
  private readonly onIdle: () => void;
  private children: ChildRunRow[] = [];
  private parentProject: number | null = null;
  /** Projects other than the run's own that its links lead to; few. */
  private linkedProjects: number[] = [];
  private readonly sights = new Map<string, Sight>();
  private tally: RunTally | null = null;
  private measuredAt = performance.now();
  /** Rises whenever there is something to tell. */
  private seq = 1;
  private readonly waiting = new Set<() => void>();
  private readonly pieces = new Map<string, Piece>();
  private pieceBytes = 0;
  private clients = 0;
  private timer: NodeJS.Timeout | null = null;
  private timerAt = Infinity;
  private looking = false;
  private hinted = false;
  private turn: Promise<boolean> = Promise.resolve(false);
  private idleSince: number | null = performance.now();
  private lookedAt = 0;
  private gapMs: number = API_LIMITS.followGapMs;
  private pollMs: number = API_LIMITS.followPollMinMs;
  private stopped = false;

  constructor(parts: FollowerParts, picture: RunPicture, { startsRuns }: { startsRuns: boolean }, onIdle: () => void) {
    this.parts = parts;
    this.picture = picture;
    this.startsRuns = startsRuns;
    this.onIdle = onIdle;
  }

  async begin(detail: RunDetail): Promise<void> {
    const { parent } = detail.spec;
    if (parent !== null)
      this.parentProject = (await this.parts.store.projectsOfRuns([parent.run])).get(parent.run) ?? null;
    this.takeChildren(await this.readChildren());
    this.tally = await this.parts.tallies.ofTasks(detail, detail.tasks);
    this.lookedAt = performance.now();
    this.lookIn(API_LIMITS.followPollMinMs);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    for (const wake of this.waiting) wake();
  }

  /** A client that was elsewhere before may know more than this picture says. */
  async reach(version: number): Promise<void> {
    if (version > this.picture.version) await this.bringUpToDate();
    else this.hint();
  }

  /** Something of the run has been stored. */
  hint(): void {
    if (this.looking) this.hinted = true;
    else this.lookIn(Math.max(0, this.lookedAt + this.gapMs - performance.now()));
  }

  // ---------------------------------------------------------------------------------------------- the store

  private lookIn(delayMs: number): void {
    const at = performance.now() + delayMs;
    if (this.stopped || at >= this.timerAt) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => void this.look(), delayMs).unref();
  }

  private async look(): Promise<void> {
    this.timer = null;
    this.timerAt = Infinity;
    if (this.isIdle()) return this.onIdle();
    // The row of a run that has ended, and all of its tasks, stay as they are.
    if (this.hasEnded()) return this.lookIn(API_LIMITS.followPollMaxMs);
    this.looking = true;
    this.hinted = false;
    const startedAt = performance.now();
    let changed = false;
    try {
      changed = (await this.bringUpToDate()) || (await this.measureAgain());
    } catch (error) {
      this.parts.log.warn({ err: error, runId: this.picture.row.spec.id }, 'a followed run could not be read');
    }
    this.looking = false;
    this.lookedAt = performance.now();
    const cost = this.lookedAt - startedAt;
    this.gapMs = Math.max(
      API_LIMITS.followGapMs,
      this.clients * API_LIMITS.followGapPerClientMs,
      Math.min(cost * API_LIMITS.followGapPerCost, API_LIMITS.followPollMaxMs),
    );
    this.pollMs = changed ? API_LIMITS.followPollMinMs : Math.min(this.pollMs * 1.5, API_LIMITS.followPollMaxMs);
    this.lookIn(this.hinted ? this.gapMs : Math.max(this.gapMs, this.pollMs));
  }

  private isIdle(): boolean {
    if (this.clients > 0) this.idleSince = null;
    else this.idleSince ??= performance.now();
    return this.idleSince !== null && performance.now() - this.idleSince >= API_LIMITS.followIdleMs;
  }

  private hasEnded(): boolean {
    return isTerminalRun(this.picture.row.status.state);
  }

  /** One at a time: an older answer must not overtake a newer one. */
  private bringUpToDate(): Promise<boolean> {
    const turn = this.turn.then(() => this.readChanges());
    this.turn = turn.catch(() => false);
    return turn;
  }

  /** Everything that takes time comes first, so that the picture and what is said of it change together. */
  private async readChanges(): Promise<boolean> {
    const { picture, parts } = this;
    const detail = await parts.store.runChanges(picture.row.spec.id, picture.version);
    if (detail === null) return false;
    const children = detail.attempts.length > 0 ? await this.readChildren() : this.children;
    const tally = await parts.tallies.ofTasks(detail, picture.recordsWith(detail));
    if (!picture.apply(detail)) return false;
    if (children !== this.children) this.takeChildren(children);
    this.tally = tally;
    this.measuredAt = performance.now();
    this.tellAll();
    return true;
  }

  /** Progress grows with the time that tasks take, between their changes as well. */
  private async measureAgain(): Promise<boolean> {
    const { row } = this.picture;
    if (row.status.startedAt === null || performance.now() - this.measuredAt < API_LIMITS.followProgressMs)
      return false;
    const before = this.tally;
    const tally = await this.parts.tallies.ofTasks(row, this.picture.recordsWith({ ...row, tasks: [], attempts: [] }));
    this.measuredAt = performance.now();
    if (tally.progress === before?.progress) return false;
    this.tally = tally;
    this.tellAll();
    return true;
  }

  private tellAll(): void {
    this.seq += 1;
    this.pieces.clear();
    this.pieceBytes = 0;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  private async readChildren(): Promise<ChildRunRow[]> {
    return this.startsRuns
      ? this.parts.store.listChildRuns(this.picture.row.spec.id, API_LIMITS.childRunsShown)
      : this.children;
  }

  // --------------------------------------------------------------------------------------------- one client

  async *events(after: number | null, signal: AbortSignal, sender: () => Caller): AsyncIterable<EventFrame> {
    this.clients += 1;
    try {
      // A version that the run does not have yet is of another run, or of a store that is gone.
      let since = after === null || after > this.picture.version ? EVERYTHING : after;
      let told = 0;
      while (!signal.aborted && !this.stopped) {
        if (told === this.seq) {
          if (this.hasEnded()) {
            yield this.endFrame();
            return;
          }
          await this.change(signal);
          continue;
        }
        told = this.seq;
        const to = this.picture.version;
        for (let from: number | null = 0, part = 1; from !== null; part++) {
          const sight = await this.sightOf(sender());
          const piece: Piece = this.piece({ since, to, from, part }, sight);
          yield piece.frame;
          if (signal.aborted) return;
          from = piece.next;
        }
        since = to;
      }
    } finally {
      this.clients -= 1;
    }
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  private async sightOf(caller: Caller): Promise<Sight> {
    if (this.linkedProjects.length === 0) return this.sightWithout([]);
    const visible = await caller.visibleProjects();
    return this.sightWithout(
      visible === null ? [] : this.linkedProjects.filter((project) => !visible.includes(project)),
    );
  }

  private sightWithout(hidden: number[]): Sight {
    const key = hidden.join(',');
    const known = this.sights.get(key);
    if (known !== undefined) return known;
    const run = this.picture.row.spec.id;
    const shown = this.children.filter((child) => !hidden.includes(child.projectId));
    const children = new Map(
      shown.map((child) => [formatAttemptId({ run, task: child.task, n: child.attempt }), child.run]),
    );
    const sight = { key, children, withParent: this.parentProject === null || !hidden.includes(this.parentProject) };
    this.sights.set(key, sight);
    return sight;
  }

  private takeChildren(children: ChildRunRow[]): void {
    this.children = children;
    this.sights.clear();
    const linked = new Set(children.map((child) => child.projectId));
    if (this.parentProject !== null) linked.add(this.parentProject);
    linked.delete(this.picture.row.spec.projectId);
    this.linkedProjects = [...linked].sort((a, b) => a - b);
  }

  // ------------------------------------------------------------------------------------------------- frames

  private piece(telling: Telling, sight: Sight): Piece {
    const key = `${telling.since} ${telling.to} ${telling.from} ${telling.part} ${sight.key}`;
    const known = this.pieces.get(key);
    if (known !== undefined) return known;
    const made = telling.since === EVERYTHING ? this.snapshotPiece(telling, sight) : this.changesPiece(telling, sight);
    this.pieces.set(key, made);
    this.pieceBytes += made.frame.length;
    for (const [oldest, piece] of this.pieces) {
      if (this.pieceBytes <= API_LIMITS.eventCacheBytes || oldest === key) break;
      this.pieces.delete(oldest);
      this.pieceBytes -= piece.frame.length;
    }
    return made;
  }

  /** A client that loses the connection within a snapshot gets it anew: only the last part is worth its id. */
  private snapshotPiece({ since, to, from, part }: Telling, sight: Sight): Piece {
    const { texts, next } = this.tasksFrom(from, since, sight);
    const id = next === null ? String(to) : NOTHING_YET;
    const rest = `"part":${part},"isLast":${String(next === null)}`;
    const data = `{"run":${JSON.stringify(this.view(sight))},"tasks":[${texts.join(',')}],${rest}}`;
    return { frame: Buffer.from(`id: ${id}\nevent: snapshot\ndata: ${data}\n\n`), next };
  }

  /** Until all is told the id stays where it was: whoever comes back in between is told all of it again. */
  private changesPiece({ since, to, from }: Telling, sight: Sight): Piece {
    const { texts, next } = this.tasksFrom(from, since, sight);
    const tasks = texts.map((text) => `id: ${since}\nevent: task\ndata: ${text}\n\n`).join('');
    const run = next === null ? eventText({ event: 'run', data: this.view(sight) }, String(to)) : '';
    return { frame: Buffer.from(tasks + run), next };
  }

  /** As many as fit; one at least, however large. */
  private tasksFrom(from: number, since: number, sight: Sight): { texts: string[]; next: number | null } {
    const texts: string[] = [];
    let length = 0;
    let task = this.picture.nextChanged(from, since);
    while (task !== null && length < API_LIMITS.eventPieceBytes) {
      const text = JSON.stringify(this.picture.view(task, sight.children));
      texts.push(text);
      length += text.length;
      task = this.picture.nextChanged(task + 1, since);
    }
    return { texts, next: task };
  }

  private view(sight: Sight): RunView {
    const { row } = this.picture;
    const shown = sight.withParent ? row : { ...row, spec: { ...row.spec, parent: null } };
    if (this.tally === null) throw new Error(`run ${row.spec.id} is told before it was measured`);
    return runView(shown, this.tally, this.parts.clock());
  }

  private endFrame(): EventFrame {
    const { state } = this.picture.row.status;
    return Buffer.from(eventText({ event: 'end', data: { state } }, endId(this.picture.version)));
  }
}

function eventText({ event, data }: RunEvent, id: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The id of an event after which there is still everything to tell. */
const NOTHING_YET = '0';
const END = '-end';

function endId(version: number): string {
  return `${version}${END}`;
}

/** What a client that comes back has had: all up to a version, all there is, or nothing that is known here. */
export function readRunEventId(id: string | null): { kind: 'after'; version: number } | { kind: 'ended' | 'nothing' } {
  if (id === null) return { kind: 'nothing' };
  const isEnd = id.endsWith(END);
  const digits = isEnd ? id.slice(0, -END.length) : id;
  if (!/^[1-9]\d{0,14}$/.test(digits) && !(isEnd && digits === '0')) return { kind: 'nothing' };
  return isEnd ? { kind: 'ended' } : { kind: 'after', version: Number(digits) };
}
