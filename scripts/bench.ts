/**
 * `npm run bench -- [--store sqlite|postgres] [--only chain-40,fan-1000,…]`: one JSON line per figure. Every task is durable
 * (one fsync at least between its start and its successor's) and separately tracked. Figures are for comparing states
 * of the code on one machine, in one run.
 */
import { parseArgs } from 'node:util';
import { benchBackfill } from './bench/backfills.ts';
import { benchEngine } from './bench/engine.ts';
import { benchLists } from './bench/lists.ts';
import { benchLogs } from './bench/logs.ts';
import { benchMasters } from './bench/masters.ts';
import { benchRestart } from './bench/restart.ts';
import { benchSchedules } from './bench/schedules.ts';
import { STORES, stopServer, type StoreKind } from './bench/stores.ts';
import { benchChain, benchFan, benchIdleToStart, benchShell, benchThroughput } from './bench/workloads.ts';

const WORKLOADS = {
  'chain-40': (store: StoreKind) => benchChain(store),
  'fan-1000': (store: StoreKind) => benchFan(store),
  throughput: (store: StoreKind) => benchThroughput(store),
  'idle-to-start': (store: StoreKind) => benchIdleToStart(store),
  'shell-500': (store: StoreKind) => benchShell(store),
  'backfill-1000': (store: StoreKind) => benchBackfill(store),
  engine: () => Promise.resolve(benchEngine()),
  restart: (store: StoreKind) => benchRestart(store),
  logs: () => benchLogs(),
  // Masters in processes of their own.
  masters: (store: StoreKind) => (store === 'postgres' ? benchMasters() : Promise.resolve()),
  schedules: (store: StoreKind) => (store === 'postgres' ? benchSchedules() : Promise.resolve()),
  // A history of a million runs is written into a file of SQLite's.
  lists: (store: StoreKind) => (store === 'sqlite' ? benchLists(store) : Promise.resolve()),
};

const { values } = parseArgs({ options: { store: { type: 'string', default: 'sqlite' }, only: { type: 'string' } } });
const store = STORES.find((kind) => kind === values.store);
if (store === undefined) {
  console.error(`Unknown store ${values.store}: this version measures ${STORES.join(', ')}.`);
  process.exit(2);
}
const only = values.only?.split(',') ?? Object.keys(WORKLOADS);
const unknown = only.filter((name) => !(name in WORKLOADS));
if (unknown.length > 0) {
  console.error(`Unknown workload ${unknown.join(', ')}. There are: ${Object.keys(WORKLOADS).join(', ')}.`);
  process.exit(2);
}
for (const [name, run] of Object.entries(WORKLOADS)) if (only.includes(name)) await run(store);
await stopServer();
process.exit(0);
