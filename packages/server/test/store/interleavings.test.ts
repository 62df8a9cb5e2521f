/**
 * What only several connections can do to each other, on a real PostgreSQL server: a paused owner against a takeover, a COMMIT whose
 * answer is lost, two claimers, locks taken crosswise. Where a form of the fence is unsafe, the same race shows it to be.
 */
import type { RunId } from '@pelorus/protocol';
import { isTerminalRun, masterIdOf } from '@pelorus/protocol';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { seeded } from '../../../engine/test/seeded.ts';
import { askPostgres, startServer, startStandby } from '../../../worker/test/database-servers.ts';
import { startMaster } from '../../src/master/index.ts';
import type { Master } from '../../src/master/index.ts';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import { StoreError } from '../../src/store/index.ts';
import type { Fence, Store } from '../../src/store/index.ts';
import { scriptedWorker } from '../master/scripted-worker.ts';
import type { Script, ScriptedWorker } from '../master/scripted-worker.ts';
import { startCommitProxy } from './commit-proxy.ts';
import type { CommitProxy } from './commit-proxy.ts';
import type { Place } from './contract.ts';
import { makePostgresPlace } from './postgres-place.ts';
import {
  AT,
  definition,
  newRun,
  runChange,
  saveOf,
  startedRun,
  status,
  taskChange,
  taskDefinition,
  taskRun,
  withWorkflow,
} from './records.ts';
import { LONG_LEASE_MS, PATIENCE_MS, WAIT } from '../wait.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

const fenced: unknown = expect.objectContaining({ name: 'StoreError', code: 'FENCED' });
const unknownOutcome: unknown = expect.objectContaining({ name: 'StoreError', code: 'UNKNOWN_OUTCOME' });
const LEASE_MS = 300;

