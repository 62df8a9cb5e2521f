/** The invariants as questions: a healthy store breaks none, and each is asked about a row that breaks it. */
import type { AttemptRecord } from '@pelorus/engine';
import { masterIdOf, runIdOf, workerIdOf, type RunId } from '@pelorus/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INVARIANT_CHECKS } from '../../src/store/audit-invariants.ts';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  attempt,
  attemptChange,
  definition,
  master,
  newRun,
  runChange,
  saveOf,
  startedRun,
  status,
  taskChange,
  taskDefinition,
  taskRun,
  worker,
} from './records.ts';

/** Tasks of the workflow `etl`. */
const [LOAD, CHECK, CALL, POOLED, LATER] = [0, 1, 2, 3, 4] as const;

/** The runs of the healthy store. */
interface Runs {
  /** Of `etl`, under way: LOAD has succeeded, CHECK runs, CALL has a child, POOLED is queued, LATER is pending. */
  run: RunId;
  child: RunId;
  ended: RunId;
  queued: RunId;
  /** Of a serial workflow: `turn` waits behind `first`. */
  first: RunId;
  turn: RunId;
}

interface Case {
  invariant: string;
  check: string;
  damage: (runs: Runs) => string;
  finds: (runs: Runs) => { subject: string; detail: string | RegExp };
}

const LONG_AGO = 1_000_000;
const one = (at: Partial<{ run: RunId; task: number; n: number }>) =>
  `run_id = ${at.run}${at.task === undefined ? '' : ` and task = ${at.task}`}${at.n === undefined ? '' : ` and n = ${at.n}`}`;

const BACKFILL = (pending: number, running: number) => `
  insert into backfill (project_id, project, workflow_id, workflow, start_at, end_at, zone, mode, parallelism, date_order, options, state, counts,
    submit_user, created_at, updated_at, pending_dates, running_dates)
  values (1, 'p', 1, 'w', 1, 1, 'UTC', 'serial', 1, 'ascending', '{}', 'running', '{}', 'u', 1, 1, ${pending}, ${running});`;
const DATE = (state: string, run: RunId) =>
  `insert into backfill_date (backfill_id, position, logical_at, state, run_id) values ((select max(id) from backfill), 0, 1, '${state}', ${run});`;

/** Epoch ms, as SQL: long after any test. */
const FAR = '9000000000000';
/** `late`, of the workflow of the first run. */
const SCHEDULE = ({ online = 1, dueAt = 'null' }: { online?: number; dueAt?: string } = {}) => `
  insert into schedule (project_id, workflow_id, name, version, online, cron, zone, misfire, misfire_max, options, next_due_at, next_nominal_at,
    from_definition, created_at, created_by, updated_at, updated_by)
  select project_id, workflow_id, 'late', 1, ${online}, '0 * * * *', 'UTC', 'skip', 1, '{}', ${dueAt}, ${dueAt}, 0, 1, 'u', 1, 'u' from run order by id limit 1;`;
/** Of that schedule, for the instant 77 of that run. */
const TICK = (run: RunId) => `
  insert into tick (schedule_id, nominal_at, schedule, project_id, workflow_id, workflow, due_at, decided_at, schedule_version, outcome, run_id)
  select (select max(id) from schedule), 77, 'late', project_id, workflow_id, 'w', 77, 77, 1, 'fired', id from run where id = ${run};`;

