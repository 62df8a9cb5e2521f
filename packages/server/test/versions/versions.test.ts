/**
 * Two versions of the program over one database: what earlier ones have left (`record.ts`) is taken over by this one, and this one goes on
 * over the schema of the next.
 */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AttemptSpec, RunId, RunState } from '@pelorus/protocol';
import { runIdOf } from '@pelorus/protocol';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { startMaster } from '../../src/master/index.ts';
import type { Store } from '../../src/store/index.ts';
import { POSTGRES, SQLITE, type Dialect } from '../../src/store/dialect.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import { scriptedWorker, type ScriptedWorker } from '../master/scripted-worker.ts';
import type { Place } from '../store/contract.ts';
import { makePostgresPlace } from '../store/postgres-place.ts';
import { AT, definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { WAIT } from '../wait.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

const RECORDED = new URL('recorded/', import.meta.url);
const recordings = readdirSync(RECORDED).filter((name) => name.endsWith('.sql'));

const kinds: { kind: string; dialect: Dialect; make: (schema: 'current' | 'none') => Promise<Place> }[] = [
  { kind: 'sqlite', dialect: SQLITE, make: makeSqlitePlace },
  ...(server === null
    ? []
    : [
        {
          kind: 'postgres',
          dialect: POSTGRES,
          make: (schema: 'current' | 'none') => makePostgresPlace(server.url, schema),
        },
      ]),
];

async function serve(store: Store, worker: ScriptedWorker) {
  const problems: unknown[] = [];
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object, message: string) => void problems.push([message, fields]),
  };
  const master = await startMaster({ store, log });
  worker.dial((link) => master.attachWorker(link));
  const stop = async (): Promise<void> => {
    worker.hangUp();
    await master.stop();
    await store.close();
  };
  return { master, problems, stop };
}

const stateOf = async (store: Store, run: RunId): Promise<RunState> => (await store.getRun(run))!.status.state;

function tablesOf(dialect: Dialect): string[] {
  const history = MIGRATIONS.map(({ sql }) => sql(dialect)).join('\n');
  const made = [...history.matchAll(/create table (\w+)/g)].map(([, table]) => table!);
  return made.filter(
    (table) => !new RegExp(`(drop table|create view) ${table}\\b|alter table ${table} rename`).test(history),
  );
}

