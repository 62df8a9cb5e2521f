/** Whatever workers say, a commit takes it: a text that a database cannot hold must not make a batch that fails for ever. */
import { workerIdOf } from '@pelorus/protocol';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import type { Place } from './contract.ts';
import { makePostgresPlace } from './postgres-place.ts';
import { makeSqlitePlace } from './sqlite-place.ts';
import {
  alertOfEnd,
  AT,
  attempt,
  attemptChange,
  master,
  runChange,
  startedRun,
  status,
  taskChange,
  taskRun,
  withWorkflow,
  worker,
} from './records.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

/** Among them NUL, halves of surrogate pairs, and what looks like an escape of one. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(fc.constantFrom('\0', '\ud800', '\udfff', '\\', '\\u0000', '"', "'", '{', 'x', '\u{1f600}', '\ufeff'))
    .map((pieces) => pieces.join('')),
);

const places: [string, boolean, () => Promise<Place>][] = [
  ['SQLite', true, makeSqlitePlace],
  ['PostgreSQL', server !== null, () => makePostgresPlace(server!.url)],
];

describe.each(places)('%s', (_name, isThere, makePlace) => {
  test.skipIf(!isThere)(
    'any text in names, causes, reasons, outputs, outcomes and alerts is stored and read',
    async () => {
      const place = await makePlace();
      const store = await place.open();
      await withWorkflow(store);
      const fence = await master(store, 'm');
      try {
        await fc.assert(
          fc.asyncProperty(text, async (said) => {
            const run = await startedRun(store, fence);
            const command = await store.requestCommand({
              run,
              action: { kind: 'pause' },
              user: 'ann',
              at: AT,
              idempotencyKey: null,
            });
            const cause = { kind: 'error', detail: said } as const;
            const id = workerIdOf(`w ${said}`);
            await store.commit(fence, [
              { kind: 'worker', record: worker(id, { name: said, host: said, groups: [said], features: [said] }) },
              {
                kind: 'command-done',
                command,
                outcome: { kind: 'refused', reason: said },
                at: AT,
              },
              taskChange(
                taskRun(run, 0, { version: 2, state: 'failed', cause, outputs: { [said]: said }, endedAt: AT }),
              ),
              attemptChange(attempt(run, 0, 1, { version: 2, state: 'failed', cause, worker: id, endedAt: AT })),
              runChange(status(run, { version: 3, waitReason: said })),
              { kind: 'alert', alert: alertOfEnd(run, { cause, firstFailure: { task: 'load', cause } }) },
            ]);
            const [stored] = await store.loadRuns([run]);
            expect(stored?.tasks[0]?.outputs).toEqual({ [said]: said });
            expect(stored?.tasks[0]?.cause).toMatchObject({ kind: 'error' });
            expect((await store.listRuns({}, 0, 1)).rows).toHaveLength(1);
            expect(await store.listAlerts({ run, limit: 1 })).toHaveLength(1);
          }),
          { numRuns: 60 },
        );
      } finally {
        await store.close();
        await place.remove();
      }
    },
  );
});