describe.skipIf(server === null)('PostgreSQL: interleavings', () => {
  let place: Place;
  let proxy: CommitProxy;
  const open: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    open.unshift(one);
    return one;
  };
  const openStore = async (options: Partial<Parameters<typeof openPostgresStore>[0]> = {}): Promise<Store> =>
    keep(
      await openPostgresStore({
        url: place.reference,
        masterLeaseMs: LEASE_MS,
        statementTimeoutMs: PATIENCE_MS,
        ...options,
      }),
    );
  const client = async (): Promise<pg.Client> => {
    const made = new pg.Client({ connectionString: place.reference });
    made.on('error', () => undefined);
    await made.connect();
    keep({ close: () => made.end() });
    return made;
  };
  beforeEach(async () => {
    place = await makePostgresPlace(server!.url);
    proxy = keep(await startCommitProxy(place.reference));
  });
  afterEach(async () => {
    proxy.release();
    for (const one of open.splice(0)) await one.close();
    await place.remove();
  });

  describe('a paused owner against a takeover', () => {
    const WRITE = `update task_run set state = 'late' where run_id = $1 and task = 0`;
    /** How the owner makes sure that it is in charge; the last of them is ours. */
    const forms: Record<string, { begin: (owner: pg.Client, run: RunId) => Promise<unknown>; safe: boolean }> = {
      'a plain select': {
        begin: (owner) => owner.query(`select 1 from master where id = 'a' and fenced_at is null`),
        safe: false,
      },
      'for key share': {
        begin: (owner) => owner.query(`select 1 from master where id = 'a' and fenced_at is null for key share`),
        safe: false,
      },
      'update … where exists': {
        begin: (owner, run) =>
          owner.query(`${WRITE} and exists (select 1 from master where id = 'a' and fenced_at is null)`, [run]),
        safe: false,
      },
      'for share': {
        begin: (owner) => owner.query(`select 1 from master where id = 'a' and fenced_at is null for share`),
        safe: true,
      },
    };

    test.each(Object.entries(forms))('%s', async (name, { begin, safe }) => {
      const store = await openStore();
      const run = await runOf(store, fenceOf('a'));
      const [owner, successor] = [await client(), await client()];
      await owner.query('begin');
      await begin(owner, run);

      let isDone = false;
      const takeover = takeOver(successor, run).finally(() => (isDone = true));
      await vi.waitFor(async () => expect(isDone || (await blockedCount(place)) > 0).toBe(true), WAIT);
      if (name !== 'update … where exists') await owner.query(WRITE, [run]);
      await owner.query('commit');

      // What the successor has read is what it goes on with: safe is what leaves nothing to be written behind its back.
      const seen = await takeover;
      const { rows } = await owner.query<{ state: string }>(`select state from task_run where run_id = $1`, [run]);
      expect({ seen, stored: rows[0]!.state }).toEqual({ seen: safe ? 'late' : 'queued', stored: 'late' });
    });

    test('one in the middle of a commit is passed over, then what it wrote is there', async () => {
      const [a, b] = [fenceOf('a'), fenceOf('b')];
      const other = await openStore();
      const run = await runOf(other, a);
      await other.registerMaster(registration(b));
      const owner = await openStore({ url: proxy.url });
      proxy.fate = () => 'hold';
      const commit = owner.commit(a, [runChange(status(run, { version: 2 }))]);
      await vi.waitFor(() => expect(proxy.met).toBe(1), WAIT);
      await leaseOver(other, 'a');
      expect(await other.adoptRuns(b, null, 10)).toEqual([]);
      proxy.fate = () => null;
      proxy.release();
      await commit;
      expect(await other.adoptRuns(b, null, 10)).toEqual([run]);
      expect((await other.loadRuns([run]))[0]!.status).toMatchObject({ state: 'running', version: 2 });
      await expect(owner.commit(a, [runChange(status(run, { version: 3 }))])).rejects.toEqual(fenced);
      await expect(owner.commit(a, [])).rejects.toEqual(fenced);
    });

    test('one that stands still in a transaction for too long is thrown out; its write never arrives', async () => {
      const [a, b] = [fenceOf('a'), fenceOf('b')];
      const other = await openStore();
      const run = await runOf(other, a);
      await other.registerMaster(registration(b));
      const owner = await openStore({ url: proxy.url, statementTimeoutMs: 5_000 });
      proxy.fate = () => 'hold';
      const commit = owner.commit(a, [runChange(status(run, { version: 2 }))]);
      commit.catch(() => undefined);
      await vi.waitFor(() => expect(proxy.met).toBe(1), WAIT);
      await leaseOver(other, 'a');
      await vi.waitFor(async () => expect(await other.adoptRuns(b, null, 10)).toEqual([run]), WAIT);
      proxy.release();
      await expect(commit).rejects.toEqual(unknownOutcome);
      expect((await other.loadRuns([run]))[0]!.status.version).toBe(1);
    });
  });

  describe('a commit whose answer is lost', () => {
    test.each([
      ['lose', 1],
      ['swallow the answer', 2],
    ] as const)('%s: the outcome is unknown, and what is stored is whole', async (fate, version) => {
      const a = fenceOf('a');
      const direct = await openStore();
      const run = await runOf(direct, a);
      const store = await openStore({ url: proxy.url });
      proxy.fate = () => fate;
      await expect(store.commit(a, [runChange(status(run, { version: 2 }))])).rejects.toEqual(unknownOutcome);
      proxy.fate = () => null;
      expect((await direct.loadRuns([run]))[0]!.status.version).toBe(version);
      // The connection is replaced, and the same store goes on.
      expect(await store.commit(a, [runChange(status(run, { version: 3 }))])).toEqual({ commands: 0 });
    });

    test.each(['lose', 'swallow the answer', 'every connection'] as const)(
      'a master goes on, and nothing runs twice or never: %s',
      async (fate) => {
        const direct = await openStore();
        await direct.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
        await saveChain(direct, 'chain', 12);
        const store = await openStore({ url: proxy.url, masterLeaseMs: LONG_LEASE_MS });
        const { master: own, worker } = await serve(store);
        const runs = await Promise.all(Array.from({ length: 6 }, () => submit(direct, 'chain')));
        let commits = 0;
        if (fate !== 'every connection') proxy.fate = () => (++commits % 4 === 0 ? fate : null);
        for (const count of [4, 12, 20]) {
          await vi.waitFor(() => expect(worker.begun.length).toBeGreaterThan(count), WAIT);
          if (fate === 'every connection') proxy.cut();
        }
        if (fate !== 'every connection') await vi.waitFor(() => expect(proxy.met).toBeGreaterThan(2), WAIT);
        proxy.fate = () => null;
        for (const run of runs) expect(await endOf(direct, run)).toBe('succeeded');
        const begun = worker.begun.map(({ attempt }) => attempt);
        expect(new Set(begun).size).toBe(begun.length);
        expect(begun.toSorted()).toEqual(
          runs.flatMap((run) => Array.from({ length: 12 }, (_, i) => `${run}.${i}.1`)).toSorted(),
        );
        await own.stop();
      },
    );
  });

  test('who joins the line of a run while it ends is started, though the end had already looked for somebody and sent COMMIT along', async () => {
    const a = fenceOf('a');
    const [store, people] = [await openStore(), await openStore()];
    const run = await runOf(store, a);
    const holder = await client();
    await holder.query('begin');
    await holder.query('select 1 from workflow for no key update');
    const waiting = people.submitRun(newRun({ concurrency: 'serial_wait' }));
    await vi.waitFor(async () => expect(await blockedCount(place)).toBe(1), WAIT);
    const end = store.commit(a, [runChange(status(run, { version: 2, state: 'succeeded', endedAt: AT + 9 }))]);
    await vi.waitFor(async () => expect(await blockedCount(place)).toBe(2), WAIT);
    await holder.query('commit');
    // Whichever of the two PostgreSQL lets go first: the end starts who waits, or who comes finds nobody to wait for.
    await end;
    const next = (await waiting).run.id;
    expect(await store.getRun(next)).toMatchObject({ status: { state: 'queued', waitReason: null } });
    expect((await store.claimCommands(a, null, 10)).map((command) => command.run)).toEqual([next]);
  });

  test('two claimers at once get disjoint runs, and together all of them', async () => {
    const [one, two] = [await openStore(), await openStore()];
    await withWorkflow(one);
    const runs: RunId[] = [];
    for (let i = 0; i < 60; i++) runs.push((await one.submitRun(newRun({}))).run.id);
    const fences = [fenceOf('a'), fenceOf('b')] as const;
    for (const fence of fences) await one.registerMaster(registration(fence));
    const claimed: RunId[][] = [[], []];
    await Promise.all(
      [one, two].map(async (store, i) => {
        for (let turn = 0; turn < 12; turn++)
          claimed[i]!.push(...(await store.claimCommands(fences[i]!, null, 7 * (turn + 1))).map(({ run }) => run));
      }),
    );
    const each = claimed.map((found) => new Set(found));
    expect([...each[0]!].filter((run) => each[1]!.has(run))).toEqual([]);
    expect([...each[0]!, ...each[1]!].toSorted((a, b) => a - b)).toEqual(runs);
    for (const [i, found] of each.entries())
      for (const run of found) expect(await one.masterOf(run)).toMatchObject({ id: fences[i]!.master });
  });

  test('two masters adopt the runs of a third at once: each run once', async () => {
    // The two are not to take each other for dead, however slow the machine is.
    const [one, two] = [
      await openStore({ masterLeaseMs: LONG_LEASE_MS }),
      await openStore({ masterLeaseMs: LONG_LEASE_MS }),
    ];
    await withWorkflow(one);
    const [dead, a, b] = [fenceOf('dead'), fenceOf('a'), fenceOf('b')];
    await (await openStore()).registerMaster(registration(dead));
    for (let i = 0; i < 40; i++) await one.submitRun(newRun({}));
    const runs = (await one.claimCommands(dead, null, 100)).map(({ run }) => run);
    await leaseOver(one, 'dead');
    await one.registerMaster(registration(a));
    await two.registerMaster(registration(b));
    const pages = await Promise.all([adoptAll(one, a), adoptAll(two, b)]);
    expect(pages.flat().toSorted((x, y) => x - y)).toEqual(runs);
  });

  test('a master that stops gives its runs up at once', async () => {
    const store = await openStore({ masterLeaseMs: LONG_LEASE_MS });
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    await saveChain(store, 'chain', 2);
    const first = await serve(store, { script: () => 'go on' });
    const run = await submit(store, 'chain');
    await vi.waitFor(() => expect(first.worker.running.size).toBe(1), WAIT);
    const second = await serve(await openStore({ masterLeaseMs: LONG_LEASE_MS }));
    const owner = await store.masterOf(run);
    await first.master.stop();
    await vi.waitFor(async () => expect((await store.masterOf(run))?.id).toBe(second.master.id), WAIT);
    expect(owner?.id).not.toBe(second.master.id);
    await second.master.stop();
  });

  test('hints: others hear of commands and runs; who was cut off hears that something may have been missed', async () => {
    const [writer, reader] = [await openStore(), await openStore({ url: proxy.url })];
    const heard: (readonly RunId[] | null)[] = [];
    let commands = 0;
    reader.listen!('pelorus_run', (runs) => heard.push(runs));
    const stop = reader.listen!('pelorus_command', () => commands++);
    await vi.waitFor(() => expect(heard).toEqual([null]), WAIT);
    await withWorkflow(writer);
    const { run } = await writer.submitRun(newRun({}));
    await vi.waitFor(() => expect(heard).toEqual([null, [run.id]]), WAIT);
    await vi.waitFor(() => expect(commands).toBe(2), WAIT);
    stop();
    proxy.cut();
    await vi.waitFor(() => expect(heard).toEqual([null, [run.id], null]), WAIT);
    const again = await writer.submitRun(newRun({}));
    await vi.waitFor(() => expect(heard.at(-1)).toEqual([again.run.id]), WAIT);
    expect(commands).toBe(2);
  });

  test('a server that is away refuses at once, and serves again by itself', async () => {
    const store = await openStore({ url: proxy.url });
    const openedAt = performance.now();
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    expect(store.silentMs).toBeLessThan(performance.now() - openedAt);
    const startedAt = performance.now();
    await proxy.close();
    const refusals = await Promise.allSettled(Array.from({ length: 100 }, () => store.listProjects()));
    expect(
      refusals.map((each) => (each.status === 'rejected' ? (each.reason as StoreError).code : 'answered')),
    ).toEqual(Array.from({ length: 100 }, () => 'UNAVAILABLE'));
    const awayMs = performance.now() - startedAt;
    // One after the other, and each after the limit of a connection, they would take thirty.
    expect(awayMs).toBeLessThan(20_000);
    // A refusal is no answer, whoever asks.
    expect(store.audited(() => expect.fail('nothing is written')).silentMs).toBeGreaterThanOrEqual(awayMs);
  });

  test('failover to a synchronous standby: read-only, then a standby, then nobody, then the new primary; nothing is lost or runs twice', async () => {
    const primary = (await startServer('postgres'))!;
    keep({ close: () => primary.stop() });
    const standby = await startStandby(primary);
    keep({ close: () => standby.stop() });
    const name = keep(await startCommitProxy(primary.url));
    const store = await openStore({ url: name.url, masterLeaseMs: LONG_LEASE_MS });
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    const [length, middle] = [40, 't20'];
    await saveChain(store, 'chain', length);
    // None has ended when the primary stops taking anything: each stands still in its middle until then.
    let mayEnd = false;
    const script: Script = ({ task }) => (task === middle && !mayEnd ? 'go on' : 'succeed');
    const { master: own, worker } = await serve(store, { script });
    const runs = await Promise.all(Array.from({ length: 6 }, () => submit(store, 'chain')));
    await vi.waitFor(() => expect(worker.begun.length).toBeGreaterThan(10), WAIT);

    await askPostgres(primary.url, 'alter system set default_transaction_read_only = on');
    await askPostgres(primary.url, 'select pg_reload_conf()');
    const refused = expect.objectContaining({ code: 'UNAVAILABLE' }) as unknown;
    const another = async (): Promise<void> => void runs.push(await submit(store, 'chain'));
    await vi.waitFor(() => expect(another()).rejects.toEqual(refused), WAIT);
    mayEnd = true;
    while (worker.running.size > 0) worker.finish(middle);
    name.moveTo(standby.url);
    name.cut();
    // What a standby says may be old: not even reads are taken from it.
    const refusal: unknown = { code: 'UNAVAILABLE', message: expect.stringContaining('connection to a standby') };
    await vi.waitFor(() => expect(store.listProjects()).rejects.toMatchObject(refusal as object), WAIT);
    await primary.crash();
    expect(worker.begun.length).toBeLessThan(runs.length * length);
    await askPostgres(standby.url, 'select pg_promote()');

    for (const run of runs) expect(await endOf(store, run)).toBe('succeeded');
    const begun = worker.begun.map(({ attempt }) => attempt);
    expect(begun.toSorted()).toEqual(
      runs.flatMap((run) => Array.from({ length }, (_, i) => `${run}.${i}.1`)).toSorted(),
    );
    expect(await store.loadTimeline()).toMatchObject({ number: 2 });
    await own.stop();
  });

  test('a database that forgets its last commits: masters notice, nothing that a worker holds or has ended begins again, run numbers go on behind a gap', async () => {
    // What owned the runs when the backup was made counts as alive after it, until its lease is over.
    const store = await openStore({ masterLeaseMs: 5_000 });
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    await saveChain(store, 'chain', 4);
    const { master: own, worker, errors } = await serve(store, { script: () => 'go on' });
    const begun = (count: number): Promise<void> =>
      vi.waitFor(() => expect(worker.begun.length).toBeGreaterThanOrEqual(count), WAIT);
    const run = await submit(store, 'chain');
    await begun(1);
    const restore = await backUp(place.reference);

    // None of this is in the backup.
    worker.finish('t0');
    await begun(2);
    worker.finish('t1');
    await begun(3);
    const forgotten = await submit(store, 'chain', { idempotencyKey: 'again' });
    await begun(4);
    await restore();

    const again = (): Promise<RunId> => submit(store, 'chain', { idempotencyKey: 'again' });
    const renewed = await vi.waitFor(again, WAIT);
    expect(renewed).toBeGreaterThan(forgotten + 999_999);
    await begun(5);
    const statesOf = async (): Promise<unknown> => (await store.loadRuns([run]))[0]!.tasks.map(({ state }) => state);
    await vi.waitFor(async () => expect(await statesOf()).toEqual(['succeeded', 'succeeded', 'running']), WAIT);
    expect(worker.begun.map(({ attempt }) => attempt)).toEqual([
      ...[0, 1, 2].map((task) => `${run}.${task}.1`),
      ...[forgotten, renewed].map((id) => `${id}.0.1`),
    ]);
    await vi.waitFor(() => expect([...worker.running.keys()]).toEqual([`${run}.2.1`, `${renewed}.0.1`]), WAIT);
    worker.finish('t2');
    await begun(6);
    worker.finish('t3');
    expect(await endOf(store, run)).toBe('succeeded');
    expect(errors.join(' ')).toContain('the store may have forgotten what came last');
    await own.stop();
  });

  test('reads of people that hang use up connections of their own: a run begins and ends meanwhile', async () => {
    const store = await openStore({ masterLeaseMs: LONG_LEASE_MS, connections: 2 });
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    await saveChain(store, 'chain', 3);
    const { master: own } = await serve(store);
    const other = await client();
    await other.query('begin');
    await other.query('lock table audit in access exclusive mode');
    let isOver = false;
    const reads = Promise.allSettled(Array.from({ length: 50 }, () => store.listAudit({ limit: 1 })));
    void reads.finally(() => (isOver = true));
    const hanging = `select 1 from pg_stat_activity where application_name = 'pelorus people' and wait_event_type = 'Lock'`;
    await vi.waitFor(async () => expect(await askPostgres(place.reference, hanging)).toHaveLength(2), WAIT);

    const watching = await openStore();
    expect(await endOf(watching, await submit(store, 'chain'))).toBe('succeeded');
    expect(isOver).toBe(false);
    await other.query('rollback');
    expect((await reads).map(({ status: outcome }) => outcome)).toEqual(Array.from({ length: 50 }, () => 'fulfilled'));
    await own.stop();
  });

  test('two masters and many people at once: no deadlock surfaces, counts are right, and everything ends', async () => {
    const stores = [
      await openStore({ masterLeaseMs: LONG_LEASE_MS }),
      await openStore({ masterLeaseMs: LONG_LEASE_MS }),
    ];
    const people = await openStore();
    await people.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    const serving = await Promise.all(stores.map((store) => serve(store)));
    const names = ['one', 'two', 'three'];
    for (const name of names) await saveChain(people, name, 3);
    const runs: RunId[] = [];
    const failures: unknown[] = [];
    const allowed = new Set(['CONFLICT', 'NOT_FOUND', 'PRECONDITION']);
    const next = seeded(1);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
    const deeds = [
      async () => runs.push(await submit(people, pick(names))),
      async () =>
        runs.push(
          await submit(people, pick(names), {
            concurrency: pick(['serial_wait', 'serial_priority', 'serial_discard']),
          }),
        ),
      async () => saveChain(people, pick(names), 1 + Math.floor(next() * 4)),
      async () => {
        if (runs.length > 0)
          await people.requestCommand({
            run: pick(runs),
            action: { kind: 'stop' },
            user: 'ann',
            at: Date.now(),
            idempotencyKey: null,
          });
      },
      async () => {
        const found = await people.getWorkflow('sales', pick(names));
        if (found && next() < 0.1) await people.deleteWorkflow(found.id, 'ann', Date.now());
      },
      async () => {
        const project = await people.createProject({ name: 'other', description: '', owner: 'ann', at: Date.now() });
        await Promise.allSettled([
          people.deleteProject(project.id, 'ann', Date.now()),
          saveChain(people, 'part', 1, 'other'),
        ]);
        const left = await people.findProject('other');
        const parts = left && (await people.getWorkflow('other', 'part'));
        if (parts) await people.deleteWorkflow(parts.id, 'ann', Date.now());
        if (left) await people.deleteProject(left.id, 'ann', Date.now());
      },
      async () => people.housekeep(),
    ];
    const person = async (): Promise<void> => {
      for (let done = 0; done < 60 || runs.length <= 20; done++)
        await pick(deeds)().catch((error: unknown) => {
          if (!(error instanceof StoreError && allowed.has(error.code))) failures.push(error);
        });
    };
    await Promise.all(Array.from({ length: 6 }, person));
    expect(failures).toEqual([]);
    for (const run of runs) await endOf(people, run);
    expect(serving.flatMap(({ errors }) => errors)).toEqual([]);
    const raw = await client();
    await people.housekeep();
    const counted = await raw.query(`select workflow_id, state, runs from run_count where runs <> 0 order by 1, 2`);
    const there = await raw.query(`select workflow_id, state, count(*) as runs from run group by 1, 2 order by 1, 2`);
    expect(counted.rows).toEqual(there.rows);
    for (const { master: each } of serving) await each.stop();
  });

  describe('a master whose event loop is held up', () => {
    /** The main thread does nothing else meanwhile, as if it computed. */
    const holdUp = (ms: number): void =>
      void Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);

    const leaseUntil = async (master: string): Promise<number> => {
      const [row] = await askPostgres(place.reference, 'select lease_until from master where id = $1', [master]);
      return Number(row!['lease_until']);
    };

    const keepLease = (store: Store) => store.keepLease!((error) => expect.fail(error.message));

    test('for longer than its lease keeps its runs', async () => {
      const masterLeaseMs = 6_000;
      const store = await openStore({ masterLeaseMs });
      await store.registerMaster(registration(fenceOf('a')));
      const onlooker = await client();
      const first = await leaseUntil('a');
      keepLease(store).renewed(fenceOf('a'));
      // Loading and connecting may take longer than such a short lease.
      await vi.waitFor(async () => expect(await leaseUntil('a')).toBeGreaterThan(first), WAIT);
      // Looked at by the server, at a time when nobody here can.
      const looked = onlooker.query(`
        select pg_sleep(${(1.3 * masterLeaseMs) / 1000});
        select id from master where lease_until > extract(epoch from clock_timestamp()) * 1000`);
      await new Promise(setImmediate);
      holdUp(1.4 * masterLeaseMs);
      const [, inCharge] = (await looked) as unknown as pg.QueryResult[];
      expect(inCharge!.rows).toEqual([{ id: 'a' }]);
      // The loop has renewed nothing: had it been told otherwise, the store would have forgotten that.
      await expect(store.renewMaster(fenceOf('a'), AT, 1)).rejects.toMatchObject({ code: 'WENT_BACK' });
    });

    test('for ever loses them, and finds out with its next commit', async () => {
      const masterLeaseMs = 1_000;
      const [one, two] = [await openStore({ masterLeaseMs }), await openStore({ masterLeaseMs: LONG_LEASE_MS })];
      const run = await runOf(one, fenceOf('a'));
      keepLease(one).renewed(fenceOf('a'));
      const first = await leaseUntil('a');
      await vi.waitFor(async () => expect(await leaseUntil('a')).toBeGreaterThan(first + masterLeaseMs), WAIT);

      await two.registerMaster(registration(fenceOf('b')));
      await vi.waitFor(async () => expect(await two.adoptRuns(fenceOf('b'), null, 10)).toEqual([run]), WAIT);
      await expect(one.commit(fenceOf('a'), [])).rejects.toEqual(fenced);
    });

    test('has a thread that hears of it from the start, and ends with it', async () => {
      const connections = (): Promise<object[]> =>
        askPostgres(
          place.reference,
          `select 1 from pg_stat_activity where application_name = 'pelorus lease' and datname = current_database()`,
        );
      // So short that the loop is always late.
      const { master } = await serve(await openStore({ masterLeaseMs: 1_000 }));
      await vi.waitFor(async () => expect(await connections()).toHaveLength(1), WAIT);
      await master.stop();
      await vi.waitFor(async () => expect(await connections()).toEqual([]), WAIT);
    });
  });

  async function serve(
    store: Store,
    { script }: { script?: Script } = {},
  ): Promise<{ master: Master; worker: ScriptedWorker; errors: string[] }> {
    const errors: string[] = [];
    const log = {
      info: () => undefined,
      warn: () => undefined,
      error: (fields: object, message: string) => void errors.push(`${message}: ${JSON.stringify(fields)}`),
    };
    const worker = scriptedWorker(script);
    const made = await startMaster({ store, log });
    const dial = (): void => worker.dial((link) => made.attachWorker(link));
    dial();
    // A real one dials again when it is hung up.
    const dialling = setInterval(() => !worker.connected && dial(), 50);
    open.unshift({
      close: async () => {
        clearInterval(dialling);
        worker.hangUp();
        await made.stop();
      },
    });
    return { master: made, worker, errors };
  }
});

