/** Runs run again, tasks controlled one by one, task groups and alert channels: as a person does it, against `pelorus dev`. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandAccepted, PlanView, RunSubmitted, RunView, TaskGroupView, TaskView } from '@pelorus/protocol';
import { newPlace, until, type DevProcess, type Place } from './dev-process.ts';

let place: Place;
let server: DevProcess;
beforeAll(async () => {
  place = await newPlace();
  server = await place.dev('--no-samples');
});
afterAll(async () => place.clear());

function write(name: string, text: string): string {
  writeFileSync(join(place.directory, name), text);
  return name;
}

/** The answer of a command in JSON. */
const taskState = async (run: number, name: string) =>
  (await server.client.runs.tasks(run)).items.find((task) => task.name === name)?.state;

async function untilTask(run: number, name: string, state: string): Promise<void> {
  await until(
    async () => (await taskState(run, name)) === state,
    () => `task ${name} of run ${run} is not ${state}\n${server.stderr()}`,
  );
}

test('a failed run is re-run: what succeeded is reused with its outputs, and at the end all is green', async () => {
  const mended = join(place.directory, 'mended');
  const file = write(
    'flaky.yaml',
    `name: flaky
project: cases
params: { day: "$[yyyyMMdd]" }
tasks:
  fetch: { run: 'echo "rows=3-$day" >> "$PELORUS_OUTPUT"' }
  load: { needs: [fetch], run: 'test -e ${mended} && echo "got=$rows" >> "$PELORUS_OUTPUT"' }
  report: { needs: [load], run: echo done }
`,
  );
  const first = await place.pelorus('run', file, '--wait', '--date', '2024-02-29', '-o', 'json');
  expect(first.code).toBe(3);
  const failed = JSON.parse(first.stdout) as RunView;

  const preview = await place.json<PlanView>('runs', 'rerun', String(failed.id), '--dry-run');
  expect(preview.tasks.map(({ name, plan, attempt }) => [name, plan, attempt])).toEqual([
    ['fetch', 'reuse', `${failed.id}.0.1`],
    ['load', 'run', null],
    ['report', 'run', null],
  ]);
  writeFileSync(mended, '');
  const rerun = await place.pelorus('runs', 'rerun', String(failed.id), '--wait', '-o', 'json');
  expect(rerun.code, rerun.stderr).toBe(0);
  const second = JSON.parse(rerun.stdout) as RunView;
  expect(second).toMatchObject({
    rerunOf: failed.id,
    state: 'succeeded',
    progress: 1,
    logicalDate: failed.logicalDate,
  });
  const tasks = (await server.client.runs.tasks(second.id)).items;
  expect(tasks.map(({ name, state }) => [name, state])).toEqual([
    ['fetch', 'reused'],
    ['load', 'succeeded'],
    ['report', 'succeeded'],
  ]);
  expect(tasks[1]?.outputs).toEqual({ got: '3-20240229' });
  const plan = await place.pelorus('runs', 'plan', String(second.id));
  expect(plan.stdout).toMatch(new RegExp(`^fetch {3}reuse {2}attempt ${failed.id}\\.0\\.1$`, 'm'));
  expect(plan.stdout).toMatch(/^2 run, 1 reused, 0 skipped$/m);
  expect((await place.pelorus('runs', 'get', String(second.id))).stdout).toMatch(
    new RegExp(`^re-run of {2,}${failed.id}$`, 'm'),
  );

  const nothing = await place.pelorus('runs', 'rerun', String(second.id));
  expect({ code: nothing.code, stderr: nothing.stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('nothing would run') as string,
  });
  const from = await place.json<RunSubmitted>('runs', 'rerun', String(second.id), '--from', 'load');
  expect((await server.client.runs.plan(from.id)).counts).toEqual({ run: 2, reuse: 1, skip: 0 });
  const repeated = await place.pelorus('runs', 'repeat', String(failed.id), '--wait', '-o', 'json');
  expect(repeated.code, repeated.stderr).toBe(0);
  expect(JSON.parse(repeated.stdout)).toMatchObject({
    mode: 'repeat',
    rerunOf: failed.id,
    counts: { succeeded: 3 },
    logicalDate: failed.logicalDate,
  });
});

