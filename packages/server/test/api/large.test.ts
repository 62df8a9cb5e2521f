/** Large things may take a while; they may not keep other requests waiting. */
import { beforeAll, expect, test } from 'vitest';
import type { Change } from '@pelorus/engine';
import {
  runIdOf,
  type ExecutorDetail,
  type Page,
  type RunSubmitted,
  type RunView,
  type TaskView,
  type WorkflowSaved,
  type WorkflowView,
} from '@pelorus/protocol';
import { NOW, openApi, type ApiUnderTest } from './api-under-test.ts';
import { computing, limitHere, type Computed } from './computing.ts';

const TASKS = 10_000;
/** What any request may have to wait for another one's computing. */
const LIMIT_MS = 150;
let api: ApiUnderTest;
let runId: number;

const yaml = `name: wide\ntasks:\n${Array.from({ length: TASKS }, (_, index) => `  t${index}: { type: script, run: "return { n: ${index} }"${index < 200 ? '' : `, needs: [t${index - 100}, t${index % 100}]`} }\n`).join('')}`;

beforeAll(async () => {
  api = await openApi();
  await api.call('PUT', '/projects/big');
});

function report(what: string, { longestMs, totalMs }: Computed<unknown>): void {
  console.log(`${what}: ${totalMs.toFixed(0)} ms of computing, longest standstill ${longestMs.toFixed(0)} ms`);
  expect(longestMs).toBeLessThan(limitHere(LIMIT_MS));
}

test('saving a workflow of 10,000 tasks', async () => {
  const saved = await computing(() =>
    api.call<WorkflowSaved>('PUT', '/projects/big/workflows/wide', {
      body: yaml,
      headers: { 'content-type': 'application/yaml' },
    }),
  );
  expect(saved.value.body, saved.value.text.slice(0, 500)).toMatchObject({ name: 'wide', version: 1 });
  report('save as YAML', saved);
  const asJson = JSON.stringify({
    name: 'wide2',
    tasks: Object.fromEntries(
      Array.from({ length: TASKS }, (_, index) => [
        `t${index}`,
        { type: 'virtual', needs: index === 0 ? [] : [`t${index - 1}`] },
      ]),
    ),
  });
  const second = await computing(() =>
    api.call('PUT', '/projects/big/workflows/wide2', { body: asJson, headers: { 'content-type': 'application/json' } }),
  );
  expect(second.value.body).toMatchObject({ name: 'wide2', version: 1 });
  report('save as JSON', second);
});

test('a definition with 10,000 mistakes', async () => {
  const broken = await computing(() =>
    api.call('PUT', '/projects/big/workflows/broken', {
      body: yaml.replaceAll('run:', 'rum:'),
      headers: { 'content-type': 'application/yaml' },
    }),
  );
  expect(broken.value.status).toBe(422);
  expect(broken.value.body.errors?.length).toBeLessThanOrEqual(200);
  report('refuse', broken);
  const files = await computing(() =>
    api.call('PUT', '/projects/big/workflows/broken', {
      body: yaml.replaceAll(/run: "[^"]*"/g, 'file: gone.ts'),
      headers: { 'content-type': 'application/yaml' },
    }),
  );
  expect(files.value.status).toBe(422);
  report('refuse for missing files', files);
});

