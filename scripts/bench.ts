/**
 * `npm run bench -- [--store sqlite] [--only chain-40,fan-1000,…]`: one JSON line per figure. Every task is durable
 * (one fsync at least between its start and its successor's) and separately tracked. Figures are for comparing states
 * of the code on one machine, in one run.
 */
import { parseArgs } from 'node:util';
import { benchEngine } from './bench/engine.ts';
import { openHarness } from './bench/harness.ts';
import { benchLists } from './bench/lists.ts';
import { benchLogs } from './bench/logs.ts';
import { benchRestart } from './bench/restart.ts';
import { benchChain, benchFan, benchIdleToStart, benchShell, benchThroughput } from './bench/workloads.ts';

const WORKLOADS = {
  'chain-40': (store: string) => benchChain(store),
  'fan-1000': (store: string) => benchFan(store),
  throughput: (store: string) => benchThroughput(store),
  'idle-to-start': (store: string) => benchIdleToStart(store),
  'shell-500': (store: string) => benchShell(store),
  engine: () => Promise.resolve(benchEngine()),
  restart: (store: string) => benchRestart(store),
  logs: () => benchLogs(),
  lists: (store: string) => benchLists(store),
};

const { values } = parseArgs({ options: { store: { type: 'string', default: 'sqlite' }, only: { type: 'string' } } });
if (!openHarness.stores.includes(values.store)) {
  console.error(`Unknown store ${values.store}: this version measures ${openHarness.stores.join(', ')}.`);
  process.exit(2);
}
const only = values.only?.split(',') ?? Object.keys(WORKLOADS);
const unknown = only.filter((name) => !(name in WORKLOADS));
if (unknown.length > 0) {
  console.error(`Unknown workload ${unknown.join(', ')}. There are: ${Object.keys(WORKLOADS).join(', ')}.`);
  process.exit(2);
}
for (const [name, run] of Object.entries(WORKLOADS)) if (only.includes(name)) await run(values.store);
process.exit(0);
