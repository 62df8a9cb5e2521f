/** Holds `src/cron` against the oracle in one zone: around every change of its clocks, and at times between them. */
import { firesBetween, nextFire, parseCron, steadyStretches, type Cron } from '../src/cron/index.ts';
import { CASES, firesByScan, offsetsOf, type Stretch } from './cron-oracle.ts';

export const YEAR_1970 = 0;
export const YEAR_2041 = Date.UTC(2041, 0, 1) / 1000;

export interface ZoneResult {
  zone: string;
  changes: number;
  /** Fires that were compared. */
  fires: number;
  /** What differs, as sentences. */
  differences: string[];
}

/** Local time before and after each change that is gone through. */
const AROUND_SECONDS = 30 * 3600;
const QUIET_WINDOWS = 12;
const SHOWN_DIFFERENCES = 5;

const CRONS: readonly Cron[] = CASES.map(({ cron }) => {
  const parsed = parseCron(cron);
  if ('problems' in parsed) throw new Error(`${cron}: ${parsed.problems.join('; ')}`);
  return parsed.cron;
});

/**
 * `random` gives numbers from 0 to below 1; it chooses the times between changes, the instants that are asked about and, where a zone has more
 * than `changesMax`, the changes.
 */
export function checkZone(zone: string, random: () => number, { changesMax = Infinity } = {}): ZoneResult {
  const stretches = offsetsOf(zone, YEAR_1970, YEAR_2041);
  const result: ZoneResult = {
    zone,
    changes: stretches.length - 1,
    fires: 0,
    differences: changesThatDiffer(zone, stretches),
  };
  const skip = stretches.length - 1 <= changesMax ? 0 : 1 - changesMax / (stretches.length - 1);
  for (const { from } of stretches.slice(1).filter(() => random() >= skip))
    checkWindow(result, stretches, from - AROUND_SECONDS, from + AROUND_SECONDS, random);
  for (let window = 0; window < QUIET_WINDOWS; window += 1) {
    const middle = Math.floor(random() * (YEAR_2041 - 8 * 86_400)) + 4 * 86_400;
    checkWindow(result, stretches, middle - AROUND_SECONDS, middle + AROUND_SECONDS, random);
  }
  return result;
}

function changesThatDiffer(zone: string, stretches: readonly Stretch[]): string[] {
  const theirs = steadyStretches(zone, YEAR_1970 - 20 * 3600, YEAR_2041 + 20 * 3600).filter(
    ({ from, until }) => until > YEAR_1970 && from <= YEAR_2041,
  );
  const ours = stretches.map(({ from, offset }) => `${from} ${offset}`).slice(1);
  const given = theirs.map(({ from, offset }) => `${from} ${offset}`).slice(1);
  const first = ours.findIndex((one, index) => one !== given[index]);
  if (first === -1 && ours.length === given.length && theirs[0]?.offset === stretches[0]?.offset) return [];
  return [
    `${zone}: clocks change ${ours.length} times, not ${given.length}; the first that differs: ${ours[first]}, ${given[first]}`,
  ];
}

function checkWindow(
  result: ZoneResult,
  stretches: readonly Stretch[],
  from: number,
  to: number,
  random: () => number,
): void {
  const near = nearby(stretches, from, to);
  const expected = firesByScan(CASES, near, from, to);
  for (const [index, cron] of CRONS.entries()) {
    const wanted = expected[index] ?? [];
    const given = firesBetween(cron, result.zone, { from: from * 1000, to: to * 1000, limit: 100_000 });
    result.fires += wanted.length;
    if (given.length !== wanted.length || given.some((fire, at) => fire !== (wanted[at] ?? 0) * 1000))
      differ(result, `${result.zone} \`${cron.text}\`: ${firstDifference(wanted, given)}`);
    const after = from * 1000 + Math.floor(random() * (to - from) * 1000);
    const next = wanted.find((fire) => fire * 1000 > after);
    const answer = nextFire(cron, result.zone, after);
    if (next === undefined ? answer !== null && answer <= to * 1000 : answer !== next * 1000)
      differ(
        result,
        `${result.zone} \`${cron.text}\` after ${iso(after)}: ${iso(answer)}, not ${iso((next ?? NaN) * 1000)}`,
      );
  }
}

function nearby(stretches: readonly Stretch[], from: number, to: number): Stretch[] {
  const margin = 4 * 86_400;
  return stretches.filter(
    (one, index) => one.from <= to + margin && (stretches[index + 1]?.from ?? Infinity) >= from - margin,
  );
}

function differ(result: ZoneResult, text: string): void {
  if (result.differences.length < SHOWN_DIFFERENCES) result.differences.push(text);
}

function firstDifference(wanted: readonly number[], given: readonly number[]): string {
  const all = new Set([...wanted.map((fire) => fire * 1000), ...given]);
  const first = [...all]
    .sort((left, right) => left - right)
    .find((at) => wanted.includes(at / 1000) !== given.includes(at));
  return `${iso(first ?? null)} is ${given.includes(first ?? NaN) ? 'one too many' : 'missing'}`;
}

function iso(at: number | null): string {
  return at === null || Number.isNaN(at) ? 'none' : new Date(at).toISOString();
}
