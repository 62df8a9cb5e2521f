/**
 * Takes the pieces of logs that workers send and stores them, beside the master and never in its way.
 *
 * Owns: pieces that wait to be stored, a lane per log.
 * Invariants
 * 1. What waits is bounded in bytes. What does not fit is not taken, and the worker is told when to send it again.
 * 2. A log is written by one call at a time, in the order in which its pieces came; lanes take turns.
 * 3. A worker is told an offset only when everything before it is durable (or marked as a gap).
 * 4. While the log store fails, nothing is taken for a while that doubles up to `PAUSE_MAX_MS`; that is said once, not per piece.
 */
import {
  isOffset,
  LIMITS,
  LOG_GAP_REASONS,
  parseAttemptId,
  type AttemptId,
  type LogAcknowledged,
  type LogGap,
  type LogPiece,
} from '@pelorus/protocol';
import { LOG_CALL_BYTES, type LogStore } from './port.ts';

export interface LogsLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface LogIntakeOptions {
  logs: LogStore;
  log: LogsLog;
  /** Logs written side by side; default by the kind of store. */
  atOnce?: number;
  /** Bytes that may wait; default 64 MiB. */
  queueBytes?: number;
}

export interface LogIntake {
  /** Never throws and never waits; `answer` is called once or, when a later piece of the log answers for it, not at all. */
  take(piece: LogPiece, answer: (acknowledged: LogAcknowledged) => void): void;
  /** Stores what it has taken, then takes nothing more. */
  stop(): Promise<void>;
}

type Answer = (acknowledged: LogAcknowledged) => void;

interface Lane {
  attempt: AttemptId;
  pieces: Piece[];
  /** Of the last piece taken: the link that it came by is the one that lives. */
  answer: Answer;
}

interface Piece {
  offset: number;
  bytes: Uint8Array;
  gap: LogGap | null;
  isEnd: boolean;
}

/** In the database everything is written by one thread, which runs wait for. */
const AT_ONCE: Record<LogStore['kind'], number> = { directory: 8, s3: 32, database: 2 };
const QUEUE_BYTES = 64 * 1024 * 1024;
/** What a piece costs besides its bytes. */
const PIECE_COST_BYTES = 256;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 30_000;
const FULL_RETRY_MS = 1_000;
/** For what can never be stored. */
const NONSENSE_RETRY_MS = 600_000;

/** Starts taking pieces for a log store, which stays open when this stops. */
export function startLogIntake(options: LogIntakeOptions): LogIntake {
  return new Intake(options);
}

class Intake implements LogIntake {
  readonly #logs: LogStore;
  readonly #log: LogsLog;
  readonly #atOnce: number;
  readonly #queueBytes: number;
  readonly #lanes = new Map<AttemptId, Lane>();
  /** Lanes with pieces that nobody works on, in the order of their turns. */
  #turns: Lane[] = [];
  #waitingBytes = 0;
  #working = 0;
  #scheduled = false;
  #pausedUntil = -Infinity;
  #pauseMs = PAUSE_FIRST_MS;
  #failing = false;
  #stopped = false;
  #idle: (() => void)[] = [];

  constructor({ logs, log, atOnce, queueBytes }: LogIntakeOptions) {
    this.#logs = logs;
    this.#log = log;
    this.#atOnce = atOnce ?? AT_ONCE[logs.kind];
    this.#queueBytes = queueBytes ?? QUEUE_BYTES;
  }

