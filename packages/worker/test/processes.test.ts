import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Worker } from '../src/index.ts';
import { supervisorSocketPath } from '../src/supervisor/socket-path.ts';
import {
  eventually,
  HandMaster,
  HANG_MS,
  isAlive,
  Scratch,
  shell,
  specOf,
  startTestWorker,
  untilThere,
} from './fixture.ts';

let scratch: Scratch;
let master: HandMaster;
let worker: Worker;
/** Each test has a run of its own, so two attempt ids, and a directory, which its tasks know as $D. */
let count = 0;
let id = '';
let other = '';
let dir = '';

beforeAll(async () => {
  scratch = new Scratch();
  master = new HandMaster();
  process.env['SERVICE_SECRET'] = 'do-not-leak';
  worker = await startTestWorker(scratch, master, { logBytesPerAttempt: 100_000 });
});
beforeEach(() => {
  count += 1;
  id = `${count}.0.1`;
  other = `${count}.1.1`;
  dir = mkdtempSync(join(scratch.dir, 'test-'));
});
afterAll(async () => {
  delete process.env['SERVICE_SECRET'];
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

/** Runs a script to its end. */
async function run(text: string, more: Parameters<typeof specOf>[2] = {}, attempt = id) {
  master.dispatch(specOf(attempt, shell(text), more));
  return master.finished(attempt);
}

/** Reads a process id that a task wrote. */
async function pidFrom(file: string): Promise<number> {
  await eventually(() => existsSync(file) && /^\d+\n$/.test(readFileSync(file, 'utf8')), `${file} holds a process id`);
  return Number(readFileSync(file, 'utf8'));
}

function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

describe('how an attempt ended', () => {
  test.each([
    ['exit 0', 'succeeded', null],
    ['exit 3', 'failed', { kind: 'exit', code: 3 }],
    ['exit 137', 'failed', { kind: 'exit', code: 137 }],
    ['sh -c "kill -9 \\$\\$"; exit $?', 'failed', { kind: 'exit', code: 137 }],
    ['kill -9 $$', 'failed', { kind: 'signal', name: 'SIGKILL' }],
    ['kill -TERM $$', 'failed', { kind: 'signal', name: 'SIGTERM' }],
    ['kill -SEGV $$', 'failed', { kind: 'signal', name: 'SIGSEGV' }],
    ['kill -9 0', 'failed', { kind: 'signal', name: 'SIGKILL' }],
    ['no-such-command', 'failed', { kind: 'exit', code: 127 }],
  ])('%s is %s', async (text, state, cause) => {
    const outcome = await run(text);
    expect(outcome).toMatchObject({ state, cause });
    expect(outcome.endedAt).toBeGreaterThanOrEqual(outcome.startedAt);
  });

  test('an interpreter that is not there is a failure with a word in the log', async () => {
    master.dispatch(specOf(id, shell('true', { shell: '/no/such/shell' })));
    expect(await master.finished(id)).toMatchObject({ state: 'failed', cause: { kind: 'exit', code: 127 } });
    expect(scratch.log(id)).toContain('/no/such/shell');
  });
});

describe('what a task gets', () => {
  test("its parameters as variables, whatever they hold, and none of the service's own environment", async () => {
    const value = `"; touch ${dir}/injected; echo '$(touch ${dir}/injected)' \`touch ${dir}/injected\` \\\nline 2`;
    await run('printf "%s" "$p" >p.txt; cp p.txt "$DIR"; env >"$DIR/env.txt"', {
      params: { p: value, 'system.task.name': 't', UID: '5' },
      env: { DIR: dir, EXTRA: 'x' },
    });
    expect(readFileSync(join(dir, 'p.txt'), 'utf8')).toBe(value);
    expect(existsSync(join(dir, 'injected'))).toBe(false);
    const names = new Set(
      readFileSync(join(dir, 'env.txt'), 'utf8')
        .split('\n')
        .flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []),
    );
    const allowed = new Set([
      'PATH',
      'HOME',
      'LANG',
      'TZ',
      'TMPDIR',
      'USER',
      'SHELL',
      'PWD',
      'OLDPWD',
      'SHLVL',
      '_',
      'p',
      'DIR',
      'EXTRA',
      ...['ATTEMPT', 'RUN_ID', 'TASK', 'WORKFLOW', 'PROJECT', 'LOGICAL_DATE', 'OUTPUT', 'WORK_DIR'].map(
        (name) => `PELORUS_${name}`,
      ),
    ]);
    expect([...names].filter((name) => !allowed.has(name) && !name.startsWith('LC_'))).toEqual([]);
    expect(names).toContain('PELORUS_LOGICAL_DATE');
  });

  test("the supervisor itself was not given the service's environment", () => {
    expect(readFileSync(`/proc/${worker.supervisorPid}/environ`, 'utf8')).not.toContain('do-not-leak');
  });

  test('files in a work directory of its own, standard input at its end, one log for both outputs', async () => {
    const outcome = await run('cat a.txt sub/b.txt; cat; echo err >&2; ls -a; pwd', {
      files: [
        { name: 'a.txt', sha256: '', base64: btoa('A\n') },
        { name: 'sub/b.txt', sha256: '', base64: btoa('B\n') },
      ],
    });
    expect(outcome.state).toBe('succeeded');
    expect(scratch.log(id).split('\n')).toEqual([
      'A',
      'B',
      'err',
      '.',
      '..',
      'a.txt',
      'sub',
      join(scratch.dataDir, 'attempts', id),
      '',
    ]);
  });

  test('a script of any length and beginning, with values in its text kept off the command line', async () => {
    const long = `echo ${'x'.repeat(200_000)} | wc -c >"$D/long"; cat "$0" | wc -c >>"$D/long"`;
    await run(long, { env: { D: dir } });
    const [printed, read] = readFileSync(join(dir, 'long'), 'utf8').split('\n').map(Number);
    expect([printed, read]).toEqual([200_001, long.length + 1]);
    master.dispatch(
      specOf(other, {
        type: 'shell',
        run: 'tr "\\0" " " </proc/$$/cmdline; : secret',
        file: null,
        shell: 'sh',
        substitution: 'text',
      }),
    );
    await master.finished(other);
    expect(scratch.log(other)).toBe('sh ./.pelorus-task.sh ');
    master.dispatch(specOf(`${count}.2.1`, shell('-x; echo on')));
    expect(await master.finished(`${count}.2.1`)).toMatchObject({ state: 'succeeded' });
  });

  test('a place ahead of the service when memory runs out', async () => {
    await run('cat /proc/self/oom_score_adj');
    expect(Number(scratch.log(id))).toBeGreaterThanOrEqual(100);
  });

  test('its work directory where the text names it', async () => {
    await run('[ "${system.task.execute.path}" = "$PWD" ] && [ "$PWD" = "$PELORUS_WORK_DIR" ]'.replace('"${', '"${'));
    expect((await master.finished(id)).state).toBe('succeeded');
  });

  test('a file of its own to run, with the interpreter asked for', async () => {
    master.dispatch(
      specOf(id, shell('', { file: 'go.sh', shell: 'bash' }), {
        files: [{ name: 'go.sh', sha256: '', base64: btoa('echo "v$BASH_VERSION"') }],
      }),
      specOf(
        other,
        {
          type: 'python',
          run: 'import os, helper\nprint(helper.x, os.environ["p"])\nopen(os.environ["PELORUS_OUTPUT"], "w").write("y=2\\n")',
          file: null,
          interpreter: 'python3 -u',
          substitution: 'env',
        },
        { params: { p: 'é' }, files: [{ name: 'helper.py', sha256: '', base64: btoa('x = 1\n') }] },
      ),
    );
    expect((await master.finished(id)).state).toBe('succeeded');
    expect(scratch.log(id)).toMatch(/^v\d/);
    expect(await master.finished(other)).toMatchObject({ state: 'succeeded', outputs: { y: '2' } });
    expect(scratch.log(other)).toBe('1 é\n');
  });

  test('a file name that leads out of the work directory is refused', async () => {
    const outcome = await run('true', { files: [{ name: '../../evil', sha256: '', base64: '' }] });
    expect(outcome).toMatchObject({ state: 'failed', cause: { kind: 'invalid' } });
    expect(existsSync(join(scratch.dataDir, 'attempts/evil'))).toBe(false);
  });
});

describe('a log that grows too long', () => {
  test('keeps its beginning and its latest lines, the gap is marked, and the task runs on', async () => {
    const more = 'head -c 300000 /dev/zero | tr "\\0" x; echo';
    const waits = [1, 2].map((n) => `${more}; ${untilThere(`$D/go-${n}`)}`).join('; ');
    master.dispatch(specOf(id, shell(`echo first; ${waits}; echo last`), { env: { D: dir } }));
    const missingBytes = (): number => Number(/(\d+) bytes are missing here/.exec(scratch.log(id))?.[1] ?? 0);
    for (const n of [1, 2]) {
      await eventually(() => missingBytes() > n * 200_000, 'the log has been cut');
      writeFileSync(join(dir, `go-${n}`), '');
    }
    expect((await master.finished(id)).state).toBe('succeeded');
    const log = scratch.log(id);
    expect(log.length).toBeLessThan(100_000);
    expect(log).toMatch(/^first\nx/);
    expect(log).toMatch(/\n\[pelorus\] the log reached its limit of 100000 bytes; \d{6} bytes are missing here\n/);
    expect(log).toMatch(/\nlast\n$/);
  });

  test('in one moment is cut when the task has ended', async () => {
    await run('echo first; head -c 5000000 /dev/zero | tr "\\0" x');
    expect(scratch.log(id)).toMatch(
      /^first\nx{49994}\n\[pelorus\] the log reached its limit of 100000 bytes; 4950006 bytes are missing here\n$/,
    );
  });

  test('without ever a line break and with its output closed a task still ends', async () => {
    expect((await run('exec >&- 2>&-; echo into nothing; true')).state).toBe('succeeded');
  });
});

describe('outputs', () => {
  test('come from the output file and the log, declared ones checked', async () => {
    const outcome = await run(
      'echo "n= 42" >>$PELORUS_OUTPUT; printf "text<<E\\na\\nb\\nE\\n" >>$PELORUS_OUTPUT; echo \'x ${setValue(s=from log)}\'; echo \'${setValue(n=7)}\'',
      { outputs: { n: { type: 'integer' } } },
    );
    expect(outcome).toMatchObject({
      state: 'succeeded',
      outputs: { n: '42', text: 'a\nb', s: 'from log' },
      outputsTruncated: false,
    });
  });

  test('that are not of their declared type fail the attempt', async () => {
    const outcome = await run('echo n=many >>$PELORUS_OUTPUT', { outputs: { n: { type: 'integer' } } });
    expect(outcome).toMatchObject({
      state: 'failed',
      cause: { kind: 'invalid', detail: 'output n is declared integer, the task gave "many"' },
    });
  });

  test('beyond the limit are dropped, said, and leave the outcome as it is', async () => {
    const outcome = await run('{ echo a=1; printf big=; head -c 400000 /dev/zero | tr "\\0" x; } >>$PELORUS_OUTPUT');
    expect(outcome).toMatchObject({ state: 'succeeded', outputs: { a: '1' }, outputsTruncated: true });
  });

  test('of a failed attempt are kept', async () => {
    expect(await run('echo a=1 >>$PELORUS_OUTPUT; exit 2')).toMatchObject({ state: 'failed', outputs: { a: '1' } });
  });
});

describe('kill', () => {
  test('ends everything, children that left the group and cleared their environment too, and reports when nothing is left', async () => {
    const pidFile = (name: string): string => join(dir, name);
    master.dispatch(
      specOf(
        id,
        shell(
          'setsid sleep 1000 & echo $! >$D/a; setsid sh -c "echo \\$\\$ >$D/b; trap \'\' TERM; while :; do sleep 1; done" & env -i setsid sleep 1000 & echo $! >$D/c; wait',
          {},
        ),
        { env: { D: dir } },
      ),
    );
    const pids = await Promise.all(['a', 'b', 'c'].map((name) => pidFrom(pidFile(name))));
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    master.kill(id, 1000);
    const outcome = await master.finished(id);
    expect(pids.map(isAlive)).toEqual([false, false, false]);
    expect(outcome).toMatchObject({ state: 'killed', cause: { kind: 'killed_by', user: 'test' } });
  });

  test('a task that ends on TERM ends at once, and may still write its outputs', async () => {
    master.dispatch(
      specOf(
        id,
        shell('trap "echo bye=1 >>$PELORUS_OUTPUT; exit 0" TERM; echo $$ >$D/pid; while :; do sleep 0.05; done'),
        { env: { D: dir } },
      ),
    );
    await pidFrom(join(dir, 'pid'));
    // Not only when the grace is over: that would take longer than we wait.
    master.kill(id, HANG_MS * 10);
    expect(await master.finished(id)).toMatchObject({ state: 'killed', outputs: { bye: '1' } });
  });

  test('a task that ignores TERM is ended when the grace is over, not before', async () => {
    master.dispatch(
      specOf(id, shell("trap '' TERM; echo $$ >$D/pid; while :; do sleep 0.1; done"), { env: { D: dir } }),
    );
    const pid = await pidFrom(join(dir, 'pid'));
    const from = Date.now();
    master.kill(id, 800);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(isAlive(pid)).toBe(false);
    expect(Date.now() - from).toBeGreaterThanOrEqual(800);
  });

  /** A process in a frozen group of the old kind takes no signal, like one that waits for a disk that has gone. */
  test.skipIf(!existsSync('/sys/fs/cgroup/freezer/tasks') || process.getuid?.() !== 0)(
    'of a process that no signal reaches is not over, and keeps its slot, until the process is',
    async () => {
      master.dispatch(specOf(id, shell('echo $$ >$D/pid; sleep 1000'), { env: { D: dir } }));
      const pid = await pidFrom(join(dir, 'pid'));
      const group = mkdtempSync('/sys/fs/cgroup/freezer/pelorus-test-');
      try {
        writeFileSync(join(group, 'tasks'), String(pid));
        writeFileSync(join(group, 'freezer.state'), 'FROZEN');
        master.kill(id, 0);
        const isKilled = (): boolean => {
          // Of the process, or, from its control group, of its thread.
          const pending = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^(?:Sig|Shd)Pnd:\s*([0-9a-f]+)$/gm);
          return [...pending].some(([, signals]) => (BigInt(`0x${signals}`) & 0x100n) !== 0n);
        };
        await eventually(isKilled, 'SIGKILL waits for the process');
        // What comes later has its end first.
        expect(await run('true', {}, other)).toMatchObject({ state: 'succeeded' });
        expect(master.reportsOf(id).map(({ kind }) => kind)).not.toContain('finished');
        expect(worker.figures().usedSlots).toBe(1);
        expect(isAlive(pid)).toBe(true);
      } finally {
        writeFileSync(join(group, 'freezer.state'), 'THAWED');
      }
      expect(await master.finished(id)).toMatchObject({ state: 'killed' });
      expect(isAlive(pid)).toBe(false);
      // It is busy until the last thread of the process has left it.
      await eventually(() => removed(group), 'the group is removed');
    },
  );

  test('does not touch a process of the same attempt id in another installation', async () => {
    const foreign = spawn('sleep', ['1000'], {
      env: { PATH: process.env['PATH'] ?? '', PELORUS_ATTEMPT: id, PELORUS_WORK_DIR: '/elsewhere' },
    });
    master.dispatch(specOf(id, shell('echo $$ >$D/pid; sleep 1000'), { env: { D: dir } }));
    await pidFrom(join(dir, 'pid'));
    master.kill(id);
    await master.finished(id);
    expect(isAlive(foreign.pid ?? 0)).toBe(true);
    foreign.kill('SIGKILL');
  });

  test('of an attempt that waits for a slot shell or has just been given one ends it as killed', async () => {
    master.dispatch(specOf(id, shell('echo ran >>$D/ran; sleep 1000'), { env: { D: dir } }));
    master.kill(id);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
  });

  test('slots are usable again after kills', async () => {
    for (let round = 0; round < 3; round += 1) {
      const attempts = Array.from({ length: 8 }, (_none, index) => `${count}.${index + round * 8 + 2}.1`);
      master.dispatch(...attempts.map((attempt) => specOf(attempt, shell('sleep 1000'))));
      await Promise.all(attempts.map((attempt) => master.report(attempt, 'running')));
      for (const attempt of attempts) master.kill(attempt, 2_000);
      await Promise.all(attempts.map((attempt) => master.finished(attempt)));
    }
    expect((await run('true')).state).toBe('succeeded');
    expect(worker.usedSlots).toBe(0);
  });
});

