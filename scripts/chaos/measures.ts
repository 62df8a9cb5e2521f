/** Figures of a storm: how long it took until somebody noticed, took over, recovered, killed. Evidence in, numbers out. */
import type { KillAsked } from './load.ts';
import type { Transition } from './oracle.ts';
import type { FaultKind } from './schedule.ts';
import type { FaultDone } from './storm.ts';
import type { MasterSeen } from './witness.ts';

export interface Spread {
  count: number;
  p50Ms: number | null;
  maxMs: number | null;
}

export interface Measured {
  /** From the end or stand-still of a master to the row that says that it is over. */
  detection: Spread;
  /** To the first of its runs that has another owner. */
  takeover: Spread;
  /** As `takeover`, where nothing else was wrong between masters and PostgreSQL. */
  takeoverUndisturbed: Spread;
  /** From the moment PostgreSQL takes connections again to the first commit. */
  storeRecovery: Spread;
  /** From the accepted kill to its end in the store. */
  killLatency: Spread;
  /** As `killLatency`, where no fault was active. */
  killLatencyUndisturbed: Spread;
}

export interface MeasureInput {
  faults: FaultDone[];
  transitions: Transition[];
  masters: MasterSeen[];
  /** Of each master's process, the address that it publishes. */
  opsUrls: Record<string, string>;
  kills: KillAsked[];
}

export function measure(input: MeasureInput): Measured {
  const losses = masterLosses(input);
  const kills = killTimes(input);
  return {
    detection: spread(losses.flatMap(({ detectedMs }) => detectedMs ?? [])),
    takeover: spread(losses.flatMap(({ takenMs }) => takenMs ?? [])),
    takeoverUndisturbed: spread(losses.flatMap(({ takenMs, disturbed }) => (disturbed ? [] : (takenMs ?? [])))),
    storeRecovery: spread(recoveries(input)),
    killLatency: spread(kills.map(({ ms }) => ms)),
    killLatencyUndisturbed: spread(kills.filter(({ disturbed }) => !disturbed).map(({ ms }) => ms)),
  };
}

export interface KindReport {
  injected: number;
  /** There was something to do it to. */
  hit: number;
  /** Tasks succeeded again after it was over. */
  survived: number;
}

/** By kind; those that were not injected are absent. */
export function byKind(faults: FaultDone[], transitions: Transition[]): Partial<Record<FaultKind, KindReport>> {
  const successes = transitions
    .filter(({ kind, to }) => kind === 'attempt' && to === 'succeeded')
    .map(({ atMs }) => atMs);
  const last = successes.at(-1) ?? 0;
  const kinds: Partial<Record<FaultKind, KindReport>> = {};
  for (const { kind, hit, toMs, error } of faults) {
    const entry = (kinds[kind] ??= { injected: 0, hit: 0, survived: 0 });
    entry.injected += 1;
    if (hit) entry.hit += 1;
    if (hit && error === null && last > toMs) entry.survived += 1;
  }
  return kinds;
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number | null => {
    const value = sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)];
    return value === undefined ? null : Math.round(value);
  };
  return { count: sorted.length, p50Ms: at(0.5), maxMs: at(1) };
}

interface MasterLoss {
  detectedMs: number | null;
  takenMs: number | null;
  disturbed: boolean;
}

const DISTURBANCE_MS = 20_000;

function masterLosses({ faults, transitions, masters, opsUrls }: MeasureInput): MasterLoss[] {
  return faults.flatMap((fault): MasterLoss[] => {
    const { kind, hit, fromMs, target } = fault;
    if (!hit || (kind !== 'master-kill' && kind !== 'master-freeze')) return [];
    const own = masters.filter(({ opsUrl, registeredMs }) => opsUrl === opsUrls[target[0]!] && registeredMs < fromMs);
    const master = own.at(-1);
    if (!master || (master.fencedMs !== null && master.fencedMs < fromMs)) return [];
    // A freeze that ended before its lease did is none that anybody had to notice.
    if (master.fencedMs === null || (kind === 'master-freeze' && master.fencedMs > fault.toMs + DISTURBANCE_MS))
      return [];
    const taken = takenFrom(master.id, fromMs, transitions);
    return [
      {
        detectedMs: master.fencedMs - fromMs,
        takenMs: taken === null ? null : taken - fromMs,
        disturbed: faults.some(
          (other) => other !== fault && touchesStore(other) && overlaps(other, fromMs, fromMs + DISTURBANCE_MS),
        ),
      },
    ];
  });
}

function takenFrom(master: string, fromMs: number, transitions: Transition[]): number | null {
  const owners = new Map<number, string | null>();
  for (const { kind, run, owner, atMs } of transitions) {
    if (kind !== 'run') continue;
    if (atMs > fromMs && owners.get(run) === master && owner !== null && owner !== master) return atMs;
    owners.set(run, owner);
  }
  return null;
}

function touchesStore({ kind, target }: FaultDone): boolean {
  return target.some((name) => name.includes('store')) || kind === 'master-kill' || kind === 'master-freeze';
}

function overlaps({ fromMs, toMs }: FaultDone, from: number, to: number): boolean {
  return fromMs < to && toMs > from - DISTURBANCE_MS / 2;
}

function recoveries({ faults, transitions }: MeasureInput): number[] {
  return faults.flatMap(({ kind, readyMs, hit }) => {
    if (!hit || readyMs === null || !/^store-(crash|loop|outage|freeze)$/.test(kind)) return [];
    const next = transitions.find(({ atMs }) => atMs >= readyMs - READY_POLL_MS);
    return next === undefined ? [] : [Math.max(next.atMs - readyMs, 0)];
  });
}

/** How late the bed may notice that PostgreSQL takes connections. */
const READY_POLL_MS = 100;

function killTimes({ kills, transitions, faults }: MeasureInput): { ms: number; disturbed: boolean }[] {
  const ends = transitions.filter(
    ({ kind, to }) => (kind === 'run' && to === 'stopped') || (kind === 'attempt' && to === 'killed'),
  );
  return kills.flatMap(({ run, task, atMs }) => {
    const end = ends.find((one) => one.run === run && one.kind === (task === null ? 'run' : 'attempt'));
    if (end === undefined) return [];
    const disturbed = faults.some(({ fromMs, toMs }) => fromMs < end.atMs && toMs + DISTURBANCE_MS > atMs);
    return [{ ms: Math.max(end.atMs - atMs, 0), disturbed }];
  });
}
