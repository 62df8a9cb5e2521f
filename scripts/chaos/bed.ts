/**
 * The cluster under test: three masters, four workers, two APIs and one PostgreSQL as processes of their own, and a proxy on every edge
 * between them.
 *
 * Owns: the directory of the storm, its disks, every process. Invariant: `close` leaves none of them, whatever state they are in.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePorts } from '../../packages/worker/test/free-ports.ts';
import { makeDatabaseServer, type DatabaseServer } from './database-server.ts';
import { makeDisk, type Disk } from './disk.ts';
import { makeNetwork, type Network } from './network.ts';
import { processesOf, signalPid, taskProcessesOf, withDescendants, type ProcessSeen } from './processes.ts';
import { startProxies, type Proxies } from './proxy/client.ts';
import type { EdgePlace } from './proxy/toxics.ts';
import { APIS, EDGES, edgeName, MASTERS, WORKERS } from './topology.ts';
import { Unit } from './unit.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/pelorus.mjs', import.meta.url));
/** Seconds by which the boot clocks of these hosts are ahead: nothing may depend on their being the same everywhere. */
export const BOOT_CLOCKS: Readonly<Record<string, number>> = { 'worker-3': 86_400, 'worker-4': 40 * 86_400 };
const UNSHARE = '/usr/bin/unshare';
const CLOCK_SHIFT = new URL('./clock-shift.mjs', import.meta.url).href;
const GIB = 1024 ** 3;
const DATABASE_DISK_BYTES = 4 * GIB;
const WORKER_DISK_BYTES = 192 * 1024 ** 2;
const WORKER_SLOTS = 40;
/** Below a worker's data directory: logs on their way to the masters. */
const SPOOL = join('worker', 'spool');
const START_MS = 180_000;
/** Of roles that are asked to end, and of what they leave: their own limits, and what a busy machine adds. */
const SHUTDOWN_MS = 60_000;

export interface Bed {
  readonly directory: string;
  readonly logs: string;
  readonly database: DatabaseServer;
  readonly proxies: Proxies;
  /** By the names of {@link MASTERS}, {@link WORKERS} and {@link APIS}. */
  unit(name: string): Unit;
  /** Where a client reaches the APIs: through the proxies. */
  readonly apiUrls: string[];
  /** Past the proxies. */
  readonly directApiUrls: string[];
  readonly adminToken: string;
  /** How masters say that they are reached, by name. */
  readonly opsUrls: Record<string, string>;
  /** `null` where that disk cannot be filled. */
  disk(name: 'database' | 'work' | 'spool', worker: string): Disk | null;
  /** Processes of a worker: its supervisor, and everything that the supervisor started. */
  supervisorOf(worker: string): ProcessSeen | null;
  hostProcessesOf(worker: string): ProcessSeen[];
  taskProcesses(): ProcessSeen[];
  readonly network: Network;
  /** Milliseconds that the wall clock of a process is off. */
  setClock(unit: string, offsetMs: number): void;
  /** By process: how often it ended by itself. */
  selfExits(): Record<string, number>;
  /** Everything runs, nothing is frozen, nothing is between them. */
  calm(): Promise<void>;
  /** Ends the roles as an operator would; says what did not end by itself, and what was left over. */
  shutDown(): Promise<{ killed: string[]; leftOver: string[] }>;
  /** Kills what there is and gives everything back; the directory stays unless `remove`. */
  close(options: { remove: boolean }): Promise<void>;
}

export interface BedOptions {
  seed: number;
  postgresBin: string;
  /** Attempts at a time of each worker. */
  workerSlots?: number;
  /** Told what is going on. */
  say: (text: string) => void;
}

