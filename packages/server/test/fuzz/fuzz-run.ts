/** Sends what `requests.ts` makes to a real API over a real store, and says what went wrong. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { masterIdOf, runIdOf, workerIdOf } from '@pelorus/protocol';
import { createApi } from '../../src/api/index.ts';
import { createPasswords } from '../../src/api/passwords.ts';
import { openDirectoryLogs } from '../../src/logs/index.ts';
import type { OpenApiDocument } from '../../src/api/openapi/document.ts';
import { openSqliteStore, type Store } from '../../src/store/index.ts';
import { createVault } from '../../src/vault/index.ts';
import { createDocumentChecker, type DocumentChecker } from '../openapi/document-checker.ts';
import { exchange, type RawAnswer } from './raw-http.ts';
import { requestsOf, SESSION, type FuzzRequest } from './requests.ts';
import type { Known } from './values.ts';

export interface FuzzOptions {
  requests: number;
  seed: number;
  /** A request that takes longer has hung. */
  limitMs: number;
  /** At once. */
  concurrency: number;
  /** Only this one of them. */
  only?: number;
}

export interface FuzzReport {
  problems: string[];
  /** Answers by status; 0: closed without one. */
  statuses: Map<number, number>;
  /** Operations that answered with success at least once, and all there are. */
  succeeded: Set<string>;
  operations: string[];
  /** The five that took longest. */
  slowest: { tookMs: number; request: string }[];
  medianMs: number;
  p99Ms: number;
  maxMs: number;
}

const TOKEN = 'fuzz'.repeat(10);
const PROBLEMS_KEPT = 50;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const world = await openWorld();
  try {
    return await attack(world, options);
  } finally {
    await world.close();
  }
}

