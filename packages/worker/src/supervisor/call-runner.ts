/**
 * Runs script, http and sql attempts in the pool. It owns what is known of them until the agent says forget.
 *
 * Invariants:
 * 1. A start is in the journal before a pool process hears of the call; an end before the agent hears of it.
 * 2. A process that dies fails its own call and no other.
 * 3. The journal holds no password: what a statement on a server is cancelled with is sealed there.
 * 4. `killed` and `lost` are told only when the process and its children are gone and the statement it had on a server is stopped, or,
 *    when that could not be confirmed in time, with these words.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { phrase, type AttemptId, type AttemptSpec, type Cause } from '@pelorus/protocol/vocabulary';
import { attemptLogPath } from '../attempt-log.ts';
import type { HeldAttempt, SupervisorEvent } from '../core.ts';
import { handleText } from '../pool/connection-problem.ts';
import type { CallOutcome, CancelHandle, PoolToSupervisor } from '../pool/messages.ts';
import { maskOf } from '../secrets/known-secrets.ts';
import type { Seal } from '../secrets/seal.ts';
import type { Ending } from './attempt-directory.ts';
import type { AttemptGroup, AttemptGroups } from './attempt-groups.ts';
import { appendLogNotice } from './attempt-log-file.ts';
import { CallPool, type PoolExit, type PoolListener, type PoolProcess } from './call-pool.ts';
import type { Watched } from './disk-watch.ts';
import { Journal } from './journal.ts';
import { killedAs, type KillOrder, type Runner, type RunnerEvent, type SupervisorSettings } from './messages.ts';
import type { OomCounter } from './oom-counter.ts';
import { endProcesses, type Quarry } from './process-hunt.ts';
import { isSameProcess } from './process-table.ts';

export interface CallRunnerOptions {
  dataDir: string;
  bootId: string;
  env: Record<string, string>;
  poolProcesses: number;
  settings: () => SupervisorSettings;
  oom: OomCounter;
  groups: AttemptGroups | null;
  seal: Seal;
  emit: RunnerEvent;
  onDiskTrouble: (detail: string) => void;
}

interface CallTerms {
  attempt: AttemptId;
  killGraceMs: number;
  executionLeaseMs: number;
}

interface CallStart extends CallTerms {
  bootId: string;
  pid: number;
  startTime: number | null;
  /** The control group that it shares with nobody. */
  cgroup?: string;
  startedAt: number;
}

/** What the journal says of calls. It is not synced: after a loss of power the boot id differs and what had not ended is lost. */
type CallEntry =
  | { kind: 'start'; start: CallStart }
  | { kind: 'handle'; attempt: AttemptId; sealed: string }
  | { kind: 'kill'; attempt: AttemptId; order: KillOrder }
  | { kind: 'end'; terms: CallTerms; ending: Ending }
  | { kind: 'forget'; attempt: AttemptId };

interface Task {
  attempt: AttemptId;
  killGraceMs: number;
  executionLeaseMs: number;
  /** Null for an attempt found again after a restart. */
  spec: AttemptSpec | null;
  directory: string;
  logPath: string;
  phase: 'waiting' | 'running' | 'ended';
  startedAt: number;
  oomCountAtStart: number;
  process: { pid: number; startTime: number | null; cgroup: AttemptGroup | null } | null;
  poolProcess: PoolProcess | null;
  waiter: ((process: PoolProcess) => void) | null;
  kill: KillOrder | null;
  /** `'unknown'`: there was one, sealed with a key that is gone. */
  handle: CancelHandle | 'unknown' | null;
  ending: Ending | null;
  /** False once its process has said that it put nothing on disk. */
  mayHaveDirectory: boolean;
}

const ADOPTED_POLL_MS = 100;
/** Of the time for it, whoever stops a statement gets this part, so that what it says comes in time. */
const CANCEL_FRACTION = 0.9;
/** A statement of SQLite's blocks its process, which can be killed at any instant without harm to the file. */
const SQLITE_GRACE_MS = 500;

export class CallRunner implements Runner {
  readonly #options: CallRunnerOptions;
  readonly #callsDir: string;
  readonly #journal: Journal<CallEntry>;
  readonly #pool: CallPool;
  readonly #tasks = new Map<AttemptId, Task>();
  readonly #byProcess = new Map<PoolProcess, Task>();
  readonly #cancels = new Map<number, (problem: string | null) => void>();
  #cancelCount = 0;
  #live = 0;
  /** Journal entries and what waits for them, written together at the end of this turn. */
  #entries: CallEntry[] = [];
  #afterAppend: (() => void)[] = [];

