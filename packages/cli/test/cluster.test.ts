/** The roles of a cluster as real processes over a real PostgreSQL: working together, killed, stopped and replaced. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../worker/test/database-servers.ts';
import { newCluster, type ApiProcess, type Cluster, type MasterProcess, type RoleProcess } from './cluster-place.ts';
import { linesOf, until } from './dev-process.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('A cluster of two masters, two workers and two APIs', () => {
  let cluster: Cluster;
  let masters: MasterProcess[];
  let workers: RoleProcess[];
  let apis: ApiProcess[];
  beforeAll(async () => {
    cluster = await newCluster(server!.url, { masters: 2 });
    // All at once: the first that comes makes the schema, and the others wait for it.
    [masters, workers, apis] = await Promise.all([
      Promise.all([cluster.master(0), cluster.master(1)]),
      Promise.all([cluster.worker(0), cluster.worker(1)]),
      Promise.all([cluster.api(), cluster.api()]),
    ]);
    await apis[0]!.client.projects.put('cases');
  });
  afterAll(() => cluster?.clear());

  test('a run that one API takes is watched over another, and its logs are there', async () => {
    const id = await submit('hello', {
      a: { run: 'echo hello from $PELORUS_TASK' },
      b: { needs: ['a'], run: 'echo b' },
    });
    const told: string[] = [];
    for await (const { event, data } of apis[1]!.client.watchRun(id))
      if (event === 'run' || event === 'end') told.push(data.state);
    expect(told.at(-1)).toBe('succeeded');
    // A worker ships what a task has written a moment after its end.
    await until(
      async () => (await apis[1]!.client.attempts.logs(`${id}.0.1`)).content.includes('hello from a'),
      () => `the log is not there\n${said()}`,
    );
  });

  test('every API asks the master that owns a run what it holds in memory', async () => {
    const id = await submit('owned', { a: { run: waiting('owned') } });
    await untilStarted(id, 1);
    const { id: owner, owner: own, other } = await dutyOf(id);
    for (const { client } of apis)
      expect(await client.runs.live(id)).toMatchObject({ source: 'memory', master: { id: owner } });
    const asked = async (opsUrl: string): Promise<number> =>
      (await fetch(`${opsUrl}/workflow/execute?id=${id}`, { headers: { authorization: `Bearer ${cluster.opsToken}` } }))
        .status;
    expect(await Promise.all([asked(own.opsUrl), asked(other.opsUrl)])).toEqual([200, 404]);
    letGo('owned');
    await untilEnded(id, 'succeeded');
  });

  test('kill -9 of the owner while tasks run: the other takes over when its lease is over, nothing runs again', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `t${at}`);
    const id = await submit('killed', {
      ...Object.fromEntries(names.map((name) => [name, { run: waiting('killed') }])),
      last: { needs: names, run: 'true' },
    });
    await untilStarted(id, names.length);
    const { id: killed, index, owner, other } = await dutyOf(id);
    await owner.kill('SIGKILL');
    await untilOwnedBy(id, other);
    expect(await endOf(killed)).toBe('expired');
    letGo('killed');
    await untilEnded(id, 'succeeded');
    expect(startsOf(id)).toEqual(names.toSorted());
    masters[index] = await cluster.master(index);
  });

  test('kill -9 of a worker: its tasks go on, and the next worker on its directory takes them over', async () => {
    const id = await submit('orphans', { a: { run: waiting('orphans') }, b: { run: waiting('orphans') } });
    await untilStarted(id, 2);
    await Promise.all(workers.map((worker) => worker.kill('SIGKILL')));
    workers = await Promise.all([cluster.worker(0), cluster.worker(1)]);
    letGo('orphans');
    await untilEnded(id, 'succeeded');
    expect(startsOf(id)).toEqual(['a', 'b']);
  });

  test('SIGTERM to a master: it gives its runs up, and the other has them without waiting for its lease', async () => {
    const id = await submit('handed', { a: { run: waiting('handed') } });
    await untilStarted(id, 1);
    const { id: ended, index, owner, other } = await dutyOf(id);
    const ending = owner.kill('SIGTERM');
    await untilOwnedBy(id, other);
    expect(await endOf(ended)).toBe('given up');
    expect(await ending).toBe(0);
    masters[index] = await cluster.master(index);
    letGo('handed');
    await untilEnded(id, 'succeeded');
    expect(startsOf(id)).toEqual(['a']);
  });

  test('a master that stood still past its lease changes nothing any more: it ends with an error, or begins anew as another', async () => {
    const id = await submit('frozen', { a: { run: waiting('frozen') }, b: { needs: ['a'], run: noted('true') } });
    await untilStarted(id, 1);
    const { id: before, index, owner, other } = await dutyOf(id);
    process.kill(owner.pid, 'SIGSTOP');
    await untilOwnedBy(id, other);
    letGo('frozen');
    process.kill(owner.pid, 'SIGCONT');
    // Which of the two depends on whether it was in the middle of a transaction: the server cuts those off.
    await until(
      async () => owner.end() !== null || (await incarnationAt(owner.opsUrl)) !== null,
      () => `it goes on as if nothing had happened\n${said()}`,
    );
    expect(await incarnationAt(owner.opsUrl)).not.toBe(before);
    if (owner.end() !== null) {
      expect(owner.end()).toBe(1);
      masters[index] = await cluster.master(index);
    }
    await untilEnded(id, 'succeeded');
    expect(startsOf(id)).toEqual(['a', 'b']);
  });

  test('one process after the other is replaced while a run goes on: each task runs once', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `step-${String(at).padStart(2, '0')}`);
    const chain = names.map((name, at) => [name, { needs: names.slice(at - 1, at), run: noted('sleep 0.4') }]);
    const id = await submit('rolling', Object.fromEntries(chain) as Tasks);
    await untilStarted(id, 1);
    for (const index of [0, 1]) {
      expect(await masters[index]!.kill('SIGTERM')).toBe(0);
      masters[index] = await cluster.master(index);
      expect(await workers[index]!.kill('SIGTERM')).toBe(0);
      workers[index] = await cluster.worker(index);
      expect(await apis[index]!.kill('SIGTERM')).toBe(0);
      apis[index] = await cluster.api();
    }
    await untilEnded(id, 'succeeded');
    expect(startsOf(id)).toEqual(names);
  });

  test('the commands show its masters and workers, and the schema of its store', async () => {
    const listed = JSON.parse(await pelorus('master', 'list')) as { state: string }[];
    expect(listed.filter(({ state }) => state === 'active')).toHaveLength(2);
    // One that has just been replaced is seen when a master has written what it heard of it.
    let found: { name: string; state: string }[] = [];
    const bothAreOnline = async (): Promise<boolean> => {
      found = JSON.parse(await pelorus('worker', 'list')) as typeof found;
      const online = found.filter(({ state }) => state === 'online');
      return (
        online
          .map(({ name }) => name)
          .toSorted()
          .join() === 'worker-0,worker-1'
      );
    };
    await until(bothAreOnline, () => JSON.stringify(found));
    const status = await pelorus('db', 'status');
    expect(JSON.parse(status)).toMatchObject({ missing: [] });
    expect(status).not.toContain('postgres@');
  });

  test('a worker has no credentials: not in its environment, and it does not start with them', async () => {
    const environment = readFileSync(`/proc/${workers[0]!.pid}/environ`, 'utf8');
    expect(environment).not.toContain('postgres:');
    expect(environment).not.toContain(cluster.variables('master')['PELORUS_SECRET_KEY']);
    const given = { ...cluster.variables('worker'), PELORUS_STORE: cluster.storeUrl, PELORUS_DATA: 'never' };
    const refused = cluster.start('worker', given);
    expect(await refused.ended).toBe(2);
    expect(refused.stderr()).toContain('PELORUS_STORE must not be given to a worker');
    expect(existsSync(join(cluster.directory, 'never'))).toBe(false);
  });

  test('who has no certificate or no token is not let in', async () => {
    const stranger: Record<string, string> = {
      ...cluster.variables('worker'),
      PELORUS_WORKER_NAME: 'stranger',
      PELORUS_DATA: 'stranger',
    };
    const bare = { ...stranger, PELORUS_TLS_CERT: '', PELORUS_TLS_KEY: '' };
    const attempts = [
      { given: bare, reason: /certificate required|ECONNRESET|EPIPE|socket hang up|before secure TLS/ },
      { given: { ...stranger, PELORUS_WORKER_TOKEN: 'x'.repeat(32) }, reason: /answered 401/ },
    ];
    for (const { given, reason } of attempts) {
      const refused = cluster.start('worker', given);
      await until(
        () => reason.test(refused.stderr()),
        () => `it was not refused\n${refused.stderr()}`,
      );
      expect(await refused.kill('SIGTERM')).toBe(0);
    }
    const { items } = await apis[0]!.client.workers.list();
    expect(items.map(({ name }) => name)).not.toContain('stranger');
  });

  test('what cannot work is refused with what to do about it', async () => {
    const refusals: [string, Record<string, string>, string][] = [
      ['master', { PELORUS_STORE: 'sqlite:./pelorus.db' }, 'needs a store that several processes share'],
      ['api', { PELORUS_STORE: 'sqlite:./pelorus.db' }, 'needs a store that several processes share'],
      ['master', { PELORUS_SECRET_KEY: '' }, 'PELORUS_SECRET_KEY must be set'],
      ['master', { PELORUS_WORKER_TOKEN: 'short' }, 'at least 32 characters'],
      ['master', { PELORUS_OPS: '0.0.0.0:0', PELORUS_OPS_TOKEN: '' }, 'can be reached from other hosts'],
      ['worker', { PELORUS_MASTERS: '' }, 'PELORUS_MASTERS must be set'],
    ];
    for (const [role, change, reason] of refusals) {
      const given = cluster.variables(role as 'api' | 'master' | 'worker');
      const refused = cluster.start(role, { ...given, ...change, PELORUS_LISTEN: '127.0.0.1:0' });
      expect([await refused.ended, refused.stderr()]).toEqual([2, expect.stringContaining(reason)]);
    }
  });

  async function submit(workflow: string, tasks: Tasks): Promise<number> {
    const { client } = apis[0]!;
    const source = JSON.stringify({ name: workflow, tasks });
    await client.workflows.save('cases', workflow, { source, format: 'json' });
    return (await client.runs.submit({ project: 'cases', workflow })).id;
  }

  /** Notes its start in one file for all, in one write. */
  const noted = (then: string): string =>
    `echo "$PELORUS_RUN_ID $PELORUS_TASK" >> '${cluster.directory}/ledger'; ${then}`;
  const waiting = (name: string): string =>
    noted(`while [ ! -e '${cluster.directory}/go-${name}' ]; do sleep 0.05; done`);
  const letGo = (name: string): void => writeFileSync(join(cluster.directory, `go-${name}`), '');

  /** Names of the tasks of a run, once for each time that one was started. */
  const startsOf = (run: number): string[] =>
    linesOf(join(cluster.directory, 'ledger'))
      .filter((line) => line.startsWith(`${run} `))
      .map((line) => line.split(' ')[1]!)
      .toSorted();

  const said = (): string =>
    [...masters, ...workers, ...apis]
      .map((one) => `— ${one.name} ${one.pid}\n${one.stderr().split('\n').slice(-12).join('\n')}`)
      .join('\n');

  const untilStarted = (run: number, count: number): Promise<void> =>
    until(
      () => startsOf(run).length >= count,
      () => `only ${startsOf(run).length} of ${count} tasks started\n${said()}`,
    );

  async function untilEnded(run: number, state: string): Promise<void> {
    let seen = '';
    const ended = async (): Promise<boolean> => {
      seen = (await apis[0]!.client.runs.get(run)).state;
      return seen === state;
    };
    await until(ended, () => `run ${run} is ${seen}, not ${state}\n${said()}`);
  }

  async function ownerOf(run: number): Promise<{ id: string; opsUrl: string; index: number } | null> {
    const [row] = await cluster.query(
      'select m.id, m.ops_url from run r join master m on m.id = r.owner where r.id = $1 and m.fenced_at is null',
      [run],
    );
    if (row === undefined) return null;
    const opsUrl = String(row['ops_url']);
    return { id: String(row['id']), opsUrl, index: masters.findIndex((master) => master.opsUrl === opsUrl) };
  }

  /** The one that nobody has declared over, of the master that is reached there. */
  async function incarnationAt(opsUrl: string): Promise<string | null> {
    const [row] = await cluster.query('select id from master where ops_url = $1 and fenced_at is null', [opsUrl]);
    return row === undefined ? null : String(row['id']);
  }

  /** How the time of a master ended, by the clock of the store. */
  async function endOf(master: string): Promise<'expired' | 'given up'> {
    const [row] = await cluster.query('select fenced_at >= lease_until as expired from master where id = $1', [master]);
    return row!['expired'] === true ? 'expired' : 'given up';
  }

  /** The owner, and the other one. */
  async function dutyOf(
    run: number,
  ): Promise<{ id: string; index: number; owner: MasterProcess; other: MasterProcess }> {
    const found = await ownerOf(run);
    if (found === null || found.index < 0) throw new Error(`run ${run} has no owner among the masters\n${said()}`);
    return { ...found, owner: masters[found.index]!, other: masters[1 - found.index]! };
  }

  const untilOwnedBy = (run: number, master: MasterProcess): Promise<void> =>
    until(
      async () => (await ownerOf(run))?.opsUrl === master.opsUrl,
      () => `run ${run} was not taken over\n${said()}`,
    );

  async function pelorus(...args: string[]): Promise<string> {
    const variables = {
      PELORUS_SERVER: apis[0]!.address,
      PELORUS_TOKEN: cluster.adminToken,
      PELORUS_STORE: cluster.storeUrl,
    };
    const ended = cluster.start(args[0]!, variables, [...args.slice(1), '-o', 'json']);
    expect(await ended.ended, ended.stderr()).toBe(0);
    return ended.stdout();
  }
});

