/** The composition root of `pelorus worker`: it dials, and has neither the store nor keys, for it runs other people's code. */
import { startWorker } from '@pelorus/worker';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { DataDirectory } from '../data-directory.ts';
import { spoolOf } from '../log-store.ts';
import { pause } from '../pace.ts';
import type { WorkerLimits } from '../service-settings.ts';
import { hostAndPort } from './listen-address.ts';
import { mastersByName, type DialSettings } from './masters.ts';
import { processMetrics } from './measures.ts';
import { serveOps, type OpsSettings } from './ops.ts';
import { stopAll, type Role, type Started } from './role.ts';

export interface WorkerRoleOptions {
  data: DataDirectory;
  /** Under which people know it. */
  name: string;
  limits: WorkerLimits;
  masters: DialSettings;
  ops: OpsSettings;
  log: Logger;
}

/** Rejects when another worker uses the data directory, and with a `Failure` when it cannot be started otherwise. */
export async function startWorkerRole(options: WorkerRoleOptions): Promise<Role> {
  const { data, name, limits, log } = options;
  const worker = await startWorker({
    dataDir: data.worker,
    logDir: spoolOf(data),
    shipsLogs: true,
    name,
    host: hostname(),
    ...limits,
    masters: mastersByName(options.masters, log),
    log,
  });
  const started: Started[] = [{ name: 'worker', stop: () => worker.stop() }];
  const stop = (): Promise<void> => stopAll(started, (step, err) => log.error({ step, err }, 'shutdown step failed'));
  let isStopping = false;
  const metrics = processMetrics();
  metrics.worker(() => worker.figures());
  try {
    const ops = await serveOps(
      options.ops,
      {
        readiness: async () => {
          const reasons = [
            ...(isStopping ? ['it is ending'] : []),
            ...(worker.supervisorPid === 0 ? ['its supervisor is not there'] : []),
            ...(worker.linkCount === 0 ? ['it is connected to no master'] : []),
          ];
          return { ready: reasons.length === 0, reasons };
        },
        metrics: () => metrics.text(),
      },
      log,
    );
    // Before the worker, for who looks at it while it waits for its tasks.
    started.unshift({ name: 'operations port', stop: () => ops.close() });
    return {
      listening: { operations: hostAndPort(options.ops.host, ops.port) },
      // Whatever befalls the supervisor or the masters, it tries again.
      over: new Promise(() => {}),
      stop: async (drainMs) => {
        isStopping = true;
        await Promise.race([worker.drain(), pause(drainMs)]);
        const leftRunning = worker.usedSlots;
        await stop();
        return { leftRunning };
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
