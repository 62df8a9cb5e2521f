/**
 * The supervisor's side of the masking process: started when the first attempt with secrets comes, started again when it dies.
 *
 * Invariants:
 * 1. An attempt with secrets starts only when its pipe is being read, and never writes to its log itself.
 * 2. A pipe whose reader has died gets another one, with the same secrets if they are known; without them nothing is shown. What is
 *    in the pipe by then is not lost: this process has it open, too, and never reads it.
 * 3. Whoever waits for the last output of an attempt waits no longer than {@link DRAIN_LIMIT_MS}.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AttemptId } from '@pelorus/protocol';
import { openLineChannel, type LineChannel } from '../line-channel.ts';
import { MASKER_CHANNEL_FD, type MaskerToSupervisor, type SupervisorToMasker } from '../masker/messages.ts';
import { appendLogNotice } from './attempt-log-file.ts';
import { isSameProcess, processStartTime } from './process-table.ts';

/** Where an attempt's output goes and who reads it there. */
export interface MaskedPipe {
  path: string;
  reader: { pid: number; startTime: number | null };
}

interface Stream {
  secrets: string[] | null;
  logPath: string;
  pipe: string | null;
  /** The pipe held open, or null. */
  holder: number | null;
  /** Told once where to write, or why that is impossible. */
  onOpen: ((opened: MaskedPipe | { problem: string }) => void) | null;
  onDrained: (() => void) | null;
}

/** A pipe that the masking process of an earlier supervisor still reads. */
interface Foreign extends Pick<Stream, 'secrets' | 'logPath' | 'holder'> {
  pipe: MaskedPipe;
}

interface Reader {
  pid: number;
  startTime: number | null;
  channel: LineChannel<SupervisorToMasker>;
}

const MASKER_MAIN = fileURLToPath(new URL(`../masker/main${extname(import.meta.url)}`, import.meta.url));
const MASKER_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=512'];
/** Of a process that is stopped, or whose log's disk hangs: one that died is replaced, which takes a while on a busy host. */
const DRAIN_LIMIT_MS = 20_000;
const FOREIGN_POLL_MS = 25;
const STARTS_MAX = 3;
const RESTART_MS = 100;

export class OutputMasker {
  readonly #directory: string;
  readonly #env: Record<string, string>;
  readonly #streams = new Map<AttemptId, Stream>();
  readonly #foreign = new Map<AttemptId, Foreign>();
  #reader: Reader | null = null;
  /** Starts since one was last ready. */
  #starts = 0;
  #closed = false;

  constructor(dataDir: string, env: Record<string, string>) {
    this.#directory = join(dataDir, 'pipes');
    this.#env = env;
  }

