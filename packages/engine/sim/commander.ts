/** The people and programs at the API: they submit random workflows and stop, pause, resume and kill at random times. */
import { isTerminalRun, isTerminalTaskRun, type RunId } from '@pelorus/protocol';
import type { CommandAction, TaskRunRecord, WorkflowVersion } from '../src/index.ts';
import { orderAgain } from './again.ts';
import { Library } from './library.ts';
import { descendantsOf } from './lineage.ts';
import type { Random } from './random.ts';
import { describe, orderOf, type Surroundings } from './random-workflow.ts';
import type { DurableRun } from './store-model.ts';
import type { World } from './world.ts';

export interface CommanderOptions extends Surroundings, Habits {
  runs: number;
  /** In which the runs are submitted. */
  withinMs: number;
}

/** What people like to do: chances per run, and per workflow. */
export interface Habits extends Pick<Surroundings, 'serial' | 'waits'> {
  stop: number;
  pause: number;
  killTask: number;
  forceSuccess: number;
  /** That it, or a run below it, is run again. */
  again: number;
}

/** Of which run, and what is asked of it once that is known. */
type Wish = (run: RunId) => CommandAction;

const AGAIN_TRIES = 5;
/** How long a task may wait for other runs before somebody ends the wait. */
const PATIENCE_MS = 600_000;

const FAILURES: ReadonlySet<string> = new Set(['failed', 'killed', 'upstream_failed']);
const WAITS: ReadonlySet<string> = new Set(['queued', 'paused', 'delayed', 'retry_wait']);

interface RunTask {
  run: RunId;
  task: number;
}

export class Commander {
  private readonly world: World;
  private readonly random: Random;
  private readonly options: CommanderOptions;
  private readonly library: Library;

  constructor(world: World, random: Random, options: CommanderOptions) {
    this.world = world;
    this.random = random;
    this.options = options;
    this.library = new Library(world.store, random, options);
    for (let count = 0; count < options.runs; count++) {
      world.timeline.after(random.between(0, options.withinMs), () => this.submit());
    }
  }

  private submit(): void {
    const { world, random } = this;
    const workflow = this.library.pick();
    this.order(workflow);
    // Where runs take turns, one alone shows nothing.
    if (workflow.definition.concurrency === 'parallel') return;
    for (let more = random.whole(0, 3); more > 0; more--) {
      world.timeline.after(random.skewed(0, 60_000), () => this.order(workflow));
    }
  }

  private order(workflow: WorkflowVersion): void {
    const { world, random } = this;
    const { now } = world.timeline;
    const how = { dryRun: random.chance(0.04), logicalDateAt: random.chance(0.8) ? now : now - 86_400_000 };
    const run = world.store.submitRun(orderOf(workflow, now, how));
    world.trace(() => `run ${run} submitted: ${describe(workflow.definition)}`);
    this.accompany(run);
    if (random.chance(this.options.again)) this.again(run, AGAIN_TRIES);
  }

  /** When it has ended; gives up when that takes too long. */
  private again(run: RunId, tries: number): void {
    const { world, random } = this;
    world.timeline.after(random.between(1_000, 60_000), () => {
      const below = descendantsOf(world.store, run);
      const id = below.length > 0 && random.chance(0.3) ? random.pick(below).spec.id : run;
      const earlier = world.store.runs.get(id)!;
      if (isTerminalRun(earlier.status.state)) this.orderAgain(earlier);
      else if (tries > 1) this.again(run, tries - 1);
    });
  }

  private orderAgain(earlier: DurableRun): void {
    const { world, random } = this;
    const { spec, workflow } = earlier;
    const versions = world.store.workflows.get(workflow.definition.name)!;
    const ordered = orderAgain(random, earlier, versions, world.timeline.now);
    if (!ordered) return world.tally.count('path: plan refused');
    const { order, rows } = ordered;
    const run = world.store.submitRun(order, rows);
    world.tally.count(`path: run again: ${order.mode}`);
    if (rows.length > 0) world.tally.count('path: results taken over');
    world.trace(() => `run ${run} submitted: run ${spec.id} again, ${order.mode}, ${JSON.stringify(order.plan)}`);
    this.accompany(run);
    if (random.chance(0.3)) this.again(run, AGAIN_TRIES);
  }

