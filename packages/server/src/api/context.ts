/** What the handlers work with. The composition root makes the options; nothing here reads the environment. */
import type { ConsoleFiles } from './console.ts';
import type { AlertTested, ConnectionTested, RunId } from '@pelorus/protocol';
import type { LiveRun } from '../master/live-run.ts';
import type { Caller } from './access.ts';
import type { ApiStore } from '../store/port.ts';
import type { DefinitionParser } from './definitions/definition-parser.ts';
import type { Vault } from '../vault/index.ts';
import type { LogStore } from '../logs/index.ts';
import type { LogFollowers } from './log-follow.ts';
import type { LogReader } from './logs.ts';
import type { Masks } from './masks.ts';
import type { Passwords } from './passwords.ts';
import type { RunEvents } from './run-events.ts';
import type { RunHints } from './run-hints.ts';
import type { Route } from './route.ts';
import type { RunTallies } from './run-tallies.ts';
import type { StreamLimits } from './event-streams.ts';
import type { Slots } from './transfer/slots.ts';
import type { VersionCache } from './version-cache.ts';

export interface ApiHints {
  /** A command row has been written, or a task group changed: the master may look at once rather than at its next poll. */
  commandWritten(): void;
  /** Tells which runs a master of this process has written; without it event streams look for themselves, once a second. */
  runsChanged?: RunHints['subscribe'];
  /** Asks the owner for a run; null when nobody owns it here. The API gives up after a second and aborts the signal. */
  liveRun?: (run: RunId, signal: AbortSignal) => Promise<LiveRun | null> | LiveRun | null;
  /** Tries a connection on a worker; null when there is none that could. Absent where no master is. */
  testConnection?: (projectId: number, name: string, signal: AbortSignal) => Promise<ConnectionTested | null>;
  /**
   * Sends a test message through a channel that exists, and says for people what became of it; its time is bounded by the
   * sender. Absent where nobody sends alerts.
   */
  testAlertChannel?: (name: string, signal: AbortSignal) => Promise<AlertTested>;
}

/** Structured log, as pino has it. */
export interface ApiLog {
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}

/** A request that has been answered. */
export interface ApiObservation {
  /** Operation id; `none` where there is no route. */
  operation: string;
  status: number;
  durationMs: number;
}

export interface ApiOptions {
  store: ApiStore;
  logs: LogStore;
  hints: ApiHints;
  /** Epoch ms. */
  clock: () => number;
  log: ApiLog;
  /** Seals and opens secrets and connections. Absent: there is no key. */
  vault?: Vault;
  /** Version of the product, for `GET /api/v1/system`. */
  version: string;
  /** `sqlite` or `postgres`, for the same. */
  storeKind: string;
  /** For tests: requests that carry no credentials come from an administrator of this name. Absent: from nobody. */
  user?: string;
  /** For tests: hashes passwords more cheaply. */
  passwords?: Passwords;
  /** The bearer token of the administrator `admin`, besides those in the store. */
  adminToken?: string | null;
  /** Addresses and networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  trustedProxies?: readonly string[];
  /** Under which people reach this server, for links; absent: as the request that asks for one reached it. */
  publicUrl?: string | null;
  /** Names, besides the loopback ones, that the Host header may hold; `*` allows all. */
  allowedHosts?: readonly string[];
  /** For tests: routes that were altered. Absent: all there are. */
  routes?: readonly Route[];
  /** Told of each answer, event streams excepted; must return at once. */
  observe?: (observation: ApiObservation) => void;
  /** The text of `/metrics`, as Prometheus reads it. Absent: there is none. */
  metrics?: () => Promise<string>;
  /** The console's files. Absent or null: there is a page for signing in, and nothing else to look at. */
  console?: ConsoleFiles | null;
  /** Bounds of event streams other than the usual ones. */
  streams?: Partial<StreamLimits>;
}

export interface Connected {
  /** By TLS, up to us or to a proxy that is trusted. */
  secure: boolean;
  /** Address of this server as people reach it, without a slash at the end. */
  origin: string;
}

/** What a handler works with; `store` and `caller` are those of its request. */
export interface ApiContext {
  /** Each of its changes is written together with a row of the audit, and refused before the caller was admitted. */
  store: ApiStore;
  caller: Caller;
  /** Runs as they are stored, nothing of them masked: for making other runs from them, never for an answer. */
  unmasked: Pick<ApiStore, 'getRunDetail'>;
  vault: Vault;
  masks: Masks;
  /** The same sender as its credentials and rights are now, for what outlasts a moment; rejects when the credentials have ended. */
  again: () => Promise<Caller>;
  logs: LogReader;
  followers: LogFollowers;
  hints: ApiHints;
  clock: () => number;
  log: ApiLog;
  /** The caller's name. */
  user: string;
  /** How the request reached us. */
  connection: Connected;
  passwords: Passwords;
  version: string;
  storeKind: string;
  startedAt: number;
  /** Null: this server measures nothing. */
  metrics: (() => Promise<string>) | null;
  definitions: DefinitionParser;
  versions: VersionCache;
  tallies: RunTallies;
  events: RunEvents;
  /** Room for imports and exports of workflows. */
  transfers: { imports: Slots; exports: Slots };
  /** A bulk operation has been stored: whoever carries them out may look at once. */
  startBulk: () => void;
}
