/** One seed, one history: a hostile time, then a quiet one in which everything must come to its end. */
import { isTerminalTaskRun } from '@pelorus/protocol';
import { Checker } from './checker.ts';
import { Commander, type Habits } from './commander.ts';
import { type Faults, faultsOf, isCalm } from './faults.ts';
import type { HostOptions } from './host.ts';
import { Nemesis } from './nemesis.ts';
import { differenceOf } from './oracle.ts';
import { hashText, Random } from './random.ts';
import { randomWorkflow } from './random-workflow.ts';
import { type Scene, sceneOf } from './scenes.ts';
import type { DurableRun } from './store-model.ts';
import type { Tally } from './tally.ts';
import type { Variant } from './variant.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';

/** After the faults, without the end of any task: longer than a task with its lease, resend pauses and retries. */
const QUIET_MAX_MS = 2 * 3_600_000;
const UNBLOCK_EVERY_MS = 20_000;
const FULL_CHECK_EVERY_STEPS = 500;
/** After the faults, until everybody who was stopped, down or partitioned is back. */
const SETTLED_AFTER_MS = 300_000;
const LOOK_EVERY_MS = 1_000;

export interface HistoryOptions {
  seed: number;
  variant?: Variant;
  /** Instead of what the seed, or its scene, chooses. */
  faults?: Partial<Faults>;
  /** How often people do what; the seed chooses the rest. */
  people?: Partial<Habits>;
  /** Masters over one store; default: the seed chooses. */
  masters?: number;
  /** Whether there are schedules; default: in a quarter of the histories. */
  schedules?: boolean;
  trace?: ((line: string) => void) | null;
}

export interface HistoryReport {
  seed: number;
  steps: number;
  /** Virtual. */
  durationMs: number;
  tally: Tally;
  violation: Violation | null;
}

export function playHistory(options: HistoryOptions): HistoryReport {
  const random = new Random(options.seed);
  const scene = sceneOf(options.seed);
  const world = worldOf(options, scene, random);
  const { timeline, tally } = world;
  const begunAt = timeline.now;
  let violation: Violation | null = null;
  try {
    play(world, random, { ...scene.people, ...options.people });
  } catch (error) {
    violation =
      error instanceof Violation
        ? error
        : new Violation('defect', `it threw: ${error instanceof Error ? error.stack : String(error)}`, {
            cause: error,
          });
  }
  return { seed: options.seed, steps: timeline.steps, durationMs: timeline.now - begunAt, tally, violation };
}

function worldOf(options: HistoryOptions, scene: Scene, random: Random): World {
  const masterSlots = options.masters ?? random.pick([1, 1, 2, 3]);
  const hosts: HostOptions[] = Array.from({ length: scene.hosts ?? random.whole(1, 4) }, (_, index) => ({
    name: `h${index}`,
    groups: index === 0 || random.chance(0.5) ? ['default', 'special'] : ['default'],
    features: index === 0 || random.chance(0.6) ? ['shell', 'python'] : ['shell'],
    slots: random.whole(1, 6),
    clockRate: random.pick([1, 0.98, 1.02]),
    clockOffsetMs: random.whole(-3_600_000, 3_600_000),
  }));
  const faults = { ...faultsOf(random), ...scene.faults, ...options.faults };
  const taskGroups = new Map(
    Array.from({ length: random.whole(0, 2) }, (_, index) => [`g${index}`, random.whole(1, 4)]),
  );
  return new World({
    taskGroups,
    seed: options.seed,
    random,
    faults,
    variant: options.variant ?? {},
    masterSlots,
    withSchedules: options.schedules ?? hashText('with schedules', options.seed) % 4 === 0,
    hosts,
    trace: options.trace ?? null,
  });
}

