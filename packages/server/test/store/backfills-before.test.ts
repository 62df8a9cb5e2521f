/** Backfills of a database that was made before they were driven. */
import { afterAll, describe, expect, test } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { POSTGRES, SQLITE, type Dialect } from '../../src/store/dialect.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import type { Place } from './contract.ts';
import { makePostgresPlace } from './postgres-place.ts';
import { AT, definition, master, saveOf, taskDefinition } from './records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

/** The last schema without rows for dates. */
const BEFORE = 10;

function schemaBefore(dialect: Dialect): string {
  const applied = MIGRATIONS.filter(({ number }) => number <= BEFORE);
  return `
    create table migration (number integer primary key, name text not null, applied_at ${dialect.integer} not null);
    insert into migration (number, name, applied_at) values ${applied.map(({ number }) => `(${number}, 'old', 1)`).join(', ')};
    ${applied.map(({ sql }) => sql(dialect)).join('\n;\n')};`;
}

const backfill = (dates: string, state: string, counts: string): string => `
  insert into backfill (project_id, project, workflow_id, workflow, start_at, end_at, zone, mode, parallelism, date_order, dates, options, state,
    wait_reason, counts, submit_user, created_at, updated_at, ended_at)
  values (1, 'sales', 1, 'nightly', ${AT}, ${AT + 5}, 'UTC', 'serial', 1, 'ascending', ${dates}, '{"selection":{"kind":"whole"},"params":{}}', '${state}',
    'later', '${counts}', 'ann', ${AT}, ${AT}, ${state === 'pending' ? 'null' : AT});`;

async function expectKept(place: Place, dialect: Dialect): Promise<void> {
  try {
    await place.execute(
      schemaBefore(dialect) +
        backfill(`'[${AT}, ${AT + 5}]'`, 'pending', '{"pending":2}') +
        backfill(`'[${AT}]'`, 'stopped', '{"stopped":1}') +
        backfill('null', 'pending', '{}'),
    );
    const store = await place.open();
    const [withoutDates, stopped, pending] = await store.listBackfills({ limit: 10 });
    expect(pending).toMatchObject({
      ...{ state: 'paused', dateCount: 2, counts: { pending: 2 }, dependents: [], continueAfterFailure: false },
      waitReason: 'made before backfills were driven: resume it, or stop it',
    });
    expect(await store.listBackfillDates(pending!.id, { limit: 10 })).toMatchObject([
      { position: 0, logicalAt: AT, state: 'pending', run: null, runs: 0 },
      { position: 1, logicalAt: AT + 5, state: 'pending', run: null, runs: 0 },
    ]);
    expect(await store.listBackfillDates(stopped!.id, { limit: 10 })).toMatchObject([
      { state: 'stopped', logicalAt: AT, endedAt: AT },
    ]);
    expect(withoutDates).toMatchObject({ state: 'stopped', dateCount: 0, endedAt: AT });
    expect((await place.audit()).findings).toEqual([]);
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    await store.saveWorkflow(saveOf({ definition: definition({ tasks: [taskDefinition('a')] }) }));
    await store.adoptRuns(await master(store, 'm1'), null, 10);
    expect(await store.getBackfill(pending!.id)).toEqual(pending);
    expect(await store.resumeBackfill({ id: pending!.id, at: AT })).toMatchObject({
      ...{ state: 'running', waitReason: null, counts: { running: 1, pending: 1 } },
    });
    await store.close();
  } finally {
    await place.remove();
  }
}

describe('after an upgrade they have rows for their dates, and wait for somebody to say that they are still wanted', () => {
  test('SQLite', async () => expectKept(await makeSqlitePlace('none'), SQLITE));
  test.skipIf(server === null)('PostgreSQL', async () =>
    expectKept(await makePostgresPlace(server!.url, 'none'), POSTGRES),
  );
});
