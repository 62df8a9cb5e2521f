import type { WorkerRecord } from '@pelorus/engine';
import type { ApiContext } from './context.ts';

/** Masters tell of a worker that lives every few seconds. One that nobody has heard of for so long is gone, though whoever would say so may be gone as well. */
const SILENT_MS = 60_000;

/** All workers, as whatever is shown or counted of them has them: those that have been silent for minutes are offline. */
export async function workersHeard({ store, clock }: Pick<ApiContext, 'store' | 'clock'>): Promise<WorkerRecord[]> {
  const workers = await store.listWorkers();
  const now = clock();
  return workers.map((worker) => (now - worker.seenAt > SILENT_MS ? { ...worker, state: 'offline' } : worker));
}
