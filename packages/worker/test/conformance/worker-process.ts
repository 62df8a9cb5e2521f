/** Pelorus's own worker as a process that the protocol tests can start, configured by the same variables as `pelorus worker`. */
import { dialMaster, startWorker } from '../../src/index.ts';

const environment = (name: string): string => process.env[`PELORUS_${name}`] ?? '';
const log = {
  info: () => {},
  warn: (fields: object, message: string) => console.error(message, JSON.stringify(fields)),
  error: (fields: object, message: string) => console.error(message, JSON.stringify(fields)),
};
const data = environment('DATA');

const worker = await startWorker({
  dataDir: `${data}/worker`,
  logDir: `${data}/logs`,
  name: environment('WORKER_NAME'),
  groups: environment('WORKER_GROUPS').split(','),
  slots: Number(environment('WORKER_SLOTS')),
  heartbeatMs: Number.parseInt(environment('WORKER_HEARTBEAT'), 10),
  maxLoadAverage: Number(environment('WORKER_MAX_LOAD')),
  reservedMemoryBytes: Number(environment('WORKER_RESERVED_MEMORY')),
  supervisorLonelyMs: 1_500,
  masters: async () =>
    environment('MASTERS')
      .split(',')
      .map((url) => ({
        key: url,
        connect: () => dialMaster({ url: `${url}/worker`, token: environment('WORKER_TOKEN'), log }),
      })),
  log,
});
process.on('SIGTERM', () => {
  void worker
    .drain()
    .then(() => worker.stop())
    .then(() => process.exit(0));
});
