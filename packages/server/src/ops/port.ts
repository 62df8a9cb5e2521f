/**
 * The operations port of a master or worker: an HTTP server on an address of its own for probes, metrics and, of a master, for
 * the api role. Owns its connections. Small on purpose: four paths, every body, header, wait and connection bounded.
 *
 * Invariants
 * 1. Nothing but `/livez` and `/readyz` is answered, or told apart, before the bearer token was compared.
 * 2. `/livez` touches nothing but the event loop; a store that hangs makes a process unready, never dead.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseRunId, type RunId } from '@pelorus/protocol';
import { z } from 'zod';
import type { ConnectionTest } from '../master/index.ts';
import type { LiveRun } from '../master/live-run.ts';
import { liveRunText } from './live-run-text.ts';
import { OPS_LIMITS, OPS_PATHS } from './paths.ts';
import { OpsRefusal, refusalBody } from './refusal.ts';

export interface Readiness {
  ready: boolean;
  /** Why not, for people; empty when ready. */
  reasons: readonly string[];
}

/** What a master answers on it. */
export interface OpsMaster {
  /** What it holds in memory; null when it does not own the run. */
  liveRun(run: RunId): LiveRun | null;
  /** Null when there is no worker that could. */
  testConnection(projectId: number, name: string, signal: AbortSignal): Promise<ConnectionTest | null>;
}

export interface OpsPortOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** The bearer token that opens everything but the probes. */
  token: string;
  /** Asked with each `/readyz`; slower than 2 s, or rejecting, means not ready. */
  readiness: () => Promise<Readiness>;
  /** The text of `/metrics`, as Prometheus reads it. */
  metrics: () => Promise<string>;
  /** Absent on workers. */
  master?: OpsMaster;
  log: { info(fields: object, event: string): void; warn(fields: object, event: string): void };
}

