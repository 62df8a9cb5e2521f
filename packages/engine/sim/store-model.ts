/**
 * The store as a model: what the port's verbs mean, each one transaction. It is the durable truth of a history.
 *
 * Invariants (the adapters keep the same ones): a fenced master writes nothing; terminal rows never change; at most one
 * live attempt per task run; at most one child run per attempt; the end of a child is a command to its parent, in the same
 * transaction. A commit that would break one is a defect of whoever asked for it, and ends the history.
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
  runIdOf,
  type WorkerId,
} from '@pelorus/protocol';
import {
  type AttemptRecord,
  type Change,
  type ChildRun,
  type ChildWorkflow,
  type Command,
  type CommandAction,
  type CommandOutcome,
  isNews,
  LOGIC_WORKER,
  type ParentLink,
  type PermitAsk,
  type PermitKey,
  type PermitWant,
  type Question,
  type RunSpec,
  type RunStatus,
  type StoredRun,
  type TaskRunRecord,
  type WorkerRecord,
  type WorkflowVersion,
  type UpstreamFact,
  upstreamFactOfRun,
  upstreamFactOfTask,
  type UpstreamQuery,
} from '../src/index.ts';
import { caseOf, isPassedThrough } from './dag.ts';
import { admit, lineOf, nextInLine, othersToStop, type Turn } from './turns.ts';
import type { Variant } from './variant.ts';
import type { Tally } from './tally.ts';
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
  /** Whatever the runs above it are. */
  resumedByPeople: boolean;
  /** Tasks whose success people forced, in that order, with what they were before. */
  forced: { task: number; before: TaskRunRecord | undefined }[];
  /** It had to wait for its turn. */
  waited: boolean;
  /** How it waits for its turn; null when it does not. */
  turn: Turn | null;
  /** Its master handed it back, and nobody has taken it since. */
  released: boolean;
}

export interface CommandRow extends Command {
  outcome: CommandOutcome | null;
}

interface PermitRow extends PermitWant {
  master: MasterId;
  granted: boolean;
  asked: number;
  askedAt: number;
}

/** A place in a task group is left to another master for so long after that has asked. */
const TURN_KEPT_MS = 3_000;

function inTurn(a: PermitRow, b: PermitRow): number {
  return b.priority - a.priority || a.rank - b.rank || a.readyAt - b.readyAt || a.run - b.run || a.task - b.task;
}

/** A run to be, before the store gives it an id. */
export type RunOrder = Omit<RunSpec, 'id'>;

/** `released`: its last master had handed it back. */
export interface Adopted {
  run: RunId;
  released: boolean;
}

export interface StoreOptions {
  /** Mutants turn these off. */
  fenceChecked: boolean;
  childEndsTold: boolean;
  turns: 'passed' | NonNullable<Variant['turns']>;
  turnsForgetPause: boolean;
  takesWithoutFencing: boolean;
  /** A master goes on after it has handed its runs back. */
  releaseKeepsMaster: boolean;
  /** How much each may hold. */
  taskGroups: ReadonlyMap<string, number>;
  now: () => number;
  /** Sees each transaction that was executed, after it. */
  committed: (fence: Fence, changes: readonly Change[], before: ReadonlyMap<RunId, RunStatus>) => void;
}

export class StoreModel {
  readonly masters = new Map<MasterId, MasterRow>();
  readonly runs = new Map<RunId, DurableRun>();
  readonly commands: CommandRow[] = [];
  readonly workers = new Map<WorkerId, WorkerRecord>();
  /** Every version of every workflow, by name, oldest first. */
  readonly workflows = new Map<string, WorkflowVersion[]>();
  /** Child runs by the attempt of the parent, as `attemptName` writes it. */
  private readonly children = new Map<string, RunId>();
  /** Ids of commands that nobody has answered, by run. */
  private readonly unanswered = new Map<RunId, Set<CommandId>>();
  /** Commands up to this id have all been answered, runs up to this one have all ended: where looking begins. */
  private answeredTo = 0;
  private endedTo = 0;
  /** Runs without an owner whose commands a master was given. */
  private readonly claims = new Map<RunId, MasterId>();
  /** Who may be placed in a task group, or wants to be, by run and task. */
  private readonly permits = new Map<string, PermitRow>();
  private readonly options: StoreOptions;

