/**
 * Database servers of a test's own, on a free port of 127.0.0.1 in a scratch directory, from the programs that the machine
 * has. A server that cannot be had skips its tests, by name; `PELORUS_TEST_REQUIRE` (e.g. `postgres,mariadb`)
 * makes that a failure instead.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import { quickFolder } from './quick-folder.ts';

export interface TestServer {
  url: string;
  stop(): Promise<void>;
  /** Ends it at once, as a loss of power would; what is on its disk stays until `stop`. */
  crash(): Promise<void>;
}

export interface ServerOptions {
  /** Of PostgreSQL: whether a commit means that it is on the disk. Default false: tests do not pull plugs. */
  fsync?: boolean;
}

const START_LIMIT_MS = 120_000;
const PORTS_TRIED = 3;

type ServerName = 'postgres' | 'mariadb';

/** Starts a server, or resolves with null where there is none and none is required. */
export async function startServer(name: ServerName, options: ServerOptions = {}): Promise<TestServer | null> {
  try {
    return await (name === 'postgres' ? startPostgres(options) : startMariadb());
  } catch (error) {
    if ((process.env['PELORUS_TEST_REQUIRE'] ?? '').split(',').includes(name)) throw error;
    console.warn(`${name} tests are skipped: ${(error as Error).message}`);
    return null;
  }
}

/** Starts a PostgreSQL server that follows `primary`, which from then on answers a commit when the standby has it. */
export async function startStandby(primary: TestServer): Promise<TestServer> {
  const { dir, ids } = scratchFor('postgres');
  const following = new URL(primary.url);
  following.searchParams.set('application_name', 'standby');
  const copying = ['-D', join(dir, 'data'), '-R', '-c', 'fast', '--no-sync', '-d', following.href];
  execFileSync(findProgram('pg_basebackup', '/usr/lib/postgresql/*/bin/pg_basebackup'), copying, {
    ...ids,
    stdio: 'ignore',
  });
  const standby = await runPostgres(dir, ids, false);
  await askPostgres(primary.url, `alter system set synchronous_standby_names = 'standby'`);
  await askPostgres(primary.url, 'select pg_reload_conf()');
  return standby;
}

/** Asks a PostgreSQL database, over a connection of its own. */
export async function askPostgres(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function startPostgres({ fsync = false }: ServerOptions): Promise<TestServer> {
  const initdb = findProgram('initdb', '/usr/lib/postgresql/*/bin/initdb');
  const { dir, ids } = scratchFor('postgres', fsync ? tmpdir() : quickFolder());
  execFileSync(initdb, ['-D', join(dir, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync'], {
    ...ids,
    stdio: 'ignore',
  });
  return runPostgres(dir, ids, fsync);
}

/** Over the data that is in `dir`. */
function runPostgres(dir: string, ids: { uid?: number; gid?: number }, fsync: boolean): Promise<TestServer> {
  return onFreePort((port) => runPostgresOn(port, dir, ids, fsync));
}

async function runPostgresOn(
  port: number,
  dir: string,
  ids: { uid?: number; gid?: number },
  fsync: boolean,
): Promise<TestServer> {
  const args = [
    '-D',
    join(dir, 'data'),
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${dir}`,
    '-c',
    `fsync=${fsync ? 'on' : 'off'}`,
  ];
  const program = findProgram('postgres', '/usr/lib/postgresql/*/bin/postgres');
  const child = spawn(program, args, { ...ids, stdio: 'ignore' });
  return ready(child, port, dir, 'SIGINT', `postgres://postgres@127.0.0.1:${port}/postgres`, async (url) => {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    await client.end();
  });
}

async function startMariadb(): Promise<TestServer> {
  const install = findProgram('mariadb-install-db', '/usr/bin/mariadb-install-db');
  const server = findProgram('mariadbd', '/usr/sbin/mariadbd');
  const { dir, ids } = scratchFor('mysql');
  execFileSync(
    install,
    ['--no-defaults', `--datadir=${join(dir, 'data')}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { ...ids, stdio: 'ignore' },
  );
  return onFreePort((port) => runMariadbOn(port, server, dir, ids));
}

async function runMariadbOn(
  port: number,
  server: string,
  dir: string,
  ids: { uid?: number; gid?: number },
): Promise<TestServer> {
  const args = [
    '--no-defaults',
    `--datadir=${join(dir, 'data')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(dir, 's')}`,
    `--pid-file=${join(dir, 'pid')}`,
  ];
  const child = spawn(server, args, { ...ids, stdio: 'ignore' });
  return ready(child, port, dir, 'SIGTERM', `mysql://root@127.0.0.1:${port}/mysql`, async (url) => {
    const { createConnection: connect } = await import('mysql2/promise');
    await (await connect(url)).end();
  });
}

function findProgram(name: string, pattern: string): string {
  const onPath = (process.env['PATH'] ?? '')
    .split(':')
    .map((dir) => join(dir, name))
    .find((path) => existsSync(path));
  const found = onPath ?? globSync(pattern).toSorted().at(-1);
  if (found === undefined) throw new Error(`there is no ${name} on this machine`);
  return found;
}

/** Database servers refuse to run as root: then they run as the user that their package made. */
function scratchFor(user: string, folder = tmpdir()): { dir: string; ids: { uid?: number; gid?: number } } {
  const dir = mkdtempSync(join(folder, `pelorus-${user}-`));
  if (process.getuid?.() !== 0) return { dir, ids: {} };
  const uid = Number(execFileSync('id', ['-u', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const gid = Number(execFileSync('id', ['-g', user], { encoding: 'utf8' }));
  chownSync(dir, uid, gid);
  return { dir, ids: { uid, gid } };
}

async function ready(
  child: ChildProcess,
  port: number,
  dir: string,
  endSignal: NodeJS.Signals,
  url: string,
  connect: (url: string) => Promise<void>,
): Promise<TestServer> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const crash = async (): Promise<void> => {
    child.kill('SIGQUIT');
    await ended;
  };
  const stop = async (): Promise<void> => {
    child.kill(endSignal);
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    // Before its port is tried: who answers there may be another one.
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server in ${dir} did not start`);
    try {
      if (await portOpen(port)) {
        await connect(url);
        return { url, stop, crash };
      }
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Somebody else may take a port between its choice and the server's start: then another one is tried. */
async function onFreePort(start: (port: number) => Promise<TestServer>): Promise<TestServer> {
  for (let left = PORTS_TRIED; ; left -= 1) {
    try {
      const [port] = await freePorts(1);
      return await start(port!);
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

function portOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