const CASES: readonly Case[] = [
  {
    invariant: 'S3',
    check: 'attempts before their dependencies',
    damage: ({ run }) => `update task_run set state = 'retry_wait' where ${one({ run, task: LOAD })}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${CHECK}.1`,
      detail: 'it is running, but something that its task needs has not ended',
    }),
  },
  {
    invariant: 'S4',
    check: 'ends of runs',
    damage: ({ ended }) => `update run set ended_at = null where id = ${ended}`,
    finds: ({ ended }) => ({ subject: `run ${ended}`, detail: 'it is succeeded and does not say since when' }),
  },
  {
    invariant: 'S4',
    check: 'ends of runs',
    damage: ({ run }) => `update run set ended_at = 5 where id = ${run}`,
    finds: ({ run }) => ({ subject: `run ${run}`, detail: 'it is running and has an end' }),
  },
  {
    invariant: 'S4',
    check: 'tasks of ended runs',
    damage: ({ ended }) => `update task_run set state = 'running' where ${one({ run: ended, task: LOAD })}`,
    finds: ({ ended }) => ({
      subject: `task ${LOAD} of run ${ended}`,
      detail: 'it is running, but its run is succeeded',
    }),
  },
  {
    invariant: 'S4',
    check: 'ends of attempts',
    damage: ({ run }) => `update attempt set ended_at = null where ${one({ run, task: LOAD, n: 2 })}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${LOAD}.2`,
      detail: 'it is succeeded and does not say since when',
    }),
  },
  {
    invariant: 'S5',
    check: 'live attempts of one task',
    damage: ({ run }) =>
      `drop index attempt_live; update attempt set state = 'running' where ${one({ run, task: LOAD })}`,
    finds: ({ run }) => ({ subject: `task ${LOAD} of run ${run}`, detail: 'it has 2 live attempts' }),
  },
  {
    invariant: 'S5',
    check: 'numbers of attempts',
    damage: ({ run }) => `delete from attempt where ${one({ run, task: LOAD, n: 1 })}`,
    finds: ({ run }) => ({
      subject: `task ${LOAD} of run ${run}`,
      detail: 'its 1 attempts are numbered from 2 to 2',
    }),
  },
  {
    invariant: 'S5',
    check: 'live attempts that are not the latest',
    damage: ({ run }) =>
      `update attempt set state = 'running', ended_at = null where ${one({ run, task: LOAD, n: 1 })}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${LOAD}.1`,
      detail: 'it is running, though attempt 2 came after it',
    }),
  },
  {
    invariant: 'S7',
    check: 'commands without an answer',
    damage: ({ queued }) => `update command set at = at - ${LONG_AGO} where ${one({ run: queued })}`,
    finds: ({ queued }) => ({
      subject: expect.stringMatching(new RegExp(`^command \\d+ of run ${queued}$`)) as string,
      detail: /^start: nobody has answered it for 10\d\d s$/,
    }),
  },
  {
    invariant: 'S7',
    check: 'answers of commands',
    damage: ({ run }) => `update command set outcome = null where ${one({ run })}`,
    finds: ({ run }) => ({
      subject: expect.stringMatching(new RegExp(`^command \\d+ of run ${run}$`)) as string,
      detail: 'it is done, and neither applied nor refused',
    }),
  },
  {
    invariant: 'S8',
    check: 'dates of backfills',
    damage: ({ ended }) => `${BACKFILL(0, 1)} ${DATE('running', ended)}`,
    finds: ({ ended }) => ({
      subject: expect.stringMatching(/^date 0 of backfill \d+$/) as string,
      detail: `it is running, but its run ${ended} is succeeded`,
    }),
  },
  {
    invariant: 'S8',
    check: 'runs of one date',
    damage: ({ run, child }) =>
      `${BACKFILL(0, 1)} ${DATE('running', run)}
       insert into backfill_run (backfill_id, position, n, run_id) values ((select max(id) from backfill), 0, 1, ${run}), ((select max(id) from backfill), 0, 2, ${child})`,
    finds: ({ child }) => ({
      subject: expect.stringMatching(/^date 0 of backfill \d+$/) as string,
      detail: `run ${child} of it has not ended, but the date is running`,
    }),
  },
  {
    invariant: 'S8',
    check: 'tallies of backfills',
    damage: ({ run }) => `${BACKFILL(3, 1)} ${DATE('running', run)}`,
    finds: () => ({
      subject: expect.stringMatching(/^backfill \d+$/) as string,
      detail: 'it is running and says that dates pending are 3, running 1; they are 0 and 1',
    }),
  },
  {
    invariant: 'S8',
    check: 'ticks without their run',
    damage: ({ ended }) => `${SCHEDULE()} ${TICK(ended)} update tick set run_id = 999999`,
    finds: () => ({
      subject: expect.stringMatching(/^tick 77 of schedule \d+ \(w\)$/) as string,
      detail: 'it is fired, but its run 999999 is not there',
    }),
  },
  {
    invariant: 'S8',
    check: 'ticks without their run',
    damage: ({ ended }) => `${SCHEDULE()} ${TICK(ended)} update tick set run_id = null`,
    finds: () => ({
      subject: expect.stringMatching(/^tick 77 of schedule/) as string,
      detail: 'it is fired and names no run',
    }),
  },
  {
    invariant: 'S8',
    check: 'ticks without their run',
    damage: ({ ended }) => `${SCHEDULE()} ${TICK(ended)} update tick set outcome = 'skipped'`,
    finds: ({ ended }) => ({
      subject: expect.stringMatching(/^tick 77 of schedule/) as string,
      detail: `it is skipped, and yet it has run ${ended}`,
    }),
  },
  {
    // A second run for the same tick.
    invariant: 'S8',
    check: 'scheduled runs without their tick',
    damage: ({ ended, queued }) => `${SCHEDULE()} ${TICK(ended)}
      update run set exec_type = 'SCHEDULER', logical_at = 77 where id in (${ended}, ${queued})`,
    finds: ({ queued }) => ({
      subject: `run ${queued}`,
      detail: 'a schedule made it for the instant 77, but no tick says so',
    }),
  },
  {
    invariant: 'S8',
    check: 'next ticks of schedules',
    damage: () => SCHEDULE({ online: 0, dueAt: FAR }),
    finds: () => ({
      subject: expect.stringMatching(/^schedule late of workflow \d+$/) as string,
      detail: 'it is offline, and has a tick before it',
    }),
  },
  {
    invariant: 'S8',
    check: 'next ticks of schedules',
    damage: () => `${SCHEDULE({ dueAt: FAR })} update schedule set next_nominal_at = null`,
    finds: () => ({
      subject: expect.stringMatching(/^schedule late of workflow \d+$/) as string,
      detail: `its next tick is due at ${FAR}, and nobody knows for which instant`,
    }),
  },
  {
    invariant: 'L4',
    check: 'schedules that nobody looks at',
    damage: () => SCHEDULE({ dueAt: '5' }),
    finds: () => ({
      subject: expect.stringMatching(/^schedule late of workflow \d+$/) as string,
      detail: /^its tick 5 was due \d+ s ago$/,
    }),
  },
  {
    invariant: 'L4',
    check: 'deadlines that nobody looks at',
    damage: () => `
      insert into deadline (project_id, workflow_id, name, cron, zone, enabled, recipients, next_check_at, updated_at, updated_by)
      select project_id, workflow_id, 'by-six', '0 6 * * *', 'UTC', 1, '[]', 5, 1, 'u' from run order by id limit 1`,
    finds: () => ({
      subject: expect.stringMatching(/^deadline by-six of workflow \d+$/) as string,
      detail: /^it was to be looked at \d+ s ago$/,
    }),
  },
  {
    invariant: 'L4',
    check: 'backfills that nobody drives',
    damage: ({ run }) => `${BACKFILL(1, 1)} ${DATE('running', run)} update backfill set at_once = 2;
      insert into backfill_date (backfill_id, position, logical_at, state) values ((select max(id) from backfill), 1, 2, 'pending')`,
    finds: () => ({
      subject: expect.stringMatching(/^backfill \d+$/) as string,
      detail: 'it is running; dates pending are 1 and running 1 of 2, and no further one begins',
    }),
  },
  {
    invariant: 'S9',
    check: 'live attempts of ended runs',
    damage: ({ run }) => `update run set state = 'failed', ended_at = 5 where id = ${run};
      update attempt set state = 'succeeded', ended_at = 5 where ${one({ run, task: CALL })}`,
    finds: ({ run }) => ({ subject: `attempt ${run}.${CHECK}.1`, detail: 'it is running, but its run is failed' }),
  },
  {
    invariant: 'S9',
    check: 'attempts that a stop spares',
    damage: ({ run }) => `update run set state = 'stopping' where id = ${run};
      update attempt set kill_intent = '{}' where ${one({ run, task: CALL })}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${CHECK}.1`,
      detail: 'its run is being stopped, but nobody kills it',
    }),
  },
  {
    invariant: 'S10',
    check: 'slots of workers',
    damage: () => `update worker set slots = 0`,
    finds: () => ({ subject: 'worker worker one (w1)', detail: 'it runs 1 attempts in 0 slots' }),
  },
  {
    invariant: 'S10',
    check: 'sizes of task groups',
    damage: ({ run }) => `insert into attempt (run_id, task, n, version, state, worker, dispatched_at)
      values (${run}, ${POOLED}, 1, 9, 'dispatched', 'w1', 9000000000000); update task_group set size = 1`,
    finds: () => ({ subject: 'task group pool', detail: 'attempts with a weight of 2 hold it, of size 1' }),
  },
  {
    invariant: 'S11',
    check: 'children that outlive their parents',
    damage: ({ run }) => `update run set state = 'stopped', ended_at = 5 where id = ${run}`,
    finds: ({ run, child }) => ({
      subject: `run ${child}`,
      detail: `it is queued, but its parent, run ${run}, is stopped`,
    }),
  },
  {
    invariant: 'S11',
    check: 'children that outlive their attempts',
    damage: ({ run }) => `update attempt set state = 'killed', ended_at = 5 where ${one({ run, task: CALL })}`,
    finds: ({ child }) => ({
      subject: `run ${child}`,
      detail: 'it is queued, but the attempt that it belongs to is killed',
    }),
  },
  {
    invariant: 'S11',
    check: 'ends of children that nobody tells',
    damage: ({ child }) => `update run set state = 'failed', ended_at = 5 where id = ${child}`,
    finds: ({ run, child }) => ({
      subject: `attempt ${run}.${CALL}.1`,
      detail: `its child, run ${child}, is failed, and nobody tells it`,
    }),
  },
  {
    invariant: 'L4',
    check: 'runs that nobody starts',
    damage: ({ queued }) => `delete from command where ${one({ run: queued })}`,
    finds: ({ queued }) => ({ subject: `run ${queued}`, detail: 'it is queued, and no command is on its way' }),
  },
  {
    invariant: 'L4',
    check: 'runs whose turn never comes',
    damage: ({ first }) => `update run set state = 'succeeded', ended_at = 5 where id = ${first}`,
    finds: ({ turn }) => ({
      subject: `run ${turn}`,
      detail: 'it waits for its turn (serial_wait), but nobody else of its workflow is under way',
    }),
  },
  {
    invariant: 'L4',
    check: 'runs without a living owner',
    damage: ({ run }) => `update run set owner = 'm-gone' where id = ${run}`,
    finds: ({ run }) => ({ subject: `run ${run}`, detail: 'it is running, and its owner, master m-gone, is gone' }),
  },
  {
    invariant: 'L4',
    check: 'runs without a living owner',
    damage: ({ run, first }) => `update master set fenced_at = 5; update run set owner = null where id = ${run};
      update run set state = 'stopped', ended_at = 5 where id = ${first}`,
    finds: ({ run }) => ({ subject: `run ${run}`, detail: 'it is running, nobody owns it and no master lives' }),
  },
  {
    invariant: 'L4',
    check: 'runs without a living owner',
    damage: () => `update master set lease_until = renewed_at - ${LONG_AGO} where id = 'm2'`,
    finds: ({ first }) => ({ subject: `run ${first}`, detail: 'it is running, and its owner, master m2, is gone' }),
  },
  {
    invariant: 'L4',
    check: 'runs that never end',
    damage: ({ ended }) => `update run set state = 'running', ended_at = null where id = ${ended}`,
    finds: ({ ended }) => ({
      subject: `run ${ended}`,
      detail: 'it is running, although all of its 5 tasks have ended',
    }),
  },
  {
    invariant: 'L4',
    check: 'paused runs without a reason',
    damage: ({ first }) => `update run set state = 'paused' where id = ${first}`,
    finds: ({ first }) => ({ subject: `run ${first}`, detail: 'it is paused and does not say what for' }),
  },
  {
    invariant: 'L4',
    check: 'pending tasks that nothing holds up',
    damage: ({ run }) => `update task_run set state = 'succeeded', ended_at = 5 where ${one({ run, task: CHECK })}`,
    finds: ({ run }) => ({
      subject: `task ${LATER} of run ${run}`,
      detail: 'it is pending, although all that it needs has ended, in a run that is running',
    }),
  },
  {
    invariant: 'L4',
    check: 'tasks without a timer',
    damage: ({ run }) => `update task_run set state = 'delayed' where ${one({ run, task: POOLED })}`,
    finds: ({ run }) => ({ subject: `task ${POOLED} of run ${run}`, detail: 'it is delayed and has no timer' }),
  },
  {
    invariant: 'L4',
    check: 'tasks without a timer',
    damage: ({ run }) =>
      `update task_run set state = 'retry_wait', wake_at = ready_at - ${LONG_AGO} where ${one({ run, task: POOLED })}`,
    finds: ({ run }) => ({
      subject: `task ${POOLED} of run ${run}`,
      detail: /^it is retry_wait, and its timer was due 10\d\d s ago$/,
    }),
  },
  {
    invariant: 'L4',
    check: 'queued tasks without a reason',
    damage: ({ run }) => `update task_run set wait_reason = null where ${one({ run, task: POOLED })}`,
    finds: ({ run }) => ({
      subject: `task ${POOLED} of run ${run}`,
      detail: 'it is queued and does not say what for',
    }),
  },
  {
    invariant: 'L4',
    check: 'paused tasks of runs that go on',
    damage: ({ run }) => `update task_run set state = 'paused' where ${one({ run, task: POOLED })}`,
    finds: ({ run }) => ({ subject: `task ${POOLED} of run ${run}`, detail: 'it is paused in a run that is running' }),
  },
  {
    invariant: 'L4',
    check: 'tasks without their attempt',
    damage: ({ run }) => `update task_run set attempts = 2 where ${one({ run, task: CHECK })}`,
    finds: ({ run }) => ({
      subject: `task ${CHECK} of run ${run}`,
      detail: 'it is running, but its attempt 2 is not there',
    }),
  },
  {
    invariant: 'L4',
    check: 'tasks without their attempt',
    damage: ({ run }) => `update attempt set state = 'lost', ended_at = 5 where ${one({ run, task: CHECK })}`,
    finds: ({ run }) => ({
      subject: `task ${CHECK} of run ${run}`,
      detail: 'it is running, but its attempt is lost',
    }),
  },
  {
    invariant: 'L4',
    check: 'attempts without their task',
    damage: ({ run }) => `update task_run set state = 'retry_wait' where ${one({ run, task: CHECK })}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${CHECK}.1`,
      detail: 'it is running, but its task is retry_wait',
    }),
  },
  {
    invariant: 'L4',
    check: 'attempts of workers that are gone',
    damage: () => `update worker set seen_at = seen_at - ${LONG_AGO}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${CHECK}.1`,
      detail: /^it is running, and its worker, worker one, has been silent for 10\d\d s$/,
    }),
  },
  {
    invariant: 'L4',
    check: 'attempts of workers that are gone',
    damage: () => `delete from worker`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${CHECK}.1`,
      detail: 'it is running on worker w1, which is not there',
    }),
  },
  {
    invariant: 'L4',
    check: 'sub-workflows without a child',
    damage: ({ child }) => `update run set parent_attempt = 7 where id = ${child}`,
    finds: ({ run }) => ({
      subject: `attempt ${run}.${CALL}.1`,
      detail: 'it waits for a child that was never started',
    }),
  },
];

export function invariantsContract(makePlace: () => Promise<Place>): void {
  damagedContract(makePlace);
  describe('invariants', () => {
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    test('an empty store breaks none', async () => {
      expect(await place.audit()).toEqual({ checks: INVARIANT_CHECKS.length, findings: [], more: [] });
    });

    test('a healthy store breaks none, open or closed', async () => {
      await healthy(store);
      const none = { checks: INVARIANT_CHECKS.length, findings: [], more: [] };
      expect(await place.audit()).toEqual(none);
      await store.close();
      expect(await place.audit()).toEqual(none);
      store = await place.open();
    });

    test('every question has such a row', () => {
      const asked = INVARIANT_CHECKS.map(({ invariant, name }) => `${invariant} ${name}`);
      expect([...new Set(CASES.map(({ invariant, check }) => `${invariant} ${check}`))].toSorted()).toEqual(
        asked.toSorted(),
      );
    });

    test('answers are bounded, and say that there is more', async () => {
      const { run } = await healthy(store);
      await store.commit(
        { master: masterIdOf('m1'), token: 'm1-token' },
        Array.from({ length: 5 }, (_, task) => taskChange(taskRun(run, 10 + task, { version: 20, state: 'paused' }))),
      );
      const { findings, more } = await place.audit(2);
      expect(findings.filter(({ check }) => check === 'paused tasks of runs that go on')).toHaveLength(2);
      expect(more).toEqual(['paused tasks of runs that go on']);
    });
  });
}

/** One healthy store for all of them: nothing of the damage stays. */
function damagedContract(makePlace: () => Promise<Place>): void {
  describe('a damaged row', () => {
    let place: Place;
    let store: Store;
    let runs: Runs;
    beforeAll(async () => {
      place = await makePlace();
      store = await place.open();
      runs = await healthy(store);
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    test.each(CASES)('is found: $invariant, $check', async ({ invariant, check, damage, finds }) => {
      const { findings } = await place.auditDamaged(damage(runs));
      const { subject, detail } = finds(runs);
      expect(findings.filter((finding) => finding.check === check)).toEqual([
        { invariant, check, subject, detail: detail instanceof RegExp ? expect.stringMatching(detail) : detail },
      ]);
    });

    test('is none while the execution lease that its task names has not ended', async () => {
      const { findings } = await place.auditDamaged(`update worker set seen_at = seen_at - ${LONG_AGO};
        update workflow_version set definition =
          replace(definition, '"onWorkerLost":"rerun"', '"onWorkerLost":"rerun","executionLeaseMs":3600000')`);
      expect(findings.filter(({ check }) => check === 'attempts of workers that are gone')).toEqual([]);
    });
  });
}

async function healthy(store: Store): Promise<Runs> {
  const fence = await master(store, 'm1');
  const other = await master(store, 'm2');
  const now = Date.now();
  await saveWorkflows(store, now);
  await store.commit(fence, [{ kind: 'worker', record: worker('w1', { seenAt: now, registeredAt: now }) }]);
  const run = await startedRun(store, fence, { workflow: 'etl', submittedAt: now });
  const child = await underWay(store, fence, run, now);
  const ended = await startedRun(store, fence, { workflow: 'etl', submittedAt: now, logicalDateAt: 2 });
  await store.commit(fence, [
    ...[LOAD, CHECK, CALL, POOLED, LATER].map((task) =>
      taskChange(taskRun(ended, task, { version: 2, state: 'skipped', cause: { kind: 'disabled' }, endedAt: now })),
    ),
    runChange(status(ended, { version: 3, state: 'succeeded', owner: fence.master, endedAt: now })),
  ]);
  const { run: queued } = await store.submitRun(newRun({ workflow: 'etl', submittedAt: now, logicalDateAt: 3 }));
  const first = await startedRun(store, other, { workflow: 'serial', submittedAt: now });
  await store.commit(other, [
    taskChange(taskRun(first, 0, { version: 2, state: 'queued', readyAt: now, waitReason: 'no_worker: none' })),
  ]);
  const { run: turn } = await store.submitRun(newRun({ workflow: 'serial', submittedAt: now, logicalDateAt: 4 }));
  return { run, child, ended, queued: queued.id, first, turn: turn.id };
}

async function saveWorkflows(store: Store, at: number): Promise<void> {
  await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at });
  await store.saveTaskGroup({ name: 'pool', size: 5, user: 'ann', at: at - 1_000 });
  const call = { type: 'sub_workflow', workflow: 'inner', params: {}, version: 'latest' } as const;
  const tasks = [
    taskDefinition('load'),
    taskDefinition('check', { needs: ['load'] }),
    taskDefinition('call', { action: call }),
    taskDefinition('pooled', { taskGroup: { name: 'pool', weight: 2, priority: 0 } }),
    taskDefinition('later', { needs: ['load', 'check'] }),
  ];
  await store.saveWorkflow(saveOf({ name: 'etl', definition: definition({ name: 'etl', tasks }) }));
  for (const [name, concurrency] of [
    ['inner', 'parallel'],
    ['serial', 'serial_wait'],
  ] as const)
    await store.saveWorkflow(
      saveOf({
        name,
        definition: definition({
          name,
          concurrency,
          tasks: [taskDefinition('only'), taskDefinition('next', { needs: ['only'] })],
        }),
      }),
    );
}

/** Brings a run of `etl` half-way. */
async function underWay(store: Store, fence: Fence, run: RunId, at: number): Promise<RunId> {
  const made = (task: number, n: number, more: Partial<AttemptRecord>) =>
    attemptChange(attempt(run, task, n, { version: 2, dispatchedAt: at, worker: workerIdOf('w1'), ...more }));
  const inner = await store.getWorkflow('sales', 'inner');
  const { spec } = (await store.getRun(run))!;
  const { id: _id, parent: _parent, ...rest } = spec;
  const parent = { run, task: CALL, attempt: 1 };
  await store.commit(fence, [
    taskChange(taskRun(run, LOAD, { version: 2, state: 'succeeded', attempts: 2, endedAt: at })),
    made(LOAD, 1, { state: 'failed', endedAt: at }),
    made(LOAD, 2, { state: 'succeeded', endedAt: at }),
    taskChange(taskRun(run, CHECK, { version: 2, state: 'running', attempts: 1, startedAt: at })),
    made(CHECK, 1, { state: 'running', startedAt: at }),
    taskChange(taskRun(run, CALL, { version: 2, state: 'running', attempts: 1, startedAt: at })),
    made(CALL, 1, { state: 'running', startedAt: at, worker: workerIdOf('master') }),
    taskChange(taskRun(run, POOLED, { version: 2, state: 'queued', readyAt: at, waitReason: 'no_slot: full' })),
    {
      kind: 'start-child',
      parent,
      child: { ...rest, workflow: 'inner', workflowId: inner!.id, workflowVersion: 1, mode: 'sub-workflow', depth: 1 },
    },
  ]);
  const [started] = await store.listChildRuns(run, 10);
  return runIdOf(started!.run);
}
