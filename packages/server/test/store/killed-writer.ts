/**
 * A process that commits numbered changes without end, many at a time, and prints each number once its commit
 * resolved; the contract kills it. Arguments: a module that exports `openPlace`, and what to open.
 */
import type { Store } from '../../src/store/index.ts';
import { attempt, attemptChange, master, newRun, runChange, status, taskChange, taskRun } from './records.ts';

const [opener, reference] = process.argv.slice(2) as [string, string];
const { openPlace } = (await import(opener)) as { openPlace: (reference: string) => Promise<Store> };
const store = await openPlace(reference);
const fence = await master(store, `writer-${process.pid}`);
const { run } = await store.submitRun(newRun({ mode: `round ${process.pid}` }));
await store.commit(fence, [runChange(status(run.id, { owner: fence.master }))]);

let next = 0;
await Promise.all(
  Array.from({ length: 16 }, async () => {
    for (;;) {
      const number = next++;
      await store.commit(fence, [taskChange(taskRun(run.id, number)), attemptChange(attempt(run.id, number, 1))]);
      process.stdout.write(`${number}\n`);
    }
  }),
);
