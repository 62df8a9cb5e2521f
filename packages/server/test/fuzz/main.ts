/**
 * `npm run fuzz -- --requests 10000 --seed 1`: sends so many requests that are made from the OpenAPI document, prints what it found
 * and ends with 1 when it found anything. `--only 17` sends the 17th of them alone.
 */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz-run.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: process.env['PELORUS_FUZZ_RUNS'] ?? '1000' },
    seed: { type: 'string' },
    concurrency: { type: 'string', default: '8' },
    'limit-ms': { type: 'string', default: '5000' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Math.trunc(Math.random() * 2 ** 31));
console.log(`seed ${seed}, ${values.requests} requests`);
const startedAt = performance.now();
const report = await fuzz({
  requests: Number(values.requests),
  seed,
  limitMs: Number(values['limit-ms']),
  concurrency: Number(values.concurrency),
  ...(values.only === undefined ? {} : { only: Number(values.only) }),
});
for (const problem of report.problems) console.log(`\n${problem}`);
const statuses = [...report.statuses]
  .toSorted(([left], [right]) => left - right)
  .map(([status, count]) => `${status}: ${count}`);
console.log(`\n${statuses.join(', ')}`);
const never = report.operations.filter((id) => !report.succeeded.has(id));
console.log(
  `${report.succeeded.size} of ${report.operations.length} operations succeeded at least once; never: ${never.join(', ') || 'none'}`,
);
console.log(
  `median ${report.medianMs} ms, 99 % within ${report.p99Ms} ms, longest ${report.maxMs} ms; ${((performance.now() - startedAt) / 1000).toFixed(1)} s in all`,
);
for (const { tookMs, request } of report.slowest) console.log(`${Math.round(tookMs)} ms:\n${request.slice(0, 300)}`);
console.log(report.problems.length === 0 ? 'nothing found' : `${report.problems.length} problems`);
process.exit(report.problems.length === 0 ? 0 : 1);
