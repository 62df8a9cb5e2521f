/**
 * The order in which vitest begins the files of tests: those that take long first, so that no processor waits for the last one.
 * A machine that has run the tests before knows their durations; a fresh clone does not, and would go by the size of a file.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** From the longest on; what is missing or stale here costs only time. */
const LONGEST = [
  'packages/worker/test/conformance/pelorus.test.ts',
  'packages/server/test/store/sqlite-areas.test.ts',
  'packages/server/test/store/postgres-areas.test.ts',
  'packages/web/test/pages.test.ts',
  'packages/server/test/store/sqlite.test.ts',
  'packages/server/test/store/postgres.test.ts',
  'packages/worker/test/conformance/python.test.ts',
  'packages/cli/test/schedules.test.ts',
  'packages/cli/test/life.test.ts',
  'packages/cli/test/cluster.test.ts',
  'scripts/chaos/smoke.test.ts',
  'packages/cli/test/access.test.ts',
  'packages/web/test/run-page.test.ts',
  'packages/cli/test/logs.test.ts',
  'packages/worker/test/crashes.test.ts',
  'packages/cli/test/operations.test.ts',
  'packages/cli/test/again.test.ts',
  'packages/cli/test/backfills.test.ts',
  'packages/web/test/journey.test.ts',
  'packages/cli/test/commands.test.ts',
  'packages/cli/test/cases/failover.test.ts',
  'packages/web/test/operations.test.ts',
  'packages/web/test/workflow-editor.test.ts',
  'packages/cli/test/vault.test.ts',
  'packages/cli/test/cases/cases.test.ts',
  'packages/server/test/conformity/conformity.test.ts',
  'packages/engine/sim/simulation.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`));
  return at < 0 ? LONGEST.length : at;
}
