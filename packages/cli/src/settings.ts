/**
 * What can be configured, one row each, and the rule by which a value is chosen: flag > environment > pelorus.config.yaml >
 * default. In the file the key is the environment's name in words: `PELORUS_WORKER_MAX_LOAD` is `worker: { maxLoad: … }`,
 * `PELORUS_ADMIN_TOKEN` is `adminToken: …`.
 */
import { nearest, parseDuration } from '@pelorus/protocol/vocabulary';
import { isIP } from 'node:net';

export interface SettingRow {
  environment: string;
  /** Path in pelorus.config.yaml. */
  path: string[];
  /** Null: none; derived ones say how in `describe`. */
  fallback: string | null;
  /** It can be in a file that `<environment>_FILE` names, and is not shown. */
  secret: boolean;
  /** What may be shown of a secret; default: only that it is set. */
  shown?: (text: string) => string;
  /** Why the text is not acceptable, or null. */
  refuse: (text: string) => string | null;
  describe: string;
}

const anything = (): null => null;
const oneOf =
  (...words: string[]) =>
  (text: string): string | null =>
    words.includes(text) ? null : `must be one of ${words.join(', ')}`;

/** First words that many settings share. */
const GROUPS = new Set(['worker', 'log', 'alert', 'audit', 'tls']);

