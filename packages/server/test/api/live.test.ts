/** The live query: what a master has in memory, against what is stored; and its published form. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ExecutingAnswer, ExecutorDetail, LiveView, TaskView } from '@pelorus/protocol';
import { newSecret, secretHash, TOKEN_PREFIX } from '../../src/api/credentials.ts';
import type { LiveRun } from '../../src/master/live-run.ts';
import { startCluster, type Cluster } from '../master/cluster.ts';
import { taskDefinition } from '../store/records.ts';
import { NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

/** How the master is asked in the test at hand. */
let ask: (id: number, signal: AbortSignal) => Promise<LiveRun | null> | LiveRun | null = () => null;
let api: ApiUnderTest;
const ADMIN = newSecret();
const headers = { authorization: `Bearer ${ADMIN}` };
const DEFINITION = {
  name: 'etl',
  params: { day: { type: 'string', default: 'monday' } },
  tasks: {
    load: { run: 'echo load', retry: { max: 3, interval: '30s' }, files: [] },
    report: { type: 'python', run: 'print(1)', needs: ['load'], priority: 'high', delay: '5s' },
    off: { run: 'true', disabled: true },
  },
};

beforeAll(async () => {
  api = await openApi({
    adminToken: ADMIN,
    hints: { commandWritten: () => undefined, liveRun: (id, signal) => ask(id, signal) },
  });
  await api.call('PUT', '/projects/sales', { headers, body: {} });
  const put = await api.call('PUT', '/projects/sales/workflows/etl', { headers, body: DEFINITION });
  expect(put.status, put.text).toBe(201);
});

async function submit(more: object = {}): Promise<number> {
  const body = { project: 'sales', workflow: 'etl', ...more };
  const { body: made, text } = await api.call<{ id: number }>('POST', '/runs', { headers, body });
  if (typeof made.id !== 'number') throw new Error(text);
  return made.id;
}

const query = (id: number | string, project = 'sales') =>
  api.call<ExecutingAnswer>('GET', `/projects/${project}/executors/query-executing-workflow`, {
    headers,
    query: { id: String(id) },
  });

