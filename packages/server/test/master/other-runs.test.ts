/** Tasks that stand for other runs, with the real master and store: sub-workflows and dependents. */
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { taskDefinition } from '../store/records.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { WAIT } from '../wait.ts';

const child = (name: string, workflow: string) =>
  taskDefinition(name, { action: { type: 'sub_workflow', workflow, params: { from: 'parent' }, version: 'latest' } });

describe('with a master', () => {
  let cluster: Cluster;
  const fate = new Map<string, 'succeed' | 'fail' | 'go on'>();
  beforeEach(async () => {
    fate.clear();
    cluster = await startCluster(({ task }) => fate.get(task) ?? 'succeed');
  });
  afterEach(async () => {
    await cluster.close();
    expect(cluster.errors).toEqual([]);
  });
  const childrenOf = async (run: RunId) =>
    (await cluster.store.listRuns({}, 0, 1000)).rows.filter(({ spec }) => spec.parent?.run === run);
  const statesOf = async (run: RunId) => (await cluster.detail(run)).tasks.map(({ state }) => state);

  describe('a sub-workflow', () => {
    test('is started once, with what belongs to the occasion, and its end reaches the parent', async () => {
      await cluster.save('inner', [taskDefinition('work')]);
      await cluster.save('outer', [child('call', 'inner'), taskDefinition('after', { needs: ['call'] })]);
      const outer = await cluster.submit('outer', {
        params: { year: '2026' },
        logicalDateAt: 1_700_000_000_000,
        priority: 'low',
      });
      expect(await cluster.endOf(outer)).toBe('succeeded');
      const children = await childrenOf(outer);
      expect(children).toHaveLength(1);
      expect(children[0]!.spec).toMatchObject({
        workflow: 'inner',
        mode: 'sub-workflow',
        parent: { run: outer, task: 0, attempt: 1 },
        params: { year: '2026', from: 'parent' },
        logicalDateAt: 1_700_000_000_000,
        priority: 'low',
      });
      expect(children[0]!.status.state).toBe('succeeded');
      expect(cluster.worker.begun.map(({ task }) => task)).toEqual(['work', 'after']);
      expect((await cluster.detail(outer)).tasks[0]!.cause).toEqual({
        kind: 'child',
        runId: children[0]!.spec.id,
        state: 'succeeded',
      });
    });

    test('three deep: the end comes up all the way', async () => {
      await cluster.save('c', [taskDefinition('work')]);
      await cluster.save('b', [child('call', 'c')]);
      await cluster.save('a', [child('call', 'b')]);
      fate.set('work', 'fail');
      const run = await cluster.submit('a');
      expect(await cluster.endOf(run)).toBe('failed');
      expect((await cluster.store.listRuns({ states: ['failed'] }, 0, 10)).total).toBe(3);
    });

    test('its end is not lost when the parent’s master is down', async () => {
      fate.set('work', 'go on');
      await cluster.save('inner', [taskDefinition('work')]);
      await cluster.save('outer', [child('call', 'inner')]);
      const outer = await cluster.submit('outer');
      await cluster.begun('work');
      await cluster.crash();
      cluster.worker.finish('work');
      await cluster.crash();
      expect(await cluster.endOf(outer)).toBe('succeeded');
      expect(await childrenOf(outer)).toHaveLength(1);
    });

    test('stop reaches the child, and the parent waits for its end', async () => {
      fate.set('work', 'go on');
      await cluster.save('inner', [taskDefinition('work'), taskDefinition('later', { needs: ['work'] })]);
      await cluster.save('outer', [child('call', 'inner')]);
      const outer = await cluster.submit('outer');
      await cluster.begun('work');
      await cluster.command(outer, 'stop');
      expect(await cluster.endOf(outer)).toBe('stopped');
      const [inner] = await childrenOf(outer);
      expect(inner!.status.state).toBe('stopped');
      expect(inner!.status.endedAt).toBeLessThanOrEqual((await cluster.detail(outer)).status.endedAt!);
      expect(await statesOf(inner!.spec.id)).toEqual(['killed', 'killed']);
      expect(cluster.worker.running.size).toBe(0);
    });

    test('pause and resume reach the child', async () => {
      fate.set('first', 'go on');
      await cluster.save('inner', [taskDefinition('first'), taskDefinition('second', { needs: ['first'] })]);
      await cluster.save('outer', [child('call', 'inner')]);
      const outer = await cluster.submit('outer');
      await cluster.begun('first');
      const [inner] = await childrenOf(outer);
      await cluster.command(outer, 'pause');
      await vi.waitFor(async () => expect(await cluster.stateOf(inner!.spec.id)).toBe('pausing'), WAIT);
      cluster.worker.finish('first');
      await vi.waitFor(async () => expect(await cluster.stateOf(inner!.spec.id)).toBe('paused'), WAIT);
      expect(cluster.worker.begun.map(({ task }) => task)).toEqual(['first']);
      await cluster.command(outer, 'resume');
      expect(await cluster.endOf(outer)).toBe('succeeded');
      expect(cluster.worker.begun.map(({ task }) => task)).toEqual(['first', 'second']);
    });

    test('of a workflow that there is not, or not any more, fails with the reason', async () => {
      await cluster.save('inner', [taskDefinition('work')]);
      await cluster.save('outer', [child('call', 'inner')]);
      await cluster.store.deleteWorkflow((await cluster.store.getWorkflow('sales', 'inner'))!.id, 'ann', Date.now());
      const outer = await cluster.submit('outer');
      expect(await cluster.endOf(outer)).toBe('failed');
      const { status, attempts } = await cluster.detail(outer);
      const cause = { kind: 'invalid', detail: 'there is no workflow sales/inner' };
      expect(status.firstFailure).toEqual({ task: 'call', cause });
      expect(attempts).toMatchObject([{ n: 1, state: 'failed', cause }]);
    });

    test('cannot be deleted while a run of it goes on', async () => {
      fate.set('work', 'go on');
      await cluster.save('inner', [taskDefinition('work')]);
      await cluster.save('outer', [child('call', 'inner')]);
      const outer = await cluster.submit('outer');
      await cluster.begun('work');
      const { id } = (await cluster.store.getWorkflow('sales', 'inner'))!;
      await expect(cluster.store.deleteWorkflow(id, 'ann', Date.now())).rejects.toMatchObject({ code: 'CONFLICT' });
      cluster.worker.finish('work');
      expect(await cluster.endOf(outer)).toBe('succeeded');
    });

    test('that takes turns: the second parent waits for the first one’s child', async () => {
      fate.set('work', 'go on');
      await cluster.save('inner', [taskDefinition('work')], { concurrency: 'serial_wait' });
      await cluster.save('outer', [child('call', 'inner')]);
      const [one, other] = [await cluster.submit('outer'), await cluster.submit('outer')];
      await cluster.begun('work');
      await vi.waitFor(async () => expect(await childrenOf(other)).toHaveLength(1), WAIT);
      expect((await childrenOf(other))[0]!.status.state).toBe('waiting');
      cluster.worker.finish('work');
      expect(await cluster.endOf(one)).toBe('succeeded');
      await cluster.begun('work');
      cluster.worker.finish('work');
      expect(await cluster.endOf(other)).toBe('succeeded');
      expect(cluster.worker.peak.get('inner')).toBe(1);
    });

    test('whose child is discarded fails, and is not tried again', async () => {
      fate.set('work', 'go on');
      await cluster.save('inner', [taskDefinition('work')], { concurrency: 'serial_discard' });
      const call = {
        ...child('call', 'inner'),
        retry: { max: 3, intervalMs: 1, backoff: 'fixed' as const, maxIntervalMs: 1 },
      };
      await cluster.save('outer', [call]);
      const one = await cluster.submit('outer');
      await cluster.begun('work');
      const other = await cluster.submit('outer');
      expect(await cluster.endOf(other)).toBe('failed');
      expect(await childrenOf(other)).toHaveLength(1);
      expect((await cluster.detail(other)).status.firstFailure?.cause).toMatchObject({
        kind: 'child',
        state: 'stopped',
      });
      cluster.worker.finish('work');
      expect(await cluster.endOf(one)).toBe('succeeded');
    });
  });

  describe('a dependent task', () => {
    const dependent = (
      upstream: { workflow: string; task?: string }[],
      more: { maxWaitMs?: number; onFailure?: 'fail' | 'wait' } = {},
    ) =>
      taskDefinition('wait', {
        action: {
          type: 'dependent',
          upstream: { and: upstream.map(({ workflow, task = null }) => ({ workflow, task, window: 'today' })) },
          checkIntervalMs: 50,
          maxWaitMs: more.maxWaitMs ?? null,
          onFailure: more.onFailure ?? 'fail',
        },
      });
    const day = Date.UTC(2026, 5, 1, 12);
    const occasion = { logicalDateAt: day, zone: 'UTC' };

    test('waits without a worker until the other run has succeeded, and says for what', async () => {
      fate.set('work', 'go on');
      await cluster.save('up', [taskDefinition('work')]);
      await cluster.save('down', [dependent([{ workflow: 'up' }])]);
      const down = await cluster.submit('down', occasion);
      const reason = async () => (await cluster.detail(down)).tasks[0]?.waitReason;
      await vi.waitFor(
        async () =>
          expect(await reason()).toBe(
            'workflow sales/up, today (2026-06-01 00:00 to 2026-06-02 00:00, UTC): has not run',
          ),
        WAIT,
      );
      const up = await cluster.submit('up', occasion);
      await vi.waitFor(async () => expect(await reason()).toContain(`has not ended in run ${up}`), WAIT);
      await cluster.begun('work');
      cluster.worker.finish('work');
      expect(await cluster.endOf(down)).toBe('succeeded');
      expect(cluster.worker.begun.map(({ task }) => task)).toEqual(['work']);
    });

    test('goes on waiting after a crash', async () => {
      await cluster.save('up', [taskDefinition('work')]);
      await cluster.save('down', [dependent([{ workflow: 'up' }])]);
      const down = await cluster.submit('down', occasion);
      await vi.waitFor(async () => expect((await cluster.detail(down)).tasks[0]?.state).toBe('running'), WAIT);
      await cluster.crash();
      await cluster.submit('up', occasion);
      expect(await cluster.endOf(down)).toBe('succeeded');
      expect((await cluster.detail(down)).attempts).toHaveLength(1);
    });

    test('fails when the other run has failed, or waits for a better one, as it is told', async () => {
      fate.set('work', 'fail');
      await cluster.save('up', [taskDefinition('work')]);
      const up = await cluster.submit('up', occasion);
      expect(await cluster.endOf(up)).toBe('failed');
      await cluster.save('strict', [dependent([{ workflow: 'up' }])]);
      await cluster.save('patient', [dependent([{ workflow: 'up' }], { onFailure: 'wait' })]);
      const strict = await cluster.submit('strict', occasion);
      const patient = await cluster.submit('patient', occasion);
      expect(await cluster.endOf(strict)).toBe('failed');
      expect((await cluster.detail(strict)).status.firstFailure?.cause).toEqual({
        kind: 'dependency',
        detail: `workflow sales/up, today (2026-06-01 00:00 to 2026-06-02 00:00, UTC): failed in run ${up}`,
      });
      fate.set('work', 'succeed');
      await cluster.submit('up', occasion);
      expect(await cluster.endOf(patient)).toBe('succeeded');
    });

    test('is satisfied by one task of a run that goes on', async () => {
      fate.set('slow', 'go on');
      await cluster.save('up', [taskDefinition('slow'), taskDefinition('quick')]);
      await cluster.save('down', [dependent([{ workflow: 'up', task: 'quick' }])]);
      await cluster.submit('up', occasion);
      await cluster.begun('slow');
      expect(await cluster.endOf(await cluster.submit('down', occasion))).toBe('succeeded');
      cluster.worker.finish('slow');
    });

    test('gives up after its longest wait, and can be stopped before', async () => {
      await cluster.save('hasty', [dependent([{ workflow: 'none such' }], { maxWaitMs: 120 })]);
      await cluster.save('endless', [dependent([{ workflow: 'none such' }])]);
      const hasty = await cluster.submit('hasty', occasion);
      const endless = await cluster.submit('endless', occasion);
      expect(await cluster.endOf(hasty)).toBe('failed');
      expect((await cluster.detail(hasty)).status.firstFailure?.cause).toEqual({ kind: 'timeout', afterMs: 120 });
      await cluster.command(endless, 'stop');
      expect(await cluster.endOf(endless)).toBe('stopped');
    });
  });
});