describe('what a task leaves running', () => {
  test('does not delay its end, is ended afterwards, and the log says so', async () => {
    const outcome = await run('setsid sleep 1000 & echo $! >$D/pid; echo done', { env: { D: dir } });
    expect(outcome.state).toBe('succeeded');
    const pid = await pidFrom(join(dir, 'pid'));
    await eventually(() => !isAlive(pid), 'the left-over process is gone');
    expect(scratch.log(id)).toMatch(new RegExp(`^done\\n\\[pelorus\\] .*${pid}\\n$`));
  });
});

describe('the wire', () => {
  test('a dispatch sent again and again starts one process', async () => {
    const spec = specOf(id, shell(`echo ran >>$D/ran; ${untilThere('$D/go')}`), { env: { D: dir } });
    for (let index = 0; index < 5; index += 1) master.dispatch(spec);
    await master.report(id, 'running');
    master.dispatch(spec);
    writeFileSync(join(dir, 'go'), '');
    await master.finished(id);
    const told = master.reportsOf(id).length;
    master.dispatch(spec);
    await master.until(
      () => master.reportsOf(id).length > told,
      () => 'no second answer',
    );
    expect(readFileSync(join(dir, 'ran'), 'utf8')).toBe('ran\n');
  });

  test('a result is offered until acknowledged, over a new link too, and then its directory goes', async () => {
    master.acknowledges = false;
    await run('echo x');
    const directory = join(scratch.dataDir, 'attempts', id);
    expect(existsSync(directory)).toBe(true);
    const before = master.reportsOf(id).length;
    master.disconnect();
    await master.until(
      () => master.linked && master.reportsOf(id).length > before,
      () => 'not offered again',
    );
    master.acknowledges = true;
    master.query(id);
    await eventually(() => !existsSync(directory), 'the directory is removed');
    expect(scratch.log(id)).toBe('x\n');
  });

  test('an attempt whose execution lease nobody renews is ended in time and reported lost', async () => {
    master.dispatch(
      specOf(id, shell('echo $$ >$D/pid; sleep 1000'), { env: { D: dir }, executionLeaseMs: 6_000, killGraceMs: 500 }),
    );
    const pid = await pidFrom(join(dir, 'pid'));
    master.renews = false;
    await master.report(id, 'lost');
    expect(isAlive(pid)).toBe(false);
    master.renews = true;
  });
});

test('a second worker on the same data directory is refused with a sentence, and the first goes on', async () => {
  await expect(startTestWorker(scratch, new HandMaster())).rejects.toThrow(`uses ${scratch.dataDir}`);
  expect((await run('true')).state).toBe('succeeded');
});

test('a data directory with a very long name works, and leaves no directory for its socket behind', async () => {
  const long = new Scratch();
  const dataDir = join(long.dir, 'd'.repeat(120));
  const remote = new HandMaster();
  const second = await startTestWorker(long, remote, { dataDir });
  remote.dispatch(specOf(id, shell('exit 4')));
  expect(await remote.finished(id)).toMatchObject({ cause: { kind: 'exit', code: 4 } });
  const socketDirectory = dirname(supervisorSocketPath(dataDir));
  expect(socketDirectory).not.toBe(dataDir);
  await second.stop({ stopTasks: true });
  await eventually(() => !existsSync(socketDirectory), 'the directory is gone');
  long.remove();
});
