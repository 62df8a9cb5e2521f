/** What services are told by the settings, as they want it; the settings' texts have been checked. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { EXIT } from './exit-codes.ts';
import { Failure, usageFailure } from './failure.ts';
import type { LogSettings } from './log-store.ts';
import { durationFlag, type Session } from './session.ts';
import type { AuditSettings } from './store-place.ts';
import { isPostgres, parseListen, SETTINGS, type SettingName, type Settings } from './settings.ts';

export interface AlertSettings {
  smtp: string | null;
  from: string;
  /** Without a slash at its end; null: messages name no address. */
  baseUrl: string | null;
}

export interface WorkerLimits {
  slots: number;
  groups: string[];
  maxLoadAverage: number;
  reservedMemoryBytes: number;
  attemptLimits: { memoryBytes: number | null; processes: number; openFiles: number; workDirBytes: number };
  heartbeatMs: number;
}

/** Where people and programs reach the API, and what of their requests is believed. */
export interface ApiSettings {
  host: string;
  adminToken: string | null;
  /** Proxies that are believed; null: none. */
  trustedProxies: string[] | null;
  /** Under which people reach the server; null: as they do. */
  publicUrl: string | null;
}

/** PEM texts. */
export interface TlsSettings {
  cert: string | null;
  key: string | null;
  ca: string | null;
}

export interface Listening {
  host: string;
  port: number;
}

/** Of what the services of this process do; a person's terminal gets readable lines. */
export async function serviceLog({ settings, terminal }: Session): Promise<Logger> {
  // Loaded here: commands that are no service write no log.
  const { createServiceLog } = await import('./service-log.ts');
  const { value: format } = settings.logFormat;
  return createServiceLog({
    level: settings.logLevel.value ?? 'info',
    format: format === 'json' || format === 'pretty' ? format : terminal.err.isTerminal ? 'pretty' : 'json',
    stream: terminal.err,
  });
}

/** `maxLoadUnset`: the limit of load where none is set. */
export function workerLimits(settings: Settings, maxLoadUnset: number): WorkerLimits {
  const { value: maxLoad } = settings.workerMaxLoad;
  return {
    slots: Number(settings.workerSlots.value),
    groups: listOf(settings.workerGroups.value),
    maxLoadAverage: maxLoad === null ? maxLoadUnset : Number(maxLoad),
    reservedMemoryBytes: bytesOf(settings.workerReservedMemory.value),
    attemptLimits: {
      memoryBytes: settings.workerTaskMemory.value === null ? null : bytesOf(settings.workerTaskMemory.value),
      processes: Number(settings.workerTaskProcesses.value),
      openFiles: Number(settings.workerTaskFiles.value),
      workDirBytes: bytesOf(settings.workerTaskDisk.value),
    },
    heartbeatMs: durationOf(settings, 'workerHeartbeat'),
  };
}

export function logSettings(settings: Settings, directory: string): LogSettings {
  return {
    place: settings.logStore.value,
    s3: { key: settings.logS3Key.value, secret: settings.logS3Secret.value },
    retentionMs: durationOf(settings, 'logRetention'),
    directory,
  };
}

export function alertSettings(settings: Settings): AlertSettings {
  return {
    smtp: settings.alertSmtp.value,
    from: settings.alertFrom.value ?? '',
    baseUrl: publicUrlOf(settings),
  };
}

export function apiSettings(settings: Settings): ApiSettings {
  return {
    host: settings.host.value ?? '',
    adminToken: settings.adminToken.value,
    trustedProxies: settings.trustedProxies.value === null ? null : listOf(settings.trustedProxies.value),
    publicUrl: publicUrlOf(settings),
  };
}

/** Throws a `Failure` when a file that is named cannot be read, or one of certificate and key is missing. */
export function tlsSettings(settings: Settings, directory: string): TlsSettings {
  const tls = {
    cert: pemOf(settings, 'tlsCert', directory),
    key: pemOf(settings, 'tlsKey', directory),
    ca: pemOf(settings, 'tlsCa', directory),
  };
  if ((tls.cert === null) !== (tls.key === null))
    throw usageFailure('PELORUS_TLS_CERT and PELORUS_TLS_KEY belong together; one of them is not set');
  return tls;
}

export function auditSettings(settings: Settings): AuditSettings {
  return { days: Number(settings.auditDays.value), rows: Number(settings.auditRows.value) };
}

export type Selector = 'lower_weight' | 'random' | 'round_robin';

export function selectorOf({ dispatchSelector: { value } }: Settings): Selector {
  return value === 'random' || value === 'round_robin' ? value : 'lower_weight';
}

export function hostAndPortOf(settings: Settings, name: 'listen' | 'ops'): Listening {
  const place = parseListen(settings[name].value ?? '');
  if (place === null) throw usageFailure(`${SETTINGS[name].environment} must be <address>:<port>`);
  return place;
}

export function opsSettings(settings: Settings): Listening & { token: string | null } {
  return { ...hostAndPortOf(settings, 'ops'), token: settings.opsToken.value };
}

/** The address of the store of a cluster; throws a `Failure` for a store that only one process can use. */
export function requiredStore(settings: Settings, command: string): string {
  const url = settings.store.value ?? '';
  if (isPostgres(url)) return url;
  throw usageFailure(
    `\`pelorus ${command}\` needs a store that several processes share; ${url} belongs to one process`,
    'PELORUS_STORE=postgres://user:password@host/database, or everything in one process with `pelorus dev`',
  );
}

export function durationOf(settings: Settings, name: SettingName): number {
  return durationFlag(SETTINGS[name].environment, settings[name].value ?? '');
}

/** Of a number of GiB. */
function bytesOf(gibibytes: string | null): number {
  return Math.round(Number(gibibytes) * 1024 ** 3);
}

/** Items of a list with commas. */
export function listOf(text: string | null): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The value of a setting that a role cannot do without. */
export function required(settings: Settings, name: SettingName, why: string): string {
  const { value } = settings[name];
  if (value !== null) return value;
  const { environment, secret } = SETTINGS[name];
  throw usageFailure(
    `${environment} must be set: ${why}`,
    secret ? `${environment}, or ${environment}_FILE` : environment,
  );
}

function publicUrlOf({ publicUrl }: Settings): string | null {
  return publicUrl.value?.replace(/\/+$/, '') ?? null;
}

function pemOf(settings: Settings, name: 'tlsCert' | 'tlsKey' | 'tlsCa', directory: string): string | null {
  const { value } = settings[name];
  if (value === null) return null;
  try {
    return readFileSync(resolve(directory, value), 'utf8');
  } catch (cause) {
    throw new Failure(
      {
        exitCode: EXIT.usage,
        what: `${SETTINGS[name].environment} cannot be used`,
        why: cause instanceof Error ? cause.message : String(cause),
      },
      { cause },
    );
  }
}
