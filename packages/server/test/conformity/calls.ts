/**
 * How every operation of the API is called, in the order in which the calls are made: what one makes the next ones use. Each operation
 * has a call that succeeds and one that is refused.
 */
import { zipOf } from '../api/zip-builder.ts';

/** What calls have found out: ids, tags, cookies. */
export type World = Record<string, string | number>;

export interface Call {
  id: string;
  status: number;
  path?: Record<string, string | number>;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  json?: unknown;
  body?: { type: string; content: string | FormData | URLSearchParams | Uint8Array<ArrayBuffer> };
  /** Null: nobody's; absent: the administrator's. */
  token?: string | null;
  /** What is to be remembered of the answer. */
  learn?: (answer: { body: unknown; headers: Headers }) => World;
  /** Asked again until it holds: what masters and workers do takes its time. */
  until?: (body: unknown) => boolean;
}

type Step = Call | ((world: World) => Call);

const P = { project: 'conform' };
const W = { ...P, workflow: 'steps' };
const JSON_TYPE = 'application/json';
const NOWHERE = { project: 'nowhere' };
const PASSWORD = 'correct horse battery staple';
const PUBLISHED = { nodes: [{ name: 'n', type: 'SHELL', parameter: { script: 'echo published' }, dep: [] }] };
const YAML = `name: steps
params: { n: 1 }
tasks:
  first: { run: 'echo line one; echo line two' }
  gate: { run: 'sleep 600', needs: [first], taskGroup: { name: gate } }
  last: { run: 'true', needs: [gate] }
  flaky: { run: 'false', retry: { max: 3, interval: 10m } }
`;
const at = (id: string): string => `2026-03-0${id}T00:00:00Z`;
const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
const idOf =
  (name: string) =>
  ({ body }: { body: unknown }): World => ({ [name]: Number(member(body, 'id')) });
const stateIs =
  (...states: string[]) =>
  (body: unknown): boolean =>
    states.includes(String(member(body, 'state')));
/** State of a task of a page of tasks. */
const stateOf = (body: unknown, index: number): unknown =>
  member(((member(body, 'items') ?? []) as unknown[])[index], 'state');
const refused = (id: string, status: number, more: Omit<Call, 'id' | 'status'> = {}): Call => ({ id, status, ...more });

function form(fields: Record<string, string>, zip?: Uint8Array<ArrayBuffer>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  if (zip !== undefined) data.set('file', new Blob([zip], { type: 'application/zip' }), 'w.zip');
  return data;
}

const direct = (workflowName: string) => ({ projectName: 'conform', workflowName, proxyUser: 'u', queue: 'q' });
const zip = new Uint8Array(
  zipOf([
    { name: 'workflow.json', content: JSON.stringify(PUBLISHED) },
    { name: 'a.txt', content: 'a' },
  ]),
);

const definitionsZip = new Uint8Array(
  zipOf([
    { name: 'imported.yaml', content: 'tasks: { a: { run: sh a.sh, files: [a.sh] } }' },
    { name: 'imported/a.sh', content: 'true' },
  ]),
);

/** The page for signing in, the document, the probes: what needs nobody. */
const OPEN: Step[] = [
  { id: 'livez', status: 200, token: null },
  refused('livez', 400, { query: { x: '1' } }),
  { id: 'readyz', status: 200, token: null },
  refused('readyz', 400, { query: { x: '1' } }),
  { id: 'getMetrics', status: 200 },
  refused('getMetrics', 401, { token: null }),
  { id: 'getOpenApi', status: 200, token: null, learn: ({ headers }) => ({ etag: headers.get('etag') ?? '' }) },
  ({ etag = '' }) => ({ id: 'getOpenApi', status: 304, headers: { 'if-none-match': String(etag) } }),
  refused('getOpenApi', 400, { query: { x: '1' } }),
  { id: 'getDocs', status: 200, token: null },
  refused('getDocs', 400, { query: { x: '1' } }),
  { id: 'getWorkflowSchema', status: 200, token: null },
  refused('getWorkflowSchema', 400, { query: { x: '1' } }),
  { id: 'getWorkerProtocolSchema', status: 200, token: null },
  refused('getWorkerProtocolSchema', 400, { query: { x: '1' } }),
  { id: 'getIndex', status: 200 },
  refused('getIndex', 401, { token: null }),
  { id: 'getSystem', status: 200 },
  refused('getSystem', 401, { token: 'pel_no' }),
];

