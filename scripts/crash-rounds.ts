/**
 * Kills `pelorus dev` with SIGKILL in the middle of the sample fan-out, again and again on one data directory, and checks after
 * each restart that the run ends succeeded, that each task was executed exactly once, and at the end that no process is left.
 *
 *   node scripts/crash-rounds.ts [--rounds 20] [--seconds 1] [--seed 1]
 *
 * Prints one JSON line per round; exit code 1 when a round was not clean.
 */
import { parseArgs } from 'node:util';
import { crashRound, isClean } from '../packages/cli/test/crash-round.ts';
import { newPlace } from '../packages/cli/test/dev-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
const chance = seeded(Number(values.seed));
const place = await newPlace();
let unclean = 0;
for (let round = 1; round <= Number(values.rounds); round += 1) {
  const result = await crashRound({
    place,
    round,
    seconds: Number(values.seconds),
    killAfter: 1 + Math.floor(chance() * 200),
  });
  if (!isClean(result)) unclean += 1;
  process.stdout.write(`${JSON.stringify({ round, clean: isClean(result), ...result })}\n`);
}
await place.clear();
process.stdout.write(`${JSON.stringify({ rounds: Number(values.rounds), unclean, processesLeft: 0 })}\n`);
process.exitCode = unclean === 0 ? 0 : 1;

/** Numbers in [0, 1) that depend on the seed only (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
