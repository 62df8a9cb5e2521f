/** Where workers come in to a master of a cluster: a port of its own, with or without TLS. */
import type { MasterLink } from '@pelorus/protocol';
import { openWorkerDoor } from '@pelorus/server/master';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Listening, TlsSettings } from '../service-settings.ts';
import { isLoopback } from './listen-address.ts';
import { listenFailure } from './ops.ts';

export interface DoorSettings extends Listening {
  /** Any of these lets a worker in. */
  tokens: string[];
  /** With an authority, workers must present a certificate that it has signed. */
  tls: TlsSettings;
}

export interface Door {
  readonly port: number;
  /** Lets nobody in any more and hangs up on everybody. */
  close(): Promise<void>;
}

/** Workers that come in belong to whoever gets them by `attach`. Throws a `Failure` where the address cannot be listened on. */
export async function openDoor(settings: DoorSettings, attach: (link: MasterLink) => void, log: Logger): Promise<Door> {
  const { host, port, tokens, tls } = settings;
  const server = serverWith(tls);
  if (tls.cert === null && !isLoopback(host))
    log.warn({ host, port }, 'workers are spoken to without TLS: secrets and the token can be read on the network');
  const door = openWorkerDoor({ server, path: '/worker', tokens, attach, log });
  try {
    await listen(server, settings);
  } catch (cause) {
    await door.close();
    throw listenFailure('PELORUS_LISTEN', settings, cause);
  }
  server.on('error', (err) => log.warn({ err }, 'port for workers'));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await door.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const HEADERS_MS = 5_000;
const HEADER_BYTES = 8 * 1024;

function serverWith({ cert, key, ca }: TlsSettings): Server {
  const limits = { headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS, maxHeaderSize: HEADER_BYTES };
  // Whoever asks for anything but to be a worker.
  const refuse = (_request: unknown, response: { writeHead(status: number): { end(): void } }): void =>
    response.writeHead(426).end();
  if (cert === null || key === null) return createServer(limits, refuse);
  const mutual = ca === null ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return createTlsServer({ ...limits, cert, key, minVersion: 'TLSv1.2', ...mutual }, refuse);
}

function listen(server: Server, { host, port }: Listening): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