  /** Removes pipes that nobody of this data directory uses any more; `used` are those that attempts write to. */
  prune(used: ReadonlySet<string>): void {
    if (!existsSync(this.#directory)) return;
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      // Another supervisor's masking process still hands out the pipes that it has made.
      const [pid] = name.split('-').map(Number);
      if (!used.has(path) && processStartTime(pid ?? 0) === null) rmSync(path, { force: true });
    }
  }

  /** Calls back with the pipe that the attempt is to write to, or with the reason why its output cannot be masked. */
  open(
    attempt: AttemptId,
    secrets: string[],
    logPath: string,
    onOpen: (opened: MaskedPipe | { problem: string }) => void,
  ): void {
    this.#add(attempt, { secrets, logPath, pipe: null, holder: null, onOpen, onDrained: null });
  }

  /** Sees to it that somebody reads the pipe of an attempt that was started by an earlier supervisor. */
  adopt(attempt: AttemptId, pipe: MaskedPipe, secrets: string[] | null, logPath: string): void {
    const holder = hold(pipe.path);
    if (holder === null) return;
    this.#foreign.set(attempt, { pipe, secrets, logPath, holder });
    this.tick();
  }

  /** Called about once a second: takes over what an earlier supervisor's process does not read any more. */
  tick(): void {
    for (const [attempt, { pipe, secrets, logPath, holder }] of this.#foreign) {
      if (isSameProcess(pipe.reader.pid, pipe.reader.startTime)) continue;
      this.#foreign.delete(attempt);
      this.#add(attempt, { secrets, logPath, pipe: pipe.path, holder, onOpen: null, onDrained: null });
    }
  }

  /** Calls back when what the attempt has written until now is in its log, or that took too long. */
  finish(attempt: AttemptId, done: () => void): void {
    this.tick();
    if (this.#foreign.has(attempt)) return this.#awaitForeign(attempt, performance.now() + DRAIN_LIMIT_MS, done);
    const stream = this.#streams.get(attempt);
    if (!stream) return done();
    stream.onOpen = null;
    const limit = setTimeout(() => stream.onDrained?.(), DRAIN_LIMIT_MS);
    stream.onDrained = () => {
      clearTimeout(limit);
      stream.onDrained = null;
      this.#drop(attempt, stream);
      done();
    };
    this.#reader?.channel.send({ kind: 'finish', attempt });
  }

  /** Lets go of the process, which ends when nobody writes to it any more. */
  close(): void {
    this.#closed = true;
    this.#reader?.channel.end();
  }

  #add(attempt: AttemptId, stream: Stream): void {
    this.#streams.set(attempt, stream);
    if (this.#reader) this.#sendOpen(this.#reader, attempt, stream);
    else if (this.#starts === 0) this.#start();
  }

  #drop(attempt: AttemptId, stream: Pick<Stream, 'holder'>): void {
    this.#streams.delete(attempt);
    this.#foreign.delete(attempt);
    if (stream.holder !== null) closeSync(stream.holder);
    stream.holder = null;
  }

  #sendOpen(reader: Reader, attempt: AttemptId, { secrets, logPath, pipe }: Stream): void {
    reader.channel.send({ kind: 'open', attempt, secrets, logPath, pipe });
  }

  #start(): void {
    this.#starts += 1;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const log = openSync(join(this.#directory, '..', 'supervisor.log'), 'a', 0o600);
    const child = spawn(process.execPath, [...MASKER_FLAGS, MASKER_MAIN, this.#directory], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, 'pipe'],
      env: this.#env,
    });
    closeSync(log);
    child.on('error', () => this.#onReaderGone());
    if (child.pid === undefined) return;
    const reader: Reader = {
      pid: child.pid,
      startTime: processStartTime(child.pid),
      channel: openLineChannel<SupervisorToMasker, MaskerToSupervisor>(
        child.stdio[MASKER_CHANNEL_FD] as Duplex,
        (messages) => messages.forEach((message) => this.#onMessage(reader, message)),
        () => {},
      ),
    };
    this.#reader = reader;
    child.on('exit', () => this.#onReaderGone());
    for (const [attempt, stream] of this.#streams) {
      this.#sendOpen(reader, attempt, stream);
      if (stream.onDrained) reader.channel.send({ kind: 'finish', attempt });
    }
  }

  #onMessage(reader: Reader, message: MaskerToSupervisor): void {
    if (message.kind === 'ready') {
      this.#starts = 0;
      return;
    }
    const stream = this.#streams.get(message.attempt);
    if (!stream) return;
    if (message.kind === 'drained') return stream.onDrained?.();
    const { onOpen } = stream;
    stream.onOpen = null;
    if (message.kind === 'failed') {
      this.#drop(message.attempt, stream);
      return onOpen ? onOpen({ problem: message.detail }) : stream.onDrained?.();
    }
    stream.pipe = message.pipe;
    stream.holder ??= hold(message.pipe);
    onOpen?.({ path: message.pipe, reader: { pid: reader.pid, startTime: reader.startTime } });
  }

  #onReaderGone(): void {
    this.#reader = null;
    if (this.#closed) return;
    if (this.#starts >= STARTS_MAX) return this.#giveUp();
    const reading = [...this.#streams.values()].filter(({ pipe }) => pipe !== null);
    for (const { logPath } of reading)
      appendLogNotice(logPath, 'the process that masks secrets had to be started again');
    if (this.#streams.size > 0) setTimeout(() => this.#reader === null && !this.#closed && this.#start(), RESTART_MS);
  }

  /** What runs is left without a reader, and waits when its pipe is full, until another start works. */
  #giveUp(): void {
    this.#starts = 0;
    for (const [attempt, stream] of [...this.#streams]) {
      if (stream.pipe !== null && !stream.onDrained) continue;
      this.#drop(attempt, stream);
      stream.onDrained?.();
      stream.onOpen?.({ problem: 'the process that masks secrets cannot be started' });
    }
    if (this.#streams.size > 0)
      setTimeout(() => this.#reader === null && !this.#closed && this.#start(), RESTART_MS * 10);
  }

  /** An earlier supervisor's process cannot be spoken to; its pipe goes when it is done with it. */
  #awaitForeign(attempt: AttemptId, until: number, done: () => void): void {
    const foreign = this.#foreign.get(attempt);
    if (!foreign) return this.finish(attempt, done);
    if (existsSync(foreign.pipe.path) && performance.now() < until)
      return void setTimeout(() => this.#awaitForeign(attempt, until, done), FOREIGN_POLL_MS);
    this.#drop(attempt, foreign);
    done();
  }
}

/** Opens a pipe without reading it; null when there is none. */
function hold(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