  constructor(options: CallRunnerOptions) {
    this.#options = options;
    this.#callsDir = join(options.dataDir, 'calls');
    const listener: PoolListener = {
      onMessage: (process, message) => this.#onPoolMessage(process, message),
      onExit: (process, exit) => this.#onPoolExit(process, exit),
      onBroken: (problem) => this.#failWaiting(problem),
    };
    const limiting = { groups: options.groups, limits: () => options.settings().attempt };
    this.#pool = new CallPool(this.#callsDir, options.env, options.poolProcesses, listener, { limiting });
    this.#journal = new Journal(join(this.#callsDir, 'journal'));
  }

  /** Reads the journal of earlier supervisors; what they left running is watched until it ends. */
  adopt(): void {
    for (const entry of this.#journal.read()) this.#replay(entry);
    this.#compact();
    // What pool processes of earlier supervisors printed; those that live keep the file by its descriptor.
    for (const path of globSync(join(this.#callsDir, '*.out'))) rmSync(path, { force: true });
    for (const task of this.#tasks.values()) if (task.phase === 'running') this.#adoptRunning(task);
    this.#pool.warm();
  }

  set limit(count: number) {
    this.#pool.limit = count;
  }

  start(spec: AttemptSpec): void {
    const { attempt, killGraceMs, executionLeaseMs } = spec;
    const task: Task = {
      attempt,
      killGraceMs,
      executionLeaseMs,
      spec,
      directory: this.#directoryOf(attempt),
      logPath: attemptLogPath(this.#options.settings().logDir, attempt),
      phase: 'waiting',
      startedAt: 0,
      oomCountAtStart: 0,
      process: null,
      poolProcess: null,
      waiter: null,
      kill: null,
      handle: null,
      ending: null,
      mayHaveDirectory: true,
    };
    this.#tasks.set(attempt, task);
    this.#live += 1;
    task.waiter = (process) => this.#call(task, spec, process);
    this.#pool.acquire(task.waiter);
  }

  kill(attempt: AttemptId, order: KillOrder): void {
    const task = this.#tasks.get(attempt);
    if (!task || task.kill || task.phase === 'ended') return;
    task.kill = order;
    if (task.phase === 'waiting' && task.waiter && this.#pool.withdraw(task.waiter)) {
      task.startedAt = Date.now();
      return this.#concludeKill(task, null);
    }
    this.#record({ kind: 'kill', attempt, order }, () => this.#hunt(task));
  }

  forget(attempt: AttemptId): void {
    const task = this.#tasks.get(attempt);
    if (!task || task.phase !== 'ended') return;
    this.#tasks.delete(attempt);
    this.#record({ kind: 'forget', attempt }, () => {});
    // Only a process that outlived its supervisor leaves a result file.
    if (task.poolProcess === null) void rm(this.#resultPath(attempt), { force: true }).catch(() => {});
    if (task.mayHaveDirectory) void rm(task.directory, { recursive: true, force: true }).catch(() => {});
  }

  holds(attempt: AttemptId): boolean {
    return this.#tasks.has(attempt);
  }

  held(): HeldAttempt[] {
    return [...this.#tasks.values()].map(({ attempt, killGraceMs, executionLeaseMs, phase, startedAt, ending }) => ({
      attempt,
      killGraceMs,
      executionLeaseMs,
      state: ending ?? (phase === 'waiting' ? { kind: 'starting' } : { kind: 'running', startedAt }),
    }));
  }

  onDisk(): Watched<AttemptId>[] {
    const running = [...this.#tasks.values()].filter(({ phase }) => phase === 'running');
    return running.map(({ attempt, startedAt, directory }) => ({ attempt, startedAt, paths: [directory] }));
  }

  liveCount(): number {
    return this.#live;
  }

  get busy(): boolean {
    return this.#entries.length > 0 || this.#cancels.size > 0;
  }

  tick(): void {
    this.#pool.trimIdle(Date.now());
    if (this.#journal.large) this.#compact();
  }

  /** What was told without being in the journal gets there now. */
  diskHasRoom(): void {
    this.#compact();
  }

  close(): void {
    this.#pool.close();
  }

  // Running

  #call(task: Task, spec: AttemptSpec, process: PoolProcess): void {
    const { attempt, killGraceMs, executionLeaseMs } = task;
    task.waiter = null;
    task.phase = 'running';
    task.startedAt = Date.now();
    task.oomCountAtStart = process.cgroup?.oomKills() ?? this.#options.oom.recent();
    task.process = process;
    task.poolProcess = process;
    this.#byProcess.set(process, task);
    const start: CallStart = {
      attempt,
      killGraceMs,
      executionLeaseMs,
      bootId: this.#options.bootId,
      pid: process.pid,
      startTime: process.startTime,
      ...(process.cgroup ? { cgroup: process.cgroup.name } : {}),
      startedAt: task.startedAt,
    };
    const { limits } = this.#options.settings();
    const call = {
      spec,
      directory: task.directory,
      logPath: task.logPath,
      resultPath: this.#resultPath(attempt),
      limits,
    };
    this.#record({ kind: 'start', start }, () => {
      process.send({ kind: 'call', call });
      this.#options.emit({ kind: 'started', attempt, startedAt: task.startedAt });
    });
  }

  #onPoolMessage(process: PoolProcess, message: PoolToSupervisor): void {
    switch (message.kind) {
      case 'ready':
      case 'probed':
        return;
      case 'cancelled':
        return this.#cancels.get(message.id)?.(message.problem);
      case 'handle': {
        const task = this.#byProcess.get(process);
        if (task?.attempt !== message.attempt) return;
        task.handle = message.handle;
        const { attempt, handle } = message;
        return this.#record(this.#handleEntry(attempt, handle), () => process.send({ kind: 'handle-stored', attempt }));
      }
      case 'done':
        return this.#onDone(process, message);
    }
  }

  #onDone(
    process: PoolProcess,
    { attempt, outcome, retire, madeDirectory }: Extract<PoolToSupervisor, { kind: 'done' }>,
  ): void {
    const task = this.#byProcess.get(process);
    if (task?.attempt !== attempt) return;
    task.mayHaveDirectory = madeDirectory;
    this.#byProcess.delete(process);
    // A process that served a killed call goes with it: the hunt ends it and all it started.
    if (task.kill) return this.#pool.retire(process);
    const leavesOthers = (process.cgroup?.pids().length ?? 0) > 1;
    if (retire || leavesOthers) {
      this.#pool.retire(process);
      this.#endRemains(task, process);
    } else {
      this.#pool.release(process);
    }
    this.#conclude(task, outcome);
  }

  #onPoolExit(process: PoolProcess, exit: PoolExit): void {
    const task = this.#byProcess.get(process);
    this.#byProcess.delete(process);
    if (!task || task.phase !== 'running') return;
    const mask = task.spec && exit.said !== '' ? maskOf(task.spec) : null;
    const said = mask ? mask.text(exit.said) : exit.said;
    for (const line of said.split('\n')) if (line !== '') appendLogNotice(task.logPath, line);
    if (task.kill) return;
    this.#endRemains(task, process);
    this.#conclude(task, emptyOutcome(this.#causeOfCrash(task, exit)));
  }

  #failWaiting(detail: string): void {
    for (const task of this.#tasks.values()) {
      if (task.phase !== 'waiting') continue;
      task.startedAt = Date.now();
      this.#conclude(task, emptyOutcome({ kind: 'error', detail }));
    }
  }

