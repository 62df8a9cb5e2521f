/**
 * The protocol tests: what docs/worker-protocol.md asks of a worker, tried on workers as processes. They know nothing of a worker but how
 * it is started; the master is played by hand, and what ran is told by a file that each task appends to.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test as base, vi } from 'vitest';
import { WIRE_VERSION, type AttemptSpec } from '@pelorus/protocol';
import { eventually, isAlive, Scratch, shell, specOf, stopProcess, untilThere } from '../fixture.ts';
import { idOf, MasterByHand, TOKEN } from './master-by-hand.ts';

// They wait for leases more than they work.
vi.setConfig({ maxConcurrency: 6 });

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
/** After which a worker hangs up. */
const SILENCE_MS = 20_000;

/** A lease that no test waits for. */
const LONG_MS = 120_000;
/** Of what is to be kept running by heartbeats; it may well be over when nobody renews it. */
const KEPT_LEASE_MS = 10_000;
/** Of what is to be ended in time: a tenth of it is for whoever does that, on a machine that has much else to do. */
const ENDED_LEASE_MS = 20_000;

/** A worker of one test, with its master. */
class Trial {
  readonly master = new MasterByHand();
  /** All that the worker is to know of. */
  readonly masters = [this.master];
  addresses = (): string => this.masters.map(({ url }) => url).join(',');
  readonly #scratch = new Scratch();
  readonly #tested: WorkerUnderTest;
  readonly #ledger = join(this.#scratch.dir, 'ledger');
  #worker: ChildProcess | null = null;
  #said = '';

  constructor(tested: WorkerUnderTest) {
    this.#tested = tested;
  }

