/** The agent, the supervisor or both are killed while tasks run; each task's command must run once and its end be told once. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptSpec, MasterLink, MasterToWorker, WorkerToMaster } from '@pelorus/protocol';
import { bootClockMs, hostBootId } from '../src/boot-clock.ts';
import { executionDeadline } from '../src/execution-lease.ts';
import { removeSealKey } from '../src/secrets/seal.ts';
import {
  eventually,
  HandMaster,
  isAlive,
  Scratch,
  script,
  scriptUntilThere,
  shell,
  specOf,
  startTestWorker,
  stopProcess,
  untilThere,
} from './fixture.ts';
import { filesHolding } from './vanishing-files.ts';

let scratch: Scratch;
let dir: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  scratch = new Scratch();
  dir = mkdtempSync(join(scratch.dir, 'test-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) await killHard(child);
  // Whoever comes last ends the supervisor and what it still runs.
  const master = new HandMaster();
  const worker = await startTestWorker(scratch, master);
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

async function startAgent(master: HandMaster): Promise<ChildProcess> {
  const options = JSON.stringify({ dataDir: scratch.dataDir, logDir: scratch.logDir });
  const child = fork(join(import.meta.dirname, 'agent-process.ts'), [options], { serialization: 'json' });
  children.push(child);
  const link: MasterLink = {
    send: (messages: MasterToWorker[]) => {
      if (child.connected) child.send(messages, () => {});
    },
    onFrame: (listener) => {
      child.on('message', (messages) => listener(messages as WorkerToMaster[]));
      child.on('exit', () => listener(null));
    },
    close: () => child.disconnect(),
  };
  master.accept(link);
  await master.until(
    () => master.hello !== null,
    () => 'no hello',
  );
  return child;
}

function killHard(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** The supervisor of the scratch directory, found by its argument; a second one that was started too early ends by itself. */
async function supervisorPid(): Promise<number> {
  const argument = `"dataDir":"${scratch.dataDir}"`;
  return theOne('supervisor', (pid) => {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes(argument) && command.includes('supervisor/main');
  });
}

/** Waits until there is one process that is meant; what vanishes under the look is not. */
async function theOne(what: string, isMeant: (pid: number) => boolean): Promise<number> {
  let found: number[] = [];
  const look = (): boolean => {
    found = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return isMeant(pid);
        } catch {
          return false;
        }
      });
    return found.length === 1;
  };
  await eventually(look, `there is one ${what}`);
  return found[0]!;
}

/** Whether a file of the test's directory holds a whole line. */
const holds = (file: string): boolean =>
  existsSync(join(dir, file)) && readFileSync(join(dir, file), 'utf8').endsWith('\n');
const marks = (): string[] =>
  existsSync(join(dir, 'marks')) ? readFileSync(join(dir, 'marks'), 'utf8').trim().split('\n') : [];

const gate = (name: string): string => join(dir, `go-${name}`);
const letGo = (...names: string[]): void => names.forEach((name) => writeFileSync(gate(name), ''));

/** A task that leaves a mark, and waits until it is let go. */
const markThenWait = (attempt: string, name: string): AttemptSpec =>
  specOf(
    attempt,
    shell(`echo ${name} >>$D/marks; ${untilThere(gate(name))}; echo v=${name} >>$PELORUS_OUTPUT; exit 5`),
    { env: { D: dir } },
  );
const markThenWaitInScript = (attempt: string, name: string): AttemptSpec =>
  specOf(
    attempt,
    script(`const { appendFileSync, writeFileSync } = await import('node:fs');
      writeFileSync('${dir}/pid-${name}', String(process.pid)); appendFileSync('${dir}/marks', '${name}\\n');
      ${scriptUntilThere(gate(name))} return { v: '${name}' }`),
  );