  constructor(options: StoreOptions) {
    this.options = options;
  }

  // ------------------------------------------------------------------------------------------------- the api role

  /** A new version of the workflow that its definition names. */
  saveWorkflow(version: WorkflowVersion): void {
    const versions = this.workflows.get(version.definition.name);
    if (versions) versions.push(version);
    else this.workflows.set(version.definition.name, [version]);
  }

  /** With its start command, or waiting for its turn, or discarded, as its workflow says. */
  submitRun(order: RunOrder, rows: readonly Omit<TaskRunRecord, 'run'>[] = []): RunId {
    return this.beginRun(order, rows).spec.id;
  }

  private beginRun(order: RunOrder, rows: readonly Omit<TaskRunRecord, 'run'>[]): DurableRun {
    const workflow = this.versionOf(order);
    const admission = admit(this.runs, order, workflow.definition.concurrency);
    const run = this.insertRun(order, workflow);
    const { id } = run.spec;
    for (const row of rows) run.tasks[row.task] = { ...row, run: id };
    switch (admission.kind) {
      case 'start':
        this.addCommand(id, { kind: 'start' });
        break;
      case 'wait':
        run.turn = admission.turn;
        run.waited = true;
        run.status = { ...run.status, state: 'waiting', waitReason: admission.reason };
        if (admission.turn === 'serial_priority') this.supersedeOthers(run);
        break;
      case 'discard':
        this.discard(run, admission.cause);
        break;
    }
    return run;
  }

  private supersedeOthers(newcomer: DurableRun): void {
    for (const other of othersToStop(this.runs, newcomer)) {
      if (other.turn !== null) other.turn = 'superseded';
      this.addCommand(other.spec.id, { kind: 'stop', supersededBy: newcomer.spec.id });
    }
  }

  private discard(run: DurableRun, cause: Cause): void {
    const at = this.options.now();
    run.status = { ...run.status, state: 'stopped', cause, endedAt: at };
    run.stoppingSince = at;
    run.stoppedFor = cause;
    const of = caseOf(run);
    for (const [task, { disabled }] of of.tasks.entries()) {
      const kind = disabled ? 'disabled' : 'not_selected';
      const end = isPassedThrough(of, task)
        ? ({ state: 'skipped', cause: { kind } } as const)
        : ({ state: 'killed', cause } as const);
      run.tasks[task] ??= { ...NEVER_STARTED, run: run.spec.id, task, ...end, endedAt: at };
    }
  }

