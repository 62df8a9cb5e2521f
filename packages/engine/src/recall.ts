/**
 * What a master asks of its workers before it begins anything of runs that are older than a store which went back in time: an attempt
 * that the store has forgotten may run there, or have ended.
 *
 * Owns: the tasks that wait for answers, and the attempts which workers hold though the store has not begun them. Decides nothing about
 * runs, and sends nothing.
 *
 * Invariants
 * 1. A task waits until every worker that is known has said that it never saw the attempt which would be its next, one of them at
 *    least, and until none holds a later attempt of it.
 * 2. Whoever knows that attempt is given it; workers begin an attempt once, so nothing begins by that.
 */
import { type AttemptId, type AttemptReport, parseAttemptId, type RunId, type WorkerId } from '@pelorus/protocol';
import type { Waiting } from './placement.ts';

/** How long workers have to dial again before what they have not claimed counts as not begun. */
export const RECALL_GATHER_MS = 5_000;
/** Of one message. */
const ASKED_AT_ONCE = 1_000;

interface Question {
  item: Waiting;
  asked: Set<WorkerId>;
  denied: Set<WorkerId>;
}

/** What is to be done now; each is told once, but for what waits on. */
export interface RecallStep {
  asks: { worker: WorkerId; attempts: AttemptId[] }[];
  adopt: { item: Waiting; worker: WorkerId }[];
  free: Waiting[];
  /** Attempts that are in the way of an earlier one of their task. */
  unfit: { worker: WorkerId; attempt: AttemptId }[];
}

export interface RecalledWorker {
  id: WorkerId;
  connected: boolean;
}

export class Recall {
  private readonly runsBefore: RunId;
  readonly gatheredAt: number;
  private readonly questions = new Map<AttemptId, Question>();
  private readonly ahead = new Map<AttemptId, { worker: WorkerId; unfit: boolean }>();
  private isNew = true;

  /** Runs from `runsBefore` on were made since. `at`: when a master began to listen, epoch ms. */
  constructor(runsBefore: RunId, at: number) {
    this.runsBefore = runsBefore;
    this.gatheredAt = at + RECALL_GATHER_MS;
  }

  covers(run: RunId): boolean {
    return run < this.runsBefore;
  }

  /** Whether its task waits for what workers say of it. */
  asksFor(attempt: AttemptId): boolean {
    return this.questions.has(attempt);
  }

  /** Whether this worker holds something that the store has not begun. */
  isHolder(worker: WorkerId): boolean {
    for (const holder of this.ahead.values()) if (holder.worker === worker) return true;
    return false;
  }

  /** `attempt` would be the next of that task. */
  add(attempt: AttemptId, item: Waiting): void {
    this.questions.set(attempt, { item, asked: new Set(), denied: new Set() });
    this.isNew = true;
  }

  /** Whether something may have come of it since `take`. */
  hasNews(at: number): boolean {
    return this.questions.size > 0 && at >= this.gatheredAt && this.isNew;
  }

  *waiting(): Generator<Waiting> {
    for (const { item } of this.questions.values()) yield item;
  }

  /** It says again what it holds, over another connection perhaps. */
  arrived(worker: WorkerId): void {
    for (const { asked } of this.questions.values()) asked.delete(worker);
    this.isNew = true;
  }

  gone(worker: WorkerId): void {
    for (const [attempt, holder] of this.ahead) if (holder.worker === worker) this.ahead.delete(attempt);
    this.isNew = true;
  }

  /** The store has not begun that attempt, and this worker has. */
  holds(worker: WorkerId, attempt: AttemptId): void {
    this.ahead.set(attempt, { worker, unfit: false });
    this.isNew = true;
  }

  /** What a worker says of an attempt that the store has not begun. True: it is to be acknowledged, for it is dismissed. */
  heard(worker: WorkerId, report: AttemptReport): boolean {
    const { attempt, kind } = report;
    this.isNew = true;
    if (kind === 'never_seen') {
      this.questions.get(attempt)?.denied.add(worker);
      if (this.ahead.get(attempt)?.worker === worker) this.ahead.delete(attempt);
      return false;
    }
    const isEnd = kind !== 'accepted' && kind !== 'running';
    if (!isEnd || this.ahead.get(attempt)?.unfit !== true) {
      if (!this.ahead.has(attempt)) this.ahead.set(attempt, { worker, unfit: false });
      return false;
    }
    this.ahead.delete(attempt);
    return true;
  }

  /** Those that will never be wanted. `isWanted` says it of an attempt. */
  dropUnwanted(isWanted: (attempt: AttemptId) => boolean): { worker: WorkerId; attempt: AttemptId }[] {
    const dropped: { worker: WorkerId; attempt: AttemptId }[] = [];
    for (const [attempt, { worker }] of this.ahead) {
      if (isWanted(attempt)) continue;
      this.ahead.delete(attempt);
      dropped.push({ worker, attempt });
    }
    return dropped;
  }

  take(workers: readonly RecalledWorker[], isWaiting: (item: Waiting) => boolean): RecallStep {
    this.isNew = false;
    const step: RecallStep = { asks: [], adopt: [], free: [], unfit: [] };
    const asks = new Map<WorkerId, AttemptId[]>();
    for (const [attempt, question] of this.questions) {
      const { item } = question;
      const holder = this.ahead.get(attempt);
      if (!isWaiting(item)) this.questions.delete(attempt);
      else if (holder) {
        this.questions.delete(attempt);
        this.ahead.delete(attempt);
        step.adopt.push({ item, worker: holder.worker });
      } else if (!this.mayBegin(question, workers)) askOthers(attempt, question, { workers, asks });
      else if (!this.refuseLater(item, step)) {
        this.questions.delete(attempt);
        step.free.push(item);
      }
    }
    for (const [worker, attempts] of asks)
      for (let from = 0; from < attempts.length; from += ASKED_AT_ONCE)
        step.asks.push({ worker, attempts: attempts.slice(from, from + ASKED_AT_ONCE) });
    return step;
  }

  protected mayBegin({ denied }: Pick<Question, 'denied'>, workers: readonly RecalledWorker[]): boolean {
    return denied.size > 0 && workers.every(({ id }) => denied.has(id));
  }

  /** Whether some worker holds a later attempt of the task; it is told to end it, until it has. */
  private refuseLater({ run, task }: Waiting, step: RecallStep): boolean {
    let isHeld = false;
    for (const [attempt, holder] of this.ahead) {
      const key = parseAttemptId(attempt)!;
      if (key.run !== run || key.task !== task) continue;
      isHeld = true;
      if (!holder.unfit) step.unfit.push({ worker: holder.worker, attempt });
      holder.unfit = true;
    }
    return isHeld;
  }
}

function askOthers(
  attempt: AttemptId,
  { asked, denied }: Question,
  { workers, asks }: { workers: readonly RecalledWorker[]; asks: Map<WorkerId, AttemptId[]> },
): void {
  for (const { id, connected } of workers) {
    if (!connected || asked.has(id) || denied.has(id)) continue;
    asked.add(id);
    const list = asks.get(id);
    if (list) list.push(attempt);
    else asks.set(id, [attempt]);
  }
}
