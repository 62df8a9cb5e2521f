import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  ATTEMPT_RANK,
  ATTEMPT_STATES,
  isTerminalRun,
  isTerminalTaskRun,
  runIdOf,
  RUN_STATES,
  TASK_RUN_STATES,
} from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/index.ts';
import { POSTGRES, SQLITE } from '../../src/store/dialect.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import {
  TERMINAL_ATTEMPT_STATES,
  TERMINAL_RUN_STATES,
  TERMINAL_TASK_RUN_STATES,
} from '../../src/store/write-context.ts';
import { runsContract } from './contract.ts';
import type { Place } from './contract.ts';
import {
  definition,
  master,
  newRun,
  saveOf,
  startedRun,
  taskChange,
  taskDefinition,
  taskRun,
  withWorkflow,
} from './records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

runsContract('sqlite', makeSqlitePlace);

describe('sqlite only', () => {
  let place: Place;
  beforeEach(async () => {
    place = await makeSqlitePlace();
  });
  afterEach(() => place.remove());

  test('a second open of the same directory in this process is LOCKED, with the directory and the pid', async () => {
    const store = await place.open();
    await expect(place.open()).rejects.toMatchObject({ name: 'StoreError', code: 'LOCKED' });
    await expect(place.open()).rejects.toThrow(
      `The data directory ${place.reference} is in use by process ${process.pid}`,
    );
    // The refused one has done the first no harm.
    await withWorkflow(store);
    await expect(place.open()).rejects.toMatchObject({ code: 'LOCKED' });
    await store.close();
    await (await place.open()).close();
  });

  test('the audit keeps so many rows, and none older than it may be', async () => {
    const store = await openSqliteStore(place.reference, { auditRows: 300, auditRetentionMs: 3_600_000 });
    const minute = 60_000;
    const refusal = (i: number, at: number) => ({
      stamp: { user: '', via: 'none' as const, address: `10.0.${i >> 8}.${i & 255}`, action: 'act', at },
      ...{ code: 'NOT_SIGNED_IN', project: null, target: '', times: 1 },
    });
    await store.writeAudit(Array.from({ length: 1024 }, (_, i) => refusal(i, minute)));
    const kept = await store.listAudit({ limit: 2000 });
    expect({ length: kept.length, newest: kept[0]?.address }).toEqual({ length: 300, newest: '10.0.3.255' });
    await store.writeAudit(Array.from({ length: 256 }, (_, i) => refusal(i, minute + 3_600_001)));
    const late = await store.listAudit({ limit: 2000 });
    expect([late.length, late.at(-1)?.at]).toEqual([256, minute + 3_600_001]);
    await store.close();
  });

  test('while another process holds the directory it is LOCKED, and free as soon as that is killed', async () => {
    const first = await place.open();
    await withWorkflow(first);
    await first.close();
    const holder = spawn(
      process.execPath,
      [fileURLToPath(new URL('./killed-writer.ts', import.meta.url)), place.opener.href, place.reference],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(createInterface({ input: holder.stdout }), 'line');
    await expect(place.open()).rejects.toThrow(`is in use by process ${holder.pid}`);
    await expect(place.open()).rejects.toMatchObject({ code: 'LOCKED' });
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
    const store = await place.open();
    expect((await store.listRuns({}, 0, 10)).total).toBe(1);
    await store.close();
  });

  test('a database made by a newer program is refused and not touched', async () => {
    await (await place.open()).close();
    const db = new DatabaseSync(join(place.reference, 'pelorus.db'));
    const newer = MIGRATIONS.at(-1)!.number + 1;
    db.prepare('insert into migration (number, name, applied_at) values (?, ?, 1)').run(newer, 'of the future');
    await expect(place.open()).rejects.toMatchObject({ name: 'StoreError', code: 'SCHEMA_TOO_NEW' });
    await expect(place.open()).rejects.toThrow(`schema ${newer}`);
    db.prepare('delete from migration where number = ?').run(newer);
    db.close();
    await (await place.open()).close();
  });

  test('closing folds the log into the database and leaves no log behind', async () => {
    const store = await place.open();
    await withWorkflow(store);
    await store.close();
    expect((await readdir(place.reference)).toSorted()).toEqual(['lock.db', 'lock.pid', 'pelorus.db']);
  });

  test('when the disk is full writes fail as UNAVAILABLE, reads go on, nothing is half stored, and with room again all is well', async () => {
    await (await place.open()).close();
    const { size } = await stat(join(place.reference, 'pelorus.db'));
    let store = await openSqliteStore(place.reference, { maxBytes: size + 65_536 });
    await withWorkflow(store);
    let fence = await master(store, 'm1');
    const run = await startedRun(store, fence);
    const outputs = { text: 'x'.repeat(3000) };
    const settled = await Promise.allSettled(
      Array.from({ length: 100 }, (_, task) =>
        store.commit(fence, [taskChange(taskRun(run, task)), taskChange(taskRun(run, 1000 + task, { outputs }))]),
      ),
    );
    const codes = settled.map((result) =>
      result.status === 'fulfilled' ? 'stored' : (result.reason as { code: string }).code,
    );
    expect(new Set(codes)).toContain('UNAVAILABLE');
    const expectStored = async () => {
      const stored = (await store.getRunDetail(run))!.tasks.map(({ task }) => task);
      const expected = codes.flatMap((code, task) => (code === 'stored' ? [task] : []));
      expect(stored).toEqual([...expected, ...expected.map((task) => 1000 + task)]);
    };
    await expectStored();
    await store.commit(fence, []);
    await store.close();
    store = await place.open();
    await expectStored();
    fence = await master(store, 'm2');
    await store.adoptRuns(fence, null, 10);
    await store.commit(fence, [taskChange(taskRun(run, 5000, { outputs }))]);
    await store.close();
  });

  test('a call whose request cannot be sent fails alone', async () => {
    const store = await place.open();
    await withWorkflow(store);
    const saved = store.saveWorkflow(saveOf({ hash: 'hash-2' }));
    const bad = store.requestCommand({
      run: 1 as never,
      action: { kind: (() => 'stop') as never },
      user: 'ann',
      at: 1,
      idempotencyKey: null,
    });
    const submitted = store.submitRun(newRun());
    await expect(bad).rejects.toThrow('could not be cloned');
    expect((await saved).workflow.version).toBe(2);
    expect((await submitted).run.workflowVersion).toBe(2);
    await store.close();
  });

  test('the id of a run is not given out again when retention has removed the run', async () => {
    let store = await place.open();
    await withWorkflow(store);
    const { run } = await store.submitRun(newRun());
    await store.close();
    const db = new DatabaseSync(join(place.reference, 'pelorus.db'));
    db.exec('delete from command; delete from run;');
    db.close();
    store = await place.open();
    expect((await store.submitRun(newRun())).run.id).toBeGreaterThan(run.id);
    await store.close();
  });

  test("the states that SQL calls terminal are the protocol's", () => {
    const listed = (states: readonly string[]) => `(${states.map((state) => `'${state}'`).join(', ')})`;
    expect(TERMINAL_RUN_STATES).toBe(listed(RUN_STATES.filter(isTerminalRun)));
    expect(TERMINAL_TASK_RUN_STATES).toBe(listed(TASK_RUN_STATES.filter(isTerminalTaskRun)));
    expect(TERMINAL_ATTEMPT_STATES).toBe(listed(ATTEMPT_STATES.filter((state) => ATTEMPT_RANK[state] === 9)));
  });

  test('a database of the first schema is brought up to date with what its rows say', async () => {
    await place.remove();
    place = await makeSqlitePlace('none');
    const old = new DatabaseSync(join(place.reference, 'pelorus.db'));
    old.exec('create table migration (number integer primary key, name text not null, applied_at integer not null)');
    old.exec(`insert into migration values (1, 'first', 1)`);
    old.exec(MIGRATIONS[0]!.sql(SQLITE));
    const tasks = [
      taskDefinition('load', { taskGroup: { name: 'db', weight: 4, priority: 0 } }),
      taskDefinition('wait', {
        taskGroup: { name: 'db', weight: 9, priority: 0 },
        action: { type: 'sub_workflow', workflow: 'w', params: {}, version: 'latest' },
      }),
    ];
    const stored = JSON.stringify(definition({ concurrency: 'serial_wait', tasks }));
    old.exec(`insert into project values (1, 'sales', '', 'ann', 1)`);
    old.exec(`insert into workflow values (1, 1, 'nightly', '', 1, 'h', 0, 1, 1, 'ann', null, null)`);
    old.prepare(`insert into workflow_version values (1, 1, ?, '[]', '', 'yaml', 'h', 1, 'ann')`).run(stored);
    const { idempotencyKey: _key, tasks: _tasks, ...spec } = newRun();
    const insert = old.prepare(`
      insert into run (project_id, project, workflow_id, workflow, workflow_version, submitted_at, version, state, spec)
      values (1, 'sales', 1, 'nightly', 1, 1, 0, ?, ?)`);
    insert.run('succeeded', JSON.stringify({ ...spec, logicalDateAt: 1500 }));
    insert.run('running', JSON.stringify({ ...spec, logicalDateAt: 1600, dryRun: true }));
    insert.run('running', JSON.stringify({ ...spec, logicalDateAt: 1700 }));
    old.exec(`insert into attempt values (3, 0, 1, 1, 'running', null, 'w1', 1, 1, null, null)`);
    old.close();
    const store = await place.open();
    const query = { project: 'sales', workflow: 'nightly', task: null, from: 1000 };
    expect(
      await store.upstreamFacts([
        { ...query, to: 1700 },
        { ...query, to: 1701 },
      ]),
    ).toEqual([
      { kind: 'succeeded', runId: 1 },
      { kind: 'running', runId: 3 },
    ]);
    expect((await store.submitRun(newRun())).run.id).toBe(4);
    expect((await store.getRun(runIdOf(4)))?.status.waitReason).toBe('waits for its turn, behind run 3 (serial_wait)');
    await store.saveTaskGroup({ name: 'db', size: 5, user: 'ann', at: 1 });
    expect(await store.listTaskGroups()).toMatchObject([{ held: 4, liveAttempts: 1 }]);
    await store.close();
  });

  test('a run that nobody started when its turn came, whatever the reason, is started by the next look', async () => {
    let store = await place.open();
    await withWorkflow(store);
    const first = (await store.submitRun(newRun({ concurrency: 'serial_wait' }))).run.id;
    const second = (await store.submitRun(newRun({ concurrency: 'serial_wait' }))).run.id;
    const third = (await store.submitRun(newRun({ concurrency: 'serial_wait' }))).run.id;
    await store.close();
    const db = new DatabaseSync(join(place.reference, 'pelorus.db'));
    db.exec(`update run set state = 'failed', ended_at = 1 where id = ${first}`);
    db.close();
    store = await place.open();
    const fence = await master(store, 'm1');
    expect(await store.adoptRuns(fence, null, 10)).toEqual([]);
    const commands = await store.claimCommands(fence, null, 10);
    expect(commands.filter(({ run }) => run !== first).map(({ run, action }) => [run, action])).toEqual([
      [second, { kind: 'start' }],
    ]);
    expect(await store.adoptRuns(fence, null, 10)).toEqual([]);
    expect((await store.getRun(third))?.status.state).toBe('waiting');
    await store.close();
  });

  test('migrations are numbered from 1 without a gap', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    expect(MIGRATIONS.every(({ sql }) => `${sql(SQLITE)}${sql(POSTGRES)}`.trim().length > 0)).toBe(true);
  });
});