export const SETTINGS = {
  server: row('PELORUS_SERVER', 'http://127.0.0.1:8080', 'the server that the commands talk to', httpUrl),
  token: secret('PELORUS_TOKEN', 'the bearer token that the commands present', anything),
  data: row(
    'PELORUS_DATA',
    './.pelorus',
    'directory of `pelorus dev` and of each `pelorus worker`: logs, work directories, server.json',
    notEmpty,
  ),
  store: {
    ...secret(
      'PELORUS_STORE',
      'where everything is remembered: sqlite:<folder>/pelorus.db, or postgres://user:password@host/database for several processes; default: sqlite:<data>/pelorus.db',
      storeUrl,
    ),
    shown: withoutPassword,
  },
  host: row('PELORUS_HOST', '127.0.0.1', 'address that `pelorus dev` and `pelorus api` listen on', notEmpty),
  port: row(
    'PELORUS_PORT',
    '8080',
    'port that `pelorus dev` and `pelorus api` listen on; taken: `pelorus dev` takes the next free one',
    portNumber,
  ),
  listen: row('PELORUS_LISTEN', '127.0.0.1:8090', 'where a master listens for workers', hostAndPort),
  masters: row(
    'PELORUS_MASTERS',
    null,
    'the masters that a worker dials: ws://host:port or wss://host:port, separated by commas; of a name all addresses',
    masterUrls,
  ),
  workerToken: secret(
    'PELORUS_WORKER_TOKEN',
    'what workers present to masters, at least 32 characters; a master takes any of several, separated by commas',
    tokens,
  ),
  ops: row('PELORUS_OPS', '127.0.0.1:8091', 'where a master or worker listens for operators and APIs', hostAndPort),
  opsToken: secret(
    'PELORUS_OPS_TOKEN',
    'what opens the operations port, at least 32 characters; the same for masters and APIs; of a worker, its tasks could read it',
    longEnough,
  ),
  opsUrl: row('PELORUS_OPS_URL', null, 'how APIs reach this master; default: http://<PELORUS_OPS>', httpUrl),
  tlsCert: row(
    'PELORUS_TLS_CERT',
    null,
    'file (PEM) with the certificate of a master or worker and its chain',
    notEmpty,
  ),
  tlsKey: row('PELORUS_TLS_KEY', null, 'file (PEM) with the private key of that certificate', notEmpty),
  tlsCa: row(
    'PELORUS_TLS_CA',
    null,
    'file (PEM) with the authority of the other side: of a master for workers; set on a master, workers must have a certificate',
    notEmpty,
  ),
  masterLease: row(
    'PELORUS_MASTER_LEASE',
    '15s',
    'how long a master may be silent before another one takes its runs; the same for all processes of a cluster',
    lease,
  ),
  dispatchSelector: row(
    'PELORUS_DISPATCH_SELECTOR',
    'lower_weight',
    'how a master chooses among workers with free slots',
    oneOf('lower_weight', 'random', 'round_robin'),
  ),
  drain: row('PELORUS_DRAIN', '30s', 'how long a worker that is told to end waits for its tasks', drainTime),
  adminToken: secret(
    'PELORUS_ADMIN_TOKEN',
    'bearer token of the administrator, for automation; default: one made for each data directory',
    longEnough,
  ),
  trustedProxies: row(
    'PELORUS_TRUSTED_PROXIES',
    null,
    'addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by commas',
    addresses,
  ),
  auditDays: row('PELORUS_AUDIT_DAYS', '400', 'how long rows of the audit are kept', positiveInteger),
  auditRows: row('PELORUS_AUDIT_ROWS', '10000000', 'how many rows of the audit are kept at most', manyAtLeast1000),
  secretKey: secret(
    'PELORUS_SECRET_KEY',
    'encrypts stored secrets: 32 bytes in base64 or 32 characters and more; several, separated by commas: the first encrypts, all decrypt; default: one made for each data directory',
    secretKeys,
  ),
  workerName: row(
    'PELORUS_WORKER_NAME',
    null,
    'under which people know a worker; default: the name of its host',
    workerName,
  ),
  workerSlots: row('PELORUS_WORKER_SLOTS', '100', 'how many tasks the worker runs side by side', positiveInteger),
  workerGroups: row('PELORUS_WORKER_GROUPS', 'default', 'worker groups, separated by commas', notEmpty),
  workerMaxLoad: row(
    'PELORUS_WORKER_MAX_LOAD',
    null,
    'load average above which the worker takes nothing new; -1: twice the cores; default: no limit in `pelorus dev`, -1 in `pelorus worker`',
    loadAverage,
  ),
  workerReservedMemory: row(
    'PELORUS_WORKER_RESERVED_MEMORY',
    '0.3',
    'GiB of free memory below which the worker takes nothing new',
    gibibytes,
  ),
  workerTaskMemory: row(
    'PELORUS_WORKER_TASK_MEMORY',
    null,
    'GiB of memory that one task may take; default: what is not reserved, which all share',
    someGibibytes,
  ),
  workerTaskProcesses: row(
    'PELORUS_WORKER_TASK_PROCESSES',
    '4096',
    'processes and threads that one task may have at a time',
    positiveInteger,
  ),
  workerTaskFiles: row(
    'PELORUS_WORKER_TASK_FILES',
    '65536',
    'files that a process of a task may have open',
    positiveInteger,
  ),
  workerTaskDisk: row(
    'PELORUS_WORKER_TASK_DISK',
    '20',
    'GiB that one task may put into its work directory',
    someGibibytes,
  ),
  workerHeartbeat: row(
    'PELORUS_WORKER_HEARTBEAT',
    '4s',
    'how often the worker tells the master that it lives',
    heartbeat,
  ),
  alertSmtp: secret(
    'PELORUS_ALERT_SMTP',
    'mail server for alerts: smtp://user:password@host:port or smtps://…; default: none, mails fail with that reason',
    smtpUrl,
  ),
  alertFrom: row(
    'PELORUS_ALERT_FROM',
    'Pelorus <pelorus@localhost>',
    'what mails about runs say they are from',
    notEmpty,
  ),
  publicUrl: row('PELORUS_PUBLIC_URL', null, 'under which people reach this server; alerts name it', httpUrl),
  logStore: row(
    'PELORUS_LOG_STORE',
    null,
    'where task logs are kept: dir:<folder>, s3://<bucket>/<prefix>?endpoint=…&region=… or database; default: dir:<data>/logs in `pelorus dev`, database in a cluster',
    logPlace,
  ),
  logS3Key: secret('PELORUS_LOG_S3_KEY', 'access key of the object store for logs', notEmpty),
  logS3Secret: secret('PELORUS_LOG_S3_SECRET', 'secret key of the object store for logs', notEmpty),
  logRetention: row(
    'PELORUS_LOG_RETENTION',
    '90d',
    'how long logs are kept after the end of their run, at least 24h',
    atLeastADay,
  ),
  logLevel: row(
    'PELORUS_LOG_LEVEL',
    'info',
    'how much the services log',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  ),
  logFormat: row('PELORUS_LOG_FORMAT', null, 'pretty or json; default: pretty on a terminal', oneOf('pretty', 'json')),
} satisfies Record<string, SettingRow>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export type SettingSource =
  | 'flag'
  | 'environment'
  | 'environment file'
  | 'pelorus.config.yaml'
  | 'pelorus login'
  | 'server.json'
  | 'default';
