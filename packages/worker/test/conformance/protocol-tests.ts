/**
 * The protocol tests: what docs/worker-protocol.md asks of a worker, tried on workers as processes. They know nothing of a worker but how
 * it is started; the master is played by hand, and what ran is told by a file that each task appends to.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WIRE_VERSION } from '@pelorus/protocol';
import { eventually, isAlive, Scratch, shell, specOf } from '../fixture.ts';
import { idOf, MasterByHand, TOKEN } from './master-by-hand.ts';

vi.setConfig({ testTimeout: 90_000 });

export interface WorkerUnderTest {
  /** Program and arguments; configured by the variables that {@link testWorker} sets, those of `pelorus worker`. */
  command: string[];
  /** What it needs besides. */
  environment?: Record<string, string>;
  /** Why it cannot be tried here. */
  skip: string | null;
}

const SLOTS = 4;
const HEARTBEAT_MS = 200;
/** A machine that does a lot else at the same time takes long to start a program. */
const START_MS = 45_000;
/** After which a worker hangs up. */
const SILENCE_MS = 20_000;

export function testWorker({ command, environment = {}, skip }: WorkerUnderTest): void {
  let scratch: Scratch;
  let ledger: string;
  let master: MasterByHand;
  let masters: MasterByHand[];
  let worker: ChildProcess;
  let said: string;

  beforeEach(async (context) => {
    if (skip !== null) return context.skip(skip);
    scratch = new Scratch();
    ledger = join(scratch.dir, 'ledger');
    said = '';
    addresses = () => masters.map(({ url }) => url).join(',');
    master = new MasterByHand();
    masters = [master];
    await master.open();
  });

  afterEach(async () => {
    if (skip !== null) return;
    const offences = masters.flatMap((each) => each.offences);
    await end(worker);
    for (const each of masters) await each.close();
    // Whoever its worker left behind ends by itself; a task that does not is what a test would have seen.
    for (const pid of pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    scratch.remove();
    expect(offences, said).toEqual([]);
  });

  let addresses: () => string;
  function start(): void {
    const [program = '', ...args] = command;
    worker = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        PELORUS_MASTERS: addresses(),
        PELORUS_WORKER_TOKEN: TOKEN,
        PELORUS_DATA: scratch.dataDir,
        PELORUS_WORKER_NAME: 'under-test',
        PELORUS_WORKER_GROUPS: 'default,blue',
        PELORUS_WORKER_SLOTS: String(SLOTS),
        PELORUS_WORKER_HEARTBEAT: `${HEARTBEAT_MS}ms`,
        PELORUS_WORKER_MAX_LOAD: '9999',
        PELORUS_WORKER_RESERVED_MEMORY: '0',
        ...environment,
      },
    });
    const hear = (text: Buffer): void => void (said += text.toString());
    worker.stdout?.on('data', hear);
    worker.stderr?.on('data', hear);
  }

  /** Started, welcomed, and with a lease. */
  async function started(): Promise<void> {
    start();
    await master.until(
      () => master.hellos.length > 0 && master.heartbeats.length > 0,
      () => `a hello; it said: ${said}`,
      START_MS,
    );
  }

  /** A task that writes its process id to the ledger, then does this. */
  const task = (attempt: string, script = 'true', more: Parameters<typeof specOf>[2] = {}) =>
    specOf(attempt, shell(`echo "${attempt} $$" >> '${ledger}'\n${script}`), more);

  /** What tasks wrote: one line for each that was started. */
  function lines(): string[] {
    try {
      return readFileSync(ledger, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  }
  const startsOf = (attempt: string): number => lines().filter((line) => line.startsWith(`${attempt} `)).length;
  const pids = (): number[] => lines().map((line) => Number(line.split(' ')[1]));

  describe('introduces itself', () => {
    test('with a hello first, of this version, with what it can and where it is', async () => {
      await started();
      expect(master.kinds[0]?.[0]).toBe('hello');
      expect(master.hello).toMatchObject({
        version: WIRE_VERSION,
        name: 'under-test',
        groups: ['default', 'blue'],
        attempts: [],
        load: { slots: SLOTS, usedSlots: 0, busy: false, draining: false },
      });
      expect(master.hello.features).toContain('shell');
      expect(master.hello.worker).not.toBe('');
      expect(master.hello.host).not.toBe('');
    });

    test('with heartbeats that say when they were sent and what is held', async () => {
      await started();
      master.dispatch(task('1.0.1', 'exec sleep 60'));
      await master.report('1.0.1', 'running');
      await master.beats(3);
      const [before, last] = master.heartbeats.slice(-2);
      expect(last).toMatchObject({ worker: master.hello.worker, attempts: ['1.0.1'], load: { usedSlots: 1 } });
      const apartMs = last!.sentAt - before!.sentAt;
      expect(apartMs).toBeGreaterThan(HEARTBEAT_MS / 4);
      expect(apartMs).toBeLessThan(HEARTBEAT_MS * 10);
    });

    test('and hangs up on a master of a version too far away', async () => {
      master.version = WIRE_VERSION + 2;
      start();
      await master.until(
        () => master.hellos.length >= 2,
        () => 'it dials again',
      );
      master.dispatch(task('1.0.1'));
      await master.until(
        () => master.hellos.length >= 4,
        () => 'it dials again',
      );
      expect(lines()).toEqual([]);
    });

    test('and passes over what a newer master adds', async () => {
      await started();
      const spec = { ...task('1.0.1'), ofTheFuture: { a: 1 } };
      master.sendAnything([
        { kind: 'of-the-future', what: 1 },
        { kind: 'dispatch', spec, priority: 7 },
      ]);
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
    });
  });

  describe('runs what it is given', () => {
    test('accepted, running, finished, with rising sequences, in the environment that was asked for', async () => {
      await started();
      const script = `echo "seen=$greeting/$place/$PELORUS_ATTEMPT/$PELORUS_TASK/$(cat data.txt)/$(pwd)" >> "$PELORUS_OUTPUT"
        echo '\${setValue(count= 7 )}'
        sleep 0.3`;
      const file = { name: 'data.txt', sha256: '', base64: Buffer.from('content').toString('base64') };
      master.dispatch(
        task('5.2.1', script, {
          params: { greeting: 'good morning' },
          env: { place: "it's here" },
          files: [file],
          outputs: { count: { type: 'integer' } },
        }),
      );
      const { outcome } = await master.report('5.2.1', 'finished');
      const work = /\/(\/.*)$/.exec(outcome.outputs['seen'] ?? '')?.[1];
      expect(outcome).toEqual({
        state: 'succeeded',
        cause: null,
        outputs: { seen: `good morning/it's here/5.2.1/t/content/${work}`, count: '7' },
        outputsTruncated: false,
        startedAt: expect.any(Number),
        endedAt: expect.any(Number),
      });
      expect(work).toContain(scratch.dataDir);
      expect(outcome.endedAt).toBeGreaterThanOrEqual(outcome.startedAt);
      expect(master.kindsOf('5.2.1')).toEqual(['accepted', 'running', 'finished']);
      const sequences = master.reportsOf('5.2.1').map(({ sequence }) => sequence);
      expect(sequences).toEqual([...new Set(sequences)].toSorted((left, right) => left - right));
    });

    test('a task that fails says how', async () => {
      await started();
      master.dispatch(task('1.0.1', 'exit 7'), task('1.1.1', 'kill -9 $$'));
      expect((await master.report('1.0.1', 'finished')).outcome).toMatchObject({
        state: 'failed',
        cause: { kind: 'exit', code: 7 },
      });
      expect((await master.report('1.1.1', 'finished')).outcome).toMatchObject({
        state: 'failed',
        cause: { kind: 'signal', name: 'SIGKILL' },
      });
    });

    test('a task that can never run here fails at once, and does not go round', async () => {
      await started();
      master.dispatch(specOf('1.0.1', { type: 'shell', run: null, file: null, shell: 'sh', substitution: 'env' }));
      const { outcome } = await master.report('1.0.1', 'finished');
      expect(outcome).toMatchObject({ state: 'failed', cause: { kind: 'invalid' } });
    });

    test('the same dispatch again and again starts one process, before and after its end', async () => {
      await started();
      const spec = task('1.0.1', 'sleep 0.3');
      master.dispatch(spec, spec, spec);
      master.dispatch(spec);
      await master.report('1.0.1', 'running');
      for (let again = 0; again < 5; again++) master.dispatch(spec);
      await master.report('1.0.1', 'finished');
      await master.beats(2);
      const told = master.kindsOf('1.0.1').filter((kind) => kind === 'finished').length;
      master.dispatch(spec);
      await master.report('1.0.1', 'finished', { count: told + 1 });
      expect(startsOf('1.0.1')).toBe(1);
    });

    test('no more at a time than it has slots; what is over that goes back at once', async () => {
      await started();
      const all = Array.from({ length: SLOTS + 2 }, (_, index) => `1.${index}.1`);
      master.dispatch(...all.map((attempt) => task(attempt, 'exec sleep 60')));
      const refused = all.slice(SLOTS);
      for (const attempt of refused) await master.report(attempt, 'no_capacity');
      for (const attempt of all.slice(0, SLOTS)) await master.report(attempt, 'running');
      await eventually(() => lines().length === SLOTS, 'all that were taken have begun');
      master.kill('1.0.1', 100);
      await master.report('1.0.1', 'finished');
      // The refused attempt stays refused; the next one of the same task finds the slot.
      master.dispatch(task(refused[0]!), task('1.4.2'));
      expect((await master.report('1.4.2', 'finished')).outcome.state).toBe('succeeded');
      expect(startsOf(refused[0]!)).toBe(0);
    });

    test('nothing without a scheduling lease', async () => {
      master.welcomes = false;
      master.renews = false;
      await started();
      master.dispatch(task('1.0.1'));
      await master.report('1.0.1', 'no_capacity');
      expect(lines()).toEqual([]);
    });

    test('nothing after its scheduling lease has ended', async () => {
      master.leaseMs = 1_000;
      await started();
      master.renews = false;
      await eventually(() => performance.now() - master.renewedAt > 1_000, 'the lease has ended');
      master.dispatch(task('1.0.1'));
      await master.report('1.0.1', 'no_capacity');
      master.renews = true;
      await master.beats(2);
      master.dispatch(task('1.0.2'));
      expect((await master.report('1.0.2', 'finished')).outcome.state).toBe('succeeded');
      expect(startsOf('1.0.1')).toBe(0);
    });
  });

  describe('kills', () => {
    /** The task, a child in its group, and one in a session of its own; all ignore SIGTERM when `stubborn`. */
    const family = (attempt: string, stubborn: boolean) => {
      const body = `${stubborn ? "trap '' TERM; " : ''}echo "child $$" >> '${ledger}'; while :; do sleep 0.1; done`;
      return task(
        attempt,
        `${stubborn ? "trap '' TERM" : ''}
        sh -c "$BODY" &
        setsid sh -c "$BODY" &
        wait; while :; do sleep 0.1; done`,
        { env: { BODY: body } },
      );
    };

    test.each([false, true])(
      'everything that an attempt started, also in another session (ignoring SIGTERM: %s)',
      async (stubborn) => {
        await started();
        let left: number[] | null = null;
        master.onReport = (report) => {
          if (report.kind === 'finished') left ??= pids().filter(isAlive);
        };
        master.dispatch(family('1.0.1', stubborn));
        await eventually(() => lines().length === 3, 'three processes');
        const askedAt = performance.now();
        master.kill('1.0.1', 500, { kind: 'killed_by', user: 'ann' });
        master.kill('1.0.1', 500, { kind: 'killed_by', user: 'bob' });
        const { outcome } = await master.report('1.0.1', 'finished');
        expect(outcome).toMatchObject({ state: 'killed', cause: { kind: 'killed_by', user: 'ann' } });
        expect(left).toEqual([]);
        if (stubborn) expect(performance.now() - askedAt).toBeGreaterThan(450);
      },
    );

    test('before the dispatch: it never starts', async () => {
      await started();
      master.kill('1.0.1');
      await master.report('1.0.1', 'tombstoned');
      master.dispatch(task('1.0.1'));
      await master.report('1.0.1', 'tombstoned', { count: 2 });
      master.send(
        { kind: 'kill', attempt: idOf('1.1.1'), graceMs: 0, cause: { kind: 'oom' } },
        { kind: 'dispatch', spec: task('1.1.1') },
      );
      await master.report('1.1.1', 'tombstoned');
      master.dispatch(task('1.2.1'));
      await master.report('1.2.1', 'finished');
      expect(lines()).toHaveLength(1);
      expect([startsOf('1.0.1'), startsOf('1.1.1')]).toEqual([0, 0]);
    });

    test('in one frame with the dispatch: it ends killed, or never starts', async () => {
      await started();
      master.send(
        { kind: 'dispatch', spec: task('1.0.1', 'exec sleep 60') },
        { kind: 'kill', attempt: idOf('1.0.1'), graceMs: 100, cause: { kind: 'killed_by', user: 'ann' } },
      );
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('killed');
      expect(pids().filter(isAlive)).toEqual([]);
    });

    test('after the end: told how it had ended', async () => {
      await started();
      master.dispatch(task('1.0.1'));
      await master.report('1.0.1', 'finished');
      await master.beats(2);
      const told = master.kindsOf('1.0.1').length;
      master.kill('1.0.1');
      await master.until(
        () => master.kindsOf('1.0.1').length > told,
        () => 'an answer',
      );
      expect(master.reportsOf('1.0.1').at(-1)).toMatchObject({ kind: 'finished', outcome: { state: 'succeeded' } });
    });
  });

  describe('reports', () => {
    test('again until exactly that report is acknowledged, ever more rarely, then not any more', async () => {
      await started();
      master.acknowledges = false;
      master.dispatch(task('1.0.1'));
      const second = await master.report('1.0.1', 'finished', { count: 2 });
      master.ack({ ...second, sequence: second.sequence - 1 });
      const third = await master.report('1.0.1', 'finished', { count: 3 });
      const heard = master.heard.filter(({ report }) => report.kind === 'finished');
      expect(new Set(heard.map(({ report }) => report.sequence)).size).toBe(1);
      const [firstAt = 0, secondAt = 0, thirdAt = 0] = heard.map(({ at }) => at);
      expect(secondAt - firstAt).toBeGreaterThan(600);
      expect(thirdAt - secondAt).toBeGreaterThan(secondAt - firstAt);
      master.ack(third);
      await master.until(
        () => master.heartbeats.at(-1)?.attempts.length === 0,
        () => 'it is held no more',
      );
      const told = master.kindsOf('1.0.1').length;
      await master.beats(10);
      expect(master.kindsOf('1.0.1')).toHaveLength(told);
    });

    test('no more on what nobody knows; of that, what still runs is killed', async () => {
      await started();
      master.acknowledges = false;
      master.dispatch(task('1.0.1'), task('2.0.1', 'exec sleep 60'));
      master.ack(await master.report('1.0.1', 'finished'), 'unknown');
      master.ack(await master.report('2.0.1', 'running'), 'unknown');
      master.ack(await master.report('2.0.1', 'finished'), 'unknown');
      expect((await master.report('2.0.1', 'finished')).outcome.state).toBe('killed');
      await master.until(
        () => master.heartbeats.at(-1)?.attempts.length === 0,
        () => 'nothing is held any more',
      );
      expect(pids().filter(isAlive)).toEqual([]);
    });

    test('what it knows when asked, and that it has never heard of the rest', async () => {
      await started();
      master.dispatch(task('1.0.1'), task('2.0.1', 'exec sleep 60'));
      await master.report('1.0.1', 'finished');
      await master.report('2.0.1', 'running');
      await master.beats(2);
      const before = master.heard.length;
      master.query('1.0.1', '2.0.1', '3.0.1');
      await master.until(
        () => master.heard.length >= before + 3,
        () => 'three answers',
      );
      const answers = master.heard.slice(before).map(({ report }) => [report.attempt, report.kind]);
      expect(answers.toSorted(([left = ''], [right = '']) => left.localeCompare(right))).toEqual([
        ['1.0.1', 'finished'],
        ['2.0.1', 'running'],
        ['3.0.1', 'never_seen'],
      ]);
      // To be asked is not to be told: it may still come.
      master.dispatch(task('3.0.1'));
      expect((await master.report('3.0.1', 'finished')).outcome.state).toBe('succeeded');
    });
  });

  describe('execution leases', () => {
    const leaseMs = 4_000;

    test('what no master renews is killed in time, and reported as lost', async () => {
      await started();
      master.dispatch(task('1.0.1', "trap '' TERM; while :; do sleep 0.1; done", { executionLeaseMs: leaseMs }));
      await master.report('1.0.1', 'running');
      await master.beats(1);
      master.renews = false;
      const { renewedAt } = master;
      await eventually(() => pids().every((pid) => !isAlive(pid)), 'it is gone');
      expect(performance.now() - renewedAt).toBeLessThan(leaseMs);
      expect(performance.now() - renewedAt).toBeGreaterThan(leaseMs / 3);
      await master.report('1.0.1', 'lost');
    });

    test('also while the worker itself is frozen', async () => {
      await started();
      master.dispatch(task('1.0.1', "trap '' TERM; while :; do sleep 0.1; done", { executionLeaseMs: leaseMs }));
      await master.report('1.0.1', 'running');
      await master.beats(1);
      const { renewedAt } = master;
      worker.kill('SIGSTOP');
      try {
        await eventually(() => pids().every((pid) => !isAlive(pid)), 'it is gone');
        expect(performance.now() - renewedAt).toBeLessThan(leaseMs);
      } finally {
        worker.kill('SIGCONT');
      }
      await master.until(
        () => master.kindsOf('1.0.1').some((kind) => kind === 'lost' || kind === 'finished'),
        () => 'its end is told',
      );
    });

    test('heartbeats that are answered keep it running', async () => {
      await started();
      master.dispatch(task('1.0.1', 'sleep 3', { executionLeaseMs: 1_500 }));
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
    });
  });

  describe('connections', () => {
    test('may break: it dials again, says what it holds, and nothing runs twice', async () => {
      await started();
      master.dispatch(task('1.0.1', 'sleep 1.5'), task('2.0.1'));
      await master.report('2.0.1', 'finished');
      await master.report('1.0.1', 'running');
      master.hangUp();
      await master.until(
        () => master.hellos.length >= 2,
        () => 'a second hello',
      );
      expect(master.hello.attempts).toEqual(['1.0.1']);
      expect(master.hello.worker).toBe(master.hellos[0]?.worker);
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      expect([startsOf('1.0.1'), startsOf('2.0.1')]).toEqual([1, 1]);
    });

    test('a result that nobody could hear is told to the master that comes back', async () => {
      await started();
      master.dispatch(task('1.0.1', 'sleep 0.5; echo done >> "$FILE"', { env: { FILE: `${ledger}.done` } }));
      await master.report('1.0.1', 'running');
      await master.close();
      await eventually(() => readIfThere(`${ledger}.done`) !== '', 'it has ended');
      await master.open();
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      expect(startsOf('1.0.1')).toBe(1);
    });

    test('what has no acknowledgement is told again as soon as a master welcomes', async () => {
      await started();
      master.acknowledges = false;
      master.dispatch(task('1.0.1'));
      // The fourth would come 3 s later at the soonest.
      await master.report('1.0.1', 'finished', { count: 3 });
      master.acknowledges = true;
      master.hangUp();
      const hungUpAt = performance.now();
      await master.report('1.0.1', 'finished', { count: 4 });
      expect(performance.now() - hungUpAt).toBeLessThan(2_000);
      expect(master.heard.at(-1)?.connection).toBe(2);
    });

    test('to several masters: each hears what it asks, and any may take over', async () => {
      const other = new MasterByHand('m-2');
      masters.push(other);
      await other.open();
      await started();
      await other.until(
        () => other.hellos.length > 0,
        () => 'a hello at the other',
      );
      expect(other.hello.worker).toBe(master.hello.worker);
      master.dispatch(task('1.0.1', 'sleep 1.5'));
      await master.report('1.0.1', 'running');
      expect(other.heard).toEqual([]);
      other.query('1.0.1');
      await other.report('1.0.1', 'running');
      await master.close();
      expect((await other.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      other.dispatch(task('1.0.1'), task('1.1.1'));
      await other.report('1.1.1', 'finished');
      expect([startsOf('1.0.1'), startsOf('1.1.1')]).toEqual([1, 1]);
      await master.open();
      await master.until(
        () => master.hellos.length >= 2,
        () => 'it dials again',
      );
    });

    test('to one master over two addresses: one is kept, and nothing is told twice', async () => {
      addresses = () => `${master.url},${master.url.replace('127.0.0.1', 'localhost')}`;
      await started();
      await master.until(
        () => master.kinds.length === 2 && master.connections === 1,
        () => `one of two connections; there are ${master.connections} of ${master.kinds.length}`,
      );
      await master.beats(20);
      expect([master.kinds.length, master.connections]).toEqual([2, 1]);
      master.dispatch(task('1.0.1'));
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      expect(master.kindsOf('1.0.1').filter((kind) => kind === 'finished')).toHaveLength(1);
      master.hangUp();
      await master.until(
        () => master.kinds.length >= 3 && master.connections >= 1,
        () => 'it dials again',
      );
    });

    test('that were silent for too long are not listened to: what waits in them is of another time', async () => {
      master.leaseMs = 120_000;
      await started();
      worker.kill('SIGSTOP');
      try {
        master.dispatch(task('1.0.1'));
        await new Promise((resolve) => setTimeout(resolve, SILENCE_MS + 1_000));
      } finally {
        worker.kill('SIGCONT');
      }
      await master.until(
        () => master.hellos.length >= 2,
        () => 'it dials again',
      );
      master.dispatch(task('2.0.1'));
      await master.report('2.0.1', 'finished');
      expect(startsOf('1.0.1')).toBe(0);
    });

    test('a master that is away does not keep it from the others, and leases of one are enough', async () => {
      const other = new MasterByHand('m-2');
      await other.open();
      await other.close();
      masters.push(other);
      await started();
      master.dispatch(task('1.0.1', 'sleep 2', { executionLeaseMs: 1_200 }));
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      await other.open();
      await other.until(
        () => other.hellos.length > 0,
        () => 'it is dialled',
      );
    });
  });

  test('SIGTERM: it takes nothing new, ends what it has, says goodbye, and is gone', async () => {
    await started();
    master.dispatch(task('1.0.1', 'sleep 1.5'));
    await master.report('1.0.1', 'running');
    const gone = new Promise((ended) => worker.once('exit', (code, signal) => ended(code ?? signal)));
    worker.kill('SIGTERM');
    await master.until(
      () => master.heartbeats.at(-1)?.load.draining === true,
      () => 'a heartbeat that says so',
    );
    master.dispatch(task('2.0.1'));
    await master.report('2.0.1', 'no_capacity');
    expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
    await master.until(
      () => master.saidGoodbye,
      () => 'goodbye',
    );
    expect(await gone).toBe(0);
    expect(startsOf('2.0.1')).toBe(0);
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Kills the worker, and waits until it is gone. */
function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
