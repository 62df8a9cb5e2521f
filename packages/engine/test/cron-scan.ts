/**
 * Every change of clocks in every time zone from 1970 to 2040, for every expression of the oracle:
 *
 *     node packages/engine/test/cron-scan.ts --all            [--seed 1]
 *     node packages/engine/test/cron-scan.ts Europe/Berlin …
 *
 * Ends with 1 when anything differs.
 */
import { seeded } from './seeded.ts';
import { CASES } from './cron-oracle.ts';
import { checkZone } from './cron-zone-check.ts';

const args = process.argv.slice(2);
const seedAt = args.indexOf('--seed');
const seed = seedAt === -1 ? 1 : Number(args[seedAt + 1]);
const zones = args.includes('--all') ? Intl.supportedValuesOf('timeZone') : args.filter((arg) => arg.includes('/'));
const random = seeded(seed);
const begun = performance.now();
const total = { changes: 0, fires: 0, differing: 0 };
for (const zone of zones) {
  const { changes, fires, differences } = checkZone(zone, random);
  total.changes += changes;
  total.fires += fires;
  if (differences.length > 0) total.differing += 1;
  for (const difference of differences) console.log(difference);
}
console.log(
  `${zones.length} zones, ${total.changes} changes of clocks, ${CASES.length} expressions, ${total.fires} fires compared, ` +
    `${total.differing} zones differ; tzdata ${process.versions['tz']}, seed ${seed}, ${Math.round((performance.now() - begun) / 1000)} s`,
);
process.exitCode = total.differing > 0 || zones.length === 0 ? 1 : 0;
