/** `pelorus doctor --audit` beside a server, and after it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newPlace, type Place } from './dev-process.ts';

let place: Place;
beforeAll(async () => {
  place = await newPlace();
});
afterAll(() => place.clear());

test('the store of a running server breaks no invariant; one whose rows were damaged does, row by row', async () => {
  const none = await place.pelorus('doctor', '--audit');
  expect(none).toMatchObject({ code: 5, stdout: '' });
  expect(none.stderr).toContain('There is no database in');

  const dev = await place.dev();
  expect((await place.pelorus('run', 'hello', '--wait')).code).toBe(0);
  const beside = await place.pelorus('doctor', '--audit');
  expect(beside).toEqual({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\d+ questions, and no invariant is broken\n$/) as string,
  });
  expect(await place.pelorus('doctor', '--audit', '-o', 'json')).toEqual({ code: 0, stderr: '', stdout: '[]\n' });

  dev.signal('SIGTERM');
  expect(await dev.ended).toBe(0);
  const db = new DatabaseSync(join(place.data, 'pelorus.db'));
  db.exec(`update run set ended_at = null; update task_run set state = 'paused' where task = 0`);
  db.close();

  const found = await place.pelorus('doctor', '--audit', '-o', 'json');
  expect([found.code, JSON.parse(found.stdout)]).toEqual([
    1,
    [
      {
        invariant: 'S4',
        check: 'ends of runs',
        subject: 'run 1',
        detail: 'it is succeeded and does not say since when',
      },
      {
        invariant: 'S4',
        check: 'tasks of ended runs',
        subject: 'task 0 of run 1',
        detail: 'it is paused, but its run is succeeded',
      },
    ],
  ]);
  const table = await place.pelorus('doctor', '--audit');
  expect(table.code).toBe(1);
  expect(table.stdout).toMatch(/^INVARIANT +CHECK +SUBJECT +DETAIL\nS4 +ends of runs +run 1 +it is succeeded/);
});
