/** How a worker reaches a master on another host: it dials, and listens on nothing. */
import { readMasterFrame } from '@pelorus/protocol/wire-schema';
import { linkOverSocket, WORKER_SUBPROTOCOL, type WorkerLink } from '@pelorus/protocol';
import { isIP, type LookupFunction } from 'node:net';
import { WebSocket } from 'ws';

export interface DialOptions {
  /** Of the master's port for workers: `ws://host:port/worker` or `wss://…`. */
  url: string;
  /** Of the host's addresses this one; default: any. */
  address?: string;
  /** What `PELORUS_WORKER_TOKEN` says on both sides. */
  token: string;
  /** PEM texts for `wss`: whom to trust, and who this worker is (mutual TLS). */
  tls?: { ca?: string; cert?: string; key?: string };
  /** For the connection and the upgrade together; default 5,000. */
  timeoutMs?: number;
  log: { warn(fields: object, event: string): void };
}

const TIMEOUT_MS = 5_000;
/** A dispatch holds the files of its task. */
const FRAME_BYTES_MAX = 128 * 1024 * 1024;
/** Reports, heartbeats and pieces of logs of a worker with every limit reached are fewer. */
const UNSENT_MESSAGES_MAX = 200_000;

/** Rejects when the master cannot be reached, refuses the token, or does not speak this protocol. */
export function dialMaster({ url, address, token, tls, timeoutMs, log }: DialOptions): Promise<WorkerLink> {
  const socket = new WebSocket(url, WORKER_SUBPROTOCOL, {
    ...tls,
    ...(address === undefined ? {} : { lookup: always(address) }),
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: timeoutMs ?? TIMEOUT_MS,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    followRedirects: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WorkerLink>();
  // The library's own limit begins anew with every byte that comes.
  const late = setTimeout(() => socket.terminate(), timeoutMs ?? TIMEOUT_MS);
  socket.once('close', () => clearTimeout(late));
  socket.once('error', reject);
  socket.once('unexpected-response', (_request, response) => {
    socket.terminate();
    reject(new Error(`${url} answered ${response.statusCode ?? 'nothing'} ${response.statusMessage ?? ''}`.trim()));
  });
  socket.once('open', () => {
    clearTimeout(late);
    // What goes wrong from now on ends in `close`.
    socket.on('error', (error) => log.warn({ url, error: error.message }, 'the connection to a master failed'));
    socket.once('close', (code, reason) => {
      if (reason.length > 0) log.warn({ url, code, reason: reason.toString() }, 'a master hung up');
    });
    resolve(
      linkOverSocket(
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
          read: readMasterFrame,
          unsentMessagesMax: UNSENT_MESSAGES_MAX,
          onRefused: (reason) => log.warn({ url, reason }, 'a message of a master was passed over'),
          onHangUp: (reason) => log.warn({ url, reason }, 'hung up on a master'),
          schedule: setImmediate,
          now: () => performance.now(),
        },
      ),
    );
  });
  return promise;
}

/** In place of a look-up of names; a certificate is compared with the name all the same. */
function always(address: string): LookupFunction {
  const family = isIP(address);
  return (_host, options, answer) =>
    options.all === true ? answer(null, [{ address, family }]) : answer(null, address, family);
}
