/**
 * The order in which vitest begins the files of tests: those that take long first, so that no processor waits for the last one.
 * A machine that has run the tests before knows their durations; a fresh clone does not, and would go by the size of a file.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** From the longest on; what is missing or stale here costs only time. */
const LONGEST = [
  'packages/worker/test/conformance/pelorus.test.ts',
  'packages/cli/test/cluster.test.ts',
  'packages/server/test/store/postgres-run-areas.test.ts',
  'packages/cli/test/life.test.ts',
  'packages/web/test/operations.test.ts',
  'packages/web/test/pages.test.ts',
  'packages/web/test/workflow-editor.test.ts',
  'packages/web/test/shell.test.ts',
  'packages/web/test/run-page.test.ts',
  'packages/server/test/store/interleavings.test.ts',
  'scripts/chaos/smoke.test.ts',
  'packages/cli/test/vault.test.ts',
  'packages/worker/test/crashes.test.ts',
  'packages/server/test/store/postgres-other-areas.test.ts',
  'packages/server/test/store/sqlite-run-areas.test.ts',
  'packages/server/test/store/sqlite-other-areas.test.ts',
  'packages/server/test/store/postgres.test.ts',
  'packages/server/test/store/sqlite.test.ts',
  'packages/server/test/conformity/conformity.test.ts',
  'packages/engine/sim/mutants.test.ts',
  'packages/web/test/journey.test.ts',
  'packages/cli/test/backfills.test.ts',
  'packages/engine/sim/simulation.test.ts',
  'packages/server/test/api/import-export.test.ts',
  'packages/cli/test/logs.test.ts',
  'packages/web/test/schedules-and-backfills.test.ts',
  'packages/cli/test/access.test.ts',
  'packages/cli/test/cases/cases.test.ts',
  'packages/server/test/api/authorisation-cases-1.test.ts',
  'packages/server/test/api/authorisation-cases-2.test.ts',
  'packages/server/test/api/access.test.ts',
  'packages/cli/test/cases/failover.test.ts',
  'packages/server/test/api/authorisation-mutants-1.test.ts',
  'packages/server/test/api/authorisation-mutants-2.test.ts',
  'packages/server/test/api/authorisation-mutants-3.test.ts',
  'packages/server/test/api/authorisation-mutants-4.test.ts',
  'packages/engine/test/logic-scale.test.ts',
  'packages/cli/test/commands.test.ts',
  'packages/worker/test/conformance/python.test.ts',
  'packages/cli/test/schedules.test.ts',
  'packages/engine/test/exhaustive.test.ts',
  'packages/protocol/test/definition-properties.test.ts',
  'packages/server/test/api/events.test.ts',
  'packages/web/test/runs.test.ts',
  'packages/server/test/fuzz/fuzz.test.ts',
  'packages/server/test/api/large.test.ts',
  'packages/cli/test/operations.test.ts',
  'packages/cli/test/store-in-a-hole.test.ts',
  'packages/server/test/store/backfills-of-masters.test.ts',
  'packages/server/test/api/event-clients.test.ts',
  'packages/server/test/master/turns.test.ts',
  'packages/server/test/api/run-commands.test.ts',
  'packages/cli/test/import.test.ts',
  'packages/cli/test/import-schedules.test.ts',
  'packages/worker/test/processes.test.ts',
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