  private insertRun(order: RunOrder, workflow: WorkflowVersion): DurableRun {
    const id = runIdOf(this.runs.size + 1);
    const spec: RunSpec = { ...order, id };
    const status: RunStatus = {
      run: id,
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
    const run: DurableRun = {
      spec,
      workflow,
      status,
      tasks: Array.from({ length: count }),
      attempts,
      stoppingSince: null,
      stoppedFor: null,
      killed: new Set(),
      resumedByPeople: false,
      forced: [],
      waited: false,
      turn: null,
      released: false,
    };
    this.runs.set(id, run);
    if (spec.parent) this.children.set(attemptName(spec.parent), id);
    return run;
  }

  private versionOf({ workflow, workflowVersion }: Pick<RunSpec, 'workflow' | 'workflowVersion'>): WorkflowVersion {
    const found = this.workflows.get(workflow)?.find(({ version }) => version === workflowVersion);
    if (!found) throw new Violation('defect', `there is no version ${workflowVersion} of workflow ${workflow} to run`);
    return found;
  }

  /** False when the run has ended. */
  requestCommand(run: RunId, action: CommandAction): boolean {
    if (isTerminalRun(this.runs.get(run)!.status.state)) return false;
    if (action.kind === 'kill-task') this.runs.get(run)!.killed.add(action.task);
    if (action.kind === 'resume') this.runs.get(run)!.resumedByPeople = true;
    this.addCommand(run, action);
    return true;
  }

  private addCommand(run: RunId, action: CommandAction): void {
    const id = commandIdOf(this.commands.length + 1);
    const waiting = this.unanswered.get(run);
    if (waiting) waiting.add(id);
    else this.unanswered.set(run, new Set([id]));
    this.commands.push({
      id,
      run,
      action,
      user: 'someone',
      at: this.options.now(),
      outcome: null,
    });
  }

  // ---------------------------------------------------------------------------------------------- the master role

  /** Answers with its time, as `renewMaster` does. */
  registerMaster(master: { id: MasterId; token: string; supersedes: MasterId[] }): number {
    for (const earlier of master.supersedes) this.fence(earlier);
    const { id, token } = master;
    this.masters.set(id, { id, token, leaseUntil: this.time() + MASTER_LEASE_MS, fencedAt: null });
    return this.time();
  }

  private fence(id: MasterId): void {
    const row = this.masters.get(id);
    if (row) row.fencedAt ??= this.options.now();
  }

  private checkFence(fence: Fence): void {
    if (!this.options.fenceChecked) return;
    if (!this.holds(fence)) throw new StoreRefusal('FENCED');
  }

  /** For transactions that are kept elsewhere. */
  mustHold(fence: Fence): void {
    this.checkFence(fence);
  }

  /** Whether this incarnation may still write. */
  holds(fence: Fence): boolean {
    const row = this.masters.get(fence.master);
    return row !== undefined && row.token === fence.token && row.fencedAt === null;
  }

  renewMaster(fence: Fence): number {
    this.checkFence(fence);
    this.masters.get(fence.master)!.leaseUntil = this.time() + MASTER_LEASE_MS;
    return this.time();
  }

  /** `ownOnly`: of runs that this master has already. */
  claimCommands(fence: Fence, after: CommandId | null, limit: number, ownOnly: boolean): Command[] {
    this.checkFence(fence);
    const claimed: Command[] = [];
    for (let index = Math.max(after ?? 0, this.answeredTo); index < this.commands.length; index++) {
      const { outcome, ...command } = this.commands[index]!;
      if (outcome && index === this.answeredTo) this.answeredTo++;
      if (outcome || claimed.length === limit) continue;
      if (!this.mayTake(command.run, fence.master, true)) continue;
      const isOwn = this.runs.get(command.run)!.status.owner === fence.master;
      if (ownOnly && !isOwn) continue;
      if (!isOwn) this.claims.set(command.run, fence.master);
      claimed.push(command);
    }
    return claimed;
  }

  adoptRuns(fence: Fence, after: RunId | null, limit: number): Adopted[] {
    this.checkFence(fence);
    const now = this.options.now();
    for (const row of this.masters.values()) {
      const over = row.id !== fence.master && row.leaseUntil < now;
      if (over && !this.options.takesWithoutFencing) row.fencedAt ??= now;
    }
    if (after === null && this.options.turns === 'passed') this.startForgotten();
    const adopted: Adopted[] = [];
    for (const [id, run] of this.runs) {
      if (id <= (after ?? 0) || adopted.length === limit || isTerminalRun(run.status.state)) continue;
      if (run.turn !== null) continue;
      // What nobody ever had comes with its start command.
      if (run.status.owner === null && run.status.state === 'queued' && !run.released) continue;
      if (!this.mayTake(id, fence.master, false)) continue;
      run.status = { ...run.status, owner: fence.master };
      adopted.push({ run: id, released: run.released });
      run.released = false;
    }
    return adopted;
  }

  /** The end of a master that was asked to end: it fences itself, and so its runs are nobody's. Says how many there were. */
  releaseRuns(fence: Fence): number {
    this.checkFence(fence);
    if (!this.options.releaseKeepsMaster) this.fence(fence.master);
    let released = 0;
    for (const run of this.runs.values()) {
      if (run.status.owner !== fence.master || isTerminalRun(run.status.state)) continue;
      if (this.options.releaseKeepsMaster) run.status = { ...run.status, owner: null };
      run.released = true;
      released++;
    }
    return released;
  }

  private startForgotten(): void {
    for (const workflowId of new Set([...this.runs.values()].map(({ spec }) => spec.workflowId))) {
      const next = nextInLine(this.runs, workflowId);
      if (!next) continue;
      // It came when all others had been told to stop and none had: the sweep is sooner than their ends.
      if (!lineOf(this.runs, workflowId).some(({ turn }) => turn === 'superseded'))
        throw new Violation('turns', `run ${next.spec.id} could run, and nobody started it`);
      this.startNext(workflowId);
    }
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
    const row = this.masters.get(master);
    if (this.options.takesWithoutFencing && row && row.leaseUntil < this.options.now()) return true;
    return row?.fencedAt !== null;
  }

  /** The clock that everybody goes by, epoch ms. */
  time(): number {
    return this.options.now();
  }

  loadRuns(ids: readonly RunId[]): StoredRun[] {
    return ids.flatMap((id) => {
      const run = this.runs.get(id);
      if (!run) return [];
      const attempts = run.attempts.flatMap((list) => list.at(-1) ?? []);
      return [{ spec: run.spec, status: run.status, tasks: run.tasks.filter((task) => task !== undefined), attempts }];
    });
  }

  /** Places in task groups; see the port's verb. */
  takePermits(fence: Fence, ask: PermitAsk, tally: Tally): PermitKey[] {
    this.checkFence(fence);
    const { master } = fence;
    const now = this.options.now();
    for (const { run, task, readyAt, by } of ask.returned) {
      const row = this.permits.get(`${run}.${task}`);
      if (row?.master === master && row.readyAt === readyAt && row.asked <= by) this.permits.delete(`${run}.${task}`);
    }
    for (const [key, row] of this.permits) if (row.master === master && !row.granted) this.permits.delete(key);
    for (const want of ask.wants) {
      const before = this.permits.get(`${want.run}.${want.task}`);
      const isSame = before?.master === master && before.readyAt === want.readyAt;
      const asked = before?.master === master ? Math.max(before.asked, ask.number) : ask.number;
      this.permits.set(`${want.run}.${want.task}`, {
        ...{ ...want, master, asked, askedAt: now },
        granted: isSame && before.granted,
      });
    }
    for (const [key, row] of this.permits) if (!this.isPermitOpen(row)) this.permits.delete(key);
    for (const name of this.options.taskGroups.keys()) this.grantInTurn(name, master, tally);
    return ask.wants.filter(({ run, task }) => this.permits.get(`${run}.${task}`)?.granted === true);
  }

  private isPermitOpen({ run, task, readyAt, master }: PermitRow): boolean {
    const record = this.runs.get(run)!.tasks[task];
    return record?.state === 'queued' && record.readyAt === readyAt && this.masters.get(master)!.fencedAt === null;
  }

  private grantInTurn(name: string, master: MasterId, tally: Tally): void {
    const rows = [...this.permits.values()].filter(({ group }) => group === name).toSorted(inTurn);
    let room = this.options.taskGroups.get(name)! - this.heldBy(name);
    for (const row of rows) if (row.granted) room -= row.weight;
    for (const row of rows) {
      const isStale = row.master !== master && row.askedAt < this.options.now() - TURN_KEPT_MS;
      if (row.granted || isStale) continue;
      if (row.weight > room) return;
      room -= row.weight;
      row.granted = row.master === master;
      tally.count(row.granted ? 'path: permit granted' : "path: permit left to another master's turn");
    }
  }

  /** The weight of the live attempts of a task group. */
  heldBy(name: string): number {
    let held = 0;
    for (const { workflow, attempts } of this.runs.values()) {
      workflow.definition.tasks.forEach(({ taskGroup }, index) => {
        const latest = attempts[index]!.at(-1);
        if (taskGroup?.name !== name || !latest || latest.worker === LOGIC_WORKER) return;
        if (!isTerminalAttempt(latest)) held += taskGroup.weight;
      });
    }
    return held;
  }

  /** Says how many commands it wrote. */
  commit(fence: Fence, changes: readonly Change[]): number {
    this.checkFence(fence);
    const commandsBefore = this.commands.length;
    const before = new Map<RunId, RunStatus>();
    for (const change of changes) this.write(fence, change, before);
    for (const change of changes) this.writeForChild(change);
    for (const id of before.keys()) this.checkOneLiveAttempt(id);
    for (const [id, status] of before) {
      if (!isTerminalRun(status.state) && isTerminalRun(this.runs.get(id)!.status.state)) this.runEnded(id);
    }
    this.options.committed(fence, changes, before);
    return this.commands.length - commandsBefore;
  }

  /** After the rows: a stop that is written together with the end of the child finds nobody to stop. */
  private writeForChild(change: Change): void {
    if (change.kind === 'start-child') this.startChild(change.parent, change.child);
    if (change.kind !== 'child-command') return;
    const child = this.childOf(change.parent);
    if (child && !isTerminalRun(child.status.state)) this.addCommand(child.spec.id, change.action);
  }

  private startChild(parent: ParentLink, child: ChildRun): void {
    const existing = this.childOf(parent);
    if (existing)
      throw new Violation('S11', `attempt ${attemptName(parent)} asks for a child besides run ${existing.spec.id}`);
    const run = this.beginRun({ ...child, parent }, []);
    if (isTerminalRun(run.status.state)) this.runEnded(run.spec.id);
  }

  /** What the end of a run is to others. */
  private runEnded(id: RunId): void {
    const run = this.runs.get(id)!;
    const { spec, status } = run;
    const { parent } = spec;
    if (parent && this.options.childEndsTold && !isTerminalRun(this.runs.get(parent.run)!.status.state)) {
      const { task, attempt } = parent;
      this.addCommand(parent.run, { kind: 'child-finished', task, attempt, child: id, state: status.state });
    }
    if (spec.dryRun || this.options.turns === 'not passed') return;
    run.turn = null;
    this.startNext(spec.workflowId);
  }

  private startNext(workflowId: number): void {
    let next = nextInLine(this.runs, workflowId);
    if (this.options.turns === 'newest first') next &&= lineOf(this.runs, workflowId).at(-1)!;
    if (!next) return;
    next.turn = null;
    next.status = { ...next.status, state: 'queued', waitReason: null };
    this.addCommand(next.spec.id, { kind: 'start' });
    // While it waited it could not be paused together with the run that it belongs to.
    if (this.options.turnsForgetPause) return;
    const above = next.spec.parent && this.runs.get(next.spec.parent.run)!.status.state;
    if (above === 'pausing' || above === 'paused') this.addCommand(next.spec.id, { kind: 'pause' });
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
      case 'late-result':
        return this.keepLate(change);
      case 'alert':
      case 'start-child':
      case 'child-command':
        return;
    }
  }

