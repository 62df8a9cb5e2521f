/**
 * The thread that renews the lease of a master whose event loop is held up by computing, over a connection of its own. See
 * docs/decisions/0012-a-thread-keeps-the-lease.md.
 *
 * Owns: what it was told last by the loop, and the connection, which is made when it is needed first; before that it loads nothing.
 * Invariants: 1. it renews what the loop believes in, behind the same fence, so it brings nothing back that another master has taken;
 * 2. without a word from the loop it renews for so many leases and no longer.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Fence } from './port.ts';

export interface LeaseThreadData {
  url: string;
  masterLeaseMs: number;
  statementTimeoutMs: number;
}

/** A sign of life of the event loop; `renewed`: it has just renewed the lease itself. */
export interface LoopNews {
  fence: Fence;
  renewed: boolean;
}

const LOOKS_PER_LEASE = 15;
/** Of the lease; a loop that turns renews before. What is left is for loading, connecting and writing. */
const LATE = 0.6;
/** After so many leases without a sign the loop counts as stuck for ever. */
const PATIENCE_LEASES = 4;

const port = parentPort!;
const { url, masterLeaseMs, statementTimeoutMs } = workerData as LeaseThreadData;
let inCharge: Fence | null = null;
let signAt = -Infinity;
let renewedAt = -Infinity;
let renewing: Promise<void> | null = null;
let renewal: Promise<Renewal> | null = null;

type Renewal = (fence: Fence) => Promise<unknown>;

port.on('message', ({ fence, renewed }: LoopNews) => {
  inCharge = fence;
  signAt = performance.now();
  if (renewed) renewedAt = signAt;
});

setInterval(() => {
  const at = performance.now();
  const isLate = at - renewedAt > LATE * masterLeaseMs;
  const isStuck = at - signAt > PATIENCE_LEASES * masterLeaseMs;
  if (inCharge === null || !isLate || isStuck) return;
  renewing ??= renew(inCharge).finally(() => (renewing = null));
}, masterLeaseMs / LOOKS_PER_LEASE);

/** What went wrong the loop finds out by itself once it turns again; until then the next look tries again. */
async function renew(fence: Fence): Promise<void> {
  try {
    renewal ??= connect();
    const hold = await renewal;
    await hold(fence);
    renewedAt = performance.now();
  } catch (error) {
    const isOver = error instanceof Error && 'code' in error && (error.code === 'FENCED' || error.code === 'WENT_BACK');
    if (isOver && inCharge === fence) inCharge = null;
  }
}

async function connect(): Promise<Renewal> {
  const [{ PostgresPool }, { clockOf }, { holdLease }] = await Promise.all([
    import('./postgres-pool.ts'),
    import('./postgres-database.ts'),
    import('./master-leases.ts'),
  ]);
  const pool = new PostgresPool({ url, size: 1, name: 'pelorus lease', statementTimeoutMs });
  return (fence) => pool.write((db) => holdLease({ db, now: () => clockOf(db), masterLeaseMs }, fence));
}