test('running it, and looking at it', async () => {
  const started = await computing(() => api.run('big', 'wide'));
  runId = started.value;
  report('start', started);
  const changes = Array.from({ length: TASKS }, (_, task) => [
    {
      kind: 'attempt' as const,
      record: {
        run: runIdOf(runId),
        task,
        n: 1,
        version: 10 + task,
        state: 'succeeded' as const,
        cause: null,
        worker: 'w' as never,
        dispatchedAt: NOW,
        startedAt: NOW,
        endedAt: NOW,
        kill: null,
      },
    },
    {
      kind: 'task-run' as const,
      record: {
        run: runIdOf(runId),
        task,
        version: 10 + task,
        state: 'succeeded' as const,
        cause: null,
        waitReason: null,
        attempts: 1,
        retries: 0,
        wakeAt: null,
        readyAt: null,
        startedAt: NOW,
        endedAt: NOW,
        outputs: { n: String(task) },
      },
    },
  ]).flat();
  await api.store.commit({ master: 'test-master' as never, token: 'token' }, changes);
  await api.setRun(runId, 'succeeded', { endedAt: NOW });

  const tasks = await computing(() => api.app.inject({ url: `/api/v1/runs/${runId}/tasks` }));
  report('tasks', tasks);
  const { items } = JSON.parse(tasks.value.body) as Page<TaskView>;
  expect(items).toHaveLength(TASKS);
  expect(items[TASKS - 1]).toMatchObject({
    name: 't9999',
    state: 'succeeded',
    outputs: { n: '9999' },
    attempts: [{ id: `${runId}.9999.1` }],
  });

  const execution = await computing(() => api.app.inject({ url: `/api/v1/executors/${runId}` }));
  report('execution', execution);
  expect((JSON.parse(execution.value.body) as [ExecutorDetail])[0].data.nodes).toHaveLength(TASKS);

  const workflow = await computing(() => api.app.inject({ url: '/api/v1/projects/big/workflows/wide' }));
  report('workflow', workflow);
  expect((JSON.parse(workflow.value.body) as WorkflowView).definition.tasks).toHaveLength(TASKS);

  for (const path of ['plan', 'live'])
    report(path, await computing(() => api.app.inject({ url: `/api/v1/runs/${runId}/${path}` })));
});

test('running it again, and watching that', async () => {
  await api.save('big', 'chains', {
    name: 'chains',
    tasks: Object.fromEntries(
      Array.from({ length: TASKS }, (_, index) => [
        `t${index}`,
        { type: 'virtual', needs: index < 100 ? [] : [`t${index - 100}`] },
      ]),
    ),
  });
  const first = await api.run('big', 'chains');
  await api.setRun(first, 'running');
  const done = (run: number, task: number, version: number): Change => ({
    kind: 'task-run',
    record: {
      ...{
        run: runIdOf(run),
        task,
        version,
        state: 'succeeded',
        cause: null,
        waitReason: null,
        attempts: 1,
        retries: 0,
      },
      ...{ wakeAt: null, readyAt: null, startedAt: NOW, endedAt: NOW, outputs: { n: String(task) } },
    },
  });
  const half = Array.from({ length: TASKS / 2 }, (_, task) => done(first, task, 10 + task));
  await api.store.commit({ master: 'test-master' as never, token: 'token' }, half);
  await api.setRun(first, 'failed', { version: 20_000, endedAt: NOW });

  const rerun = await computing(() => api.call<RunSubmitted>('POST', `/runs/${first}/rerun`));
  report('re-run', rerun);
  const { id } = rerun.value.body;
  await api.setRun(id, 'running', { version: 20_001 });
  const looks = await computing(async () => {
    const seen: number[] = [];
    for (let task = TASKS / 2; task < TASKS / 2 + 20; task += 1) {
      await api.commit(done(id, task, 20_001 + task));
      seen.push((await api.call<RunView>('GET', `/runs/${id}`)).body.progress);
    }
    return seen;
  });
  report('20 looks at its progress', looks);
  expect(looks.value).toEqual(Array.from({ length: 20 }, (_, index) => (index + 1) / (TASKS / 2)));
  report('list with it', await computing(() => api.app.inject({ url: '/api/v1/runs?state=running' })));
});

test('listing 1,000 runs', async () => {
  await api.save('big', 'small', { name: 'small', tasks: { a: { run: 'true' } } });
  await Promise.all(Array.from({ length: 1_000 }, () => api.run('big', 'small')));
  const list = await computing(() => api.app.inject({ url: '/api/v1/runs?limit=1000' }));
  report('1,000 runs', list);
  const page = JSON.parse(list.value.body) as Page<RunView>;
  expect(page.items).toHaveLength(1_000);
  expect(page.items.find((item) => item.workflow === 'small')).toMatchObject({ progress: 0, counts: { pending: 1 } });
  report('1,000 executions', await computing(() => api.app.inject({ url: '/api/v1/executors?size=1000' })));
});
