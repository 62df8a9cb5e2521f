/**
 * The composition root of `pelorus master`. What it starts ends in the reverse order: the door for workers after the master,
 * which commits what it has decided and gives up its runs, so that another master takes them at once.
 */
import { startAlerts } from '@pelorus/server/alerts';
import type { MasterLink } from '@pelorus/protocol';
import { startMaster, type Master } from '@pelorus/server/master';
import type { Readiness } from '@pelorus/server/ops';
import type { Store } from '@pelorus/server/store';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { keepLogs, openClusterLogs, type LogSettings } from '../log-store.ts';
import type { AlertSettings, Selector } from '../service-settings.ts';
import { openServerStore, type ServerStoreOptions } from '../store-place.ts';
import { openDoor, type DoorSettings } from './door.ts';
import { hostAndPort, isAnyAddress } from './listen-address.ts';
import { measureMaster, processMetrics } from './measures.ts';
import { serveOps, type OpsSettings } from './ops.ts';
import { stopAll, type Role, type Started } from './role.ts';
import { openVault, sealUnderFirstKey } from './vault.ts';

export interface MasterRoleOptions {
  store: Omit<ServerStoreOptions, 'log'>;
  door: DoorSettings;
  ops: OpsSettings;
  /** How APIs reach the operations port; null: as it listens, where a token opens it. */
  opsUrl: string | null;
  /** As `PELORUS_SECRET_KEY` has them. */
  secretKeys: string;
  selector: Selector;
  logs: LogSettings;
  alerts: AlertSettings;
  log: Logger;
}

/** Three leases of a master. */
const STALLED_MS = 45_000;

/** Rejects with a `Failure` when it cannot be started. */
export async function startMasterRole(options: MasterRoleOptions): Promise<Role> {
  const { log } = options;
  const vault = openVault(options.secretKeys);
  const store = await openServerStore({ ...options.store, log });
  const started: Started[] = [{ name: 'store', stop: () => store.close() }];
  const stop = (): Promise<void> => stopAll(started, (step, err) => log.error({ step, err }, 'shutdown step failed'));
  try {
    await sealUnderFirstKey(store, vault, log);
    // Several masters may send: each alert is claimed by one of them.
    const alerts = await startAlerts({ store, log, vault, ...options.alerts });
    started.push({ name: 'alerts', stop: () => alerts.stop() });
    const logs = keepLogs(openClusterLogs(options.logs, store), options.logs, store, log);
    started.push({ name: 'logs', stop: () => logs.stop() });
    const over = Promise.withResolvers<unknown>();
    let master: Master | null = null;
    let isStopping = false;
    const metrics = processMetrics();
    const measures = await measureMaster(metrics, log);
    started.push({ name: 'traces', stop: () => measures.stop() });
    const ops = await serveOps(
      options.ops,
      {
        readiness: () => readinessOf(store, isStopping ? null : master),
        metrics: () => metrics.text(),
        master: {
          liveRun: (run) => master?.liveRun(run) ?? null,
          testConnection: async (...asked) => (await master?.testConnection(...asked)) ?? null,
        },
      },
      log,
    );
    started.push({ name: 'operations port', stop: () => ops.close() });
    // Before the master, so that one whose port is taken takes no runs; a worker that is too early dials again.
    const attach = (link: MasterLink): void =>
      master === null || isStopping ? link.close() : master.attachWorker(link);
    const door = await openDoor(options.door, attach, log);
    started.push({ name: 'port for workers', stop: () => door.close() });
    const own = (master = await startMaster({
      store,
      log,
      vault,
      logs: logs.intake,
      selector: options.selector,
      alone: false,
      ...opsUrlOf(options, ops.port),
      onOver: over.resolve,
      observers: measures.observers,
    }));
    started.push({ name: 'master', stop: () => own.stop() });
    measures.read(own);
    return {
      listening: {
        workers: hostAndPort(options.door.host, door.port),
        operations: hostAndPort(options.ops.host, ops.port),
      },
      over: over.promise,
      stop: async () => {
        isStopping = true;
        await stop();
        return { leftRunning: 0 };
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Under what name APIs reach the port; nothing where no token opens it. */
function opsUrlOf({ ops, opsUrl }: MasterRoleOptions, port: number): { opsUrl?: string } {
  if (ops.token === null) return {};
  const host = isAnyAddress(ops.host) ? hostname() : ops.host;
  return { opsUrl: opsUrl ?? `http://${hostAndPort(host, port)}` };
}

/** Asks the store for next to nothing. Null: not there yet, or not any more. */
async function readinessOf(store: Store, master: Master | null): Promise<Readiness> {
  if (master === null) return { ready: false, reasons: ['this master is starting or ending'] };
  if (master.stalledMs > STALLED_MS)
    return { ready: false, reasons: [`it has made nothing durable for ${Math.round(master.stalledMs / 1000)} s`] };
  await store.listMasterPlaces(1);
  return { ready: true, reasons: [] };
}
