/**
 * Measures the worker alone, agent to supervisor to process and back, with a master that stores nothing:
 *   node packages/worker/bench/bench.ts [scripts] [shells]
 * Prints one JSON line per figure.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptSpec } from '@pelorus/protocol';
import { HandMaster, Scratch, script, shell, specOf, startTestWorker } from '../test/fixture.ts';

const SCRIPTS = Number(process.argv[2] ?? 20_000);
const SHELLS = Number(process.argv[3] ?? 500);
const OUTPUT_MB = 100;
const print = (metric: string, value: number, unit: string, n: number): void =>
  console.log(JSON.stringify({ workload: 'worker', metric, value: Number(value.toFixed(3)), unit, n }));

/** Each measurement is a run of its own number. */
let runs = 0;

await withWorker(100, async (master) => {
  await runAll(master, 'warm', 2_000, 64, (id) => specOf(id, script('return {}')));
  const ms = await runAll(master, 'scripts', SCRIPTS, 64, (id) => specOf(id, script('return {}')));
  print('noop-script-rate', (SCRIPTS / ms) * 1000, '1/s', SCRIPTS);
  const trips: number[] = [];
  for (let index = 0; index < 1000; index += 1)
    trips.push(await runAll(master, `trip${index}`, 1, 1, (id) => specOf(id, script('return {}'))));
  trips.sort((a, b) => a - b);
  print('noop-script-round-trip-p50', trips[500] ?? 0, 'ms', 1000);
  print('noop-script-round-trip-p99', trips[990] ?? 0, 'ms', 1000);
});

await withWorker(4, async (master, scratch) => {
  await runAll(master, 'warm', 8, 4, (id) => specOf(id, shell('true')));
  for (let round = 0; round < 3; round += 1) {
    const ms = await runAll(master, `shells${round}`, SHELLS, 4, (id) => specOf(id, shell('sh -c true')));
    print('shell-4-slots', ms, 'ms', SHELLS);
    const makeMs = runMake(scratch);
    print('make-j4', makeMs, 'ms', SHELLS);
    print('shell-to-make', ms / makeMs, 'ratio', SHELLS);
  }
});

/** What secrets cost: attempts that have one, and output that is looked through. */
await withWorker(4, async (master) => {
  const secret = { secrets: { s: 'canary-7f3a9c-Secret!' }, env: { S: '${secret.s}' } };
  await runAll(master, 'warm', 8, 4, (id) => specOf(id, shell('true'), secret));
  for (const [metric, more] of [
    ['shell-plain', {}],
    ['shell-with-secret', secret],
  ] as const) {
    const ms = await runAll(master, metric, SHELLS, 4, (id) => specOf(id, shell('sh -c true'), more));
    print(metric, ms / SHELLS, 'ms', SHELLS);
  }
  const line = '2026-03-01 12:00:00 INFO loaded 12345 rows from table weather in 34 ms; url=http://h/p?a=b%20c';
  for (const [metric, more, text] of [
    ['output-plain', {}, line],
    ['output-masked', secret, line],
    ['output-masked-all-secret', secret, 'it is $S'],
  ] as const) {
    const write = shell(`yes "${text}" | head -c ${OUTPUT_MB}000000`);
    const ms = await runAll(master, metric, 1, 1, (id) => specOf(id, write, more));
    print(metric, (OUTPUT_MB / ms) * 1000, 'MB/s', OUTPUT_MB);
  }
});

async function withWorker(
  slots: number,
  measure: (master: HandMaster, scratch: Scratch) => Promise<void>,
): Promise<void> {
  const scratch = new Scratch();
  const master = new HandMaster();
  const worker = await startTestWorker(scratch, master, { slots });
  await measure(master, scratch);
  await worker.stop({ stopTasks: true });
  scratch.remove();
}

/** Runs `count` attempts with `inFlight` at a time; resolves with the milliseconds that took. */
async function runAll(
  master: HandMaster,
  what: string,
  count: number,
  inFlight: number,
  specFor: (id: string) => AttemptSpec,
): Promise<number> {
  runs += 1;
  const run = runs;
  let sent = 0;
  let ended = 0;
  const next = (): AttemptSpec => specFor(`${run}.${sent++}.1`);
  const { promise, resolve } = Promise.withResolvers<void>();
  master.reports.length = 0;
  master.onReport = (report) => {
    if (report.kind !== 'finished') return;
    if (report.outcome.state !== 'succeeded')
      throw new Error(`${what} ${report.attempt}: ${JSON.stringify(report.outcome)}`);
    ended += 1;
    if (sent < count) master.dispatch(next());
    if (ended === count) resolve();
  };
  const startedAt = performance.now();
  for (let index = 0; index < Math.min(inFlight, count); index += 1) master.dispatch(next());
  await promise;
  return performance.now() - startedAt;
}

function runMake(scratch: Scratch): number {
  const file = join(scratch.dir, 'Makefile');
  const targets = Array.from({ length: SHELLS }, (_none, index) => `t${index}`);
  writeFileSync(
    file,
    `all: ${targets.join(' ')}\n.PHONY: all ${targets.join(' ')}\n${targets.map((name) => `${name}:\n\t@sh -c true\n`).join('')}`,
  );
  const startedAt = performance.now();
  execFileSync('make', ['-s', '-j4', '-f', file]);
  return performance.now() - startedAt;
}
