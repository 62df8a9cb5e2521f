/** Schedules with the real master and store: what is due fires by itself, and runs wait for what they depend on. */
import type { RunGate } from '@pelorus/engine';
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SCHEDULES_AT_ONCE, startDueLooks } from '../../src/master/due-looks.ts';
import type { FiredTicks, SaveSchedule, ScheduleRow, TickRow } from '../../src/store/index.ts';
import { taskDefinition } from '../store/records.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { WAIT } from '../wait.ts';

/** A zone in which it is about noon: no day ends while a run waits for another one of its day. `Etc/GMT+5` is five hours behind. */
const hoursBehind = new Date().getUTCHours() - 12;
const AT_NOON = `Etc/GMT${hoursBehind < 0 ? '' : '+'}${hoursBehind}`;

describe('schedules, with a master', () => {
  let cluster: Cluster;
  const going = new Set<string>();
  const failing = new Set<string>();
  beforeEach(async () => {
    going.clear();
    failing.clear();
    cluster = await startCluster(({ task }) => (going.has(task) ? 'go on' : failing.has(task) ? 'fail' : 'succeed'));
  });
  afterEach(async () => {
    await cluster.close();
    expect(cluster.errors).toEqual([]);
  });

  const schedule = async (workflow: string, more: Partial<SaveSchedule> = {}): Promise<ScheduleRow> => {
    const { id: workflowId } = (await cluster.store.getWorkflow('sales', workflow))!;
    const saved = await cluster.store.saveSchedule({
      ...{ workflowId, name: 'default', cron: '* * * * * ?', zone: 'UTC', startAt: null, endAt: null },
      ...{ misfire: 'fire_all', misfireMax: 1000, calendar: null, onHoliday: null, online: true, user: 'ann', at: 1 },
      options: {
        ...{ params: {}, failurePolicy: null, notifyType: null, notifyMails: null, priority: null, workerGroup: null },
        ...{ environment: null, timeoutMs: null, dependsOnPrevious: false, dependsOn: [] },
      },
      ...more,
    });
    return saved.schedule;
  };
  const ticks = async ({ id }: ScheduleRow): Promise<TickRow[]> =>
    (await cluster.store.listTicks({ scheduleId: id, limit: 1000 })).toReversed();
  const waitReason = async (run: RunId) => (await cluster.store.getRun(run))!.status.waitReason;
  const waits = (run: RunId) =>
    vi.waitFor(async () => {
      expect(await cluster.stateOf(run)).toBe('waiting');
      expect(await waitReason(run)).toMatch(/has not (ended|run)/);
    }, WAIT);

  test('ticks fire on time by themselves, each once, and their runs run; a crash loses none', async () => {
    await cluster.save('beat', [taskDefinition('step')]);
    const beat = await schedule('beat');
    await vi.waitFor(async () => expect((await ticks(beat)).length).toBeGreaterThanOrEqual(2), WAIT);
    await cluster.crash();
    await vi.waitFor(async () => expect((await ticks(beat)).length).toBeGreaterThanOrEqual(5), WAIT);
    const off = { scheduleId: beat.id, online: false, user: 'ann', at: 2 };
    await cluster.store.setScheduleOnline(off);
    const rows = await ticks(beat);
    for (const [i, { nominalAt }] of rows.entries())
      if (i > 0) expect(nominalAt - rows[i - 1]!.nominalAt, 'one tick a second').toBe(1000);
    const fired = rows.filter(({ run }) => run !== null);
    expect(fired.length).toBeGreaterThanOrEqual(5);
    for (const { run } of fired) expect(await cluster.endOf(run!)).toBe('succeeded');
    const { total } = await cluster.store.listRuns({}, 0, 1);
    expect(total).toBe(fired.length);
  });

  test('while schedules are paused nothing ticks', async () => {
    await cluster.save('beat', [taskDefinition('step')]);
    await cluster.store.setMaintenance({ paused: true, reason: 'moving', user: 'ann', at: 1 });
    const beat = await schedule('beat');
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(beat.nextDueAt! + 1500), WAIT);
    expect(await ticks(beat)).toEqual([]);
    await cluster.store.setMaintenance({ paused: false, reason: '', user: 'ann', at: 2 });
    await vi.waitFor(async () => expect((await ticks(beat))[0]?.nominalAt).toBe(beat.nextNominalAt), WAIT);
  });

  test('a run waits for the named workflow’s cycle, and goes on when that has succeeded', async () => {
    await cluster.save('upstream', [taskDefinition('load')]);
    await cluster.save('report', [taskDefinition('step')]);
    expect(await cluster.endOf(await cluster.submit('upstream', { logicalDateAt: Date.now() }))).toBe('succeeded');
    const options = { ...(await schedule('report', { online: false })).options, dependsOn: ['upstream'] };
    const report = await schedule('report', { options, zone: AT_NOON });
    await vi.waitFor(async () => expect((await ticks(report)).length).toBeGreaterThanOrEqual(1), WAIT);
    const run = (await ticks(report))[0]!.run!;
    expect(await cluster.endOf(run)).toBe('succeeded');
    expect((await cluster.detail(run)).spec.gate!.workflows).toMatchObject([
      { project: 'sales', workflow: 'upstream' },
    ]);
  });

  test('when what it depends on has failed, it ends with that as its cause, and nothing of it has run', async () => {
    failing.add('load');
    await cluster.save('upstream', [taskDefinition('load')]);
    await cluster.save('report', [taskDefinition('step'), taskDefinition('send', { needs: ['step'] })]);
    const failed = await cluster.submit('upstream', { logicalDateAt: Date.now() });
    expect(await cluster.endOf(failed)).toBe('failed');
    const options = { ...(await schedule('report', { online: false })).options, dependsOn: ['upstream'] };
    const report = await schedule('report', { options, zone: AT_NOON });
    await vi.waitFor(async () => expect((await ticks(report)).length).toBeGreaterThanOrEqual(1), WAIT);
    const run = (await ticks(report))[0]!.run!;
    expect(await cluster.endOf(run)).toBe('dependency_failed');
    const { status, tasks } = await cluster.detail(run);
    const cause = { kind: 'dependency', detail: expect.stringContaining(`did not succeed: run ${failed}`) as string };
    expect(status).toMatchObject({ cause, startedAt: null, waitReason: null });
    expect(tasks).toMatchObject(['upstream_failed', 'upstream_failed'].map((state) => ({ state, cause })));
    expect(cluster.worker.begun.map(({ task }) => task)).toEqual(['load']);
  });

  describe('a run that waits for the run before it', () => {
    let first: RunId;
    const behind = async (): Promise<RunId> => {
      const { logicalDateAt } = (await cluster.store.getRun(first))!.spec;
      const gate: RunGate = { previous: { run: first, logicalDateAt }, workflows: [] };
      return cluster.submit('line', { gate, logicalDateAt: logicalDateAt + 1000 });
    };
    beforeEach(async () => {
      going.add('step');
      await cluster.save('line', [taskDefinition('step')]);
      first = await cluster.submit('line', { logicalDateAt: Date.now() - 10_000 });
      await cluster.begun('step');
    });

    test('goes on waiting after its master has died, and starts when that one has succeeded', async () => {
      const second = await behind();
      await waits(second);
      expect(await waitReason(second)).toBe(`the run before it has not ended: run ${first}`);
      await cluster.crash();
      going.clear();
      cluster.worker.finish('step');
      expect(await cluster.endOf(first)).toBe('succeeded');
      expect(await cluster.endOf(second)).toBe('succeeded');
    });

    test('is stopped at once', async () => {
      const second = await behind();
      await waits(second);
      await cluster.command(second, 'stop');
      expect(await cluster.endOf(second)).toBe('stopped');
      expect((await cluster.detail(second)).tasks).toMatchObject([{ state: 'killed' }]);
      cluster.worker.finish('step');
      expect(await cluster.endOf(first)).toBe('succeeded');
    });

    test('can be paused, and asks again when it is resumed', async () => {
      const second = await behind();
      await waits(second);
      await cluster.command(second, 'pause');
      await vi.waitFor(async () => expect(await cluster.stateOf(second)).toBe('paused'), WAIT);
      going.clear();
      cluster.worker.finish('step');
      expect(await cluster.endOf(first)).toBe('succeeded');
      expect(await cluster.stateOf(second)).toBe('paused');
      await cluster.command(second, 'resume');
      expect(await cluster.endOf(second)).toBe('succeeded');
    });

    test('counts a later run for the same logical date', async () => {
      cluster.worker.finish('step', 'failed');
      expect(await cluster.endOf(first)).toBe('failed');
      const { logicalDateAt } = (await cluster.store.getRun(first))!.spec;
      expect(await cluster.endOf(await behind())).toBe('dependency_failed');
      going.clear();
      const again = await cluster.submit('line', { rerunOf: first, logicalDateAt });
      expect(await cluster.endOf(again)).toBe('succeeded');
      expect(await cluster.endOf(await behind())).toBe('succeeded');
    });
  });
});