test('a run can be previewed by selection, and unknown and empty ones are refused', async () => {
  const file = write(
    'select.yaml',
    'name: select\nproject: cases\ntasks:\n  a: { run: "true" }\n  b: { run: "true", needs: [a], disabled: true }\n',
  );
  await place.json('apply', '-f', file);
  const preview = await place.pelorus('run', 'cases/select', '--select', 'a,b', '--dry-run');
  expect(preview).toMatchObject({ code: 0, stderr: 'warning: task b is disabled and will be skipped\n' });
  expect(preview.stdout).toMatch(/^a {5}run$/m);
  expect(preview.stdout).toMatch(/^b {5}skip {2}disabled$/m);
  expect((await place.pelorus('run', 'cases/select', '--tasks', 'aa', '--dry-run')).stderr).toContain('no task aa');
  expect((await place.pelorus('run', 'cases/select', '--tasks', 'b')).code).toBe(2);
});

describe('control', () => {
  const SLOW = `name: slow
project: cases
failurePolicy: continue
tasks:
  first: { run: sleep 1000 }
  other: { run: sleep 1000 }
  after: { run: echo after, needs: [first] }
`;

  test('commands say what became of them; tasks are killed and forced to succeed one by one', async () => {
    const { id } = await place.json<RunSubmitted>('run', write('slow.yaml', SLOW));
    await untilTask(id, 'first', 'running');
    await untilTask(id, 'other', 'running');
    const paused = await place.json<CommandAccepted>('runs', 'pause', String(id));
    expect(paused).toMatchObject({ run: id, outcome: 'applied', state: 'pausing' });
    const again = await place.pelorus('runs', 'pause', String(id));
    expect({ code: again.code, stderr: again.stderr }).toEqual({
      code: 6,
      stderr: expect.stringContaining(`run ${id} is pausing: it cannot pause now`) as string,
    });
    expect((await place.pelorus('runs', 'resume', String(id))).stdout).toBe(`run ${id} goes on: running\n`);

    expect((await place.pelorus('task', 'force-success', String(id), 'first')).code).toBe(6);
    expect((await place.pelorus('task', 'kill', String(id), 'first')).stdout).toBe(
      `task first is being killed (run ${id}: running)\n`,
    );
    await untilTask(id, 'first', 'killed');
    expect((await place.pelorus('task', 'kill', String(id), 'first')).code).toBe(6);
    expect((await place.pelorus('task', 'kill', String(id), 'nothere')).code).toBe(5);
    const forced = await place.json<CommandAccepted>('task', 'force-success', String(id), 'first');
    expect(forced.outcome).toBe('applied');
    expect(await taskState(id, 'first')).toBe('forced_success');

    expect((await place.pelorus('runs', 'stop', String(id))).stdout).toMatch(
      new RegExp(`^run ${id} is being stopped: (stopping|stopped)\n$`),
    );
    await until(
      async () => (await server.client.runs.get(id)).state === 'stopped',
      () => `run ${id} was not stopped`,
    );
    expect((await place.pelorus('runs', 'stop', String(id))).code).toBe(6);
  });

  test('a run behind another one says for what it waits', async () => {
    const file = write('turns.yaml', SLOW.replace('name: slow', 'name: turns\nconcurrency: serial_wait'));
    const first = await place.json<RunSubmitted>('run', file);
    const second = await place.pelorus('run', 'cases/turns');
    expect(second.stdout).toContain(`submitted: waits for its turn, behind run ${first.id} (serial_wait)`);
    expect((await place.pelorus('runs', 'stop', '@latest', '--wait')).code).toBe(0);
    expect((await place.pelorus('runs', 'stop', String(first.id), '--wait')).code).toBe(0);
  });
});

