/** The people and programs at the API: they submit random workflows and stop, pause, resume and kill at random times. */
import { isTerminalRun, isTerminalTaskRun, type RunId, runIdOf } from '@pelorus/protocol';
import type { CommandAction } from '../src/index.ts';
import type { Random } from './random.ts';
import { randomWorkflow, specOf } from './random-workflow.ts';
import type { World } from './world.ts';

export interface CommanderOptions {
  runs: number;
  /** In which the runs are submitted. */
  withinMs: number;
  /** Chances per run. */
  stop: number;
  pause: number;
  killTask: number;
  groups: readonly string[];
  taskGroups: ReadonlyMap<string, number>;
}

export class Commander {
  private readonly world: World;
  private readonly random: Random;
  private readonly options: CommanderOptions;

  constructor(world: World, random: Random, options: CommanderOptions) {
    this.world = world;
    this.random = random;
    this.options = options;
    for (let count = 0; count < options.runs; count++) {
      world.timeline.after(random.between(0, options.withinMs), () => this.submit());
    }
  }

  private submit(): void {
    const { world, random, options } = this;
    const number = world.store.runs.size + 1;
    const run = runIdOf(number);
    const workflow = randomWorkflow(random, number, options);
    world.store.submitRun(specOf(run, workflow, world.timeline.now), workflow);
    world.tally.count('runs');
    world.trace(() => `run ${run} submitted: ${describe(workflow.definition)}`);
    this.hint();
    if (random.chance(options.stop)) this.later(run, { kind: 'stop' });
    if (random.chance(options.pause)) this.later(run, { kind: 'pause' }, () => this.later(run, { kind: 'resume' }));
    if (!random.chance(options.killTask)) return;
    for (let times = random.whole(1, 3); times > 0; times--)
      this.later(run, { kind: 'kill-task', task: random.pick(workflow.definition.tasks).name });
  }

  /** Not told to every master: the poll is the guarantee. */
  private hint(): void {
    for (let slot = 0; slot < this.world.masterSlots; slot++) {
      const master = this.world.master(slot);
      if (master && this.random.chance(0.7)) master.actor.after(1, () => master.commandHint());
    }
  }

  private later(run: RunId, action: CommandAction, then?: () => void): void {
    this.world.timeline.after(this.random.skewed(0, 120_000), () => {
      this.request(run, action);
      then?.();
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

function describe(definition: {
  failurePolicy: string;
  tasks: readonly { name: string; needs: string[]; trigger: string; disabled: boolean; action: { type: string } }[];
}): string {
  const tasks = definition.tasks.map(
    ({ name, needs, trigger, disabled, action }) =>
      `${name}${disabled ? '(disabled)' : ''}:${action.type}<-${trigger}[${needs.join(' ')}]`,
  );
  return `${definition.failurePolicy} ${tasks.join(' ')}`;
}
