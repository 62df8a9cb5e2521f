/** A backfill: how fast the ends of runs make the next ones. */
import { setTimeout as pause } from 'node:timers/promises';
import { print } from './figure.ts';
import { openHarness } from './harness.ts';
import type { StoreKind } from './stores.ts';
import { chain } from './workflows.ts';

const DATES = 1000;
const PARALLELISM = 10;
const DAY_MS = 86_400_000;
const LOOK_MS = 10;

/** 1,000 dates of a workflow that does nothing, 10 at a time: dates a second, until the last is durable. */
export async function benchBackfill(store: StoreKind): Promise<void> {
  const harness = await openHarness(100, { store });
  const [task] = chain(1).tasks;
  await harness.save({ ...chain(1), name: 'nothing', tasks: [{ ...task!, action: { type: 'virtual' } }] });
  const workflow = (await harness.store.getWorkflow('bench', 'nothing'))!;
  const dates = Array.from({ length: DATES }, (_, day) => day * DAY_MS);
  const at = performance.now();
  const { backfill } = await harness.store.createBackfill(
    {
      ...{
        workflowId: workflow.id,
        workflowVersion: null,
        startAt: 0,
        endAt: dates.at(-1)!,
        crontab: null,
        zone: 'UTC',
      },
      ...{
        mode: 'parallel',
        parallelism: PARALLELISM,
        order: 'ascending',
        continueAfterFailure: false,
        dependents: [],
        dates,
      },
      options: {
        ...{ selection: { kind: 'whole' }, params: {}, failurePolicy: null, priority: null, workerGroup: null },
        ...{ environment: null, dryRun: false, timeoutMs: null, notifyType: null, notifyMails: null, extras: null },
      },
      ...{ submitUser: 'bench', createdAt: Date.now() },
    },
    { idempotencyKey: null, requestHash: '' },
  );
  harness.master.commandHint();
  for (;;) {
    const { state, counts } = (await harness.store.getBackfill(backfill.id))!;
    if (state === 'succeeded') break;
    if (state !== 'running') throw new Error(`the backfill is ${state}: ${JSON.stringify(counts)}`);
    await pause(LOOK_MS);
  }
  const seconds = (performance.now() - at) / 1000;
  await harness.close();
  print({ workload: 'backfill-1000', store, n: DATES, metric: 'dates', value: DATES / seconds, unit: '1/s' });
}
