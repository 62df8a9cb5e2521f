/** Carries out a plan on a bed, fault by fault, and keeps what was done and when. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bed } from './bed.ts';
import { inject, type Undo } from './injector.ts';
import type { Fault } from './schedule.ts';

export interface FaultDone extends Fault {
  /** Epoch milliseconds. */
  fromMs: number;
  toMs: number;
  /** When PostgreSQL took connections again; null: it was not the one that was hit. */
  readyMs: number | null;
  /** False: there was nothing to do it to, for instance a process that was down. */
  hit: boolean;
  /** Why it could not be done or undone. */
  error: string | null;
}

export interface StormOptions {
  bed: Bed;
  faults: Fault[];
  seconds: number;
  signal: AbortSignal;
  /** Told of each fault as it begins and ends. */
  onFault: (fault: FaultDone, moment: 'begins' | 'ends') => void;
}

/** Resolves when the storm is over and every fault has been taken back; `signal` shortens it. */
export async function rage({ bed, faults, seconds, signal, onFault }: StormOptions): Promise<FaultDone[]> {
  const startedAt = performance.now();
  const sleepUntil = (ms: number): Promise<void> =>
    pause(Math.max(startedAt + ms - performance.now(), 0), undefined, { signal }).catch(() => undefined);
  const done: FaultDone[] = [];
  const doOne = async (fault: Fault): Promise<void> => {
    await sleepUntil(fault.atMs);
    if (signal.aborted) return;
    const entry: FaultDone = { ...fault, fromMs: Date.now(), toMs: Date.now(), readyMs: null, hit: false, error: null };
    done.push(entry);
    let undo: Undo | null = null;
    try {
      undo = await inject(bed, fault);
      entry.hit = undo !== null;
      onFault(entry, 'begins');
      await sleepUntil(fault.atMs + fault.forMs);
    } catch (error) {
      entry.error = String(error);
    }
    try {
      await undo?.();
      if (fault.target[0] === 'store') entry.readyMs = await whenReady(bed);
    } catch (error) {
      entry.error = String(error);
    }
    entry.toMs = Date.now();
    onFault(entry, 'ends');
  };
  await Promise.all([...faults.map(doOne), sleepUntil(seconds * 1000)]);
  return done.toSorted((a, b) => a.fromMs - b.fromMs);
}

const STORE_READY_MS = 60_000;

async function whenReady(bed: Bed): Promise<number> {
  await bed.database.ready(STORE_READY_MS);
  return Date.now();
}
