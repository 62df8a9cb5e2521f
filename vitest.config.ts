import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/test-order.ts';

export default defineConfig({
  test: {
    include: ['packages/*/{src,test,sim}/**/*.test.ts', 'scripts/**/*.test.ts'],
    alias: [
      { find: /^fast-check$/, replacement: fileURLToPath(new URL('scripts/fast-check-seeded.ts', import.meta.url)) },
    ],
    pool: 'forks',
    globalSetup: ['scripts/test-threads.ts'],
    execArgv: ['--import', new URL('scripts/redirect-threads.mjs', import.meta.url).href],
    // Many tests wait: for leases, for processes, for a page.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    sequence: { sequencer: LongestFirst },
    // Of a test that hangs: they are long, for machines that have much else to do.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    teardownTimeout: 10_000,
    watch: false,
    passWithNoTests: false,
  },
});