describe('the agent is killed while tasks run', () => {
  test('the next one takes them over: running, ended meanwhile, each once', async () => {
    const first = new HandMaster();
    first.acknowledges = false;
    const agent = await startAgent(first);
    const worker = first.hello?.worker;
    first.dispatch(
      markThenWait('1.0.1', 'long'),
      markThenWait('1.1.1', 'short'),
      markThenWaitInScript('1.2.1', 'script'),
    );
    await eventually(() => marks().length === 3, 'all three run');
    await killHard(agent);
    letGo('short');
    await eventually(
      () => readFileSync(join(scratch.dataDir, 'attempts/journal'), 'utf8').includes('"1.1.1"'),
      'the short one has ended',
    );

    const second = new HandMaster();
    await startAgent(second);
    expect(second.hello?.attempts.toSorted()).toEqual(['1.0.1', '1.1.1', '1.2.1']);
    expect(second.hello?.supersedes).toEqual([worker]);
    const failed = { state: 'failed', cause: { kind: 'exit', code: 5 } };
    expect(await second.finished('1.1.1')).toMatchObject({ ...failed, outputs: { v: 'short' } });
    letGo('script');
    expect(await second.finished('1.2.1')).toMatchObject({ state: 'succeeded', outputs: { v: 'script' } });
    // A master that asks again, as one does after a takeover, starts nothing.
    const told = second.reportsOf('1.0.1').length;
    second.dispatch(markThenWait('1.0.1', 'long'));
    await second.until(
      () => second.reportsOf('1.0.1').length > told,
      () => 'no answer',
    );
    letGo('long');
    expect(await second.finished('1.0.1')).toMatchObject({ ...failed, outputs: { v: 'long' } });
    expect(marks().toSorted()).toEqual(['long', 'script', 'short']);
    const ends = second.reports.filter((report) => report.kind === 'finished');
    expect(new Set(ends.map(({ attempt, sequence }) => `${attempt} ${sequence}`)).size).toBe(3);
  });

  test('what a master had acknowledged is known to the next one: it is told again, and not begun again', async () => {
    const first = new HandMaster();
    const agent = await startAgent(first);
    const spec = markThenWait('1.0.1', 'once');
    letGo('once');
    first.dispatch(spec);
    const { sequence } = await first.report('1.0.1', 'finished');
    // Only what is settled is heard no more.
    await eventually(() => readFileSync(join(scratch.dataDir, 'settled'), 'utf8').includes('"1.0.1"'), 'settled');
    await killHard(agent);
    const second = new HandMaster();
    await startAgent(second);
    expect(second.hello?.attempts).toEqual([]);
    second.dispatch(spec);
    const again = await second.report('1.0.1', 'finished');
    expect(again).toMatchObject({ sequence, outcome: { state: 'failed', outputs: { v: 'once' } } });
    expect(marks()).toEqual(['once']);
  });

  test('and no agent follows: tasks end, then the supervisor; a later one finds the results', async () => {
    const first = new HandMaster();
    const agent = await startAgent(first);
    first.dispatch(markThenWait('1.0.1', 'a'), markThenWaitInScript('1.1.1', 'b'));
    await eventually(() => marks().length === 2, 'both run');
    const supervisor = await supervisorPid();
    await killHard(agent);
    letGo('a', 'b');
    await eventually(() => !isAlive(supervisor), 'the supervisor has ended');
    const second = new HandMaster();
    await startAgent(second);
    expect(await second.finished('1.0.1')).toMatchObject({ state: 'failed', outputs: { v: 'a' } });
    expect(await second.finished('1.1.1')).toMatchObject({ state: 'succeeded', outputs: { v: 'b' } });
    expect(marks().toSorted()).toEqual(['a', 'b']);
  });
});

test('without an agent the supervisor ends in time what no master renews, and the next agent reports it lost', async () => {
  const first = new HandMaster();
  const agent = await startAgent(first);
  const lease = { executionLeaseMs: 8_000, killGraceMs: 500 };
  first.dispatch(
    specOf('1.0.1', shell("trap '' TERM; echo $$ >$D/pid; while :; do sleep 0.1; done"), { env: { D: dir }, ...lease }),
    specOf('1.1.1', script('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'), lease),
  );
  await first.report('1.0.1', 'running');
  await first.report('1.1.1', 'running');
  await eventually(() => holds('pid'), 'the task runs');
  const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
  await killHard(agent);
  const { renewedAt } = JSON.parse(readFileSync(join(scratch.dataDir, 'lease.json'), 'utf8')) as { renewedAt: number };
  await eventually(() => !isAlive(pid), 'the task is ended');
  expect(bootClockMs()).toBeGreaterThanOrEqual(executionDeadline(renewedAt, lease).termAt);
  const second = new HandMaster();
  await startAgent(second);
  await second.report('1.0.1', 'lost');
  await second.report('1.1.1', 'lost');
});

