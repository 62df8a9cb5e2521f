/**
 * The store as a model: what the port's verbs mean, each one transaction. It is the durable truth of a history.
 *
 * Invariants (the adapters keep the same ones): a fenced master writes nothing; terminal rows never change; at most one
 * live attempt per task run. A commit that would break one is a defect of whoever asked for it, and ends the history.
 */
import {
  type AttemptId,
  type Cause,
  type CommandId,
  commandIdOf,
  isTerminalRun,
  isTerminalTaskRun,
  type MasterId,
  parseAttemptId,
  type RunId,
  type WorkerId,
} from '@pelorus/protocol';
import type {
  AttemptRecord,
  Change,
  Command,
  CommandAction,
  CommandOutcome,
  RunSpec,
  RunStatus,
  StoredRun,
  TaskRunRecord,
  WorkerRecord,
  WorkflowVersion,
} from '../src/index.ts';
import { Violation } from './violation.ts';

export const MASTER_LEASE_MS = 15_000;

export type StoreFailure = 'FENCED' | 'UNAVAILABLE' | 'UNKNOWN_OUTCOME';

/** What a verb answers with when it refuses. */
export class StoreRefusal extends Error {
  readonly code: StoreFailure;
  constructor(code: StoreFailure) {
    super(code);
    this.code = code;
  }
}

export interface Fence {
  master: MasterId;
  token: string;
}

export interface MasterRow {
  id: MasterId;
  token: string;
  leaseUntil: number;
  fencedAt: number | null;
}

export interface DurableRun {
  spec: RunSpec;
  workflow: WorkflowVersion;
  status: RunStatus;
  tasks: (TaskRunRecord | undefined)[];
  /** Per task, every attempt, oldest first. */
  attempts: AttemptRecord[][];
  /** When the status first said so. */
  stoppingSince: number | null;
  /** Why, as the status said then. */
  stoppedFor: Cause | null;
  /** Tasks that people asked to be killed. */
  killed: Set<string>;
}

export interface CommandRow extends Command {
  outcome: CommandOutcome | null;
}

export interface StoreOptions {
  /** A mutant turns this off. */
  fenceChecked: boolean;
  now: () => number;
  /** Sees each transaction that was executed, after it. */
  committed: (fence: Fence, changes: readonly Change[], before: ReadonlyMap<RunId, RunStatus>) => void;
}

export class StoreModel {
  readonly masters = new Map<MasterId, MasterRow>();
  readonly runs = new Map<RunId, DurableRun>();
  readonly commands: CommandRow[] = [];
  readonly workers = new Map<WorkerId, WorkerRecord>();
  /** Runs without an owner whose commands a master was given. */
  private readonly claims = new Map<RunId, MasterId>();
  private readonly options: StoreOptions;

  constructor(options: StoreOptions) {
    this.options = options;
  }

  // ------------------------------------------------------------------------------------------------- the api role

  submitRun(spec: RunSpec, workflow: WorkflowVersion): void {
    const status: RunStatus = {
      run: spec.id,
      version: 0,
      state: 'queued',
      cause: null,
      firstFailure: null,
      waitReason: null,
      owner: null,
      startedAt: null,
      endedAt: null,
    };
    const count = workflow.definition.tasks.length;
    const attempts: AttemptRecord[][] = Array.from({ length: count }, () => []);
    this.runs.set(spec.id, {
      spec,
      workflow,
      status,
      tasks: Array.from({ length: count }),
      attempts,
      stoppingSince: null,
      stoppedFor: null,
      killed: new Set(),
    });
    this.addCommand(spec.id, { kind: 'start' });
  }

  /** False when the run has ended. */
  requestCommand(run: RunId, action: CommandAction): boolean {
    if (isTerminalRun(this.runs.get(run)!.status.state)) return false;
    if (action.kind === 'kill-task') this.runs.get(run)!.killed.add(action.task);
    this.addCommand(run, action);
    return true;
  }

  private addCommand(run: RunId, action: CommandAction): void {
    this.commands.push({
      id: commandIdOf(this.commands.length + 1),
      run,
      action,
      user: 'someone',
      at: this.options.now(),
      outcome: null,
    });
  }

  // ---------------------------------------------------------------------------------------------- the master role

  registerMaster(master: { id: MasterId; token: string; supersedes: MasterId[] }): void {
    for (const earlier of master.supersedes) this.fence(earlier);
    const { id, token } = master;
    this.masters.set(id, { id, token, leaseUntil: this.options.now() + MASTER_LEASE_MS, fencedAt: null });
  }

