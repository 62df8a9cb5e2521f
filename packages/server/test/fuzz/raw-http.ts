/** One HTTP/1.1 exchange over a socket of its own, byte by byte: what no client library would send can be sent. */
import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
  tookMs: number;
}

export interface RawRequest {
  /** Everything to be written, in pieces; the connection is kept open until the answer is there. */
  pieces: readonly Buffer[];
  /** The client ends its side when it has written everything. */
  ends: boolean;
  /** Answers to HEAD have no body, whatever their length says. */
  isHead: boolean;
}

/** How long a stream of events is listened to. */
const STREAM_MS = 60;

/**
 * Null: the server closed the connection without an answer, as it may where a request was cut off. Rejects when nothing has happened
 * after `limitMs`.
 */
export function exchange(port: number, request: RawRequest, limitMs: number): Promise<RawAnswer | null> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer | null>();
  const startedAt = performance.now();
  const chunks: Buffer[] = [];
  let streaming: NodeJS.Timeout | null = null;
  const socket = connect({ port, host: '127.0.0.1' });
  const watchdog = setTimeout(() => {
    socket.destroy();
    reject(new Error(`no end of the answer within ${limitMs} ms`));
  }, limitMs);
  const finish = () => {
    clearTimeout(watchdog);
    if (streaming !== null) clearTimeout(streaming);
    socket.destroy();
    resolve(parse(Buffer.concat(chunks), request.isHead, performance.now() - startedAt));
  };
  socket.on('connect', () => {
    for (const piece of request.pieces) socket.write(piece);
    if (request.ends) socket.end();
  });
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    const so = Buffer.concat(chunks);
    if (isWhole(so, request.isHead)) finish();
    else if (streaming === null && /\ncontent-type: text\/event-stream/i.test(so.subarray(0, 2000).toString('latin1')))
      streaming = setTimeout(finish, STREAM_MS);
  });
  // What has been answered before counts, also when the rest of the request could not be written.
  socket.on('error', () => undefined);
  socket.on('close', finish);
  return promise;
}

interface Head {
  status: number;
  headers: Map<string, string>;
  bodyAt: number;
}

/** The first answer that is not an interim one (100). */
function headOf(bytes: Buffer, from = 0): Head | null {
  const end = bytes.indexOf('\r\n\r\n', from, 'latin1');
  if (end === -1) return null;
  const [first = '', ...lines] = bytes.subarray(from, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (!Number.isInteger(status)) throw new Error(`not an HTTP answer: ${JSON.stringify(first.slice(0, 200))}`);
  if (status < 200) return headOf(bytes, end + 4);
  const headers = new Map(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  return { status, headers, bodyAt: end + 4 };
}

function isWhole(bytes: Buffer, isHead: boolean): boolean {
  const head = headOf(bytes);
  if (head === null) return false;
  if (isHead) return true;
  const length = head.headers.get('content-length');
  if (length !== undefined) return bytes.length - head.bodyAt >= Number(length);
  return (
    head.status === 204 ||
    head.status === 304 ||
    (head.headers.get('transfer-encoding') === 'chunked' && bytes.subarray(-5).toString('latin1') === '0\r\n\r\n')
  );
}

function parse(bytes: Buffer, isHead: boolean, tookMs: number): RawAnswer | null {
  const head = headOf(bytes);
  if (head === null) return null;
  const { status, headers, bodyAt } = head;
  const rest = bytes.subarray(bodyAt);
  const length = headers.get('content-length');
  // A second answer may follow, to what the server takes for a second request.
  const body = isHead ? Buffer.alloc(0) : length === undefined ? rest : rest.subarray(0, Number(length));
  return { status, headers, tookMs, body: headers.get('transfer-encoding') === 'chunked' ? unchunked(body) : body };
}

/** As far as it goes: a stream is left before its end. */
function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\r\n', at, 'latin1');
    if (end === -1) break;
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (!(size > 0)) break;
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(parts);
}
