/** A cluster for tests: a database of its own on a real PostgreSQL server, each role a process on 127.0.0.1, and TLS between masters and workers. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@pelorus/sdk';
import { askPostgres } from '../../worker/test/database-servers.ts';
import { freePorts } from '../../worker/test/free-ports.ts';
import { processesOf, until } from './dev-process.ts';

const BIN = fileURLToPath(new URL('../bin/pelorus.mjs', import.meta.url));

/** One role as a process. */
export interface RoleProcess {
  readonly name: string;
  readonly pid: number;
  /** What it said on standard error: the log, one object per line, and what is for people. */
  stderr(): string;
  stdout(): string;
  /** Ends it, and waits for that; its exit code, or the signal that ended it. */
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  readonly ended: Promise<number | NodeJS.Signals>;
  /** The same, or null while it lives. */
  end(): number | NodeJS.Signals | null;
}

export interface ApiProcess extends RoleProcess {
  readonly address: string;
  readonly client: Client;
}

export interface MasterProcess extends RoleProcess {
  readonly opsUrl: string;
}

export interface Cluster {
  readonly directory: string;
  readonly storeUrl: string;
  readonly opsToken: string;
  readonly adminToken: string;
  /** A master that listens on the `n`-th port for workers; the same `n` again takes the place of one that ended. */
  master(n: number): Promise<MasterProcess>;
  /** The worker on the `n`-th data directory; it dials all masters. */
  worker(n: number): Promise<RoleProcess>;
  api(): Promise<ApiProcess>;
  /** A role as it is started, without waiting for it. */
  start(role: string, variables: Record<string, string>, args?: string[]): RoleProcess;
  /** What all roles are given. */
  variables(role: 'api' | 'master' | 'worker'): Record<string, string>;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  clear(): Promise<void>;
}

export interface ClusterOptions {
  masters: number;
}