describe('the supervisor is killed while tasks run', () => {
  test('another takes its place, finds them again and reports their ends', async () => {
    const master = new HandMaster();
    await startAgent(master);
    master.dispatch(
      markThenWait('1.0.1', 'a'),
      markThenWaitInScript('1.1.1', 's'),
      markThenWaitInScript('1.3.1', 'unaware'),
    );
    await eventually(() => marks().length === 3, 'all run');
    const supervisor = await supervisorPid();
    // The script is to end before its process has noticed that nobody hears it any more.
    const unaware = Number(readFileSync(join(dir, 'pid-unaware'), 'utf8'));
    process.kill(unaware, 'SIGSTOP');
    process.kill(supervisor, 'SIGKILL');
    await eventually(() => !isAlive(supervisor), 'it is dead');
    expect(await supervisorPid()).not.toBe(supervisor);
    letGo('a', 's', 'unaware');
    process.kill(unaware, 'SIGCONT');
    expect(await master.finished('1.0.1')).toMatchObject({
      state: 'failed',
      cause: { kind: 'exit', code: 5 },
      outputs: { v: 'a' },
    });
    expect(await master.finished('1.1.1')).toMatchObject({ state: 'succeeded', outputs: { v: 's' } });
    expect(await master.finished('1.3.1')).toMatchObject({ state: 'succeeded', outputs: { v: 'unaware' } });
    expect(marks().toSorted()).toEqual(['a', 's', 'unaware']);
    master.dispatch(specOf('1.2.1', shell('exit 6')));
    expect(await master.finished('1.2.1')).toMatchObject({ cause: { kind: 'exit', code: 6 } });
  });

  test('what it had found again can be killed, whole', async () => {
    const master = new HandMaster();
    await startAgent(master);
    master.dispatch(
      specOf('1.0.1', shell('setsid sleep 1000 & echo $! >$D/pid; sleep 1000'), { env: { D: dir } }),
      specOf('1.1.1', script('await new Promise(() => setTimeout(() => {}, 1e6))')),
    );
    await eventually(() => holds('pid'), 'the task runs');
    await master.report('1.1.1', 'running');
    const escaped = Number(readFileSync(join(dir, 'pid'), 'utf8'));
    const before = await supervisorPid();
    process.kill(before, 'SIGKILL');
    await eventually(() => !isAlive(before), 'it is dead');
    master.kill('1.0.1');
    master.kill('1.1.1');
    expect(await master.finished('1.0.1')).toMatchObject({ state: 'killed' });
    expect(await master.finished('1.1.1')).toMatchObject({ state: 'killed' });
    expect(isAlive(escaped)).toBe(false);
  });

  test('a task whose processes were killed with it is lost', async () => {
    const master = new HandMaster();
    await startAgent(master);
    master.dispatch(specOf('1.0.1', shell('echo $PPID >$D/shell; echo $$ >$D/pid; sleep 1000'), { env: { D: dir } }));
    await eventually(() => holds('pid'), 'the task runs');
    await master.report('1.0.1', 'running');
    const slot = Number(readFileSync(join(dir, 'shell'), 'utf8'));
    process.kill(await supervisorPid(), 'SIGKILL');
    process.kill(-slot, 'SIGKILL');
    await master.report('1.0.1', 'lost');
  });
});

test('agent and supervisor are killed: the next agent finds everything through the journal', async () => {
  const first = new HandMaster();
  const agent = await startAgent(first);
  first.dispatch(markThenWait('1.0.1', 'a'), markThenWait('1.1.1', 'b'));
  await eventually(() => marks().length === 2, 'both run');
  process.kill(await supervisorPid(), 'SIGKILL');
  await killHard(agent);
  letGo('b');
  const second = new HandMaster();
  await startAgent(second);
  expect(second.hello?.attempts.toSorted()).toEqual(['1.0.1', '1.1.1']);
  expect(await second.finished('1.1.1')).toMatchObject({ state: 'failed', outputs: { v: 'b' } });
  letGo('a');
  expect(await second.finished('1.0.1')).toMatchObject({ state: 'failed', outputs: { v: 'a' } });
  expect(marks().toSorted()).toEqual(['a', 'b']);
});