  take(message: LogPiece, answer: Answer): void {
    const { attempt } = message;
    const piece = parsePiece(message);
    if (piece === null) {
      this.#log.warn({ attempt, worker: message.worker }, 'a piece of a log makes no sense');
      return answer(notTaken(attempt, NONSENSE_RETRY_MS));
    }
    const pauseMs = this.#pausedUntil - performance.now();
    if (pauseMs > 0) return answer(notTaken(attempt, Math.ceil(pauseMs)));
    const costBytes = costOf(piece);
    if (this.#stopped || this.#waitingBytes + costBytes > this.#queueBytes)
      return answer(notTaken(attempt, FULL_RETRY_MS));
    this.#waitingBytes += costBytes;
    const lane = this.#lanes.get(attempt) ?? { attempt, pieces: [], answer };
    lane.answer = answer;
    lane.pieces.push(piece);
    if (!this.#lanes.has(attempt)) {
      this.#lanes.set(attempt, lane);
      this.#turns.push(lane);
    }
    // At the end of this turn, so that pieces of one frame become one call.
    if (!this.#scheduled) queueMicrotask(() => this.#work());
    this.#scheduled = true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#lanes.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #work(): void {
    this.#scheduled = false;
    while (this.#working < this.#atOnce) {
      const lane = this.#turns.shift();
      if (lane === undefined) return;
      this.#working += 1;
      void this.#store(lane).finally(() => {
        this.#working -= 1;
        if (lane.pieces.length > 0) this.#turns.push(lane);
        else this.#lanes.delete(lane.attempt);
        if (this.#lanes.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
        this.#work();
      });
    }
  }

  /** A lane's turn: its next pieces, as many as one call should be about. Never rejects. */
  async #store(lane: Lane): Promise<void> {
    const pieces = this.#nextOf(lane);
    try {
      const { size, ended } = await storePieces(this.#logs, lane.attempt, joinPieces(pieces));
      this.#succeeded();
      lane.answer({ kind: 'log-ack', attempt: lane.attempt, offset: size, ended, retryAfterMs: 0 });
    } catch (error) {
      this.#failed(error);
      this.#nextOf(lane, Infinity);
      lane.answer(notTaken(lane.attempt, this.#pauseMs));
    }
  }

  #nextOf(lane: Lane, limitBytes = LOG_CALL_BYTES): Piece[] {
    let bytes = 0;
    const end = lane.pieces.findIndex((piece) => (bytes += piece.bytes.length) > limitBytes);
    const taken = lane.pieces.splice(0, end === -1 ? lane.pieces.length : Math.max(end, 1));
    for (const piece of taken) this.#waitingBytes -= costOf(piece);
    return taken;
  }

  #succeeded(): void {
    if (this.#failing) this.#log.info({ store: this.#logs.kind }, 'logs are being stored again');
    this.#failing = false;
    this.#pauseMs = PAUSE_FIRST_MS;
  }

  #failed(err: unknown): void {
    if (!this.#failing) this.#log.warn({ err, store: this.#logs.kind }, 'logs cannot be stored; workers keep them');
    else if (performance.now() > this.#pausedUntil) this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MAX_MS);
    this.#failing = true;
    this.#pausedUntil = performance.now() + this.#pauseMs;
  }
}

function notTaken(attempt: AttemptId, retryAfterMs: number): LogAcknowledged {
  return { kind: 'log-ack', attempt, offset: null, ended: false, retryAfterMs };
}

function costOf(piece: Piece): number {
  return piece.bytes.length + PIECE_COST_BYTES;
}

/** Workers run other people's code: what they send is looked at. */
function parsePiece({ attempt, offset, base64, gap, end }: LogPiece): Piece | null {
  if (typeof attempt !== 'string' || parseAttemptId(attempt) === null || !isOffset(offset)) return null;
  if (typeof base64 !== 'string' || base64.length > 2 * LIMITS.logPieceBytes) return null;
  const bytes = Buffer.from(base64, 'base64');
  if (gap === undefined) return { offset, bytes, gap: null, isEnd: end === true };
  if (!isOffset(gap.to) || gap.to <= offset || bytes.length > 0 || !LOG_GAP_REASONS.includes(gap.reason)) return null;
  return { offset, bytes, gap: { from: offset, to: gap.to, reason: gap.reason }, isEnd: end === true };
}

/** Pieces that follow one another become one, so that a fast log costs few calls. */
function joinPieces(pieces: readonly Piece[]): Piece[] {
  const joined: { offset: number; parts: Uint8Array[]; length: number; gap: LogGap | null; isEnd: boolean }[] = [];
  for (const { offset, bytes, gap, isEnd } of pieces) {
    const last = joined.at(-1);
    const follows = last !== undefined && last.gap === null && !last.isEnd && last.offset + last.length === offset;
    if (last === undefined || !follows || gap !== null || last.length === 0) {
      joined.push({ offset, parts: [bytes], length: bytes.length, gap, isEnd });
      continue;
    }
    last.parts.push(bytes);
    last.length += bytes.length;
    last.isEnd = isEnd;
  }
  return joined.map(({ offset, parts, gap, isEnd }) => ({
    offset,
    bytes: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts),
    gap,
    isEnd,
  }));
}

async function storePieces(
  logs: LogStore,
  attempt: AttemptId,
  pieces: readonly Piece[],
): Promise<{ size: number; ended: boolean }> {
  let size: number | null = null;
  let ended = false;
  for (const { offset, bytes, gap, isEnd } of pieces) {
    if (gap !== null) size = await logs.markGap(attempt, gap);
    else if (bytes.length > 0) size = await logs.append(attempt, offset, bytes);
    const total = gap?.to ?? offset + bytes.length;
    if (!isEnd) continue;
    size = await logs.complete(attempt, total);
    ended = size === total;
  }
  // Only asked how far it is.
  size ??= (await logs.stat(attempt))?.size ?? 0;
  return { size, ended };
}