export interface OpsPort {
  /** Where it listens. */
  readonly port: number;
  readonly server: Server;
  /** Stops listening; requests under way get a second to end. */
  close(): Promise<void>;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Opens the port; rejects when the address is taken. Who may call: whoever holds the token. */
export async function openOpsPort(options: OpsPortOptions): Promise<OpsPort> {
  const expected = digest(options.token);
  const server = createServer({
    maxHeaderSize: OPS_LIMITS.headerBytes,
    headersTimeout: OPS_LIMITS.headersMs,
    requestTimeout: OPS_LIMITS.requestMs,
    keepAliveTimeout: OPS_LIMITS.keepAliveMs,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = OPS_LIMITS.connections;
  server.setTimeout(OPS_LIMITS.silenceMs);
  server.on('request', (request, response) => {
    answer(options, expected, request, response).catch((error: unknown) => refuse(options, response, error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  server.on('error', (err) => options.log.warn({ err }, 'operations port'));
  const { port } = server.address() as AddressInfo;
  options.log.info({ host: options.host, port }, 'operations port open');
  return { port, server, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), OPS_LIMITS.closeMs);
  await closed;
  clearTimeout(late);
}

async function answer(
  options: OpsPortOptions,
  expected: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { path, query } = targetOf(request);
  if (path === OPS_PATHS.live) {
    allow(request, ['GET', 'HEAD']);
    return send(response, 200, { status: 'live' });
  }
  if (path === OPS_PATHS.ready) {
    allow(request, ['GET', 'HEAD']);
    const { ready, reasons } = await readinessOf(options.readiness);
    return send(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', reasons });
  }
  if (!presents(request, expected)) throw new OpsRefusal('NOT_SIGNED_IN', 'present the token of this operations port');
  if (path === OPS_PATHS.metrics) {
    allow(request, ['GET', 'HEAD']);
    return sendText(response, METRICS_TYPE, await options.metrics());
  }
  if (options.master && path === OPS_PATHS.liveRun) {
    allow(request, ['GET', 'HEAD']);
    return sendLiveRun(options.master, response, query);
  }
  if (options.master && path === OPS_PATHS.testConnection) {
    allow(request, ['POST']);
    return sendConnectionTest(options.master, request, response);
  }
  throw new OpsRefusal('NO_SUCH_ROUTE', `there is nothing at ${path.slice(0, 200)}`);
}

function targetOf(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '', ...rest] = (request.url ?? '').split('?');
  return { path, query: new URLSearchParams(rest.join('?')) };
}

function allow(request: IncomingMessage, methods: readonly string[]): void {
  if (methods.includes(request.method ?? '')) return;
  throw new OpsRefusal('METHOD_NOT_ALLOWED', `${request.method} is not answered here; ${methods.join(', ')}`, {
    allow: methods.join(', '),
  });
}

/** Digests have one length, so that the comparison takes the same time whatever was presented. */
function presents(request: IncomingMessage, expected: Buffer): boolean {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return timingSafeEqual(digest(given ?? ''), expected) && given !== undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function readinessOf(readiness: OpsPortOptions['readiness']): Promise<Readiness> {
  const { promise: late, resolve } = Promise.withResolvers<Readiness>();
  const timer = setTimeout(
    () => resolve({ ready: false, reasons: [`no answer within ${OPS_LIMITS.readinessMs / 1000} s`] }),
    OPS_LIMITS.readinessMs,
  );
  try {
    return await Promise.race([readiness(), late]);
  } catch (error) {
    return { ready: false, reasons: [error instanceof Error ? error.message : String(error)] };
  } finally {
    clearTimeout(timer);
  }
}

async function sendLiveRun(master: OpsMaster, response: ServerResponse, query: URLSearchParams): Promise<void> {
  const unknown = [...query.keys()].find((name) => name !== 'id');
  if (unknown !== undefined) throw new OpsRefusal('BAD_PARAMETER', `there is no parameter ${unknown.slice(0, 100)}`);
  const ids = query.getAll('id');
  const run = ids.length === 1 ? parseRunId(ids[0] ?? '') : null;
  if (run === null) throw new OpsRefusal('BAD_PARAMETER', 'id must be given once, the id of a run: a positive integer');
  const live = master.liveRun(run);
  if (live === null) throw new OpsRefusal('RUN_NOT_FOUND', `this master does not own run ${run}`);
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  if (response.req.method === 'HEAD') return void response.end();
  // What has begun cannot be refused any more: a reader that goes away ends it.
  await pipeline(Readable.from(liveRunText(live), { objectMode: false }), response).catch(() => response.destroy());
}

const connectionTestBody = z.strictObject({
  projectId: z.int().min(1),
  name: z.string().min(1).max(255),
});

async function sendConnectionTest(
  master: OpsMaster,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parsed = connectionTestBody.safeParse(await readJson(request));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OpsRefusal('BAD_PARAMETER', `${issue?.path.join('/') || 'body'}: ${issue?.message ?? 'not acceptable'}`);
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const tested = await master.testConnection(parsed.data.projectId, parsed.data.name, gone.signal);
  if (tested === null) throw new OpsRefusal('NO_WORKER', 'this master has no worker that could test a connection');
  send(response, 200, tested);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > OPS_LIMITS.bodyBytes)
      throw new OpsRefusal('TOO_LARGE', `a body here has at most ${OPS_LIMITS.bodyBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new OpsRefusal('MALFORMED_BODY', 'the body is no JSON');
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  write(response, status, 'application/json; charset=utf-8', JSON.stringify(body), {});
}

function sendText(response: ServerResponse, type: string, text: string): void {
  write(response, 200, type, text, {});
}

function write(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Record<string, string>,
): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  // A body that nobody reads is not waited for: the connection ends with the answer.
  if (!response.req.complete) response.shouldKeepAlive = false;
  const length = Buffer.byteLength(text);
  response.writeHead(status, {
    'content-type': type,
    'content-length': length,
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

function refuse({ log }: OpsPortOptions, response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const refusal =
    error instanceof OpsRefusal ? error : new OpsRefusal('INTERNAL', 'what was asked for failed; see the log');
  if (refusal.code === 'INTERNAL') log.warn({ err: error, path: response.req.url }, 'operations request failed');
  const { status, body } = refusalBody(refusal);
  write(response, status, 'application/problem+json; charset=utf-8', JSON.stringify(body), refusal.headers);
}