describe.skipIf(server === null)('pelorus dev over PostgreSQL', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await newCluster(server!.url, { masters: 0 });
  });
  afterAll(() => cluster?.clear());

  test('is everything in one process, with nothing of the store in its directory; and db status shows the schema', async () => {
    const variables = { PELORUS_STORE: cluster.storeUrl, PELORUS_WORKER_RESERVED_MEMORY: '0' };
    const status = async (): Promise<{ schema: number; known: number; missing: string[] }> => {
      const ended = cluster.start('db', variables, ['status', '-o', 'json']);
      expect(await ended.ended, ended.stderr()).toBe(0);
      return JSON.parse(ended.stdout()) as { schema: number; known: number; missing: string[] };
    };
    const before = await status();
    expect([before.schema, before.missing.length > 0]).toEqual([0, true]);
    const { PELORUS_STORE: url, ...others } = variables;
    const dev = cluster.start('dev', others, ['--store', url, '--port', '0', '--no-samples']);
    await until(
      () => /^ {2}API /m.test(dev.stdout()) || dev.end() !== null,
      () => dev.stderr(),
    );
    const run = cluster.start('run', variables, [
      file('hello.yaml', 'name: hello\ntasks: { a: { run: echo hello } }'),
      '--wait',
    ]);
    expect(await run.ended, run.stderr() + dev.stderr()).toBe(0);
    expect(existsSync(join(cluster.directory, '.pelorus/pelorus.db'))).toBe(false);
    expect(await status()).toEqual({ ...before, schema: before.known, missing: [] });
    expect(await dev.kill('SIGTERM')).toBe(0);
    const reset = cluster.start('dev', variables, ['--port', '0', '--reset', '--yes']);
    expect([await reset.ended, reset.stderr()]).toEqual([2, expect.stringContaining('the store is elsewhere')]);
  });

  function file(name: string, text: string): string {
    writeFileSync(join(cluster.directory, name), text);
    return name;
  }
});

type Tasks = Record<string, { run: string; needs?: string[] }>;
