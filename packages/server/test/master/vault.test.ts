/** Secrets, connections and files on their way to a task: what the master hands over, when, and what it says when it cannot. */
import { createHash } from 'node:crypto';
import type { TaskDefinition } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createVault, type Place } from '../../src/vault/index.ts';
import { definition, taskDefinition } from '../store/records.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { WAIT } from '../wait.ts';

const vault = createVault([{ id: 'k1', bytes: Buffer.alloc(32, 1) }]);
const foreign = createVault([{ id: 'k2', bytes: Buffer.alloc(32, 2) }]);
const AT = 1_790_000_000_000;

let cluster: Cluster;
let projectId: number;
const fates = new Map<string, 'succeed' | 'fail' | 'go on'>();
beforeEach(async () => {
  fates.clear();
  cluster = await startCluster(({ task }) => fates.get(task) ?? 'succeed', { vault });
  projectId = (await cluster.store.findProject('sales'))!.id;
});
afterEach(async () => {
  await cluster.close();
  expect(cluster.errors).toEqual([]);
});

const put = (name: string, value: string, with_ = vault) =>
  cluster.store.saveSecret({
    projectId,
    name,
    sealed: with_.seal(value, { kind: 'secret', projectId, name }),
    user: 'ann',
    at: AT,
    limit: 100,
  });
const connect = (name: string, url: string, shown = url) => {
  const place: Place = { kind: 'connection', projectId, name };
  const sealed = shown === url ? null : vault.seal(url, place);
  return cluster.store.saveConnection({
    projectId,
    name,
    kind: 'postgres',
    url: shown,
    sealed,
    user: 'ann',
    at: AT,
    limit: 100,
  });
};
const shell = (name: string, run: string, more: Partial<TaskDefinition> = {}) =>
  taskDefinition(name, { action: { type: 'shell', run, file: null, shell: 'bash', substitution: 'env' }, ...more });
const sql = (name: string, connection: string, run = 'select 1') =>
  taskDefinition(name, {
    action: { type: 'sql', connection, run, file: null, preStatements: [], postStatements: [], maxRows: 10, raw: {} },
  });
const specOf = (task: string) => cluster.worker.begun.findLast((spec) => spec.task === task)!;
const causeOf = async (run: Parameters<Cluster['detail']>[0]) => (await cluster.detail(run)).tasks[0]!.cause;

