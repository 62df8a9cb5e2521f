/**
 * Storms over a cluster of real processes: kills, stand-stills, partitions, broken disks and clocks, under load; then a ledger that the
 * tasks kept themselves is held against the store and what the client was told. docs/chaos.md says more.
 *
 *   npm run chaos -- --seconds 300 [--seed 7] [--faults master-kill,cut-commit] [--shapes chain,fan] [--width 120] [--rate 5] [--settle 240] [--keep]
 *
 *   npm run chaos -- --lose-owner-of 1000      # no storm: kill -9 of the master that owns so many running tasks
 *
 * The last line of output is one JSON object. Exit code 0 only when nothing was lost, doubled or stalled, and nothing else was wrong.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runChaos, type ChaosReport } from './chaos/chaos-run.ts';
import { findPostgres } from './chaos/database-server.ts';
import { OWN_NETWORK } from './chaos/network.ts';
import { loseOwner, type OwnerLossReport } from './chaos/owner-loss.ts';
import { FAULT_KINDS, RULES } from './chaos/schedule.ts';
import { SHAPES, type Shape } from './chaos/workloads.ts';

const OWN_MOUNTS = 'PELORUS_CHAOS_OWN_MOUNTS';
/** Shorter storms have none of the tasks that take minutes, unless they are asked for. */
const ENDLESS_FROM_SECONDS = 180;
const UNSHARE = '/usr/bin/unshare';

inOwnNamespaces();

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    faults: { type: 'string' },
    shapes: { type: 'string' },
    width: { type: 'string', default: '120' },
    rate: { type: 'string', default: '5' },
    settle: { type: 'string', default: '300' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    'lose-owner-of': { type: 'string' },
  },
});

if (values.list) {
  for (const kind of FAULT_KINDS) process.stdout.write(`${kind.padEnd(26)} ${RULES[kind].what}\n`);
  process.exit(0);
}
const postgresBin = findPostgres() ?? refuse('there is no PostgreSQL on this machine (apt-get install postgresql)');

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort(new Error(`interrupted by ${signal}`)));
const startedAt = performance.now();
const say = (text: string): void => {
  process.stderr.write(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);
};

try {
  const report = await (values['lose-owner-of'] === undefined ? storm() : ownerLoss(values['lose-owner-of']));
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(report.ok ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(stop.signal.aborted ? 130 : 2);
}

function storm(): Promise<ChaosReport> {
  return runChaos({
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('seed', values.seed),
    seconds: whole('seconds', values.seconds),
    kinds: chosen('fault', values.faults, FAULT_KINDS),
    shapes: values.shapes === undefined ? usualShapes() : chosen('shape', values.shapes, SHAPES),
    width: whole('width', values.width),
    rate: whole('rate', values.rate),
    settleSeconds: whole('settle', values.settle),
    postgresBin,
    keep: values.keep,
    signal: stop.signal,
    say,
  });
}

function ownerLoss(tasks: string): Promise<OwnerLossReport> {
  return loseOwner({
    tasks: whole('lose-owner-of', tasks),
    postgresBin,
    keep: values.keep,
    signal: stop.signal,
    say,
  });
}

/**
 * As root: mounts and network of the storm go with its last process, whatever happens to this one. A network of its own is more than some
 * containers allow.
 */
function inOwnNamespaces(): void {
  if (process.getuid?.() !== 0 || process.env[OWN_MOUNTS] !== undefined || !existsSync(UNSHARE)) return;
  if (typeof process.execve !== 'function') return;
  const hasNetwork = spawnSync(UNSHARE, ['--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status === 0;
  const own = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const begin = hasNetwork ? ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...own] : own;
  const env = { ...process.env, [OWN_MOUNTS]: '1', ...(hasNetwork ? { [OWN_NETWORK]: '1' } : {}) };
  process.execve(UNSHARE, ['unshare', '--mount', '--propagation', 'private', ...begin], env);
}

function usualShapes(): readonly Shape[] {
  return SHAPES.filter((shape) => shape !== 'endless' || Number(values.seconds) >= ENDLESS_FROM_SECONDS);
}

function chosen<Name extends string>(what: string, text: string | undefined, names: readonly Name[]): readonly Name[] {
  if (text === undefined) return names;
  const find = (name: string): Name =>
    names.find((known) => known === name) ?? refuse(`there is no ${what} ${name}; there are ${names.join(', ')}`);
  return text.split(',').filter(Boolean).map(find);
}

function whole(name: string, text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : refuse(`--${name} must be a whole number, not ${text}`);
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}
