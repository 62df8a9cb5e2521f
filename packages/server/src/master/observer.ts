/** What a master shows of its work to whoever measures it. Nothing of it has a say in what the master does. */
import type { Change, StoredRun, WorkflowVersion } from '@pelorus/engine';
import type { MasterId, RunState } from '@pelorus/protocol';
import type { FiredTicks } from '../store/index.ts';

/** Each is called from the master's loop: it must return at once and may not throw. */
export interface MasterObserver {
  /** The run is in this master's memory now; said again when it was there before. */
  runOpened?(run: StoredRun, workflow: WorkflowVersion): void;
  /** All of it is durable. `at` is the master's clock, epoch ms. */
  committed?(committed: { changes: readonly Change[]; tookMs: number; at: number }): void;
  /** A worker has taken an attempt, so long after its task had become ready. */
  accepted?(latencyMs: number): void;
  claimed?(commands: number): void;
  adopted?(runs: number): void;
  /** Ticks of schedules were decided. */
  ticked?(ticks: Pick<FiredTicks, 'fired' | 'skipped'>): void;
  /** Another master has ended this incarnation. */
  fenced?(): void;
  /** A commit failed: everything in memory is forgotten and read again. */
  recovering?(): void;
  /** The store is in another timeline than before: it may have forgotten what came last, and workers are asked for it. */
  wentBack?(): void;
}

/** As of now. */
export interface MasterFigures {
  id: MasterId;
  state: 'starting' | 'running' | 'recovering' | 'stopping' | 'over';
  /** Runs in its memory. */
  runs: ReadonlyMap<RunState, number>;
  /** Ready tasks that wait for a slot or for their task group, by worker group. */
  queued: ReadonlyMap<string, number>;
  /** Messages of workers that have not been looked at. */
  mailbox: number;
  /** Changes that are decided and not yet handed to a commit. */
  pendingChanges: number;
  /** Connections to workers. */
  links: number;
}
