export { attemptLogPath } from './attempt-log.ts';
export { startWorker, type Worker, type WorkerFigures, type WorkerOptions } from './agent.ts';
export { dialMaster, type DialOptions } from './dial-master.ts';
export type { MasterAddress } from './master-links.ts';
export { executionDeadline, leaseKill } from './execution-lease.ts';
export { createMemoryLinkPair } from './memory-link.ts';
export {
  WORKER_CORE_LIMITS,
  WorkerCore,
  type HeldAttempt,
  type HostReading,
  type LinkId,
  type Moment,
  type ProbeEnd,
  type SupervisorEvent,
  type SupervisorOrder,
  type WorkerCoreOptions,
  type WorkerInput,
  type WorkerOutput,
} from './core.ts';