describe.each(kinds)('$kind', ({ kind, dialect, make }) => {
  test.each(recordings.filter((name) => name.endsWith(`-${kind}.sql`)))(
    'what the version before left under way goes on under this one, and nothing runs twice: %s',
    async (name) => {
      const place = await make('none');
      await place.execute(await readFile(new URL(name, RECORDED), 'utf8'));
      // As if it had died just now, whatever the clock says here.
      await place.execute(`
        update worker set seen_at = ${Date.now()}; update master set lease_until = 1;
        update task_run set wake_at = 1 where wake_at is not null;`);
      const store = await place.open();
      const [before] = await store.listWorkers();
      const held = await readFile(new URL(name.replace('.sql', '.running.json'), RECORDED), 'utf8');
      const worker = scriptedWorker(undefined, 100, { id: before!.id, running: JSON.parse(held) as AttemptSpec[] });
      const { problems, stop } = await serve(store, worker);

      const [ended, chain, first, next, shaky, late] = [1, 2, 3, 4, 5, 6].map(runIdOf) as [RunId, ...RunId[]] & RunId[];
      expect((await store.getRunDetail(ended))!).toMatchObject({
        spec: { workflow: 'ended', params: { day: 'Monday' } },
        status: { state: 'succeeded' },
        tasks: [{ state: 'succeeded', attempts: 1 }],
      });
      for (const run of [shaky!, late!])
        await vi.waitFor(async () => expect(await stateOf(store, run)).toBe('succeeded'), WAIT);
      expect([await stateOf(store, chain!), await stateOf(store, first!), await stateOf(store, next!)]).toEqual([
        ...['running', 'running', 'waiting'],
      ]);
      for (const task of ['load', 'turn']) worker.finish(task);
      for (const run of [chain!, first!, next!])
        await vi.waitFor(async () => expect(await stateOf(store, run)).toBe('succeeded'), WAIT);
      expect(worker.begun.map(({ attempt }) => attempt).toSorted()).toEqual([
        '2.2.1',
        '4.0.1',
        '5.0.2',
        '6.0.1',
        '6.1.1',
        '6.2.1',
      ]);
      expect(problems).toEqual([]);
      expect((await place.audit()).findings).toEqual([]);
      await stop();
      await place.remove();
    },
  );

  test('a database that the next version has migrated is worked on by who is there, and refused to who comes', async () => {
    const place = await make('current');
    const store = await place.open();
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    await store.saveWorkflow(
      saveOf({ definition: definition({ tasks: [taskDefinition('one'), taskDefinition('two', { needs: ['one'] })] }) }),
    );
    const worker = scriptedWorker(({ task }) => (task === 'one' ? 'go on' : 'succeed'));
    const { master, problems, stop } = await serve(store, worker);
    const submit = async (): Promise<RunId> => {
      const { run } = await store.submitRun(newRun({ submittedAt: Date.now(), timeoutMs: 3_600_000, params: {} }));
      master.commandHint();
      return run.id;
    };
    const before = await submit();
    await vi.waitFor(() => expect(worker.running.size).toBe(1), WAIT);
    const wholeRow = (): Promise<unknown> => store.getCalendar('none');
    await wholeRow();

    const newer = MIGRATIONS.at(-1)!.number + 1;
    const tables = tablesOf(dialect);
    expect(tables.length).toBeGreaterThan(20);
    await place.execute(`
      ${tables.map((table) => `alter table ${table} add column of_the_future text; alter table ${table} add column kind_of_future text not null default 'new';`).join('\n')}
      create table future (id integer primary key);
      insert into migration (number, name, applied_at) values (${newer}, 'of the future', 1);`);

    expect(await wholeRow()).toBeNull();
    const after = await submit();
    await vi.waitFor(() => expect(worker.running.size).toBe(2), WAIT);
    worker.finish('one');
    worker.finish('one');
    for (const run of [before, after])
      await vi.waitFor(async () => expect(await stateOf(store, run)).toBe('succeeded'), WAIT);
    expect(problems).toEqual([]);
    await stop();
    await expect(place.open()).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
      message: expect.stringContaining(`schema ${newer}`) as string,
    });
    await place.remove();
  });
});

/** Of a run `r` of workflow `w`, that is queued. */
const inDefinition = (path: string, value: string) => (_run: RunId, workflow: number) =>
  `update workflow_version set definition = json_set(definition, '${path}', '${value}') where workflow_id = ${workflow};`;
const inSpec = (path: string, value: string) => (run: RunId) =>
  `update run set spec = json_set(spec, '${path}', json('${value}')) where id = ${run};`;
const begun =
  (taskState: string, more = '') =>
  (run: RunId) =>
    `
  update run set state = 'running', started_at = ${Date.now()}, owner = null where id = ${run};
  insert into task_run (run_id, task, version, state, attempts, retries) values (${run}, 0, 1, '${taskState}', 1, 0);
  ${more.replaceAll('$run', String(run))}`;

