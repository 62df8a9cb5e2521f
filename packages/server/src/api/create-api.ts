/**
 * The HTTP server: every route of the table on fastify, one way in (guard, content type, limits) and one way out
 * (errors as problem documents). Fastify's own parsers and messages are replaced, so that nothing bypasses the table.
 */
import fastifyMultipart from '@fastify/multipart';
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { API_BASE, ERRORS, type ErrorCode, type Problem } from '@pelorus/protocol';
import { StoreError, type AuditStamp } from '../store/port.ts';
import { announcesBody, mediaType } from './body.ts';
import { administrator, createCaller, type CheckedCaller } from './caller.ts';
import type { ApiContext, ApiLog, ApiOptions } from './context.ts';
import { createDefinitionParser } from './definitions/definition-parser.ts';
import { createGuard } from './guard.ts';
import { API_LIMITS } from './limits.ts';
import { createPastDurations } from './past-durations.ts';
import { ApiFailure, toProblem } from './problem.ts';
import type { Answer, Route } from './route.ts';
import { ROUTES, urlOf } from './routes.ts';
import { createRunTallies } from './run-tallies.ts';
import { createEventStreams, DEFAULT_STREAM_LIMITS, type EventStreams } from './sse.ts';
import { createVersionCache } from './version-cache.ts';

/**
 * The API over a store. The caller listens (on a loopback address, unless it has set a token and hosts) and closes;
 * closing waits for requests in flight.
 */
export function createApi(options: ApiOptions): FastifyInstance {
  const context = contextOf(options);
  const streams = createEventStreams(options.log, { ...DEFAULT_STREAM_LIMITS, ...options.streams });
  const app: FastifyInstance = fastify({
    logger: false,
    exposeHeadRoutes: true,
    bodyLimit: API_LIMITS.parametersBodyBytes,
    requestTimeout: API_LIMITS.requestTimeoutMs,
    routerOptions: { maxParamLength: API_LIMITS.pathParameterLength },
    frameworkErrors: (error, request, reply) => void sendFailure(error, request, reply, options.log),
    clientErrorHandler: (error, socket) => answerRaw(error, socket),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  void app.register(fastifyMultipart);
  app.addHook('onRequest', guardHook(options));
  app.setErrorHandler((error: FastifyError, request, reply) => sendFailure(error, request, reply, options.log));
  app.setNotFoundHandler((request) => {
    throw new ApiFailure(
      'NO_SUCH_ROUTE',
      `there is nothing at ${pathOf(request)}; the paths are listed at ${API_BASE}`,
    );
  });
  // Before the server stops listening, for it waits for every answer under way, and these do not end by themselves.
  app.addHook('preClose', async () => streams.close());
  app.addHook('onClose', () => context.definitions.close());
  // Within a plugin, because the multipart plugin must have been loaded before routes are made.
  void app.register((scope, _options, done) => {
    addRoutes(scope, context, streams);
    done();
  });
  return app;
}

/** What all requests have in common. */
type Shared = Omit<ApiContext, 'caller' | 'again'>;

function contextOf(options: ApiOptions): Shared {
  const versions = createVersionCache(options.store);
  return {
    store: options.store,
    logs: options.logs,
    hints: options.hints,
    clock: options.clock,
    log: options.log,
    user: options.user ?? 'admin',
    version: options.version,
    storeKind: options.storeKind,
    startedAt: options.clock(),
    definitions: createDefinitionParser(),
    versions,
    tallies: createRunTallies({
      store: options.store,
      versions,
      durations: createPastDurations(options.store, options.clock),
      clock: options.clock,
    }),
  };
}

function guardHook(options: ApiOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const guard = createGuard({ adminToken: options.adminToken ?? null, allowedHosts: options.allowedHosts ?? [] });
  return async (request, reply) => {
    void reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    guard({ method: request.method, path: pathOf(request), headers: request.headers });
  };
}

function addRoutes(app: FastifyInstance, context: Shared, streams: EventStreams): void {
  const callers = new WeakMap<FastifyRequest, CheckedCaller>();
  const methodsAt = new Map<string, string[]>();
  for (const route of ROUTES) {
    const url = urlOf(route);
    methodsAt.set(url, [...(methodsAt.get(url) ?? []), route.method]);
    app.route({
      method: route.method,
      url,
      bodyLimit: route.bodyLimitBytes,
      onRequest: async (request) => {
        callers.set(request, callerOf(route, request, context));
        checkContentType(route, request);
      },
      handler: async (request, reply) => {
        const signal = goneSignal(request, reply);
        const caller = callers.get(request);
        if (caller === undefined) throw new Error(`${route.id}: nobody asked who sends it`);
        const again = async () => callerOf(route, request, context);
        const answer = await route.run(request, signal, contextFor(context, route, caller, again));
        if (!caller.isAdmitted) throw new Error(`${route.id}: answered without having asked for the caller's right`);
        if (answer.body === undefined || !('events' in answer.body)) return send(reply, answer, answer.body);
        if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send();
        streams.open(reply.raw, { ...reply.getHeaders(), ...answer.headers }, answer.body.events, { caller, again });
        return reply.hijack();
      },
    });
  }
  for (const [url, methods] of methodsAt) refuseOtherMethods(app, url, methods);
}

/** Before the body is read: a stranger's is not worth reading. */
function callerOf(route: Route, request: FastifyRequest, context: Shared): CheckedCaller {
  const sender = { identity: administrator(context.user), address: request.ip };
  return createCaller(route.access, sender, async () => new Map<number, number>());
}

/** What one request works with. Each change it makes is written together with its row of the audit. */
function contextFor(
  context: Shared,
  route: Route,
  caller: CheckedCaller,
  again: () => Promise<CheckedCaller>,
): ApiContext {
  const stamp = (): AuditStamp => {
    if (!caller.isAdmitted) throw new Error(`${route.id}: a change before the caller's right was asked for`);
    return {
      user: caller.user,
      via: caller.identity?.via ?? 'none',
      address: caller.address,
      action: route.id,
      at: context.clock(),
    };
  };
  return { ...context, user: caller.user, caller, again, store: context.store.audited(stamp) };
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const;

function refuseOtherMethods(app: FastifyInstance, url: string, methods: string[]): void {
  const answered = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.header('allow', answered.join(', '));
    throw new ApiFailure(
      'METHOD_NOT_ALLOWED',
      `${request.method} is not answered at ${pathOf(request)}; ${answered.join(', ')} ${answered.length === 1 ? 'is' : 'are'}`,
    );
  };
  // Before the body is read: it does not matter any more.
  app.route({
    method: METHODS.filter((method) => !answered.includes(method)),
    url,
    onRequest: refuse,
    handler: refuse,
  });
}

function checkContentType(route: Route, request: FastifyRequest): void {
  if (route.method === 'GET' || !announcesBody(request)) return;
  const type = mediaType(request);
  if (route.contentTypes.includes(type)) return;
  const given = type === '' ? 'the body has no content type' : `a body of type ${type} is not read here`;
  throw new ApiFailure('WRONG_CONTENT_TYPE', `${given}; send ${route.contentTypes.join(' or ')}`);
}

/** Aborts when the connection closes before the answer has been sent. */
function goneSignal(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new ClientGone(`${request.method} ${pathOf(request)}`));
  });
  return controller.signal;
}

