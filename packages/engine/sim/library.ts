/**
 * The workflows of a history: made up when they are needed, kept in the store, run again and again, by people and by the
 * `sub_workflow` tasks of others. Those of level 0 start no others; those of level 2 start some that start others.
 */
import type { WorkflowVersion } from '../src/index.ts';
import type { Random } from './random.ts';
import { randomWorkflow, revised, type Surroundings } from './random-workflow.ts';
import type { StoreModel } from './store-model.ts';

const TASKS_MAX = 12;
/** Of a workflow that others start. */
const CHILD_TASKS_MAX = 4;

export class Library {
  private readonly store: StoreModel;
  private readonly random: Random;
  private readonly around: Surroundings;
  private readonly levels: string[][] = [[], [], []];
  private made = 0;

  constructor(store: StoreModel, random: Random, around: Surroundings) {
    this.store = store;
    this.random = random;
    this.around = around;
  }

  /** The newest version of a workflow to be run by somebody: of one that there is, or of a new one. */
  pick(): WorkflowVersion {
    const { random } = this;
    const level = random.pick([0, 0, 0, 1, 2]);
    const known = this.levels[level]!;
    if (known.length > 0 && random.chance(0.35)) return this.known(random.pick(known));
    return this.make(level, TASKS_MAX);
  }

  private known(name: string): WorkflowVersion {
    if (this.random.chance(0.3)) this.revise(name);
    return this.store.workflows.get(name)!.at(-1)!;
  }

  private revise(name: string): void {
    this.store.saveWorkflow(revised(this.random, this.store.workflows.get(name)!.at(-1)!));
  }

  private make(level: number, tasksMax: number): WorkflowVersion {
    const children = level === 0 ? [] : this.childrenFor(level);
    const workflow = randomWorkflow(
      this.random,
      { workflowId: ++this.made, version: 1, tasksMax, children, upstream: this.levels.flat() },
      this.around,
    );
    this.store.saveWorkflow(workflow);
    this.levels[level]!.push(workflow.definition.name);
    return workflow;
  }

  /** At least one of the level below, so that runs nest as deep as the level says. */
  private childrenFor(level: number): string[] {
    const { random } = this;
    const below = this.levels[level - 1]!;
    const first =
      below.length > 0 && random.chance(0.5)
        ? random.pick(below)
        : this.make(level - 1, CHILD_TASKS_MAX).definition.name;
    const others = this.levels.slice(0, level).flat();
    return random.chance(0.5) ? [first] : [first, random.pick(others)];
  }
}
