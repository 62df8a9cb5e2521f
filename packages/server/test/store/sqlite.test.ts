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
  RUN_STATES,
  TASK_RUN_STATES,
} from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/index.ts';
import { SQLITE } from '../../src/store/dialect.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import {
  TERMINAL_ATTEMPT_STATES,
  TERMINAL_RUN_STATES,
  TERMINAL_TASK_RUN_STATES,
} from '../../src/store/write-context.ts';
import { storeContract } from './contract.ts';
import type { Place } from './contract.ts';
import { master, newRun, saveOf, startedRun, taskChange, taskRun, withWorkflow } from './records.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

storeContract('sqlite', makeSqlitePlace);

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

  test('migrations are numbered from 1 without a gap', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
    expect(MIGRATIONS.every(({ sql }) => sql(SQLITE).trim().length > 0)).toBe(true);
  });
});