export interface Setting {
  value: string | null;
  source: SettingSource;
}
export type Settings = Record<SettingName, Setting>;

/** Values found in one place, by setting. */
export type Given = Partial<Record<SettingName, string>>;

export interface SettingProblem {
  /** Where: `--port`, `PELORUS_PORT`, `port in pelorus.config.yaml`. */
  where: string;
  message: string;
}

/** The first of `layers` that has a value wins; then the default. Every value that is not acceptable is a problem. */
export function resolveSettings(layers: { source: SettingSource; given: Given }[]): {
  settings: Settings;
  problems: SettingProblem[];
} {
  const problems: SettingProblem[] = [];
  const settings = {} as Settings;
  for (const name of SETTING_NAMES) {
    const layer = layers.find((candidate) => candidate.given[name] !== undefined);
    const value = layer?.given[name] ?? SETTINGS[name].fallback;
    settings[name] = { value, source: layer?.source ?? 'default' };
    const message = layer === undefined || value === null ? null : SETTINGS[name].refuse(value);
    if (layer !== undefined && message !== null) problems.push({ where: whereOf(name, layer.source), message });
  }
  if (settings.store.value === null)
    settings.store = { value: `sqlite:${settings.data.value}/pelorus.db`, source: settings.data.source };
  return { settings, problems };
}

/** Warnings about `PELORUS_*` names that nothing reads, each with the nearest known one. */
export function unknownEnvironmentNames(names: string[]): string[] {
  const known = knownEnvironmentNames();
  return names
    .filter((name) => name.startsWith('PELORUS_') && !known.has(name))
    .map((name) => {
      const near = nearest(
        withoutPrefix(name),
        [...known].map((one) => withoutPrefix(one)),
      );
      return `${name} is not a setting of Pelorus${near === null ? '' : `; did you mean PELORUS_${near}?`}`;
    });
}

/** Reads the parsed pelorus.config.yaml; unknown keys are problems with the nearest known key. */
export function givenByConfigFile(tree: unknown): { given: Given; problems: SettingProblem[] } {
  const given: Given = {};
  const problems: SettingProblem[] = [];
  const byPath = new Map(SETTING_NAMES.map((name) => [SETTINGS[name].path.join('.'), name]));
  for (const [path, value] of leavesOf(tree, [])) {
    const name = byPath.get(path);
    if (name !== undefined) given[name] = value;
    else
      problems.push({
        where: `${path || 'the document'} in pelorus.config.yaml`,
        message: unknownKey(path, [...byPath.keys()]),
      });
  }
  return { given, problems };
}

/** The environment's names that tasks get; a command used inside a task must not warn about them. */
const TASK_NAMES = ['RUN_ID', 'TASK', 'ATTEMPT', 'LOGICAL_DATE', 'PROJECT', 'WORKFLOW', 'OUTPUT', 'WORK_DIR'];
/** Read by the test runner, not by the program. */
const TEST_NAMES = ['TEST_REQUIRE', 'TEST_RESULTS', 'FUZZ_RUNS'];

