/**
 * A worker in a process of its own, for tests that kill it: its link runs over the process channel to the test.
 * Argument: options as JSON.
 */
import type { MasterToWorker, WorkerLink, WorkerToMaster } from '@pelorus/protocol';
import { startWorker, type WorkerOptions } from '../src/index.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as Pick<WorkerOptions, 'dataDir' | 'logDir'>;

const link: WorkerLink = {
  send: (messages: WorkerToMaster[]) => {
    process.send?.(messages);
  },
  onFrame: (listener) => {
    process.on('message', (messages) => listener(messages as MasterToWorker[]));
    process.on('disconnect', () => listener(null));
  },
  close: () => {},
};
await startWorker({
  ...options,
  name: 'child',
  slots: 16,
  heartbeatMs: 500,
  maxLoadAverage: 1e6,
  reservedMemoryBytes: 0,
  supervisorLonelyMs: 2_500,
  connect: async () => link,
  log: {
    info: () => {},
    warn: (fields, message) => console.error(message, fields),
    error: (fields, message) => console.error(message, fields),
  },
});
