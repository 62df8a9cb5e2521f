import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  BUNDLE_CONTENT_TYPE,
  runIdOf,
  type LiveView,
  type LogPage,
  type Page,
  type PlanView,
  type ProjectView,
  type RunSubmitted,
  type RunView,
  type SystemView,
  type TaskView,
  type WorkflowSaved,
  type WorkflowSummary,
  type WorkflowVersionSummary,
  type WorkflowView,
} from '@pelorus/protocol';
import { anyNumber, anyText, DIAMOND, having, matching, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await openApi();
  await api.save('samples', 'diamond', DIAMOND);
});
const YAML = { 'content-type': 'application/yaml' };

describe('projects', () => {
  test('are created once, and stay as they are unless a description is given', async () => {
    const created = await api.call<ProjectView>('PUT', '/projects/etl', { body: { description: 'loads' } });
    expect(created).toMatchObject({
      status: 201,
      body: { name: 'etl', description: 'loads', owner: 'admin', createdAt: '2026-03-15T12:00:00.000Z' },
    });
    expect((await api.call('PUT', '/projects/etl')).status).toBe(200);
    expect((await api.call<ProjectView>('GET', '/projects/etl')).body.description).toBe('loads');
    expect(await api.call('PUT', '/projects/etl', { body: { description: 'other' } })).toMatchObject({
      status: 200,
      body: { description: 'other', owner: 'admin' },
    });
    expect((await api.call<Page<ProjectView>>('GET', '/projects')).body.items.map((item) => item.name)).toEqual([
      'etl',
      'samples',
    ]);
    expect((await api.call('GET', '/projects/etll')).body).toMatchObject({
      status: 404,
      message: 'there is no project etll; did you mean etl?',
    });
    expect((await api.call('PUT', `/projects/${encodeURIComponent('數據_1')}`)).status).toBe(201);
    expect((await api.call('PUT', '/projects/1x')).status).toBe(400);
  });
});