describe('secrets', () => {
  test('a task gets those that its own texts name, and texts keep the placeholder', async () => {
    await Promise.all([put('one', 'value 1'), put('two', 'value 2'), put('three', 'value 3'), put('four', 'value 4')]);
    await cluster.save(
      'w',
      [
        shell('script', 'echo ${secret.one}', {
          env: { TOKEN: 'Bearer ${secret.two}' },
          params: { p: '${secret.three}' },
        }),
        shell('none', 'echo $TOKEN'),
        taskDefinition('call', {
          action: {
            type: 'http',
            method: 'POST',
            url: 'http://h/${secret.one}',
            headers: { a: '${secret.two}' },
            body: { deep: ['${secret.four}'] },
            expect: { status: [200], body: null },
            extract: {},
          },
        }),
      ],
      {},
    );
    await cluster.endOf(await cluster.submit('w'));
    expect(specOf('script')).toMatchObject({
      secrets: { one: 'value 1', two: 'value 2', three: 'value 3' },
      action: { run: 'echo ${secret.one}' },
      env: { TOKEN: 'Bearer ${secret.two}' },
      params: { p: '${secret.three}' },
    });
    expect(specOf('none').secrets).toBeUndefined();
    expect(specOf('call').secrets).toEqual({ one: 'value 1', two: 'value 2', four: 'value 4' });
  });

  test('one that a parameter of the workflow names reaches every task that sees the parameter', async () => {
    await put('pw', 'value');
    await cluster.save('w', [shell('a', 'true')], {
      params: { dsn: { type: 'string', default: 'u:${secret.pw}@h', required: false } },
    });
    await cluster.endOf(await cluster.submit('w'));
    expect(specOf('a')).toMatchObject({ params: { dsn: 'u:${secret.pw}@h' }, secrets: { pw: 'value' } });
  });

  test('what is missing fails the attempt, and all of it is named', async () => {
    await put('there', 'value');
    await cluster.save('w', [shell('a', '${secret.there} ${secret.gone}', { env: { X: '${secret.lost}' } })]);
    const run = await cluster.submit('w');
    expect(await cluster.endOf(run)).toBe('failed');
    const cause = await causeOf(run);
    expect(cause).toMatchObject({ kind: 'invalid' });
    expect(JSON.stringify(cause)).toMatch(/no secret named gone/);
    expect(JSON.stringify(cause)).toMatch(/no secret named lost/);
    expect(JSON.stringify(cause)).not.toMatch(/there/);
    expect(cluster.worker.begun).toEqual([]);
  });

  test('one under a key that is not there fails its task and no other', async () => {
    await put('foreign', 'value', foreign);
    await put('own', 'value');
    await cluster.save('bad', [shell('bad', '${secret.foreign}')]);
    await cluster.save('good', [shell('good', '${secret.own}')]);
    const [bad, good] = [await cluster.submit('bad'), await cluster.submit('good')];
    expect([await cluster.endOf(bad), await cluster.endOf(good)]).toEqual(['failed', 'succeeded']);
    expect(JSON.stringify(await causeOf(bad))).toContain('secret foreign was sealed under key k2');
  });

  test('a value that changes between attempts is the next attempt’s', async () => {
    fates.set('a', 'go on');
    await put('pw', 'first');
    await cluster.save('w', [
      shell('a', '${secret.pw}', { retry: { max: 5, intervalMs: 1500, backoff: 'fixed', maxIntervalMs: 1500 } }),
    ]);
    const run = await cluster.submit('w');
    await cluster.begun('a');
    expect(specOf('a').secrets).toEqual({ pw: 'first' });
    await put('pw', 'second');
    // The master reads values again now and then: the attempt that comes first then may still have the old one.
    do {
      cluster.worker.finish('a', 'failed');
      await cluster.begun('a');
    } while (specOf('a').secrets?.['pw'] === 'first');
    expect(specOf('a').secrets).toEqual({ pw: 'second' });
    cluster.worker.finish('a');
    expect(await cluster.endOf(run)).toBe('succeeded');
  });

  test('a run that is submitted after a change sees it, however many ran before', async () => {
    await cluster.save('w', [shell('a', '${secret.pw}')]);
    for (let round = 0; round < 20; round++) {
      await put('pw', `value ${round}`);
      await cluster.endOf(await cluster.submit('w'));
      expect(specOf('a').secrets).toEqual({ pw: `value ${round}` });
    }
  });

  test('nothing of it is stored: not with the run, not after a crash of the master', async () => {
    fates.set('a', 'go on');
    await put('pw', 'canary-value');
    await cluster.save('w', [shell('a', 'echo ${secret.pw}')]);
    const run = await cluster.submit('w');
    await cluster.begun('a');
    await cluster.crash();
    cluster.worker.finish('a');
    expect(await cluster.endOf(run)).toBe('succeeded');
    expect(JSON.stringify(await cluster.detail(run))).not.toContain('canary-value');
  });

  test('a script’s own template is not taken for a missing secret', async () => {
    await put('known', 'value');
    const run = 'export default () => { const secret = { x: 1 }; return `${secret.x} ${secret.known}` }';
    await cluster.save('w', [taskDefinition('js', { action: { type: 'script', run, file: null } })]);
    expect(await cluster.endOf(await cluster.submit('w'))).toBe('succeeded');
    expect(specOf('js').secrets).toEqual({ known: 'value' });
  });
});

