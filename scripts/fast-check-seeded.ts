/**
 * What tests get as `fast-check` (see `vitest.config.ts`): properties are tried with the same examples each time, so that nothing but a
 * change of the code makes one fail. With `PELORUS_FUZZ_RUNS` others are, which nobody has tried.
 */
import fc from '../node_modules/fast-check/lib/fast-check.js';

if (process.env['PELORUS_FUZZ_RUNS'] === undefined) fc.configureGlobal({ seed: 1 });

export * from '../node_modules/fast-check/lib/fast-check.js';
export { default } from '../node_modules/fast-check/lib/fast-check.js';