describe('workflows', () => {
  const source = 'name: hello\ntasks:\n  greet: { run: "echo hi" }\n';

  test('a save makes a version; the same content, however written, makes none', async () => {
    const save = (body: unknown, headers: Record<string, string> = {}) =>
      api.call<WorkflowSaved>('PUT', '/projects/samples/workflows/hello', { body, headers });
    const first = await save(source, YAML);
    expect(first).toMatchObject({
      status: 201,
      body: { name: 'hello', project: 'samples', version: 1, created: true, changed: true, warnings: [] },
    });
    expect(await save({ name: 'hello', tasks: { greet: { run: 'echo hi' } } })).toMatchObject({
      status: 200,
      body: { version: 1, created: false, changed: false, hash: first.body.hash },
    });
    expect(await save(source.replace('hi', 'ho'), YAML)).toMatchObject({
      status: 200,
      body: { version: 2, created: false, changed: true },
    });

    const now = (await api.call<WorkflowView>('GET', '/projects/samples/workflows/hello')).body;
    expect(now).toMatchObject({
      name: 'hello',
      version: 2,
      latestVersion: 2,
      format: 'yaml',
      source: source.replace('hi', 'ho'),
      taskCount: 1,
      files: [],
    });
    expect(now.definition.tasks[0]).toMatchObject({ name: 'greet', action: { type: 'shell', run: 'echo ho' } });
    const earlier = (await api.call<WorkflowView>('GET', '/projects/samples/workflows/hello/versions/1')).body;
    expect(earlier).toMatchObject({ version: 1, latestVersion: 2, source, hash: first.body.hash });
    const versions = (await api.call<Page<WorkflowVersionSummary>>('GET', '/projects/samples/workflows/hello/versions'))
      .body;
    expect(versions.items.map((item) => item.version)).toEqual([2, 1]);
    expect((await api.call('GET', '/projects/samples/workflows/hello/versions/3')).body).toMatchObject({
      status: 404,
      code: 'VERSION_NOT_FOUND',
    });
  });

  test('all that is wrong is answered at once with line and column, and nothing is stored', async () => {
    const broken = [
      'name: broken',
      'tasks:',
      '  a: { run: "echo", needs: [c] }',
      '  b: { run: "echo", needs: [a, nobody] }',
      '  c:',
      '    run: echo',
      '    needs: [b]',
      '    retri: 3',
      '  d: { run: "echo $[add_month(yyyyMMdd,-1)]" }',
    ].join('\n');
    const { status, body, headers } = await api.call('PUT', '/projects/samples/workflows/broken', {
      body: broken,
      headers: YAML,
    });
    expect(status).toBe(422);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(body).toMatchObject({ code: 'INVALID_DEFINITION', error: 'Unprocessable Entity' });
    expect(body.errors?.map(({ line, message }) => `${line} ${message}`)).toEqual([
      matching(/cycle/),
      matching(/^4 .*nobody/),
      matching(/^8 .*retri.*retry/),
      matching(/^9 .*\$\[/),
    ]);
    expect(await api.store.getWorkflow('samples', 'broken')).toBeNull();
    expect(
      await api.call('POST', '/projects/samples/workflows/broken/validate', { body: broken, headers: YAML }),
    ).toMatchObject({ status: 422, body: { errors: body.errors } });
  });

  test('validate says what a save would, and stores nothing', async () => {
    const { status, body } = await api.call('POST', '/projects/samples/workflows/fresh/validate', {
      body: source,
      headers: YAML,
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        valid: true,
        name: 'fresh',
        hash: matching(/^[0-9a-f]{64}$/),
        taskCount: 1,
        warnings: [having({ pointer: '/name' })],
      },
    });
    expect(await api.store.getWorkflow('samples', 'fresh')).toBeNull();
  });

  test('files come in a bundle; those that are named and not sent are named in the refusal', async () => {
    const withFiles =
      'name: files\ntasks:\n  a: { type: shell, file: a.sh }\n  b: { run: "cat b.txt", files: [b.txt] }\n';
    const bundle = (names: string[]) => ({
      source: withFiles,
      format: 'yaml',
      files: names.map((name) => ({ name, base64: Buffer.from(name).toString('base64') })),
    });
    const put = (body: unknown, type: string) =>
      api.call<WorkflowSaved & { errors?: unknown }>('PUT', '/projects/samples/workflows/files', {
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': type },
      });
    expect(await put(bundle(['a.sh']), BUNDLE_CONTENT_TYPE)).toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            pointer: '/tasks/b/files/0',
            line: 4,
            column: anyNumber,
            message: 'file b.txt is named here but was not sent, and the project has no such file',
          },
        ],
      },
    });
    expect(await put(withFiles, 'application/yaml')).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/tasks/a/file' }, { pointer: '/tasks/b/files/0' }] },
    });
    expect(await put(bundle(['a.sh', 'b.txt']), BUNDLE_CONTENT_TYPE)).toMatchObject({
      status: 201,
      body: { version: 1 },
    });
    // Editing the text alone keeps the files.
    expect(await put(withFiles.replace('cat', 'head'), 'application/yaml')).toMatchObject({
      status: 200,
      body: { version: 2, changed: true },
    });
    expect(
      (await api.call<WorkflowView>('GET', '/projects/samples/workflows/files')).body.files.map((file) => file.name),
    ).toEqual(['a.sh', 'b.txt']);
    for (const name of ['../x', '/x', 'a//b', 'a\\b', '']) {
      expect(await put({ ...bundle([]), files: [{ name, base64: '' }] }, BUNDLE_CONTENT_TYPE)).toMatchObject({
        status: 400,
      });
    }
    expect(await put({ ...bundle([]), files: [{ name: 'x', base64: '***' }] }, BUNDLE_CONTENT_TYPE)).toMatchObject({
      status: 400,
    });
  });

  test('the path says what a definition is called', async () => {
    const saved = await api.call<WorkflowSaved>('PUT', '/projects/samples/workflows/copy', {
      body: { ...DIAMOND, project: 'elsewhere' },
    });
    expect(saved.body).toMatchObject({ name: 'copy', project: 'samples' });
    expect(saved.body.warnings.map((warning) => warning.pointer)).toEqual(['/name', '/project']);
  });

  test('are listed in pages, by project', async () => {
    await api.call('PUT', '/projects/many', { body: {} });
    for (const name of ['w1', 'w2', 'w3']) await api.save('many', name, { ...DIAMOND, name });
    const first = (
      await api.call<Page<WorkflowSummary>>('GET', '/workflows', { query: { project: 'many', limit: '2' } })
    ).body;
    expect(first.items.map((item) => item.name)).toEqual(['w1', 'w2']);
    const second = (
      await api.call<Page<WorkflowSummary>>('GET', '/workflows', {
        query: { project: 'many', limit: '2', cursor: first.nextCursor ?? '' },
      })
    ).body;
    expect(second).toMatchObject({ items: [{ name: 'w3' }], nextCursor: null });
    expect((await api.call('GET', '/workflows', { query: { cursor: 'xyz' } })).status).toBe(400);
    expect((await api.call('GET', '/workflows', { query: { project: 'none' } })).status).toBe(404);
  });

  test('one with a run in progress cannot be deleted; afterwards its runs stay readable', async () => {
    await api.save('samples', 'gone', { ...DIAMOND, name: 'gone' });
    const id = await api.run('samples', 'gone');
    expect((await api.call('DELETE', '/projects/samples/workflows/gone')).status).toBe(409);
    await api.setRun(id, 'stopped', { endedAt: NOW });
    expect(await api.call('DELETE', '/projects/samples/workflows/gone')).toMatchObject({ status: 204, text: '' });
    expect((await api.call('GET', '/projects/samples/workflows/gone')).status).toBe(404);
    expect((await api.call<Page<TaskView>>('GET', `/runs/${id}/tasks`)).body.items).toHaveLength(4);
  });
});

