/** Serial policies with the real master: what the store starts, masters run, and what they end, the store passes on. */
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { taskDefinition } from '../store/records.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { WAIT } from '../wait.ts';

describe('runs of one workflow, with a master', () => {
  let cluster: Cluster;
  const going = new Set<string>();
  beforeEach(async () => {
    going.clear();
    cluster = await startCluster(({ task }) => (going.has(task) ? 'go on' : 'succeed'));
  });
  afterEach(async () => {
    await cluster.close();
    expect(cluster.errors).toEqual([]);
  });

  test('serial_wait: 1,000 runs go in order, one at a time', async () => {
    await cluster.save('line', [taskDefinition('step')], { concurrency: 'serial_wait' });
    const runs = await Promise.all(Array.from({ length: 1000 }, () => cluster.submit('line')));
    const sorted = runs.toSorted((a, b) => a - b);
    expect(await cluster.endOf(sorted.at(-1)!)).toBe('succeeded');
    expect(cluster.worker.begun.map(({ attempt }) => attempt)).toEqual(sorted.map((run) => `${run}.0.1`));
    expect(cluster.worker.peak.get('line')).toBe(1);
    const { total } = await cluster.store.listRuns({ states: ['succeeded'] }, 0, 1);
    expect(total).toBe(1000);
    const { rows } = await cluster.store.listRuns({}, 0, 1000);
    const spans = rows.map(({ status }) => [status.startedAt!, status.endedAt!] as const).toReversed();
    for (const [i, [start]] of spans.entries()) if (i > 0) expect(start).toBeGreaterThanOrEqual(spans[i - 1]![1]);
  });

  test('serial_wait: a run that waits can be stopped; pausing it is refused; the others go on', async () => {
    going.add('step');
    await cluster.save('line', [taskDefinition('step')], { concurrency: 'serial_wait' });
    const [first, second, third] = [
      await cluster.submit('line'),
      await cluster.submit('line'),
      await cluster.submit('line'),
    ];
    await cluster.begun('step');
    await cluster.command(second, 'pause');
    await cluster.command(second, 'stop');
    expect(await cluster.endOf(second)).toBe('stopped');
    const { status, tasks, attempts } = await cluster.detail(second);
    expect(status).toMatchObject({ cause: { kind: 'killed_by', user: 'ann' }, startedAt: null, waitReason: null });
    expect(tasks.map(({ state }) => state)).toEqual(['killed']);
    expect(attempts).toEqual([]);
    expect((await cluster.store.getRun(third))?.status.waitReason).toBe(
      `waits for its turn, behind run ${first} (serial_wait)`,
    );
    cluster.worker.finish('step');
    expect(await cluster.endOf(first)).toBe('succeeded');
    await cluster.begun('step');
    cluster.worker.finish('step');
    expect(await cluster.endOf(third)).toBe('succeeded');
    expect(cluster.worker.begun.map(({ attempt }) => attempt)).toEqual([`${first}.0.1`, `${third}.0.1`]);
  });

  test('serial_wait: a run that was paused while it waited, and told no, still starts when its turn comes', async () => {
    going.add('step');
    await cluster.save('line', [taskDefinition('step')], { concurrency: 'serial_wait' });
    const [first, second] = [await cluster.submit('line'), await cluster.submit('line')];
    await cluster.begun('step');
    await cluster.command(second, 'pause');
    await vi.waitFor(() => expect(cluster.master.liveRun(second)?.status.state).toBe('waiting'), WAIT);
    cluster.worker.finish('step', 'failed');
    expect(await cluster.endOf(first)).toBe('failed');
    await cluster.begun('step');
    cluster.worker.finish('step');
    expect(await cluster.endOf(second)).toBe('succeeded');
  });

  test('serial_wait: the line goes on after a crash of master and store in the middle of it', async () => {
    going.add('step');
    await cluster.save('line', [taskDefinition('step')], { concurrency: 'serial_wait' });
    const runs: RunId[] = [];
    for (let i = 0; i < 4; i++) runs.push(await cluster.submit('line'));
    for (const run of runs) {
      await cluster.begun('step');
      await cluster.crash();
      cluster.worker.finish('step');
      if (run !== runs[2]) await cluster.crash();
      expect(await cluster.endOf(run)).toBe('succeeded');
    }
    expect(cluster.worker.begun.map(({ attempt }) => attempt)).toEqual(runs.map((run) => `${run}.0.1`));
  });

  test('serial_discard: the newcomer ends stopped while the first goes on', async () => {
    going.add('step');
    await cluster.save('line', [taskDefinition('step')], { concurrency: 'serial_discard' });
    const first = await cluster.submit('line');
    await cluster.begun('step');
    const second = await cluster.submit('line');
    expect((await cluster.detail(second)).status).toMatchObject({
      state: 'stopped',
      cause: { kind: 'discarded', runId: first },
    });
    cluster.worker.finish('step');
    expect(await cluster.endOf(first)).toBe('succeeded');
    const third = await cluster.submit('line');
    await cluster.begun('step');
    cluster.worker.finish('step');
    expect(await cluster.endOf(third)).toBe('succeeded');
    expect(cluster.worker.begun.map(({ attempt }) => attempt)).toEqual([`${first}.0.1`, `${third}.0.1`]);
  });

  test('serial_priority: the running one is stopped, those between never start, the newest runs', async () => {
    going.add('step');
    await cluster.save('line', [taskDefinition('step')], { concurrency: 'serial_priority' });
    const first = await cluster.submit('line');
    await cluster.begun('step');
    const between = await Promise.all([cluster.submit('line'), cluster.submit('line')]);
    const newest = await cluster.submit('line');
    expect(await cluster.endOf(first)).toBe('stopped');
    for (const run of between) expect(await cluster.endOf(run)).toBe('stopped');
    expect((await cluster.detail(first)).status.cause?.kind).toBe('superseded');
    expect((await cluster.detail(between[0])).status.cause?.kind).toBe('superseded');
    await vi.waitFor(() => expect([...cluster.worker.running.keys()]).toEqual([`${newest}.0.1`]), WAIT);
    cluster.worker.finish('step');
    expect(await cluster.endOf(newest)).toBe('succeeded');
    expect(cluster.worker.begun.map(({ attempt }) => attempt)).toEqual([`${first}.0.1`, `${newest}.0.1`]);
    expect(cluster.worker.peak.get('line')).toBe(1);
  });
});
