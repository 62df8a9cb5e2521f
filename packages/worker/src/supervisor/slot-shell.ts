/**
 * Persistent shells that fork for us. Node's own spawn costs milliseconds of a stalled event loop and grows with the
 * process; a small `sh` forks in a fraction of that. A shell runs one attempt at a time in its own session, so its
 * process group is the attempt's. It outlives the supervisor: it finishes what it runs, appends how that ended
 * to the launch file, and ends when it finds its input closed.
 *
 * TERM is caught, not ignored, while an attempt runs: the shell stays alive when the attempt's group is asked to end, while its
 * children start with the default again. While the shell reads it is ignored: a read that is cut short would lose its place.
 * KILL to the group takes the shell with it, and another takes its place. So it is when an attempt has left something in the shell's
 * control group: the next attempt is not to pay for it.
 *
 * What it reads is a line with the path of a launch file. A `+` before the path announces a second line, exports with secrets,
 * which the launch file evaluates: they never are in a file or on a command line. No line but a path is ever taken for one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { TASK_OOM_SCORE } from '../oom-score.ts';
import type { AttemptGroup } from './attempt-groups.ts';
import { limitedStart, type Limiting } from './limited-start.ts';
import { processStartTime } from './process-table.ts';

/** What the launch file evaluates, and what stands for a line break in it. */
export const SECRETS_VARIABLE = 'PELORUS_SECRETS';
export const LINE_BREAK_VARIABLE = 'PELORUS_LINE_BREAK';

const SLOT_SCRIPT = `
{ echo ${TASK_OOM_SCORE} >/proc/self/oom_score_adj; } 2>/dev/null
${LINE_BREAK_VARIABLE}='
'
while trap '' TERM HUP INT; ${SECRETS_VARIABLE}=; IFS= read -r launch; do
  case $launch in +*) IFS= read -r ${SECRETS_VARIABLE} || break; launch=\${launch#+} ;; esac
  case $launch in /*) ;; *) echo 'done'; continue ;; esac
  trap : TERM HUP INT
  code=
  { ( . "$launch" ); code=$?; printf 'exit %s\\n' "$code" >&2; } 2>>"$launch"
  echo "done $code"
done
`;
/** Idle shells beyond this number are ended. */
const KEEP_IDLE = 4;
const IDLE_MS = 30_000;
/** A shell whose control group holds more than this part of the memory that an attempt may take is not used again. */
const KEPT_MEMORY = 0.25;

export interface SlotShell {
  readonly pid: number;
  readonly startTime: number | null;
  readonly cgroup: AttemptGroup | null;
}

/**
 * How a shell stopped running what it was given: the command ended (`code` null: it could not even be started), or
 * the shell itself died, of that signal if of one.
 */
export type SlotResult = { kind: 'done'; code: number | null } | { kind: 'died'; signal: string | null };

interface Slot extends SlotShell {
  child: ChildProcess;
  onResult: ((result: SlotResult) => void) | null;
  idleSince: number;
}

export class SlotShells {
  readonly #env: Record<string, string>;
  readonly #limiting: Limiting;
  readonly #idle: Slot[] = [];
  readonly #all = new Set<Slot>();
  readonly #waiting: ((shell: SlotShell) => void)[] = [];
  #growing = false;
  /** Most shells that may exist. */
  limit: number;

  constructor(env: Record<string, string>, limit: number, limiting: Limiting) {
    this.#env = env;
    this.#limiting = limiting;
    this.limit = limit;
  }

  /** Calls back with a shell of its own as soon as there is one; in order of asking. */
  acquire(callback: (shell: SlotShell) => void): void {
    const slot = this.#idle.pop();
    if (slot) return callback(slot);
    this.#waiting.push(callback);
    this.#grow();
  }