/** Starts nothing yet. */
export async function newCluster(serverUrl: string, options: ClusterOptions): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'pelorus-cluster-'));
  const database = `pelorus_${randomUUID().replaceAll('-', '')}`;
  await askPostgres(serverUrl, `create database ${database}`);
  const storeUrl = Object.assign(new URL(serverUrl), { pathname: `/${database}` }).href;
  const ports = await freePorts(options.masters);
  const [workerToken, opsToken, adminToken, secretKey] = Array.from({ length: 4 }, () =>
    randomBytes(32).toString('hex'),
  );
  const tls = makeCertificates(directory);
  const common = { PELORUS_LOG_FORMAT: 'json', PELORUS_OPS: '127.0.0.1:0', XDG_CONFIG_HOME: join(directory, 'config') };
  const server = {
    ...common,
    PELORUS_STORE: storeUrl,
    PELORUS_SECRET_KEY: secretKey ?? '',
    PELORUS_OPS_TOKEN: opsToken ?? '',
    PELORUS_MASTER_LEASE: '8s',
  };
  const given = {
    api: { ...server, PELORUS_ADMIN_TOKEN: adminToken ?? '', PELORUS_PORT: '0' },
    master: {
      ...server,
      PELORUS_WORKER_TOKEN: workerToken ?? '',
      PELORUS_TLS_CERT: tls.cert('master'),
      PELORUS_TLS_KEY: tls.key('master'),
      PELORUS_TLS_CA: tls.ca,
    },
    worker: {
      ...common,
      PELORUS_WORKER_TOKEN: workerToken ?? '',
      PELORUS_MASTERS: ports.map((port) => `wss://localhost:${port}`).join(','),
      PELORUS_TLS_CERT: tls.cert('worker'),
      PELORUS_TLS_KEY: tls.key('worker'),
      PELORUS_TLS_CA: tls.ca,
      PELORUS_WORKER_RESERVED_MEMORY: '0',
      PELORUS_WORKER_MAX_LOAD: '1000',
    },
  };
  const started: { child: ChildProcess; role: RoleProcess }[] = [];
  const start: Cluster['start'] = (role, variables, args = []) => {
    const child = spawn(process.execPath, [BIN, role, ...args], {
      cwd: directory,
      env: { ...ownVariables(), ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const process_ = watched(role, child);
    started.push({ child, role: process_ });
    return process_;
  };
  const serving = async (role: RoleProcess): Promise<Record<string, string>> => {
    await until(
      () => listening(role) !== null || role.end() !== null,
      () => `${role.name} did not start:\n${role.stderr()}`,
    );
    const places = listening(role);
    if (places === null) throw new Error(`${role.name} ended with ${role.end()}:\n${role.stderr()}`);
    return places;
  };
  return {
    directory,
    storeUrl,
    opsToken: opsToken ?? '',
    adminToken: adminToken ?? '',
    variables: (role) => given[role],
    start,
    master: async (n) => {
      const role = start('master', { ...given.master, PELORUS_LISTEN: `127.0.0.1:${ports[n]}` });
      return { ...role, opsUrl: `http://${(await serving(role))['operations']}` };
    },
    worker: async (n) => {
      const data = join(directory, `worker-${n}`);
      const role = start('worker', { ...given.worker, PELORUS_DATA: data, PELORUS_WORKER_NAME: `worker-${n}` });
      await serving(role);
      return role;
    },
    api: async () => {
      const role = start('api', given.api);
      const address = new URL((await serving(role))['api'] ?? '').origin;
      return { ...role, address, client: createClient({ baseUrl: address, token: adminToken ?? '' }) };
    },
    query: (text, values) => askPostgres(storeUrl, text, values),
    clear: async () => {
      for (const { child, role } of started)
        if (child.exitCode === null && child.signalCode === null) await role.kill('SIGKILL');
      await until(
        () => processesOf(directory).length === 0,
        () => `still running: ${processesOf(directory).join('; ')}`,
      ).catch(() => endLeft(directory));
      await askPostgres(serverUrl, `drop database ${database} with (force)`);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a role says that it listens on, by name; null as long as it has not started. */
function listening(role: RoleProcess): Record<string, string> | null {
  const line = /^\w+ started: (.*)$/m.exec(role.stderr())?.[1];
  return line === undefined ? null : Object.fromEntries(line.split(', ').map((place) => place.split(' ')));
}

function watched(name: string, child: ChildProcess): RoleProcess {
  let err = '';
  let out = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  let end: number | NodeJS.Signals | null = null;
  const ended = once(child, 'close').then(
    ([code, signal]: (number | NodeJS.Signals | null)[]) => (end = signal ?? code ?? -1),
  );
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    end: () => end,
    stderr: () => err,
    stdout: () => out,
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Certificates for mutual TLS, of an authority that nobody else trusts. */
function makeCertificates(directory: string): {
  ca: string;
  cert: (of: string) => string;
  key: (of: string) => string;
} {
  const cert = (of: string): string => join(directory, `${of}.pem`);
  const key = (of: string): string => join(directory, `${of}.key`);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...curve, '-days', '2', '-subj', '/CN=tests', '-keyout', key('ca'), '-out', cert('ca'));
  writeFileSync(join(directory, 'names'), 'subjectAltName=DNS:localhost');
  for (const of of ['master', 'worker']) {
    openssl('req', ...curve, '-subj', `/CN=${of}`, '-keyout', key(of), '-out', join(directory, `${of}.csr`));
    const signer = ['-CA', cert('ca'), '-CAkey', key('ca'), '-CAcreateserial', '-days', '2'];
    const names = ['-extfile', join(directory, 'names')];
    openssl('x509', '-req', '-in', join(directory, `${of}.csr`), ...signer, ...names, '-out', cert(of));
  }
  return { ca: cert('ca'), cert, key };
}

/** Supervisors live on after their worker, for the tasks that they have. */
async function endLeft(directory: string): Promise<void> {
  for (const line of processesOf(directory)) {
    try {
      process.kill(Number(line.split(' ')[0]), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  await until(
    () => processesOf(directory).length === 0,
    () => processesOf(directory).join('; '),
  );
}

function ownVariables(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PELORUS_')));
}
