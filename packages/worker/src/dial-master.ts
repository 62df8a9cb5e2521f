/** How a worker reaches a master on another host: it dials, and listens on nothing. */
import { masterToWorker, MASTER_KINDS, readFrame } from '@pelorus/protocol/wire-schema';
import { linkOverSocket, WORKER_SUBPROTOCOL, type WorkerLink } from '@pelorus/protocol';
import { WebSocket } from 'ws';

export interface DialOptions {
  /** `ws://host:port` or `wss://…` of the master's port for workers. */
  url: string;
  /** What `PELORUS_WORKER_TOKEN` says on both sides. */
  token: string;
  /** PEM texts for `wss`: whom to trust, and who this worker is (mutual TLS). */
  tls?: { ca?: string; cert?: string; key?: string };
  timeoutMs?: number;
  log: { warn(fields: object, event: string): void };
}

const TIMEOUT_MS = 5_000;
/** A dispatch holds the files of its task. */
const FRAME_BYTES_MAX = 128 * 1024 * 1024;
const UNSENT_BYTES_MAX = 16 * 1024 * 1024;

/** Rejects when the master cannot be reached, refuses the token, or does not speak this protocol. */
export function dialMaster({ url, token, tls, timeoutMs, log }: DialOptions): Promise<WorkerLink> {
  const socket = new WebSocket(url, WORKER_SUBPROTOCOL, {
    ...tls,
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: timeoutMs ?? TIMEOUT_MS,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    followRedirects: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WorkerLink>();
  socket.once('error', reject);
  socket.once('unexpected-response', (_request, response) => {
    socket.terminate();
    reject(new Error(`${url} answered ${response.statusCode ?? 'nothing'} ${response.statusMessage ?? ''}`.trim()));
  });
  socket.once('open', () => {
    // What goes wrong from now on ends in `close`.
    socket.on('error', () => undefined);
    resolve(
      linkOverSocket(
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
          read: (frame) => readFrame(masterToWorker, MASTER_KINDS, frame),
          unsentBytesMax: UNSENT_BYTES_MAX,
          onHangUp: (reason) => log.warn({ url, reason }, 'hung up on a master'),
          schedule: setImmediate,
        },
      ),
    );
  });
  return promise;
}
