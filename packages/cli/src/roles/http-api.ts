/** The API as every process serves it: made from its parts, and listening. */
import { createApi, readConsole, type ApiHints, type ApiOptions } from '@pelorus/server/api';
import type { LogStore } from '@pelorus/server/logs';
import type { Metrics } from '@pelorus/server/ops';
import type { Store } from '@pelorus/server/store';
import type { Vault } from '@pelorus/server/vault';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { productVersion } from '../product-version.ts';
import type { ApiSettings } from '../service-settings.ts';
import { hostAndPort, isAnyAddress } from './listen-address.ts';

export interface ApiParts {
  store: Store;
  storeKind: 'sqlite' | 'postgres';
  vault: Vault;
  logs: LogStore;
  hints: ApiHints;
  /** Of the process; the API adds its own. */
  metrics: Metrics;
  log: Logger;
}

export interface ListeningApi {
  port: number;
  /** As a client on this machine reaches it. */
  address: string;
  /** Takes no new connection, ends event streams, and resolves when requests in flight are answered. */
  close(): Promise<void>;
}

/** Where the build of the console is. */
const CONSOLE = fileURLToPath(new URL('../../../web/dist', import.meta.url));

/** `port` 0: any. Rejects when it cannot be listened on. */
export async function serveApi(settings: ApiSettings, port: number, parts: ApiParts): Promise<ListeningApi> {
  const { metrics } = parts;
  const { observe, read } = metrics.api();
  const api = createApi({ ...apiOptions(settings, parts), observe, metrics: () => metrics.text() });
  read(() => api.streamFigures());
  try {
    await api.listen({ host: settings.host, port });
  } catch (error) {
    await api.close();
    throw error;
  }
  const listening = (api.server.address() as AddressInfo).port;
  return {
    port: listening,
    address: `http://${hostAndPort(reachable(settings.host), listening)}`,
    close: () => api.close(),
  };
}

function apiOptions(
  { adminToken, host, publicUrl, trustedProxies }: ApiSettings,
  { metrics: _metrics, ...parts }: ApiParts,
): ApiOptions {
  return {
    ...parts,
    clock: Date.now,
    version: productVersion(),
    adminToken,
    allowedHosts: isAnyAddress(host) ? ['*'] : [host, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])],
    publicUrl,
    console: readConsole(CONSOLE),
    ...(trustedProxies === null ? {} : { trustedProxies }),
  };
}

function reachable(host: string): string {
  return isAnyAddress(host) ? '127.0.0.1' : host;
}
