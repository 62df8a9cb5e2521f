/** The composition root of `pelorus api`: the store, and for what only masters know their operations ports. */
import { createChannelTest } from '@pelorus/server/alerts';
import type { ApiHints } from '@pelorus/server/api';
import { createMasterClient, type MasterClient } from '@pelorus/server/ops';
import type { Store } from '@pelorus/server/store';
import type { Logger } from 'pino';
import { openClusterLogs, type LogSettings } from '../log-store.ts';
import { pause } from '../pace.ts';
import type { AlertSettings, ApiSettings } from '../service-settings.ts';
import { openServerStore, type ServerStoreOptions } from '../store-place.ts';
import { serveApi } from './http-api.ts';
import { processMetrics } from './measures.ts';
import { listenFailure } from './ops.ts';
import { stopAll, type Role, type Started } from './role.ts';
import { openVault } from './vault.ts';

export interface ApiRoleOptions {
  store: Omit<ServerStoreOptions, 'log'>;
  api: ApiSettings;
  port: number;
  /** As `PELORUS_SECRET_KEY` has them. */
  secretKeys: string;
  /** Of the masters' operations ports; null: masters are not asked, and everything is answered from the store. */
  opsToken: string | null;
  logs: LogSettings;
  alerts: AlertSettings;
  log: Logger;
}

/** Requests in flight are given this long. */
const CLOSE_MS = 6_000;

/** Rejects with a `Failure` when it cannot be started. */
export async function startApiRole(options: ApiRoleOptions): Promise<Role> {
  const { log } = options;
  const vault = openVault(options.secretKeys);
  const store = await openServerStore({ ...options.store, log });
  const started: Started[] = [{ name: 'store', stop: () => store.close() }];
  const stop = (): Promise<void> => stopAll(started, (step, err) => log.error({ step, err }, 'shutdown step failed'));
  try {
    const logs = openClusterLogs(options.logs, store);
    started.push({ name: 'logs', stop: () => logs.close() });
    const testAlertChannel = createChannelTest({ ...options.alerts, store, vault, clock: Date.now });
    const masters = options.opsToken === null ? {} : askMasters(store, options.opsToken, log);
    const hints: ApiHints = {
      // The store tells masters of commands itself.
      commandWritten: () => undefined,
      ...runsChanged(store),
      ...masters,
      testAlertChannel,
    };
    const parts = { store, storeKind: 'postgres' as const, vault, logs, hints, metrics: processMetrics(), log };
    const api = await serveApi(options.api, options.port, parts).catch((cause: unknown) => {
      throw listenFailure('PELORUS_HOST and PELORUS_PORT', { host: options.api.host, port: options.port }, cause);
    });
    started.push({ name: 'api', stop: () => Promise.race([api.close(), pause(CLOSE_MS)]) });
    if (options.api.adminToken === null)
      log.info({}, 'PELORUS_ADMIN_TOKEN is not set: only who has an account can sign in');
    return {
      listening: { api: `${api.address}/api/v1` },
      // Without its store it answers 503 until that is back.
      over: new Promise(() => {}),
      stop: async () => {
        await stop();
        return { leftRunning: 0 };
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Event streams look at once when a master has written, rather than once a second; what is missed is found then. */
function runsChanged(store: Store): Pick<ApiHints, 'runsChanged'> {
  if (store.listen === undefined) return {};
  const listen = store.listen.bind(store);
  return {
    runsChanged: (listener) => listen('pelorus_run', (runs) => runs !== null && listener(new Set(runs))),
  };
}

/** Masters that are asked to test a connection before it is said that there is no worker for it. */
const MASTERS_TRIED = 3;

function askMasters(store: Store, token: string, log: Logger): Required<Pick<ApiHints, 'liveRun' | 'testConnection'>> {
  const client: MasterClient = createMasterClient({ token });
  return {
    liveRun: async (run, signal) => {
      const place = await store.masterOf(run);
      const opsUrl = place?.opsUrl ?? null;
      if (place === null || opsUrl === null) return null;
      const answer = await client.liveRun(opsUrl, run, signal);
      if (answer.kind === 'answer') return answer.value;
      // What the store has is the answer then: the run has a new owner, or will have one soon.
      if (answer.kind === 'unreachable')
        log.warn({ runId: run, master: place.id, reason: answer.detail }, 'the owner of a run does not answer');
      return null;
    },
    testConnection: async (projectId, name, signal) => {
      for (const { id, opsUrl } of await store.listMasterPlaces(MASTERS_TRIED)) {
        if (opsUrl === null) continue;
        const answer = await client.testConnection(opsUrl, { projectId, name }, signal);
        if (answer.kind === 'answer') return answer.value;
        if (answer.kind === 'unreachable') log.warn({ master: id, reason: answer.detail }, 'a master does not answer');
      }
      return null;
    },
  };
}
