/** What a claim costs does not depend on how many commands wait. */
import { commandIdOf, type CommandId } from '@pelorus/protocol';
import pg from 'pg';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { askPostgres, startServer } from '../../../worker/test/database-servers.ts';
import type { Place } from './contract.ts';
import { makePostgresPlace } from './postgres-place.ts';
import { master, newRun, withWorkflow } from './records.ts';
import { WAIT } from '../wait.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

const WAITING = 20_000;
const PAGE = 256;
const CLAIMS = 10;
/** Rows of indexes that one claimed command may cost: to find it, its run and its owner, to take the run, and to read it. */
const READ_PER_COMMAND_MAX = 10;

/** As many more runs and start commands, like the first ones. */
const MORE_OF_THEM = `
  insert into run overriding system value
    select (jsonb_populate_record(r, jsonb_build_object('id', r.id + n))).*
    from run r, generate_series(1, ${WAITING}) n where r.id = 1;
  insert into command overriding system value
    select (jsonb_populate_record(c, jsonb_build_object('id', c.id + n, 'run_id', c.run_id + n))).*
    from command c, generate_series(1, ${WAITING}) n where c.id = 1;`;
/** The name of a connection that stays. */
const SNAPSHOT = 'snapshot';
const ROWS_READ = `
  select sum(idx_tup_read)::int as rows from pg_stat_user_indexes where relname in ('run', 'command')`;

describe.skipIf(server === null)('PostgreSQL: 20,000 commands wait', () => {
  test.each([
    ['as long as nothing is known of the tables', ''],
    ['when the tables have been analysed', 'analyze;'],
  ])('a claim reads its page and no more, %s', async (_when, analyse) => {
    const place = await makePostgresPlace(server!.url);
    try {
      const filling = await place.open();
      await withWorkflow(filling);
      await filling.submitRun(newRun({}));
      await place.execute(`${MORE_OF_THEM} ${analyse}`);
      await filling.close();
      const before = await rowsRead(place);

      const store = await place.open();
      const fence = await master(store, 'm');
      let claimed = 0;
      for (let after = null, i = 0; i < CLAIMS; i++) {
        const page = await store.claimCommands(fence, after, PAGE);
        claimed += page.length;
        after = page.at(-1)!.id;
      }
      await store.close();
      expect(claimed).toBe(CLAIMS * PAGE);
      const read = (await rowsRead(place)) - before;
      expect(read).toBeGreaterThan(claimed);
      expect(read).toBeLessThan(claimed * READ_PER_COMMAND_MAX);
    } finally {
      await place.remove();
    }
  });

  test('while an old snapshot keeps dead commands, a claim from the floor passes over none of them', async () => {
    const place = await makePostgresPlace(server!.url);
    const snapshot = new pg.Client({ connectionString: place.reference, application_name: SNAPSHOT });
    try {
      const filling = await place.open();
      await withWorkflow(filling);
      await filling.submitRun(newRun({}));
      await filling.close();
      await place.execute(`
        insert into command (run_id, action, user_name, at, project_id)
        select run_id, action, user_name, at, project_id from command, generate_series(1, ${WAITING}) where id = 1`);
      await snapshot.connect();
      await snapshot.query('begin isolation level repeatable read; select 1 from command limit 1');
      await place.execute(`update command set done_at = 1, outcome = '{}'; analyze`);
      const rowsOf = async (after: CommandId | null): Promise<number> => {
        const before = await rowsRead(place);
        const store = await place.open();
        const fence = await master(store, `m${after}`);
        for (let i = 0; i < CLAIMS; i++) expect(await store.claimCommands(fence, after, PAGE)).toEqual([]);
        await store.close();
        return (await rowsRead(place)) - before;
      };
      expect(await rowsOf(commandIdOf(WAITING))).toBeLessThan(CLAIMS * READ_PER_COMMAND_MAX);
      expect(await rowsOf(null)).toBeGreaterThan(CLAIMS * WAITING);
    } finally {
      await snapshot.end();
      await place.remove();
    }
  });

  test('a look in turn reads its shares and no more', async () => {
    const place = await makePostgresPlace(server!.url);
    try {
      const filling = await place.open();
      await withWorkflow(filling);
      await filling.submitRun(newRun({}));
      await place.execute(`${MORE_OF_THEM} analyze;`);
      await filling.close();
      const before = await rowsRead(place);
      const store = await place.open();
      const fence = await master(store, 'm');
      const after = new Map<number, CommandId>();
      for (let i = 0; i < CLAIMS; i++) {
        const { commands, looked } = await store.claimFairly(fence, { after, share: PAGE, limit: PAGE });
        expect(commands).toHaveLength(PAGE);
        for (const [project, { last }] of looked) after.set(project, last);
      }
      await store.close();
      const read = (await rowsRead(place)) - before;
      expect(read).toBeGreaterThan(CLAIMS * PAGE);
      expect(read).toBeLessThan(CLAIMS * PAGE * READ_PER_COMMAND_MAX);
    } finally {
      await place.remove();
    }
  });
});

/** Connections say what they have read when they end: all but that of the snapshot have. */
async function rowsRead(place: Place): Promise<number> {
  await vi.waitFor(async () => expect(await openConnections(place)).toBe(0), WAIT);
  return (await askPostgres(place.reference, ROWS_READ))[0]!['rows'] as number;
}

async function openConnections(place: Place): Promise<number> {
  const asked = `
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and backend_type = 'client backend' and application_name <> '${SNAPSHOT}'`;
  return (await askPostgres(place.reference, asked))[0]!['n'] as number;
}
