/**
 * The HTTP server: every route of the table on fastify, one way in (guard, content type, limits) and one way out
 * (errors as problem documents). Fastify's own parsers and messages are replaced, so that nothing bypasses the table.
 */
import fastifyMultipart from '@fastify/multipart';
import { fastify, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { API_BASE, ERRORS, formatAttemptId, type ErrorCode, type Problem } from '@pelorus/protocol';
import { LogStoreError } from '../logs/index.ts';
import { StoreError, type AuditStamp } from '../store/port.ts';
import { createVault, NoKey } from '../vault/index.ts';
import { SIGNED_IN, type Identity } from './access.ts';
import { createAuthenticator, type Authenticator } from './authenticate.ts';
import { announcesBody, mediaType } from './body.ts';
import { createBodyBudget, type BodyBudget } from './body-budget.ts';
import { startBulkRunner, type BulkRunner } from './bulk-runner.ts';
import { administrator, createCaller, grantsReader, type CheckedCaller } from './caller.ts';
import type { ApiContext, ApiOptions, Connected } from './context.ts';
import { answerFromConsole, type ConsoleFiles } from './console.ts';
import { createDefinitionParser } from './definitions/definition-parser.ts';
import { createFailureLog, type RequestFailure } from './failure-log.ts';
import { createGuard } from './guard.ts';
import { API_LIMITS } from './limits.ts';
import { createLogFollowers } from './log-follow.ts';
import { createLogReader } from './logs.ts';
import { createPasswords } from './passwords.ts';
import { createMasks, withMasks } from './masks.ts';
import { createPastDurations } from './past-durations.ts';
import { otherMethodsHook, pathOf, refuseBesidePatterns, type MethodsAt } from './other-methods.ts';
import { ApiFailure, toProblem } from './problem.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import type { Answer, RefusalForm, Route } from './route.ts';
import { ROUTES, urlOf } from './routes.ts';
import { createRunEvents } from './run-events.ts';
import { RunTallies } from './run-tallies.ts';
import { EventStreams } from './event-streams.ts';
import { createSlots } from './transfer/slots.ts';
import { createVersionCache } from './version-cache.ts';
import { instantText } from './views.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    refusal?: RefusalForm | null;
    operation?: string;
  }
}

/**
 * The API over a store. The caller listens (on a loopback address, unless it has set a token and hosts) and closes;
 * closing waits for requests in flight.
 */
export function createApi(options: ApiOptions): FastifyInstance {
  let bulk: BulkRunner | null = null;
  const context = { ...contextOf(options), startBulk: () => bulk?.hint() };
  const streams = new EventStreams(options.log, options.streams);
  const refusing: Refusing = {
    failed: createFailureLog(options.log, () => performance.now()),
    age: () => ageOfStore(options),
  };
  const app: FastifyInstance = fastify({
    logger: false,
    exposeHeadRoutes: true,
    bodyLimit: API_LIMITS.parametersBodyBytes,
    requestTimeout: API_LIMITS.requestTimeoutMs,
    routerOptions: { maxParamLength: API_LIMITS.pathParameterLength },
    trustProxy: options.trustedProxies === undefined ? false : [...options.trustedProxies],
    frameworkErrors: (error, request, reply) => void sendFailure(error, request, reply, refusing),
    clientErrorHandler: (error, socket) => answerRaw(error, socket),
  });
  // What a client expects besides 100-continue is not met, and the request answered all the same.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  void app.register(fastifyMultipart);
  app.addHook('onRequest', guardHook(options));
  if (options.console) app.addHook('onRequest', consoleHook(options.console));
  const routes = options.routes ?? ROUTES;
  const methodsAt = methodsOf(routes);
  app.addHook('onRequest', otherMethodsHook(methodsAt));
  const { observe } = options;
  if (observe !== undefined) app.addHook('onResponse', async (request, reply) => observed(request, reply, observe));
  const door = doorOf(options);
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    await auditRefusal(door, request, error);
    return sendFailure(error, request, reply, refusing);
  });
  app.setNotFoundHandler(async (request) => {
    if (pathOf(request).startsWith(`${API_BASE}/`)) await callerOf(door, { access: SIGNED_IN }, request);
    throw new ApiFailure(
      'NO_SUCH_ROUTE',
      `there is nothing at ${pathOf(request)}; the paths are listed at ${API_BASE}`,
    );
  });
  app.decorate('streamFigures', () => streams.figures());
  // Before the server stops listening, for it waits for every answer under way, and these do not end by themselves.
  app.addHook('onReady', async () => {
    bulk = startBulkRunner(context);
  });
  app.addHook('preClose', async () => {
    await bulk?.stop();
    streams.close();
    context.events.close();
  });
  app.addHook('onClose', async () => {
    await Promise.all([context.definitions.close(), context.logs.close()]);
  });
  // Within a plugin, because the multipart plugin must have been loaded before routes are made.
  void app.register((scope, _options, done) => {
    addRoutes(scope, { routes, context, streams, door });
    refuseBesidePatterns(scope, methodsAt);
    done();
  });
  return app;
}

