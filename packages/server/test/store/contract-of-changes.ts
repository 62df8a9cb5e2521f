/** What has changed since of schedules, deadlines, calendars and backfills: nothing is missed, whoever changes what at once. */
import type { EventsAbout, RunState } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Changes, Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  AT,
  backfillOf,
  definition,
  master,
  newRun,
  runChange,
  saveOf,
  scheduleOf,
  status,
  taskDefinition,
} from './records.ts';

const HOUR = 3_600_000;
const NO_KEY = { idempotencyKey: null, requestHash: '' };
const OFFLINE = { online: false, user: 'ann', at: AT };

export function changesContract(makePlace: () => Promise<Place>): void {
  describe('changes of schedules and backfills', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    let workflowId: number;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
      const tasks = [taskDefinition('a')];
      ({ id: workflowId } = (await store.saveWorkflow(saveOf({ definition: definition({ tasks }) }))).workflow);
      fence = await master(store, 'm1');
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const since = (
      after: number,
      about: readonly EventsAbout[] = ['schedules'],
      more: { projectIds?: number[]; limit?: number } = {},
    ): Promise<Changes> => store.changesSince({ about, after, projectIds: null, limit: 100, ...more });
    /** What there is, one after the other, page by page. */
    const toldSince = async (after: number, about: readonly EventsAbout[], limit: number): Promise<string[]> => {
      const told: string[] = [];
      for (let next = after; ;) {
        const page = await since(next, about, { limit });
        const names = namesOf(page);
        if (names.length === 0) return told;
        told.push(...names);
        next = page.next;
      }
    };
    const namesOf = ({ maintenance, ...told }: Changes): string[] =>
      [
        ...told.runs.map(({ spec, changed }) => ({ name: `run ${spec.id}`, changed })),
        ...told.ticks.map(({ schedule, outcome, changed }) => ({ name: `tick ${schedule} ${outcome}`, changed })),
        ...told.schedules.map(({ name, changed }) => ({ name: `schedule ${name}`, changed })),
        ...told.deletedSchedules.map(({ name, changed }) => ({ name: `deleted ${name}`, changed })),
        ...told.deadlines.map(({ name, changed }) => ({ name: `deadline ${name}`, changed })),
        ...told.deletedDeadlines.map(({ name, changed }) => ({ name: `deleted deadline ${name}`, changed })),
        ...told.calendars.map(({ name, changed }) => ({ name: `calendar ${name}`, changed })),
        ...told.deletedCalendars.map(({ name, changed }) => ({ name: `deleted calendar ${name}`, changed })),
        ...told.backfills.map(({ id, changed }) => ({ name: `backfill ${id}`, changed })),
        ...(maintenance === null ? [] : [{ name: 'maintenance', changed: maintenance.changed }]),
      ]
        .toSorted((one, other) => one.changed - other.changed)
        .map(({ name }) => name);
    const makeDue = (schedule: string): Promise<void> =>
      place.execute(
        `update schedule set next_due_at = next_due_at - ${HOUR}, next_nominal_at = next_nominal_at - ${HOUR} where name = '${schedule}'`,
      );

    test('a schedule that is made, edited, switched or ticks is told as it is now, once', async () => {
      const start = await store.changesPosition();
      const { schedule: made } = await store.saveSchedule(scheduleOf(workflowId));
      const first = await since(start);
      expect(first).toMatchObject({ runs: [], ticks: [], deletedSchedules: [], maintenance: null, backfills: [] });
      expect(first.schedules).toEqual([{ ...made, changed: first.schedules[0]!.changed }]);
      await store.saveSchedule(scheduleOf(workflowId, { zone: 'Asia/Tokyo' }));
      await store.setScheduleOnline({ ...OFFLINE, scheduleId: made.id });
      const { schedules, next } = await since(start);
      expect(schedules.map(({ version, zone, online }) => [version, zone, online])).toEqual([[3, 'Asia/Tokyo', false]]);
      // The same again is no change.
      await store.setScheduleOnline({ ...OFFLINE, scheduleId: made.id });
      await store.saveSchedule(scheduleOf(workflowId, { zone: 'Asia/Tokyo', online: false }));
      expect(namesOf(await since(next))).toEqual([]);
    });

    test('a tick is told with its schedule and its run, whether it fired or not, and once for all', async () => {
      const { schedule } = await store.saveSchedule(scheduleOf(workflowId, { name: 'fires' }));
      await store.saveSchedule(scheduleOf(workflowId, { name: 'skips', misfire: 'skip' }));
      await store.saveSchedule(scheduleOf(workflowId, { name: 'waits' }));
      const start = await store.changesPosition();
      await makeDue('fires');
      await makeDue('skips');
      await store.fireDue(fence, 10);
      const told = await since(start, ['runs', 'schedules', 'backfills']);
      expect(
        told.ticks.map(({ schedule: name, outcome, reason, project }) => [name, outcome, reason, project]),
      ).toEqual([
        ['fires', 'fired', null, 'sales'],
        ['skips', 'skipped', 'misfire', 'sales'],
      ]);
      expect(told.runs.map(({ spec }) => spec.id)).toEqual([told.ticks[0]!.run]);
      expect(told.schedules.map(({ name, nextDueAt }) => [name, nextDueAt! > Date.now()])).toEqual([
        ['fires', true],
        ['skips', true],
      ]);
      expect(told.ticks[0]).toMatchObject({ scheduleId: schedule.id, workflow: 'nightly' });
      expect(namesOf(await since(told.next, ['runs', 'schedules']))).toEqual([]);
    });

    test('a schedule that is deleted, or goes with its workflow, is told of; an edit of its calendar changes it', async () => {
      await store.saveCalendar({ name: 'holidays', description: '', days: [], user: 'ann', at: AT });
      const { schedule } = await store.saveSchedule(scheduleOf(workflowId, { calendar: 'holidays' }));
      const second = (await store.saveSchedule(scheduleOf(workflowId, { name: 'second', online: false }))).schedule;
      const start = await store.changesPosition();
      const tomorrow = new Date(Date.now() + 24 * HOUR).toISOString().slice(0, 10);
      await store.saveCalendar({ name: 'holidays', description: '', days: [tomorrow], user: 'ann', at: AT });
      const edited = await since(start);
      expect(namesOf(edited).toSorted()).toEqual(['calendar holidays', 'schedule default']);
      await store.deleteSchedule(schedule.id, 'ann', AT);
      const gone = await since(edited.next);
      expect(namesOf(gone)).toEqual(['deleted default']);
      const { projectId } = schedule;
      expect(gone.deletedSchedules).toMatchObject([
        { id: schedule.id, projectId, project: 'sales', workflow: 'nightly', name: 'default' },
      ]);
      await store.deleteWorkflow(workflowId, 'ann', AT);
      expect((await since(gone.next)).deletedSchedules).toMatchObject([{ id: second.id, name: 'second' }]);
    });

    const deadlineOf = (name: string, id = workflowId) => ({
      ...{ workflowId: id, name, task: null, cron: '0 6 * * *', zone: 'UTC', enabled: true },
      ...{ recipients: ['ops'], user: 'ann', at: AT },
    });

    test('a deadline is told of when it is made, edited, missed and deleted, also with its workflow', async () => {
      const start = await store.changesPosition();
      await store.saveDeadline(deadlineOf('by-six'));
      const deadline = await store.saveDeadline({ ...deadlineOf('by-six'), recipients: [] });
      await store.saveDeadline(deadlineOf('other'));
      const made = await since(start);
      expect(made.deadlines[0]).toEqual({ ...deadline, changed: made.deadlines[0]!.changed });
      expect(namesOf(made)).toEqual(['deadline by-six', 'deadline other']);
      await place.execute(`update deadline set next_check_at = next_check_at - ${24 * HOUR} where id = ${deadline.id}`);
      await store.fireDue(fence, 10);
      const missed = await since(made.next);
      const at = deadline.nextCheckAt! - 24 * HOUR;
      expect(missed.deadlines.map(({ name, lastMissedAt }) => [name, lastMissedAt])).toEqual([['by-six', at]]);
      await store.deleteDeadline(deadline.id);
      const gone = await since(missed.next);
      const { projectId } = deadline;
      expect(gone.deletedDeadlines).toMatchObject([
        { id: deadline.id, projectId, project: 'sales', workflow: 'nightly', name: 'by-six' },
      ]);
      await store.deleteWorkflow(workflowId, 'ann', AT);
      expect(namesOf(await since(gone.next, ['schedules', 'backfills']))).toEqual(['deleted deadline other']);
      expect(namesOf(await since(start, ['schedules'], { projectIds: [] }))).toEqual([]);
    });

    test('a calendar is told of to everybody: made, with other days, deleted and made again', async () => {
      const calendar = { name: 'holidays', description: '', user: 'ann', at: AT };
      const start = await store.changesPosition();
      await store.saveCalendar({ ...calendar, days: ['2030-01-01'] });
      const made = await since(start, ['schedules'], { projectIds: [] });
      const [head] = await store.listCalendars();
      expect(made.calendars).toEqual([{ ...head, changed: made.calendars[0]!.changed }]);
      // The same again is no change.
      await store.saveCalendar({ ...calendar, days: ['2030-01-01'] });
      expect(namesOf(await since(made.next))).toEqual([]);
      for (let i = 0; i < 2; i++) {
        await store.deleteCalendar('holidays');
        await store.saveCalendar({ ...calendar, days: ['2030-01-02'] });
      }
      expect(namesOf(await since(made.next))).toEqual(['deleted calendar holidays', 'calendar holidays']);
    });

    test('the switch that holds all schedules still is told to everybody', async () => {
      const start = await store.changesPosition();
      await store.setMaintenance({ paused: true, reason: 'new disks', user: 'ann', at: AT });
      const { maintenance } = await since(start, ['schedules'], { projectIds: [] });
      expect(maintenance).toMatchObject({ paused: true, reason: 'new disks', at: AT, by: 'ann' });
    });

    test('a backfill is told of when it is made, gets further and is steered, not when nothing became of it', async () => {
      const start = await store.changesPosition();
      const { backfill, runs } = await store.createBackfill(backfillOf(workflowId), NO_KEY);
      const made = await since(start, ['backfills']);
      expect(made.backfills).toEqual([{ ...backfill, changed: made.backfills[0]!.changed }]);
      expect(made.schedules).toEqual([]);
      const ended = status(runs[0]!, { version: 1, state: 'succeeded' as RunState, endedAt: AT, owner: fence.master });
      await store.commit(fence, [runChange(ended)]);
      const further = await since(made.next, ['backfills']);
      expect(further.backfills.map(({ counts }) => counts)).toEqual([{ succeeded: 1, running: 1, pending: 1 }]);
      await store.pauseBackfill({ id: backfill.id, user: 'ann', at: AT });
      const paused = await since(further.next, ['backfills']);
      expect(paused.backfills.map(({ state }) => state)).toEqual(['paused']);
      await store.pauseBackfill({ id: backfill.id, user: 'ann', at: AT });
      expect((await since(paused.next, ['backfills'])).backfills).toEqual([]);
    });

    test('only of projects that were asked for; the position passes the others', async () => {
      const other = await store.ensureProject({ name: 'other', description: '', owner: 'ann', at: AT });
      const there = (await store.saveWorkflow(saveOf({ project: 'other', hash: 'there' }))).workflow.id;
      const start = await store.changesPosition();
      await store.saveSchedule(scheduleOf(workflowId));
      const { schedule } = await store.saveSchedule(scheduleOf(there, { name: 'theirs' }));
      const told = await since(start, ['schedules'], { projectIds: [other.id] });
      expect(namesOf(told)).toEqual(['schedule theirs']);
      expect(namesOf(await since(told.next))).toEqual([]);
      await store.deleteSchedule(schedule.id, 'ann', AT);
      expect(namesOf(await since(told.next, ['schedules'], { projectIds: [] }))).toEqual([]);
    });

    test('page by page, whatever it is about; positions of one subject hold for another, and after a restart', async () => {
      const start = await store.changesPosition();
      const expected: string[] = [];
      for (const name of ['a', 'b', 'c']) {
        await store.saveSchedule(scheduleOf(workflowId, { name }));
        expected.push(`schedule ${name}`, `run ${(await store.submitRun(newRun())).run.id}`);
      }
      await store.setMaintenance({ paused: true, reason: '', user: 'ann', at: AT });
      expected.push('maintenance');
      for (const limit of [1, 2, 3, 100]) {
        expect(await toldSince(start, ['runs', 'schedules', 'backfills'], limit), `${limit}`).toEqual(expected);
        const schedules = expected.filter((name) => !name.startsWith('run'));
        expect(await toldSince(start, ['schedules'], limit), `${limit}`).toEqual(schedules);
      }
      const { next } = await since(start, ['runs']);
      expect(namesOf(await since(next, ['runs', 'schedules', 'backfills']))).toEqual([]);
      await store.close();
      store = await place.open();
      expect(await store.changesPosition()).toBeGreaterThanOrEqual(next);
      await store.setMaintenance({ paused: false, reason: '', user: 'ann', at: AT });
      expect(namesOf(await since(next))).toEqual(['maintenance']);
    });

    test('whoever reads while many write at once misses nothing', async () => {
      const start = await store.changesPosition();
      const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
      let writing = true;
      const written = Promise.all(
        names.map(async (name) => {
          const { schedule } = await store.saveSchedule(scheduleOf(workflowId, { name }));
          await store.submitRun(newRun());
          await store.setScheduleOnline({ ...OFFLINE, scheduleId: schedule.id });
        }),
      ).finally(() => (writing = false));
      const last = new Map<string, number>();
      let next = start;
      for (let isLast = false; !isLast;) {
        isLast = !writing;
        const page = await since(next, ['schedules', 'runs'], { limit: 3 });
        for (const { name, version } of page.schedules) last.set(name, version);
        if (isLast && namesOf(page).length > 0) isLast = false;
        next = page.next;
      }
      await written;
      expect(Object.fromEntries(last)).toEqual(Object.fromEntries(names.map((name) => [name, 2])));
    });
  });
}
