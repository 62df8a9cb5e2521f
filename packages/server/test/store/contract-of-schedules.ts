/** Schedules: what every store must do, whoever looks for what is due, and however late. */
import { dayNumber } from '@pelorus/engine';
import type { ScheduleSpec } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, SaveSchedule, ScheduleRow, Store, TickRow } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  AT,
  definition,
  halfAnHourAway,
  master,
  PLAIN_OPTIONS,
  runChange,
  saveOf,
  scheduleOf,
  status,
  taskChange,
  taskDefinition,
  taskRun,
} from './records.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export function schedulesContract(makePlace: () => Promise<Place>): void {
  describe('schedules', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    let workflowId: number;
    let hourly: string;
    beforeEach(async () => {
      hourly = halfAnHourAway();
      place = await makePlace();
      store = await place.open();
      await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
      workflowId = (await store.saveWorkflow(saveOf())).workflow.id;
      fence = await master(store, 'm1');
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const saving = (more: Partial<SaveSchedule> = {}): SaveSchedule =>
      scheduleOf(workflowId, { cron: hourly, ...more });
    const save = async (more: Partial<SaveSchedule> = {}): Promise<ScheduleRow> =>
      (await store.saveSchedule(saving(more))).schedule;
    const reload = async ({ workflowId: of, name }: ScheduleRow): Promise<ScheduleRow> =>
      (await store.getSchedule(of, name))!;
    /** As if it had been saved, and nobody had looked since, so long ago. */
    const wait = (ms: number, schedule?: ScheduleRow): Promise<void> =>
      place.execute(
        `update schedule set next_due_at = next_due_at - ${ms}, next_nominal_at = next_nominal_at - ${ms}
         where next_due_at is not null ${schedule ? `and id = ${schedule.id}` : ''}`,
      );
    const fire = () => store.fireDue(fence, 200);
    const fireAll = async (by: Fence = fence, limit = 200) => {
      const sum = { fired: 0, skipped: 0 };
      for (;;) {
        const { fired, skipped, more } = await store.fireDue(by, limit);
        sum.fired += fired;
        sum.skipped += skipped;
        if (!more) return sum;
      }
    };
    const ticks = async (schedule: ScheduleRow): Promise<TickRow[]> =>
      (await store.listTicks({ scheduleId: schedule.id, limit: 5000 })).toReversed();
    const outcomes = async (schedule: ScheduleRow): Promise<string[]> =>
      (await ticks(schedule)).map(({ outcome, reason }) => reason ?? outcome);
    const runsOf = async (workflow = 'nightly') =>
      (await store.listRuns({ workflow }, 0, 1000)).rows.toSorted((a, b) => a.spec.id - b.spec.id);
    const workflowNamed = async (name: string, more: Parameters<typeof definition>[0] = {}): Promise<number> =>
      (await store.saveWorkflow(saveOf({ name, hash: name, definition: definition({ name, ...more }) }))).workflow.id;

    describe('as people make them', () => {
      test('one is made, offline unless told otherwise, and read as it was saved', async () => {
        const { schedule, created, changed } = await store.saveSchedule({ ...saving(), online: false });
        expect({ created, changed }).toEqual({ created: true, changed: true });
        expect(schedule).toEqual({
          ...{ id: schedule.id, projectId: schedule.projectId, project: 'sales', workflowId, workflow: 'nightly' },
          ...{ name: 'default', version: 1, online: false, cron: hourly, zone: 'UTC', startAt: null, endAt: null },
          ...{ misfire: 'fire_last', misfireMax: 100, calendar: null, onHoliday: null, options: PLAIN_OPTIONS },
          ...{ nextDueAt: null, nextNominalAt: null, lastNominalAt: null, lastFiredAt: null, lastRun: null },
          ...{ fromDefinition: false, createdAt: AT, createdBy: 'ann', updatedAt: AT, updatedBy: 'ann' },
        });
        expect(await store.getSchedule(workflowId, 'default')).toEqual(schedule);
        expect(await store.getSchedule(workflowId, 'other')).toBeNull();
        const { online: _absent, ...silent } = saving({ name: 'second' });
        expect((await store.saveSchedule(silent)).schedule.online).toBe(false);
      });

      test('online, its next instant is reckoned from now on; the same again changes nothing', async () => {
        const before = Date.now();
        const schedule = await save();
        expect(schedule.nextNominalAt).toBe(schedule.nextDueAt);
        expect(schedule.nextDueAt!).toBeGreaterThan(before);
        expect(schedule.nextDueAt!).toBeLessThanOrEqual(before + HOUR + 1000);
        expect(await store.saveSchedule(saving({ user: 'bob', at: AT + 1 }))).toEqual({
          schedule,
          created: false,
          changed: false,
        });
        const edited = await save({ zone: 'Asia/Kolkata', user: 'bob', at: AT + 1 });
        expect(edited).toMatchObject({ version: 2, updatedBy: 'bob', updatedAt: AT + 1, createdBy: 'ann' });
        const off = await store.setScheduleOnline({ scheduleId: schedule.id, online: false, user: 'eve', at: AT + 2 });
        expect(off.schedule).toMatchObject({ version: 3, online: false, nextDueAt: null, updatedBy: 'eve' });
        const again = await store.setScheduleOnline({ scheduleId: schedule.id, online: false, user: 'eve', at: AT });
        expect(again).toEqual({ schedule: off.schedule, changed: false });
        const on = await store.setScheduleOnline({ scheduleId: schedule.id, online: true, user: 'eve', at: AT + 3 });
        expect(on.schedule.nextDueAt).toBe(edited.nextDueAt);
      });

      test('what does not exist, is not expected, or does not fit is refused', async () => {
        await expect(save({ workflowId: 999 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await expect(save({ calendar: 'nowhere' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await expect(save({ cron: 'every day' })).rejects.toMatchObject({ code: 'INVARIANT' });
        await expect(save({ zone: 'Mars/Olympus' })).rejects.toMatchObject({ code: 'INVARIANT' });
        await expect(save({ ifVersion: 1 })).rejects.toMatchObject({ code: 'PRECONDITION' });
        const schedule = await save({ ifVersion: null });
        await expect(save({ ifVersion: null })).rejects.toMatchObject({ code: 'PRECONDITION' });
        expect((await save({ ifVersion: 1, zone: 'Asia/Tokyo' })).version).toBe(2);
        await store.deleteSchedule(schedule.id, 'ann', AT);
        expect(await store.getSchedule(workflowId, 'default')).toBeNull();
        await expect(store.deleteSchedule(schedule.id, 'ann', AT)).rejects.toMatchObject({ code: 'NOT_FOUND' });
        const gone = { scheduleId: schedule.id, online: true, user: 'ann', at: AT };
        await expect(store.setScheduleOnline(gone)).rejects.toMatchObject({ code: 'NOT_FOUND' });
        for (let i = 0; i < 100; i++) await save({ name: `s${i}`, online: false });
        await expect(save({ name: 'one-more' })).rejects.toMatchObject({ code: 'CONFLICT' });
      });

      test('lists are filtered, and show only projects that may be seen', async () => {
        const other = await workflowNamed('weekly');
        const first = await save();
        const second = await save({ name: 'second', online: false });
        const third = await save({ workflowId: other });
        const listed = async (filter: Partial<Parameters<Store['listSchedules']>[0]>) =>
          (await store.listSchedules({ limit: 10, ...filter })).map(({ id }) => id);
        expect(await listed({})).toEqual([first.id, second.id, third.id]);
        expect(await listed({ limit: 1, after: first.id })).toEqual([second.id]);
        expect(await listed({ online: true })).toEqual([first.id, third.id]);
        expect(await listed({ workflow: 'weekly', project: 'sales' })).toEqual([third.id]);
        expect(await listed({ workflowId })).toEqual([first.id, second.id]);
        expect(await listed({ projectIds: [] })).toEqual([]);
        expect(await listed({ projectIds: [first.projectId] })).toHaveLength(3);
        expect(await listed({ project: 'other' })).toEqual([]);
        expect(await listed({ contains: 'EEKL' })).toEqual([third.id]);
        expect(await listed({ contains: 'econ' })).toEqual([second.id]);
        expect(await listed({ contains: '%' })).toEqual([]);
      });
    });

    describe('what is due', () => {
      test('nothing is: the answer says how long until something will be', async () => {
        expect(await fire()).toMatchObject({ fired: 0, skipped: 0, more: false, paused: false, nextInMs: null });
        const { nextDueAt } = await save();
        const { nextInMs, now, ...rest } = await fire();
        expect(nextInMs! + now).toBe(nextDueAt);
        expect(rest).toMatchObject({ fired: 0, skipped: 0, more: false });
      });

      test('on time it fires: its tick, its run, the start of that, and what comes next, together', async () => {
        const options = {
          ...PLAIN_OPTIONS,
          params: { day: 'x' },
          priority: 'high',
          timeoutMs: 5000,
          workerGroup: 'g',
        } as const;
        const schedule = await save({ cron: '* * * * * ?', zone: 'Asia/Tokyo', options, misfireMax: 1, user: 'bob' });
        await wait(3000);
        const before = Date.now();
        const fired = await fire();
        expect(fired.fired).toBeGreaterThanOrEqual(2);
        expect(fired).toMatchObject({ skipped: 0, commands: fired.fired, paused: false });
        const rows = await ticks(schedule);
        const runs = await runsOf();
        expect(rows.map(({ run }) => run)).toEqual(runs.map(({ spec }) => spec.id));
        expect(rows[0]).toEqual({
          ...{ scheduleId: schedule.id, schedule: 'default', projectId: schedule.projectId, workflowId },
          ...{ workflow: 'nightly', nominalAt: schedule.nextNominalAt! - 3000, dueAt: schedule.nextDueAt! - 3000 },
          ...{ decidedAt: rows[0]!.decidedAt, scheduleVersion: 1, outcome: 'fired', reason: null, detail: null },
          run: runs[0]!.spec.id,
        });
        expect(rows[0]!.decidedAt).toBeGreaterThanOrEqual(before - 1000);
        const { spec } = runs[0]!;
        expect(spec).toMatchObject({
          ...{ execType: 'SCHEDULER', submitUser: 'bob', logicalDateAt: rows[0]!.nominalAt, zone: 'Asia/Tokyo' },
          ...{ params: { day: 'x' }, priority: 'high', timeoutMs: 5000, timeoutAction: 'fail', workerGroup: 'g' },
          ...{ failurePolicy: 'end', notifyType: 'NONE', workflowVersion: 1, plan: { run: 'all', reuse: [] } },
          submittedAt: rows[0]!.decidedAt,
        });
        expect(spec.gate).toBeUndefined();
        const commands = await store.claimCommands(fence, null, 100);
        expect(commands.map(({ run, action, user }) => ({ run, action, user }))).toEqual(
          runs.map((row) => ({ run: row.spec.id, action: { kind: 'start' }, user: 'bob' })),
        );
        const last = rows.at(-1)!;
        expect(await reload(schedule)).toMatchObject({
          ...{ lastNominalAt: last.nominalAt, lastFiredAt: last.nominalAt, lastRun: last.run, version: 1 },
          nextDueAt: last.nominalAt + 1000,
        });
      });

      test('each latest version and what it says is used, however often it has changed since', async () => {
        const schedule = await save({ misfire: 'fire_all' });
        await wait(HOUR);
        await fireAll();
        const timeout = { afterMs: 777, action: 'warn' } as const;
        const notify = { on: 'failure' as const, to: ['ops'] };
        await store.saveWorkflow(
          saveOf({ hash: 'hash-2', definition: definition({ timeout, notify, failurePolicy: 'continue' }) }),
        );
        await wait(2 * HOUR, schedule);
        await place.execute('delete from tick');
        await fireAll();
        const runs = await runsOf();
        expect(runs.map(({ spec }) => spec.workflowVersion)).toEqual([1, 2, 2]);
        expect(runs[2]!.spec).toMatchObject({
          ...{ timeoutMs: 777, timeoutAction: 'warn', failurePolicy: 'continue' },
          ...{ notifyType: 'FAILURE', notifyMails: ['ops'] },
        });
      });

      test.each([
        ['fire_all', 100, Array.from({ length: 40 }, () => 'fired')],
        ['fire_all', 2, [...Array.from({ length: 38 }, () => 'misfire'), 'fired', 'fired']],
        ['fire_last', 100, [...Array.from({ length: 39 }, () => 'misfire'), 'fired']],
        ['skip', 100, Array.from({ length: 40 }, () => 'misfire')],
      ] as const)('forty missed ticks, each with its row: %s (%i)', async (misfire, misfireMax, expected) => {
        const schedule = await save({ misfire, misfireMax });
        await wait(40 * HOUR);
        const fired = expected.filter((outcome) => outcome === 'fired').length;
        expect(await fireAll()).toEqual({ fired, skipped: 40 - fired });
        expect(await outcomes(schedule)).toEqual(expected);
        expect((await runsOf()).map(({ spec }) => spec.logicalDateAt)).toEqual(
          (await ticks(schedule)).filter(({ run }) => run !== null).map(({ nominalAt }) => nominalAt),
        );
        expect(await fireAll()).toEqual({ fired: 0, skipped: 0 });
        expect((await reload(schedule)).nextDueAt).toBe(schedule.nextDueAt);
      });

      test('very many missed ticks are decided a piece at a time, with the same outcome', async () => {
        const schedule = await save({ cron: '*/10 * * * *', misfire: 'fire_last' });
        await wait(3 * DAY);
        const first = await fire();
        expect(first.more).toBe(true);
        expect(first.fired).toBe(0);
        await fireAll();
        const found = await outcomes(schedule);
        expect(found.length).toBeGreaterThanOrEqual(431);
        expect(found.indexOf('fired')).toBe(found.length - 1);
        const instants = (await ticks(schedule)).map(({ nominalAt }) => nominalAt);
        expect(new Set(instants.slice(1).map((at, i) => at - instants[i]!))).toEqual(new Set([600_000]));
      });

      test('a tick that has its row fires nothing again, wherever clocks and times are put', async () => {
        const schedule = await save({ misfire: 'fire_all' });
        await wait(3 * HOUR);
        expect(await fireAll()).toEqual({ fired: 3, skipped: 0 });
        await wait(3 * HOUR);
        expect(await fireAll()).toEqual({ fired: 0, skipped: 0 });
        expect(await ticks(schedule)).toHaveLength(3);
        expect(await runsOf()).toHaveLength(3);
        expect(await reload(schedule)).toMatchObject({ nextDueAt: schedule.nextDueAt });
      });

      test('a fenced master fires nothing', async () => {
        const schedule = await save();
        await wait(HOUR);
        await master(store, 'm2', { supersedes: [fence.master] });
        await expect(fire()).rejects.toMatchObject({ code: 'FENCED' });
        expect(await ticks(schedule)).toEqual([]);
        expect(await runsOf()).toEqual([]);
      });

      test('many masters at once: each tick once, and every one', async () => {
        const schedules: ScheduleRow[] = [];
        for (let i = 0; i < 60; i++) schedules.push(await save({ name: `s${i}`, misfire: 'fire_all' }));
        await wait(2 * HOUR);
        const fences = await Promise.all(['m2', 'm3', 'm4'].map((id) => master(store, id)));
        await Promise.all(
          fences.map(async (by) => {
            for (let looks = 0; looks < 60; looks++) if ((await store.fireDue(by, 7)).nextInMs !== 0) return;
          }),
        );
        expect(await fireAll()).toEqual({ fired: 0, skipped: 0 });
        const rows = await store.listTicks({ limit: 1000 });
        expect(rows).toHaveLength(120);
        expect(new Set(rows.map(({ run }) => run)).size).toBe(120);
        expect((await runsOf()).map(({ spec }) => spec.id)).toEqual(
          rows.map(({ run }) => run!).toSorted((a, b) => a - b),
        );
        const commands = await store.claimCommands(fence, null, 1000);
        expect(new Set(commands.map(({ run }) => run)).size).toBe(120);
      });

      test('one whose run cannot be made says so and alerts, and keeps no other from firing', async () => {
        const params = { year: { type: 'integer' as const, required: true } };
        const broken = await workflowNamed('broken', { params, notify: { on: 'none', to: ['ops'] } });
        const bad = await save({ workflowId: broken });
        const good = await save();
        await wait(HOUR);
        expect(await fireAll()).toEqual({ fired: 1, skipped: 1 });
        expect(await outcomes(good)).toEqual(['fired']);
        expect(await ticks(bad)).toMatchObject([
          { outcome: 'skipped', reason: 'error', detail: expect.stringContaining('`year`') as string, run: null },
        ]);
        expect((await reload(bad)).nextDueAt).toBe(bad.nextDueAt);
        const [alert] = await store.listAlerts({ limit: 10, projectIds: [bad.projectId] });
        expect(alert).toMatchObject({
          recipient: 'ops',
          alert: { event: 'schedule-failed', run: 0, workflow: 'broken', about: { kind: 'schedule', name: 'default' } },
        });
      });

      test('one that makes no sense any more comes to rest, and keeps no other from firing', async () => {
        const bad = await save();
        const good = await save({ name: 'good' });
        await wait(HOUR);
        await place.execute(`update schedule set zone = 'Mars/Olympus' where id = ${bad.id}`);
        expect(await fireAll()).toEqual({ fired: 1, skipped: 1 });
        expect(await outcomes(bad)).toEqual(['error']);
        expect(await outcomes(good)).toEqual(['fired']);
        expect((await reload(bad)).nextDueAt).toBeNull();
      });

      test('runs of one workflow take turns as it says', async () => {
        const serial = await workflowNamed('serial', { concurrency: 'serial_wait' });
        const discard = await workflowNamed('discard', { concurrency: 'serial_discard' });
        await save({ workflowId: serial, misfire: 'fire_all' });
        await save({ workflowId: discard, misfire: 'fire_all' });
        await wait(3 * HOUR);
        expect(await fireAll()).toEqual({ fired: 6, skipped: 0 });
        expect((await runsOf('serial')).map(({ status: { state } }) => state)).toEqual([
          'queued',
          'waiting',
          'waiting',
        ]);
        expect((await runsOf('discard')).map(({ status: { state } }) => state)).toEqual([
          'queued',
          'stopped',
          'stopped',
        ]);
      });
    });

    describe('maintenance', () => {
      test('while it is on nothing ticks; afterwards the ticks are late, and the policy decides', async () => {
        expect(await store.getMaintenance()).toEqual({ paused: false, reason: '', at: null, by: null });
        const all = await save({ misfire: 'fire_all' });
        const skip = await save({ name: 'skip', misfire: 'skip' });
        const on = await store.setMaintenance({ paused: true, reason: 'moving house', user: 'ann', at: AT });
        expect(on).toEqual({ paused: true, reason: 'moving house', at: AT, by: 'ann' });
        expect(await store.getMaintenance()).toEqual(on);
        await wait(2 * HOUR);
        expect(await fire()).toMatchObject({ fired: 0, skipped: 0, paused: true, more: false });
        expect(await ticks(all)).toEqual([]);
        await store.setMaintenance({ paused: false, reason: '', user: 'ann', at: AT + 1 });
        expect(await fireAll()).toEqual({ fired: 2, skipped: 2 });
        expect(await outcomes(all)).toEqual(['fired', 'fired']);
        expect(await outcomes(skip)).toEqual(['misfire', 'misfire']);
      });
    });

    describe('edits', () => {
      test('an edit of the times causes no burst: ticks that were due before it are recorded, and fire nothing', async () => {
        const schedule = await save({ misfire: 'fire_all' });
        await wait(3 * HOUR);
        const edited = await save({ misfire: 'fire_all', cron: hourly.replace('*', '0-23/2') });
        expect(edited.nextDueAt!).toBeGreaterThan(Date.now());
        expect(await fireAll()).toEqual({ fired: 0, skipped: 0 });
        expect(await ticks(schedule)).toMatchObject(
          [3, 2, 1].map((hours) => ({
            ...{ nominalAt: schedule.nextNominalAt! - hours * HOUR, outcome: 'skipped', reason: 'misfire' },
            ...{ scheduleVersion: 1, detail: 'the schedule was changed before it was decided' },
          })),
        );
      });

      test('an edit of anything else leaves what is due as it is', async () => {
        const schedule = await save({ misfire: 'fire_all' });
        await wait(HOUR);
        const edited = await save({ misfire: 'fire_all', options: { ...PLAIN_OPTIONS, priority: 'low' } });
        expect(edited).toMatchObject({ version: 2, nextDueAt: schedule.nextDueAt! - HOUR });
        expect(await fireAll()).toEqual({ fired: 1, skipped: 0 });
        expect((await runsOf())[0]!.spec.priority).toBe('low');
      });

      test('taken offline nothing fires; back online it goes on from now', async () => {
        const schedule = await save({ misfire: 'fire_all' });
        await wait(2 * HOUR);
        const change = { scheduleId: schedule.id, user: 'ann', at: AT + 1 };
        await store.setScheduleOnline({ ...change, online: false });
        expect(await outcomes(schedule)).toEqual(['misfire', 'misfire']);
        expect(await fireAll()).toEqual({ fired: 0, skipped: 0 });
        const { schedule: on } = await store.setScheduleOnline({ ...change, online: true });
        expect(on.nextDueAt).toBe(schedule.nextDueAt);
      });
    });

    describe('calendars', () => {
      const calendar = (days: string[], more: Partial<Parameters<Store['saveCalendar']>[0]> = {}) =>
        store.saveCalendar({ name: 'cn', description: 'Holidays', days, user: 'ann', at: AT, ...more });

      test('of more days than fit, or more of them in a row, is refused; what was there stays', async () => {
        const from = (count: number, every = 1) =>
          Array.from({ length: count }, (_, i) => dayText(Date.parse('2026-01-01') + i * every * DAY));
        const { days } = await calendar([...from(400), '2027-02-06']);
        expect(days).toHaveLength(401);
        await expect(calendar(from(401).toReversed())).rejects.toMatchObject({
          code: 'CONFLICT',
          message: expect.stringContaining(
            'from 2026-01-01 on more than 400 days are holidays one after the other',
          ) as string,
        });
        await expect(calendar(from(10_001, 2))).rejects.toMatchObject({ code: 'CONFLICT' });
        expect((await store.getCalendar('cn'))?.days).toEqual(days);
      });

      test('one is kept in order, counted and replaced; one that is named cannot be deleted', async () => {
        const days = ['2026-10-02', '2026-10-01', '2026-10-02'];
        const saved = await calendar(days);
        expect(saved).toEqual({
          ...{ name: 'cn', description: 'Holidays', days: ['2026-10-01', '2026-10-02'], revision: 1 },
          ...{ updatedAt: AT, updatedBy: 'ann' },
        });
        expect(await calendar(days, { at: AT + 1 })).toEqual(saved);
        expect(await store.getCalendar('cn')).toEqual(saved);
        expect(await store.getCalendar('none')).toBeNull();
        const schedule = await save({ calendar: 'cn', online: false });
        expect(await store.listSchedules({ calendar: 'cn', limit: 5 })).toHaveLength(1);
        expect(await store.listCalendars()).toEqual([
          {
            ...{ name: 'cn', description: 'Holidays', revision: 1, updatedAt: AT, updatedBy: 'ann' },
            ...{ dayCount: 2, firstDay: '2026-10-01', lastDay: '2026-10-02', schedules: 1 },
          },
        ]);
        await expect(store.deleteCalendar('cn')).rejects.toMatchObject({
          code: 'CONFLICT',
          message: "Calendar 'cn' is named by schedule 'default' of sales/nightly.",
        });
        await store.deleteSchedule(schedule.id, 'ann', AT);
        await store.deleteCalendar('cn');
        await expect(store.deleteCalendar('cn')).rejects.toMatchObject({ code: 'NOT_FOUND' });
        expect((await calendar([])).revision).toBe(1);
      });

      test('a nominal instant on a holiday is recorded as that, and fires nothing', async () => {
        const now = Date.now();
        await calendar([-2, -1, 0, 1].map((days) => dayText(now + days * DAY)));
        const schedule = await save({ calendar: 'cn', onHoliday: 'skip', misfire: 'fire_all' });
        await wait(2 * HOUR);
        await fireAll();
        expect(await outcomes(schedule)).toEqual(['holiday', 'holiday']);
        expect(await runsOf()).toEqual([]);
      });

      test('shifted to one instant they are one run, and each has its row', async () => {
        const now = Date.now();
        const cron = `${hourly.split(' ')[0]} ${new Date(now - HOUR).getUTCHours()} * * *`;
        await calendar([dayText(now - HOUR - 2 * DAY), dayText(now - HOUR - DAY)]);
        const schedule = await save({ calendar: 'cn', onHoliday: 'shift_next', cron, misfire: 'fire_all' });
        const [due] = [Date.parse(`${dayText(now - HOUR)}T00:00:00Z`) + (schedule.nextDueAt! % DAY)];
        const merged = JSON.stringify({ merged: [due - 2 * DAY, due - DAY], isHoliday: false });
        await place.execute(
          `update schedule set next_due_at = ${due}, next_nominal_at = ${due}, next_tick = '${merged}'`,
        );
        await place.execute(`update schedule set next_due_at = next_due_at - ${due > now ? DAY : 0}`);
        expect(await fireAll()).toMatchObject({ fired: 1, skipped: 2 });
        expect(await outcomes(schedule)).toEqual(['merged', 'merged', 'fired']);
        expect((await runsOf()).map(({ spec }) => spec.logicalDateAt)).toEqual([due]);
      });

      test('a change of its days is taken into account by schedules that name it', async () => {
        await calendar([]);
        const schedule = await save({ calendar: 'cn', onHoliday: 'shift_next' });
        const { nextDueAt, nextNominalAt } = schedule;
        const holiday = dayText(nextDueAt!);
        await calendar([holiday], { at: AT + 1 });
        const moved = await reload(schedule);
        const first = dayNumber(partsOf(holiday)) + 1;
        expect(Math.floor(moved.nextDueAt! / DAY)).toBeGreaterThanOrEqual(first);
        expect(moved.version).toBe(schedule.version);
        expect(moved.nextNominalAt! >= nextNominalAt!).toBe(true);
        await calendar([], { at: AT + 2 });
        expect((await reload(schedule)).nextDueAt).toBe(nextDueAt);
      });
    });

    describe('what runs wait for', () => {
      test('the run of the tick before, whether it is older or made at the same look', async () => {
        const schedule = await save({ misfire: 'fire_all', options: { ...PLAIN_OPTIONS, dependsOnPrevious: true } });
        await wait(2 * HOUR);
        await fireAll();
        await place.execute(
          `update schedule set next_due_at = next_due_at - ${HOUR}, next_nominal_at = next_nominal_at - ${HOUR};
           delete from tick where nominal_at = ${schedule.nextNominalAt! - HOUR}`,
        );
        await fireAll();
        const [first, second, third] = (await runsOf()).map(({ spec }) => spec);
        expect(first!.gate).toBeUndefined();
        expect(second!.gate).toEqual({
          previous: { run: first!.id, logicalDateAt: first!.logicalDateAt },
          workflows: [],
        });
        expect(third!.gate!.previous).toEqual({ run: second!.id, logicalDateAt: second!.logicalDateAt });
      });

      test('named workflows: the cycle of their own online schedule, else the day', async () => {
        const upstream = await workflowNamed('upstream');
        await workflowNamed('unscheduled');
        await save({ workflowId: upstream, cron: '0 0 1 * *' });
        const options = { ...PLAIN_OPTIONS, dependsOn: ['upstream', 'sales/unscheduled', 'nightly'] };
        await save({ options, zone: 'Asia/Kolkata' });
        await wait(HOUR, (await store.getSchedule(workflowId, 'default'))!);
        await fireAll();
        const { gate, logicalDateAt } = (await runsOf())[0]!.spec;
        const month = new Date(logicalDateAt).toISOString().slice(0, 8);
        const offset = 5.5 * HOUR;
        const midnight = Math.floor((logicalDateAt + offset) / DAY) * DAY - offset;
        expect(gate).toEqual({
          previous: null,
          workflows: [
            { project: 'sales', workflow: 'upstream', from: Date.parse(`${month}01T00:00:00Z`), to: logicalDateAt + 1 },
            { project: 'sales', workflow: 'unscheduled', from: midnight, to: midnight + DAY },
          ],
        });
      });
    });

    describe('the block of a definition', () => {
      const spec = (more: Partial<ScheduleSpec> = {}): ScheduleSpec => ({
        ...{ cron: hourly, timezone: 'UTC', start: null, end: null, misfire: 'fire_last', calendar: null },
        ...{ onHoliday: null, dependsOnPrevious: false, dependsOn: [], online: false },
        ...more,
      });
      let version = 1;
      const define = (schedule: ScheduleSpec | null, more: Parameters<typeof saveOf>[0] = {}) => {
        version++;
        const at = AT + version;
        return store.saveWorkflow(saveOf({ hash: `v${version}`, definition: definition({ schedule }), at, ...more }));
      };
      const stored = () => store.getSchedule(workflowId, 'default');

      test('it makes the schedule, changes it, and takes it away', async () => {
        await define(spec({ start: '2026-03-29', end: '2026-03-29T12:00Z', timezone: 'Europe/Berlin' }));
        expect(await stored()).toMatchObject({
          ...{ name: 'default', fromDefinition: true, online: false, nextDueAt: null, version: 1, misfireMax: 100 },
          ...{
            zone: 'Europe/Berlin',
            startAt: Date.parse('2026-03-28T23:00Z'),
            endAt: Date.parse('2026-03-29T12:00Z'),
          },
          options: PLAIN_OPTIONS,
        });
        await define(spec({ online: true, dependsOn: ['upstream'], dependsOnPrevious: true, misfire: 'skip' }));
        const changed = await stored();
        expect(changed).toMatchObject({
          ...{ online: true, version: 2, misfire: 'skip', zone: 'UTC' },
          options: { ...PLAIN_OPTIONS, dependsOn: ['upstream'], dependsOnPrevious: true },
        });
        expect(changed!.nextDueAt).not.toBeNull();
        await wait(HOUR);
        await define(null);
        expect(await stored()).toBeNull();
        expect(await ticks(changed!)).toMatchObject([
          { reason: 'misfire', detail: expect.stringContaining('deleted') as string },
        ]);
      });

      test('a person’s switch stays as it is until the block’s own changes', async () => {
        await define(spec({ online: true }));
        const { id } = (await stored())!;
        await store.setScheduleOnline({ scheduleId: id, online: false, user: 'ann', at: AT });
        await define(spec({ online: true, misfire: 'skip' }));
        expect(await stored()).toMatchObject({ online: false, misfire: 'skip' });
        await define(spec({ online: false, misfire: 'skip' }));
        await define(spec({ online: true, misfire: 'skip' }));
        expect(await stored()).toMatchObject({ online: true });
      });

      test('a block that is as it was leaves what people have set', async () => {
        await define(spec());
        await save({ cron: '7 7 * * *', options: { ...PLAIN_OPTIONS, params: { a: 1 } } });
        await define(spec(), { definition: definition({ schedule: spec(), description: 'another' }) });
        expect(await stored()).toMatchObject({ cron: '7 7 * * *', online: true, fromDefinition: true });
        await define(spec({ cron: '8 8 * * *' }));
        expect(await stored()).toMatchObject({ cron: '8 8 * * *', options: { params: { a: 1 } } });
      });

      test('schedules that people made stay without a block, and one of the same name is taken over by one', async () => {
        await save();
        await define(null, { definition: definition({ description: 'another' }) });
        expect(await stored()).toMatchObject({ fromDefinition: false, online: true });
        await define(spec());
        expect(await stored()).toMatchObject({ fromDefinition: true, online: true });
      });

      test('hidden workflows have none; a calendar that there is not is refused, and nothing is saved', async () => {
        const hidden = await define(spec({ online: true }), { name: 'direct-1', hidden: true });
        expect(await store.listSchedules({ workflowId: hidden.workflow.id, limit: 5 })).toEqual([]);
        await expect(define(spec({ calendar: 'nowhere' }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
        expect(await stored()).toBeNull();
        expect((await store.getWorkflow('sales', 'nightly'))!.version).toBe(1);
      });

      test('a workflow is not deleted while a schedule of it is online; with it go its schedules, but no ticks', async () => {
        const schedule = await save({ name: 'extra' });
        await wait(HOUR);
        await fireAll();
        const [run] = await runsOf();
        await store.commit(fence, [
          runChange(status(run!.spec.id, { state: 'succeeded', endedAt: AT + 9, owner: fence.master })),
        ]);
        await expect(store.deleteWorkflow(workflowId, 'ann', AT)).rejects.toMatchObject({ code: 'PRECONDITION' });
        expect(await store.getWorkflow('sales', 'nightly')).not.toBeNull();
        await store.setScheduleOnline({ scheduleId: schedule.id, online: false, user: 'ann', at: AT });
        await store.deleteWorkflow(workflowId, 'ann', AT);
        expect(await store.listSchedules({ limit: 5 })).toEqual([]);
        expect(await ticks(schedule)).toHaveLength(1);
        await expect(save()).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });
    });

    describe('ticks', () => {
      test('are listed newest first, page by page, of what may be seen', async () => {
        const first = await save({ misfire: 'fire_all' });
        const second = await save({ name: 'second', misfire: 'skip' });
        await wait(3 * HOUR);
        await fireAll();
        const all = await store.listTicks({ limit: 10 });
        expect(all.map(({ nominalAt, scheduleId }) => [nominalAt, scheduleId])).toEqual(
          [1, 2, 3].flatMap((hours) => [second, first].map(({ id }) => [first.nextNominalAt! - hours * HOUR, id])),
        );
        const listed = async (filter: Partial<Parameters<Store['listTicks']>[0]>) =>
          (await store.listTicks({ limit: 10, ...filter })).map((tick) =>
            all.findIndex((one) => one.scheduleId === tick.scheduleId && one.nominalAt === tick.nominalAt),
          );
        expect(
          await listed({ limit: 2, before: { nominalAt: all[1]!.nominalAt, scheduleId: all[1]!.scheduleId } }),
        ).toEqual([2, 3]);
        expect(await listed({ scheduleId: second.id, outcome: 'skipped' })).toEqual([0, 2, 4]);
        expect(await listed({ reason: 'misfire' })).toEqual([0, 2, 4]);
        expect(await listed({ nominalFrom: all[3]!.nominalAt, nominalTo: all[2]!.nominalAt })).toEqual([2, 3]);
        expect(await listed({ workflowId, projectIds: [first.projectId] })).toHaveLength(6);
        expect(await listed({ projectIds: [first.projectId, 999] })).toHaveLength(6);
        expect(await listed({ projectIds: [] })).toEqual([]);
        expect(await listed({ workflowId: 999 })).toEqual([]);
      });

      test('are forgotten after 400 days', async () => {
        const schedule = await save({ misfire: 'fire_all' });
        await wait(2 * HOUR);
        await fireAll();
        const old = (await ticks(schedule))[0]!.nominalAt;
        await place.execute(
          `update tick set nominal_at = nominal_at - ${401 * DAY}, decided_at = decided_at - ${401 * DAY} where nominal_at = ${old}`,
        );
        await store.housekeep();
        expect((await ticks(schedule)).map(({ nominalAt }) => nominalAt)).toEqual([old + HOUR]);
      });
    });

    describe('deadlines', () => {
      /** Half an hour ago, and every day. */
      let past: string;
      beforeEach(() => {
        const at = new Date(Date.now() - HOUR / 2);
        past = `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
      });
      const saved = (more: Partial<Parameters<Store['saveDeadline']>[0]> = {}) =>
        store.saveDeadline({
          ...{ workflowId, name: 'by-six', task: null, cron: past, zone: 'UTC', enabled: true },
          ...{ recipients: ['ops'], user: 'ann', at: AT },
          ...more,
        });
      const makeDue = () => place.execute(`update deadline set next_check_at = next_check_at - ${DAY}`);
      /** A run of the last two hours. */
      const run = async (end: { state: 'succeeded' | 'failed'; endedAt: number }) => {
        const schedule = await save({ name: 'runs' });
        await wait(HOUR, schedule);
        await fireAll();
        const { lastRun } = await reload(schedule);
        const startedAt = end.endedAt - 60_000;
        await place.execute(`update run set submitted_at = ${startedAt - 1000} where id = ${lastRun}`);
        await store.commit(fence, [
          taskChange(taskRun(lastRun!, 0, { state: 'succeeded', startedAt, endedAt: end.endedAt - 10 })),
          runChange(status(lastRun!, { ...end, startedAt, owner: fence.master })),
        ]);
      };

      test('one is made, read, listed, replaced, switched off and deleted', async () => {
        const before = Date.now();
        const deadline = await saved();
        expect(deadline).toEqual({
          ...{ id: deadline.id, projectId: deadline.projectId, project: 'sales', workflowId, workflow: 'nightly' },
          ...{ name: 'by-six', task: null, cron: past, zone: 'UTC', enabled: true, recipients: ['ops'] },
          ...{
            nextCheckAt: deadline.nextCheckAt,
            lastCheckAt: null,
            lastMissedAt: null,
            updatedAt: AT,
            updatedBy: 'ann',
          },
        });
        expect(deadline.nextCheckAt!).toBeGreaterThan(before);
        expect(await store.getDeadline(workflowId, 'by-six')).toEqual(deadline);
        expect(await store.getDeadline(workflowId, 'none')).toBeNull();
        const off = await saved({ enabled: false, task: 'load', at: AT + 1 });
        expect(off).toMatchObject({ id: deadline.id, nextCheckAt: null, task: 'load', updatedAt: AT + 1 });
        expect(await store.listDeadlines({ workflowId, limit: 5 })).toEqual([off]);
        expect(await store.listDeadlines({ projectIds: [], limit: 5 })).toEqual([]);
        expect(await store.listDeadlines({ workflow: 'nightly', enabled: false, limit: 5 })).toEqual([off]);
        expect(await store.listDeadlines({ enabled: true, limit: 5 })).toEqual([]);
        expect(await store.listDeadlines({ workflow: 'night', limit: 5 })).toEqual([]);
        expect(await store.listDeadlines({ after: off.id, limit: 5 })).toEqual([]);
        await store.deleteDeadline(deadline.id);
        await expect(store.deleteDeadline(deadline.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await expect(saved({ workflowId: 999 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await expect(saved({ zone: 'Mars/Olympus' })).rejects.toMatchObject({ code: 'INVARIANT' });
      });

      test('one that is missed is one alert, to those it names', async () => {
        const deadline = await saved();
        await makeDue();
        expect(await fire()).toMatchObject({ missedDeadlines: 1 });
        expect(await fire()).toMatchObject({ missedDeadlines: 0 });
        const by = deadline.nextCheckAt! - DAY;
        expect(await store.getDeadline(workflowId, 'by-six')).toEqual({
          ...deadline,
          lastCheckAt: by,
          lastMissedAt: by,
        });
        const alerts = await store.listAlerts({ limit: 10 });
        expect(alerts).toMatchObject([
          {
            recipient: 'ops',
            state: 'pending',
            alert: {
              ...{ id: `deadline.${deadline.id}.${by}`, event: 'deadline-missed', run: 0, task: null },
              about: { kind: 'deadline', name: 'by-six', since: by - DAY, by, zone: 'UTC' },
            },
          },
        ]);
        expect(await store.listAlerts({ limit: 10, projectIds: [deadline.projectId] })).toHaveLength(1);
        expect(await store.listAlerts({ limit: 10, projectIds: [] })).toEqual([]);
      });

      test('a run of the cycle that had succeeded by then keeps it', async () => {
        await saved();
        await run({ state: 'succeeded', endedAt: Date.now() - HOUR });
        await makeDue();
        expect(await fire()).toMatchObject({ missedDeadlines: 0 });
        expect(await store.listAlerts({ limit: 10 })).toEqual([]);
        expect((await store.getDeadline(workflowId, 'by-six'))!.lastMissedAt).toBeNull();
      });

      test.each([
        ['failed', -HOUR],
        ['succeeded', -60_000],
      ] as const)('one that %s at %i ms does not', async (state, after) => {
        await saved();
        await run({ state, endedAt: Date.now() + after });
        await makeDue();
        expect(await fire()).toMatchObject({ missedDeadlines: 1 });
      });

      test('of a task: it counts what became of the task, whatever became of the run', async () => {
        const tasks = [taskDefinition('load'), taskDefinition('report')];
        await store.saveWorkflow(saveOf({ hash: 'tasks', definition: definition({ tasks }) }));
        await saved({ task: 'load' });
        await saved({ name: 'report', task: 'report', recipients: [] });
        await run({ state: 'failed', endedAt: Date.now() - HOUR });
        await makeDue();
        expect(await fire()).toMatchObject({ missedDeadlines: 1 });
        expect((await store.getDeadline(workflowId, 'report'))!.lastMissedAt).not.toBeNull();
        expect((await store.getDeadline(workflowId, 'by-six'))!.lastMissedAt).toBeNull();
      });

      test('goes with its workflow', async () => {
        await saved();
        await store.deleteWorkflow(workflowId, 'ann', AT);
        expect(await store.listDeadlines({ limit: 5 })).toEqual([]);
      });
    });

    test('every change is a row of the audit, and what changes nothing is none', async () => {
      const audited = store.audited(() => ({ user: 'ann', via: 'token', address: '::1', action: 'act', at: AT }));
      const { schedule } = await audited.saveSchedule(saving());
      await audited.saveSchedule(saving());
      await audited.setScheduleOnline({ scheduleId: schedule.id, online: false, user: 'ann', at: AT });
      await audited.deleteSchedule(schedule.id, 'ann', AT);
      await audited.saveCalendar({ name: 'cn', description: '', days: [], user: 'ann', at: AT });
      await audited.deleteCalendar('cn');
      await audited.setMaintenance({ paused: true, reason: 'r', user: 'ann', at: AT });
      const deadline = { workflowId, name: 'd', task: null, cron: '0 6 * * *', zone: 'UTC', enabled: true };
      const { id } = await audited.saveDeadline({ ...deadline, recipients: [], user: 'ann', at: AT });
      await audited.deleteDeadline(id);
      const rows = await store.listAudit({ limit: 20 });
      const of = 'projects/sales/workflows/nightly';
      expect(rows.map(({ target }) => target).toReversed()).toEqual([
        ...[`${of}/schedules/default`, `${of}/schedules/default`, `${of}/schedules/default`],
        ...['calendars/cn', 'calendars/cn', 'maintenance', `${of}/deadlines/d`, `${of}/deadlines/d`],
      ]);
    });
  });
}

function partsOf(day: string): { year: number; month: number; day: number } {
  const [year, month, of] = day.split('-').map(Number) as [number, number, number];
  return { year, month, day: of };
}