function knownEnvironmentNames(): Set<string> {
  const rows: SettingRow[] = Object.values(SETTINGS);
  const settings = rows.flatMap((one) =>
    one.secret ? [one.environment, `${one.environment}_FILE`] : [one.environment],
  );
  return new Set([...settings, ...[...TASK_NAMES, ...TEST_NAMES].map((name) => `PELORUS_${name}`)]);
}

function leavesOf(tree: unknown, path: string[]): [string, string][] {
  if (tree === null || tree === undefined) return [];
  if (Array.isArray(tree)) return [[path.join('.'), tree.join(',')]];
  if (typeof tree === 'object') return Object.entries(tree).flatMap(([key, value]) => leavesOf(value, [...path, key]));
  return [[path.join('.'), typeof tree === 'string' ? tree : JSON.stringify(tree)]];
}

/** The prefix is in all of them, and would make any two look alike. */
function withoutPrefix(name: string): string {
  return name.slice('PELORUS_'.length);
}

function unknownKey(path: string, known: string[]): string {
  const near = nearest(path, known);
  return `there is no such setting${near === null ? '' : `; did you mean ${near}?`}`;
}

function whereOf(name: SettingName, source: SettingSource): string {
  if (source === 'flag') return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (source === 'pelorus.config.yaml') return `${SETTINGS[name].path.join('.')} in pelorus.config.yaml`;
  return SETTINGS[name].environment;
}

function row(environment: string, fallback: string | null, describe: string, refuse: SettingRow['refuse']): SettingRow {
  return { environment, path: pathOf(environment), fallback, secret: false, refuse, describe };
}

function secret(environment: string, describe: string, refuse: SettingRow['refuse']): SettingRow {
  return { environment, path: pathOf(environment), fallback: null, secret: true, refuse, describe };
}

/** `PELORUS_WORKER_MAX_LOAD` → worker.maxLoad, `PELORUS_ADMIN_TOKEN` → adminToken. */
function pathOf(environment: string): string[] {
  const [first = '', ...rest] = environment.slice('PELORUS_'.length).toLowerCase().split('_');
  return GROUPS.has(first) ? [first, camelCase(rest)] : [camelCase([first, ...rest])];
}