describe('looks for what is due', () => {
  const nothing: FiredTicks = {
    ...{ fired: 0, skipped: 0, missedDeadlines: 0, commands: 0, more: false, paused: false, nextInMs: null, now: 0 },
  };

  test('a clock that was put forward or back by more than a minute is told, with by how much', async () => {
    const clocks = [0, 500, 120_000, 120_600, 30_000, 30_500];
    const jumps: number[] = [];
    let looks = 0;
    const ended = new Promise<void>((resolve) => {
      const looking = startDueLooks({
        nextDue: async () => {
          if (looks === clocks.length - 1) {
            looking.close();
            resolve();
          }
          return { inMs: 1, now: clocks[looks++]! };
        },
        fire: () => null,
        fired: () => undefined,
        jumped: (byMs) => void jumps.push(byMs),
        failed: () => undefined,
        elapsed: () => looks * 500,
      });
    });
    await ended;
    expect(jumps).toEqual([119_000, -91_100]);
  });

  test('one that fails is told of, and tried again; what is due is fired until nothing more is', async () => {
    const heard: string[] = [];
    let answers = 0;
    const ended = new Promise<void>((resolve) => {
      const looking = startDueLooks({
        nextDue: async () => {
          if (answers++ === 0) throw new Error('the store is away');
          return { inMs: 0, now: 0 };
        },
        fire: async (limit) => {
          heard.push(`fire ${limit}`);
          return { ...nothing, fired: 1, more: heard.filter((each) => each.startsWith('fire')).length < 3 };
        },
        fired: ({ more }) => {
          if (more) return;
          looking.close();
          resolve();
        },
        jumped: () => undefined,
        failed: (error) => void heard.push((error as Error).message),
      });
    });
    await ended;
    const fire = `fire ${SCHEDULES_AT_ONCE}`;
    expect(heard).toEqual(['the store is away', fire, fire, fire]);
  });
});