  private accompany(run: RunId): void {
    const { world, random, options } = this;
    world.tally.count('runs');
    this.hint();
    if (random.chance(options.stop)) this.later(run, () => ({ kind: 'stop' }));
    if (random.chance(options.pause)) {
      this.later(
        run,
        () => ({ kind: 'pause' }),
        (paused) => this.later(paused, () => ({ kind: 'resume' })),
      );
    }
    if (random.chance(options.forceSuccess)) {
      for (let times = random.whole(1, 4); times > 0; times--)
        world.timeline.after(random.between(0, 90_000), () => this.forceSuccess(run));
    }
    if (!random.chance(options.killTask)) return;
    for (let times = random.whole(1, 3); times > 0; times--)
      this.later(run, (of) => ({ kind: 'kill-task', task: this.taskOf(of) }));
  }

  private taskOf(run: RunId): string {
    return this.random.pick(this.world.store.runs.get(run)!.workflow.definition.tasks).name;
  }

  /** Of a task that has failed, if there is one in a run that goes on, or of one that waits. */
  private forceSuccess(run: RunId): void {
    const { random, world } = this;
    const under = [world.store.runs.get(run)!, ...descendantsOf(world.store, run)];
    const open = under.filter(({ status }) => !isTerminalRun(status.state));
    const failed = open.flatMap((one) => tasksIn(one, FAILURES));
    const kind = failed.length > 0 && random.chance(0.8) ? failed : open.flatMap((one) => tasksIn(one, WAITS));
    const target = kind.length > 0 && random.chance(0.9) ? random.pick(kind) : null;
    const task = target ? this.nameOf(target) : this.taskOf(run);
    this.request(target?.run ?? run, { kind: 'force-success', task });
  }

  private nameOf({ run, task }: RunTask): string {
    return this.world.store.runs.get(run)!.workflow.definition.tasks[task]!.name;
  }

  /** Not told to every master: the poll is the guarantee. */
  private hint(): void {
    for (let slot = 0; slot < this.world.masterSlots; slot++) {
      const master = this.world.master(slot);
      if (master && this.random.chance(0.7)) master.actor.after(1, () => master.commandHint());
    }
  }

  /** Of the run, or of one of those that it has started by then. */
  private later(run: RunId, wish: Wish, then?: (target: RunId) => void): void {
    const { random, world } = this;
    world.timeline.after(random.skewed(0, 120_000), () => {
      const below = descendantsOf(world.store, run).filter(({ status }) => !isTerminalRun(status.state));
      const target = below.length > 0 && random.chance(0.4) ? random.pick(below).spec.id : run;
      this.request(target, wish(target));
      then?.(target);
    });
  }

  private request(run: RunId, action: CommandAction): void {
    const accepted = this.world.store.requestCommand(run, action);
    this.world.trace(() => `someone asks run ${run}: ${JSON.stringify(action)}${accepted ? '' : ' (it has ended)'}`);
    if (!accepted) return;
    this.world.tally.count(`command: ${action.kind}`);
    this.hint();
  }

  /** Ends what only a person can end: pauses, and waits for a worker that may never return. */
  unblock(): void {
    for (const [id, run] of this.world.store.runs) {
      if (isTerminalRun(run.status.state)) continue;
      if (run.status.state === 'paused') this.request(id, { kind: 'resume' });
      for (const record of run.tasks) {
        if (!record || isTerminalTaskRun(record.state) || !this.needsDecision(run, record)) continue;
        this.request(id, { kind: 'kill-task', task: run.workflow.definition.tasks[record.task]!.name });
      }
    }
  }

  private needsDecision({ workflow, attempts }: DurableRun, { task, waitReason }: TaskRunRecord): boolean {
    if (waitReason?.includes('waiting for its return or for a decision')) return true;
    const { action } = workflow.definition.tasks[task]!;
    const since = attempts[task]!.at(-1)?.dispatchedAt ?? Infinity;
    return action.type === 'dependent' && action.maxWaitMs === null && this.world.timeline.now - since > PATIENCE_MS;
  }
}

function tasksIn({ spec, tasks }: DurableRun, states: ReadonlySet<string>): RunTask[] {
  return tasks.flatMap((record) => (record && states.has(record.state) ? { run: spec.id, task: record.task } : []));
}