/** Paths that are no address of the console, besides the API. */
const OWN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

function consoleHook(files: ConsoleFiles) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const path = pathOf(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    if (path === API_BASE || path.startsWith(`${API_BASE}/`) || OWN_PATHS.has(path)) return undefined;
    const answer = answerFromConsole(files, {
      path,
      acceptEncoding: request.headers['accept-encoding']?.toString() ?? '',
      ifNoneMatch: request.headers['if-none-match'] ?? '',
    });
    return answer === null
      ? undefined
      : reply
          .code(answer.status)
          .headers(answer.headers)
          .send(answer.body ?? '');
  };
}

/** What all requests have in common. */
type Shared = Omit<ApiContext, 'caller' | 'again' | 'user' | 'connection'>;

function contextOf(options: ApiOptions): Omit<Shared, 'startBulk'> {
  const vault = options.vault ?? createVault([]);
  const logs = createLogReader(options.logs);
  const masks = createMasks(options.store, vault);
  const store = withMasks(options.store, masks);
  const versions = createVersionCache(store);
  const tallies = new RunTallies({
    store,
    versions,
    durations: createPastDurations(store, options.clock),
    clock: options.clock,
  });
  return {
    store,
    unmasked: options.store,
    vault,
    masks,
    logs,
    followers: createLogFollowers({
      logs,
      attemptOf: (attempt) => options.store.getAttempt(formatAttemptId(attempt)),
      clock: options.clock,
      log: options.log,
    }),
    hints: options.hints,
    clock: options.clock,
    log: options.log,
    passwords: options.passwords ?? createPasswords(),
    version: options.version,
    storeKind: options.storeKind,
    startedAt: options.clock(),
    metrics: options.metrics ?? null,
    definitions: createDefinitionParser(),
    transfers: {
      imports: createSlots(API_LIMITS.importsAtOnce, 'imports'),
      exports: createSlots(API_LIMITS.exportsAtOnce, 'exports'),
    },
    versions,
    tallies,
    events: createRunEvents({
      store,
      versions,
      tallies,
      hints: options.hints.runsChanged ?? null,
      clock: options.clock,
      log: options.log,
    }),
  };
}

