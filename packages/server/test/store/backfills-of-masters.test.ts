/** Backfills on PostgreSQL, where several masters end their runs at the same moment and people steer them meanwhile. */
import type { Change } from '@pelorus/engine';
import type { RunId, RunState } from '@pelorus/protocol';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { seeded } from '../../../engine/test/seeded.ts';
import { startServer } from '../../../worker/test/database-servers.ts';
import type { Fence, Store } from '../../src/store/index.ts';
import { makePostgresPlace } from './postgres-place.ts';
import { AT, definition, master, runChange, saveOf, status, taskDefinition } from './records.ts';

const DATES = 150;
const BACKFILLS = 3;
const PARALLELISM = 12;

const server = await startServer('postgres');
afterAll(() => server?.stop());

/** Takes runs that are nobody's and ends them, a few in each commit, until told to stop. */
async function endRuns(store: Store, fence: Fence, { random, done }: { random: () => number; done: () => boolean }) {
  const ended: RunId[] = [];
  while (!done()) {
    await store.adoptRuns(fence, null, 1);
    const commands = await store.claimCommands(fence, null, 1 + Math.floor(random() * 6));
    if (commands.length === 0) continue;
    const runs = [...new Set(commands.map(({ run }) => run))].filter((run) => !ended.includes(run));
    ended.push(...runs);
    const change = (run: RunId) => {
      const state: RunState = random() < 0.1 ? 'failed' : 'succeeded';
      return runChange(status(run, { state, endedAt: AT + 5, owner: fence.master }));
    };
    const answered = commands.map(({ id: command }): Change => {
      return { kind: 'command-done', command, outcome: { kind: 'applied' }, at: AT + 5 };
    });
    await store.commit(fence, [...answered, ...runs.map(change)]);
  }
  return ended;
}

/** That the database has noticed: rows are locked in one order, so there is none to be resolved. */
async function deadlocksIn(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  await client.end();
  return Number(rows[0]?.deadlocks);
}

describe.skipIf(server === null)('three masters', () => {
  test('end runs of the same backfills at once, while these are paused, resumed and begun again: no date is lost or doubled', async () => {
    const place = await makePostgresPlace(server!.url);
    const stores = await Promise.all(Array.from({ length: 4 }, () => place.open()));
    try {
      const people = stores[3]!;
      await people.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
      const ids: number[] = [];
      for (let n = 0; n < BACKFILLS; n++) {
        const name = `w${n}`;
        // One of them takes turns, so that lines and backfills are locked by the same transactions.
        const concurrency = n === 0 ? 'serial_wait' : 'parallel';
        const { workflow } = await people.saveWorkflow(
          saveOf({ name, hash: name, definition: definition({ name, concurrency, tasks: [taskDefinition('a')] }) }),
        );
        const dates = Array.from({ length: DATES }, (_, day) => AT + day * 86_400_000);
        const made = await people.createBackfill(
          {
            ...{
              workflowId: workflow.id,
              workflowVersion: null,
              startAt: AT,
              endAt: dates.at(-1)!,
              crontab: null,
              zone: 'UTC',
            },
            ...{
              mode: 'parallel',
              parallelism: PARALLELISM,
              order: 'ascending',
              continueAfterFailure: true,
              dependents: [],
              dates,
            },
            options: {
              ...{ selection: { kind: 'whole' }, params: {}, failurePolicy: null, priority: null, workerGroup: null },
              ...{
                environment: null,
                dryRun: false,
                timeoutMs: null,
                notifyType: null,
                notifyMails: null,
                extras: null,
              },
            },
            ...{ submitUser: 'ann', createdAt: AT },
          },
          { idempotencyKey: null, requestHash: '' },
        );
        ids.push(made.backfill.id);
      }
      let done = false;
      const masters = await Promise.all([0, 1, 2].map((n) => master(stores[n]!, `m${n}`)));
      const ending = masters.map((fence, n) => endRuns(stores[n]!, fence, { random: seeded(n + 1), done: () => done }));
      const random = seeded(99);
      const tolerate = (error: unknown) => expect(error).toMatchObject({ code: 'CONFLICT' });
      let retries = 20;
      const steer = async (): Promise<boolean> => {
        let open = 0;
        for (const id of ids) {
          const { endedAt, counts } = (await people.getBackfill(id))!;
          if (endedAt === null) open++;
          expect(counts.running ?? 0).toBeLessThanOrEqual(PARALLELISM);
          if (random() < 0.2) await people.pauseBackfill({ id, user: 'ann', at: AT }).catch(tolerate);
          if ((counts.failed ?? 0) > 0 && retries > 0 && random() < 0.3) {
            retries--;
            await people.retryBackfill({ id, dates: 'failed', at: AT }).catch(tolerate);
            open++;
          }
          await people.resumeBackfill({ id, at: AT }).catch(tolerate);
        }
        return open > 0;
      };
      while (await steer());
      done = true;
      const runs = (await Promise.all(ending)).flat();
      expect(new Set(runs).size).toBe(runs.length);
      for (const id of ids) {
        const [row, dates] = [(await people.getBackfill(id))!, await people.listBackfillDates(id, { limit: 1000 })];
        expect(dates).toHaveLength(DATES);
        expect(dates.every(({ state, runs: count }) => ['succeeded', 'failed'].includes(state) && count >= 1)).toBe(
          true,
        );
        expect((row.counts.succeeded ?? 0) + (row.counts.failed ?? 0)).toBe(DATES);
        expect(dates.filter(({ state }) => state === 'failed')).toHaveLength(row.counts.failed ?? 0);
      }
      // Each run was counted once, and each that was counted is there.
      let counted = 0;
      for (const id of ids)
        for (const { runs: count } of await people.listBackfillDates(id, { limit: 1000 })) counted += count;
      expect(counted).toBe(runs.length);
      expect((await place.audit()).findings.filter(({ invariant }) => invariant === 'S8')).toEqual([]);
      expect(await deadlocksIn(place.reference)).toBe(0);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
      await place.remove();
    }
  });
});
