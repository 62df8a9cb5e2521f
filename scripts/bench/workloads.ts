/** The workloads that run tasks. Each opens a fresh data directory, warms up with one run that is not counted, and closes. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { percentile, print } from './figure.ts';
import { type Harness, openHarness } from './harness.ts';
import type { StoreKind } from './stores.ts';
import { chain, diamond, fan } from './workflows.ts';

const ROUNDS = 9;

export async function benchChain(store: StoreKind): Promise<void> {
  const { totals } = await rounds(chain(40), { store, slots: 100, count: ROUNDS });
  const hops = totals.map((total) => total / 40);
  const figure = { workload: 'chain-40', store, n: totals.length };
  print({ ...figure, metric: 'total-p50', value: percentile(totals, 50), unit: 'ms' });
  print({ ...figure, metric: 'total-min', value: Math.min(...totals), unit: 'ms' });
  print({ ...figure, metric: 'hop-p50', value: percentile(hops, 50), unit: 'ms' });
  print({ ...figure, metric: 'hop-p99', value: percentile(hops, 99), unit: 'ms' });
}

export async function benchFan(store: StoreKind): Promise<void> {
  const { totals } = await rounds(fan(1000), { store, slots: 100, count: ROUNDS });
  print({
    workload: 'fan-1000',
    store,
    metric: 'total-p50',
    value: percentile(totals, 50),
    unit: 'ms',
    n: totals.length,
  });
  print({ workload: 'fan-1000', store, metric: 'total-min', value: Math.min(...totals), unit: 'ms', n: totals.length });
}

async function rounds(
  definition: Parameters<Harness['save']>[0],
  { store, slots, count }: { store: StoreKind; slots: number; count: number },
): Promise<{ totals: number[] }> {
  const harness = await openHarness(slots, { store });
  await harness.save(definition);
  const totals: number[] = [];
  for (let round = 0; round < count + 2; round++) {
    const at = performance.now();
    const run = await harness.submit(definition.name);
    const total = (await harness.ended(run)) - at;
    if (round >= 2) totals.push(total);
  }
  await harness.close();
  return { totals };
}

const RUNS = 1000;
const IN_FLIGHT = 100;

export async function benchThroughput(store: StoreKind): Promise<void> {
  for (const definition of [chain(10), diamond()]) {
    const harness = await openHarness(200, { store });
    await harness.save(definition);
    await flow(harness, definition.name, 100);
    const at = performance.now();
    const latencies = await flow(harness, definition.name, RUNS);
    const seconds = (performance.now() - at) / 1000;
    await harness.close();
    const figure = { workload: `throughput-${definition.name}`, store, n: RUNS };
    print({ ...figure, metric: 'tasks', value: (RUNS * definition.tasks.length) / seconds, unit: '1/s' });
    print({ ...figure, metric: 'run-p99', value: percentile(latencies, 99), unit: 'ms' });
    print({ ...figure, metric: 'run-p50', value: percentile(latencies, 50), unit: 'ms' });
  }
}

/** `count` runs, at most 100 at a time; the time each took from submission to durable end. */
async function flow(harness: Harness, workflow: string, count: number): Promise<number[]> {
  const latencies: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < count) {
      const at = performance.now();
      latencies.push((await harness.ended(await harness.submit(workflow))) - at);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return latencies;
}

const IDLE_SAMPLES = 200;
const IDLE_PAUSE_MS = 5;

export async function benchIdleToStart(store: StoreKind): Promise<void> {
  const harness = await openHarness(100, { store });
  const definition = chain(1);
  await harness.save(definition);
  const samples: number[] = [];
  for (let sample = 0; sample < IDLE_SAMPLES + 5; sample++) {
    const at = performance.now();
    const run = await harness.submit(definition.name);
    const started = (await harness.started(run)) - at;
    if (sample >= 5) samples.push(started);
    await harness.ended(run);
    await new Promise((resolve) => setTimeout(resolve, IDLE_PAUSE_MS));
  }
  await harness.close();
  const figure = { workload: 'idle-to-start', store, n: samples.length };
  print({ ...figure, metric: 'p50', value: percentile(samples, 50), unit: 'ms' });
  print({ ...figure, metric: 'p99', value: percentile(samples, 99), unit: 'ms' });
}

const SHELL_ROUNDS = 5;

/** Beside `make -j4` over the same graph, in turns, so that the ratio holds on a noisy machine. */
export async function benchShell(store: StoreKind): Promise<void> {
  const definition = fan(500, { type: 'shell', run: 'true' });
  const harness = await openHarness(4, { store });
  await harness.save(definition);
  const makefile = await writeMakefile(500);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < SHELL_ROUNDS + 1; round++) {
    const at = performance.now();
    const total = (await harness.ended(await harness.submit(definition.name))) - at;
    const make = await timeMake(makefile);
    if (round === 0) continue;
    ours.push(total);
    if (make !== null) theirs.push(make);
  }
  await harness.close();
  await rm(makefile, { recursive: true, force: true });
  const figure = { workload: 'shell-500', store, n: ours.length };
  print({ ...figure, metric: 'total-p50', value: percentile(ours, 50), unit: 'ms' });
  if (theirs.length === 0) return;
  print({ ...figure, metric: 'make-p50', value: percentile(theirs, 50), unit: 'ms' });
  const ratios = ours.map((value, index) => value / theirs[index]!);
  print({ ...figure, metric: 'ratio-to-make-p50', value: percentile(ratios, 50), unit: 'x' });
  print({ ...figure, metric: 'cores', value: availableParallelism(), unit: 'cores' });
}

async function writeMakefile(width: number): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pelorus-make-'));
  const middle = Array.from({ length: width }, (_, index) => `m${index}`);
  const rules = [
    `last: ${middle.join(' ')}\n\t@sh -c true`,
    `${middle.join(' ')}: first\n\t@sh -c true`,
    `first:\n\t@sh -c true`,
  ];
  await writeFile(join(dir, 'Makefile'), `.PHONY: last first ${middle.join(' ')}\n${rules.join('\n')}\n`);
  return dir;
}

/** Milliseconds, or null where there is no make. */
async function timeMake(dir: string): Promise<number | null> {
  const at = performance.now();
  try {
    await promisify(execFile)('make', ['-s', '-j4', 'last'], { cwd: dir });
  } catch {
    return null;
  }
  return performance.now() - at;
}