describe('GET /runs/{id}/live', () => {
  test('of a real master: from memory while the run goes on, with its identity and both versions', async () => {
    const cluster: Cluster = await startCluster(({ task }) => (task === 'a' ? 'go on' : 'succeed'));
    try {
      await cluster.save('held', [taskDefinition('a'), taskDefinition('b', { needs: ['a'] })]);
      const over = await openApi({
        store: cluster.store,
        hints: { commandWritten: () => undefined, liveRun: (id) => cluster.master.liveRun(id) },
        clock: Date.now,
      });
      const run = await cluster.submit('held');
      await cluster.begun('a');
      const live = (await over.call<LiveView>('GET', `/runs/${run}/live`)).body;
      expect(live).toMatchObject({
        source: 'memory',
        master: { id: cluster.master.id, epoch: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
        run: { id: run, state: 'running', owner: cluster.master.id },
      });
      expect(live.memoryVersion).toBeGreaterThanOrEqual(live.storeVersion);
      expect(live.storeVersion).toBeGreaterThan(0);
      expect(live.tasks.map((task) => task.state)).toEqual([
        expect.stringMatching(/^(dispatched|running)$/),
        'pending',
      ]);
      cluster.worker.finish('a');
      expect(await cluster.endOf(run)).toBe('succeeded');
      const ended = (await over.call<LiveView>('GET', `/runs/${run}/live`)).body;
      expect(ended).toMatchObject({ source: 'store', master: null, memoryVersion: null, run: { state: 'succeeded' } });
      const stored = (await over.call<{ items: TaskView[] }>('GET', `/runs/${run}/tasks`)).body.items;
      expect(ended.tasks).toEqual(stored);
      await over.app.close();
    } finally {
      await cluster.close();
    }
  });

  test('memory that is behind the store is of a master that owns the run no more', async () => {
    const run = await submit();
    await api.setRun(run, 'running');
    await api.setTask(run, 0, 'running', { startedAt: NOW });
    const row = (await api.store.getRun(run as never))!;
    ask = () => ({ master: 'm-old' as never, version: 1, ...row, tasks: [] });
    const { body } = await api.call<LiveView>('GET', `/runs/${run}/live`, { headers });
    expect(body).toMatchObject({ source: 'store', master: null, memoryVersion: null, run: { counts: { running: 1 } } });
    ask = () => null;
  });
});

describe('query-executing-workflow', () => {
  test('holds exactly the published fields', async () => {
    const run = await submit({ params: { day: 'friday' }, timeoutMs: 90_000, priority: 'low', notifyType: 'FAILURE' });
    await api.setRun(run, 'running', { startedAt: NOW - 61_500 });
    await api.setAttempt(run, 0, 1, 'failed', { dispatchedAt: NOW - 60_000, endedAt: NOW - 50_000 });
    await api.setAttempt(run, 0, 2, 'running', { dispatchedAt: NOW - 40_000, startedAt: NOW - 39_000 });
    await api.setTask(run, 0, 'running', {
      startedAt: NOW - 39_500,
      attempts: 2,
      retries: 1,
      outputs: { rows: '7' },
    });
    await api.setTask(run, 2, 'skipped', { cause: { kind: 'disabled' } });
    const { status, body } = await query(run);
    expect(status).toBe(200);
    const name = 'etl-1-20260315120000000';
    const owner = (await api.store.getRun(run as never))!.status.owner;
    const shared = {
      processInstanceId: run,
      taskDefinitionVersion: 1,
      processInstanceName: name,
      executePath: null,
      pid: null,
      appLink: null,
      flag: 'YES',
      workerGroup: null,
      environmentCode: null,
      executorName: 'admin',
      resources: null,
      dryRun: 0,
      taskGroupId: null,
      cpuQuota: null,
      memoryMax: null,
    };
    const { workflowId } = (await api.store.getRun(run as never))!.spec;
    expect(body).toEqual({
      code: 0,
      msg: 'success',
      data: {
        id: run,
        name,
        processDefinitionCode: workflowId,
        processDefinitionVersion: 1,
        state: 'RUNNING_EXECUTION',
        recovery: 'NO',
        startTime: NOW - 61_500,
        endTime: null,
        runTimes: 1,
        host: owner,
        commandType: 'START_PROCESS',
        commandParam: '{"day":"friday"}',
        taskDependType: 'TASK_POST',
        maxTryTimes: 0,
        failureStrategy: 'END',
        warningType: 'FAILURE',
        scheduleTime: null,
        commandStartTime: NOW,
        globalParams: '[{"prop":"day","value":"friday"}]',
        executorId: null,
        executorName: 'admin',
        tenantCode: null,
        queue: null,
        isSubProcess: 'NO',
        historyCmd: 'START_PROCESS',
        duration: 61,
        processInstancePriority: 'LOW',
        workerGroup: null,
        environmentCode: null,
        timeout: 90,
        varPool: null,
        dryRun: 0,
        restartTime: NOW - 61_500,
        isBlocked: false,
        taskInstances: [
          {
            ...shared,
            id: `${run}.0.2`,
            name: 'load',
            taskType: 'SHELL',
            taskCode: 0,
            state: 'RUNNING_EXECUTION',
            firstSubmitTime: NOW - 60_000,
            submitTime: NOW - 40_000,
            startTime: NOW - 39_500,
            endTime: null,
            host: 'worker-1',
            logPath: `/api/v1/executors/${run}.0.2/logs`,
            retryTimes: 1,
            duration: 39,
            maxRetryTimes: 3,
            retryInterval: 30,
            taskInstancePriority: 'LOW',
            varPool: '{"rows":"7"}',
            delayTime: 0,
            taskParams: expect.stringContaining('"script":"echo load"'),
          },
          {
            ...shared,
            id: null,
            name: 'report',
            taskType: 'PYTHON',
            taskCode: 1,
            state: 'SUBMITTED_SUCCESS',
            firstSubmitTime: null,
            submitTime: null,
            startTime: null,
            endTime: null,
            host: null,
            logPath: null,
            retryTimes: 0,
            duration: null,
            maxRetryTimes: 0,
            retryInterval: 60,
            taskInstancePriority: 'HIGH',
            varPool: null,
            delayTime: 5,
            taskParams: expect.stringContaining('"script":"print(1)"'),
          },
        ],
      },
    });
  });

  test('the project is named by its number or its name; a run of another project is not there', async () => {
    const run = await submit();
    const { projectId } = (await api.store.getRun(run as never))!.spec;
    expect((await query(run, String(projectId))).status).toBe(200);
    await api.call('PUT', '/projects/other', { headers, body: {} });
    for (const [id, project] of [
      [run, 'other'],
      [run, 'nowhere'],
      [run, String(projectId + 1)],
    ] as const) {
      const { status, body } = await query(id, project);
      expect([status, body]).toEqual([
        404,
        {
          code: 404,
          msg: `project ${project} has no run ${id}`,
          data: null,
          reason: 'RUN_NOT_FOUND',
          status: 404,
          error: 'Not Found',
          message: `project ${project} has no run ${id}`,
          type: 'urn:pelorus:error:run_not_found',
          title: 'There is no such run.',
          detail: `project ${project} has no run ${id}`,
        },
      ]);
    }
    expect(await query(999_999)).toMatchObject({ status: 404, body: { code: 404, msg: 'there is no run 999999' } });
  });

  test('errors come in the envelope, with the status that fits', async () => {
    const path = '/projects/sales/executors/query-executing-workflow';
    const wrong = await api.call('GET', path, { headers, query: { id: 'x' } });
    expect(wrong).toMatchObject({ status: 400, body: { code: 400, data: null, status: 400, error: 'Bad Request' } });
    expect(wrong.body.errors).toHaveLength(1);
    expect(await api.call('GET', path, { headers })).toMatchObject({ status: 400, body: { code: 400 } });
    const run = await submit();
    expect(await api.call('GET', path, { query: { id: String(run) } })).toMatchObject({
      status: 401,
      body: { code: 401, msg: expect.any(String), data: null, reason: 'NOT_SIGNED_IN' },
    });
    await api.store.saveUser({ name: 'eve', by: 'admin', at: NOW });
    const secret = TOKEN_PREFIX + newSecret();
    const token = { user: 'eve', hash: secretHash(secret), name: 'test', mask: 15, projects: null, parent: null };
    await api.store.createToken({ ...token, expiresAt: null, at: NOW, limit: 9 });
    const asEve = { authorization: `Bearer ${secret}` };
    expect(await api.call('GET', path, { headers: asEve, query: { id: String(run) } })).toMatchObject({
      status: 403,
      body: { code: 403, data: null, reason: 'FORBIDDEN' },
    });
  });

  test('a master that hangs is not waited for, and is told so', async () => {
    const run = await submit();
    let aborted = false;
    ask = (_id, signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => (aborted = true));
      });
    expect(await query(run)).toMatchObject({ status: 200, body: { data: { id: run, state: 'SUBMITTED_SUCCESS' } } });
    expect(aborted).toBe(true);
    ask = () => null;
  });
});

