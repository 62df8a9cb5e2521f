/** What a worker says of the machine that it runs on: the host, or the container that holds it tighter. */
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { findControlGroup, type ControlGroup } from './control-group.ts';
import type { HostReading } from './core.ts';

/** What a reading counts for fades as in the kernel's 1-minute load average. */
const LOAD_FADES_MS = 60_000;

export type MachineReading = Omit<HostReading, 'refusing'>;

/** Each call reads anew; the load of a container is the mean of what the calls have found. */
export function createHostReader(group: ControlGroup = findControlGroup()): () => MachineReading {
  let load: { value: number; at: number } | null = null;
  return () => {
    const memory = group.memory();
    const totalMemoryBytes = Math.min(totalmem(), memory?.limitBytes ?? Infinity);
    const left = memory ? Math.max(0, memory.limitBytes - memory.usedBytes) : Infinity;
    const freeMemoryBytes = Math.min(freemem(), left);
    const quota = group.cpuQuota();
    if (quota === null)
      return { loadAverage: loadavg()[0] ?? -1, cpuCount: availableParallelism(), freeMemoryBytes, totalMemoryBytes };
    const at = performance.now();
    const kept = load ? Math.exp((load.at - at) / LOAD_FADES_MS) : 0;
    load = { value: (load?.value ?? 0) * kept + group.runnable() * (1 - kept), at };
    const cpuCount = Math.min(availableParallelism(), Math.ceil(quota));
    return { loadAverage: load.value, cpuCount, freeMemoryBytes, totalMemoryBytes };
  };
}