  private fence(id: MasterId): void {
    const row = this.masters.get(id);
    if (row) row.fencedAt ??= this.options.now();
  }

  private checkFence(fence: Fence): void {
    if (!this.options.fenceChecked) return;
    if (!this.holds(fence)) throw new StoreRefusal('FENCED');
  }

  /** Whether this incarnation may still write. */
  holds(fence: Fence): boolean {
    const row = this.masters.get(fence.master);
    return row !== undefined && row.token === fence.token && row.fencedAt === null;
  }

  renewMaster(fence: Fence): void {
    this.checkFence(fence);
    this.masters.get(fence.master)!.leaseUntil = this.options.now() + MASTER_LEASE_MS;
  }

  claimCommands(fence: Fence, after: CommandId | null, limit: number): Command[] {
    this.checkFence(fence);
    const claimed: Command[] = [];
    for (const { outcome, ...command } of this.commands) {
      if (outcome || command.id <= (after ?? 0) || claimed.length === limit) continue;
      if (!this.mayTake(command.run, fence.master, true)) continue;
      if (this.runs.get(command.run)!.status.owner !== fence.master) this.claims.set(command.run, fence.master);
      claimed.push(command);
    }
    return claimed;
  }

  adoptRuns(fence: Fence, after: RunId | null, limit: number): RunId[] {
    this.checkFence(fence);
    const now = this.options.now();
    for (const row of this.masters.values()) if (row.id !== fence.master && row.leaseUntil < now) row.fencedAt ??= now;
    const adopted: RunId[] = [];
    for (const [id, run] of this.runs) {
      if (id <= (after ?? 0) || adopted.length === limit || isTerminalRun(run.status.state)) continue;
      if (!this.mayTake(id, fence.master, false)) continue;
      run.status = { ...run.status, owner: fence.master };
      adopted.push(id);
    }
    return adopted;
  }

  /** Nobody who is still in charge owns it or was given its commands. */
  private mayTake(id: RunId, master: MasterId, orOwn: boolean): boolean {
    const { owner } = this.runs.get(id)!.status;
    if (owner === master) return orOwn;
    if (owner !== null && !this.isFenced(owner)) return false;
    const claimer = this.claims.get(id);
    return claimer === undefined || claimer === master || this.isFenced(claimer);
  }

  private isFenced(master: MasterId): boolean {
    return this.masters.get(master)?.fencedAt !== null;
  }

  loadRuns(ids: readonly RunId[]): StoredRun[] {
    return ids.flatMap((id) => {
      const run = this.runs.get(id);
      if (!run) return [];
      const attempts = run.attempts.flatMap((list) => list.at(-1) ?? []);
      return [{ spec: run.spec, status: run.status, tasks: run.tasks.filter((task) => task !== undefined), attempts }];
    });
  }

  commit(fence: Fence, changes: readonly Change[]): void {
    this.checkFence(fence);
    const before = new Map<RunId, RunStatus>();
    for (const change of changes) this.write(fence, change, before);
    for (const id of before.keys()) this.checkOneLiveAttempt(id);
    this.options.committed(fence, changes, before);
  }

  private write(fence: Fence, change: Change, before: Map<RunId, RunStatus>): void {
    switch (change.kind) {
      case 'worker':
        return this.writeWorker(change.record);
      case 'command-done':
        return this.finishCommand(change.command, change.outcome);
      case 'run':
        return this.writeStatus(this.own(change.status.run, fence, before), change.status, fence);
      case 'task-run':
        return writeTaskRun(this.own(change.record.run, fence, before), change.record);
      case 'attempt':
        return writeAttempt(this.own(change.record.run, fence, before), change.record);
      case 'alert':
        return;
      case 'start-child':
      case 'child-command':
        throw new Violation('defect', `no workflow of a history has a ${change.kind}`);
    }
  }

  /** `seenAt` never falls: another master may have heard of it later. */
  private writeWorker(record: WorkerRecord): void {
    const seenAt = Math.max(record.seenAt, this.workers.get(record.id)?.seenAt ?? 0);
    this.workers.set(record.id, { ...record, seenAt });
  }

