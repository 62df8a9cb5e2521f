/** What one attempt takes is limited and ended apart from all others. What a machine does not permit is skipped, by name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Worker } from '../src/index.ts';
import { openAttemptGroups } from '../src/supervisor/attempt-groups.ts';
import { eventually, HandMaster, isAlive, Scratch, script, shell, specOf, startTestWorker } from './fixture.ts';

const MIB = 2 ** 20;
const LIMITS = { memoryBytes: 160 * MIB, processes: 60, openFiles: 200, workDirBytes: 8 * MIB };

const scratch = new Scratch();
const probe = openAttemptGroups(join(scratch.dir, 'probe'), () => ({ ...LIMITS, allMemoryBytes: 2 ** 33 }));
const keeps = probe?.keeps ?? [];
await probe?.close();

let master: HandMaster;
let worker: Worker;

beforeAll(async () => {
  master = new HandMaster();
  worker = await startTestWorker(scratch, master, { attemptLimits: LIMITS });
});
afterAll(async () => {
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

const env = { D: scratch.dir };
const read = (name: string): string => readFileSync(join(scratch.dir, name), 'utf8');
/** Takes memory until it is ended, in the shell's own language and so in each of its processes alike. */
const eatsMemory = (name: string) => `exec 3>&1; python3 -c "x = bytearray(600 * 2**20)"; echo ${name} $? >$D/${name}`;

describe.skipIf(!keeps.includes('memory'))('a control group for memory', () => {
  test('only the task that takes too much dies, and that is told as want of memory', async () => {
    master.dispatch(
      specOf('1.0.1', shell('while [ ! -e $D/goOn ]; do sleep 0.05; done; echo well'), { env }),
      specOf('1.1.1', shell('exec python3 -c "x = bytearray(600 * 2**20)"')),
    );
    expect(await master.finished('1.1.1')).toMatchObject({ state: 'failed', cause: { kind: 'oom' } });
    master.dispatch(specOf('1.2.1', shell(eatsMemory('child')), { env }));
    expect(await master.finished('1.2.1')).toMatchObject({ state: 'succeeded' });
    expect(read('child')).toBe('child 137\n');
    // What is ended by somebody else is not taken for it, though the shell's group has counted one before.
    master.dispatch(specOf('1.3.1', shell('kill -9 $$')));
    expect(await master.finished('1.3.1')).toMatchObject({ cause: { kind: 'signal', name: 'SIGKILL' } });
    master.dispatch(specOf('1.4.1', shell('touch $D/goOn'), { env }));
    expect(await master.finished('1.0.1')).toMatchObject({ state: 'succeeded' });
  });

  test('a script, in a process of the pool', async () => {
    master.dispatch(specOf('2.0.1', script('const kept = []; for (;;) kept.push(Buffer.alloc(2 ** 24, 1));')));
    expect(await master.finished('2.0.1')).toMatchObject({ state: 'failed', cause: { kind: 'oom' } });
    expect(isAlive(worker.supervisorPid)).toBe(true);
  });
});

describe.skipIf(!keeps.includes('pids'))('a control group for processes', () => {
  test('a fork bomb comes no further than its limit, fails, and is gone whole, with what had left its session', async () => {
    master.dispatch(
      specOf(
        '3.0.1',
        shell(
          '(env -i setsid sleep 1000 & echo $! >$D/escaped); i=0; while :; do sleep 1000 & i=$((i+1)); echo $i >$D/forks; done',
        ),
        { env },
      ),
    );
    expect(await master.finished('3.0.1')).toMatchObject({ state: 'failed', cause: { kind: 'exit', code: 2 } });
    expect(Number(read('forks'))).toBeLessThan(LIMITS.processes);
    expect(scratch.log('3.0.1')).toContain('it wanted more than 60 processes at a time');
    await eventually(() => !isAlive(Number(read('escaped'))), 'what it left is ended');
    // Nobody else pays for it.
    master.dispatch(specOf('3.1.1', shell('for i in 1 2 3 4 5 6 7 8; do sleep 0 & done; wait')));
    expect(await master.finished('3.1.1')).toMatchObject({ state: 'succeeded' });
  });
});

describe.skipIf(probe === null)('a control group', () => {
  test('of version 1 alone tells who has come right after it was looked into', async ({ skip }) => {
    const membership = join(scratch.dir, 'membership');
    writeFileSync(membership, readFileSync('/proc/self/cgroup', 'utf8').replace(/^0::.*\n/m, ''));
    const limits = { ...LIMITS, allMemoryBytes: 2 ** 33 };
    const groups = openAttemptGroups(join(scratch.dir, 'one'), () => limits, { membership });
    const group = groups?.make();
    if (!groups || !group) return skip('needs cgroup1: this machine has only version 2');
    group.keepOpen();
    const members: ChildProcess[] = [];
    for (let count = 1; count <= 3; count++) {
      const member = spawn('sleep', ['1000']);
      members.push(member);
      for (const file of group.joinFiles) writeFileSync(file, String(member.pid));
      expect(group.pids()).toHaveLength(count);
    }
    await Promise.all(members.map((member) => (member.kill('SIGKILL'), once(member, 'exit'))));
    expect(group.pids()).toEqual([]);
    groups.discard(group);
    await groups.close();
  });

  test('tells what a script left in the pool, right after it was looked into for another', async () => {
    const escapes = `const { spawn } = await import('node:child_process');
      const child = spawn('setsid', ['sleep', '1000'], { env: {}, stdio: 'ignore', detached: true });
      child.unref(); return { pid: child.pid };`;
    // So many that each process of the pool has had some.
    const calls = Array.from({ length: 30 }, (_none, index) => `5.${index}.1`);
    for (const attempt of calls) {
      master.dispatch(specOf(attempt, script('return {}')));
      await master.finished(attempt);
    }
    master.dispatch(specOf('6.0.1', script(escapes)));
    const { outputs } = await master.finished('6.0.1');
    expect(outputs).toEqual({ pid: expect.stringMatching(/^\d+$/) });
    await eventually(() => !isAlive(Number(outputs['pid'])), 'what it left is ended');
  });
});

describe('everywhere', () => {
  test('open files of a process, in shells and in the pool', async () => {
    master.dispatch(
      specOf('4.0.1', shell('echo "n=$(ulimit -n)" >>$PELORUS_OUTPUT')),
      specOf(
        '4.1.1',
        script(
          "const { execSync } = await import('node:child_process'); return { n: String(execSync('ulimit -n')).trim() }",
        ),
      ),
    );
    expect(await master.finished('4.0.1')).toMatchObject({ outputs: { n: '200' } });
    expect(await master.finished('4.1.1')).toMatchObject({ outputs: { n: '200' } });
  });

  test('what is in the work directory: the attempt fails with the limit as its cause', async () => {
    master.dispatch(specOf('4.2.1', shell('head -c 9000000 /dev/zero >big; sleep 1000')));
    const detail = 'its work directory holds more than 8388608 bytes, the limit of this worker';
    expect(await master.finished('4.2.1')).toMatchObject({ state: 'failed', cause: { kind: 'error', detail } });
  });
});
