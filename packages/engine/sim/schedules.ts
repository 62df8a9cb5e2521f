/**
 * Schedules as the store's model keeps them: what is due is decided from the stored tick, in one transaction with the runs. The
 * clock they go by is the database's, which may be put forward and back.
 */
import type { RunId } from '@pelorus/protocol';
import {
  decideDue,
  type DecidedTick,
  type DueSchedule,
  nextTick,
  parseCron,
  type RunGate,
  type ScheduleTiming,
  type Tick,
  type WorkflowVersion,
} from '../src/index.ts';
import type { Random } from './random.ts';
import { orderOf } from './random-workflow.ts';
import type { Fence, RunOrder, StoreModel } from './store-model.ts';
import type { Variant } from './variant.ts';

/** Of one schedule at one look, so that catching up takes several. */
const TICKS_AT_ONCE = 3;

export interface SimSchedule extends Omit<DueSchedule, 'next'> {
  id: number;
  workflow: WorkflowVersion;
  /** Each run waits for the one before. */
  gated: boolean;
  next: Tick | null;
  last: { run: RunId; logicalDateAt: number } | null;
}

export interface SimTick {
  schedule: number;
  nominalAt: number;
  run: RunId | null;
}

export class ScheduleModel {
  readonly schedules: SimSchedule[] = [];
  readonly ticks: SimTick[] = [];
  /** What the database's clock has been put forward by, in all. */
  clockOffMs = 0;
  private readonly store: StoreModel;
  private readonly variant: Variant['ticks'];
  private readonly checked: () => void;

  constructor(store: StoreModel, variant: Variant['ticks'], checked: () => void) {
    this.store = store;
    this.variant = variant;
    this.checked = checked;
  }

  now(): number {
    return this.store.time() + this.clockOffMs;
  }

  add(random: Random, workflow: WorkflowVersion): SimSchedule {
    const timing = timingEvery(random.pick([5, 10, 15, 30]));
    const schedule: SimSchedule = {
      id: this.schedules.length + 1,
      workflow,
      timing,
      misfire: random.pick(['fire_all', 'fire_last', 'skip'] as const),
      misfireMax: random.whole(1, 5),
      gated: workflow.definition.concurrency === 'parallel' && random.chance(0.5),
      next: nextTick(timing, this.now()),
      last: null,
    };
    this.schedules.push(schedule);
    return schedule;
  }

  /** Somebody takes all of them offline. */
  end(): void {
    for (const schedule of this.schedules) schedule.next = null;
  }

  /** Says how many runs it made. `remembered`: what a broken master believes is next; `apart`: where it gets rows that it writes later. */
  fireDue(
    fence: Fence,
    limit: number,
    {
      remembered = null,
      apart = null,
    }: { remembered?: Map<number, Tick | null> | null; apart?: SimTick[] | null } = {},
  ): number {
    this.store.mustHold(fence);
    const now = this.now();
    let fired = 0;
    let looked = 0;
    for (const schedule of this.schedules) {
      const next = remembered?.get(schedule.id) ?? schedule.next;
      if (schedule.next === null || next === null || next.dueAt > now || looked++ === limit) continue;
      const decided = decideDue({ ...schedule, next }, now, TICKS_AT_ONCE);
      for (const tick of decided.ticks) fired += this.decide(schedule, tick, apart ?? this.ticks);
      remembered?.set(schedule.id, decided.next);
      schedule.next = decided.next;
    }
    if (apart === null) this.checked();
    return fired;
  }

  private decide(schedule: SimSchedule, { tick, skipped }: DecidedTick, rows: SimTick[]): number {
    const { nominalAt } = tick;
    const isDecided = this.ticks.some((one) => one.schedule === schedule.id && one.nominalAt === nominalAt);
    if (isDecided && this.variant !== 'from memory') return 0;
    const run = skipped === null ? this.fire(schedule, nominalAt) : null;
    rows.push({ schedule: schedule.id, nominalAt, run });
    return run === null ? 0 : 1;
  }

  private fire(schedule: SimSchedule, logicalDateAt: number): RunId {
    const gate: RunGate | null = schedule.gated && schedule.last ? { previous: schedule.last, workflows: [] } : null;
    const order: RunOrder = {
      ...orderOf(schedule.workflow, this.store.time(), { dryRun: false, logicalDateAt }),
      execType: 'SCHEDULER',
      ...(gate && { gate }),
    };
    const run = this.store.submitRun(order);
    schedule.last = { run, logicalDateAt };
    return run;
  }

  // ------------------------------------------------------------------------------------------- broken variants

  /** The rows of runs that are there already. */
  writeTicks(fence: Fence, rows: readonly SimTick[]): void {
    this.store.mustHold(fence);
    this.ticks.push(...rows);
    this.checked();
  }

  fireLastAgain(fence: Fence): void {
    this.store.mustHold(fence);
    for (const schedule of this.schedules)
      if (schedule.last && schedule.next) this.fire(schedule, schedule.last.logicalDateAt);
    this.checked();
  }
}

function timingEvery(seconds: number): ScheduleTiming {
  const parsed = parseCron(`0/${seconds} * * * * ?`);
  if (!('cron' in parsed)) throw new Error(parsed.problems.join());
  return { cron: parsed.cron, zone: 'UTC', startAt: null, endAt: null, holidays: new Set(), onHoliday: null };
}
