/**
 * Where workers of other hosts come in: WebSockets upgraded on an HTTP server of the master. Mutual TLS is that server's
 * (`requestCert`, `rejectUnauthorized`); a token is asked for all the same.
 *
 * Owns the sockets; a link that is let in belongs to the master. Invariants: 1. nothing of a request is read before its token was
 * compared; 2. a socket that says nothing for {@link DOOR_LIMITS.silenceMs} is hung up on: workers say something every few
 * seconds, so its other end is gone, or held by nobody.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { linkOverSocket, WORKER_SUBPROTOCOL, type MasterLink } from '@pelorus/protocol';
import { readWorkerFrame } from '@pelorus/protocol/wire-schema';
import { WebSocketServer, type WebSocket } from 'ws';

export interface WorkerDoorOptions {
  server: Server;
  /** Path of the upgrade requests. */
  path: string;
  /** Any of these lets a worker in: the present one, and while it is being changed the one before. */
  tokens: readonly string[];
  attach: (link: MasterLink) => void;
  connectionsMax?: number;
  /** Default: {@link DOOR_LIMITS.silenceMs}. */
  silenceMs?: number;
  log: { info(fields: object, event: string): void; warn(fields: object, event: string): void };
}

export interface WorkerDoor {
  readonly connections: number;
  /** Lets nobody in any more and hangs up on everybody. */
  close(): Promise<void>;
}

export const DOOR_LIMITS = {
  connections: 2_000,
  /** Of a worker; the longest are lists of attempts and the outputs of one. */
  frameBytes: 16 * 1024 * 1024,
  unsentMessages: 50_000,
  silenceMs: 20_000,
} as const;
/** A process that stood still notices one look, not all that it missed, and reads what came meanwhile first. */
const SILENT_LOOKS = 4;

/** Throws when no token is given, or an empty one: it would let everybody in. */
export function openWorkerDoor(options: WorkerDoorOptions): WorkerDoor {
  const {
    server,
    path,
    attach,
    log,
    connectionsMax = DOOR_LIMITS.connections,
    silenceMs = DOOR_LIMITS.silenceMs,
  } = options;
  if (options.tokens.length === 0 || options.tokens.includes('')) throw new Error('the door for workers needs a token');
  const tokens = options.tokens.map(digest);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: DOOR_LIMITS.frameBytes,
    clientTracking: true,
    handleProtocols: (offered) => (offered.has(WORKER_SUBPROTOCOL) ? WORKER_SUBPROTOCOL : false),
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Until it is let in nobody else listens to it.
    socket.on('error', () => undefined);
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
      watch.add(opened);
      attach(linkTo(opened, from, log));
    });
  };
  const watch = watchSilence(silenceMs, log);
  server.on('upgrade', onUpgrade);
  return {
    get connections() {
      return sockets.clients.size;
    },
    close: async () => {
      server.off('upgrade', onUpgrade);
      watch.stop();
      for (const socket of sockets.clients) socket.terminate();
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
    },
  };
}

/** Hangs up on sockets that say nothing. */
function watchSilence(silenceMs: number, log: WorkerDoorOptions['log']) {
  const silentLooks = new Map<WebSocket, number>();
  const look = setInterval(() => {
    for (const [socket, looks] of silentLooks) {
      silentLooks.set(socket, looks + 1);
      if (looks < SILENT_LOOKS) continue;
      log.warn({ silenceMs }, 'hung up on a worker that said nothing');
      socket.terminate();
    }
  }, silenceMs / SILENT_LOOKS).unref();
  return {
    add(socket: WebSocket): void {
      silentLooks.set(socket, 0);
      socket.on('message', () => silentLooks.set(socket, 0));
      socket.once('close', () => silentLooks.delete(socket));
    },
    stop: () => clearInterval(look),
  };
}

function linkTo(socket: WebSocket, from: string, log: WorkerDoorOptions['log']): MasterLink {
  // What goes wrong, a frame that is too long for instance, ends in `close`.
  socket.on('error', (error) => log.warn({ from, error: error.message }, 'the connection to a worker failed'));
  return linkOverSocket(
    {
      send: (text, taken) => socket.send(text, (error) => error || taken()),
      close: (code, reason) => socket.close(code, reason),
      terminate: () => socket.terminate(),
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      onText: (listener) => socket.on('message', (data: Buffer) => listener(data.toString())),
      onClose: (listener) => socket.once('close', listener),
    },
    {
      read: readWorkerFrame,
      unsentMessagesMax: DOOR_LIMITS.unsentMessages,
      onRefused: (reason) => log.warn({ from, reason }, 'a message of a worker was passed over'),
      onHangUp: (reason) => log.warn({ from, reason }, 'hung up on a worker'),
      schedule: setImmediate,
      now: () => performance.now(),
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
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
