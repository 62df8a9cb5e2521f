/**
 * What something costs this thread, by its CPU time: a machine that is busy with other things makes everything take longer, and none of it
 * more work.
 */
import { setTimeout as pause } from 'node:timers/promises';

export interface Computed<Value> {
  value: Value;
  /** The longest stretch of computing without a turn for anybody else: so long a request may have to wait. */
  longestMs: number;
  /** All of it. */
  totalMs: number;
}

/** Of the event loop's own thread, from the call until `work` has ended and the loop has turned once more. */
export async function computing<Value>(work: () => Promise<Value>): Promise<Computed<Value>> {
  const startMs = cpuMs();
  let lastMs = startMs;
  let longestMs = 0;
  const look = (): void => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, 1);
  try {
    const value = await work();
    await pause(1);
    look();
    return { value, longestMs, totalMs: lastMs - startMs };
  } finally {
    clearInterval(timer);
  }
}

/** What the yardstick takes on the machine that limits are given for, ms. */
const YARDSTICK_MS = 30;

/** A limit for computing as it is on this machine now: higher as far as it is slower. */
export function limitHere(ms: number): number {
  const startMs = cpuMs();
  const all = Array.from({ length: 20_000 }, (_, n) => ({ id: n, name: `task ${n}`, needs: [n] }));
  JSON.parse(JSON.stringify(all));
  return ms * Math.max(1, (cpuMs() - startMs) / YARDSTICK_MS);
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
