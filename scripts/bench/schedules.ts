/**
 * 10,000 schedules that are due in the same second, three masters in processes of their own over PostgreSQL, one of them killed
 * while they fire. Fails unless each schedule has ticked exactly once and each tick has its own run. Lateness is counted until the
 * tick was decided, and until its run had been started, which some master only does after reading what is durable.
 */
import { parseDefinition } from '@pelorus/protocol';
import type { ScheduleRow, Store } from '@pelorus/server/store';
import { openPostgresStore } from '@pelorus/server/store/postgres';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { percentile, print } from './figure.ts';
import { endMasterProcess, startMasterProcess } from './masters.ts';
import { newDatabase } from './stores.ts';

const SCHEDULES = 10_000;
const WORKFLOWS = 1_000;
const MASTERS = 3;
/** From the last preparation to the instant at which all are due. */
const AHEAD_MS = 5_000;
const KILL_AFTER_TICKS = 2_000;
const GIVE_UP_MS = 120_000;

export async function benchSchedules(): Promise<void> {
  const url = await newDatabase();
  const store = await openPostgresStore({ url });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await prepare(store);
  const masters = await Promise.all(Array.from({ length: MASTERS }, () => startMasterProcess(url)));
  const dueAt = Math.ceil((Date.now() + AHEAD_MS) / 1000) * 1000;
  await client.query('update schedule set next_due_at = $1, next_nominal_at = $1', [dueAt]);
  await reached(client, 'select count(*)::int as n from tick', KILL_AFTER_TICKS);
  masters[0]!.kill('SIGKILL');
  await reached(client, 'select count(*)::int as n from tick', SCHEDULES);
  const ticksMs = Date.now() - dueAt;
  await reached(client, `select count(*)::int as n from run where state = 'succeeded'`, SCHEDULES);
  await report(client, dueAt, ticksMs);
  for (const master of masters.slice(1)) await endMasterProcess(master);
  await client.end();
  await store.close();
}

async function prepare(store: Store): Promise<void> {
  await store.ensureProject({ name: 'bench', description: '', owner: 'bench', at: Date.now() });
  const { definition } = parseDefinition('name: tick\ntasks: { step: { type: virtual } }\n', 'yaml');
  if (!definition) throw new Error('the workflow of the benchmark is wrong');
  await inParallel(WORKFLOWS, async (i) => {
    const name = `tick-${i}`;
    const { workflow } = await store.saveWorkflow({
      ...{ project: 'bench', name, definition: { ...definition, name }, files: [], source: '', format: 'json' },
      ...{ hash: randomUUID(), hidden: false, mustBeNew: true, user: 'bench', at: Date.now() },
    });
    for (let n = 0; n < SCHEDULES / WORKFLOWS; n++) await saveSchedule(store, workflow.id, `s${n}`);
  });
}

async function saveSchedule(store: Store, workflowId: number, name: string): Promise<ScheduleRow> {
  const options = {
    ...{ params: {}, failurePolicy: null, notifyType: null, notifyMails: null, priority: null, workerGroup: null },
    ...{ environment: null, timeoutMs: null, dependsOnPrevious: false, dependsOn: [] },
  };
  const { schedule } = await store.saveSchedule({
    // Far from now: whatever is due is so because the benchmark says it.
    ...{ workflowId, name, cron: '0 0 1 1 *', zone: 'UTC', startAt: null, endAt: null, misfire: 'fire_all' },
    ...{ misfireMax: 100, calendar: null, onHoliday: null, online: true, options, user: 'bench', at: Date.now() },
  });
  return schedule;
}

const AT_ONCE = 16;

async function inParallel(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

async function reached(client: pg.Client, question: string, count: number): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const { rows } = await client.query<{ n: number }>(question);
    if (rows[0]!.n >= count) return;
    if (performance.now() > giveUpAt) throw new Error(`${rows[0]!.n} of ${count}: ${question}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function report(client: pg.Client, dueAt: number, ticksMs: number): Promise<void> {
  const { rows } = await client.query<{ schedule_id: string; run_id: string; decided_at: string; started_at: string }>(
    `select t.schedule_id, t.run_id, t.decided_at, r.started_at from tick t join run r on r.id = t.run_id where t.outcome = 'fired'`,
  );
  const { rows: runs } = await client.query<{ n: number }>('select count(*)::int as n from run');
  const schedules = new Set(rows.map((row) => row.schedule_id)).size;
  const own = new Set(rows.map((row) => row.run_id)).size;
  if (rows.length !== SCHEDULES || schedules !== SCHEDULES || own !== SCHEDULES || runs[0]!.n !== SCHEDULES)
    throw new Error(`${rows.length} ticks of ${schedules} schedules with ${own} of ${runs[0]!.n} runs`);
  const figure = { workload: 'schedules', store: 'postgres', unit: 'ms', n: SCHEDULES };
  for (const [metric, column] of [
    ['decided', 'decided_at'],
    ['started', 'started_at'],
  ] as const) {
    const late = rows.map((row) => Number(row[column]) - dueAt);
    print({ ...figure, metric: `${metric} p50`, value: percentile(late, 50) });
    print({ ...figure, metric: `${metric} p99`, value: percentile(late, 99) });
    print({ ...figure, metric: `${metric} max`, value: percentile(late, 100) });
  }
  print({ ...figure, metric: 'all ticks durable', value: ticksMs });
}