describe('connections', () => {
  test('are opened for the dispatch, with the secrets that they name, percent-encoded', async () => {
    await put('pw', 'a/b@c');
    await connect('sealed', 'postgres://u:hunter2@h/db', 'postgres://u:***@h/db');
    await connect('named', 'postgres://u:${secret.pw}@h/db');
    await cluster.save('w', [sql('x', 'sealed'), sql('y', 'named')]);
    expect(await cluster.endOf(await cluster.submit('w'))).toBe('succeeded');
    expect(specOf('x').connection).toEqual({ kind: 'postgres', url: 'postgres://u:hunter2@h/db' });
    expect(specOf('y').connection).toEqual({ kind: 'postgres', url: 'postgres://u:a%2Fb%40c@h/db' });
  });

  test.each([
    ['gone', 'no connection named gone'],
    ['lost', 'connection lost: the project has no secret named nowhere'],
  ])('%s fails the attempt with a reason', async (name, reason) => {
    await connect('lost', 'postgres://u:${secret.nowhere}@h/db');
    await cluster.save('w', [sql('x', name)]);
    const run = await cluster.submit('w');
    expect(await cluster.endOf(run)).toBe('failed');
    expect(JSON.stringify(await causeOf(run))).toContain(reason);
  });

  test('are tried on a worker, outside of any run', async () => {
    const { signal } = new AbortController();
    await connect('db', 'postgres://u:hunter2@h/db', 'postgres://u:***@h/db');
    expect(await cluster.master.testConnection(projectId, 'db', signal)).toEqual({
      ok: true,
      detail: 'select 1 gave 1',
      tookMs: 3,
      worker: 'scripted',
    });
    expect(cluster.worker.probed).toEqual(['postgres://u:hunter2@h/db']);
    expect(await cluster.master.testConnection(projectId, 'gone', signal)).toMatchObject({ ok: false, worker: null });
  });

  test('a trial ends with its caller, with its worker, and where there is none', async () => {
    await connect('db', 'postgres://silent/db');
    const controller = new AbortController();
    const left = cluster.master.testConnection(projectId, 'db', controller.signal);
    await vi.waitFor(() => expect(cluster.worker.probed).toHaveLength(1), WAIT);
    controller.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    const lost = cluster.master.testConnection(projectId, 'db', new AbortController().signal);
    await vi.waitFor(() => expect(cluster.worker.probed).toHaveLength(2), WAIT);
    cluster.worker.hangUp();
    expect(await lost).toMatchObject({
      ok: false,
      worker: 'scripted',
      detail: expect.stringContaining('lost') as string,
    });
    expect(await cluster.master.testConnection(projectId, 'db', new AbortController().signal)).toBeNull();
  });
});

describe('files of the project', () => {
  const file = (path: string, text: string) =>
    cluster.store.saveProjectFile({
      projectId,
      path,
      sha256: createHash('sha256').update(text).digest('hex'),
      bytes: Buffer.from(text),
      expected: null,
      user: 'ann',
      at: AT,
      limits: { files: 10, bytes: 1000 },
    });
  const save = (tasks: TaskDefinition[], names: string[]) =>
    cluster.store.saveWorkflow({
      project: 'sales',
      name: 'w',
      definition: definition({ name: 'w', tasks }),
      files: [],
      projectFiles: names,
      source: '',
      format: 'yaml',
      hash: names.join(),
      hidden: false,
      mustBeNew: false,
      user: 'ann',
      at: AT,
    });
  const textsOf = (task: string) =>
    specOf(task).files.map(({ name, base64 }) => [name, Buffer.from(base64, 'base64').toString()]);

  test('a task gets what its run has pinned, whatever becomes of the file, also by another master', async () => {
    fates.set('first', 'go on');
    await file('x.sh', 'version 1');
    await file('empty', '');
    await save(
      [shell('first', 'true'), shell('second', 'true', { needs: ['first'], files: ['x.sh', 'empty'] })],
      ['x.sh', 'empty'],
    );
    const run = await cluster.submit('w');
    await cluster.begun('first');
    await file('x.sh', 'version 2');
    await cluster.store.deleteProjectFile({ projectId, path: 'empty', expected: null });
    await cluster.crash();
    cluster.worker.finish('first');
    expect(await cluster.endOf(run)).toBe('succeeded');
    expect(textsOf('second')).toEqual([
      ['x.sh', 'version 1'],
      ['empty', ''],
    ]);
  });

  test('one that was not there when the run was made fails the attempt with its name', async () => {
    await save([shell('a', 'true', { files: ['gone.sh'] })], ['gone.sh']);
    const run = await cluster.submit('w');
    expect(await cluster.endOf(run)).toBe('failed');
    expect(JSON.stringify(await causeOf(run))).toContain('file gone.sh');
  });
});
