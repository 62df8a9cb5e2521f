import { beforeEach, describe, expect, test } from 'vitest';
import { runIdOf, type Page, type PlanView, type RunSubmitted, type RunView, type TaskView } from '@pelorus/protocol';
import { anyNumber, DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
/** Run of the diamond in which c failed: a and b succeeded, d could not run. */
let failed: number;
const PARAMS = { n: 1, day: '$[yyyyMMdd]' };

beforeEach(async () => {
  api = await openApi();
  await api.save('samples', 'diamond', DIAMOND);
  failed = await api.run('samples', 'diamond', {
    params: PARAMS,
    logicalDate: '2024-02-29T00:00:00Z',
    zone: 'Asia/Shanghai',
    priority: 'high',
    failurePolicy: 'continue',
    timeoutMs: 5000,
    workerGroup: 'gpu',
    notifyType: 'failure',
    notifyMails: ['ops'],
    extras: { ticket: 7 },
  });
  await endWith(failed, ['succeeded', 'succeeded', 'failed', 'upstream_failed'], 'failed');
});

async function endWith(
  run: number,
  states: ('succeeded' | 'failed' | 'upstream_failed')[],
  end: 'succeeded' | 'failed',
): Promise<void> {
  await api.setRun(run, 'running');
  for (const [task, state] of states.entries()) {
    const ran = state !== 'upstream_failed';
    if (ran) await api.setAttempt(run, task, 1, state, { endedAt: NOW });
    const outputs = state === 'succeeded' ? { of: `run ${run}` } : null;
    await api.setTask(run, task, state, { attempts: ran ? 1 : 0, outputs, startedAt: NOW - 1000, endedAt: NOW });
  }
  await api.setRun(run, end, { endedAt: NOW });
}

async function again(run: number, action: 'rerun' | 'repeat', body?: object): Promise<number> {
  const answered = await api.call<RunSubmitted>('POST', `/runs/${run}/${action}`, body === undefined ? {} : { body });
  expect(answered.status, answered.text).toBe(201);
  expect(answered.headers['location']).toBe(`/api/v1/runs/${answered.body.id}`);
  return answered.body.id;
}

/** `a=reuse(1.0.1) b=run`. */
async function planOf(run: number): Promise<string> {
  const { body } = await api.call<PlanView>('GET', `/runs/${run}/plan`);
  return shown(body);
}
function shown(plan: PlanView): string {
  return plan.tasks
    .map(
      ({ name, plan: as, attempt, reason }) =>
        `${name}=${as}${attempt === null ? '' : `(${attempt})`}${reason === null ? '' : `(${reason})`}`,
    )
    .join(' ');
}

describe('re-run of what failed', () => {
  test('is a new run that reuses what succeeded and keeps everything else of the first', async () => {
    const id = await again(failed, 'rerun');
    expect(await planOf(id)).toBe(`a=reuse(${failed}.0.1) b=reuse(${failed}.1.1) c=run d=run`);
    const { id: _first, ...before } = (await api.call<RunView>('GET', `/runs/${failed}`)).body;
    const after = (await api.call<RunView>('GET', `/runs/${id}`)).body;
    expect(after).toEqual({
      ...before,
      id,
      state: 'queued',
      status: 0,
      mode: 'rerun-failed',
      rerunOf: failed,
      startedAt: null,
      endedAt: null,
      durationMs: null,
      progress: 0,
      estimatedRemainingMs: null,
      counts: { reused: 2, pending: 2 },
      owner: null,
      revision: anyNumber,
    });
    expect(after).toMatchObject({
      params: PARAMS,
      logicalDate: '2024-02-29T00:00:00.000Z',
      zone: 'Asia/Shanghai',
      priority: 'high',
      failurePolicy: 'continue',
      timeoutMs: 5000,
      workerGroup: 'gpu',
      notifyType: 'FAILURE',
      notifyMails: ['ops'],
      extras: { ticket: 7 },
    });
    const tasks = (await api.call<Page<TaskView>>('GET', `/runs/${id}/tasks`)).body.items;
    expect(tasks.map(({ name, state, cause, outputs }) => [name, state, cause, outputs])).toEqual([
      ['a', 'reused', { kind: 'reused', runId: failed }, { of: `run ${failed}` }],
      ['b', 'reused', { kind: 'reused', runId: failed }, { of: `run ${failed}` }],
      ['c', 'pending', null, null],
      ['d', 'pending', null, null],
    ]);
  });

  test('converges: what was reused stays reused and names where it comes from', async () => {
    const second = await again(failed, 'rerun');
    await api.setRun(second, 'running');
    await api.setAttempt(second, 2, 1, 'succeeded', { endedAt: NOW });
    await api.setTask(second, 2, 'succeeded', { attempts: 1, endedAt: NOW });
    await api.setTask(second, 3, 'failed', { attempts: 1, endedAt: NOW });
    await api.setRun(second, 'failed', { endedAt: NOW });
    const third = await again(second, 'rerun');
    expect(await planOf(third)).toBe(`a=reuse(${failed}.0.1) b=reuse(${failed}.1.1) c=reuse(${second}.2.1) d=run`);
    await api.setRun(third, 'running');
    await api.setTask(third, 3, 'succeeded', { attempts: 1, endedAt: NOW });
    await api.setRun(third, 'succeeded', { endedAt: NOW });
    expect(await api.call('POST', `/runs/${third}/rerun`)).toMatchObject({
      status: 400,
      body: {
        code: 'EMPTY_PLAN',
        message: `nothing would run: every task of run ${third} succeeded, was skipped or was not selected`,
      },
    });
  });

  test('waits until the run has ended', async () => {
    const live = await api.run('samples', 'diamond');
    expect(await api.call('POST', `/runs/${live}/rerun`)).toMatchObject({
      status: 409,
      body: {
        code: 'WRONG_STATE',
        state: 'queued',
        message: `run ${live} is queued: it can be re-run when it has ended`,
      },
    });
    await api.setRun(live, 'running');
    expect(await api.call('POST', `/runs/${live}/rerun`, { body: { from: 'a' } })).toMatchObject({
      status: 409,
      body: { state: 'running' },
    });
  });

  test('takes nothing over from a dry run, which can be repeated as one', async () => {
    const dry = await api.run('samples', 'diamond', { dryRun: true });
    await endWith(dry, ['succeeded', 'succeeded', 'failed', 'upstream_failed'], 'failed');
    expect((await api.call('POST', `/runs/${dry}/rerun`)).body).toMatchObject({
      code: 'EMPTY_PLAN',
      message: `run ${dry} was a dry run: it has no results to take over`,
    });
    const repeated = await again(dry, 'repeat');
    expect((await api.call<RunView>('GET', `/runs/${repeated}`)).body).toMatchObject({ dryRun: true, rerunOf: dry });
  });

  test('of no such run, with unknown fields, with impossible values', async () => {
    expect((await api.call('POST', '/runs/999999/rerun')).body).toMatchObject({ status: 404, code: 'RUN_NOT_FOUND' });
    expect((await api.call('POST', `/runs/${failed}/rerun`, { body: { form: 'a' } })).body).toMatchObject({
      status: 400,
      message: 'form is not known here; did you mean from?',
    });
    expect((await api.call('POST', `/runs/${failed}/rerun`, { body: { version: 'newest' } })).body).toMatchObject({
      status: 400,
      message: 'version must be one of same, latest',
    });
    expect((await api.call('POST', `/runs/${failed}/rerun`, { body: { from: 'aa' } })).body).toMatchObject({
      status: 400,
      code: 'UNKNOWN_TASK',
      message: 'the workflow has no task aa',
    });
  });

  test('with ?dryRun=true says the plan and stores nothing', async () => {
    const before = (await api.store.listRuns({}, 0, 1)).total;
    const { status, body } = await api.call<{ plan: PlanView }>('POST', `/runs/${failed}/rerun`, {
      query: { dryRun: 'true' },
    });
    expect(status).toBe(200);
    expect(shown(body.plan)).toBe(`a=reuse(${failed}.0.1) b=reuse(${failed}.1.1) c=run d=run`);
    expect(body.plan.counts).toEqual({ run: 2, reuse: 2, skip: 0 });
    expect((await api.store.listRuns({}, 0, 1)).total).toBe(before);
  });
});

test('re-run from a task runs it and all behind it, and reuses the rest', async () => {
  const id = await again(failed, 'rerun', { from: 'b' });
  expect(await planOf(id)).toBe(`a=reuse(${failed}.0.1) b=run c=run d=run`);
  expect((await api.call<RunView>('GET', `/runs/${id}`)).body).toMatchObject({ mode: 'rerun-from', rerunOf: failed });
});

test('a re-run keeps the version, or takes the latest one with what has changed', async () => {
  const changed = { ...DIAMOND, tasks: { ...DIAMOND.tasks, b: { run: 'echo other', needs: ['a'] } } };
  await api.save('samples', 'diamond', changed);
  const same = await again(failed, 'rerun');
  expect(await planOf(same)).toBe(`a=reuse(${failed}.0.1) b=reuse(${failed}.1.1) c=run d=run`);
  expect((await api.call<RunView>('GET', `/runs/${same}`)).body.version).toBe(1);
  const latest = await again(failed, 'rerun', { from: 'c', version: 'latest' });
  expect((await api.call<RunView>('GET', `/runs/${latest}`)).body.version).toBe(2);
  expect(await planOf(latest)).toMatch(new RegExp(`^a=reuse\\(${failed}\\.0\\.1\\) b=run c=run d=run`));
  await api.save('samples', 'diamond', { ...changed, params: { must: { type: 'string', required: true } } });
  expect((await api.call('POST', `/runs/${failed}/rerun`, { body: { version: 'latest' } })).body).toMatchObject({
    status: 422,
    code: 'INVALID_PARAMETERS',
  });
});

test('repeat runs everything again with the same parameters, also beside the run itself', async () => {
  const live = await api.run('samples', 'diamond', { params: { n: 2 }, select: ['a'] });
  const id = await again(live, 'repeat');
  expect((await api.call<RunView>('GET', `/runs/${id}`)).body).toMatchObject({
    mode: 'repeat',
    rerunOf: live,
    params: { n: 2 },
    counts: { pending: 4 },
  });
  expect((await api.call('POST', `/runs/${live}/repeat`, { body: { from: 'a' } })).status).toBe(400);
});

test('a run of a deleted workflow cannot be run again, nor with the workflow that took its name', async () => {
  await api.call('DELETE', '/projects/samples/workflows/diamond');
  expect((await api.call('POST', `/runs/${failed}/rerun`)).body).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  await api.save('samples', 'diamond', { ...DIAMOND, description: 'another one' });
  expect((await api.call('POST', `/runs/${failed}/repeat`)).body).toMatchObject({
    status: 404,
    code: 'WORKFLOW_NOT_FOUND',
    message: `the workflow of run ${failed} has been deleted; samples/diamond is another one now`,
  });
});

describe('POST /executors with rerunOf', () => {
  const REQUEST = { projectName: 'samples', workflowName: 'diamond', execType: 'DIRECT' };
  const send = (more: object) =>
    api.call<{ execIds: [number] }>('POST', '/executors', { body: { ...REQUEST, ...more } });

  test('runs again what failed, and changes only what is given', async () => {
    const { status, body, text } = await send({ rerunOf: String(failed), failurePolicy: 'END' });
    expect(status, text).toBe(201);
    expect(await planOf(body.execIds[0])).toBe(`a=reuse(${failed}.0.1) b=reuse(${failed}.1.1) c=run d=run`);
    expect((await api.store.getRun(runIdOf(body.execIds[0])))?.spec).toMatchObject({
      rerunOf: failed,
      mode: 'rerun-failed',
      failurePolicy: 'end',
      timeoutMs: 5000,
      notifyType: 'FAILURE',
      priority: 'high',
      params: PARAMS,
    });
  });

  test.each([
    ['nodeName', { nodeName: 'a' }, 'nodeName cannot be given together with rerunOf'],
    ['selected', { selected: ['a'] }, 'selected cannot be given together with rerunOf'],
    ['start parameters', { startParams: {} }, 'startParams cannot be given together with rerunOf'],
  ])('is refused together with %s', async (_name, more, message) => {
    expect((await send({ rerunOf: failed, ...more })).body).toMatchObject({ status: 400, message });
  });

  test('is refused for a run of another workflow, one that goes on, and one that is none', async () => {
    await api.save('samples', 'other', { ...DIAMOND, name: 'other' });
    const other = await api.run('samples', 'other');
    expect((await send({ rerunOf: other })).body).toMatchObject({
      status: 400,
      message: `rerunOf: run ${other} is not one of samples/diamond`,
    });
    const live = await api.run('samples', 'diamond');
    expect((await send({ rerunOf: live })).body).toMatchObject({ status: 409, state: 'queued' });
    expect((await send({ rerunOf: 999_999 })).body).toMatchObject({ status: 404, code: 'RUN_NOT_FOUND' });
    expect((await send({ rerunOf: -1 })).body).toMatchObject({ status: 400 });
  });
});

describe('Idempotency-Key', () => {
  const EXECUTOR = { projectName: 'samples', workflowName: 'diamond', execType: 'DIRECT' };
  const RUN = { project: 'samples', workflow: 'diamond', params: { a: 1, b: 2 } };
  const routes = (): [string, object | undefined][] => [
    ['/runs', RUN],
    ['/executors', EXECUTOR],
    [`/runs/${failed}/rerun`, { from: 'b' }],
    [`/runs/${failed}/repeat`, undefined],
  ];
  const send = (path: string, key: string, body?: object) =>
    api.call<{ id?: number; execIds?: number[]; code?: string; message?: string }>('POST', path, {
      headers: { 'idempotency-key': key },
      ...(body === undefined ? {} : { body }),
    });

  test('the same request again makes no second run', async () => {
    for (const [index, [path, body]] of routes().entries()) {
      const first = await send(path, `key-${index}`, body);
      const second = await send(path, `key-${index}`, body);
      expect(first.status, first.text).toBe(201);
      expect({ status: second.status, body: second.body }).toEqual({ status: 201, body: first.body });
      expect((await send(path, `other-${index}`, body)).body).not.toEqual(first.body);
    }
  });

  test('however the request is written', async () => {
    const first = await send('/runs', 'k', RUN);
    const second = await send('/runs', 'k', { params: { b: 2, a: 1 }, workflow: 'diamond', project: 'samples' });
    expect(second.body.id).toBe(first.body.id);
  });

  test('another request under the same key is refused', async () => {
    const first = await send('/runs', 'k', RUN);
    for (const [path, body] of [['/runs', { ...RUN, params: {} }], ...routes().slice(1)] as [string, object?][]) {
      expect(await send(path, 'k', body)).toMatchObject({
        status: 409,
        body: {
          code: 'CONFLICT',
          message: `This idempotency key was used for another request, about run ${first.body.id}.`,
        },
      });
    }
  });

  test.each(['', 'a b', 'ü', 'x'.repeat(256)])('%j is no key', async (key) => {
    expect(await send('/runs', key, RUN)).toMatchObject({ status: 400, body: { code: 'BAD_PARAMETER' } });
  });
});