/** The client closed the connection: nobody is left to answer. */
class ClientGone extends Error {}

type SentAtOnce = Exclude<Answer['body'], { events: unknown }>;

function send(reply: FastifyReply, answer: Answer, body: SentAtOnce): FastifyReply {
  void reply.code(answer.status).headers(answer.headers ?? {});
  if (body === undefined) return reply.send();
  if ('text' in body) return reply.type(body.type).send(body.text);
  void reply.type('application/json; charset=utf-8');
  return 'json' in body
    ? reply.send(JSON.stringify(body.json))
    : reply.send(Readable.from(body.stream, { objectMode: false }));
}

function sendFailure(error: unknown, request: FastifyRequest, reply: FastifyReply, log: ApiLog): FastifyReply {
  const problem = problemOf(error);
  if (problem.status >= 500 && !(error instanceof ClientGone)) {
    log[problem.code === 'INTERNAL' ? 'error' : 'warn'](
      { err: error, method: request.method, path: pathOf(request), code: problem.code },
      'request failed',
    );
  }
  if (problem.retryAfter !== undefined) void reply.header('retry-after', String(problem.retryAfter));
  if (problem.code === 'NOT_SIGNED_IN') void reply.header('www-authenticate', 'Bearer realm="pelorus"');
  return reply.code(problem.status).type('application/problem+json; charset=utf-8').send(JSON.stringify(problem));
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiFailure) return toProblem(error.code, error.message, error.detail);
  if (error instanceof StoreError) return storeProblem(error);
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  const code = typeof status === 'number' ? CODE_OF_STATUS[status] : undefined;
  if (code !== undefined && error instanceof Error) return toProblem(code, sentenceOf(error, code));
  return toProblem('INTERNAL', ERRORS.INTERNAL.sentence);
}

function storeProblem(error: StoreError): Problem {
  switch (error.code) {
    case 'CONFLICT':
      return toProblem('CONFLICT', error.message);
    case 'NOT_FOUND':
      return toProblem('NOT_FOUND', error.message);
    case 'UNAVAILABLE':
    case 'UNKNOWN_OUTCOME':
    case 'LOCKED':
    case 'FENCED':
    case 'SCHEMA_TOO_NEW':
      return toProblem('STORE_UNAVAILABLE', error.message, { retryAfterSeconds: API_LIMITS.retryAfterSeconds });
    case 'INVARIANT':
      return toProblem('INTERNAL', ERRORS.INTERNAL.sentence);
  }
}

/** Refusals that fastify and its plugins make before a handler runs. */
const CODE_OF_STATUS: Partial<Record<number, ErrorCode>> = {
  400: 'BAD_REQUEST',
  404: 'NO_SUCH_ROUTE',
  405: 'METHOD_NOT_ALLOWED',
  406: 'MALFORMED_BODY',
  408: 'BAD_REQUEST',
  413: 'TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'WRONG_CONTENT_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

function sentenceOf(error: Error, code: ErrorCode): string {
  return error.message === '' ? ERRORS[code].sentence : error.message;
}

/** What node's parser cannot read as HTTP never becomes a request. */
function answerRaw(
  error: Error & { code?: string },
  socket: { writable: boolean; end(text: string): unknown; destroy(): unknown },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const code: ErrorCode = error.code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST';
  const problem = toProblem(code, ERRORS[code].sentence);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.error}\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
