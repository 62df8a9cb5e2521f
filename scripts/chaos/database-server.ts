/** The storm's PostgreSQL: a server of its own with fsync on, that is stopped, killed, frozen and started again at will. */
import { execFileSync } from 'node:child_process';
import { chownSync, globSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Disk } from './disk.ts';
import { signalPid, processesOf } from './processes.ts';
import { Unit } from './unit.ts';

export interface DatabaseServer {
  readonly port: number;
  readonly unit: Unit;
  readonly version: string;
  /** Past the proxies. */
  readonly url: string;
  start(): void;
  /** SIGQUIT to the postmaster: no checkpoint, recovery at the next start (`pg_ctl stop -m immediate`). */
  stopImmediate(): Promise<void>;
  /** SIGSTOP or SIGCONT to the postmaster and every backend. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Resolves when it takes connections; rejects after `limitMs`. */
  ready(limitMs: number): Promise<void>;
}

const DATABASE = 'pelorus';

/** Null where the machine has no PostgreSQL. */
export function findPostgres(): string | null {
  return globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1) ?? null;
}

/** Makes the cluster's files on `disk`, starts it, and creates the database. */
export async function makeDatabaseServer(options: {
  bin: string;
  disk: Disk;
  port: number;
  logFile: string;
}): Promise<DatabaseServer> {
  const { bin, disk, port, logFile } = options;
  const ids = postgresUser();
  const directory = join(disk.directory, 'data');
  mkdirSync(directory, { recursive: true });
  if (ids) for (const each of [disk.directory, directory]) chownSync(each, ids.uid, ids.gid);
  execFileSync(join(bin, 'initdb'), ['-D', directory, '-U', 'postgres', '-A', 'trust'], {
    ...ids,
    stdio: 'ignore',
  });
  const unit = new Unit({
    name: 'store',
    command: [join(bin, 'postgres'), '-D', directory, ...settings(port, disk.directory)],
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' },
    cwd: '/',
    logFile,
    ...(ids && { ids }),
  });
  const url = `postgres://postgres@127.0.0.1:${port}/${DATABASE}`;
  const server: DatabaseServer = {
    port,
    unit,
    version: execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim(),
    url,
    start: () => unit.start(),
    stopImmediate: async () => void (await unit.end('SIGQUIT', 10_000)),
    signalAll: (signal) => {
      for (const { pid } of [...processesOf(directory), ...backendsOf(unit.pid)]) signalPid(pid, signal);
    },
    ready: (limitMs) => ready(url.replace(/[^/]*$/, 'postgres'), limitMs),
  };
  server.start();
  await server.ready(180_000);
  await ask(url.replace(/[^/]*$/, 'postgres'), `create database ${DATABASE}`);
  return server;
}

/** One statement over a connection of its own. */
export async function ask<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000, query_timeout: 60_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function settings(port: number, socketDirectory: string): string[] {
  const all = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketDirectory,
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    max_connections: 300,
    shared_buffers: '128MB',
    max_wal_size: '256MB',
    restart_after_crash: 'on',
    log_min_messages: 'warning',
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** PostgreSQL does not run as root: then it runs as the user that its package made. */
function postgresUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Backends rename themselves, so that their command line does not name the directory any more. */
function backendsOf(postmaster: number | null): { pid: number }[] {
  if (postmaster === null) return [];
  try {
    const text = execFileSync('ps', ['-o', 'pid=', '--ppid', String(postmaster)], { encoding: 'utf8' });
    return text
      .split('\n')
      .filter(Boolean)
      .map((pid) => ({ pid: Number(pid) }));
  } catch {
    return [];
  }
}

async function ready(url: string, limitMs: number): Promise<void> {
  for (const endsAt = Date.now() + limitMs; ; await pause(50)) {
    try {
      await ask(url, 'select 1');
      return;
    } catch (error) {
      if (Date.now() > endsAt) throw error;
    }
  }
}