/** What a supervisor noted of a process, by its pid, as it was in some boot. */
function noted(attempt: string, { bootId, pid }: { bootId: string; pid: number }): Record<string, unknown> {
  return { attempt, bootId, pid, startTime: 1, startedAt: 5, killGraceMs: 1000, executionLeaseMs: 60_000 };
}

/** Leaves what a supervisor would have left of a shell task; `exit`: how it ended, if it had. */
function leaveTask(attempt: string, process: { bootId: string; pid: number }, exit = ''): void {
  const record = { ...noted(attempt, process), outputs: {}, logPath: join(scratch.logDir, 'x.log') };
  const directory = join(scratch.dataDir, 'attempts', attempt);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}.launch`, `# ${JSON.stringify(record)}\nexec true\n# launched\n${exit}`);
}

/** The same of a call in a process of the pool, and the beginning of a line that was not finished. */
function leaveCall(attempt: string, process: { bootId: string; pid: number }): void {
  const start = noted(attempt, process);
  mkdirSync(join(scratch.dataDir, 'calls'), { recursive: true });
  writeFileSync(
    join(scratch.dataDir, 'calls/journal'),
    `${JSON.stringify({ kind: 'start', start })}\n{"kind":"end","te`,
  );
}

test('what was being prepared when the supervisor died is started by the next one', async () => {
  // As a kill between the making of the directory and the writing of the launch file leaves it.
  mkdirSync(join(scratch.dataDir, 'attempts/1.0.1'), { recursive: true });
  writeFileSync(join(scratch.dataDir, 'attempts/1.0.1.launch'), '');
  const master = new HandMaster();
  await startAgent(master);
  master.dispatch(specOf('1.0.1', shell('exit 3')));
  expect(await master.finished('1.0.1')).toMatchObject({ state: 'failed', cause: { kind: 'exit', code: 3 } });
});

test('a process that has the pid of a task by now is not touched, whether its attempt was being killed or not', async () => {
  const bystander = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  const pid = bystander.pid ?? 0;
  try {
    const process = { bootId: hostBootId(), pid };
    leaveTask('1.0.1', process);
    leaveTask('1.1.1', process);
    const order = { graceMs: 0, cause: { kind: 'killed_by', user: 'ada' }, reason: 'order' };
    writeFileSync(join(scratch.dataDir, 'attempts/1.1.1.kill'), JSON.stringify(order));
    leaveCall('1.2.1', process);
    const lease = { bootId: process.bootId, renewedAt: bootClockMs() };
    writeFileSync(join(scratch.dataDir, 'lease.json'), JSON.stringify(lease));
    const master = new HandMaster();
    await startAgent(master);
    await master.report('1.0.1', 'lost');
    expect(await master.finished('1.1.1')).toMatchObject({ state: 'killed' });
    await master.report('1.2.1', 'lost');
    expect(isAlive(pid)).toBe(true);
  } finally {
    bystander.kill('SIGKILL');
  }
});

test('after a boot of the host what ran is lost at once, what had ended is told', async () => {
  const before = { bootId: 'another boot', pid: process.pid };
  leaveTask('1.0.1', before);
  leaveTask('1.1.1', before, 'exit 3\n');
  leaveCall('1.2.1', before);
  const master = new HandMaster();
  await startAgent(master);
  await master.report('1.0.1', 'lost');
  await master.report('1.2.1', 'lost');
  expect(await master.finished('1.1.1')).toMatchObject({ state: 'failed', cause: { kind: 'exit', code: 3 } });
});