function fenceOf(id: string): Fence {
  return { master: masterIdOf(id), token: `token of ${id}` };
}

function registration({ master: id, token }: Fence): Parameters<Store['registerMaster']>[0] {
  return { id, token, host: 'here' };
}

/** A run with one task, which this master has started. */
async function runOf(store: Store, fence: Fence): Promise<RunId> {
  await withWorkflow(store);
  await store.registerMaster(registration(fence));
  const run = await startedRun(store, fence);
  await store.commit(fence, [taskChange(taskRun(run, 0))]);
  return run;
}

async function takeOver(successor: pg.Client, run: RunId): Promise<string> {
  await successor.query('begin');
  await successor.query(`update master set fenced_at = 1 where id = 'a'`);
  await successor.query(`update run set owner = 'b' where id = $1`, [run]);
  const { rows } = await successor.query<{ state: string }>(`select state from task_run where run_id = $1`, [run]);
  await successor.query('commit');
  return rows[0]!.state;
}

/** Transactions that wait for another. */
async function blockedCount(place: Place): Promise<number> {
  const client = new pg.Client({ connectionString: place.reference });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length;
  } finally {
    await client.end();
  }
}

/** Waits until the lease of that master is over by the database's clock. */
async function leaseOver(store: Store, id: string): Promise<void> {
  await vi.waitFor(async () => {
    const places = await store.listMasterPlaces(10);
    expect(places.map((place) => place.id)).not.toContain(id);
  }, WAIT);
}