function play(world: World, random: Random, people: Partial<Habits>): void {
  const { timeline } = world;
  world.checker = new Checker(world);
  const hostileMs = random.between(30_000, 400_000);
  const commander = new Commander(world, random.fork('commander'), {
    runs: random.whole(1, 8),
    withinMs: hostileMs * 0.8,
    groups: ['default', 'special'],
    taskGroups: world.taskGroups,
    stop: random.pick([0, 0.2, 0.5]),
    pause: random.pick([0, 0.3]),
    killTask: random.pick([0, 0.3]),
    forceSuccess: random.pick([0, 0, 0.5]),
    again: random.pick([0, 0.3, 0.6]),
    serial: random.pick([0, 0.2, 0.8]),
    waits: 0.2,
    ...people,
  });
  const nemesis = new Nemesis(world, random.fork('nemesis'));
  if (world.withSchedules) addSchedules(world, hostileMs);
  world.start();
  if (isCalm(world.faults)) watchForIdleness(world);
  const quietFrom = timeline.now + hostileMs;
  advance(world, () => timeline.now >= quietFrom);
  world.endFaults();
  nemesis.end();
  unblockAgain(world, commander);
  timeline.after(SETTLED_AFTER_MS, () => watchForIdleness(world));
  const since = timeline.now;
  const isStuck = () => timeline.now > Math.max(since, world.checker.progressAt) + QUIET_MAX_MS;
  advance(world, () => isAtRest(world) || isStuck());
  if (!isAtRest(world))
    throw new Violation('L1', `${QUIET_MAX_MS / 60_000} quiet minutes in which no task ended: ${unrestOf(world)}`);
  world.checker.everyRunHasACause();
  world.checker.noTickIsMissing();
  for (const [id, run] of world.store.runs) {
    const difference = differenceOf(run, world);
    if (difference !== null) throw new Violation('oracle', `run ${id} (${run.status.state}): ${difference}`);
  }
}

/** Chance of their own: what the seed makes of all else is as it is without them. */
function addSchedules(world: World, withinMs: number): void {
  const random = new Random(hashText('schedules', world.seed));
  const around = { groups: ['default'], taskGroups: world.taskGroups, serial: 0.3, waits: 0.2 };
  for (let count = random.whole(1, 3); count > 0; count--) {
    const of = { workflowId: 1_000 + count, version: 1, tasksMax: 2, children: [], upstream: [] };
    const workflow = randomWorkflow(random, of, around);
    world.store.saveWorkflow(workflow);
    world.schedules.add(random, workflow);
  }
  for (let steps = random.whole(0, 2); steps > 0; steps--)
    world.timeline.after(random.between(0, withinMs * 0.9), () => {
      const byMs = Math.round(random.pick([-1, 1]) * random.skewed(2_000, 400_000));
      world.tally.count(`fault: clock of the database put ${byMs > 0 ? 'forward' : 'back'}`);
      world.trace(() => `the clock of the database is put ${byMs} ms on`);
      world.schedules.clockOffMs += byMs;
    });
  // So that what they fire has an end.
  world.timeline.after(withinMs * random.between(0.2, 0.6), () => world.schedules.end());
}

function advance(world: World, until: () => boolean): void {
  while (!until()) {
    if (!world.timeline.step()) throw new Violation('L1', 'nothing will ever happen again');
    world.checker.afterStep();
    if (world.timeline.steps % FULL_CHECK_EVERY_STEPS === 0) world.checker.everyRunHasACause();
  }
}

function watchForIdleness(world: World): void {
  world.checker.nobodyIsHeldUp();
  world.timeline.after(LOOK_EVERY_MS, () => watchForIdleness(world));
}

function unblockAgain(world: World, commander: Commander): void {
  commander.unblock();
  world.timeline.after(UNBLOCK_EVERY_MS, () => unblockAgain(world, commander));
}

function openTasksOf(run: DurableRun): string {
  return run.tasks
    .flatMap((record) => {
      if (!record || isTerminalTaskRun(record.state)) return [];
      const latest = run.attempts[record.task]!.at(-1);
      return [
        `task ${record.task} is ${record.state}${record.waitReason ? ` (${record.waitReason})` : ''}, attempt ${latest?.n ?? 0} ${latest?.state ?? ''} on ${latest?.worker ?? 'nobody'}`,
      ];
    })
    .join('; ');
}

/** Every run has ended, every command was answered, no process lives, and the workers have nothing left to say. */
function isAtRest(world: World): boolean {
  return world.store.firstOpenRun() === null && unrestOf(world) === null;
}

function unrestOf(world: World): string | null {
  const run = world.store.firstOpenRun();
  if (run) return `run ${run.spec.id} is ${run.status.state}: ${openTasksOf(run)}`;
  const command = world.store.commands.find(({ outcome }) => outcome === null);
  if (command) return `command ${command.id} (${command.action.kind} of run ${command.run}) was never answered`;
  if (world.ledger.liveCount > 0) return `${world.ledger.liveCount} processes live`;
  for (const host of world.hosts)
    if (host.agent?.idle !== true) return `host ${host.options.name} still has something to report`;
  return null;
}
