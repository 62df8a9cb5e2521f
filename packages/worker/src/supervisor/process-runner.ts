/**
 * Runs shell and python attempts in slot shells. It owns their directories, their processes and what is known of their
 * end until the agent says forget.
 *
 * Invariants:
 * 1. The journal record is written before the shell is told to start; a directory is never used twice.
 * 2. The end of the main process is the end of the attempt. What it leaves running is ended afterwards, and said in the log.
 * 3. `killed` and `lost` are told only when no process of the attempt is left.
 * 4. The outcome is in the journal before it is told, unless the disk refuses it (then it is told all the same, and no
 *    new work is asked for). It is synced within SYNC_MS: telling first is safe, because a loss of power in between
 *    leaves either a master that has committed it, or an attempt that reads as lost, as if the power had gone a moment earlier.
 * 5. Of an attempt with secrets nothing is told, journaled or left on disk unmasked: its output goes through the
 *    {@link OutputMasker}, its outputs and causes through its mask. Its end is told when its output is in the log.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptId, AttemptSpec, Cause } from '@pelorus/protocol';
import { attemptLogPath } from '../attempt-log.ts';
import type { HeldAttempt } from '../core.ts';
import { LOG_SCAN_BYTES, parseOutputFile, parseSetValues, settleOutputs } from '../outputs.ts';
import { maskOutputs } from '../secrets/known-secrets.ts';
import { Mask } from '../secrets/mask.ts';
import type { Seal } from '../secrets/seal.ts';
import type { AttemptGroups } from './attempt-groups.ts';
import { AttemptDirectory, isAttemptId, misplacedFile, type Ending, type JournalRecord } from './attempt-directory.ts';
import { appendLogNotice, ensureLogDirectory, readLogTail } from './attempt-log-file.ts';
import type { Watched } from './disk-watch.ts';
import { DirectoryRemoval } from './directory-removal.ts';
import { causeOfExit, type ExitRecord } from './exit-meaning.ts';
import { Journal } from './journal.ts';
import { capLog } from './log-cap.ts';
import { LogRoom } from './log-room.ts';
import { outputToFile, outputToPipe, prepareLaunch, type PreparedLaunch, type ProcessAction } from './launch-script.ts';
import { killedAs, type KillOrder, type Runner, type RunnerEvent, type SupervisorSettings } from './messages.ts';
import type { OomCounter } from './oom-counter.ts';
import type { MaskedPipe, OutputMasker } from './output-masker.ts';
import { endProcesses } from './process-hunt.ts';
import { isSameProcess } from './process-table.ts';
import { SlotShells, type SlotResult, type SlotShell } from './slot-shell.ts';
import { SurvivorSweep } from './survivor-sweep.ts';

export interface ProcessRunnerOptions {
  dataDir: string;
  bootId: string;
  env: Record<string, string>;
  slots: number;
  settings: () => SupervisorSettings;
  oom: OomCounter;
  groups: AttemptGroups | null;
  masker: OutputMasker;
  seal: Seal;
  emit: RunnerEvent;
  /** Told why something could not be written. */
  onDiskTrouble: (detail: string) => void;
}

interface Task {
  attempt: AttemptId;
  directory: AttemptDirectory;
  logPath: string;
  killGraceMs: number;
  executionLeaseMs: number;
  outputs: AttemptSpec['outputs'];
  phase: 'waiting' | 'running' | 'ending' | 'ended';
  startedAt: number;
  oomCountAtStart: number;
  shell: SlotShell | null;
  /** Started by an earlier supervisor: its shell cannot tell us when it is done. */
  adopted: boolean;
  waiter: ((shell: SlotShell) => void) | null;
  kill: KillOrder | null;
  ending: Ending | null;
  /**
   * Values that must not be shown; null: its output goes straight to its log. `'unknown'`: they were lost with an earlier supervisor.
   * None, when only the lack of disk sends the output through a pipe.
   */
  secrets: string[] | 'unknown' | null;
  /** Where its output goes when not straight to its log. */
  pipe: MaskedPipe | null;
}

/** What the journal says: attempts whose files are gone have been forgotten. */
interface EndEntry {
  attempt: AttemptId;
  ending: Ending;
}

const ADOPTED_POLL_MS = 200;
/** Each sync of the journal holds up whoever makes files meanwhile; so one serves all that ended in this time. */
const SYNC_MS = 50;