  start(): void {
    const { command, environment = {} } = this.#tested;
    const [program = '', ...args] = command;
    const cache = process.env['NODE_COMPILE_CACHE'];
    const worker = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
        PELORUS_MASTERS: this.addresses(),
        PELORUS_WORKER_TOKEN: TOKEN,
        PELORUS_DATA: this.dataDir,
        PELORUS_WORKER_NAME: 'under-test',
        PELORUS_WORKER_GROUPS: 'default,blue',
        PELORUS_WORKER_SLOTS: String(SLOTS),
        PELORUS_WORKER_HEARTBEAT: `${HEARTBEAT_MS}ms`,
        PELORUS_WORKER_MAX_LOAD: '9999',
        PELORUS_WORKER_RESERVED_MEMORY: '0',
        ...environment,
      },
    });
    this.#worker = worker;
    const hear = (text: Buffer): void => void (this.#said += text.toString());
    worker.stdout.on('data', hear);
    worker.stderr.on('data', hear);
  }

  /** Started, welcomed, and with a lease. */
  async started(): Promise<void> {
    this.start();
    await this.master.until(
      () => this.master.hellos.length > 0 && this.master.heartbeats.length > 0,
      () => `a hello; it said: ${this.#said}`,
    );
  }

  /** Ends the worker, and everything that it left behind; resolves with what broke the rules. */
  async end(): Promise<string[]> {
    const offences = this.masters.flatMap((each) => each.offences);
    if (this.#worker) await end(this.#worker);
    for (const each of this.masters) await each.close();
    // Whoever its worker left behind ends by itself; a task that does not is what a test would have seen.
    for (const pid of this.pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    this.#scratch.remove();
    return offences.length === 0 ? [] : [...offences, this.#said];
  }

  get dataDir(): string {
    return this.#scratch.dataDir;
  }

  signal(name: NodeJS.Signals): void {
    this.#worker?.kill(name);
  }

  /** Resolves when the worker does nothing any more; `SIGCONT` lets it go on. */
  freeze(): Promise<void> {
    return stopProcess(this.#worker!.pid!);
  }

  /** What it ended with. */
  get gone(): Promise<number | string | null> {
    return new Promise((ended) => this.#worker?.once('exit', (code, signal) => ended(code ?? signal)));
  }

  // Tasks

  /** A task that writes its process id to the ledger, then does this. */
  readonly task = (attempt: string, script = 'true', more: Partial<AttemptSpec> = {}): AttemptSpec =>
    specOf(attempt, shell(`echo "${attempt} $$" >> '${this.#ledger}'\n${script}`), more);

  /** What a task says to wait until it is let go. */
  get wait(): string {
    return untilThere(this.#gate);
  }

  /** A task that waits until it is let go. */
  readonly waiting = (attempt: string, more: Partial<AttemptSpec> = {}): AttemptSpec =>
    this.task(attempt, `${this.wait}; echo over >> '${this.#gate}'`, more);

  letGo(): void {
    writeFileSync(this.#gate, '');
  }

  /** Whether a task that waited is over. */
  get isOver(): boolean {
    return readIfThere(this.#gate) !== '';
  }

  /** A task that ignores SIGTERM and notes again and again that it lives. */
  readonly stubborn = (attempt: string): AttemptSpec =>
    this.task(attempt, `trap '' TERM; while :; do date +%s%3N >> '${this.#ledger}.alive'; sleep 0.2; done`, {
      executionLeaseMs: ENDED_LEASE_MS,
    });

  /** When a stubborn task was last known to live, by its own account: how late this process looks does not matter. Epoch, milliseconds. */
  get lastAliveAt(): number {
    return Number(readIfThere(`${this.#ledger}.alive`).trim().split('\n').at(-1));
  }

  /** What each process says that is to be in the ledger. */
  readonly sayingChild = (then: string): string => `echo "child $$" >> '${this.#ledger}'; ${then}`;

  /** What tasks wrote: one line for each that was started. */
  lines(): string[] {
    return readIfThere(this.#ledger).split('\n').slice(0, -1);
  }

  startsOf(attempt: string): number {
    return this.lines().filter((line) => line.startsWith(`${attempt} `)).length;
  }

  pids(): number[] {
    return this.lines().map((line) => Number(line.split(' ')[1]));
  }

  get #gate(): string {
    return `${this.#ledger}.go`;
  }
}

export function testWorker(tested: WorkerUnderTest): void {
  const test = base.extend<{ trial: Trial }>({
    trial: async ({ skip }, use) => {
      if (tested.skip !== null) skip(tested.skip);
      const trial = new Trial(tested);
      await trial.master.open();
      await use(trial);
      expect(await trial.end()).toEqual([]);
    },
  });

  describe('introduces itself', () => {
    test('with a hello first, of this version, with what it can and where it is', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
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

    test('with heartbeats that say when they were sent and what is held', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.task('1.0.1', 'exec sleep 1000'));
      await master.report('1.0.1', 'running');
      await master.beats(6);
      const sent = master.heartbeats.slice(-6);
      expect(sent.at(-1)).toMatchObject({ worker: master.hello.worker, attempts: ['1.0.1'], load: { usedSlots: 1 } });
      // The middle of five pauses: a busy machine may hold one up.
      const pausesMs = sent.slice(1).map(({ sentAt }, index) => sentAt - sent[index]!.sentAt);
      const middleMs = pausesMs.toSorted((left, right) => left - right)[2];
      expect(middleMs).toBeGreaterThan(HEARTBEAT_MS / 4);
      expect(middleMs).toBeLessThan(HEARTBEAT_MS * 50);
    });

    test('and hangs up on a master of a version too far away', async ({ trial }) => {
      const { master } = trial;
      master.version = WIRE_VERSION + 2;
      trial.start();
      await master.until(
        () => master.hellos.length >= 2,
        () => 'it dials again',
      );
      master.dispatch(trial.task('1.0.1'));
      await master.until(
        () => master.hellos.length >= 4,
        () => 'it dials again',
      );
      expect(trial.lines()).toEqual([]);
    });

    test('and passes over what a newer master adds', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      const spec = { ...trial.task('1.0.1'), ofTheFuture: { a: 1 } };
      master.sendAnything([
        { kind: 'of-the-future', what: 1 },
        { kind: 'dispatch', spec, priority: 7 },
      ]);
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
    });
  });

  describe('runs what it is given', () => {
    test('accepted, running, finished, with rising sequences, in the environment that was asked for', async ({
      trial,
    }) => {
      const { master } = trial;
      await trial.started();
      const script = `echo "seen=$greeting/$place/$PELORUS_ATTEMPT/$PELORUS_TASK/$(cat data.txt)/$(pwd)" >> "$PELORUS_OUTPUT"
        echo '\${setValue(count= 7 )}'
        ${trial.wait}`;
      const file = { name: 'data.txt', sha256: '', base64: Buffer.from('content').toString('base64') };
      master.dispatch(
        trial.task('5.2.1', script, {
          params: { greeting: 'good morning' },
          env: { place: "it's here" },
          files: [file],
          outputs: { count: { type: 'integer' } },
        }),
      );
      await master.report('5.2.1', 'running');
      trial.letGo();
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
      expect(work).toContain(trial.dataDir);
      expect(outcome.endedAt).toBeGreaterThanOrEqual(outcome.startedAt);
      expect([...new Set(master.kindsOf('5.2.1'))]).toEqual(['accepted', 'running', 'finished']);
      const told = master.reportsOf('5.2.1').map(({ kind, sequence }) => `${sequence} ${kind}`);
      expect(new Set(told).size).toBe(3);
      const sequences = master.reportsOf('5.2.1').map(({ sequence }) => sequence);
      expect(sequences).toEqual(sequences.toSorted((left, right) => left - right));
    });

    test('a task that fails says how', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.task('1.0.1', 'exit 7'), trial.task('1.1.1', 'kill -9 $$'));
      expect((await master.report('1.0.1', 'finished')).outcome).toMatchObject({
        state: 'failed',
        cause: { kind: 'exit', code: 7 },
      });
      expect((await master.report('1.1.1', 'finished')).outcome).toMatchObject({
        state: 'failed',
        cause: { kind: 'signal', name: 'SIGKILL' },
      });
    });

    test('a task that can never run here fails at once, and does not go round', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(specOf('1.0.1', { type: 'shell', run: null, file: null, shell: 'sh', substitution: 'env' }));
      const { outcome } = await master.report('1.0.1', 'finished');
      expect(outcome).toMatchObject({ state: 'failed', cause: { kind: 'invalid' } });
    });

    test('the same dispatch again and again starts one process, before and after its end', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      const spec = trial.waiting('1.0.1');
      master.dispatch(spec, spec, spec);
      master.dispatch(spec);
      await master.report('1.0.1', 'running');
      for (let again = 0; again < 5; again++) master.dispatch(spec);
      trial.letGo();
      await master.report('1.0.1', 'finished');
      await master.beats(2);
      const told = master.kindsOf('1.0.1').filter((kind) => kind === 'finished').length;
      master.dispatch(spec);
      await master.report('1.0.1', 'finished', { count: told + 1 });
      expect(trial.startsOf('1.0.1')).toBe(1);
    });

    test('no more at a time than it has slots; what is over that goes back at once', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      const all = Array.from({ length: SLOTS + 2 }, (_, index) => `1.${index}.1`);
      master.dispatch(...all.map((attempt) => trial.task(attempt, 'exec sleep 1000')));
      const refused = all.slice(SLOTS);
      for (const attempt of refused) await master.report(attempt, 'no_capacity');
      for (const attempt of all.slice(0, SLOTS)) await master.report(attempt, 'running');
      await eventually(() => trial.lines().length === SLOTS, 'all that were taken have begun');
      master.kill('1.0.1', 100);
      await master.report('1.0.1', 'finished');
      // The refused attempt stays refused; the next one of the same task finds the slot.
      master.dispatch(trial.task(refused[0]!), trial.task('1.4.2'));
      expect((await master.report('1.4.2', 'finished')).outcome.state).toBe('succeeded');
      expect(trial.startsOf(refused[0]!)).toBe(0);
    });

    test('nothing without a scheduling lease', async ({ trial }) => {
      const { master } = trial;
      master.welcomes = false;
      master.renews = false;
      await trial.started();
      master.dispatch(trial.task('1.0.1'));
      await master.report('1.0.1', 'no_capacity');
      expect(trial.lines()).toEqual([]);
    });

    test('nothing after its scheduling lease has ended', async ({ trial }) => {
      const { master } = trial;
      master.leaseMs = 1_000;
      await trial.started();
      master.renews = false;
      await eventually(() => Date.now() - master.renewedAt > 1_000, 'the lease has ended');
      master.dispatch(trial.task('1.0.1'));
      await master.report('1.0.1', 'no_capacity');
      master.renews = true;
      master.leaseMs = LONG_MS;
      await master.beats(2);
      master.dispatch(trial.task('1.0.2'));
      expect((await master.report('1.0.2', 'finished')).outcome.state).toBe('succeeded');
      expect(trial.startsOf('1.0.1')).toBe(0);
    });
  });

  describe('kills', () => {
    /** The task, a child in its group, and one in a session of its own; all ignore SIGTERM when `stubborn`. */
    const family = (trial: Trial, attempt: string, stubborn: boolean) => {
      const body = `${stubborn ? "trap '' TERM; " : ''}${trial.sayingChild('while :; do sleep 0.1; done')}`;
      return trial.task(
        attempt,
        `${stubborn ? "trap '' TERM" : ''}
        sh -c "$BODY" &
        setsid sh -c "$BODY" &
        wait; while :; do sleep 0.1; done`,
        { env: { BODY: body } },
      );
    };

    test.for([false, true])(
      'everything that an attempt started, also in another session (ignoring SIGTERM: %s)',
      async (stubborn, { trial }) => {
        const { master } = trial;
        await trial.started();
        let left: number[] | null = null;
        master.onReport = (report) => {
          if (report.kind === 'finished') left ??= trial.pids().filter(isAlive);
        };
        master.dispatch(family(trial, '1.0.1', stubborn));
        await eventually(() => trial.lines().length === 3, 'three processes');
        const askedAt = performance.now();
        master.kill('1.0.1', 500, { kind: 'killed_by', user: 'ann' });
        master.kill('1.0.1', 500, { kind: 'killed_by', user: 'bob' });
        const { outcome } = await master.report('1.0.1', 'finished');
        expect(outcome).toMatchObject({ state: 'killed', cause: { kind: 'killed_by', user: 'ann' } });
        expect(left).toEqual([]);
        if (stubborn) expect(performance.now() - askedAt).toBeGreaterThan(450);
      },
    );

    test('before the dispatch: it never starts', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.kill('1.0.1');
      await master.report('1.0.1', 'tombstoned');
      master.dispatch(trial.task('1.0.1'));
      await master.report('1.0.1', 'tombstoned', { count: 2 });
      master.send(
        { kind: 'kill', attempt: idOf('1.1.1'), graceMs: 0, cause: { kind: 'oom' } },
        { kind: 'dispatch', spec: trial.task('1.1.1') },
      );
      await master.report('1.1.1', 'tombstoned');
      master.dispatch(trial.task('1.2.1'));
      await master.report('1.2.1', 'finished');
      expect(trial.lines()).toHaveLength(1);
      expect([trial.startsOf('1.0.1'), trial.startsOf('1.1.1')]).toEqual([0, 0]);
    });

    test('in one frame with the dispatch: it ends killed, or never starts', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.send(
        { kind: 'dispatch', spec: trial.task('1.0.1', 'exec sleep 1000') },
        { kind: 'kill', attempt: idOf('1.0.1'), graceMs: 100, cause: { kind: 'killed_by', user: 'ann' } },
      );
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('killed');
      expect(trial.pids().filter(isAlive)).toEqual([]);
    });

    test('after the end: told how it had ended', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.task('1.0.1'));
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
    test('again until exactly that report is acknowledged, ever more rarely, then not any more', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.acknowledges = false;
      master.dispatch(trial.task('1.0.1'));
      const second = await master.report('1.0.1', 'finished', { count: 2 });
      master.ack({ ...second, sequence: second.sequence - 1 });
      const fourth = await master.report('1.0.1', 'finished', { count: 4 });
      const heard = master.heard.filter(({ report }) => report.kind === 'finished').slice(0, 4);
      expect(new Set(heard.map(({ report }) => report.sequence)).size).toBe(1);
      // After 1, 2 and 4 s, each a quarter more or less, by the clock of the worker; once a second would be 3.75 s at most.
      expect(heard[3]!.beforeAt - heard[0]!.beforeAt).toBeGreaterThan(4_000);
      master.ack(fourth);
      await master.until(
        () => master.heartbeats.at(-1)?.attempts.length === 0,
        () => 'it is held no more',
      );
      const told = master.kindsOf('1.0.1').length;
      await master.beats(10);
      expect(master.kindsOf('1.0.1')).toHaveLength(told);
    });

    test('no more on what nobody knows; of that, what still runs is killed', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.acknowledges = false;
      master.dispatch(trial.task('1.0.1'), trial.task('2.0.1', 'exec sleep 1000'));
      master.ack(await master.report('1.0.1', 'finished'), 'unknown');
      master.ack(await master.report('2.0.1', 'running'), 'unknown');
      master.ack(await master.report('2.0.1', 'finished'), 'unknown');
      expect((await master.report('2.0.1', 'finished')).outcome.state).toBe('killed');
      await master.until(
        () => master.heartbeats.at(-1)?.attempts.length === 0,
        () => 'nothing is held any more',
      );
      expect(trial.pids().filter(isAlive)).toEqual([]);
    });

    test('what it knows when asked, and that it has never heard of the rest', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.task('1.0.1'), trial.task('2.0.1', 'exec sleep 1000'));
      await master.report('1.0.1', 'finished');
      await master.report('2.0.1', 'running');
      await master.beats(2);
      const before = master.heard.length;
      master.query('1.0.1', '2.0.1', '3.0.1');
      const answers = () => new Set(master.heard.slice(before).map(({ report }) => `${report.attempt} ${report.kind}`));
      await master.until(
        () => answers().size >= 3,
        () => 'three answers',
      );
      expect([...answers()].toSorted()).toEqual(['1.0.1 finished', '2.0.1 running', '3.0.1 never_seen']);
      // To be asked is not to be told: it may still come.
      master.dispatch(trial.task('3.0.1'));
      expect((await master.report('3.0.1', 'finished')).outcome.state).toBe('succeeded');
    });
  });

  describe('execution leases', () => {
    test('what no master renews is killed in time, and reported as lost', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.stubborn('1.0.1'));
      await master.report('1.0.1', 'running');
      await master.beats(1);
      master.renews = false;
      await eventually(() => trial.lines().length > 0 && !trial.pids().some(isAlive), 'it is gone');
      expect(trial.lastAliveAt - master.renewedAt).toBeLessThan(ENDED_LEASE_MS);
      expect(trial.lastAliveAt - master.renewedAt).toBeGreaterThan(ENDED_LEASE_MS / 3);
      await master.report('1.0.1', 'lost');
    });

    test('also while the worker itself is frozen', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.stubborn('1.0.1'));
      await master.report('1.0.1', 'running');
      await master.beats(1);
      await trial.freeze();
      try {
        await eventually(() => trial.lines().length > 0 && !trial.pids().some(isAlive), 'it is gone');
        expect(trial.lastAliveAt - master.renewedAt).toBeLessThan(ENDED_LEASE_MS);
      } finally {
        trial.signal('SIGCONT');
      }
      await master.until(
        () => master.kindsOf('1.0.1').some((kind) => kind === 'lost' || kind === 'finished'),
        () => 'its end is told',
      );
    });

    test('heartbeats that are answered keep it running', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.waiting('1.0.1', { executionLeaseMs: KEPT_LEASE_MS }));
      await master.report('1.0.1', 'running');
      const from = Date.now();
      await eventually(() => Date.now() - from > KEPT_LEASE_MS * 1.5, 'its lease would be over');
      trial.letGo();
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
    });
  });

  describe('connections', () => {
    test('may break: it dials again, says what it holds, and nothing runs twice', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.waiting('1.0.1'), trial.task('2.0.1'));
      await master.report('2.0.1', 'finished');
      await master.report('1.0.1', 'running');
      await master.until(
        () => master.heartbeats.at(-1)?.attempts.join() === '1.0.1',
        () => 'it has heard that the end of the other one is stored',
      );
      master.hangUp();
      await master.until(
        () => master.hellos.length >= 2,
        () => 'a second hello',
      );
      expect(master.hello.attempts).toEqual(['1.0.1']);
      expect(master.hello.worker).toBe(master.hellos[0]?.worker);
      trial.letGo();
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      expect([trial.startsOf('1.0.1'), trial.startsOf('2.0.1')]).toEqual([1, 1]);
    });

    test('a result that nobody could hear is told to the master that comes back', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.dispatch(trial.waiting('1.0.1'));
      await master.report('1.0.1', 'running');
      await master.close();
      trial.letGo();
      await eventually(() => trial.isOver, 'it has ended');
      await master.open();
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      expect(trial.startsOf('1.0.1')).toBe(1);
    });

    test('what has no acknowledgement is told again as soon as a master welcomes', async ({ trial }) => {
      const { master } = trial;
      await trial.started();
      master.acknowledges = false;
      master.dispatch(trial.task('1.0.1'));
      await master.report('1.0.1', 'finished', { count: 4 });
      master.hangUp();
      const again = () => master.heard.find(({ connection }) => connection > 1);
      await master.until(
        () => again() !== undefined,
        () => 'it is told again',
      );
      master.ack(again()!.report);
      // At its time it would have come after 6 s at the soonest, behind thirty heartbeats.
      expect(master.kinds[1]!.indexOf('report')).toBeLessThan(15);
    });

    test('to several masters: each hears what it asks, and any may take over', async ({ trial }) => {
      const { master } = trial;
      const other = new MasterByHand('m-2');
      trial.masters.push(other);
      await other.open();
      await trial.started();
      await other.until(
        () => other.hellos.length > 0,
        () => 'a hello at the other',
      );
      expect(other.hello.worker).toBe(master.hello.worker);
      master.dispatch(trial.waiting('1.0.1'));
      await master.report('1.0.1', 'running');
      expect(other.heard).toEqual([]);
      other.query('1.0.1');
      await other.report('1.0.1', 'running');
      await master.close();
      trial.letGo();
      expect((await other.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      other.dispatch(trial.task('1.0.1'), trial.task('1.1.1'));
      await other.report('1.1.1', 'finished');
      expect([trial.startsOf('1.0.1'), trial.startsOf('1.1.1')]).toEqual([1, 1]);
      await master.open();
      await master.until(
        () => master.hellos.length >= 2,
        () => 'it dials again',
      );
    });

    test('to one master over two addresses: one is kept, and nothing is told twice', async ({ trial }) => {
      const { master } = trial;
      trial.addresses = () => `${master.url},${master.url.replace('127.0.0.1', 'localhost')}`;
      await trial.started();
      await master.until(
        () => master.kinds.length === 2 && master.connections === 1,
        () => `one of two connections; there are ${master.connections} of ${master.kinds.length}`,
      );
      await master.beats(20);
      expect([master.kinds.length, master.connections]).toEqual([2, 1]);
      master.dispatch(trial.task('1.0.1'));
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      expect(master.kindsOf('1.0.1').filter((kind) => kind === 'finished')).toHaveLength(1);
      master.hangUp();
      await master.until(
        () => master.kinds.length >= 3 && master.connections >= 1,
        () => 'it dials again',
      );
    });

    test('that were silent for too long are not listened to: what waits in them is of another time', async ({
      trial,
    }) => {
      const { master } = trial;
      master.leaseMs = LONG_MS;
      await trial.started();
      await trial.freeze();
      try {
        master.dispatch(trial.task('1.0.1'));
        await new Promise((resolve) => setTimeout(resolve, SILENCE_MS + 1_000));
      } finally {
        trial.signal('SIGCONT');
      }
      await master.until(
        () => master.hellos.length >= 2,
        () => 'it dials again',
      );
      master.dispatch(trial.task('2.0.1'));
      await master.report('2.0.1', 'finished');
      expect(trial.startsOf('1.0.1')).toBe(0);
    });

    test('a master that is away does not keep it from the others, and leases of one are enough', async ({ trial }) => {
      const { master } = trial;
      const other = new MasterByHand('m-2');
      await other.open();
      await other.close();
      trial.masters.push(other);
      await trial.started();
      master.dispatch(trial.waiting('1.0.1', { executionLeaseMs: KEPT_LEASE_MS }));
      await master.report('1.0.1', 'running');
      const from = Date.now();
      await eventually(() => Date.now() - from > KEPT_LEASE_MS * 1.5, 'its lease would be over');
      trial.letGo();
      expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
      await other.open();
      await other.until(
        () => other.hellos.length > 0,
        () => 'it is dialled',
      );
    });
  });

  test('SIGTERM: it takes nothing new, ends what it has, says goodbye, and is gone', async ({ trial }) => {
    const { master } = trial;
    await trial.started();
    master.dispatch(trial.waiting('1.0.1'));
    await master.report('1.0.1', 'running');
    const { gone } = trial;
    trial.signal('SIGTERM');
    await master.until(
      () => master.heartbeats.at(-1)?.load.draining === true,
      () => 'a heartbeat that says so',
    );
    master.dispatch(trial.task('2.0.1'));
    await master.report('2.0.1', 'no_capacity');
    trial.letGo();
    expect((await master.report('1.0.1', 'finished')).outcome.state).toBe('succeeded');
    await master.until(
      () => master.saidGoodbye,
      () => 'goodbye',
    );
    expect(await gone).toBe(0);
    expect(trial.startsOf('2.0.1')).toBe(0);
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
function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
