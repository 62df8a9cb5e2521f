/** How long a new master takes to have 10,000 live runs in memory again. */
import { print } from './figure.ts';
import { openHarness } from './harness.ts';
import type { StoreKind } from './stores.ts';
import { chain } from './workflows.ts';

const LIVE_RUNS = 10_000;

export async function benchRestart(store: StoreKind): Promise<void> {
  const harness = await openHarness(100, { store });
  const template = chain(10);
  const held = {
    ...template,
    name: 'held',
    tasks: template.tasks.map((task, index) => (index === 0 ? { ...task, delayMs: 3_600_000 } : task)),
  };
  await harness.save(held);
  await Promise.all(Array.from({ length: LIVE_RUNS }, () => harness.submit(held.name)));
  const last = await harness.submit(held.name);
  while (harness.master.liveRun(last)?.status.state !== 'running')
    await new Promise((resolve) => setTimeout(resolve, 20));
  const { openMs, adoptMs } = await harness.restart();
  if (harness.master.liveRun(last)?.status.state !== 'running') throw new Error('the last run was not adopted');
  const figure = { workload: 'restart', store, unit: 'ms', n: LIVE_RUNS + 1 };
  print({ ...figure, metric: 'open', value: openMs });
  print({ ...figure, metric: 'adopt', value: adoptMs });
  await harness.close();
}