  /** Whoever is told keeps it, also of runs that have ended: it moves nothing. */
  private keepLate({ run, task, n, result }: Extract<Change, { kind: 'late-result' }>): void {
    const attempts = this.runs.get(run)?.attempts[task];
    const stored = attempts?.[n - 1];
    if (stored && isNews(stored, result)) attempts[n - 1] = { ...stored, late: result };
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
    this.unanswered.get(row.run)?.delete(id);
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
    run.released = false;
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

  /** The run that an attempt of a `sub_workflow` task started. */
  childOf(parent: ParentLink): DurableRun | null {
    const id = this.children.get(attemptName(parent));
    return id === undefined ? null : this.runs.get(id)!;
  }

  /** Every run that an attempt of this run started. */
  childrenOf(id: RunId): DurableRun[] {
    const { attempts } = this.runs.get(id)!;
    return attempts.flat().flatMap(({ task, n }) => this.childOf({ run: id, task, attempt: n }) ?? []);
  }

  /** The first run that has not ended. */
  firstOpenRun(): DurableRun | null {
    for (; this.endedTo < this.runs.size; this.endedTo++) {
      const run = this.runs.get(runIdOf(this.endedTo + 1))!;
      if (!isTerminalRun(run.status.state)) return run;
    }
    return null;
  }

  /** Commands of a run that nobody has answered yet, oldest first. */
  waitingCommands(run: RunId): CommandRow[] {
    return [...(this.unanswered.get(run) ?? [])].map((id) => this.commands[id - 1]!);
  }

  /** Which workflow a `sub_workflow` task means. */
  findWorkflow({ workflow, version }: Extract<Question, { kind: 'resolve-child' }>): ChildWorkflow {
    const versions = this.workflows.get(workflow) ?? [];
    const found = version === 'latest' ? versions.at(-1) : versions.find((one) => one.version === version);
    if (!found) return { kind: 'missing', detail: `there is no ${version} version of ${workflow}` };
    const { workflowId, version: number, definition } = found;
    return { kind: 'found', projectId: 1, project: 'p', workflowId, workflow, version: number, definition };
  }

  /** What is known of the latest run of a workflow in a span of logical dates, or of one task of it. */
  upstreamFact({ workflow, task, from, to, except }: UpstreamQuery): UpstreamFact {
    let latest: DurableRun | null = null;
    for (const run of this.runs.values()) {
      const { logicalDateAt, dryRun } = run.spec;
      const neverBegan = run.status.state === 'stopped' && run.status.startedAt === null;
      if (run.spec.workflow !== workflow || run.spec.id === except || dryRun || neverBegan) continue;
      if (logicalDateAt < from || logicalDateAt >= to) continue;
      if (!latest || logicalDateAt >= latest.spec.logicalDateAt) latest = run;
    }
    if (!latest) return { kind: 'none' };
    const { spec, status, tasks } = latest;
    if (task === null) return upstreamFactOfRun(spec.id, status.state);
    const index = latest.workflow.definition.tasks.findIndex(({ name }) => name === task);
    return upstreamFactOfTask(spec.id, status.state, tasks[index] ?? null);
  }

  attempt(id: AttemptId): AttemptRecord | null {
    const key = parseAttemptId(id)!;
    return this.runs.get(key.run)?.attempts[key.task]?.[key.n - 1] ?? null;
  }
}

const NEVER_STARTED = {
  version: 0,
  waitReason: null,
  attempts: 0,
  retries: 0,
  wakeAt: null,
  readyAt: null,
  startedAt: null,
  outputs: null,
};

function attemptName({ run, task, attempt }: ParentLink): string {
  return `${run}.${task}.${attempt}`;
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
  const isForced = record.state === 'forced_success' && stored?.state !== 'forced_success';
  const mayBeForced = isForced && stored !== undefined && FORCEABLE.has(stored.state);
  if (stored && isTerminalTaskRun(stored.state) && !mayBeForced && !sameBut(stored, record)) {
    throw new Violation('S4', `${name} is ${stored.state} and would become ${record.state}`);
  }
  if (stored && record.version < stored.version)
    throw new Violation('defect', `${name} is at version ${stored.version}, written at ${record.version}`);
  if (stored && record.attempts < stored.attempts)
    throw new Violation('S5', `${name} had ${stored.attempts} attempts and would have ${record.attempts}`);
  if (isForced) run.forced.push({ task: record.task, before: stored });
  run.tasks[record.task] = record;
}

/** Ends that a person may overrule. */
const FORCEABLE: ReadonlySet<string> = new Set(['failed', 'killed', 'upstream_failed']);

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

/** The same truth told again, at another version perhaps; what was kept of a late result is no part of it. */
function sameBut(stored: { version: number }, written: { version: number }): boolean {
  const besides = { version: 0, late: undefined };
  return JSON.stringify({ ...stored, ...besides }) === JSON.stringify({ ...written, ...besides });
}
