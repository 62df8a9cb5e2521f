/**
 * Warm Node processes that run one call at a time. It owns the processes and who of them is busy; what a call means is
 * the runner's. Few at first, one more whenever work has waited a moment, down to one when idle.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLineChannel, type LineChannel } from '../line-channel.ts';
import { POOL_CHANNEL_FD, type PoolToSupervisor, type SupervisorToPool } from '../pool/messages.ts';
import type { AttemptGroup } from './attempt-groups.ts';
import { limitedStart, type Limiting } from './limited-start.ts';
import { processStartTime } from './process-table.ts';

export interface PoolProcess {
  readonly pid: number;
  readonly startTime: number | null;
  readonly cgroup: AttemptGroup | null;
  send(message: SupervisorToPool): void;
}

export interface PoolExit {
  code: number | null;
  signal: string | null;
  /** What reached its descriptors 1 and 2 and was not moved to a log. */
  said: string;
}

export interface PoolListener {
  onMessage(process: PoolProcess, message: PoolToSupervisor): void;
  /** No process comes up; those who wait have been sent away. */
  onBroken(problem: string): void;
  /** The process is gone; it may or may not have been in use. */
  onExit(process: PoolProcess, exit: PoolExit): void;
}

interface Member extends PoolProcess {
  child: ChildProcess;
  channel: LineChannel<SupervisorToPool>;
  state: 'booting' | 'idle' | 'busy' | 'leaving';
  /** What reaches its descriptors 1 and 2: a file without a name, because a call may print a secret past its log. */
  output: number;
  idleSince: number;
}

const POOL_MAIN = fileURLToPath(new URL(`../pool/main${extname(import.meta.url)}`, import.meta.url));
/** A script that needs a larger heap than this is a program, and should be run as one. */
const HEAP_MIB = 2048;
const POOL_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--enable-source-maps',
  `--max-old-space-size=${HEAP_MIB}`,
];
/** Work that has waited this long is worth another process; a busy one often is free sooner. */
const GROW_AFTER_MS = 10;
const IDLE_MS = 30_000;
const BOOT_FAILURES_MAX = 3;
const SAID_BYTES = 1024 * 1024;

export class CallPool {
  readonly #directory: string;
  readonly #env: Record<string, string>;
  readonly #listener: PoolListener;
  readonly #limiting: Limiting | null;
  /** So many idle processes stay. */
  readonly #keepIdle: number;
  readonly #members = new Set<Member>();
  readonly #idle: Member[] = [];
  readonly #waiting: ((process: PoolProcess) => void)[] = [];
  #growTimer: NodeJS.Timeout | null = null;
  #spawned = 0;
  /** Processes in a row that ended before they were ready. */
  #bootFailures = 0;
  #closed = false;
  limit: number;

