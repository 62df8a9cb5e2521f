/** The people and programs at the API: they submit random workflows and stop, pause, resume and kill at random times. */
import { isTerminalRun, isTerminalTaskRun, type RunId } from '@pelorus/protocol';
import type { CommandAction, WorkflowVersion } from '../src/index.ts';
import { Library } from './library.ts';
import { descendantsOf } from './lineage.ts';
import type { Random } from './random.ts';
import { describe, orderOf, type Surroundings } from './random-workflow.ts';
import type { World } from './world.ts';

export interface CommanderOptions extends Surroundings {
  runs: number;
  /** In which the runs are submitted. */
  withinMs: number;
  /** Chances per run. */
  stop: number;
  pause: number;
  killTask: number;
  forceSuccess: number;
}

/** Of which run, and what is asked of it once that is known. */
type Wish = (run: RunId) => CommandAction;

const FORCEABLE: ReadonlySet<string> = new Set([
  'failed',
  'killed',
  'upstream_failed',
  'queued',
  'paused',
  'delayed',
  'retry_wait',
]);

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
    const { world, random, options } = this;
    const run = world.store.submitRun(orderOf(workflow, world.timeline.now, { dryRun: random.chance(0.04) }));
    world.tally.count('runs');
    world.trace(() => `run ${run} submitted: ${describe(workflow.definition)}`);
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
        this.later(run, (of) => ({ kind: 'force-success', task: this.forceableTaskOf(of) }));
    }
    if (!random.chance(options.killTask)) return;
    for (let times = random.whole(1, 3); times > 0; times--)
      this.later(run, (of) => ({ kind: 'kill-task', task: this.taskOf(of) }));
  }

  private taskOf(run: RunId): string {
    return this.random.pick(this.world.store.runs.get(run)!.workflow.definition.tasks).name;
  }

  /** One that has failed or waits, if there is one. */
  private forceableTaskOf(run: RunId): string {
    const { tasks, workflow } = this.world.store.runs.get(run)!;
    const names = tasks.flatMap((record) =>
      record && FORCEABLE.has(record.state) ? workflow.definition.tasks[record.task]!.name : [],
    );
    return names.length > 0 && this.random.chance(0.8) ? this.random.pick(names) : this.taskOf(run);
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
        if (
          !record ||
          isTerminalTaskRun(record.state) ||
          !record.waitReason?.includes('waiting for its return or for a decision')
        )
          continue;
        this.request(id, { kind: 'kill-task', task: run.workflow.definition.tasks[record.task]!.name });
      }
    }
  }
}