test('a sub-workflow shows its run', async () => {
  await place.json('apply', '-f', write('inner.yaml', 'name: inner\nproject: cases\ntasks:\n  a: { run: "true" }\n'));
  const outer = 'name: outer\nproject: cases\ntasks:\n  sub: { type: sub_workflow, workflow: inner }\n';
  const done = await place.pelorus('run', write('outer.yaml', outer), '--wait', '-o', 'json');
  expect(done.code, done.stderr).toBe(0);
  const { id } = JSON.parse(done.stdout) as RunView;
  const run = await place.json<RunView & { tasks: TaskView[] }>('runs', 'get', String(id));
  const child = run.tasks[0]?.childRun;
  expect(child).toBeGreaterThan(id);
  expect((await server.client.runs.get(Number(child))).parent).toEqual({ run: id, attempt: `${id}.0.1` });
  expect((await place.pelorus('runs', 'get', String(id))).stdout).toMatch(new RegExp(`CHILD RUN.*\n.*${child}`));
});

test('task groups are set, listed and deleted, and hold back what does not fit', async () => {
  expect((await place.pelorus('group', 'set', 'one', '--size', '1')).stdout).toBe('task group one: size 1, 0 held\n');
  const go = join(place.directory, 'go');
  const task = `run: 'until test -e ${go}; do sleep 0.05; done', taskGroup: { name: one }`;
  const file = write('grouped.yaml', `name: grouped\nproject: cases\ntasks:\n  a: { ${task} }\n  b: { ${task} }\n`);
  const { id } = await place.json<RunSubmitted>('run', file);
  let group: TaskGroupView | undefined;
  await until(
    async () => {
      group = (await place.json<TaskGroupView[]>('group', 'list'))[0];
      return group?.held === 1 && group.waitingTasks === 1;
    },
    () => `the group holds ${JSON.stringify(group)}`,
  );
  writeFileSync(go, '');
  expect(existsSync(go)).toBe(true);
  expect((await place.pelorus('runs', 'watch', String(id))).code).toBe(0);
  expect((await place.json<TaskGroupView[]>('group', 'list'))[0]).toMatchObject({ held: 0, waitingTasks: 0 });
  expect((await place.pelorus('group', 'delete', 'one')).code).toBe(0);
  expect((await place.pelorus('group', 'delete', 'one')).code).toBe(5);
});

test('alert channels are set, listed and deleted; a secret is shown once', async () => {
  const set = await place.pelorus(
    'alert',
    'set',
    'chat',
    '--webhook',
    'http://127.0.0.1:9/hook',
    '--event',
    'run-failed',
  );
  expect(set.stdout).toMatch(
    /^alert channel chat: webhook to http:\/\/127\.0\.0\.1:9\/hook\n {2}secret: whsec_\S+ {2}\(shown this once\)\n$/,
  );
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
  const given = await place.pelorusWith(
    { input: `${secret}\n` },
    ...['alert', 'set', 'chat', '--webhook', 'http://127.0.0.1:9/hook', '--secret-stdin'],
  );
  expect(given).toMatchObject({ code: 0, stdout: 'alert channel chat: webhook to http://127.0.0.1:9/hook\n' });
  expect((await place.pelorus('alert', 'set', 'mail')).code).toBe(2);
  await place.pelorus('alert', 'set', 'mail', '--email', 'ops@example.org');
  expect((await place.pelorus('alert', 'list', '-o', 'name')).stdout).toBe('chat\nmail\n');
  // Nobody listens on that port, or nobody sends alerts here.
  expect((await place.pelorus('alert', 'test', 'chat')).code).toBe(7);
  expect((await place.pelorus('alert', 'test', 'nothere')).code).toBe(5);
  expect((await place.pelorus('alert', 'delete', 'mail')).code).toBe(0);
  expect((await place.pelorus('alert', 'history')).stdout).toBe('no alerts\n');
});