export async function openBed({ seed, postgresBin, say, workerSlots = WORKER_SLOTS }: BedOptions): Promise<Bed> {
  const directory = mkdtempSync(join(tmpdir(), 'pelorus-chaos-'));
  chmodSync(directory, 0o755);
  const logs = join(directory, 'logs');
  mkdirSync(logs);
  const closers: (() => unknown)[] = [];
  const close = async ({ remove }: { remove: boolean }): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
    await endAll(directory);
    if (remove) rmSync(directory, { recursive: true, force: true });
  };
  try {
    const disks = new Map<string, Disk>();
    const addDisk = async (name: string, kind: 'image' | 'memory', bytes: number): Promise<Disk> => {
      const disk = await makeDisk(kind, join(directory, name), bytes);
      disks.set(name, disk);
      closers.push(() => disk.unmount());
      return disk;
    };
    const databaseDisk = await addDisk('database', 'image', DATABASE_DISK_BYTES);
    for (const worker of WORKERS) {
      await addDisk(worker, 'memory', WORKER_DISK_BYTES);
      await addDisk(join(worker, SPOOL), 'memory', WORKER_DISK_BYTES);
    }
    closers.push(() => killTasks(directory));

    const ports = await freePorts(EDGE_COUNT + OWN_PORTS);
    const network = await makeNetwork([...MASTERS, ...WORKERS, ...APIS]);
    const layout = layOut(ports, network);
    say(`starting PostgreSQL (${databaseDisk.isOwn ? 'on a disk of its own' : 'on the disk of the machine'})`);
    const database = await makeDatabaseServer({
      bin: postgresBin,
      disk: databaseDisk,
      port: layout.database,
      logFile: join(logs, 'store.log'),
    });
    closers.push(() => database.unit.kill());
    const proxies = await startProxies(layout.edges, seed);
    closers.push(() => proxies.close());
    const secrets = {
      admin: `chaos-administrator-token-${'0'.repeat(16)}`,
      worker: 'w'.repeat(40),
      ops: 'o'.repeat(40),
    };
    const units = makeUnits({ directory, logs, layout, secrets, workerSlots });
    closers.push(() => Promise.all([...units.values()].map((unit) => unit.kill())));
    await migrate(directory, database.url);

    const unit = (name: string): Unit => {
      const found = name === 'store' ? database.unit : units.get(name);
      if (!found) throw new Error(`there is no process ${name}`);
      return found;
    };
    const supervisorOf = (worker: string): ProcessSeen | null =>
      processesOf(join(directory, worker)).find(({ command }) => /supervisor\/main\.[jt]s/.test(command)) ?? null;
    const bed: Bed = {
      directory,
      logs,
      database,
      proxies,
      unit,
      apiUrls: APIS.map((api) => `http://${network.center}:${layout.port(edgeName('client', api))}`),
      directApiUrls: APIS.map((api) => `http://${network.addressOf(api)}:${layout.port(api)}`),
      network,
      adminToken: secrets.admin,
      opsUrls: Object.fromEntries(MASTERS.map((master) => [master, opsUrl(layout, master)])),
      disk: (name, worker) => {
        const key = name === 'database' ? name : name === 'work' ? worker : join(worker, SPOOL);
        const disk = disks.get(key);
        return disk?.isOwn === true ? disk : null;
      },
      supervisorOf,
      hostProcessesOf: (worker) => {
        const all = processesOf(join(directory, worker));
        const own = all.filter(({ pid }) => pid !== units.get(worker)?.pid);
        return withDescendants(own, allProcesses());
      },
      taskProcesses: () => taskProcessesOf(directory),
      setClock: (name, offsetMs) => writeFileSync(clockFile(directory, name), String(offsetMs)),
      selfExits: () =>
        Object.fromEntries(
          [...units.values(), database.unit]
            .filter(({ selfExits }) => selfExits.length > 0)
            .map(({ name, selfExits }) => [name, selfExits.length]),
        ),
      calm: async () => {
        await proxies.calm();
        if (network.hasHosts) for (const name of units.keys()) await network.plug(name, true);
        for (const disk of disks.values()) if (disk.isOwn) disk.free();
        database.signalAll('SIGCONT');
        for (const name of [...MASTERS, ...WORKERS, ...APIS]) {
          bed.setClock(name, 0);
          for (const { pid } of WORKERS.includes(name) ? bed.hostProcessesOf(name) : []) signalPid(pid, 'SIGCONT');
          unit(name).signal('SIGCONT');
          unit(name).start();
        }
        database.start();
      },
      shutDown: () => shutDown(bed, units),
      close,
    };
    database.unit.start();
    for (const each of units.values()) each.start();
    await whenUp(bed);
    return bed;
  } catch (error) {
    await close({ remove: false });
    throw error;
  }
}

