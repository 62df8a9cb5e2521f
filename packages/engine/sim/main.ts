/**
 * `npm run sim -- [--seed S] [--seconds N | --histories N] [--verbose] [--require-paths]`: plays histories until time is up or one breaks an
 * invariant. Prints the seed first, and at the end how often each fault path was reached. Exit code 1 when something broke, or
 * when one was never reached by a run of at least `PATHS_REQUIRED_FROM_S` (`--require-paths` demands it of any run,
 * `--no-require-paths` of none).
 */
import { parseArgs } from 'node:util';
import { playHistory } from './history.ts';
import { explain } from './explain.ts';
import { neverReached, RARELY_REACHED, SOON_REACHED } from './paths.ts';
import { Tally } from './tally.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string' },
    histories: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    'require-paths': { type: 'boolean' },
  },
  allowNegative: true,
});

/** Long enough to reach everything. */
const PATHS_REQUIRED_FROM_S = 300;

const firstSeed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const histories =
  values.histories === undefined
    ? values.seconds === undefined
      ? values.seed === undefined
        ? 200
        : 1
      : Infinity
    : Number(values.histories);
const untilMs = values.seconds === undefined ? Infinity : performance.now() + Number(values.seconds) * 1000;

console.log(`seed ${firstSeed}`);
const total = new Tally();
let played = 0;
for (; played < histories && performance.now() < untilMs; played++) {
  const seed = firstSeed + played;
  const report = playHistory({ seed, trace: values.verbose && histories === 1 ? console.log : null });
  total.add(report.tally);
  total.count('steps', report.steps);
  if (values.verbose)
    console.log(
      `seed ${seed}: ${report.steps} steps, ${Math.round(report.durationMs / 1000)} s of virtual time, ${summary(report.tally)}`,
    );
  if (!report.violation) continue;
  console.log(explain(report));
  process.exitCode = 1;
  played++;
  break;
}
console.log(`${played} histories`);
for (const [name, count] of total.sorted()) console.log(`${String(count).padStart(9)}  ${name}`);

const missed = neverReached(total, [...SOON_REACHED, ...RARELY_REACHED]);
for (const path of missed) console.log(`    never  ${path}`);
const required = values['require-paths'] ?? Number(values.seconds ?? 0) >= PATHS_REQUIRED_FROM_S;
if (required && missed.length > 0) {
  console.log(`${missed.length} fault paths were never reached: this run proves less than it should`);
  process.exitCode = 1;
}

function summary(tally: Tally): string {
  const faults = tally.sorted().filter(([name]) => name.startsWith('fault: '));
  return `${tally.counts.get('runs') ?? 0} runs, ${tally.counts.get('processes started') ?? 0} processes; ${faults.map(([name, count]) => `${name.slice(7)} ${count}`).join(', ') || 'no faults'}`;
}