const passedOver: [string, (run: RunId, workflow: number) => string][] = [
  ['a member of the run', inSpec('$.ofTheFuture', '{"deep":[1]}')],
  ['a member of a task', inDefinition('$.tasks[0].ofTheFuture', 'x')],
  ['a member of what a task does', inDefinition('$.tasks[1].action.ofTheFuture', 'x')],
  ['a member of a command', (run) => `update command set action = '{"kind":"start","at":7}' where run_id = ${run};`],
];
const putAside: [string, (run: RunId, workflow: number) => string][] = [
  [
    `a command asks for 'teleport'`,
    (run) => `update command set action = '{"kind":"teleport"}' where run_id = ${run};`,
  ],
  [`task 'one' has type 'quantum'`, inDefinition('$.tasks[0].action.type', 'quantum')],
  [`task 'two' has trigger rule 'most_success'`, inDefinition('$.tasks[1].trigger', 'most_success')],
  [`task 'two' has onWorkerLost 'ask'`, inDefinition('$.tasks[1].onWorkerLost', 'ask')],
  [`task 'one' has backoff 'fibonacci'`, inDefinition('$.tasks[0].retry.backoff', 'fibonacci')],
  [`task 'one' has priority 'cosmic'`, inDefinition('$.tasks[0].priority', 'cosmic')],
  [`the plan runs 'some'`, inSpec('$.plan.run', '"some"')],
  [`the run has failure policy 'ponder'`, inSpec('$.failurePolicy', '"ponder"')],
  [`the run has priority 'cosmic'`, inSpec('$.priority', '"cosmic"')],
  [`the run has timeout action 'ask'`, inSpec('$.timeoutAction', '"ask"')],
  [`the run is in state 'hibernating'`, (run) => `update run set state = 'hibernating' where id = ${run};`],
  [`task 0 is in state 'frozen'`, begun('frozen')],
  [
    `attempt 1 of task 0 is in state 'frozen'`,
    begun(
      'running',
      `insert into attempt (run_id, task, n, version, state, worker, dispatched_at) values ($run, 0, 1, 1, 'frozen', 'w-x', 1);`,
    ),
  ],
];

test('of what a newer version has written members that are unknown are passed over; a word that is unknown puts its run aside, untouched, until somebody knows it', async () => {
  const place = await makeSqlitePlace();
  const store = await place.open();
  await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
  const write = async (cases: typeof putAside): Promise<RunId[]> => {
    const runs: RunId[] = [];
    for (const [name, sql] of cases) {
      const tasks = [taskDefinition('one'), taskDefinition('two', { needs: ['one'] })];
      await store.saveWorkflow(saveOf({ name, hash: name, definition: definition({ name, tasks }) }));
      const made = newRun({ workflow: name, submittedAt: Date.now(), timeoutMs: 3_600_000, params: {} });
      const { run } = await store.submitRun(made);
      await place.execute(sql(run.id, run.workflowId));
      runs.push(run.id);
    }
    return runs;
  };
  const aside = await write(putAside);
  const known = await write(passedOver);
  const states = (): Promise<RunState[]> => Promise.all(aside.map((run) => stateOf(store, run)));
  const before = await states();

  const problems = new Map<RunId, string>();
  const error = (fields: object): void => {
    const { run, error: reason } = fields as { run: RunId; error: Error };
    problems.set(run, reason.message.replace(', which this version does not know: a newer one must go on with it', ''));
  };
  const silent = (): void => undefined;
  const serveOnce = async () => {
    const master = await startMaster({ store, log: { info: silent, warn: silent, error } });
    const worker = scriptedWorker();
    worker.dial((link) => master.attachWorker(link));
    return { master, worker };
  };
  const first = await serveOnce();
  for (const run of known) await vi.waitFor(async () => expect(await stateOf(store, run)).toBe('succeeded'), WAIT);
  await vi.waitFor(() => expect(problems.size).toBe(aside.length), WAIT);
  expect(aside.map((run) => problems.get(run))).toEqual(putAside.map(([reason]) => reason));
  expect(await states()).toEqual(before);
  expect(first.worker.begun.filter(({ attempt }) => aside.includes(runIdOf(Number.parseInt(attempt, 10))))).toEqual([]);
  await first.master.stop();

  problems.clear();
  await place.execute(`
    update command set action = '{"kind":"start"}' where done_at is null;
    update run set state = 'queued' where state = 'hibernating';
    update workflow_version set definition = replace(definition, 'most_success', 'all_success');`);
  const second = await serveOnce();
  const [teleported, , triggered] = aside;
  for (const run of [teleported, triggered, aside[putAside.length - 3]])
    await vi.waitFor(async () => expect(await stateOf(store, run!)).toBe('succeeded'), WAIT);
  await vi.waitFor(() => expect(problems.size).toBe(aside.length - 3), WAIT);
  await second.master.stop();
  await store.close();
  await place.remove();
});