interface World {
  port: number;
  checker: DocumentChecker;
  document: OpenApiDocument;
  known: Known;
  /** What the server logged as its own mistake. */
  mistakes: string[];
  /** Secret of a session of `ann`. */
  session(): string;
  /** Makes what has been deleted, and ends what has been started. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

async function attack(
  world: World,
  { requests: count, seed, limitMs, concurrency, only }: FuzzOptions,
): Promise<FuzzReport> {
  const { checker, document, known } = world;
  const all = requestsOf({ document, operations: checker.operations, known, token: TOKEN }, seed, count);
  const problems: string[] = [];
  const kinds = new Set<string>();
  const statuses = new Map<number, number>();
  const succeeded = new Set<string>();
  const durations: number[] = [];
  const slowest: FuzzReport['slowest'] = [];
  const report = (index: number, request: FuzzRequest, problem: string) => {
    // Of what goes wrong in one way, the first is enough.
    const kind = `${request.operation.id} ${problem.replaceAll(/\d+|in \{.*/g, '')}`;
    if (kinds.has(kind)) return;
    kinds.add(kind);
    if (problems.length < PROBLEMS_KEPT) problems.push(`seed ${seed}, request ${index}: ${problem}\n${shown(request)}`);
  };
  const uncaught = (error: unknown) =>
    problems.push(`seed ${seed}: uncaught ${error instanceof Error ? error.stack : String(error)}`);
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < all.length; index = next++) {
      const request = all[index];
      if (request === undefined || (only !== undefined && index !== only)) continue;
      if (index % RESTORE_EVERY === 0) await world.restore();
      try {
        const answer = await exchange(
          world.port,
          {
            pieces: piecesOf(request, world.session()),
            ends: request.sent === 'short' && request.body !== null,
            isHead: request.method === 'HEAD',
          },
          limitMs,
        );
        statuses.set(answer?.status ?? 0, (statuses.get(answer?.status ?? 0) ?? 0) + 1);
        if (answer !== null) {
          durations.push(answer.tookMs);
          slowest.push({ tookMs: answer.tookMs, request: shown(request) });
          slowest.sort((left, right) => right.tookMs - left.tookMs).splice(5);
          if (answer.status < 300) succeeded.add(request.operation.id);
          for (const problem of problemsOf(checker, request, answer)) report(index, request, problem);
        } else if (request.sent !== 'short') report(index, request, 'closed without an answer');
      } catch (error) {
        report(index, request, error instanceof Error ? error.message : String(error));
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, lane));
    const after = await exchange(
      world.port,
      { pieces: [Buffer.from('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')], ends: false, isHead: false },
      limitMs,
    );
    for (const mistake of new Set(world.mistakes)) problems.push(`seed ${seed}: the server logged ${mistake}`);
    if (after?.status !== 200) problems.push(`seed ${seed}: at the end /livez answers ${after?.status}`);
  } finally {
    process.off('uncaughtException', uncaught);
    process.off('unhandledRejection', uncaught);
  }
  durations.sort((left, right) => left - right);
  const at = (share: number) =>
    Math.round(durations[Math.min(durations.length - 1, Math.floor(durations.length * share))] ?? 0);
  return {
    problems,
    statuses,
    succeeded,
    operations: checker.operations.map((operation) => operation.id),
    slowest,
    medianMs: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

const RESTORE_EVERY = 150;
/** Refusals that come before the operation has been found, or in place of another one. */
const BEFORE_THE_ROUTE = new Set([
  'NO_SUCH_ROUTE',
  'METHOD_NOT_ALLOWED',
  'BAD_REQUEST',
  'HEADERS_TOO_LARGE',
  'URI_TOO_LONG',
  'FOREIGN_HOST',
  'CROSS_ORIGIN',
  'NOT_SIGNED_IN',
]);

function problemsOf(checker: DocumentChecker, request: FuzzRequest, answer: RawAnswer): string[] {
  const contentType = answer.headers.get('content-type') ?? '';
  if (answer.status >= 500) return [`${answer.status} ${answer.body.toString('utf8').slice(0, 1000)}`];
  if (answer.status >= 400) {
    if (contentType !== 'application/problem+json; charset=utf-8')
      return [`${answer.status} with content type ${contentType}`];
    // To HEAD there is no body.
    if (request.method === 'HEAD') return [];
    const { code } = JSON.parse(answer.body.toString('utf8')) as { code: string };
    const isOther = request.method !== request.operation.method || BEFORE_THE_ROUTE.has(code);
    return isOther
      ? checker.problemsOfProblem(answer.body)
      : checker.problemsOf(request.operation, { status: answer.status, contentType, body: answer.body });
  }
  if (request.method !== request.operation.method) return [];
  return checker.problemsOf(request.operation, { status: answer.status, contentType, body: answer.body });
}

function piecesOf(request: FuzzRequest, session: string): Buffer[] {
  const { method, target, headers, body, sent } = request;
  const named = headers.map(([name, value]) => `${name}: ${value.replace(SESSION, session)}`);
  const head = (more: string[]) =>
    Buffer.concat([
      Buffer.from(`${method} `),
      target,
      Buffer.from(` HTTP/1.1\r\n${['host: localhost', ...named, ...more].join('\r\n')}\r\n\r\n`, 'latin1'),
    ]);
  if (body === null) return [head(method === 'GET' || method === 'HEAD' ? [] : ['content-length: 0'])];
  switch (sent) {
    case 'length':
      return [head([`content-length: ${body.length}`]), body];
    case 'halves':
      return [
        head([`content-length: ${body.length}`]),
        body.subarray(0, body.length >> 1),
        body.subarray(body.length >> 1),
      ];
    case 'short':
      return [head([`content-length: ${body.length + 7}`]), body];
    case 'long':
      return [head([`content-length: ${Math.max(0, body.length - 7)}`, 'connection: close']), body];
    case 'chunked':
      return [
        head(['transfer-encoding: chunked']),
        Buffer.from(`${body.length.toString(16)}\r\n`),
        body,
        Buffer.from(body.length === 0 ? '\r\n' : '\r\n0\r\n\r\n'),
      ];
  }
}

function shown({ operation, kind, method, target, headers, body, sent }: FuzzRequest): string {
  const text =
    body === null
      ? ''
      : `\n  body (${sent}, ${body.length} bytes): ${JSON.stringify(body.subarray(0, 500).toString('latin1'))}`;
  return `  ${kind} ${operation.id}: ${method} ${target.subarray(0, 500).toString('latin1')}\n  ${headers.map(([name, value]) => `${name}: ${value.slice(0, 80)}`).join(', ')}${text}`;
}

const SOURCE = JSON.stringify({
  name: 'diamond',
  params: { n: 1 },
  tasks: { a: { run: 'true' }, b: { run: 'true', needs: ['a'] }, c: { type: 'virtual', needs: ['a'] } },
});

async function openWorld(): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pelorus-fuzz-'));
  const store = await openSqliteStore(path.join(folder, 'data'));
  const mistakes: string[] = [];
  const app = createApi({
    store,
    logs: openDirectoryLogs({ folder: path.join(folder, 'logs'), writtenInPlace: true }),
    hints: {
      commandWritten: () => undefined,
      testAlertChannel: async () => ({ delivered: true, detail: 'taken' }),
      testConnection: async () => ({ ok: true, detail: 'answered', tookMs: 1, worker: 'w' }),
    },
    clock: Date.now,
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: (fields, event) => mistakes.push(`${event}: ${errorText(fields)}`),
    },
    version: '0.1.0-fuzz',
    storeKind: 'sqlite',
    vault: createVault([{ id: 'fuzz', bytes: Buffer.alloc(32, 7) }]),
    passwords: createPasswords({ memory: 8, passes: 1, parallelism: 1 }),
    adminToken: TOKEN,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const call: Send = async (method, at, body, type = 'application/json') => {
    const response = await app.inject({
      method: method as 'GET',
      url: `/api/v1${at}`,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': type },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return response.body === '' ? null : response.json<unknown>();
  };
  const document = (await call('GET', '/openapi.json', undefined)) as OpenApiDocument;
  let session = 'none';
  const restore = async () => {
    await restoreWorld(store, call);
    session = await signedIn(app);
  };
  await restore();
  await addAttempt(store, path.join(folder, 'logs'));
  return {
    port,
    checker: createDocumentChecker(document),
    document,
    known: KNOWN,
    mistakes,
    session: () => session,
    restore,
    close: async () => {
      await app.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function errorText(fields: object): string {
  const error: unknown = Reflect.get(fields, 'err');
  return `${JSON.stringify(fields)} ${error instanceof Error ? error.stack : String(error)}`;
}

const PASSWORD = 'correct horse battery';

/** Runs 1 to 3 exist from the beginning; 1 has an attempt with a log, 2 has ended. */
const KNOWN: Known = {
  project: ['samples', 'samples', 'samples', 'spare'],
  projectName: ['samples'],
  workflow: ['diamond', 'diamond', 'other', 'spare'],
  projectCode: ['samples'],
  worker: ['worker-1'],
  workflowName: [
    'diamond',
    'diamond',
    'diamond',
    'diamond',
    'other',
    'd*',
    ...Array.from({ length: 8 }, (_, at) => `free${at}`),
  ],
  execId: [1, 2, 3],
  run: [1, 2, 3],
  rerunOf: [2],
  runId: [1, 2, 3],
  backfill: [1],
  jobId: ['1.0.1'],
  attempt: ['1.0.1'],
  task: ['a', 'b', 'c'],
  nodeName: ['a', 'b', 'c'],
  select: ['a', 'b', 'c'],
  version: [1, 'latest', 'same'],
  name: ['ann', 'gpu', 'ops', 'db', 'admin'],
  user: ['ann', 'admin'],
  email: ['ann@example.org'],
  password: [PASSWORD],
  current: [PASSWORD],
  id: [1, 2, 3],
  path: ['a.txt', 'lib/b.txt'],
  target: ['ops@example.org', 'https://example.org/hook'],
  kind: ['email', 'webhook', 'sqlite'],
  url: ['sqlite:x.db', 'postgres://127.0.0.1:1/x'],
  data: ['{"nodes":[{"name":"n","type":"VIRTUAL","dep":[]}]}'],
  cursor: ['W10', 'WzFd', 'WzEsMl0'],
  date: ['2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z'],
  from: ['a', 'b', 'c', 1],
  other: [1, 2],
  startDate: [0, 1_700_000_000_000, '2026-03-01T00:00:00Z'],
  endDate: [1_700_000_100_000, '2026-03-03T00:00:00Z'],
  crontab: ['0 0 * * *'],
  zone: ['UTC', 'Europe/Berlin'],
  timezone: ['UTC', 'Europe/Berlin'],
  schedule: ['default', 'default', 'early'],
  deadline: ['six'],
  calendar: ['ops'],
  environment: ['db'],
  cron: ['0 6 * * *', '*/7 * * * *', '0 0/3 6 ? * MON-FRI', '0 0 6 L-3W * ? 2030-2040', '@daily'],
  start: ['2026-03-01', '2026-03-01T08:00', '2026-03-01T00:00:00Z'],
  end: ['2030-03-01', '2100-01-01T00:00:00+05:30'],
  days: ['2026-05-01', '2026-12-25'],
  dependsOn: ['other', 'samples/other'],
  workerGroup: ['default'],
};

type Send = (method: string, at: string, body: unknown, type?: string) => Promise<unknown>;

async function restoreWorld(store: Store, call: Send): Promise<void> {
  await call('PUT', '/users/ann', { disabled: false, email: 'ann@example.org' });
  await call('POST', '/users/ann/password', { new: PASSWORD });
  await call('PUT', '/projects/samples', {});
  await call('PUT', '/projects/samples/members/ann', { perm: 7 });
  await call('PUT', '/projects/samples/workflows/diamond', SOURCE);
  await call('PUT', '/projects/samples/workflows/other', SOURCE);
  await call('PUT', '/projects/spare', {});
  await call('PUT', '/projects/samples/workflows/spare', SOURCE);
  await call('PUT', '/projects/samples/secrets/db', { value: 'open sesame' });
  await call('PUT', '/projects/samples/connections/db', { kind: 'sqlite', url: 'sqlite:x.db' });
  await call('PUT', '/projects/samples/files/a.txt', 'some text', 'application/octet-stream');
  await call('PUT', '/task-groups/gpu', { size: 2 });
  await call('PUT', '/calendars/ops', { days: ['2026-05-01'] });
  await call('PUT', '/environments/db', { variables: {} });
  await call('PUT', '/projects/samples/workflows/diamond/schedule', { cron: '0 6 * * *', calendar: 'ops' });
  await call('PUT', '/projects/samples/workflows/diamond/deadlines/six', { cron: '0 6 * * *' });
  await call('PUT', '/alert-channels/ops', { kind: 'email', target: 'ops@example.org' });
  const { total } = await store.listRuns({}, 0, 1);
  for (let made = total ?? 0; made < 3; made += 1)
    await call('POST', '/runs', { project: 'samples', workflow: 'diamond' });
  const days = { startDate: '2026-03-01T00:00:00Z', endDate: '2026-03-02T00:00:00Z' };
  await call('POST', '/backfills', { project: 'samples', workflow: 'diamond', crontab: '0 0 * * *', ...days });
}

/** Its secret, as the cookie carries it. */
async function signedIn(app: ReturnType<typeof createApi>): Promise<string> {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/login',
    headers: { 'content-type': 'application/json', origin: 'http://localhost' },
    payload: JSON.stringify({ name: 'ann', password: PASSWORD }),
  });
  return /pelorus_session=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1] ?? 'none';
}

/** By the hand of a master. */
async function addAttempt(store: Store, logs: string): Promise<void> {
  const fence = { master: masterIdOf('fuzz-master'), token: 'token' };
  await store.registerMaster({ id: fence.master, token: fence.token, host: 'here' });
  const at = Date.now();
  const run = (id: number, state: 'running' | 'paused' | 'succeeded') => ({
    kind: 'run' as const,
    status: {
      run: runIdOf(id),
      version: 2,
      state,
      cause: null,
      firstFailure: null,
      waitReason: null,
      owner: fence.master,
      startedAt: at,
      endedAt: state === 'succeeded' ? at : null,
    },
  });
  const task = (index: number, state: 'running' | 'failed') => ({
    kind: 'task-run' as const,
    record: {
      run: runIdOf(1),
      task: index,
      version: 4 + index,
      state,
      cause: null,
      waitReason: null,
      attempts: 1,
      retries: 0,
      wakeAt: null,
      readyAt: null,
      startedAt: at,
      endedAt: null,
      outputs: null,
    },
  });
  await store.commit(fence, [
    {
      kind: 'worker',
      record: {
        id: workerIdOf('worker-1'),
        name: 'worker-1',
        host: 'here',
        groups: ['default'],
        slots: 4,
        state: 'online',
        registeredAt: at,
        seenAt: at,
      },
    },
    run(1, 'running'),
    run(2, 'succeeded'),
    run(3, 'paused'),
    task(0, 'running'),
    task(1, 'failed'),
    {
      kind: 'attempt',
      record: {
        run: runIdOf(1),
        task: 0,
        n: 1,
        version: 3,
        state: 'running',
        cause: null,
        worker: workerIdOf('worker-1'),
        dispatchedAt: at,
        startedAt: at,
        endedAt: null,
        kill: null,
      },
    },
  ]);
  await mkdir(path.join(logs, '1'), { recursive: true });
  await writeFile(
    path.join(logs, '1', '1.0.1.log'),
    `${'a line of a log\n'.repeat(2000)}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!`,
  );
}
