/**
 * The composition root of `pelorus dev`: store, master, worker and api of one process, wired together here and nowhere
 * else. The same parts with other links between them make a cluster.
 */
import { startAlerts } from '@pelorus/server/alerts';
import { createRunHints, createStartLink } from '@pelorus/server/api';
import { startMaster, type Master } from '@pelorus/server/master';
import type { RunId } from '@pelorus/protocol';
import { createMemoryLinkPair, startWorker, type Worker } from '@pelorus/worker';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { DataDirectory } from './data-directory.ts';
import { freePort } from './free-port.ts';
import { openDevLogs, type DevLogs, type LogSettings } from './log-store.ts';
import { shutDown, type ShutdownReport } from './life-cycle.ts';
import { pause } from './pace.ts';
import { serveApi } from './roles/http-api.ts';
import { measureMaster, processMetrics } from './roles/measures.ts';
import { openVault, sealUnderFirstKey } from './roles/vault.ts';
import type { AlertSettings, ApiSettings, Selector, WorkerLimits } from './service-settings.ts';
import { openDevStore, type ServerStoreOptions } from './store-place.ts';

export interface DevOptions {
  data: DataDirectory;
  /** Used where the data directory holds none. */
  store: Omit<ServerStoreOptions, 'log'>;
  api: ApiSettings;
  /** The first to try; 0: any. */
  port: number;
  /** As `PELORUS_SECRET_KEY` has them. */
  secretKeys: string;
  worker: WorkerLimits;
  selector: Selector;
  logs: LogSettings;
  alerts: AlertSettings;
  log: Logger;
}

export interface DevServer {
  /** Where it listens, as a client on this machine reaches it. */
  address: string;
  port: number;
  /** Address of the page, with the code that signs the administrator in once; without, where that account is disabled. */
  console: { url: string; signsIn: boolean };
  /** Attempts that run now. */
  running: () => number;
  /** Resolves when the master ended against its will; the process should end then. */
  over: Promise<unknown>;
  /** In the order of life-cycle.ts. */
  stop: (drainMs: number) => Promise<ShutdownReport>;
}

/** Starts everything; rejects with a `Failure` when the data directory is in use. */
export async function startDev(options: DevOptions): Promise<DevServer> {
  const { log } = options;
  const vault = openVault(options.secretKeys);
  const store = await openDevStore(options.data, { ...options.store, log });
  const started: { stop: () => Promise<unknown> }[] = [{ stop: () => store.close() }];
  try {
    await sealUnderFirstKey(store, vault, log);
    const over = Promise.withResolvers<unknown>();
    const runHints = createRunHints();
    const logs = openDevLogs(options.logs, options.data, store, log);
    started.unshift(logs);
    const metrics = processMetrics();
    const measures = await measureMaster(metrics, log);
    started.unshift(measures);
    const master = await startMaster({
      store,
      log,
      vault,
      logs: logs.intake,
      selector: options.selector,
      onOver: over.resolve,
      onCommitted: runHints.committed,
      observers: measures.observers,
    });
    measures.read(master);
    started.unshift(master);
    const worker = await startWorker(workerOptions(options, master, logs));
    started.unshift(worker);
    metrics.worker(() => worker.figures());
    // Webhooks to this machine are allowed: in development that is where they are tried.
    const alerts = await startAlerts({ store, log, vault, ...options.alerts, allowLoopback: true });
    started.unshift(alerts);
    const port = await freePort(options.api.host, options.port);
    const hints = {
      commandWritten: () => master.commandHint(),
      runsChanged: runHints.subscribe,
      liveRun: (run: RunId) => master.liveRun(run),
      testAlertChannel: (name: string, signal: AbortSignal) => alerts.test(name, signal),
      testConnection: (projectId: number, name: string, signal: AbortSignal) =>
        master.testConnection(projectId, name, signal),
    };
    const storeKind = options.data.store === null ? 'postgres' : 'sqlite';
    const api = await serveApi(options.api, port, { store, storeKind, vault, logs: logs.store, hints, metrics, log });
    started.unshift({ stop: () => api.close() });
    const { address } = api;
    const link = await createStartLink(store, Date.now());
    return {
      address,
      console: { url: `${options.api.publicUrl ?? address}${link ?? '/'}`, signsIn: link !== null },
      port: api.port,
      running: () => worker.usedSlots,
      over: over.promise,
      stop: (drainMs) =>
        shutDown(
          { api, worker, master, traces: measures, logs, alerts, store },
          { drainMs, pause, onError: (step, err) => log.error({ step, err }, 'shutdown step failed') },
        ),
    };
  } catch (error) {
    for (const service of started)
      await service.stop().catch((err: unknown) => log.warn({ err }, 'cleaning up failed'));
    throw error;
  }
}

/** Kills what an earlier process left running on this data directory. */
export async function endLeftTasks(data: DataDirectory, log: Logger): Promise<void> {
  const silent = log.child({}, { level: 'silent' });
  const worker: Worker = await startWorker({
    dataDir: data.worker,
    logDir: data.logs,
    name: hostname(),
    connect: () => Promise.reject(new Error('there is no master: all tasks are being ended')),
    log: silent,
  });
  await worker.stop({ stopTasks: true });
}

function workerOptions(
  { data, worker, log }: DevOptions,
  master: Master,
  logs: DevLogs,
): Parameters<typeof startWorker>[0] {
  return {
    dataDir: data.worker,
    ...logs.worker,
    name: hostname(),
    ...worker,
    log,
    connect: async () => {
      const link = createMemoryLinkPair();
      master.attachWorker(link.master);
      return link.worker;
    },
  };
}