  #causeOfCrash(task: Task, { code, signal, said }: PoolExit): Cause {
    const outOfHeap = said.includes('heap out of memory');
    const outOfMemory = signal === 'SIGKILL' && this.#oomKills(task) > task.oomCountAtStart;
    if (outOfHeap || outOfMemory) return { kind: 'oom' };
    if (signal !== null) return { kind: 'signal', name: signal };
    if (code !== null && code !== 0) return { kind: 'exit', code };
    return { kind: 'error', detail: phrase('process_ended', {}) };
  }

  #oomKills({ process }: Task): number {
    return process?.cgroup?.oomKills() ?? this.#options.oom.read();
  }

  /** What a process that serves nobody any more has started is ended with it. */
  #endRemains(task: Task, process: PoolProcess): void {
    const quarry = { attempt: task.attempt, workDir: '', shell: process, running: false };
    endProcesses(
      () => ({ ...quarry, running: isSameProcess(process.pid, process.startTime) }),
      task.killGraceMs,
      () => {},
    );
  }

  // Killing

  #hunt(task: Task): void {
    const { process, kill } = task;
    if (!process || !kill) return;
    const sqlite = task.spec?.connection?.kind === 'sqlite' && task.spec.action.type === 'sql';
    const graceMs = sqlite ? Math.min(kill.graceMs, SQLITE_GRACE_MS) : kill.graceMs;
    const quarry = (): Quarry => ({
      attempt: task.attempt,
      workDir: '',
      shell: process,
      running: isSameProcess(process.pid, process.startTime),
    });
    endProcesses(quarry, graceMs, () => {
      void this.#stopOnServer(task).then((remains) => this.#concludeKill(task, remains));
    });
  }

  /** The process is gone; what it had asked a server to do may not be. Resolves with a sentence on what may go on there, or null. */
  async #stopOnServer({ handle, logPath }: Task): Promise<string | null> {
    if (!handle) return null;
    const remains =
      handle === 'unknown'
        ? 'how to stop its statement on the server is not known any more; it may go on there'
        : await this.#cancel(handle);
    if (remains !== null) appendLogNotice(logPath, remains);
    return remains;
  }

  #cancel(handle: CancelHandle): Promise<string | null> {
    const { cancelLimitMs } = this.#options.settings();
    this.#cancelCount += 1;
    const id = this.#cancelCount;
    return new Promise((resolve) => {
      const limit = setTimeout(() => finish(`no answer within ${cancelLimitMs} ms`), cancelLimitMs);
      let helper: PoolProcess | null = null;
      const finish = (problem: string | null): void => {
        clearTimeout(limit);
        this.#cancels.delete(id);
        if (helper) this.#pool.release(helper);
        resolve(problem === null ? null : `its statement may go on, as ${handleText(handle)}: ${problem}`);
      };
      this.#cancels.set(id, finish);
      this.#pool.acquire((process) => {
        if (!this.#cancels.has(id)) return this.#pool.release(process);
        helper = process;
        process.send({ kind: 'cancel', id, handle, limitMs: cancelLimitMs * CANCEL_FRACTION });
      }, true);
    });
  }

  // Finding again

  #replay(entry: CallEntry): void {
    switch (entry.kind) {
      case 'start': {
        const { start } = entry;
        this.#tasks.set(start.attempt, this.#adoptedTask(start, start));
        return;
      }
      case 'handle': {
        const task = this.#tasks.get(entry.attempt);
        if (task) task.handle = this.#handleIn(entry.sealed);
        return;
      }
      case 'kill': {
        const task = this.#tasks.get(entry.attempt);
        if (task) task.kill = entry.order;
        return;
      }
      case 'end': {
        const task = this.#tasks.get(entry.terms.attempt) ?? this.#adoptedTask(entry.terms, null);
        task.phase = 'ended';
        task.ending = entry.ending;
        this.#tasks.set(task.attempt, task);
        return;
      }
      case 'forget':
        this.#tasks.delete(entry.attempt);
    }
  }

  #handleEntry(attempt: AttemptId, handle: CancelHandle): CallEntry {
    return { kind: 'handle', attempt, sealed: this.#options.seal.seal(JSON.stringify(handle)) };
  }

  #handleIn(sealed: string): CancelHandle | 'unknown' {
    const text = this.#options.seal.open(sealed);
    return text === null ? 'unknown' : (JSON.parse(text) as CancelHandle);
  }

  #adoptedTask(terms: CallTerms, start: CallStart | null): Task {
    const { attempt, killGraceMs, executionLeaseMs } = terms;
    // Processes of another boot are gone, whatever has their number now.
    const isOfThisBoot = start?.bootId === this.#options.bootId;
    const cgroup = (start?.cgroup !== undefined && this.#options.groups?.find(start.cgroup)) || null;
    const process = isOfThisBoot ? { pid: start.pid, startTime: start.startTime, cgroup } : null;
    return {
      attempt,
      killGraceMs,
      executionLeaseMs,
      spec: null,
      directory: this.#directoryOf(attempt),
      logPath: attemptLogPath(this.#options.settings().logDir, attempt),
      phase: 'running',
      startedAt: start?.startedAt ?? 0,
      oomCountAtStart: Infinity,
      process,
      poolProcess: null,
      waiter: null,
      kill: null,
      handle: null,
      ending: null,
      mayHaveDirectory: true,
    };
  }

  #adoptRunning(task: Task): void {
    this.#live += 1;
    if (task.kill && task.process) this.#hunt(task);
    else this.#pollAdopted(task);
  }

  #pollAdopted(task: Task): void {
    if (task.phase !== 'running' || (task.kill && task.process)) return;
    const alive = task.process !== null && isSameProcess(task.process.pid, task.process.startTime);
    if (alive) return void setTimeout(() => this.#pollAdopted(task), ADOPTED_POLL_MS);
    const outcome = readResult(this.#resultPath(task.attempt));
    if (outcome) return this.#conclude(task, outcome);
    void this.#stopOnServer(task).then((remains) => {
      if (task.kill) this.#concludeKill(task, remains);
      else this.#settle(task, { kind: 'lost', detail: withRemains('its process is gone and left no result', remains) });
    });
  }

  // Ending

  /** A natural end; for one that is being killed {@link #concludeKill} follows the hunt. */
  #conclude(task: Task, { cause, ...rest }: CallOutcome): void {
    if (task.kill) return this.#concludeKill(task, null);
    const { startedAt } = task;
    const state = cause ? 'failed' : 'succeeded';
    this.#settle(task, { kind: 'finished', outcome: { state, cause, ...rest, startedAt, endedAt: Date.now() } });
  }

  /** `remains`: what may go on at a server all the same. */
  #concludeKill(task: Task, remains: string | null): void {
    const { kill, startedAt } = task;
    if (!kill) return;
    if (kill.reason === 'lease') {
      const detail = withRemains('killed: the execution lease was not renewed', remains);
      return this.#settle(task, { kind: 'lost', detail });
    }
    const how = killedAs(remains === null ? kill : { ...kill, cause: { kind: 'kill_unconfirmed', detail: remains } });
    const ended = { startedAt, endedAt: Date.now(), outputs: {}, outputsTruncated: false };
    this.#settle(task, { kind: 'finished', outcome: { ...how, ...ended } });
  }

  #settle(task: Task, ending: Ending): void {
    if (task.phase === 'ended') return;
    task.phase = 'ended';
    task.ending = ending;
    task.spec = null;
    this.#live -= 1;
    const { attempt, killGraceMs, executionLeaseMs } = task;
    const event: SupervisorEvent = { attempt, ...ending };
    this.#record({ kind: 'end', terms: { attempt, killGraceMs, executionLeaseMs }, ending }, () => {
      task.poolProcess?.send({ kind: 'noted' });
      this.#options.emit(event);
    });
  }

  /** Appends to the journal, together with all else of this turn, and goes on afterwards. */
  #record(entry: CallEntry, next: () => void): void {
    if (this.#entries.length === 0) setImmediate(() => this.#flush());
    this.#entries.push(entry);
    this.#afterAppend.push(next);
  }

  #flush(): void {
    const entries = this.#entries;
    const next = this.#afterAppend;
    this.#entries = [];
    this.#afterAppend = [];
    try {
      this.#journal.append(entries);
    } catch (error) {
      // What is known stays known in memory; nothing new is taken until the disk has room again.
      this.#options.onDiskTrouble(`the journal of calls cannot be written: ${(error as Error).message}`);
    }
    for (const go of next) go();
  }

  #compact(): void {
    const entries: CallEntry[] = [];
    for (const {
      attempt,
      killGraceMs,
      executionLeaseMs,
      phase,
      ending,
      process,
      startedAt,
      handle,
      kill,
    } of this.#tasks.values()) {
      const terms = { attempt, killGraceMs, executionLeaseMs };
      if (ending) entries.push({ kind: 'end', terms, ending });
      if (phase !== 'running') continue;
      const bootId = process ? this.#options.bootId : 'another boot';
      entries.push({
        kind: 'start',
        start: {
          ...terms,
          bootId,
          pid: process?.pid ?? 0,
          startTime: process?.startTime ?? null,
          ...(process?.cgroup ? { cgroup: process.cgroup.name } : {}),
          startedAt,
        },
      });
      if (handle && handle !== 'unknown') entries.push(this.#handleEntry(attempt, handle));
      if (kill) entries.push({ kind: 'kill', attempt, order: kill });
    }
    try {
      this.#journal.rewrite(entries);
    } catch (error) {
      this.#options.onDiskTrouble(`the journal of calls cannot be rewritten: ${(error as Error).message}`);
    }
  }

  #directoryOf(attempt: AttemptId): string {
    return join(this.#callsDir, attempt);
  }

  #resultPath(attempt: AttemptId): string {
    return join(this.#callsDir, `${attempt}.result`);
  }
}

function emptyOutcome(cause: Cause | null): CallOutcome {
  return { cause, outputs: {}, outputsTruncated: false };
}

function withRemains(detail: string, remains: string | null): string {
  return remains === null ? detail : `${detail}; ${remains}`;
}

/** The file that a pool process leaves when it outlives its supervisor; ours, and whole when it is there. */
function readResult(path: string): CallOutcome | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as CallOutcome;
  } catch {
    return null;
  }
}