function observed(request: FastifyRequest, reply: FastifyReply, observe: NonNullable<ApiOptions['observe']>): void {
  // A stream lasts as long as its client likes.
  if (String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream')) return;
  const { operation = 'none' } = request.routeOptions.config;
  observe({ operation, status: reply.raw.statusCode, durationMs: reply.elapsedTime });
}

function guardHook(options: ApiOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const guard = createGuard({ allowedHosts: options.allowedHosts ?? [] });
  return async (request, reply) => {
    void reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    guard({ method: request.method, headers: request.headers });
  };
}

/** What stands between a request and a route: who sends it, and what is written down of those turned away. */
interface Door {
  authenticator: Authenticator;
  refusals: Refusals;
  options: ApiOptions;
  /** What is known so far of each request's sender. */
  senders: WeakMap<FastifyRequest, Sender>;
}

interface Sender {
  action: string;
  identity: Identity | null;
  caller: CheckedCaller | null;
}

function doorOf(options: ApiOptions): Door {
  const { store, clock, log } = options;
  const stranger = options.user === undefined ? null : administrator(options.user);
  return {
    authenticator: createAuthenticator({ store, clock, log, adminToken: options.adminToken ?? null, stranger }),
    refusals: createRefusals(store, log),
    options,
    senders: new WeakMap(),
  };
}

/** 401 and 403 are rows of the audit: who, by which operation, about what. */
async function auditRefusal(
  { refusals, options, senders }: Door,
  request: FastifyRequest,
  error: unknown,
): Promise<void> {
  if (!(error instanceof ApiFailure)) return;
  const { status } = ERRORS[error.code];
  if (status !== 401 && status !== 403) return;
  const { action = '', identity = null, caller = null } = senders.get(request) ?? {};
  const project = caller?.refusedIn ?? null;
  await refusals.record({
    stamp: {
      user: identity?.user ?? '',
      via: identity?.via ?? 'none',
      address: request.ip,
      action,
      at: options.clock(),
    },
    code: error.code,
    project: project === null ? null : { id: project.projectId, name: project.project },
    target: error.detail.about ?? (project === null ? '' : `projects/${project.project}`),
  });
}

interface Served {
  routes: readonly Route[];
  context: Shared;
  streams: EventStreams;
  door: Door;
}

function addRoutes(app: FastifyInstance, { routes, context, streams, door }: Served): void {
  const callers = new WeakMap<FastifyRequest, CheckedCaller>();
  const bodies = createBodyBudget(API_LIMITS.bodiesInFlightBytes);
  for (const route of routes) {
    app.route({
      method: route.method,
      url: routerUrlOf(route),
      bodyLimit: route.bodyLimitBytes,
      config: { refusal: route.refusal, operation: route.id },
      onRequest: async (request, reply) => {
        callers.set(request, await callerOf(door, route, request));
        checkContentType(route, request);
        takeRoom(bodies, route, request, reply);
      },
      handler: async (request, reply) => {
        const signal = goneSignal(request, reply);
        const caller = callers.get(request);
        if (caller === undefined) throw new Error(`${route.id}: nobody asked who sends it`);
        const again = () => callerOf(door, route, request);
        const own = { caller, again, connection: connectionOf(request, door.options) };
        const answer = await route.run(request, signal, contextFor(context, route, own));
        if (!caller.isAdmitted) throw new Error(`${route.id}: answered without having asked for the caller's right`);
        if (answer.body === undefined || !('events' in answer.body)) return send(reply, answer, answer.body);
        if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send();
        streams.open(reply.raw, { ...reply.getHeaders(), ...answer.headers }, answer.body.events, { caller, again });
        return reply.hijack();
      },
    });
  }
}

function methodsOf(routes: readonly Route[]): MethodsAt {
  const ofUrl = Map.groupBy(routes, routerUrlOf);
  return new Map([...ofUrl].map(([url, those]) => [url, those.map(({ method }) => method)]));
}

function routerUrlOf(route: Route): string {
  return route.deep ? urlOf(route).replace(/:\w+$/, '*') : urlOf(route);
}

/** Before the body is read: a stranger's is not worth reading. Routes that are for anyone do not ask who it is. */
async function callerOf(
  { authenticator, options, senders }: Door,
  route: Pick<Route, 'access'> & Partial<Pick<Route, 'id'>>,
  request: FastifyRequest,
): Promise<CheckedCaller> {
  const sender: Sender = { action: route.id ?? '', identity: null, caller: null };
  senders.set(request, sender);
  const presented = authenticator.check(request);
  if (route.access.who !== 'anyone') sender.identity = await authenticator.identify(presented);
  const { identity } = sender;
  sender.caller = createCaller(route.access, { identity, address: request.ip }, grantsReader(options.store, identity));
  return sender.caller;
}

function connectionOf(request: FastifyRequest, { publicUrl }: ApiOptions): Connected {
  return {
    secure: request.protocol === 'https',
    origin: publicUrl?.replace(/\/+$/, '') ?? `${request.protocol}://${request.headers.host ?? 'localhost'}`,
  };
}

/** What one request works with. Each change it makes is written together with its row of the audit. */
function contextFor(
  context: Shared,
  route: Route,
  own: { caller: CheckedCaller; again: () => Promise<CheckedCaller>; connection: Connected },
): ApiContext {
  const { caller } = own;
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
  return { ...context, ...own, user: caller.user, store: context.store.audited(stamp) };
}

function checkContentType(route: Route, request: FastifyRequest): void {
  if (route.method === 'GET' || !announcesBody(request)) return;
  const transfer = request.headers['transfer-encoding']?.trim().toLowerCase() ?? 'chunked';
  if (transfer !== 'chunked')
    throw new ApiFailure(
      'WRONG_CONTENT_TYPE',
      `the transfer coding ${transfer} is not read here; send it whole or in chunks`,
    );
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity')
    throw new ApiFailure('WRONG_CONTENT_TYPE', `bodies encoded as ${encoding} are not read here; send it as it is`);
  const type = mediaType(request);
  if (route.contentTypes.includes(type)) return;
  const given = type === '' ? 'the body has no content type' : `a body of type ${type} is not read here`;
  throw new ApiFailure('WRONG_CONTENT_TYPE', `${given}; send ${route.contentTypes.join(' or ')}`);
}

/** Of small bodies the parsers' own limits are enough. */
function takeRoom(bodies: BodyBudget, route: Route, request: FastifyRequest, reply: FastifyReply): void {
  if (route.method === 'GET' || !announcesBody(request)) return;
  const announced = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  const bytes = Math.min(announced, route.bodyLimitBytes);
  if (bytes > API_LIMITS.parametersBodyBytes) reply.raw.once('close', bodies.take(bytes));
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
  if ('bytes' in body)
    return reply.type(body.type).send(Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.length));
  if ('pieces' in body) return reply.type(body.type).send(Readable.from(body.pieces, { objectMode: false }));
  void reply.type('application/json; charset=utf-8');
  return 'json' in body
    ? reply.send(JSON.stringify(body.json))
    : reply.send(Readable.from(body.stream, { objectMode: false }));
}

