/**
 * Where workers of other hosts come in: WebSockets upgraded on an HTTP server of the master. Owns the sockets; a link that is let in belongs to
 * the master. Nothing of a request is trusted before its token was compared.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { linkOverSocket, WORKER_SUBPROTOCOL, type MasterLink } from '@pelorus/protocol';
import { readFrame, workerToMaster, WORKER_KINDS } from '@pelorus/protocol/wire-schema';
import { WebSocketServer, type WebSocket } from 'ws';

export interface WorkerDoorOptions {
  server: Server;
  /** Path of the upgrade requests. */
  path: string;
  /** Any of these lets a worker in: the present one, and while it is being changed the one before. */
  tokens: readonly string[];
  attach: (link: MasterLink) => void;
  connectionsMax?: number;
  log: { info(fields: object, event: string): void; warn(fields: object, event: string): void };
}

export interface WorkerDoor {
  readonly connections: number;
  /** Lets nobody in any more and hangs up on everybody. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 2_000;
const FRAME_BYTES_MAX = 16 * 1024 * 1024;
/** Dispatches hold files; a worker that has not read this much for a while is not reading. */
const UNSENT_BYTES_MAX = 256 * 1024 * 1024;

export function openWorkerDoor(options: WorkerDoorOptions): WorkerDoor {
  const { server, path, attach, log, connectionsMax = CONNECTIONS_MAX } = options;
  const tokens = options.tokens.map(digest);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    clientTracking: true,
    handleProtocols: (offered) => (offered.has(WORKER_SUBPROTOCOL) ? WORKER_SUBPROTOCOL : false),
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if ((request.url ?? '').split('?', 1)[0] !== path) return refuse(socket, 404, 'Not Found');
    const from = request.socket.remoteAddress ?? 'unknown';
    if (!isKnown(tokens, request.headers.authorization)) {
      log.warn({ from }, 'a worker without a valid token was refused');
      return refuse(socket, 401, 'Unauthorized');
    }
    if (
      !(request.headers['sec-websocket-protocol'] ?? '').split(',').some((each) => each.trim() === WORKER_SUBPROTOCOL)
    )
      return refuse(socket, 400, 'Bad Request');
    if (sockets.clients.size >= connectionsMax) return refuse(socket, 503, 'Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (opened) => {
      log.info({ from }, 'a worker connected');
      attach(linkTo(opened, from, log));
    });
  };
  server.on('upgrade', onUpgrade);
  return {
    get connections() {
      return sockets.clients.size;
    },
    close: async () => {
      server.off('upgrade', onUpgrade);
      for (const socket of sockets.clients) socket.terminate();
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
    },
  };
}

function linkTo(socket: WebSocket, from: string, log: WorkerDoorOptions['log']): MasterLink {
  socket.on('error', () => undefined);
  return linkOverSocket(
    {
      send: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
      terminate: () => socket.terminate(),
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      onText: (listener) => socket.on('message', (data: Buffer) => listener(data.toString())),
      onClose: (listener) => socket.once('close', listener),
    },
    {
      read: (frame) => readFrame(workerToMaster, WORKER_KINDS, frame),
      unsentBytesMax: UNSENT_BYTES_MAX,
      onHangUp: (reason) => log.warn({ from, reason }, 'hung up on a worker'),
      schedule: setImmediate,
    },
  );
}

function isKnown(tokens: readonly Buffer[], header: string | undefined): boolean {
  const given = digest(/^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '');
  return tokens.filter((token) => timingSafeEqual(token, given)).length > 0;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function refuse(socket: Duplex, status: number, reason: string): void {
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
