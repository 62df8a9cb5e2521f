import { beforeAll, describe, expect, test } from 'vitest';
import type { ExecutorDetail, ExecutorList, LogPage } from '@pelorus/protocol';
import { anyNumber, containing, DIAMOND, having, matching, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
const REQUEST = { projectName: 'samples', workflowName: 'diamond', execType: 'DIRECT' };
type Started = { execIds: [number] };

beforeAll(async () => {
  api = await openApi();
  await api.save('samples', 'diamond', { ...DIAMOND, params: { year: '2024' } });
});

async function start(more: object = {}): Promise<number> {
  const answered = await api.call<Started>('POST', '/executors', { body: { ...REQUEST, ...more } });
  expect(answered.status, answered.text).toBe(201);
  return answered.body.execIds[0];
}

describe('POST /executors', () => {
  test('answers 201 with the ids and tells the master', async () => {
    const before = api.commandsWritten();
    const { status, body, headers } = await api.call<Started>('POST', '/executors', { body: REQUEST });
    expect({ status, body }).toEqual({ status: 201, body: { execIds: [anyNumber] } });
    expect(headers['location']).toBe(`/api/v1/executors/${body.execIds[0]}`);
    expect(api.commandsWritten()).toBe(before + 1);
    const row = await api.store.getRun(body.execIds[0] as never);
    expect(row?.spec).toMatchObject({
      failurePolicy: 'end',
      notifyType: 'NONE',
      notifyMails: [],
      timeoutMs: 86_400_000,
      mode: 'whole',
      plan: { run: 'all', reuse: [] },
    });
  });

  const full = {
    ...REQUEST,
    failurePolicy: 'CONTINUE',
    nodeName: 'b',
    nodeDep: 'NODE_POST',
    notifyType: 'FAILURE',
    notifyMails: '["a@example.org"]',
    timeout: '60',
    startParams: '{"year":"1999"}',
    dryRun: 'true',
    priority: 'HIGH',
  };
  const stored = {
    failurePolicy: 'continue',
    plan: { run: [1, 3], reuse: [] },
    mode: 'node',
    notifyType: 'FAILURE',
    notifyMails: ['a@example.org'],
    timeoutMs: 60_000,
    params: { year: '1999' },
    dryRun: true,
    priority: 'high',
  };
  const form = (fields: Record<string, string>) =>
    Object.entries(fields)
      .map(([name, value]) => `--X\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join('') + '--X--\r\n';

  test.each([
    ['the query string', { query: full }],
    [
      'a form',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(full).toString() },
    ],
    ['a multipart form', { headers: { 'content-type': 'multipart/form-data; boundary=X' }, body: form(full) }],
    [
      'a JSON body',
      { body: { ...full, notifyMails: ['a@example.org'], timeout: 60, startParams: { year: '1999' }, dryRun: true } },
    ],
    ['a JSON body that holds texts', { body: full }],
    [
      'half of it in the query, half in a form',
      {
        query: REQUEST,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(Object.entries(full).filter(([name]) => !(name in REQUEST))).toString(),
      },
    ],
  ])('takes its parameters from %s', async (_name, call) => {
    const { status, body, text } = await api.call<Started>('POST', '/executors', call);
    expect(status, text).toBe(201);
    expect((await api.store.getRun(body.execIds[0] as never))?.spec).toMatchObject(stored);
  });

  test.each([
    ['NODE_ONLY is the default', { nodeName: 'b' }, [1]],
    ['NODE_PRE takes all predecessors', { nodeName: 'd', nodeDep: 'NODE_PRE' }, [0, 1, 2, 3]],
    ['several start tasks with commas', { nodeName: 'b,c' }, [1, 2]],
    ['several start tasks as an array', { nodeName: '["c","d"]' }, [2, 3]],
    ['selected tasks', { selected: ['a', 'd'] }, [0, 3]],
    ['an empty node name means the whole workflow', { nodeName: '', nodeDep: 'NODE_ONLY' }, 'all'],
  ])('%s', async (_name, more, run) => {
    expect((await api.store.getRun((await start(more)) as never))?.spec.plan.run).toEqual(run);
  });

  test('warns of a selected task that is disabled, and refuses what would run nothing', async () => {
    await api.save('samples', 'partly', {
      name: 'partly',
      tasks: { on: { run: 'true' }, off: { run: 'true', disabled: true } },
    });
    const send = (more: object) =>
      api.call<Started & { warnings?: string[]; message?: string }>('POST', '/executors', {
        body: { ...REQUEST, workflowName: 'partly', ...more },
      });
    expect(await send({ selected: 'on,off' })).toMatchObject({
      status: 201,
      body: { execIds: [anyNumber], warnings: ['task off is disabled and will be skipped'] },
    });
    expect(await send({ nodeName: 'off' })).toMatchObject({
      status: 400,
      body: { code: 'EMPTY_PLAN', message: 'nothing would run: every task in question is disabled' },
    });
    expect(await send({ nodeName: 'onn,zzzz' })).toMatchObject({
      status: 400,
      body: {
        code: 'UNKNOWN_TASK',
        message: 'the workflow has no task onn; did you mean on?; the workflow has no task zzzz',
      },
    });
  });

  test('names everything that is missing or wrong at once', async () => {
    const { status, body } = await api.call('POST', '/executors', {
      query: { execType: 'NOW', timeout: '0', failurePolicy: 'STOP', worklowName: 'x', notifyMails: '{' },
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ status: 400, error: 'Bad Request', code: 'BAD_PARAMETER' });
    expect(body.errors?.map((problem) => problem.message).sort()).toEqual([
      'execType must be one of DIRECT, COMPLEMENT_DATA',
      'failurePolicy must be one of END, CONTINUE',
      'notifyMails must be an array',
      'projectName is required',
      'timeout must be at least 1',
      'workflowName is required',
      'worklowName is not known here; did you mean workflowName?',
    ]);
    expect(body.message).toContain('projectName is required');
  });

  test.each([
    [{ timeout: 86_401 }, 400, 'timeout must be at most 86400'],
    [{ timeout: 1.5 }, 400, 'timeout must be an integer'],
    [{ nodeName: 'bb' }, 400, 'the workflow has no task bb'],
    [{ nodeName: 'b', selected: ['a'] }, 400, 'selected cannot be given together with nodeName'],
    [{ projectName: 'sample' }, 404, 'there is no project sample; did you mean samples?'],
    [{ workflowName: 'nope' }, 404, 'project samples has no workflow nope'],
    [
      { execType: 'COMPLEMENT_DATA' },
      400,
      'schedule is required for COMPLEMENT_DATA: {"startDate":ms,"endDate":ms,"crontab":"…"}',
    ],
    [{ startParams: { a: null } }, 400, 'startParams.a must be a text, a number, true or false'],
    [{ startParams: { a: 'x\0' } }, 400, 'startParams/a holds a NUL character, which cannot be stored'],
    [{ startParams: { a: '\ud800' } }, 400, 'startParams/a holds half of a surrogate pair, which cannot be stored'],
    [{ startParams: { a: '$[yyyy' } }, 422, containing('parameter `a` cannot be read')],
  ])('refuses %j', async (more, status, message) => {
    const before = (await api.store.listRuns({}, 0, 1)).total;
    const answered = await api.call('POST', '/executors', { body: { ...REQUEST, ...more } });
    expect({ status: answered.status, message: answered.body.message }).toEqual({ status, message });
    expect((await api.store.listRuns({}, 0, 1)).total).toBe(before);
  });

  test('a parameter given twice with different values is refused', async () => {
    const { status, body } = await api.call('POST', '/executors', {
      query: { timeout: '5' },
      body: { ...REQUEST, timeout: 6 },
    });
    expect({ status, message: body.message }).toEqual({
      status: 400,
      message: 'timeout is given twice, with different values',
    });
  });
});

describe('GET /executors', () => {
  test('lists newest start first with the published fields, and filters', async () => {
    const other = await openApi();
    await other.save('beta', 'two', { ...DIAMOND, name: 'two' });
    await other.save('alpha', 'one', { ...DIAMOND, name: 'one' });
    const ids = [
      await other.run('alpha', 'one'),
      await other.run('beta', 'two'),
      await other.run('alpha', 'one'),
      await other.run('alpha', 'one'),
    ];
    const [first = 0, second = 0, third = 0, waiting = 0] = ids;
    await other.setRun(first, 'succeeded', { startedAt: NOW - 30_000, endedAt: NOW - 20_000 });
    await other.setRun(second, 'failed', { startedAt: NOW - 90_000, endedAt: NOW - 87_500 });
    await other.setRun(third, 'running', { startedAt: NOW - 50_999 });

    const all = await other.call<ExecutorList>('GET', '/executors');
    expect(all.body).toMatchObject({ total: 4, length: 4 });
    expect(all.body.executions.map((each) => [each.execId, each.status, each.duration])).toEqual([
      [waiting, 0, null],
      [first, 4, 10],
      [third, 3, 50],
      [second, 6, 2],
    ]);
    expect(all.body.executions[1]).toEqual({
      execId: first,
      projectName: 'alpha',
      workflowName: 'one',
      execType: 'DIRECT',
      submitTime: NOW,
      startTime: NOW - 30_000,
      endTime: NOW - 20_000,
      scheduleTime: null,
      duration: 10,
      submitUser: 'admin',
      proxyUser: null,
      queue: null,
      status: 4,
      owner: 'admin',
      extras: null,
    });

    const list = async (query: Record<string, string>) => {
      const { status, body, text } = await other.call<ExecutorList>('GET', '/executors', { query });
      expect(status, text).toBe(200);
      return { total: body.total, ids: body.executions.map((each) => each.execId) };
    };
    expect(await list({ status: '[4,6]' })).toEqual({ total: 2, ids: [first, second] });
    expect(await list({ status: '[2]' })).toEqual({ total: 0, ids: [] });
    expect(await list({ workflowName: '["tw","x"]' })).toEqual({ total: 1, ids: [second] });
    expect(await list({ projectName: 'al' })).toEqual({ total: 3, ids: [waiting, first, third] });
    expect(await list({ from: '1', size: '2' })).toEqual({ total: 4, ids: [first, third] });
    expect(await list({ startDate: String(NOW), endDate: String(NOW) })).toEqual({
      total: 4,
      ids: [waiting, first, third, second],
    });
    expect(await list({ startDate: String(NOW + 1) })).toEqual({ total: 0, ids: [] });
  });

  test.each([
    [{ size: '0' }, 'size must be at least 1'],
    [{ size: '1001' }, 'size must be at most 1000'],
    [{ status: '[9]' }, 'status.0 must be at most 8'],
    [{ startDate: 'yesterday' }, 'startDate must be an integer'],
  ])('refuses %j', async (query, message) => {
    const { status, body } = await api.call('GET', '/executors', { query });
    expect({ status, message: body.message }).toEqual({ status: 400, message });
  });
});

describe('GET /executors/:execId', () => {
  test('is an array with one object, its nodes in the published form', async () => {
    const id = await start({ nodeName: 'a', nodeDep: 'NODE_POST' });
    await api.setRun(id, 'running', { startedAt: NOW - 10_000 });
    await api.setAttempt(id, 0, 1, 'failed', { endedAt: NOW - 8_000 });
    await api.setAttempt(id, 0, 2, 'succeeded', { endedAt: NOW - 5_000 });
    await api.setTask(id, 0, 'succeeded', { startedAt: NOW - 9_000, endedAt: NOW - 5_000, attempts: 2 });
    const { status, body } = await api.call<[ExecutorDetail]>('GET', `/executors/${id}`);
    expect(status).toBe(200);
    expect(body).toHaveLength(1);
    expect(body[0]).toMatchObject({
      execId: id,
      projectName: 'samples',
      workflowName: 'diamond',
      status: 3,
      duration: 10,
    });
    expect(body[0].data.userDefParams).toEqual([{ prop: 'year', value: '2024' }]);
    expect(body[0].data.nodes[0]).toEqual({
      name: 'a',
      desc: '',
      type: 'SHELL',
      startTime: NOW - 9_000,
      endTime: NOW - 5_000,
      parameter: having({ script: 'echo a' }),
      duration: 4,
      status: 4,
      appLinks: [],
      jobId: `${id}.0.2`,
      dep: [],
      extras: null,
    });
    expect(body[0].data.nodes[3]).toMatchObject({
      name: 'd',
      dep: ['b', 'c'],
      status: 1,
      jobId: null,
      startTime: null,
    });
  });

  test('tasks that were not selected are in status 0', async () => {
    const id = await start({ nodeName: 'a' });
    const { body } = await api.call<[ExecutorDetail]>('GET', `/executors/${id}`);
    expect(body[0].data.nodes.map((node) => node.status)).toEqual([1, 0, 0, 0]);
  });

  test('unknown and impossible ids', async () => {
    expect((await api.call('GET', '/executors/999999')).body).toMatchObject({
      status: 404,
      error: 'Not Found',
      message: 'there is no run 999999',
      code: 'RUN_NOT_FOUND',
    });
    expect((await api.call('GET', '/executors/12a')).status).toBe(400);
    expect((await api.call('GET', '/executors/direct')).status).toBe(405);
  });
});

describe('GET /executors/:jobId/logs', () => {
  test('pages, searches and counts', async () => {
    const id = await start();
    await api.setAttempt(id, 0, 1, 'running');
    await api.writeLog(
      id,
      0,
      1,
      Array.from({ length: 250 }, (_, index) => `line ${index}${index % 50 === 7 ? ' boom' : ''}`).join('\n'),
    );
    const logs = async (query: Record<string, string> = {}) =>
      (await api.call<LogPage>('GET', `/executors/${id}.0.1/logs`, { query })).body;
    expect(await logs()).toEqual({
      total: 250,
      length: 100,
      took: anyNumber,
      content: Array.from({ length: 100 }, (_, index) => matching(`^line ${index}( boom)?$`)),
    });
    expect(await logs({ from: '248' })).toMatchObject({ total: 250, length: 2, content: ['line 248', 'line 249'] });
    expect(await logs({ query: 'boom', from: '1', size: '2' })).toMatchObject({
      total: 5,
      length: 2,
      content: ['line 57 boom', 'line 107 boom'],
    });
    expect(await logs({ query: 're:^line \\d$' })).toMatchObject({ total: 9, length: 9 });
    expect(await logs({ query: 're:(x+x+)+y' })).toMatchObject({ total: 0, content: [] });
  });

  test('an attempt without output is empty; an unknown one is 404; a bad expression is 400', async () => {
    const id = await start();
    await api.setAttempt(id, 1, 1, 'dispatched');
    expect((await api.call<LogPage>('GET', `/executors/${id}.1.1/logs`)).body).toMatchObject({
      total: 0,
      length: 0,
      content: [],
    });
    expect((await api.call('GET', `/executors/${id}.1.2/logs`)).body).toMatchObject({
      status: 404,
      code: 'ATTEMPT_NOT_FOUND',
    });
    expect((await api.call('GET', '/executors/nope/logs')).status).toBe(404);
    const large = await api.call('GET', `/executors/${id}.1.1/logs`, { query: { query: 're:(a{1,100}){1,10}' } });
    expect(large).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^query is too large an expression: up to \d+ steps/) as string },
    });
    expect((await api.call('GET', `/executors/${id}.1.1/logs`, { query: { query: 're:(' } })).body).toMatchObject({
      status: 400,
      code: 'BAD_PARAMETER',
    });
  });
});

describe('POST /executors/:execId/kill', () => {
  test('answers 201, and 409 with its state when the run has ended', async () => {
    const id = await start();
    const before = api.commandsWritten();
    expect((await api.call('POST', `/executors/${id}/kill`)).status).toBe(201);
    expect(api.commandsWritten()).toBe(before + 1);
    await api.setRun(id, 'stopping');
    expect((await api.call('POST', `/executors/${id}/kill`)).status).toBe(201);
    expect(api.commandsWritten()).toBe(before + 1);
    await api.setRun(id, 'stopped', { endedAt: NOW });
    expect((await api.call('POST', `/executors/${id}/kill`)).body).toMatchObject({
      status: 409,
      error: 'Conflict',
      state: 'stopped',
      message: `run ${id} has ended: stopped`,
    });
    expect((await api.call('POST', '/executors/999999/kill')).status).toBe(404);
  });
});