const EDGE_COUNT = EDGES.length;
/** PostgreSQL; each master's two; each API's; each worker's operations. */
const OWN_PORTS = 1 + 2 * MASTERS.length + APIS.length + WORKERS.length;

interface Layout {
  network: Network;
  database: number;
  edges: EdgePlace[];
  /** Where something listens, or the edge to it. */
  port(name: string): number;
}

function layOut(ports: number[], network: Network): Layout {
  const rest = [...ports];
  const next = (): number => rest.pop()!;
  const byName = new Map<string, number>([['store', next()]]);
  for (const master of MASTERS) byName.set(`${master}:workers`, next()).set(`${master}:ops`, next());
  for (const api of APIS) byName.set(api, next());
  for (const worker of WORKERS) byName.set(`${worker}:ops`, next());
  for (const { name } of EDGES) byName.set(name, next());
  const port = (name: string): number => byName.get(name)!;
  const edges = EDGES.map(({ name, from, to, protocol }) => {
    const target = MASTERS.includes(to) ? `${to}:${from === 'api' ? 'ops' : 'workers'}` : to;
    const hosts = { listenHost: network.center, targetHost: network.addressOf(to) };
    return { name, protocol, ...hosts, listenPort: port(name), targetPort: port(target) };
  });
  return { network, database: port('store'), edges, port };
}

function opsUrl(layout: Layout, master: string): string {
  return `http://${layout.network.center}:${layout.port(edgeName('api', master))}`;
}

interface UnitPlan {
  directory: string;
  logs: string;
  layout: Layout;
  secrets: { admin: string; worker: string; ops: string };
  workerSlots: number;
}

function makeUnits({ directory, logs, layout, secrets, workerSlots }: UnitPlan): Map<string, Unit> {
  const { network } = layout;
  const storeOf = (name: string): string =>
    `postgres://postgres@${network.center}:${layout.port(edgeName(name, 'store'))}/pelorus`;
  const withStore = (name: string): Record<string, string> => ({
    PELORUS_STORE: storeOf(name),
    PELORUS_SECRET_KEY: 'chaos'.repeat(8),
    PELORUS_OPS_TOKEN: secrets.ops,
  });
  const variables: Record<string, Record<string, string>> = {};
  for (const master of MASTERS)
    variables[master] = {
      ...withStore(master),
      PELORUS_LISTEN: `${network.addressOf(master)}:${layout.port(`${master}:workers`)}`,
      PELORUS_OPS: `${network.addressOf(master)}:${layout.port(`${master}:ops`)}`,
      PELORUS_OPS_URL: opsUrl(layout, master),
      PELORUS_WORKER_TOKEN: secrets.worker,
    };
  for (const api of APIS)
    variables[api] = {
      ...withStore(api),
      // Any name may be used for it: clients come through a proxy.
      PELORUS_HOST: network.hasHosts ? '0.0.0.0' : '127.0.0.1',
      PELORUS_PORT: String(layout.port(api)),
      PELORUS_ADMIN_TOKEN: secrets.admin,
    };
  for (const worker of WORKERS)
    variables[worker] = {
      PELORUS_DATA: join(directory, worker),
      PELORUS_WORKER_NAME: worker,
      PELORUS_WORKER_TOKEN: secrets.worker,
      PELORUS_OPS: `127.0.0.1:${layout.port(`${worker}:ops`)}`,
      PELORUS_MASTERS: MASTERS.map((master) => `ws://${network.center}:${layout.port(edgeName(worker, master))}`).join(
        ',',
      ),
      PELORUS_WORKER_SLOTS: String(workerSlots),
      PELORUS_WORKER_RESERVED_MEMORY: '0',
      // All "hosts" share one machine, so its load says nothing about one of them.
      PELORUS_WORKER_MAX_LOAD: '10000',
    };
  return new Map(
    Object.entries(variables).map(([name, own]) => {
      const home = join(directory, WORKERS.includes(name) ? name : `home-${name}`);
      mkdirSync(home, { recursive: true });
      writeFileSync(clockFile(directory, name), '0');
      const role = name.replace(/-\d+$/, '');
      const env = {
        ...hostVariables(),
        ...own,
        PELORUS_LOG_FORMAT: 'json',
        ...clockVariables(directory, name),
        HOME: home,
      };
      const command = [...network.enter(name), ...inOwnTime(name), process.execPath, BIN, role];
      return [name, new Unit({ name, command, env, cwd: home, logFile: join(logs, `${name}.log`) })];
    }),
  );
}