async function adoptAll(store: Store, fence: Fence): Promise<RunId[]> {
  const adopted: RunId[] = [];
  // A run that the other one holds is passed over: whoever is given nothing looks once more.
  for (let looks = 0; looks < 3; looks++) {
    const page = await store.adoptRuns(fence, null, 7);
    adopted.push(...page);
    if (page.length > 0) looks = 0;
  }
  return adopted;
}

/** Whoever is connected to the database loses that connection, now and when the answer brings back what it holds now. */
async function backUp(url: string): Promise<() => Promise<void>> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = '/postgres';
  const alone = async (...statements: string[]): Promise<void> => {
    await askPostgres(server.href, `alter database ${name} allow_connections false`);
    for (const statement of statements)
      // One that was being made meanwhile may be there after all.
      await vi.waitFor(async () => {
        await askPostgres(
          server.href,
          `select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '${name}'`,
        );
        await askPostgres(server.href, statement);
      }, WAIT);
    await askPostgres(server.href, `alter database ${name} allow_connections true`);
  };
  await alone(`create database ${name}_backup template ${name}`);
  return () => alone(`drop database ${name}`, `alter database ${name}_backup rename to ${name}`);
}

async function saveChain(store: Store, name: string, length: number, project = 'sales'): Promise<void> {
  const tasks = Array.from({ length }, (_, i) => ({
    ...taskDefinition(`t${i}`),
    ...(i > 0 && { needs: [`t${i - 1}`] }),
  }));
  const save = saveOf({ name, hash: `${name} ${length}`, definition: definition({ name, tasks }) });
  await store.saveWorkflow({ ...save, project });
}

async function submit(store: Store, workflow: string, more: Parameters<typeof newRun>[0] = {}): Promise<RunId> {
  const run = newRun({ workflow, submittedAt: Date.now(), timeoutMs: 3_600_000, params: {}, ...more });
  return (await store.submitRun(run)).run.id;
}

function endOf(store: Store, run: RunId): Promise<string> {
  return vi.waitFor(async () => {
    const { state } = (await store.getRun(run))!.status;
    expect(isTerminalRun(state), `run ${run} is ${state}`).toBe(true);
    return state;
  }, WAIT);
}
