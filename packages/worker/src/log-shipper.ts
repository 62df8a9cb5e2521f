/**
 * Sends what attempts write to the master they are linked to, for the log store, as it is written. The log files on this
 * disk are the spool: each stays until the log store has all of it, and then some, for stragglers.
 *
 * Owns: how far each log has been acknowledged and sent; the deletion of log files. It does not own the files' content,
 * which tasks append to and the supervisor cuts back.
 *
 * Invariants
 * 1. Nothing is deleted, or given up, that was neither acknowledged nor marked as a gap.
 * 2. What is on its way is bounded, per link and per log, and logs take turns by the piece.
 * 3. Nothing here must survive the agent: after a restart the log store is asked how far each log is.
 * 4. What waits to be shipped is bounded in total; beyond that the oldest log gives up what it has, as a gap.
 */
import { existsSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import {
  heldBefore,
  LIMITS,
  logSize,
  withGap,
  type AttemptId,
  type LogAcknowledged,
  type WorkerId,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { attemptLogPath, logMetaPath, readLogGaps, writeLogGaps } from './attempt-log.ts';
import { attemptsWithLogs, sweepLogFolder } from './log-folder.ts';
import { nextPiece, type NextPiece } from './log-pieces.ts';
import { hasMore, newShippedLog, unshipped, type ShippedLog } from './shipped-log.ts';

export interface LogShipperOptions {
  logDir: string;
  worker: WorkerId;
  log: { warn(fields: object, message: string): void };
  limits?: Partial<ShipLimits>;
}

export interface ShipLimits {
  /** Bytes not shipped yet that are kept. */
  spoolBytes: number;
  pieceBytes: number;
  /** Bytes on their way. */
  linkWindowBytes: number;
  logWindowBytes: number;
  /** How often a log that is being written is looked at: at first, and when nothing has happened for a while. */
  lookMs: number;
  lookMaxMs: number;
  /** A log that has been shipped is kept this long, for what survivors of the task, or the supervisor, still write. */
  lingerMs: number;
  /** Without an answer for so long everything behind the last acknowledgement is sent again; doubled each time. */
  answerMs: number;
  answerMaxMs: number;
}

export const SHIP_LIMITS: ShipLimits = {
  spoolBytes: LIMITS.logSpoolBytes,
  pieceBytes: LIMITS.logPieceBytes / 2,
  linkWindowBytes: 2 * 1024 * 1024,
  logWindowBytes: 512 * 1024,
  lookMs: 200,
  lookMaxMs: 2_000,
  lingerMs: 5_000,
  answerMs: 10_000,
  answerMaxMs: 60_000,
};

type Send = (messages: WorkerToMaster[]) => void;

const TICK_MS = 100;
const SPOOL_CHECK_MS = 1_000;
const SWEEP_MS = 600_000;
/** Logs read at a time. */
const READS_AT_ONCE = 4;
/** What a message costs besides its bytes. */
const PIECE_COST_BYTES = 200;
/** Once too much waits, this much of the bound is left. */
const SPOOL_LOW = 0.9;
/** A log may be shorter than it was for a moment, while it is cut back. */
const SHRUNKEN_MS = 150;
const TROUBLE_MS = 200;
const REFUSED_MS = 1_000;
const FINISH_MS = 2_000;
const FINISH_POLL_MS = 10;

export class LogShipper {
  readonly #options: LogShipperOptions;
  readonly #limits: ShipLimits;
  /** In the order in which they came. */
  readonly #logs = new Map<AttemptId, ShippedLog>();
  /** Those of attempts that have not ended. */
  readonly #live = new Set<ShippedLog>();
  /** Those that are tried again when nothing is heard: with pieces, an end or a question unanswered, or after trouble. */
  readonly #waiting = new Set<ShippedLog>();
  /** Those with something to send, in the order of their turns. */
  #turns: ShippedLog[] = [];
  /** Shipped, in the order in which their time is over. */
  #lingering: { log: ShippedLog; until: number }[] = [];
  #send: Send | null = null;
  #flyingBytes = 0;
  #reading = 0;
  /** The log store takes nothing before. */
  #pausedUntil = -Infinity;
  #spoolCheckAt = 0;
  #gaveUp = false;
  #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(options: LogShipperOptions) {
    this.#options = options;
    this.#limits = { ...SHIP_LIMITS, ...options.limits };
  }

  /** The supervisor that there is now holds these attempts, and no other runs. */
  hold({ live, ended }: { live: readonly AttemptId[]; ended: readonly AttemptId[] }): void {
    const running = new Set(live);
    for (const attempt of live) if (!this.#logs.has(attempt)) this.#track(attempt, { ended: false, isNew: false });
    for (const { attempt } of this.#live) if (!running.has(attempt)) this.ended(attempt);
    for (const attempt of ended)
      if (!this.#logs.has(attempt)) this.#enqueue(this.#track(attempt, { ended: true, isNew: false }));
  }

  /** Begins to look after logs, those that an earlier agent left on the disk too. */
  async start(): Promise<void> {
    this.#timers = [
      setInterval(() => this.#tick(), TICK_MS).unref(),
      setInterval(() => void sweepLogFolder(this.#options.logDir), SWEEP_MS).unref(),
    ];
    await this.#findLeft();
  }

  /** An attempt began; its log is new. */
  started(attempt: AttemptId): void {
    if (!this.#logs.has(attempt)) this.#track(attempt, { ended: false, isNew: true });
  }

  /** An attempt has ended, and all that it wrote is in its log. */
  ended(attempt: AttemptId): void {
    const log = this.#logs.get(attempt) ?? this.#track(attempt, { ended: true, isNew: true });
    log.ended = true;
    this.#live.delete(log);
    this.#enqueue(log);
  }

  linkUp(send: Send): void {
    this.#send = send;
    this.#pausedUntil = -Infinity;
    for (const log of this.#logs.values()) {
      this.#rewind(log);
      if (hasMore(log)) this.#enqueue(log);
    }
  }

  linkDown(): void {
    this.#send = null;
  }

  onAcknowledged({ attempt, offset, ended, retryAfterMs }: LogAcknowledged): void {
    const log = this.#logs.get(attempt);
    if (log === undefined) return;
    if (offset === null) {
      this.#rewind(log);
      this.#pausedUntil = Math.max(this.#pausedUntil, now() + retryAfterMs * (1 + Math.random() / 4));
    } else if (!this.#advance(log, offset, ended)) {
      // Refused, for lying behind a hole: from there again, but not at once, lest two that disagree keep each other busy.
      this.#rewind(log);
      return this.#tryAgainIn(log, REFUSED_MS * 2 ** Math.min(log.tries, 6));
    }
    if (hasMore(log)) this.#enqueue(log);
    this.#work();
  }

  /** Gives what has ended a moment to be shipped, then stops. What is left on the disk is shipped by the next agent. */
  async stop(): Promise<void> {
    const deadline = now() + FINISH_MS;
    while (this.#send !== null && now() < deadline && this.#isShippingEnds())
      await new Promise((resolve) => setTimeout(resolve, FINISH_POLL_MS));
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** For tests and figures. */
  get figures(): { logs: number; unshippedBytes: number; flyingBytes: number } {
    return { logs: this.#logs.size, unshippedBytes: this.#unshippedBytes(), flyingBytes: this.#flyingBytes };
  }

  // Which logs there are

  #track(attempt: AttemptId, { ended, isNew }: { ended: boolean; isNew: boolean }): ShippedLog {
    const { lookMs } = this.#limits;
    const path = attemptLogPath(this.#options.logDir, attempt);
    const log = newShippedLog({ attempt, path, ended, lookMs, lookAt: now() + lookMs }, isNew);
    this.#logs.set(attempt, log);
    if (!ended) this.#live.add(log);
    return log;
  }

  /** Logs of attempts that ended under an earlier agent. */
  async #findLeft(): Promise<void> {
    for await (const attempt of attemptsWithLogs(this.#options.logDir)) {
      if (this.#stopped) return;
      if (this.#logs.has(attempt)) continue;
      const log = this.#track(attempt, { ended: true, isNew: false });
      log.size = bytesIn(log.path) ?? 0;
      this.#enqueue(log);
    }
  }

  // Time

  #tick(): void {
    const at = now();
    for (const log of this.#waiting) if (at >= log.answerBy) this.#tryAgain(log);
    for (const log of this.#live) if (at >= log.lookAt && !log.queued) this.#lookAt(log);
    if (at >= this.#spoolCheckAt) this.#boundSpool();
    this.#endLinger(at);
    this.#work();
  }

  #tryAgain(log: ShippedLog): void {
    log.tries += 1;
    this.#rewind(log);
    if (hasMore(log) || log.shrunkenSince !== null) this.#enqueue(log);
  }

  #tryAgainIn(log: ShippedLog, waitMs: number): void {
    log.answerBy = now() + waitMs;
    this.#waiting.add(log);
  }

  #lookAt(log: ShippedLog): void {
    const before = log.size;
    this.#look(log);
    log.lookMs = log.size > before ? this.#limits.lookMs : Math.min(log.lookMs * 1.5, this.#limits.lookMaxMs);
    log.lookAt = now() + log.lookMs;
    if (!hasMore(log)) return;
    this.#enqueue(log);
    this.#work();
  }

  /** Sees how long the log is now; false when that cannot be said. */
  #look(log: ShippedLog): boolean {
    const heldBytes = bytesIn(log.path);
    if (heldBytes === null) return false;
    const size = logSize(heldBytes, readLogGaps(log.path));
    if (size >= Math.max(log.sent, log.acked ?? 0)) {
      log.size = size;
      log.shrunkenSince = null;
      return true;
    }
    // At first it may be the supervisor that is cutting it back and has not said so yet; later, the task has emptied it.
    log.shrunkenSince ??= now();
    if (now() - log.shrunkenSince < SHRUNKEN_MS) return false;
    log.shrunkenSince = null;
    this.#beginAnew(log, heldBytes);
    return true;
  }

  /** What the file holds now follows on what it held before, as far as that was seen. */
  #beginAnew(log: ShippedLog, heldBytes: number): void {
    const to = Math.max(log.size, log.sent, log.acked ?? 0);
    log.size = to;
    try {
      writeLogGaps(log.path, [{ from: 0, to, reason: 'truncated' }]);
      log.size += heldBytes;
    } catch (error) {
      const { message } = error as Error;
      this.#options.log.warn(
        { attempt: log.attempt, error: message },
        'what follows in an emptied log cannot be shipped',
      );
    }
  }

  // Sending

  #enqueue(log: ShippedLog): void {
    if (log.queued) return;
    log.queued = true;
    this.#turns.push(log);
  }

  #work(): void {
    while (this.#reading < READS_AT_ONCE && this.#maySend()) {
      const log = this.#turns.shift();
      if (log === undefined) return;
      log.queued = false;
      if (log.flyingBytes >= this.#limits.logWindowBytes) continue;
      this.#reading += 1;
      void this.#sendNext(log).finally(() => {
        this.#reading -= 1;
        this.#work();
      });
    }
  }

  #maySend(): boolean {
    const open = this.#send !== null && !this.#stopped && now() >= this.#pausedUntil;
    return open && this.#flyingBytes < this.#limits.linkWindowBytes;
  }

  /** Sends the next piece of a log, or its end, or the question how far it is. Never rejects. */
  async #sendNext(log: ShippedLog): Promise<void> {
    if (log.acked === null) return this.#post(log, { offset: 0, base64: '' }, 0);
    const { sent } = log;
    const send = this.#send;
    const piece = this.#look(log) ? await nextPiece(log, this.#limits.pieceBytes) : null;
    // Meanwhile the link may be another one, or an answer may have set it back.
    if (send !== this.#send || sent !== log.sent) return hasMore(log) ? this.#enqueue(log) : undefined;
    if (piece === null)
      return hasMore(log) || log.shrunkenSince !== null ? this.#tryAgainIn(log, TROUBLE_MS) : undefined;
    const { bytes, ...message } = piece;
    log.sent = Math.max(sent, message.gap?.to ?? sent + bytes);
    if (message.end) log.endSent = log.sent;
    this.#post(log, message, bytes);
    if (hasMore(log)) this.#enqueue(log);
  }

  #post(log: ShippedLog, piece: Omit<NextPiece, 'bytes'>, bytes: number): void {
    const cost = bytes + PIECE_COST_BYTES;
    log.flying.push({ end: piece.gap?.to ?? piece.offset + bytes, isEnd: piece.end === true, bytes: cost });
    log.flyingBytes += cost;
    this.#flyingBytes += cost;
    const { answerMs, answerMaxMs } = this.#limits;
    this.#tryAgainIn(log, Math.min(answerMs * 2 ** Math.min(log.tries, 16), answerMaxMs));
    this.#send?.([{ kind: 'log', worker: this.#options.worker, attempt: log.attempt, ...piece }]);
  }

  // What is said to it

  /** Takes note of what the log store has; false when what was on its way has not got there. */
  #advance(log: ShippedLog, offset: number, ended: boolean): boolean {
    const wasAsked = log.acked === null;
    const isFurther = offset > log.sent;
    log.acked = offset;
    if (wasAsked || isFurther) {
      this.#rewind(log);
      return true;
    }
    const landed = log.flying.filter(({ end, isEnd }) => end <= offset && (ended || !isEnd));
    if (landed.length === 0) return false;
    log.tries = 0;
    log.flying = log.flying.filter((piece) => !landed.includes(piece));
    for (const { bytes } of landed) {
      log.flyingBytes -= bytes;
      this.#flyingBytes -= bytes;
    }
    if (log.flying.length > 0) return true;
    this.#waiting.delete(log);
    if (!ended || log.endSent !== offset) return true;
    log.endAcked = offset;
    this.#lingering.push({ log, until: now() + this.#limits.lingerMs });
    return true;
  }

  /** Back to what has been acknowledged; nothing is on its way. */
  #rewind(log: ShippedLog): void {
    this.#flyingBytes -= log.flyingBytes;
    log.flying = [];
    log.flyingBytes = 0;
    log.sent = log.acked ?? 0;
    log.endSent = log.endAcked;
    log.cutTold = -1;
    this.#waiting.delete(log);
  }

  // Getting rid of logs

  #endLinger(at: number): void {
    const count = this.#lingering.findIndex(({ until }) => until > at);
    const over = this.#lingering.splice(0, count === -1 ? this.#lingering.length : count);
    for (const { log } of over) this.#remove(log);
  }

  /** Deletes a log that the log store has, unless more of it has been written since. */
  #remove(log: ShippedLog): void {
    const known = this.#look(log);
    if (!known) return void this.#lingering.push({ log, until: now() + this.#limits.lingerMs });
    if (log.size !== log.endAcked) {
      this.#enqueue(log);
      return this.#work();
    }
    this.#rewind(log);
    this.#logs.delete(log.attempt);
    for (const path of [log.path, logMetaPath(log.path)]) if (existsSync(path)) removeFile(path);
  }

  /** Invariant 4. */
  #boundSpool(): void {
    this.#spoolCheckAt = now() + SPOOL_CHECK_MS;
    let waiting = this.#unshippedBytes();
    if (waiting <= this.#limits.spoolBytes) {
      this.#gaveUp = false;
      return;
    }
    for (const log of this.#logs.values()) {
      if (waiting <= this.#limits.spoolBytes * SPOOL_LOW) break;
      waiting -= this.#giveUp(log);
    }
    if (!this.#gaveUp)
      this.#options.log.warn(
        { limitBytes: this.#limits.spoolBytes },
        'too much log waits to be shipped; the oldest is given up',
      );
    this.#gaveUp = true;
  }

  #unshippedBytes(): number {
    let sum = 0;
    for (const log of this.#logs.values()) sum += unshipped(log);
    return sum;
  }

  /** All of a log that has not been shipped becomes a gap; answers how much that is. */
  #giveUp(log: ShippedLog): number {
    const waiting = unshipped(log);
    if (waiting === 0) return 0;
    try {
      const gaps = readLogGaps(log.path);
      const size = logSize(bytesIn(log.path) ?? 0, gaps);
      const from = Math.min(log.acked ?? 0, size);
      if (size > from) {
        const cut = withGap(gaps, { from, to: size, reason: 'spool' });
        truncateSync(log.path, heldBefore(cut.at(-1)?.from ?? from, gaps));
        writeLogGaps(log.path, cut);
      }
      log.size = size;
      this.#rewind(log);
      this.#enqueue(log);
      log.givenUpTo = size;
      return waiting;
    } catch (error) {
      this.#options.log.warn({ attempt: log.attempt, error: (error as Error).message }, 'a log cannot be given up');
      return 0;
    }
  }

  #isShippingEnds(): boolean {
    for (const log of this.#logs.values()) if (log.ended && log.endAcked !== log.size) return true;
    return false;
  }
}

/** On a clock that never steps, ms. */
function now(): number {
  return performance.now();
}

/** Null: that cannot be said. A file that is not there holds nothing. */
function bytesIn(path: string): number | null {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return null;
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next agent finds it, is told that it has been stored, and tries again.
  }
}