describe('a task with secrets goes on', () => {
  const CANARY = 'canary "7f3a" + é';
  const withSecret = (attempt: string, run: string) =>
    specOf(attempt, shell(run), { secrets: { canary: CANARY }, env: { D: dir, C: '${secret.canary}' } });
  const saysBeforeAndAfter = `echo "before $C"; touch $D/up; ${untilThere('$D/go')}; echo "after $C"; echo "v=<$C>" >>$PELORUS_OUTPUT; exit 5`;
  const ended = { state: 'failed', cause: { kind: 'exit', code: 5 } };
  const go = () => writeFileSync(join(dir, 'go'), '');

  /** The process that has a pipe of this worker open for masking. */
  function maskerPid(): Promise<number> {
    return theOne('masker', (pid) => {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('pelorus-masker')) return false;
      const files = readdirSync(`/proc/${pid}/fd`).map((file) => readlinkSync(`/proc/${pid}/fd/${file}`));
      return files.some((path) => path.startsWith(scratch.dataDir));
    });
  }

  /** Kills agent, supervisor and masker so that none of them sees another die. `meanwhile`: while all are still. */
  async function killAll(agent: ChildProcess, meanwhile: () => void = () => {}): Promise<void> {
    const pids = [agent.pid!, await supervisorPid(), await maskerPid()];
    for (const pid of pids) await stopProcess(pid);
    meanwhile();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await eventually(() => !pids.some(isAlive), 'they are dead');
  }

  const filesWithCanary = (): string[] =>
    [scratch.dataDir, scratch.logDir].flatMap((top) => filesHolding(top, ['canary "7f3a"']));

  async function started(master: HandMaster): Promise<ChildProcess> {
    const agent = await startAgent(master);
    master.dispatch(withSecret('1.0.1', saysBeforeAndAfter));
    await eventually(() => existsSync(join(dir, 'up')), 'it runs');
    await eventually(() => scratch.log('1.0.1') === 'before ***\n', 'what it said is in its log');
    expect(filesWithCanary()).toEqual([]);
    return agent;
  }

  test('when the agent is killed, and what it says then is masked', async () => {
    const agent = await started(new HandMaster());
    await killHard(agent);
    go();
    const second = new HandMaster();
    await startAgent(second);
    expect(await second.finished('1.0.1')).toMatchObject({ ...ended, outputs: { v: '<***>' } });
    expect(scratch.log('1.0.1')).toBe('before ***\nafter ***\n');
    expect(filesWithCanary()).toEqual([]);
  });

  test('when agent and supervisor are killed: its output is masked by who masked it before', async () => {
    const agent = await started(new HandMaster());
    process.kill(await supervisorPid(), 'SIGKILL');
    await killHard(agent);
    go();
    const second = new HandMaster();
    await startAgent(second);
    expect(await second.finished('1.0.1')).toMatchObject({ ...ended, outputs: { v: '<***>' } });
    expect(scratch.log('1.0.1')).toBe('before ***\nafter ***\n');
    expect(filesWithCanary()).toEqual([]);
  });

  test('when the process that masks is killed: another takes its place', async () => {
    const master = new HandMaster();
    await started(master);
    const masker = await maskerPid();
    process.kill(masker, 'SIGKILL');
    await eventually(() => !isAlive(masker), 'it is dead');
    go();
    expect(await master.finished('1.0.1')).toMatchObject({ ...ended, outputs: { v: '<***>' } });
    expect(scratch.log('1.0.1')).toMatch(/^before \*\*\*\n\[pelorus\] .* started again\nafter \*\*\*\n$/);
    master.dispatch(withSecret('1.1.1', 'echo "$C"; exit 5'));
    expect(await master.finished('1.1.1')).toMatchObject(ended);
    expect(scratch.log('1.1.1')).toBe('***\n');
  });

  test('when all three are killed, with what was sealed', async () => {
    await killAll(await started(new HandMaster()));
    const second = new HandMaster();
    await startAgent(second);
    go();
    expect(await second.finished('1.0.1')).toMatchObject({ ...ended, outputs: { v: '<***>' } });
    expect(scratch.log('1.0.1')).toBe('before ***\nafter ***\n');
    expect(filesWithCanary()).toEqual([]);
  });

  test('when all three are killed and nobody knows its secrets any more: then nothing of it is shown', async () => {
    await killAll(await started(new HandMaster()), () => removeSealKey(scratch.dataDir));
    const second = new HandMaster();
    await startAgent(second);
    go();
    expect(await second.finished('1.0.1')).toMatchObject({ ...ended, outputs: {}, outputsTruncated: true });
    expect(scratch.log('1.0.1')).toMatch(/^before \*\*\*\n\[pelorus\] what follows is not shown.*\n$/);
    expect(filesWithCanary()).toEqual([]);
  });
});
