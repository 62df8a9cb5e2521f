/**
 * What can be configured, one row each, and the rule by which a value is chosen: flag > environment > pelorus.config.yaml >
 * default. In the file the key is the environment's name in words: `PELORUS_WORKER_MAX_LOAD` is `worker: { maxLoad: … }`,
 * `PELORUS_ADMIN_TOKEN` is `adminToken: …`.
 */
import { nearest, parseDuration } from '@pelorus/protocol';
import { isIP } from 'node:net';

export interface SettingRow {
  environment: string;
  /** Path in pelorus.config.yaml. */
  path: string[];
  /** Null: none; derived ones say how in `describe`. */
  fallback: string | null;
  secret: boolean;
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
const GROUPS = new Set(['worker', 'log', 'alert', 'audit']);

export const SETTINGS = {
  server: row('PELORUS_SERVER', 'http://127.0.0.1:8080', 'the server that the commands talk to', httpUrl),
  token: secret('PELORUS_TOKEN', 'the bearer token that the commands present', anything),
  data: row('PELORUS_DATA', './.pelorus', 'directory of `pelorus dev`: logs, work directories, server.json', notEmpty),
  store: row('PELORUS_STORE', null, 'where everything is remembered; default: sqlite:<data>/pelorus.db', storeUrl),
  host: row('PELORUS_HOST', '127.0.0.1', 'address that `pelorus dev` listens on', notEmpty),
  port: row('PELORUS_PORT', '8080', 'port that `pelorus dev` listens on; taken: the next free one', portNumber),
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
  workerSlots: row('PELORUS_WORKER_SLOTS', '100', 'how many tasks the worker runs side by side', positiveInteger),
  workerGroups: row('PELORUS_WORKER_GROUPS', 'default', 'worker groups, separated by commas', notEmpty),
  workerMaxLoad: row(
    'PELORUS_WORKER_MAX_LOAD',
    null,
    'load average above which the worker takes nothing new; -1: twice the cores; default: no limit in `pelorus dev`',
    loadAverage,
  ),
  workerReservedMemory: row(
    'PELORUS_WORKER_RESERVED_MEMORY',
    '0.3',
    'GiB of free memory below which the worker takes nothing new',
    gibibytes,
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
    'where task logs are kept: dir:<folder>, s3://<bucket>/<prefix>?endpoint=…&region=… or database; default: dir:<data>/logs',
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
    'how much `pelorus dev` logs',
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
  return text.startsWith('sqlite:') && text.length > 'sqlite:'.length
    ? null
    : `must be sqlite:<file>, not "${text.replace(/:\/\/.*@/, '://…@')}"`;
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

function heartbeat(text: string): string | null {
  const durationMs = parseDuration(text) ?? 0;
  return durationMs >= 100 && durationMs <= 15_000 ? null : `must be between 100ms and 15s, not "${text}"`;
}

function longEnough(text: string): string | null {
  return text.length >= 32 ? null : `must have at least 32 characters, not ${text.length}`;
}
