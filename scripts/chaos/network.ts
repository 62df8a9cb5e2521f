/**
 * A network namespace per process, so that a host can be unplugged: then packets are lost, and nobody is told, not even that a connection
 * cannot be made. Needs root and a namespace of the bed's own (`scripts/chaos.ts` makes it); otherwise all share the loopback.
 */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Network {
  /** False: there is one host, and it cannot be unplugged. */
  readonly hasHosts: boolean;
  /** Where the proxies and the bed itself are reached from every host. */
  readonly center: string;
  /** Address of a process of the cluster. */
  addressOf(name: string): string;
  /** Goes before the command of a process. */
  enter(name: string): string[];
  plug(name: string, isIn: boolean): Promise<void>;
}

/** Set by `scripts/chaos.ts` when this process has network and mounts for itself. */
export const OWN_NETWORK = 'PELORUS_CHAOS_OWN_NETWORK';

const LOOPBACK = '127.0.0.1';
const CENTER = '10.230.0.1';
const NAMES = '/run/netns';

export async function makeNetwork(names: string[]): Promise<Network> {
  if (process.env[OWN_NETWORK] === undefined) return loopback();
  const positionOf = (name: string): number => names.indexOf(name) + 1;
  mkdirSync(NAMES, { recursive: true });
  await run('mount', ['-t', 'tmpfs', 'tmpfs', NAMES]);
  await ip('addr', 'add', `${CENTER}/32`, 'dev', 'lo');
  for (const name of names) await addHost(name, positionOf(name));
  return {
    hasHosts: true,
    center: CENTER,
    addressOf: (name) => (names.includes(name) ? `10.231.${positionOf(name)}.2` : LOOPBACK),
    enter: (name) => ['nsenter', `--net=${NAMES}/${name}`],
    plug: (name, isIn) => ip('link', 'set', `host${positionOf(name)}`, isIn ? 'up' : 'down'),
  };
}

async function addHost(name: string, position: number): Promise<void> {
  const link = `host${position}`;
  const near = `10.231.${position}.1`;
  await ip('netns', 'add', name);
  await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await ip('addr', 'add', `${near}/30`, 'dev', link);
  await ip('link', 'set', link, 'up');
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  await ip('-n', name, 'addr', 'add', `10.231.${position}.2/30`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
  await ip('-n', name, 'route', 'add', 'default', 'via', near);
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

function loopback(): Network {
  return {
    hasHosts: false,
    center: LOOPBACK,
    addressOf: () => LOOPBACK,
    enter: () => [],
    plug: () => Promise.reject(new Error('there is one host only')),
  };
}
