/** What a claim costs does not depend on how many commands wait. */
import { afterAll, describe, expect, test, vi } from 'vitest';
import { askPostgres, startServer } from '../../../worker/test/database-servers.ts';
import { makePostgresPlace } from './postgres-place.ts';
import { master, newRun, withWorkflow } from './records.ts';

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
const ROWS_READ = `
  select sum(idx_tup_read)::int as rows from pg_stat_user_indexes where relname in ('run', 'command')`;

describe.skipIf(server === null)('PostgreSQL: 20,000 commands wait', () => {
  test.each([
    ['as long as nothing is known of the tables', ''],
    ['when the tables have been analysed', 'analyze;'],
  ])(
    'a claim reads its page and no more, %s',
    async (_when, analyse) => {
      const place = await makePostgresPlace(server!.url);
      try {
        const filling = await place.open();
        await withWorkflow(filling);
        await filling.submitRun(newRun({}));
        await place.execute(`${MORE_OF_THEM} ${analyse}`);
        await filling.close();
        const rowsRead = async (): Promise<number> =>
          (await askPostgres(place.reference, ROWS_READ))[0]!['rows'] as number;
        const before = await rowsRead();

        const store = await place.open();
        const fence = await master(store, 'm');
        let claimed = 0;
        for (let after = null, i = 0; i < CLAIMS; i++) {
          const page = await store.claimCommands(fence, after, PAGE);
          claimed += page.length;
          after = page.at(-1)!.id;
        }
        // Connections say what they have read when they end.
        await store.close();
        expect(claimed).toBe(CLAIMS * PAGE);
        await vi.waitFor(async () => expect((await rowsRead()) - before).toBeGreaterThan(claimed), 10_000);
        expect((await rowsRead()) - before).toBeLessThan(claimed * READ_PER_COMMAND_MAX);
      } finally {
        await place.remove();
      }
    },
    120_000,
  );
});
