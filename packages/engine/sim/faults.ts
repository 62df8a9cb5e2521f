/**
 * How hostile one history is. Each seed turns a random part of the faults on, each with a strength of its own: a history
 * with everything at once hides what only a few faults together bring out.
 */
import type { Random } from './random.ts';

export interface Faults {
  /** Chances per frame. */
  dropFrame: number;
  duplicateFrame: number;
  /** Arrives late, when others have overtaken it. */
  delayFrame: number;
  stallFrame: number;
  breakLink: number;
  /** Mean times between, in ms; Infinity: never. */
  masterCrashMs: number;
  masterPauseMs: number;
  /** It is asked to end: commits, hands its runs back, and comes again. */
  masterStopMs: number;
  /** It takes on little for a while. */
  masterBusyMs: number;
  agentCrashMs: number;
  agentPauseMs: number;
  /** It takes nothing new for a while, says goodbye and comes back: an upgrade. */
  agentDrainMs: number;
  /** Somebody drains a worker, and lets it go on some time later. */
  operatorDrainMs: number;
  supervisorCrashMs: number;
  supervisorPauseMs: number;
  hostRebootMs: number;
  /** The whole machine sleeps, its processes as well; its clock goes on. */
  hostSuspendMs: number;
  /** Over its load, its memory or its disk. */
  hostBusyMs: number;
  /** One after the other: all masters, all agents, all supervisors. */
  rollingRestartMs: number;
  partitionMs: number;
  storeOutageMs: number;
  /** Chances per commit: the master dies right before, after it but before sending, or after sending. */
  crashBeforeCommit: number;
  crashBeforeSend: number;
  crashAfterSend: number;
  /** Chances per transaction. */
  storeFails: number;
  storeUnknownExecuted: number;
  storeUnknownLost: number;
  storeSlow: number;
  /** Milliseconds, each way. */
  frameDelayMs: [number, number];
  storeDelayMs: [number, number];
  /** How far a wall clock may be off, either way, when a master or an agent starts and reads it. */
  wallClockOffMs: number;
}

export const NO_FAULTS: Faults = {
  dropFrame: 0,
  duplicateFrame: 0,
  delayFrame: 0,
  stallFrame: 0,
  breakLink: 0,
  masterCrashMs: Infinity,
  masterPauseMs: Infinity,
  masterStopMs: Infinity,
  masterBusyMs: Infinity,
  agentCrashMs: Infinity,
  agentPauseMs: Infinity,
  agentDrainMs: Infinity,
  operatorDrainMs: Infinity,
  supervisorCrashMs: Infinity,
  supervisorPauseMs: Infinity,
  hostRebootMs: Infinity,
  hostSuspendMs: Infinity,
  hostBusyMs: Infinity,
  rollingRestartMs: Infinity,
  partitionMs: Infinity,
  storeOutageMs: Infinity,
  crashBeforeCommit: 0,
  crashBeforeSend: 0,
  crashAfterSend: 0,
  storeFails: 0,
  storeUnknownExecuted: 0,
  storeUnknownLost: 0,
  storeSlow: 0,
  frameDelayMs: [0, 5],
  storeDelayMs: [0, 3],
  wallClockOffMs: 300,
};

/** One history in so many is calm: what then waits without a reason waits because of somebody else (L3). */
const CALM_ONE_IN = 25;

/** Nothing goes wrong at all. */
export function isCalm(faults: Faults): boolean {
  return JSON.stringify(faults) === JSON.stringify(NO_FAULTS);
}

export function faultsOf(random: Random): Faults {
  if (random.whole(1, CALM_ONE_IN) === 1) return NO_FAULTS;
  const maybe = (low: number, high: number): number => (random.chance(0.45) ? random.skewed(low, high) : 0);
  const often = (low: number, high: number): number => (random.chance(0.45) ? random.between(low, high) : Infinity);
  return {
    dropFrame: maybe(0.002, 0.25),
    duplicateFrame: maybe(0.005, 0.3),
    delayFrame: maybe(0.005, 0.2),
    stallFrame: maybe(0.0005, 0.02),
    breakLink: maybe(0.001, 0.05),
    masterCrashMs: often(8_000, 120_000),
    masterPauseMs: often(15_000, 120_000),
    masterStopMs: often(10_000, 120_000),
    masterBusyMs: often(10_000, 120_000),
    agentCrashMs: often(8_000, 120_000),
    agentPauseMs: often(15_000, 180_000),
    agentDrainMs: often(20_000, 180_000),
    operatorDrainMs: often(20_000, 180_000),
    supervisorCrashMs: often(20_000, 180_000),
    supervisorPauseMs: often(20_000, 180_000),
    hostRebootMs: often(30_000, 240_000),
    hostSuspendMs: often(30_000, 240_000),
    hostBusyMs: often(10_000, 120_000),
    rollingRestartMs: often(60_000, 240_000),
    partitionMs: often(15_000, 120_000),
    storeOutageMs: often(20_000, 180_000),
    crashBeforeCommit: maybe(0.001, 0.05),
    crashBeforeSend: maybe(0.001, 0.05),
    crashAfterSend: maybe(0.001, 0.05),
    storeFails: maybe(0.002, 0.1),
    storeUnknownExecuted: maybe(0.002, 0.1),
    storeUnknownLost: maybe(0.002, 0.1),
    storeSlow: maybe(0.005, 0.1),
    frameDelayMs: random.pick([
      [0, 2],
      [1, 30],
      [5, 300],
      [1, 2_000],
    ]),
    storeDelayMs: random.pick([
      [0, 2],
      [1, 20],
      [5, 200],
    ]),
    wallClockOffMs: random.pick([300, 300, 60_000, 3_600_000]),
  };
}