interface Refusing {
  failed: (failure: RequestFailure) => void;
  age: () => Pick<Problem, 'lastContactAt' | 'ageSeconds'>;
}

/** How old is what this server knows of the store. */
function ageOfStore({ store, clock }: ApiOptions): ReturnType<Refusing['age']> {
  const { silentMs } = store;
  return { lastContactAt: instantText(clock() - silentMs), ageSeconds: Math.floor(silentMs / 1000) };
}

const OF_THE_STORE: ReadonlySet<ErrorCode> = new Set(['STORE_UNAVAILABLE', 'NOT_READY']);

function sendFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { failed, age }: Refusing,
): FastifyReply {
  const refused = problemOf(error);
  const problem = OF_THE_STORE.has(refused.code) ? { ...refused, ...age() } : refused;
  if (problem.status >= 500 && !(error instanceof ClientGone))
    failed({ error, code: problem.code, method: request.method, path: pathOf(request) });
  if (problem.retryAfter !== undefined) void reply.header('retry-after', String(problem.retryAfter));
  if (problem.code === 'NOT_SIGNED_IN') void reply.header('www-authenticate', 'Bearer realm="pelorus"');
  const { refusal } = request.routeOptions.config;
  const body = refusal === null || refusal === undefined ? problem : refusal.body(problem);
  return reply.code(problem.status).type('application/problem+json; charset=utf-8').send(JSON.stringify(body));
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiFailure) return toProblem(error.code, error.message, error.detail);
  if (error instanceof StoreError) return storeProblem(error);
  if (error instanceof LogStoreError)
    return toProblem('LOGS_UNAVAILABLE', error.message, { retryAfterSeconds: API_LIMITS.retryAfterSeconds });
  if (error instanceof NoKey)
    return toProblem('VAULT_CLOSED', error.message, { retryAfterSeconds: API_LIMITS.retryAfterSeconds });
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
    case 'PRECONDITION':
      return toProblem('PRECONDITION_FAILED', error.message);
    case 'UNAVAILABLE':
    case 'UNKNOWN_OUTCOME':
    case 'LOCKED':
    case 'FENCED':
    case 'WENT_BACK':
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