test('the log of a node that was reused is read by the attempt that made its result', async () => {
  const first = await submit();
  await api.setRun(first, 'running');
  await api.setAttempt(first, 0, 1, 'succeeded', { endedAt: NOW });
  await api.setTask(first, 0, 'succeeded', { startedAt: NOW, endedAt: NOW, attempts: 1 });
  await api.setTask(first, 1, 'failed', { startedAt: NOW, endedAt: NOW, attempts: 1 });
  await api.setTask(first, 2, 'skipped', { cause: { kind: 'disabled' } });
  await api.setRun(first, 'failed', { endedAt: NOW });
  await api.writeLog(first, 0, 1, 'loaded\n');
  const { body } = await api.call<{ id: number }>('POST', `/runs/${first}/rerun`, { headers, body: {} });
  const [detail] = (await api.call<[ExecutorDetail]>('GET', `/executors/${body.id}`, { headers })).body;
  expect(detail.data.nodes.map((node) => [node.name, node.jobId, node.status])).toEqual([
    ['load', `${first}.0.1`, 4],
    ['report', null, 1],
    ['off', null, 0],
  ]);
  const log = await api.call<{ content: string[] }>('GET', `/executors/${detail.data.nodes[0]?.jobId}/logs`, {
    headers,
  });
  expect(log.body.content).toEqual(['loaded']);
});
