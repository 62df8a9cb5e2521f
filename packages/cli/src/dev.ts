/**
 * The composition root of `pelorus dev`: store, master, worker and api of one process, wired together here and nowhere
 * else. The same parts with other links between them make a cluster.
 */
import { startAlerts, type Alerts } from '@pelorus/server/alerts';
import { createApi, createStartLink, createRunHints, type ApiOptions, type RunHints } from '@pelorus/server/api';
import { startMaster, type Master } from '@pelorus/server/master';
import { openSqliteStore, StoreError, type Store } from '@pelorus/server/store';
import { createVault, parseKeys, resealAll, type Vault } from '@pelorus/server/vault';
import { createMemoryLinkPair, startWorker, type Worker } from '@pelorus/worker';
import { hostname } from 'node:os';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { DataDirectory } from './data-directory.ts';
import { EXIT } from './exit-codes.ts';
import { Failure, type FailureFields } from './failure.ts';
import { freePort } from './free-port.ts';
import { openLogs, type Logs, type LogSettings } from './log-store.ts';
import { shutDown, type ShutdownReport } from './life-cycle.ts';
import { pause } from './pace.ts';
import { productVersion } from './product-version.ts';

export interface DevOptions {
  data: DataDirectory;
  host: string;
  /** The first to try; 0: any. */
  port: number;
  adminToken: string;
  /** As `PELORUS_SECRET_KEY` has them. */
  secretKeys: string;
  /** Proxies that are believed; null: none. */
  trustedProxies: string[] | null;
  /** Under which people reach the server; null: as they do. */
  publicUrl: string | null;
  audit: { days: number; rows: number };
  worker: WorkerLimits;
  logs: LogSettings;
  alerts: AlertSettings;
  log: Logger;
}

export interface AlertSettings {
  smtp: string | null;
  from: string;
  /** Without a slash at its end; null: messages name no address. */
  baseUrl: string | null;
}

export interface WorkerLimits {
  slots: number;
  groups: string[];
  maxLoadAverage: number;
  reservedMemoryBytes: number;
  heartbeatMs: number;
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
  const vault = vaultWith(options.secretKeys);
  const store = await openStore(options.data, options.audit);
  const started: { stop: () => Promise<unknown> }[] = [{ stop: () => store.close() }];
  try {
    await bringUpToDate(store, vault, log);
    const over = Promise.withResolvers<unknown>();
    const runHints = createRunHints();
    const logs = openLogs(options.logs, options.data, store, log);
    started.unshift(logs);
    const master = await startMaster({
      store,
      log,
      vault,
      logs: logs.intake,
      onOver: over.resolve,
      onCommitted: runHints.committed,
    });
    started.unshift(master);
    const worker = await startWorker(workerOptions(options, master, logs));
    started.unshift(worker);
    // Webhooks to this machine are allowed: in development that is where they are tried.
    const alerts = await startAlerts({ store, log, vault, ...options.alerts, allowLoopback: true });
    started.unshift(alerts);
    const api = createApi(apiOptions(options, { store, vault, master, alerts, runHints, logs }));
    started.unshift({ stop: () => api.close() });
    const port = await freePort(options.host, options.port);
    await api.listen({ host: options.host, port });
    const listening = (api.server.address() as AddressInfo).port;
    const address = `http://${reachable(options.host)}:${listening}`;
    const link = await createStartLink(store, Date.now());
    return {
      address,
      console: { url: `${options.publicUrl ?? address}${link ?? '/'}`, signsIn: link !== null },
      port: listening,
      running: () => worker.usedSlots,
      over: over.promise,
      stop: (drainMs) =>
        shutDown(
          { api, worker, master, logs, alerts, store },
          { drainMs, pause, onError: (step, err) => log.error({ step, err }, 'shutdown step failed') },
        ),
    };
  } catch (error) {
    for (const service of started)
      await service.stop().catch((err: unknown) => log.warn({ err }, 'cleaning up failed'));
    throw error;
  }
}

function vaultWith(text: string): Vault {
  const keys = parseKeys(text);
  if (typeof keys !== 'string') return createVault(keys);
  throw new Failure({
    exitCode: EXIT.usage,
    what: `PELORUS_SECRET_KEY ${keys}`,
    todo: 'openssl rand -base64 32 makes one',
  });
}

/** A vault that cannot be read is no reason not to start: tasks that need it fail and say so. */
async function bringUpToDate(store: Store, vault: Vault, log: Logger): Promise<void> {
  try {
    const found = await resealAll(store, vault);
    if (found.resealed + found.plain > 0) log.info({ ...found }, 'secrets sealed under the first key');
    if (found.closed > 0) log.warn({ closed: found.closed }, 'secrets that no key of PELORUS_SECRET_KEY opens');
  } catch (err) {
    log.error({ err }, 'secrets could not be brought under the first key; the next start tries again');
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

/** A `Failure` with exit code 6 when another process has the data directory. */
export async function openStore(data: DataDirectory, audit?: DevOptions['audit']): Promise<Store> {
  const limits = audit === undefined ? {} : { auditRetentionMs: audit.days * 86_400_000, auditRows: audit.rows };
  return openSqliteStore(data.store, limits).catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error;
    throw new Failure(storeFailure(error, data.store), { cause: error });
  });
}

function storeFailure(error: StoreError, directory: string): FailureFields {
  const fields = { exitCode: EXIT.unexpected, what: `the store in ${directory} cannot be opened`, why: error.message };
  if (error.code === 'LOCKED') {
    return {
      exitCode: EXIT.conflict,
      what: `the data directory ${directory} is in use`,
      why: error.message,
      todo: 'use the server that runs there, stop it, or choose another directory with --data',
    };
  }
  return error.code === 'SCHEMA_TOO_NEW'
    ? { ...fields, todo: 'install the newer version of Pelorus that wrote it' }
    : fields;
}

function workerOptions(
  { data, worker, log }: DevOptions,
  master: Master,
  logs: Logs,
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

function apiOptions(
  { adminToken, host, log, publicUrl, trustedProxies }: DevOptions,
  {
    store,
    vault,
    master,
    alerts,
    runHints,
    logs,
  }: { store: Store; vault: Vault; master: Master; alerts: Alerts; runHints: RunHints; logs: Logs },
): ApiOptions {
  return {
    store,
    logs: logs.store,
    hints: {
      commandWritten: () => master.commandHint(),
      runsChanged: (listener) => runHints.subscribe(listener),
      liveRun: (run) => master.liveRun(run),
      testAlertChannel: (name, signal) => alerts.test(name, signal),
      testConnection: (projectId, name, signal) => master.testConnection(projectId, name, signal),
    },
    clock: Date.now,
    log,
    version: productVersion(),
    storeKind: 'sqlite',
    vault,
    adminToken,
    allowedHosts: isAnyAddress(host) ? ['*'] : [host, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])],
    publicUrl,
    ...(trustedProxies === null ? {} : { trustedProxies }),
  };
}

function reachable(host: string): string {
  if (isAnyAddress(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function isAnyAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