const PEOPLE: Step[] = [
  { id: 'putUser', status: 201, path: { name: 'ann' }, json: { email: 'ann@example.org', password: PASSWORD } },
  { id: 'putUser', status: 200, path: { name: 'ann' }, json: { administrator: false } },
  refused('putUser', 400, { path: { name: 'ann' }, json: { password: 'short' } }),
  { id: 'listUsers', status: 200, query: { limit: '5' } },
  refused('listUsers', 400, { query: { limit: '0' } }),
  { id: 'getUser', status: 200, path: { name: 'ann' } },
  refused('getUser', 404, { path: { name: 'nobody' } }),
  { id: 'setPassword', status: 204, path: { name: 'ann' }, json: { new: PASSWORD } },
  refused('setPassword', 400, { path: { name: 'ann' }, json: {} }),
  {
    id: 'login',
    status: 200,
    token: null,
    json: { name: 'ann', password: PASSWORD },
    learn: ({ headers }) => ({ cookie: (headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '' }),
  },
  refused('login', 401, { token: null, json: { name: 'ann', password: 'wrong' } }),
  ({ cookie = '' }) => ({ id: 'getMe', status: 200, token: null, headers: { cookie: String(cookie) } }),
  refused('getMe', 401, { token: null }),
  ({ cookie = '' }) => ({
    id: 'listSessions',
    status: 200,
    path: { name: 'ann' },
    token: null,
    headers: { cookie: String(cookie) },
  }),
  refused('listSessions', 404, { path: { name: 'nobody' } }),
  ({ cookie = '', origin = '' }) => ({
    id: 'logout',
    status: 204,
    token: null,
    headers: { cookie: String(cookie), origin: String(origin) },
  }),
  refused('logout', 401, { token: null }),
  {
    id: 'createSignInLink',
    status: 201,
    path: { name: 'ann' },
    learn: ({ body }) => ({
      code: new URL(String(member(body, 'url')), 'http://x').searchParams.get('code') ?? String(member(body, 'code')),
    }),
  },
  refused('createSignInLink', 404, { path: { name: 'nobody' } }),
  ({ code = '' }) => ({ id: 'getStartPage', status: 200, token: null, query: { code: String(code) } }),
  ({ code = '' }) => ({ id: 'loginByCode', status: 200, token: null, json: { code } }),
  refused('loginByCode', 401, { token: null, json: { code: 'used' } }),
  {
    id: 'listSessions',
    status: 200,
    path: { name: 'ann' },
    learn: ({ body }) => ({ sessionId: Number(member((member(body, 'items') as unknown[])[0], 'id')) }),
  },
  ({ sessionId = 0 }) => ({ id: 'endSession', status: 204, path: { name: 'ann', id: sessionId } }),
  refused('endSession', 404, { path: { name: 'ann', id: 999_999 } }),
  { id: 'createToken', status: 201, json: { name: 'reader', perm: 'viewer' }, learn: idOf('tokenId') },
  refused('createToken', 400, { json: { name: '' } }),
  { id: 'listTokens', status: 200 },
  refused('listTokens', 400, { query: { limit: 'x' } }),
  ({ tokenId = 0 }) => ({ id: 'deleteToken', status: 204, path: { id: tokenId } }),
  refused('deleteToken', 404, { path: { id: 999_999 } }),
];

const PROJECT: Step[] = [
  { id: 'putProject', status: 201, path: P, json: { description: 'for conformity' } },
  { id: 'putProject', status: 200, path: P, json: {} },
  refused('putProject', 400, { path: { project: '1st' }, json: {} }),
  { id: 'listProjects', status: 200 },
  refused('listProjects', 401, { token: null }),
  { id: 'getProject', status: 200, path: P },
  refused('getProject', 404, { path: NOWHERE }),
  { id: 'putMember', status: 201, path: { ...P, user: 'ann' }, json: { perm: 'editor' } },
  { id: 'putMember', status: 200, path: { ...P, user: 'ann' }, json: { perm: 7 } },
  refused('putMember', 400, { path: { ...P, user: 'ann' }, json: { perm: 9 } }),
  { id: 'listMembers', status: 200, path: P },
  refused('listMembers', 404, { path: NOWHERE }),
  { id: 'deleteMember', status: 204, path: { ...P, user: 'ann' } },
  refused('deleteMember', 404, { path: { ...P, user: 'nobody' } }),
  { id: 'putProjectOwner', status: 200, path: P, json: { user: 'ann' } },
  refused('putProjectOwner', 400, { path: P, json: {} }),
  { id: 'putSecret', status: 201, path: { ...P, name: 'key' }, json: { value: 'open sesame' } },
  { id: 'putSecret', status: 200, path: { ...P, name: 'key' }, json: { value: 'open sesame now' } },
  refused('putSecret', 400, { path: { ...P, name: 'key' }, json: { value: 1 } }),
  { id: 'listSecrets', status: 200, path: P },
  refused('listSecrets', 404, { path: NOWHERE }),
  { id: 'getSecret', status: 200, path: { ...P, name: 'key' } },
  refused('getSecret', 404, { path: { ...P, name: 'none' } }),
  { id: 'deleteSecret', status: 204, path: { ...P, name: 'key' } },
  refused('deleteSecret', 404, { path: { ...P, name: 'key' } }),
  ({ directory = '' }) => ({
    id: 'putConnection',
    status: 201,
    path: { ...P, name: 'db' },
    json: { kind: 'sqlite', url: `sqlite:${directory}/x.db` },
  }),
  ({ directory = '' }) => ({
    id: 'putConnection',
    status: 200,
    path: { ...P, name: 'db' },
    json: { kind: 'sqlite', url: `sqlite:${directory}/y.db` },
  }),
  refused('putConnection', 400, { path: { ...P, name: 'db' }, json: { kind: 'mysql', url: 'sqlite:x' } }),
  { id: 'listConnections', status: 200, path: P },
  refused('listConnections', 404, { path: NOWHERE }),
  { id: 'getConnection', status: 200, path: { ...P, name: 'db' } },
  refused('getConnection', 404, { path: { ...P, name: 'none' } }),
  { id: 'testConnection', status: 200, path: { ...P, name: 'db' } },
  refused('testConnection', 404, { path: { ...P, name: 'none' } }),
  { id: 'deleteConnection', status: 204, path: { ...P, name: 'db' } },
  refused('deleteConnection', 404, { path: { ...P, name: 'db' } }),
  {
    id: 'putFile',
    status: 201,
    path: { ...P, path: 'lib/a.txt' },
    body: { type: 'application/octet-stream', content: new Uint8Array([1, 2, 3, 4]) },
    learn: ({ headers }) => ({ fileTag: headers.get('etag') ?? '' }),
  },
  {
    id: 'putFile',
    status: 200,
    path: { ...P, path: 'lib/a.txt' },
    body: { type: 'application/octet-stream', content: new Uint8Array([1, 2, 3, 5]) },
  },
  refused('putFile', 412, {
    path: { ...P, path: 'lib/a.txt' },
    headers: { 'if-match': '"other"' },
    body: { type: 'application/octet-stream', content: new Uint8Array([9]) },
  }),
  { id: 'listFiles', status: 200, path: P },
  refused('listFiles', 404, { path: NOWHERE }),
  {
    id: 'getFile',
    status: 200,
    path: { ...P, path: 'lib/a.txt' },
    learn: ({ headers }) => ({ fileTag: headers.get('etag') ?? '' }),
  },
  { id: 'getFile', status: 206, path: { ...P, path: 'lib/a.txt' }, headers: { range: 'bytes=1-2' } },
  ({ fileTag = '' }) => ({
    id: 'getFile',
    status: 304,
    path: { ...P, path: 'lib/a.txt' },
    headers: { 'if-none-match': String(fileTag) },
  }),
  refused('getFile', 404, { path: { ...P, path: 'none' } }),
  { id: 'deleteFile', status: 204, path: { ...P, path: 'lib/a.txt' } },
  refused('deleteFile', 404, { path: { ...P, path: 'lib/a.txt' } }),
];

const FLEET: Step[] = [
  { id: 'putTaskGroup', status: 201, path: { name: 'gate' }, json: { size: 5 } },
  { id: 'putTaskGroup', status: 200, path: { name: 'gate' }, json: { size: 4 } },
  refused('putTaskGroup', 400, { path: { name: 'gate' }, json: { size: -1 } }),
  { id: 'listTaskGroups', status: 200 },
  refused('listTaskGroups', 401, { token: null }),
  { id: 'getTaskGroup', status: 200, path: { name: 'gate' } },
  refused('getTaskGroup', 404, { path: { name: 'none' } }),
  { id: 'putTaskGroup', status: 201, path: { name: 'gone' }, json: { size: 1 } },
  { id: 'deleteTaskGroup', status: 204, path: { name: 'gone' } },
  refused('deleteTaskGroup', 404, { path: { name: 'gone' } }),
  { id: 'putEnvironment', status: 201, path: { name: 'env' }, json: { variables: { A: '1' } } },
  { id: 'putEnvironment', status: 200, path: { name: 'env' }, json: { variables: { A: '2' }, description: 'x' } },
  refused('putEnvironment', 400, { path: { name: 'env' }, json: { variables: { PELORUS_X: '1' } } }),
  { id: 'listEnvironments', status: 200 },
  refused('listEnvironments', 401, { token: null }),
  { id: 'getEnvironment', status: 200, path: { name: 'env' } },
  refused('getEnvironment', 404, { path: { name: 'none' } }),
  { id: 'deleteEnvironment', status: 204, path: { name: 'env' } },
  refused('deleteEnvironment', 404, { path: { name: 'env' } }),
  { id: 'putWorkerGroup', status: 201, path: { name: 'big' }, json: { description: 'large machines' } },
  { id: 'putWorkerGroup', status: 200, path: { name: 'big' }, json: { description: 'larger' } },
  refused('putWorkerGroup', 400, { path: { name: 'big' }, json: { description: 1 } }),
  { id: 'listWorkerGroups', status: 200 },
  refused('listWorkerGroups', 401, { token: null }),
  { id: 'getWorkerGroup', status: 200, path: { name: 'big' } },
  refused('getWorkerGroup', 404, { path: { name: 'none' } }),
  { id: 'deleteWorkerGroup', status: 204, path: { name: 'big' } },
  refused('deleteWorkerGroup', 404, { path: { name: 'big' } }),
  {
    id: 'listWorkers',
    status: 200,
    until: (body) => ((member(body, 'items') ?? []) as unknown[]).length > 0,
    learn: ({ body }) => ({ worker: String(member(((member(body, 'items') ?? []) as unknown[])[0], 'id')) }),
  },
  refused('listWorkers', 401, { token: null }),
  { id: 'listMasters', status: 200 },
  refused('listMasters', 401, { token: null }),
  ({ worker = '' }) => ({ id: 'getWorker', status: 200, path: { worker } }),
  refused('getWorker', 404, { path: { worker: 'none' } }),
  ({ worker = '' }) => ({ id: 'drainWorker', status: 202, path: { worker }, json: {} }),
  refused('drainWorker', 404, { path: { worker: 'none' }, json: {} }),
  ({ worker = '' }) => ({ id: 'undrainWorker', status: 202, path: { worker } }),
  refused('undrainWorker', 404, { path: { worker: 'none' } }),
  ({ hook = '' }) => ({
    id: 'putChannel',
    status: 201,
    path: { name: 'ops' },
    json: { kind: 'webhook', target: hook },
  }),
  ({ hook = '' }) => ({
    id: 'putChannel',
    status: 200,
    path: { name: 'ops' },
    json: { kind: 'webhook', target: hook, events: ['run-failed'] },
  }),
  refused('putChannel', 400, { path: { name: 'ops' }, json: { kind: 'pigeon', target: 'x' } }),
  { id: 'listChannels', status: 200 },
  refused('listChannels', 401, { token: null }),
  { id: 'getChannel', status: 200, path: { name: 'ops' } },
  refused('getChannel', 404, { path: { name: 'none' } }),
  { id: 'testChannel', status: 200, path: { name: 'ops' } },
  refused('testChannel', 404, { path: { name: 'none' } }),
];

const WORKFLOWS: Step[] = [
  { id: 'validateWorkflow', status: 200, path: W, body: { type: 'application/yaml', content: YAML } },
  refused('validateWorkflow', 422, { path: W, json: { name: 'steps', tasks: { a: { run: 'x', needs: ['b'] } } } }),
  { id: 'putWorkflow', status: 201, path: W, body: { type: 'application/yaml', content: YAML } },
  {
    id: 'putWorkflow',
    status: 200,
    path: W,
    body: {
      type: 'application/vnd.pelorus.bundle+json',
      content: JSON.stringify({
        source: `${YAML}labels: { a: b }\n`,
        format: 'yaml',
        files: [{ name: 'a.txt', base64: 'YQ==' }],
      }),
    },
  },
  refused('putWorkflow', 422, { path: W, body: { type: 'application/yaml', content: 'name: x' } }),
  refused('putWorkflow', 415, { path: W, body: { type: 'text/plain', content: 'x' } }),
  { id: 'listWorkflows', status: 200, query: { project: 'conform', limit: '1' } },
  refused('listWorkflows', 404, { query: { project: 'nowhere' } }),
  { id: 'getWorkflow', status: 200, path: W },
  refused('getWorkflow', 404, { path: { ...P, workflow: 'none' } }),
  { id: 'listVersions', status: 200, path: W },
  refused('listVersions', 404, { path: { ...P, workflow: 'none' } }),
  { id: 'getVersion', status: 200, path: { ...W, version: 1 } },
  refused('getVersion', 404, { path: { ...W, version: 99 } }),
  { id: 'diffVersions', status: 200, path: { ...W, version: 1, other: 2 } },
  refused('diffVersions', 404, { path: { ...W, version: 1, other: 99 } }),
  { id: 'exportWorkflow', status: 200, path: W, query: { version: '1' } },
  refused('exportWorkflow', 404, { path: W, query: { version: '99' } }),
  { id: 'exportProject', status: 200, path: P, query: { workflows: 'steps' } },
  refused('exportProject', 404, { path: P, query: { workflows: 'steps,none' } }),
  {
    id: 'importProject',
    status: 200,
    path: P,
    query: { dryRun: 'true' },
    body: { type: 'application/yaml', content: `${YAML}---\nname: broken\n` },
  },
  { id: 'importProject', status: 200, path: P, body: { type: 'application/zip', content: definitionsZip } },
  refused('importProject', 422, { path: P, body: { type: 'application/yaml', content: 'name: x' } }),
  refused('importProject', 422, { path: P, json: [{ name: 'x' }] }),
  refused('importProject', 422, { path: P, body: { type: 'application/zip', content: zip.subarray(1) } }),
  { id: 'deleteWorkflow', status: 204, path: { ...P, workflow: 'imported' } },
  { id: 'rollbackWorkflow', status: 200, path: W, json: { version: 1 } },
  refused('rollbackWorkflow', 404, { path: W, json: { version: 99 } }),
  refused('rollbackWorkflow', 412, { path: W, headers: { 'if-match': '"other"' }, json: { version: 1 } }),
  {
    id: 'putWorkflow',
    status: 201,
    path: { ...P, workflow: 'gone' },
    json: { name: 'gone', tasks: { a: { type: 'virtual' } } },
  },
  { id: 'deleteWorkflow', status: 204, path: { ...P, workflow: 'gone' } },
  refused('deleteWorkflow', 404, { path: { ...P, workflow: 'gone' } }),
];

const RUNS: Step[] = [
  { id: 'postRun', status: 200, query: { dryRun: 'true' }, json: W },
  {
    id: 'postRun',
    status: 201,
    json: { ...W, params: { n: 2 }, notifyType: 'ALL', notifyMails: ['ops'] },
    headers: { 'idempotency-key': 'once' },
    learn: idOf('run'),
  },
  refused('postRun', 400, { json: { project: 'conform' } }),
  refused('postRun', 404, { json: { ...W, workflow: 'none' } }),
  // The worker is at work now: `first` has ended, `gate` sleeps.
  ({ run = 0 }) => ({
    id: 'getTasks',
    status: 200,
    path: { run },
    until: (body) => stateOf(body, 1) === 'running',
  }),
  ({ run = 0 }) => ({ id: 'getTasks', status: 200, path: { run }, query: { limit: '1' } }),
  refused('getTasks', 404, { path: { run: 999_999 } }),
  { id: 'listRuns', status: 200, query: { project: 'conform', state: ['running', 'queued'], limit: '1' } },
  refused('listRuns', 400, { query: { state: 'odd' } }),
  { id: 'getRunStats', status: 200, query: { project: 'conform', workflow: 'step*', tasks: 'true' } },
  refused('getRunStats', 400, { query: { bucketMs: '1000' } }),
  { id: 'getWorkflowHistory', status: 200, path: W, query: { limit: '1' } },
  refused('getWorkflowHistory', 404, { path: { ...W, workflow: 'none' } }),
  ({ run = 0 }) => ({ id: 'getRun', status: 200, path: { run } }),
  refused('getRun', 400, { path: { run: 'x' } }),
  ({ run = 0 }) => ({ id: 'getPlan', status: 200, path: { run } }),
  refused('getPlan', 404, { path: { run: 999_999 } }),
  ({ run = 0 }) => ({ id: 'getLive', status: 200, path: { run } }),
  refused('getLive', 404, { path: { run: 999_999 } }),
  ({ run = 0 }) => ({
    id: 'queryExecutingWorkflow',
    status: 200,
    path: { projectCode: 'conform' },
    query: { id: String(run) },
  }),
  refused('queryExecutingWorkflow', 404, { path: { projectCode: 'conform' }, query: { id: '999999' } }),
  ({ run = 0 }) => ({ id: 'getRunEvents', status: 200, path: { run } }),
  refused('getRunEvents', 404, { path: { run: 999_999 } }),
  { id: 'getEvents', status: 200, query: { project: 'conform' } },
  refused('getEvents', 404, { query: { project: 'nowhere' } }),
  ({ run = 0 }) => ({
    id: 'getAttemptLogs',
    status: 200,
    path: { attempt: `${run}.0.1` },
    until: (body) => Number(member(body, 'total')) >= 2,
  }),
  ({ run = 0 }) => ({
    id: 'getAttemptLogs',
    status: 200,
    path: { attempt: `${run}.0.1` },
    query: { query: 're:two$', size: '1' },
  }),
  refused('getAttemptLogs', 404, { path: { attempt: '999999.0.1' } }),
  ({ run = 0 }) => ({
    id: 'getAttemptLogs',
    status: 200,
    path: { attempt: `${run}.0.1` },
    query: { follow: 'true' },
  }),
  ({ run = 0 }) => ({ id: 'downloadAttemptLogs', status: 200, path: { attempt: `${run}.0.1` } }),
  refused('downloadAttemptLogs', 404, { path: { attempt: '999999.0.1' } }),
  ({ run = 0 }) => ({ id: 'pauseRun', status: 202, path: { run }, query: { wait: '30000' } }),
  refused('pauseRun', 404, { path: { run: 999_999 } }),
  ({ run = 0 }) => ({ id: 'resumeRun', status: 202, path: { run }, query: { wait: '30000' } }),
  refused('resumeRun', 404, { path: { run: 999_999 } }),
  ({ run = 0 }) => ({ id: 'killTask', status: 202, path: { run, task: 'gate' }, query: { wait: '30000' } }),
  ({ run = 0 }) => refused('killTask', 404, { path: { run, task: 'none' } }),
  ({ run = 0 }) => ({
    id: 'getRun',
    status: 200,
    path: { run },
    until: stateIs('failed', 'stopped', 'dependency_failed'),
  }),
  ({ run = 0 }) => ({ id: 'getRunEvents', status: 200, path: { run } }),
  ({ run = 0 }) => ({ id: 'rerunRun', status: 200, path: { run }, query: { dryRun: 'true' }, json: {} }),
  ({ run = 0 }) => ({
    id: 'rerunRun',
    status: 201,
    path: { run },
    json: { from: 'gate', version: 'latest' },
    learn: idOf('again'),
  }),
  ({ again = 0 }) => refused('rerunRun', 409, { path: { run: again }, json: {} }),
  ({ again = 0 }) => ({
    id: 'getTasks',
    status: 200,
    path: { run: again },
    until: (body) => stateOf(body, 1) === 'running',
  }),
  ({ again = 0 }) => ({ id: 'stopRun', status: 202, path: { run: again }, query: { wait: '30000' } }),
  ({ again = 0 }) => ({ id: 'getRun', status: 200, path: { run: again }, until: stateIs('stopped') }),
  ({ again = 0 }) => refused('stopRun', 409, { path: { run: again } }),
  ({ run = 0 }) => ({ id: 'repeatRun', status: 200, path: { run }, query: { dryRun: 'true' } }),
  ({ run = 0 }) => ({ id: 'repeatRun', status: 201, path: { run }, learn: idOf('repeated') }),
  refused('repeatRun', 404, { path: { run: 999_999 } }),
  ({ repeated = 0 }) => ({
    id: 'getTasks',
    status: 200,
    path: { run: repeated },
    until: (body) => stateOf(body, 1) === 'running' && stateOf(body, 3) === 'retry_wait',
  }),
  ({ repeated = 0 }) => ({
    id: 'forceTaskSuccess',
    status: 202,
    path: { run: repeated, task: 'flaky' },
    query: { wait: '30000' },
  }),
  ({ repeated = 0 }) => refused('forceTaskSuccess', 404, { path: { run: repeated, task: 'none' } }),
  { id: 'listAlerts', status: 200, until: (body) => ((member(body, 'items') ?? []) as unknown[]).length > 0 },
  refused('listAlerts', 400, { query: { state: 'odd' } }),
  { id: 'deleteChannel', status: 204, path: { name: 'ops' } },
  refused('deleteChannel', 404, { path: { name: 'ops' } }),
];

const MANY: Step[] = [
  {
    id: 'postBackfill',
    status: 200,
    query: { dryRun: 'true' },
    json: { ...W, startDate: at('1'), endDate: at('3'), crontab: '0 0 * * *' },
  },
  { id: 'postBackfill', status: 201, json: { ...W, dates: [at('1'), at('2')] }, learn: idOf('backfill') },
  refused('postBackfill', 400, { json: W }),
  { id: 'listBackfills', status: 200, query: { project: 'conform' } },
  refused('listBackfills', 404, { query: { project: 'nowhere' } }),
  ({ backfill = 0 }) => ({ id: 'getBackfill', status: 200, path: { backfill } }),
  refused('getBackfill', 404, { path: { backfill: 999_999 } }),
  ({ backfill = 0 }) => ({
    id: 'getBackfill',
    status: 200,
    path: { backfill },
    query: { state: 'pending', limit: '1' },
  }),
  ({ backfill = 0 }) => ({ id: 'pauseBackfill', status: 202, path: { backfill } }),
  refused('pauseBackfill', 404, { path: { backfill: 999_999 } }),
  ({ backfill = 0 }) => ({ id: 'resumeBackfill', status: 202, path: { backfill } }),
  refused('resumeBackfill', 404, { path: { backfill: 999_999 } }),
  ({ backfill = 0 }) => ({ id: 'stopBackfill', status: 202, path: { backfill } }),
  refused('stopBackfill', 404, { path: { backfill: 999_999 } }),
  ({ backfill = 0 }) => ({ id: 'getBackfillEvents', status: 200, path: { backfill } }),
  refused('getBackfillEvents', 404, { path: { backfill: 999_999 } }),
  ({ backfill = 0 }) => ({ id: 'getBackfill', status: 200, path: { backfill }, until: stateIs('stopped') }),
  ({ backfill = 0 }) => ({ id: 'retryBackfill', status: 202, path: { backfill } }),
  refused('retryBackfill', 404, { path: { backfill: 999_999 } }),
  ({ run = 0 }) => ({
    id: 'postBulkRuns',
    status: 200,
    query: { dryRun: 'true' },
    json: { action: 'stop', ids: [run] },
  }),
  ({ repeated = 0, run = 0 }) => ({
    id: 'postBulkRuns',
    status: 202,
    json: { action: 'stop', ids: [repeated, run, 999_999] },
    learn: idOf('bulk'),
  }),
  refused('postBulkRuns', 400, { json: { action: 'explode', ids: [1] } }),
  { id: 'listBulk', status: 200 },
  refused('listBulk', 400, { query: { limit: '0' } }),
  ({ bulk = 0 }) => ({ id: 'getBulk', status: 200, path: { operation: bulk }, until: stateIs('ended') }),
  refused('getBulk', 404, { path: { operation: 999_999 } }),
];

const TICKING = { ...P, workflow: 'ticking' };
const CALM = { ...P, workflow: 'calm' };
const S = { ...TICKING, schedule: 'nightly' };
const D = { ...W, deadline: 'by-six' };
const ICS =
  'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260501\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n';
const items = (body: unknown): unknown[] => (member(body, 'items') ?? []) as unknown[];

const SCHEDULES: Step[] = [
  { id: 'putCalendar', status: 201, path: { name: 'may' }, body: { type: 'text/calendar', content: ICS } },
  {
    id: 'putCalendar',
    status: 200,
    path: { name: 'may' },
    query: { description: 'days off' },
    body: { type: 'text/csv', content: 'date,name\n2026-05-01,Labour Day\n' },
  },
  { id: 'putCalendar', status: 200, path: { name: 'may' }, json: { days: ['2026-05-01', '2026-05-02'] } },
  refused('putCalendar', 400, { path: { name: 'may' }, body: { type: 'text/calendar', content: 'x' } }),
  { id: 'listCalendars', status: 200 },
  refused('listCalendars', 401, { token: null }),
  { id: 'getCalendar', status: 200, path: { name: 'may' } },
  refused('getCalendar', 404, { path: { name: 'none' } }),
  {
    id: 'previewSchedule',
    status: 200,
    json: { cron: '0 0 6 ? * MON-FRI', zone: 'Europe/Berlin', calendar: 'may', onHoliday: 'shift_next', n: 3 },
  },
  { id: 'previewSchedule', status: 200, json: { cron: 'soon', zone: 'Mars/Phobos', start: 'x' } },
  refused('previewSchedule', 400, { json: { n: 0 } }),
  ...[TICKING, CALM].map((path): Call => ({
    ...{ id: 'putWorkflow', status: 201, path },
    json: { name: path.workflow, params: { n: 1 }, tasks: { a: { type: 'virtual' } } },
  })),
  { id: 'putDefaultSchedule', status: 201, path: CALM, json: { cron: '0 6 1 1 *', online: true } },
  refused('deleteWorkflow', 412, { path: CALM }),
  { id: 'takeDefaultScheduleOffline', status: 200, path: CALM },
  { id: 'deleteWorkflow', status: 204, path: CALM },
  {
    id: 'putSchedule',
    status: 201,
    path: S,
    json: { cron: '0/1 * * * * ?', params: { n: 3 }, calendar: 'may', notifyMails: ['ops'], priority: 'high' },
  },
  refused('putSchedule', 400, { path: S, json: { cron: '61 * * * *' } }),
  refused('putSchedule', 412, { path: S, headers: { 'if-match': '"9"' }, json: { cron: '0 6 * * *' } }),
  { id: 'takeScheduleOnline', status: 200, path: S },
  // It fires each second; the master decides within a moment.
  { id: 'listScheduleTicks', status: 200, path: S, until: (body) => items(body).length > 0 },
  refused('takeScheduleOnline', 404, { path: { ...S, schedule: 'none' } }),
  { id: 'takeScheduleOffline', status: 200, path: S },
  refused('takeScheduleOffline', 404, { path: { ...S, schedule: 'none' } }),
  { id: 'putSchedule', status: 200, path: S, json: { cron: '0 6 * * *', end: '2030-01-01', dependsOn: ['other'] } },
  { id: 'getSchedule', status: 200, path: S },
  refused('getSchedule', 404, { path: { ...S, schedule: 'none' } }),
  { id: 'listSchedules', status: 200, query: { project: 'conform', q: 'NIGHT', limit: '1' } },
  refused('listSchedules', 404, { query: { project: 'nowhere' } }),
  { id: 'listScheduleTicks', status: 200, path: S, query: { limit: '2' } },
  refused('listScheduleTicks', 404, { path: { ...S, schedule: 'none' } }),
  { id: 'getSchedulePreview', status: 200, path: S, query: { count: '3' } },
  refused('getSchedulePreview', 400, { path: S, query: { count: '1001' } }),
  { id: 'deleteSchedule', status: 204, path: S },
  refused('deleteSchedule', 404, { path: S }),
  { id: 'putDefaultSchedule', status: 201, path: W, json: { cron: '0 6 * * *', timezone: 'Asia/Shanghai' } },
  { id: 'putDefaultSchedule', status: 200, path: W, json: { cron: '0 7 * * *', timezone: 'Asia/Shanghai' } },
  refused('putDefaultSchedule', 400, { path: W, json: { cron: 'daily' } }),
  { id: 'takeDefaultScheduleOnline', status: 200, path: W },
  refused('takeDefaultScheduleOnline', 404, { path: { ...P, workflow: 'none' } }),
  { id: 'takeDefaultScheduleOffline', status: 200, path: W },
  refused('takeDefaultScheduleOffline', 404, { path: { ...P, workflow: 'none' } }),
  { id: 'getDefaultSchedule', status: 200, path: W },
  refused('getDefaultSchedule', 404, { path: { ...P, workflow: 'none' } }),
  { id: 'getDefaultSchedulePreview', status: 200, path: W },
  refused('getDefaultSchedulePreview', 400, { path: W, query: { count: '0' } }),
  { id: 'listDefaultScheduleTicks', status: 200, path: W },
  refused('listDefaultScheduleTicks', 400, { path: W, query: { cursor: 'odd' } }),
  { id: 'deleteDefaultSchedule', status: 204, path: W },
  refused('deleteDefaultSchedule', 404, { path: W }),
  { id: 'deleteCalendar', status: 204, path: { name: 'may' } },
  refused('deleteCalendar', 404, { path: { name: 'may' } }),
  { id: 'putDeadline', status: 201, path: D, json: { cron: '0 6 * * *', zone: 'Asia/Shanghai', task: 'first' } },
  { id: 'putDeadline', status: 200, path: D, json: { cron: '0 7 * * *', recipients: ['ops'] } },
  refused('putDeadline', 400, { path: D, json: { cron: '0 6 * * *', task: 'none' } }),
  { id: 'listDeadlines', status: 200, path: W },
  { id: 'listAllDeadlines', status: 200, query: { enabled: 'true', limit: '1' } },
  refused('listAllDeadlines', 400, { query: { cursor: 'nope' } }),
  refused('listDeadlines', 404, { path: { ...P, workflow: 'none' } }),
  { id: 'getDeadline', status: 200, path: D },
  refused('getDeadline', 404, { path: { ...D, deadline: 'none' } }),
  { id: 'deleteDeadline', status: 204, path: D },
  refused('deleteDeadline', 404, { path: D }),
  { id: 'putMaintenance', status: 200, json: { paused: true, reason: 'new disks' } },
  { id: 'getMaintenance', status: 200 },
  refused('getMaintenance', 401, { token: null }),
  { id: 'putMaintenance', status: 200, json: { paused: false } },
  refused('putMaintenance', 400, { json: {} }),
];

const PUBLISHED_CONTRACT: Step[] = [
  {
    id: 'runWorkflow',
    status: 201,
    body: {
      type: JSON_TYPE,
      content: JSON.stringify({ projectName: 'conform', workflowName: 'steps', execType: 'DIRECT', nodeName: 'first' }),
    },
  },
  {
    id: 'runWorkflow',
    status: 201,
    body: {
      type: 'application/x-www-form-urlencoded',
      content: new URLSearchParams({
        projectName: 'conform',
        workflowName: 'steps',
        execType: 'DIRECT',
        startParams: '{"n":5}',
        nodeName: 'first',
      }),
    },
  },
  {
    id: 'runWorkflow',
    status: 201,
    query: { projectName: 'conform', workflowName: 'steps', execType: 'DIRECT', nodeName: 'first' },
  },
  {
    id: 'runWorkflow',
    status: 201,
    body: {
      type: 'multipart/form-data',
      content: form({
        projectName: 'conform',
        workflowName: 'steps',
        execType: 'COMPLEMENT_DATA',
        nodeName: 'first',
        schedule: '{"startDate":1772323200000,"endDate":1772409600000,"crontab":"0 0 * * *"}',
      }),
    },
  },
  refused('runWorkflow', 400, { json: { projectName: 'conform' } }),
  {
    id: 'runDirect',
    status: 201,
    body: {
      type: 'multipart/form-data',
      content: form({ ...direct('one'), data: JSON.stringify(PUBLISHED), extras: '{"ticket":7}' }),
    },
    learn: ({ body }) => ({ exec: Number(member(body, 'execId')) }),
  },
  { id: 'runDirect', status: 201, body: { type: 'multipart/form-data', content: form(direct('two'), zip) } },
  refused('runDirect', 409, { json: { ...direct('one'), data: PUBLISHED } }),
  refused('runDirect', 422, { json: { ...direct('three'), data: { nodes: [{ name: 'x', type: 'ODD' }] } } }),
  {
    id: 'listExecutions',
    status: 200,
    query: { projectName: '["conf"]', status: '[0,3,4,5,6]', from: '0', size: '5' },
  },
  refused('listExecutions', 400, { query: { status: '[99]' } }),
  ({ exec = 0 }) => ({
    id: 'getExecution',
    status: 200,
    path: { execId: exec },
    until: (body) => member((body as unknown[])[0], 'status') === 4,
  }),
  refused('getExecution', 404, { path: { execId: 999_999 } }),
  ({ exec = 0 }) => ({
    id: 'getExecutionLogs',
    status: 200,
    path: { jobId: `${exec}.0.1` },
    until: (body) => Number(member(body, 'total')) > 0,
  }),
  refused('getExecutionLogs', 404, { path: { jobId: 'x' } }),
  { id: 'postRun', status: 201, json: W, learn: idOf('victim') },
  ({ victim = 0 }) => ({ id: 'killExecution', status: 201, path: { execId: victim }, query: { wait: '30000' } }),
  ({ exec = 0 }) => refused('killExecution', 409, { path: { execId: exec } }),
];

const END: Step[] = [
  { id: 'listAudit', status: 200, query: { limit: '5', project: 'conform' } },
  refused('listAudit', 400, { query: { outcome: 'odd' } }),
  { id: 'putProject', status: 201, path: { project: 'empty' }, json: {} },
  { id: 'deleteProject', status: 204, path: { project: 'empty' } },
  refused('deleteProject', 412, { path: P }),
];

export const STEPS: readonly Step[] = [
  ...OPEN,
  ...PEOPLE,
  // A connection is tested on a worker, which must be there.
  ...FLEET,
  ...PROJECT,
  ...WORKFLOWS,
  ...RUNS,
  ...MANY,
  ...SCHEDULES,
  ...PUBLISHED_CONTRACT,
  ...END,
];