describe('POST /runs', () => {
  test('starts a run', async () => {
    const { status, body, headers } = await api.call<RunSubmitted>('POST', '/runs', {
      body: {
        project: 'samples',
        workflow: 'diamond',
        params: { n: 1 },
        logicalDate: '2024-02-29T00:00:00+08:00',
        zone: 'Asia/Shanghai',
        from: { task: 'b', dep: 'post' },
        timeoutMs: 1500,
      },
    });
    expect({ status, body }).toEqual({
      status: 201,
      body: { id: anyNumber, version: 1, state: 'queued', cause: null, waitReason: null, warnings: [] },
    });
    expect(headers['location']).toBe(`/api/v1/runs/${body.id}`);
    expect((await api.store.getRun(runIdOf(body.id)))?.spec).toMatchObject({
      params: { n: 1 },
      logicalDateAt: Date.parse('2024-02-28T16:00:00Z'),
      zone: 'Asia/Shanghai',
      plan: { run: [1, 3] },
      timeoutMs: 1500,
      timeoutAction: 'fail',
    });
  });

  test('with ?dryRun=true answers the plan and starts nothing', async () => {
    const before = (await api.store.listRuns({}, 0, 1)).total;
    const { status, body } = await api.call<{ plan: PlanView }>('POST', '/runs', {
      query: { dryRun: 'true' },
      body: { project: 'samples', workflow: 'diamond', select: ['a', 'd'] },
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        plan: {
          counts: { run: 2, reuse: 0, skip: 2 },
          warnings: [],
          tasks: [
            { name: 'a', plan: 'run', reason: null, attempt: null },
            { name: 'b', plan: 'skip', reason: 'not_selected', attempt: null },
            { name: 'c', plan: 'skip', reason: 'not_selected', attempt: null },
            { name: 'd', plan: 'run', reason: null, attempt: null },
          ],
        },
      },
    });
    expect((await api.store.listRuns({}, 0, 1)).total).toBe(before);
  });

  test.each([
    [{ project: 'samples' }, 400, 'workflow is required'],
    [{ project: 'samples', workflow: 'diamond', selct: [] }, 400, 'selct is not known here; did you mean select?'],
    [
      { project: 'samples', workflow: 'diamond', from: { task: 'a', depp: 'pre' } },
      400,
      'from.depp is not known here; did you mean dep?',
    ],
    [
      { project: 'samples', workflow: 'diamond', version: 9 },
      404,
      'workflow diamond has no version 9; the latest is 1',
    ],
    [
      { project: 'samples', workflow: 'diamond', logicalDate: 'today' },
      400,
      'logicalDate must be an instant as of RFC 3339, e.g. 2024-03-15T13:45:00Z',
    ],
    [{ project: 'samples', workflow: 'diamond', zone: 'Mars/Base' }, 400, 'zone must be the IANA name of a time zone'],
    [{ project: 'samples', workflow: 'diamond', from: { task: 'x' } }, 400, 'the workflow has no task x'],
  ])('refuses %j', async (body, status, message) => {
    const answered = await api.call('POST', '/runs', { body });
    expect({ status: answered.status, message: answered.body.message }).toEqual({ status, message });
  });
});