  /** Takes back a callback that has not been called. */
  withdraw(callback: (shell: SlotShell) => void): boolean {
    const index = this.#waiting.indexOf(callback);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }

  /**
   * Runs the attempt whose launch file this is in an acquired shell, which stays taken until it is released or dies.
   * `secretExports` is one line of shell text that the launch file evaluates.
   */
  run(
    shell: SlotShell,
    launchFile: string,
    secretExports: string | null,
    onResult: (result: SlotResult) => void,
  ): void {
    const slot = shell as Slot;
    slot.onResult = onResult;
    slot.child.stdin?.write(secretExports === null ? `${launchFile}\n` : `+${launchFile}\n${secretExports}\n`);
  }

  /** Gives an acquired shell back. False: it serves nobody else, because it has died, or because something is left in its control group. */
  release(shell: SlotShell): boolean {
    const slot = shell as Slot;
    if (!this.#all.has(slot)) return false;
    const isClean = slot.cgroup === null || this.#isClean(slot.cgroup);
    if (isClean) this.#free(slot);
    else this.#retire(slot);
    return isClean;
  }

  trimIdle(now: number): void {
    while (this.#idle.length > KEEP_IDLE && (this.#idle[0]?.idleSince ?? now) < now - IDLE_MS) {
      this.#idle.shift()?.child.stdin?.end();
    }
  }

  /** Ends idle shells; busy ones end after what they run. */
  close(): void {
    for (const slot of this.#all) slot.child.stdin?.end();
  }

  /** What stays of memory are files in memory and cached ones, which would count against the next attempt. */
  #isClean(cgroup: AttemptGroup): boolean {
    const { memoryBytes, allMemoryBytes } = this.#limiting.limits();
    return cgroup.count() <= 1 && cgroup.memoryBytes() <= (memoryBytes ?? allMemoryBytes) * KEPT_MEMORY;
  }

  #retire(slot: Slot): void {
    this.#all.delete(slot);
    slot.child.stdin?.end();
    if (this.#waiting.length > 0) this.#grow();
  }

  /** One at a time, each in a turn of its own: starting many in a row would starve every timer. */
  #grow(): void {
    if (this.#growing) return;
    this.#growing = true;
    setImmediate(() => {
      this.#growing = false;
      if (this.#waiting.length === 0 || this.#all.size >= this.limit) return;
      this.#spawn();
      if (this.#waiting.length > 0) this.#grow();
    });
  }

  #spawn(): void {
    const { cgroup, text, args } = limitedStart(this.#limiting, true);
    const child = spawn('/bin/sh', ['-c', text + SLOT_SCRIPT, 'pelorus-slot', ...args], {
      detached: true,
      env: this.#env,
      cwd: '/',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (child.pid === undefined) {
      if (cgroup) this.#limiting.groups?.discard(cgroup);
      child.on('error', () => setTimeout(() => this.#grow(), 1000));
      return;
    }
    const slot: Slot = {
      child,
      pid: child.pid,
      startTime: processStartTime(child.pid),
      cgroup,
      onResult: null,
      idleSince: Date.now(),
    };
    this.#all.add(slot);
    child.stdin?.on('error', () => {});
    child.stdout?.on('data', (chunk: Buffer) =>
      this.#settle(slot, { kind: 'done', code: parseDoneLine(chunk.toString('latin1')) }),
    );
    child.on('exit', (_code, signal) => this.#onExit(slot, signal));
    this.#free(slot);
  }

  #onExit(slot: Slot, signal: string | null): void {
    this.#all.delete(slot);
    const index = this.#idle.indexOf(slot);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#settle(slot, { kind: 'died', signal });
    if (slot.cgroup) this.#limiting.groups?.discard(slot.cgroup);
    if (this.#waiting.length > 0) this.#grow();
  }

  #settle(slot: Slot, result: SlotResult): void {
    const listener = slot.onResult;
    slot.onResult = null;
    listener?.(result);
  }

  #free(slot: Slot): void {
    if (!this.#all.has(slot)) return;
    const next = this.#waiting.shift();
    if (next) return next(slot);
    slot.idleSince = Date.now();
    this.#idle.push(slot);
  }
}

function parseDoneLine(line: string): number | null {
  const match = /^done (\d+)\n$/.exec(line);
  return match ? Number(match[1]) : null;
}