export class ProcessRunner implements Runner {
  readonly #options: ProcessRunnerOptions;
  readonly #attemptsDir: string;
  readonly #shells: SlotShells;
  readonly #tasks = new Map<AttemptId, Task>();
  readonly #sweep: SurvivorSweep;
  readonly #journal: Journal<EndEntry>;
  readonly #removal = new DirectoryRemoval();
  readonly #logRoom = new LogRoom();
  #live = 0;
  /** Endings of this turn of the event loop: they share a write. */
  #endings: EndEntry[] = [];
  #syncTimer: NodeJS.Timeout | null = null;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
    this.#attemptsDir = join(options.dataDir, 'attempts');
    this.#journal = new Journal(join(this.#attemptsDir, 'journal'));
    const limits = () => options.settings().attempt;
    this.#shells = new SlotShells(options.env, options.slots, { groups: options.groups, limits });
    this.#sweep = new SurvivorSweep();
  }

  /** Finds the attempts of earlier supervisors in the data directory: still running, ended, or gone without a trace. */
  adopt(): void {
    const endings = new Map(this.#journal.read().map(({ attempt, ending }) => [attempt, ending]));
    const names = new Set(readdirSync(this.#attemptsDir).map((name) => name.replace(/\.(launch|output|kill)$/, '')));
    const pipes = new Set<string>();
    for (const name of names) {
      if (!isAttemptId(name)) continue;
      const directory = new AttemptDirectory(this.#attemptsDir, name);
      const journal = directory.readJournal();
      if (journal?.masked) pipes.add(journal.masked.pipe.path);
      if (journal) this.#adoptOne(directory, journal, endings.get(journal.attempt) ?? null);
      else this.#guardDisk(() => directory.discard());
    }
    this.#options.masker.prune(pipes);
    this.#compact();
  }

  set slots(count: number) {
    this.#shells.limit = count;
  }

  start(spec: AttemptSpec): void {
    const { action, attempt } = spec;
    if (action.type !== 'shell' && action.type !== 'python')
      throw new Error(`${action.type} is not run by a process of its own`);
    const directory = new AttemptDirectory(this.#attemptsDir, attempt);
    const { logDir, limits } = this.#options.settings();
    const logPath = attemptLogPath(logDir, attempt);
    const task: Task = {
      attempt,
      directory,
      logPath,
      killGraceMs: spec.killGraceMs,
      executionLeaseMs: spec.executionLeaseMs,
      outputs: spec.outputs,
      phase: 'waiting',
      startedAt: 0,
      oomCountAtStart: 0,
      shell: null,
      adopted: false,
      waiter: null,
      kill: null,
      ending: null,
      secrets: secretValues(spec) ?? (this.#logRoom.isScarce(logDir, limits.logRoomBytes) ? [] : null),
      pipe: null,
    };
    const prepared = this.#prepare(spec, action, task);
    if ('noRoom' in prepared) return this.#turnAway(task, prepared.noRoom);
    if ('problem' in prepared) {
      this.#options.emit({ kind: 'cannot_start', attempt, cause: prepared.problem, at: Date.now() });
      this.#removal.add(directory.paths);
      return;
    }
    this.#tasks.set(attempt, task);
    this.#live += 1;
    if (Array.isArray(task.secrets)) this.#openPipe(task, task.secrets, prepared);
    else this.#acquireShell(task, prepared);
  }

  kill(attempt: AttemptId, order: KillOrder): void {
    const task = this.#tasks.get(attempt);
    if (!task || task.kill || task.phase === 'ending' || task.phase === 'ended') return;
    task.kill = order;
    // Without a waiter it waits for its pipe.
    if (task.phase === 'waiting' && (!task.waiter || this.#shells.withdraw(task.waiter))) {
      task.startedAt = Date.now();
      return this.#conclude(task, null);
    }
    this.#guardDisk(() => task.directory.writeKill(order));
    this.#hunt(task);
  }

  forget(attempt: AttemptId): void {
    const task = this.#tasks.get(attempt);
    if (!task || task.phase !== 'ended') return;
    this.#tasks.delete(attempt);
    this.#removal.add(task.directory.paths);
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
    return running.map(({ attempt, startedAt, directory }) => {
      return { attempt, startedAt, paths: [directory.workDir, directory.outputFile] };
    });
  }

  liveCount(): number {
    return this.#live;
  }

  get busy(): boolean {
    return this.#endings.length > 0 || this.#syncTimer !== null || this.#sweep.busy;
  }

  tick(): void {
    this.#shells.trimIdle(Date.now());
    this.#sweep.sweep();
    this.#removal.tick();
    for (const task of this.#tasks.values()) if (task.phase === 'running') this.#capLog(task);
    if (this.#journal.large) this.#compact();
  }

  /** Endings that were told without being in the journal get there now. */
  diskHasRoom(): void {
    this.#compact();
  }

  close(): void {
    this.#shells.close();
  }

  // Starting

  #prepare(
    spec: AttemptSpec,
    action: ProcessAction,
    task: Task,
  ): PreparedLaunch | { problem: Cause } | { noRoom: string } {
    const misplaced = misplacedFile(spec.files);
    if (misplaced !== null) return { problem: { kind: 'invalid', detail: misplaced } };
    try {
      task.directory.create(spec.files);
      ensureLogDirectory(task.logPath);
      const prepared = prepareLaunch(spec, action, task.directory);
      return 'launch' in prepared ? prepared : { problem: { kind: 'invalid', detail: prepared.problem } };
    } catch (error) {
      const detail = `the work directory could not be made: ${(error as Error).message}`;
      return isWantOfRoom(error) ? { noRoom: detail } : { problem: { kind: 'error', detail } };
    }
  }

  /** It has not begun, and it is not its fault: another worker may have it, and this one takes nothing until there is room. */
  #turnAway({ attempt, directory }: Task, detail: string): void {
    this.#options.onDiskTrouble(detail);
    this.#options.emit({ kind: 'no_room', attempt, detail });
    this.#removal.add(directory.paths);
  }

  #openPipe(task: Task, secrets: string[], prepared: PreparedLaunch): void {
    this.#options.masker.open(task.attempt, secrets, task.logPath, (opened) => {
      if (task.phase !== 'waiting') return;
      if ('path' in opened) {
        task.pipe = opened;
        return this.#acquireShell(task, prepared);
      }
      task.startedAt = Date.now();
      this.#conclude(task, { kind: 'error', detail: `its output cannot be masked: ${opened.problem}` });
    });
  }

  #acquireShell(task: Task, prepared: PreparedLaunch): void {
    task.waiter = (shell) => this.#launch(task, shell, prepared);
    this.#shells.acquire(task.waiter);
  }

  #launch(task: Task, shell: SlotShell, { launch, secretExports }: PreparedLaunch): void {
    task.waiter = null;
    task.shell = shell;
    task.phase = 'running';
    task.startedAt = Date.now();
    task.oomCountAtStart = shell.cgroup?.oomKills() ?? this.#options.oom.recent();
    const { attempt, killGraceMs, executionLeaseMs, outputs, logPath, startedAt, pipe } = task;
    const record: JournalRecord = {
      attempt,
      bootId: this.#options.bootId,
      pid: shell.pid,
      startTime: shell.startTime,
      ...(shell.cgroup ? { cgroup: shell.cgroup.name } : {}),
      startedAt,
      killGraceMs,
      executionLeaseMs,
      outputs,
      logPath,
      ...(pipe ? { masked: { pipe, sealed: this.#options.seal.seal(JSON.stringify(task.secrets)) } } : {}),
    };
    try {
      task.directory.writeLaunch(record, launch(pipe ? outputToPipe(pipe.path) : outputToFile(logPath)));
    } catch (error) {
      this.#shells.release(shell);
      task.shell = null;
      const detail = `the journal could not be written: ${(error as Error).message}`;
      if (!isWantOfRoom(error)) return this.#conclude(task, { kind: 'error', detail });
      this.#tasks.delete(attempt);
      this.#live -= 1;
      if (pipe) this.#options.masker.finish(attempt, () => {});
      return this.#turnAway(task, detail);
    }
    this.#shells.run(shell, task.directory.launchFile, secretExports, (result) => this.#onShellResult(task, result));
    this.#options.emit({ kind: 'started', attempt, startedAt });
  }

  #adoptOne(directory: AttemptDirectory, journal: JournalRecord, ending: Ending | null): void {
    const { attempt, pid, startTime, cgroup, killGraceMs, executionLeaseMs, outputs, logPath, startedAt } = journal;
    const { groups } = this.#options;
    const task: Task = {
      attempt,
      directory,
      logPath,
      killGraceMs,
      executionLeaseMs,
      outputs,
      phase: ending ? 'ended' : 'running',
      startedAt,
      oomCountAtStart: Infinity,
      shell: { pid, startTime, cgroup: (cgroup !== undefined && groups?.find(cgroup)) || null },
      adopted: true,
      waiter: null,
      kill: directory.readKill(),
      ending,
      secrets: journal.masked ? this.#unsealed(journal.masked.sealed) : null,
      pipe: journal.masked?.pipe ?? null,
    };
    this.#tasks.set(attempt, task);
    if (ending) {
      this.#removeSecrets(task);
      return this.#sweep.watch({ ...task, shell: null });
    }
    this.#live += 1;
    const otherBoot = journal.bootId !== this.#options.bootId;
    if (otherBoot) return this.#concludeAfterReboot(task);
    if (task.pipe) {
      const secrets = Array.isArray(task.secrets) ? task.secrets : null;
      this.#options.masker.adopt(attempt, task.pipe, secrets, logPath);
    }
    if (task.kill) this.#hunt(task);
    else this.#pollAdopted(task);
  }

  #unsealed(sealed: string): string[] | 'unknown' {
    const text = this.#options.seal.open(sealed);
    return text === null ? 'unknown' : (JSON.parse(text) as string[]);
  }

  #concludeAfterReboot(task: Task): void {
    const exit = task.directory.readExit();
    if (exit) this.#conclude(task, causeOfExit(exit, false));
    else if (task.kill) this.#conclude(task, null);
    else this.#settle(task, { kind: 'lost', detail: 'the host was restarted while it ran' });
  }

  #pollAdopted(task: Task): void {
    if (task.kill || task.phase !== 'running') return;
    const alive = task.shell !== null && isSameProcess(task.shell.pid, task.shell.startTime);
    // Read after the look at the process: a shell writes the file before it ends.
    const exit = task.directory.readExit();
    if (exit) return this.#onMainEnd(task, exit);
    if (alive) setTimeout(() => this.#pollAdopted(task), ADOPTED_POLL_MS);
    else this.#onShellDeath(task, null);
  }

  // Ending

  #onShellResult(task: Task, result: SlotResult): void {
    if (result.kind === 'died') return this.#onShellDeath(task, result.signal);
    const { code } = result;
    const fromShell = code === null ? null : { code, signal: null };
    // Only above 128 can there have been a signal.
    const exit = code !== null && code <= 128 ? fromShell : (task.directory.readExit() ?? fromShell);
    if (exit) return this.#onMainEnd(task, exit);
    task.phase = 'ending';
    if (task.shell) this.#shells.release(task.shell);
    this.#conclude(task, { kind: 'error', detail: 'the shell could not open the launch file' });
  }

  /** While the attempt is being killed the hunt concludes; a shell killed by its own task leaves processes to be hunted. */
  #onShellDeath(task: Task, signal: string | null): void {
    task.phase = 'ending';
    if (task.kill) return;
    const quarry = { attempt: task.attempt, workDir: task.directory.workDir, shell: task.shell, running: false };
    // Now: with the last process what was counted goes.
    const cause = signal === null ? null : this.#causeOf(task, { code: 0, signal });
    endProcesses(
      () => quarry,
      task.killGraceMs,
      () => {
        if (cause) this.#conclude(task, cause);
        else this.#settle(task, { kind: 'lost', detail: 'its processes are gone and left no exit status' });
      },
    );
  }

  #onMainEnd(task: Task, exit: ExitRecord): void {
    if (task.phase !== 'running') return;
    task.phase = 'ending';
    if (task.kill) return;
    const cause = this.#causeOf(task, exit);
    const { shell } = task;
    const isShared = shell !== null && !task.adopted && this.#shells.release(shell);
    task.shell = null;
    this.#sweep.watch({ ...task, shell: isShared ? null : shell });
    this.#conclude(task, cause);
  }

  #hunt(task: Task): void {
    const quarry = () => ({
      attempt: task.attempt,
      workDir: task.directory.workDir,
      shell: task.shell,
      running: this.#mainRuns(task),
    });
    endProcesses(quarry, task.kill?.graceMs ?? 0, () => {
      if (task.shell && !task.adopted) this.#shells.release(task.shell);
      task.shell = null;
      this.#conclude(task, null);
    });
  }

  #mainRuns(task: Task): boolean {
    if (task.phase !== 'running' || task.shell === null) return false;
    if (!task.adopted) return true;
    return isSameProcess(task.shell.pid, task.shell.startTime) && task.directory.readExit() === null;
  }

  #causeOf(task: Task, exit: ExitRecord): Cause | null {
    const cause = causeOfExit(exit, false);
    if (cause !== null) this.#noteRefusedForks(task);
    const mayBeMemory = cause !== null && (exit.signal === 'SIGKILL' || exit.code === 137);
    return mayBeMemory ? causeOfExit(exit, this.#oomKills(task) > task.oomCountAtStart) : cause;
  }

  #oomKills({ shell }: Task): number {
    return shell?.cgroup?.oomKills() ?? this.#options.oom.read();
  }

  #noteRefusedForks({ shell, logPath }: Task): void {
    if (!shell?.cgroup || shell.cgroup.forksRefused() === 0) return;
    appendLogNotice(logPath, `it wanted more than ${this.#options.settings().attempt.processes} processes at a time`);
  }

  /** Ends an attempt whose processes are gone (or, after a natural end, whose main process is). */
  #conclude(task: Task, cause: Cause | null): void {
    const endedAt = Date.now();
    if (task.secrets === null) return this.#settleOutcome(task, cause, endedAt);
    // What the task said last may still be on its way to the log, where outputs are looked for.
    task.phase = 'ending';
    this.#options.masker.finish(task.attempt, () => this.#settleOutcome(task, cause, endedAt));
  }

  #settleOutcome(task: Task, cause: Cause | null, endedAt: number): void {
    const { kill, startedAt } = task;
    if (kill?.reason === 'lease')
      return this.#settle(task, { kind: 'lost', detail: 'killed: the execution lease was not renewed' });
    const { outputs, outputsTruncated, problem } = this.#collectOutputs(task);
    this.#capLog(task);
    const failure: Cause | null = cause ?? (problem === null ? null : { kind: 'invalid', detail: problem });
    const how = kill
      ? killedAs(kill)
      : { state: failure ? ('failed' as const) : ('succeeded' as const), cause: failure };
    this.#settle(task, {
      kind: 'finished',
      outcome: { ...how, outputs, outputsTruncated, startedAt, endedAt },
    });
  }

  #capLog(task: Task): void {
    capLog(task.logPath, this.#options.settings().limits.logBytes);
  }

  #collectOutputs(task: Task): ReturnType<typeof settleOutputs> {
    const log = readLogTail(task.logPath, LOG_SCAN_BYTES);
    const logged = log.includes('{setValue(') ? parseSetValues(log) : {};
    const written = parseOutputFile(task.directory.readOutput());
    // What cannot be masked any more is not told.
    if (task.secrets === 'unknown') return { outputs: {}, outputsTruncated: !isEmpty(written), problem: null };
    const given = { ...logged, ...written };
    const mask = task.secrets && !isEmpty(given) ? Mask.of(task.secrets) : null;
    const { outputs, ...rest } = settleOutputs(
      given,
      task.outputs,
      this.#options.settings().limits.outputsBytes,
      mask ? (text) => mask.text(text) : undefined,
    );
    return { outputs: mask ? maskOutputs(outputs, mask) : outputs, ...rest };
  }

  #settle(task: Task, ending: Ending): void {
    task.phase = 'ended';
    task.ending = ending;
    this.#live -= 1;
    if (this.#endings.length === 0) setImmediate(() => this.#recordEndings());
    this.#endings.push({ attempt: task.attempt, ending });
  }

  /** Only when the end is in the journal: what an earlier supervisor did not get so far with is read again by the next. */
  #removeSecrets(task: Task): void {
    if (task.secrets === null) return;
    task.secrets = null;
    this.#options.masker.finish(task.attempt, () => {});
    this.#guardDisk(() => task.directory.removeSecretFiles());
    this.#removal.add([task.directory.workDir]);
  }

  #recordEndings(): void {
    const endings = this.#endings;
    this.#endings = [];
    this.#guardDisk(() => this.#journal.append(endings));
    for (const { attempt, ending } of endings) {
      const task = this.#tasks.get(attempt);
      if (task) this.#removeSecrets(task);
      this.#options.emit({ attempt, ...ending });
    }
    this.#syncTimer ??= setTimeout(() => this.#sync(), SYNC_MS);
  }

  #sync(): void {
    this.#journal.sync((error) => {
      this.#syncTimer = null;
      if (error) this.#options.onDiskTrouble(`results cannot be written: ${error.message}`);
    });
  }

  #compact(): void {
    const endings = [...this.#tasks.values()].flatMap(({ attempt, ending }) => (ending ? [{ attempt, ending }] : []));
    this.#guardDisk(() => this.#journal.rewrite(endings));
  }

  #guardDisk(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#options.onDiskTrouble(`the journal cannot be written: ${(error as Error).message}`);
    }
  }
}

/** Full, over its quota, not writable, or failing: trouble of this host's, not of the task's. */
function isWantOfRoom(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS' || code === 'EIO';
}

/** Null for an attempt that has none. */
function secretValues({ secrets }: AttemptSpec): string[] | null {
  const values = secrets ? Object.values(secrets) : [];
  return values.length > 0 ? values : null;
}

function isEmpty(values: Record<string, string>): boolean {
  return Object.keys(values).length === 0;
}