function camelCase([first = '', ...rest]: string[]): string {
  return first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function notEmpty(text: string): string | null {
  return text.trim() === '' ? 'must not be empty' : null;
}

function secretKeys(text: string): string | null {
  return text.split(',').every((key) => key.trim().length >= SECRET_KEY_CHARACTERS_MIN)
    ? null
    : `must be at least ${SECRET_KEY_CHARACTERS_MIN} characters, each of them where there are several`;
}

const TOKEN_CHARACTERS_MIN = 32;

/** As `server/vault` has it, which is not loaded for this. */
const SECRET_KEY_CHARACTERS_MIN = 32;

function smtpUrl(text: string): string | null {
  const protocol = URL.parse(text)?.protocol;
  return protocol === 'smtp:' || protocol === 'smtps:' ? null : 'must be smtp://… or smtps://…';
}

function httpUrl(text: string): string | null {
  return /^https?:\/\/[^\s/]+/.test(text) && URL.canParse(text)
    ? null
    : `must be an address like http://127.0.0.1:8080, not "${text}"`;
}

function storeUrl(text: string): string | null {
  if (isPostgres(text))
    return (URL.parse(text)?.pathname.length ?? 0) > 1
      ? null
      : `must name a host and a database: postgres://user:password@host:5432/database, not "${withoutPassword(text)}"`;
  return text.startsWith('sqlite:') && text.length > 'sqlite:'.length
    ? null
    : `must be sqlite:<file> or postgres://user:password@host/database, not "${withoutPassword(text)}"`;
}

/** Whether a store is a server that several processes can share. */
export function isPostgres(storeUrl: string): boolean {
  return /^postgres(ql)?:\/\//.test(storeUrl);
}

function withoutPassword(url: string): string {
  return url.replace(/:\/\/.*@/, '://…@').replaceAll(/([?&]password=)[^&]*/g, '$1…');
}

function hostAndPort(text: string): string | null {
  return parseListen(text) === null ? `must be <address>:<port>, not "${text}"` : null;
}

/** `127.0.0.1:8090`, `[::1]:8090`, `:8090` (every address); null when it is nothing of these. */
export function parseListen(text: string): { host: string; port: number } | null {
  const parts = /^(?:\[([\da-f:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/i.exec(text);
  if (parts === null || Number(parts[3]) > 65_535) return null;
  return { host: parts[1] ?? (parts[2] === '' ? '0.0.0.0' : (parts[2] ?? '')), port: Number(parts[3]) };
}

function masterUrls(text: string): string | null {
  const wrong = text.split(',').find((part) => !isMasterUrl(part.trim()));
  return wrong === undefined
    ? null
    : `must be addresses like ws://master:8090, separated by commas, not "${withoutPassword(wrong.trim())}"`;
}

function isMasterUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) return false;
  return url.hostname !== '' && url.username === '' && url.pathname === '/' && url.search === '' && url.hash === '';
}

function tokens(text: string): string | null {
  const short = text.split(',').find((part) => part.trim().length < TOKEN_CHARACTERS_MIN);
  return short === undefined
    ? null
    : `must have at least ${TOKEN_CHARACTERS_MIN} characters, not ${short.trim().length}`;
}

function lease(text: string): string | null {
  const durationMs = parseDuration(text) ?? 0;
  return durationMs >= 8_000 && durationMs <= 300_000 ? null : `must be between 8s and 5m, not "${text}"`;
}

function drainTime(text: string): string | null {
  const durationMs = parseDuration(text) ?? Infinity;
  return durationMs <= 7 * DAY_MS ? null : `must be a duration of at most 7 days, not "${text}"`;
}

function workerName(text: string): string | null {
  return /^[\w][\w.-]{0,127}$/.test(text) ? null : `must be letters, digits, - _ and ., at most 128, not "${text}"`;
}

function portNumber(text: string): string | null {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535
    ? null
    : `must be a port number from 0 to 65535, not "${text}"`;
}

/** All of it is looked at where it is used. */
function logPlace(text: string): string | null {
  return /^(dir:.+|s3:\/\/.+|database)$/.test(text)
    ? null
    : `must be dir:<folder>, s3://<bucket>/<prefix> or database, not "${text}"`;
}

const DAY_MS = 86_400_000;

function atLeastADay(text: string): string | null {
  return (parseDuration(text) ?? 0) >= DAY_MS ? null : `must be a duration of 24h at least, not "${text}"`;
}

function positiveInteger(text: string): string | null {
  return /^[1-9]\d{0,5}$/.test(text) ? null : `must be a whole number from 1, not "${text}"`;
}

function manyAtLeast1000(text: string): string | null {
  return /^[1-9]\d{3,11}$/.test(text) ? null : `must be a whole number from 1000, not "${text}"`;
}

function addresses(text: string): string | null {
  const wrong = text.split(',').find((part) => !isNetwork(part.trim()));
  return wrong === undefined ? null : `must be addresses or networks like 10.0.0.0/8, not "${wrong.trim()}"`;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function loadAverage(text: string): string | null {
  return text === '-1' || /^\d{1,5}(\.\d+)?$/.test(text) ? null : `must be a number, or -1, not "${text}"`;
}

function gibibytes(text: string): string | null {
  return /^\d{1,5}(\.\d+)?$/.test(text) ? null : `must be a number of GiB, not "${text}"`;
}

function someGibibytes(text: string): string | null {
  return gibibytes(text) ?? (Number(text) > 0 ? null : 'must be more than nothing');
}

function heartbeat(text: string): string | null {
  const durationMs = parseDuration(text) ?? 0;
  return durationMs >= 100 && durationMs <= 15_000 ? null : `must be between 100ms and 15s, not "${text}"`;
}

function longEnough(text: string): string | null {
  return text.length >= TOKEN_CHARACTERS_MIN
    ? null
    : `must have at least ${TOKEN_CHARACTERS_MIN} characters, not ${text.length}`;
}