  /** `limiting`: none for processes that run no attempts. */
  constructor(
    directory: string,
    env: Record<string, string>,
    limit: number,
    listener: PoolListener,
    { limiting = null, keepIdle = 1 }: { limiting?: Limiting | null; keepIdle?: number } = {},
  ) {
    this.#limiting = limiting;
    this.#directory = directory;
    this.#env = env;
    this.limit = limit;
    this.#listener = listener;
    this.#keepIdle = keepIdle;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Calls back with a process of one's own, in order of asking (`urgent`: before all others), at once if one is idle. */
  acquire(callback: (process: PoolProcess) => void, urgent = false): void {
    const member = this.#idle.pop();
    if (member) return this.#give(member, callback);
    if (urgent) this.#waiting.unshift(callback);
    else this.#waiting.push(callback);
    if (this.#members.size === 0) this.#spawn();
    else this.#growIn(GROW_AFTER_MS);
  }

  withdraw(callback: (process: PoolProcess) => void): boolean {
    const index = this.#waiting.indexOf(callback);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }

  /** The process is free for the next call. */
  release(process: PoolProcess): void {
    const member = process as Member;
    if (member.state !== 'busy') return;
    const next = this.#waiting.shift();
    if (next) return next(member);
    member.state = 'idle';
    member.idleSince = Date.now();
    this.#idle.push(member);
  }

  /** The process serves nobody else; it ends by itself or is ended by its runner. */
  retire(process: PoolProcess): void {
    (process as Member).state = 'leaving';
    if (this.#waiting.length > 0) this.#growIn(0);
  }

  /** Has a process ready before it is needed. */
  warm(): void {
    if (this.#members.size === 0 && !this.#closed) this.#spawn();
  }

  trimIdle(now: number): void {
    while (this.#idle.length > this.#keepIdle && (this.#idle[0]?.idleSince ?? now) < now - IDLE_MS) {
      const member = this.#idle.shift();
      if (member) this.#dismiss(member);
    }
  }

  /** Lets go of all: idle ones end now, busy ones after their call. */
  close(): void {
    this.#closed = true;
    for (const member of this.#members) this.#dismiss(member);
  }

  #give(member: Member, callback: (process: PoolProcess) => void): void {
    member.state = 'busy';
    callback(member);
  }

  #dismiss(member: Member): void {
    member.state = 'leaving';
    member.channel.end();
  }

  #growIn(waitMs: number): void {
    if (this.#growTimer) return;
    this.#growTimer = setTimeout(() => {
      this.#growTimer = null;
      this.#grow();
    }, waitMs);
  }

  #grow(): void {
    if (this.#waiting.length === 0 || this.#closed) return;
    const serving = [...this.#members].filter((member) => member.state !== 'leaving');
    if (serving.length < this.limit && !serving.some((member) => member.state === 'booting')) this.#spawn();
    this.#growIn(GROW_AFTER_MS);
  }

  #spawn(): void {
    this.#spawned += 1;
    const outputFile = join(this.#directory, `${process.pid}-${this.#spawned}.out`);
    const output = openSync(outputFile, 'a+', 0o600);
    rmSync(outputFile, { force: true });
    const start = this.#limiting && limitedStart(this.#limiting, false);
    const program = [process.execPath, ...POOL_FLAGS, POOL_MAIN] as const;
    const [command, ...args] = start
      ? (['/bin/sh', '-c', `${start.text}exec "$@"`, 'pelorus-pool', ...start.args, ...program] as const)
      : program;
    const child = spawn(command, args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', output, output, 'pipe'],
      env: this.#env,
    });
    const cgroup = start?.cgroup ?? null;
    // Every call looks into it.
    cgroup?.keepOpen();
    if (child.pid === undefined) {
      closeSync(output);
      this.#discard(cgroup);
      child.on('error', () => setTimeout(() => this.#grow(), 1000));
      return;
    }
    const member: Member = {
      child,
      pid: child.pid,
      startTime: processStartTime(child.pid),
      cgroup,
      state: 'booting',
      output,
      idleSince: Date.now(),
      send: (message) => member.channel.send(message),
      channel: openLineChannel<SupervisorToPool, PoolToSupervisor>(
        child.stdio[POOL_CHANNEL_FD] as Duplex,
        (messages) => messages.forEach((message) => this.#onMessage(member, message)),
        () => {},
      ),
    };
    this.#members.add(member);
    child.on('exit', (code, signal) => setImmediate(() => this.#onExit(member, code, signal)));
  }

  #onMessage(member: Member, message: PoolToSupervisor): void {
    if (message.kind !== 'ready') return this.#listener.onMessage(member, message);
    if (member.state !== 'booting') return;
    this.#bootFailures = 0;
    member.state = 'busy';
    this.release(member);
  }

  #onExit(member: Member, code: number | null, signal: string | null): void {
    this.#members.delete(member);
    const index = this.#idle.indexOf(member);
    if (index >= 0) this.#idle.splice(index, 1);
    const said = readText(member.output);
    closeSync(member.output);
    if (member.state === 'booting') this.#onBootFailure(said);
    this.#listener.onExit(member, { code, signal, said });
    // Not before: what it has counted says why the process is gone.
    this.#discard(member.cgroup);
    if (this.#waiting.length > 0 && !this.#closed) this.#growIn(0);
  }

  #discard(cgroup: AttemptGroup | null): void {
    if (cgroup) this.#limiting?.groups?.discard(cgroup);
  }

  /** A process that cannot even start would be started again and again for ever; whoever waits should rather know. */
  #onBootFailure(said: string): void {
    this.#bootFailures += 1;
    if (this.#bootFailures < BOOT_FAILURES_MAX) return;
    this.#bootFailures = 0;
    this.#waiting.length = 0;
    this.#listener.onBroken(`the processes that run scripts cannot be started: ${said.trim().slice(-500)}`);
  }
}

/** The end of it, if it is long. */
function readText(file: number): string {
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, SAID_BYTES));
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, size - buffer.length));
  } catch {
    return '';
  }
}