/** A time namespace, where the kernel and our rights allow one. */
function inOwnTime(name: string): string[] {
  const seconds = BOOT_CLOCKS[name];
  if (seconds === undefined || !OWN_TIMES) return [];
  return [UNSHARE, '--time', '--boottime', String(seconds), '--monotonic', String(seconds)];
}

/** Whether processes can have boot clocks of their own. */
export const OWN_TIMES =
  spawnSync(UNSHARE, ['--time', '--boottime', '86400', 'true'], { stdio: 'ignore' }).status === 0;

function hostVariables(): Record<string, string> {
  const kept = ['PATH', 'LANG', 'TZ', 'TMPDIR', 'USER', 'SHELL'];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function clockVariables(directory: string, name: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${CLOCK_SHIFT}`, CHAOS_CLOCK: clockFile(directory, name) };
}

function clockFile(directory: string, name: string): string {
  return join(directory, `clock-${name}`);
}

/** Before anything else is started, so that the oracle's trigger finds its tables. */
async function migrate(directory: string, storeUrl: string): Promise<void> {
  const env = { ...hostVariables(), PELORUS_STORE: storeUrl, HOME: directory, PELORUS_SECRET_KEY: 'chaos'.repeat(8) };
  await promisify(execFile)(process.execPath, [BIN, 'db', 'migrate'], { cwd: directory, env });
}

/** All APIs answer, and all workers are seen by one. */
async function whenUp(bed: Bed): Promise<void> {
  for (const endsAt = Date.now() + START_MS; ; await pause(200)) {
    const online = await Promise.all(bed.directApiUrls.map((url) => workersOnline(url, bed.adminToken)));
    if (online.every((count) => count >= WORKERS.length)) return;
    if (Date.now() > endsAt)
      throw new Error(`the cluster did not start: ${online.join(' and ')} workers; see ${bed.logs}`);
  }
}

async function workersOnline(url: string, token: string): Promise<number> {
  try {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/api/v1/workers`, { headers, signal: AbortSignal.timeout(2_000) });
    const { items } = (await response.json()) as { items: { name: string; state: string }[] };
    return new Set(items.filter(({ state }) => state === 'online').map(({ name }) => name)).size;
  } catch {
    return 0;
  }
}

async function shutDown(bed: Bed, units: Map<string, Unit>): Promise<{ killed: string[]; leftOver: string[] }> {
  const killed: string[] = [];
  for (const names of [APIS, WORKERS, MASTERS]) {
    const ends = names.map(async (name) => {
      if (!(await units.get(name)!.end('SIGTERM', SHUTDOWN_MS))) killed.push(name);
    });
    await Promise.all(ends);
  }
  const belongs = ({ pid, command }: ProcessSeen): boolean =>
    pid !== bed.proxies.pid &&
    pid !== bed.database.unit.pid &&
    !command.startsWith('postgres') &&
    !command.includes('/postgres ');
  // Supervisors end a few seconds after their agents.
  for (const endsAt = Date.now() + SHUTDOWN_MS; ; await pause(200)) {
    const left = processesOf(bed.directory).filter(belongs);
    if (left.length === 0 || Date.now() > endsAt)
      return { killed, leftOver: left.map(({ pid, command }) => `${pid} ${command}`) };
  }
}

/** Until there are none: one that is killed may have started another, and need not be gone at once. */
async function endAll(directory: string): Promise<void> {
  for (const endsAt = Date.now() + SHUTDOWN_MS; Date.now() < endsAt; await pause(50)) {
    const left = processesOf(directory);
    if (left.length === 0) return;
    for (const { pid } of left) signalPid(pid, 'SIGKILL');
  }
}

function killTasks(directory: string): void {
  for (const { pid } of WORKERS.flatMap((worker) =>
    withDescendants(processesOf(join(directory, worker)), allProcesses()),
  ))
    signalPid(pid, 'SIGKILL');
}

function allProcesses(): ProcessSeen[] {
  return processesOf('');
}