  private own(id: RunId, fence: Fence, before: Map<RunId, RunStatus>): DurableRun {
    const run = this.runs.get(id);
    if (!run) throw new Violation('defect', `a commit writes run ${id}, which does not exist`);
    if (!before.has(id)) before.set(id, run.status);
    const { owner } = run.status;
    const foreign = owner !== null && owner !== fence.master && !this.isFenced(owner);
    if (foreign) throw new Violation('S1', `${fence.master} writes run ${id}, which ${owner} owns`);
    return run;
  }

  private finishCommand(id: CommandId, outcome: CommandOutcome): void {
    const row = this.commands[id - 1];
    if (!row) throw new Violation('defect', `there is no command ${id} to finish`);
    if (row.outcome && JSON.stringify(row.outcome) !== JSON.stringify(outcome)) {
      throw new Violation(
        'defect',
        `command ${id} had one effect already (${JSON.stringify(row.outcome)}), now ${JSON.stringify(outcome)}`,
      );
    }
    row.outcome = outcome;
  }

  private writeStatus(run: DurableRun, status: RunStatus, fence: Fence): void {
    const { state, version } = run.status;
    if (isTerminalRun(state)) {
      if (status.state === state) return;
      throw new Violation('S4', `run ${status.run} is ${state} and would become ${status.state}`);
    }
    if (status.version < version)
      throw new Violation('defect', `run ${status.run} is at version ${version}, written at ${status.version}`);
    run.status = { ...status, owner: fence.master };
    if (status.state === 'stopping' && run.stoppingSince === null) {
      run.stoppingSince = this.options.now();
      run.stoppedFor = status.cause;
    }
    this.claims.delete(status.run);
  }

  private checkOneLiveAttempt(id: RunId): void {
    for (const attempts of this.runs.get(id)!.attempts) {
      const live = attempts.filter((attempt) => !isTerminalAttempt(attempt));
      if (live.length > 1)
        throw new Violation('S5', `${live.length} live attempts of task ${live[0]!.task} in run ${id}`);
    }
  }

  // --------------------------------------------------------------------------------------------------- looking

  /** When any master last heard of this worker or of one that took it over. */
  workerSeenAt(worker: WorkerId): number | null {
    let seenAt: number | null = null;
    for (const row of this.workers.values()) {
      if (row.id === worker || row.supersedes?.includes(worker)) seenAt = Math.max(seenAt ?? 0, row.seenAt);
    }
    return seenAt;
  }

  attempt(id: AttemptId): AttemptRecord | null {
    const key = parseAttemptId(id)!;
    return this.runs.get(key.run)?.attempts[key.task]?.[key.n - 1] ?? null;
  }
}

export function isTerminalAttempt(attempt: AttemptRecord): boolean {
  return (
    attempt.state === 'succeeded' ||
    attempt.state === 'failed' ||
    attempt.state === 'killed' ||
    attempt.state === 'lost'
  );
}

function writeTaskRun(run: DurableRun, record: TaskRunRecord): void {
  const stored = run.tasks[record.task];
  const name = `task ${record.task} of run ${record.run}`;
  if (stored && isTerminalTaskRun(stored.state) && !sameBut(stored, record)) {
    throw new Violation('S4', `${name} is ${stored.state} and would become ${record.state}`);
  }
  if (stored && record.version < stored.version)
    throw new Violation('defect', `${name} is at version ${stored.version}, written at ${record.version}`);
  if (stored && record.attempts < stored.attempts)
    throw new Violation('S5', `${name} had ${stored.attempts} attempts and would have ${record.attempts}`);
  run.tasks[record.task] = record;
}

function writeAttempt(run: DurableRun, record: AttemptRecord): void {
  const attempts = run.attempts[record.task]!;
  const name = `attempt ${record.run}.${record.task}.${record.n}`;
  const stored = attempts[record.n - 1];
  if (!stored && record.n !== attempts.length + 1)
    throw new Violation('S5', `${name} follows attempt ${attempts.length}`);
  if (stored && isTerminalAttempt(stored) && !sameBut(stored, record)) {
    throw new Violation('S4', `${name} is ${stored.state} and would become ${record.state}`);
  }
  if (stored && record.version < stored.version)
    throw new Violation('defect', `${name} is at version ${stored.version}, written at ${record.version}`);
  attempts[record.n - 1] = record;
}

/** The same truth told again, at another version perhaps. */
function sameBut(stored: { version: number }, written: { version: number }): boolean {
  return JSON.stringify({ ...stored, version: 0 }) === JSON.stringify({ ...written, version: 0 });
}