describe('runs', () => {
  test('a run shows its state, progress and counts; progress never falls', async () => {
    const id = await api.run('samples', 'diamond', { params: { n: 1 } });
    const seen: number[] = [];
    const look = async () => {
      const { body } = await api.call<RunView>('GET', `/runs/${id}`);
      seen.push(body.progress);
      return body;
    };
    expect(await look()).toMatchObject({
      id,
      state: 'queued',
      status: 0,
      progress: 0,
      counts: { pending: 4 },
      taskCount: 4,
      params: { n: 1 },
      startedAt: null,
      durationMs: null,
      logicalDate: '2026-03-15T12:00:00.000Z',
    });
    await api.setRun(id, 'running');
    await api.setTask(id, 0, 'running');
    expect(await look()).toMatchObject({
      state: 'running',
      status: 3,
      counts: { pending: 3, running: 1 },
      durationMs: 90_500,
      startedAt: '2026-03-15T11:58:29.500Z',
      owner: 'test-master',
    });
    await api.setTask(id, 0, 'succeeded');
    expect((await look()).counts).toEqual({ pending: 3, succeeded: 1 });
    await api.setTask(id, 1, 'skipped', { cause: { kind: 'branch', task: 'a' } });
    await look();
    await api.setTask(id, 2, 'failed', { cause: { kind: 'exit', code: 3 } });
    await look();
    await api.setTask(id, 3, 'upstream_failed', { cause: { kind: 'upstream', task: 'c' } });
    await api.setRun(id, 'failed', {
      endedAt: NOW,
      cause: { kind: 'exit', code: 3 },
      firstFailure: { task: 'c', cause: { kind: 'exit', code: 3 } },
    });
    expect(await look()).toMatchObject({
      state: 'failed',
      status: 6,
      firstFailure: { task: 'c' },
      counts: { succeeded: 1, skipped: 1, failed: 1, upstream_failed: 1 },
    });
    expect(seen).toEqual([0, 0, 1 / 4, 1 / 3, 2 / 3, 1]);
  });

  test('every task is there, also those that have not begun, with all attempts', async () => {
    const id = await api.run('samples', 'diamond');
    await api.setRun(id, 'running');
    await api.setAttempt(id, 0, 1, 'failed', { cause: { kind: 'exit', code: 1 }, endedAt: NOW - 70_000 });
    await api.setAttempt(id, 0, 2, 'running');
    const result = { startedAt: NOW - 78_000, endedAt: NOW - 60_000, reportedAt: NOW };
    const late = { ...result, state: 'succeeded', cause: { kind: 'exit', code: 0 } } as const;
    await api.commit({ kind: 'late-result', run: runIdOf(id), task: 0, n: 1, result: late });
    await api.setTask(id, 0, 'running', { attempts: 2, retries: 1, startedAt: NOW - 79_000 });
    const { body } = await api.call<Page<TaskView>>('GET', `/runs/${id}/tasks`);
    expect(body.nextCursor).toBeNull();
    expect(body.items[0]).toEqual({
      name: 'a',
      index: 0,
      type: 'shell',
      needs: [],
      plan: 'run',
      state: 'running',
      status: 3,
      cause: null,
      waitReason: null,
      outputs: null,
      retries: 1,
      startedAt: '2026-03-15T11:58:41.000Z',
      endedAt: null,
      attempts: [
        {
          id: `${id}.0.1`,
          n: 1,
          state: 'failed',
          cause: { kind: 'exit', code: 1 },
          worker: 'worker-1',
          dispatchedAt: '2026-03-15T11:58:40.000Z',
          startedAt: '2026-03-15T11:58:41.000Z',
          endedAt: '2026-03-15T11:58:50.000Z',
          late: {
            state: 'succeeded',
            cause: { kind: 'exit', code: 0 },
            startedAt: '2026-03-15T11:58:42.000Z',
            endedAt: '2026-03-15T11:59:00.000Z',
            reportedAt: '2026-03-15T12:00:00.000Z',
          },
          childRun: null,
        },
        having({ id: `${id}.0.2`, n: 2, state: 'running', endedAt: null, late: null }),
      ],
      childRun: null,
    });
    expect(body.items.slice(1).map((task) => [task.name, task.state, task.status, task.waitReason])).toEqual([
      ['b', 'pending', 1, 'waiting for a'],
      ['c', 'pending', 1, 'waiting for a'],
      ['d', 'pending', 1, 'waiting for b, c'],
    ]);
    const page = (await api.call<Page<TaskView>>('GET', `/runs/${id}/tasks`, { query: { limit: '3' } })).body;
    expect(page.items.map((task) => task.name)).toEqual(['a', 'b', 'c']);
    expect(
      (
        await api.call<Page<TaskView>>('GET', `/runs/${id}/tasks`, {
          query: { limit: '3', cursor: page.nextCursor ?? '' },
        })
      ).body,
    ).toMatchObject({ items: [{ name: 'd' }], nextCursor: null });
  });

  test('lists page without overlap, filter, and show the last 7 days unless asked', async () => {
    const other = await openApi();
    await other.save('p', 'w', { ...DIAMOND, name: 'w' });
    await other.save('p', 'wide', { ...DIAMOND, name: 'wide' });
    const ids: number[] = [];
    for (const workflow of ['w', 'wide', 'w', 'w', 'wide']) ids.push(await other.run('p', workflow));
    const [first = 0, second = 0] = ids;
    await other.setRun(first, 'succeeded', { startedAt: NOW - 5_000, endedAt: NOW });
    await other.setRun(second, 'running', { startedAt: NOW - 6_000 });
    const list = (query: Record<string, string>) => other.call<Page<RunView>>('GET', '/runs', { query });
    const seen: number[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null && pages < 9; pages += 1) {
      const { body }: { body: Page<RunView> } = await list({ limit: '2', ...(cursor === '' ? {} : { cursor }) });
      seen.push(...body.items.map((item) => item.id));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual([...ids.slice(2).reverse(), first, second]);
    const found = async (query: Record<string, string>) => (await list(query)).body.items.map((item) => item.id);
    expect(await found({ state: 'succeeded' })).toEqual([first]);
    expect(await found({ state: 'succeeded,running' })).toEqual([first, second]);
    const repeated = await other.app.inject({ url: '/api/v1/runs?state=succeeded&state=running' });
    expect(repeated.json<Page<RunView>>().items.map((item) => item.id)).toEqual([first, second]);
    expect(await found({ workflow: 'wide' })).toEqual([ids[4], second]);
    expect(await found({ workflow: 'w*', limit: '1' })).toEqual([ids[4]]);
    expect(await found({ submittedBefore: '2026-03-01T00:00:00Z' })).toEqual([]);
    expect(await found({ workflow: '*i?e' })).toEqual([ids[4], second]);
    expect((await list({ state: 'done' })).status).toBe(400);
    expect((await list({ limit: '1001' })).status).toBe(400);
  });

  test('an old run is in the list only when its time is asked for, a live one always', async () => {
    let now = NOW;
    const other = await openApi({ clock: () => now });
    await other.save('p', 'w', { ...DIAMOND, name: 'w' });
    const id = await other.run('p', 'w');
    now += 8 * 86_400_000;
    const found = async (query: Record<string, string>) =>
      (await other.call<Page<RunView>>('GET', '/runs', { query })).body.items.map((item) => item.id);
    expect(await found({})).toEqual([]);
    expect(await found({ submittedAfter: '2026-03-01T00:00:00Z' })).toEqual([id]);
    expect(await found({ state: 'queued' })).toEqual([id]);
  });

  test('the plan of a run', async () => {
    const id = await api.run('samples', 'diamond', { select: ['b'] });
    const { body } = await api.call<PlanView>('GET', `/runs/${id}/plan`);
    expect(body.counts).toEqual({ run: 1, reuse: 0, skip: 3 });
    expect(body.tasks.map((task) => task.plan)).toEqual(['skip', 'run', 'skip', 'skip']);
  });

  test('unknown and impossible ids', async () => {
    for (const path of ['', '/tasks', '/plan', '/live']) {
      expect((await api.call('GET', `/runs/999999${path}`)).body).toMatchObject({ status: 404, code: 'RUN_NOT_FOUND' });
      expect((await api.call('GET', `/runs/-1${path}`)).status).toBe(400);
    }
    expect((await api.call('POST', '/runs/999999/stop')).status).toBe(404);
  });
});

describe('GET /runs/:run/live', () => {
  test('comes from memory when the owner answers, with both versions', async () => {
    const other = await openApi({
      hints: {
        commandWritten: () => undefined,
        liveRun: async (id) => {
          const row = await other.store.getRun(id);
          if (row === null) return null;
          const record = {
            run: id,
            task: 0,
            version: 41,
            state: 'running' as const,
            cause: null,
            waitReason: null,
            attempts: 1,
            retries: 0,
            wakeAt: null,
            readyAt: null,
            startedAt: NOW,
            endedAt: null,
            outputs: null,
          };
          return {
            master: 'm1' as never,
            version: 41,
            spec: row.spec,
            status: { ...row.status, version: 41, state: 'running' },
            tasks: DIAMOND_NAMES.map((name, index) => ({
              name,
              type: 'shell',
              state: index === 0 ? 'running' : 'pending',
              record: index === 0 ? record : null,
              attempt: null,
            })),
          };
        },
      },
    });
    await other.save('p', 'diamond', DIAMOND);
    const id = await other.run('p', 'diamond');
    const { body } = await other.call<LiveView>('GET', `/runs/${id}/live`);
    expect(body).toMatchObject({
      source: 'memory',
      master: { id: 'm1' },
      memoryVersion: 41,
      storeVersion: 0,
      run: { state: 'running', counts: { running: 1, pending: 3 } },
    });
    expect(body.tasks.map((task) => task.state)).toEqual(['running', 'pending', 'pending', 'pending']);
    await other.setRun(id, 'succeeded', { endedAt: NOW });
    expect((await other.call<LiveView>('GET', `/runs/${id}/live`)).body).toMatchObject({
      source: 'store',
      master: null,
      memoryVersion: null,
      run: { state: 'succeeded' },
    });
  });
  const DIAMOND_NAMES = ['a', 'b', 'c', 'd'];

  test.each([
    ['nobody owns the run', () => null],
    ['the owner fails', () => Promise.reject(new Error('no route to host'))],
    [
      'the owner fails at once',
      () => {
        throw new Error('closed');
      },
    ],
    ['the owner does not answer', () => new Promise<null>(() => undefined)],
  ])('comes from the store when %s', async (_name, liveRun) => {
    const other = await openApi({ hints: { commandWritten: () => undefined, liveRun } });
    await other.save('p', 'diamond', DIAMOND);
    const id = await other.run('p', 'diamond');
    expect((await other.call<LiveView>('GET', `/runs/${id}/live`)).body).toMatchObject({
      source: 'store',
      master: null,
      storeVersion: 0,
      run: { id },
    });
  });
});

describe('commands', () => {
  test('are written for the master, and refused with the state when they cannot apply', async () => {
    const id = await api.run('samples', 'diamond');
    const post = (path: string) =>
      api.call<{ command: number; run: number; state?: string; message?: string }>('POST', `/runs/${id}/${path}`);
    expect(await post('pause')).toMatchObject({
      status: 409,
      body: { state: 'queued', message: `run ${id} is queued: it cannot pause now` },
    });
    await api.setRun(id, 'running');
    expect(await post('resume')).toMatchObject({ status: 409, body: { state: 'running' } });
    expect(await post('pause')).toMatchObject({
      status: 202,
      body: { run: id, command: anyNumber, outcome: 'pending', state: 'running' },
    });
    await api.setRun(id, 'paused');
    expect((await post('resume')).status).toBe(202);
    expect((await post('stop')).status).toBe(202);
    await api.setRun(id, 'stopping');
    expect(await post('stop')).toMatchObject({ status: 409, body: { state: 'stopping' } });
    await api.setRun(id, 'stopped', { endedAt: NOW });
    expect(await post('stop')).toMatchObject({ status: 409, body: { state: 'stopped' } });
    expect(await post('tasks/a/kill')).toMatchObject({ status: 409, body: { state: 'stopped' } });
  });

  test('on a task', async () => {
    const id = await api.run('samples', 'diamond');
    await api.setRun(id, 'running');
    await api.setTask(id, 0, 'running');
    const post = (path: string) =>
      api.call<{ command: number; state?: string; message?: string }>('POST', `/runs/${id}/tasks/${path}`);
    expect((await post('a/kill')).status).toBe(202);
    expect(await post('a/force-success')).toMatchObject({ status: 409, body: { state: 'running' } });
    expect(await post('b/force-success')).toMatchObject({ status: 409, body: { state: 'pending' } });
    await api.setTask(id, 2, 'failed');
    expect((await post('c/force-success')).status).toBe(202);
    await api.setTask(id, 3, 'skipped');
    expect(await post('d/force-success')).toMatchObject({ status: 409, body: { state: 'skipped' } });
    expect(await post('b/kill')).toMatchObject({ status: 409, body: { state: 'pending' } });
    expect(await post('zz/kill')).toMatchObject({ status: 404, body: { code: 'TASK_NOT_FOUND' } });
    expect((await api.call('POST', `/runs/${id}/stop`, { body: { why: 'because' } })).body).toMatchObject({
      status: 400,
      message: 'why is not known here: this request takes no body',
    });
  });
});

test('logs of attempts', async () => {
  const id = await api.run('samples', 'diamond');
  await api.setAttempt(id, 2, 1, 'running');
  await api.writeLog(id, 2, 1, 'a\nb\n');
  expect((await api.call<LogPage>('GET', `/attempts/${id}.2.1/logs`)).body).toMatchObject({
    total: 2,
    length: 2,
    content: ['a', 'b'],
  });
  expect((await api.call('GET', `/attempts/${id}.2.2/logs`)).status).toBe(404);
});

test('system, index, schema, probes, workers', async () => {
  expect((await api.call<SystemView>('GET', '/system')).body).toEqual({
    product: 'pelorus',
    version: '0.1.0-test',
    store: 'sqlite',
    now: '2026-03-15T12:00:00.000Z',
    startedAt: '2026-03-15T12:00:00.000Z',
    uptimeMs: 0,
    node: process.version,
    platform: anyText,
    masters: { active: 1 },
    workers: { online: 0, draining: 0, slots: 0 },
  });
  const index = (await api.call<{ routes: { method: string; path: string }[] }>('GET', '/api/v1')).body;
  expect(index.routes).toContainEqual({ method: 'POST', path: '/api/v1/executors', summary: anyText });
  expect((await api.call<Record<string, unknown>>('GET', '/schemas/workflow')).body).toMatchObject({ type: 'object' });
  const published = new URL('../../../../docs/schemas/worker-protocol.json', import.meta.url);
  const workerProtocol = await api.call<Record<string, unknown>>('GET', '/schemas/worker-protocol');
  expect(workerProtocol.body).toEqual(JSON.parse(readFileSync(published, 'utf8')));
  expect((await api.call('GET', '/livez')).body).toEqual({ status: 'live' });
  expect((await api.call('GET', '/readyz')).body).toEqual({ status: 'ready' });
  expect((await api.call('GET', '/workers')).body).toEqual({ items: [], nextCursor: null });
});
