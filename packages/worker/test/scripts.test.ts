import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Worker } from '../src/index.ts';
import {
  eventually,
  HandMaster,
  isAlive,
  Scratch,
  script,
  scriptUntilThere,
  specOf,
  startTestWorker,
} from './fixture.ts';

let scratch: Scratch;
let master: HandMaster;
let worker: Worker;
let count = 0;
let id = '';
/** Scripts of a test may wait for it. */
let gate = '';

beforeAll(async () => {
  scratch = new Scratch();
  master = new HandMaster();
  process.env['SERVICE_SECRET'] = 'do-not-leak';
  worker = await startTestWorker(scratch, master, { poolProcesses: 3 });
});
beforeEach(() => {
  count += 1;
  id = `${count}.0.1`;
  gate = join(scratch.dir, `go-${count}`);
});
afterAll(async () => {
  delete process.env['SERVICE_SECRET'];
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

async function run(text: string, more: Parameters<typeof specOf>[2] = {}, attempt = id) {
  master.dispatch(specOf(attempt, script(text), more));
  return master.finished(attempt);
}

describe('what a script gets and gives', () => {
  test('parameters in, outputs out: returned, or put into ctx.outputs, as text', async () => {
    const outcome = await run('ctx.outputs.a = 1; ctx.outputs.b = "x"; return { b: ctx.params.p, c: { d: [1] } }', {
      params: { p: 'é"' },
    });
    expect(outcome).toMatchObject({ state: 'succeeded', cause: null, outputs: { a: '1', b: 'é"', c: '{"d":[1]}' } });
    expect(existsSync(join(scratch.logDir, String(count)))).toBe(false);
  });

  test('TypeScript is accepted', async () => {
    expect(
      await run('const n: number = Number(ctx.params.n); return { n: (n as number) + 1 };', { params: { n: '4' } }),
    ).toMatchObject({ outputs: { n: '5' } });
  });

  test('everything printed goes to its log: console, ctx.log, the streams, children, raw descriptors', async () => {
    const outcome = await run(`
      console.log('one %d', 1); ctx.log('two', { a: 1 }); process.stdout.write('three\\n'); console.error('four');
      const fs = await import('node:fs'); fs.writeSync(1, '[{"kind":"done","attempt":"x"}]\\n');
      (await import('node:child_process')).execSync('echo child', { stdio: 'inherit' });`);
    expect(outcome.state).toBe('succeeded');
    expect(scratch.log(id).split('\n').toSorted()).toEqual(
      ['', 'child', 'four', 'one 1', 'three', 'two { a: 1 }', '[{"kind":"done","attempt":"x"}]'].toSorted(),
    );
  });

  test('a work directory, made when asked for, holding its files', async () => {
    expect(
      await run(
        'return { same: (await import("node:fs")).readFileSync(ctx.workDir + "/a.txt", "utf8"), dir: ctx.workDir }',
        {
          files: [{ name: 'a.txt', sha256: '', base64: btoa('A') }],
        },
      ),
    ).toMatchObject({ outputs: { same: 'A', dir: join(scratch.dataDir, 'calls', id, 'work') } });
    await eventually(
      () => !existsSync(join(scratch.dataDir, 'calls', id)),
      'the directory is removed after the acknowledgement',
    );
  });

  test('a module with a default export, in TypeScript, with modules beside it', async () => {
    master.dispatch(
      specOf(
        id,
        { type: 'script', run: null, file: 'main.ts' },
        {
          params: { x: '2' },
          files: [
            {
              name: 'main.ts',
              sha256: '',
              base64: btoa(
                'import { twice } from "./twice.ts";\nexport default async (ctx: { params: Record<string, string> }) => ({ y: twice(Number(ctx.params["x"])) });',
              ),
            },
            { name: 'twice.ts', sha256: '', base64: btoa('export const twice = (n: number): number => 2 * n;') },
          ],
        },
      ),
    );
    expect(await master.finished(id)).toMatchObject({ state: 'succeeded', outputs: { y: '4' } });
  });

  test('only the allowed environment, and what the definition adds, for this call only', async () => {
    const names = 'return { names: Object.keys(process.env).join(" ") }';
    const first = (await run(names, { env: { EXTRA: '1' } })).outputs['names'] ?? '';
    expect(first.split(' ')).toContain('EXTRA');
    expect(first).not.toContain('SERVICE_SECRET');
    expect((await run(names, {}, `${count}.1.1`)).outputs['names']?.split(' ')).not.toContain('EXTRA');
  });
});

describe('failures', () => {
  test.each([
    ['throw new TypeError("bad")', { kind: 'error', detail: 'TypeError: bad' }],
    ['throw "text"', { kind: 'error', detail: 'text' }],
    ['return (', { kind: 'invalid' }],
    ['process.exit(3)', { kind: 'exit', code: 3 }],
    ['process.exit(0)', { kind: 'error', detail: 'the process ended before the task did' }],
    ['process.kill(process.pid, "SIGKILL"); await new Promise(() => {})', { kind: 'signal', name: 'SIGKILL' }],
    [
      'setTimeout(() => { throw new Error("late") }, 10); await new Promise(() => {})',
      { kind: 'error', detail: 'Error: late' },
    ],
    ['Promise.reject(new Error("unheard")); await new Promise(() => {})', { kind: 'error', detail: 'Error: unheard' }],
    ['const a = []; for (;;) a.push(new Array(1e7).fill(0.5))', { kind: 'oom' }],
  ])('%s', async (text, cause) => {
    master.dispatch(specOf(id, script(text)));
    expect(await master.finished(id)).toMatchObject({ state: 'failed', cause });
    expect((await run('return {}', {}, `${count}.1.1`)).state).toBe('succeeded');
  });

  test('an error is in the log with its stack', async () => {
    await run('console.log("before"); throw new Error("boom")');
    expect(scratch.log(id)).toMatch(/^before\nError: boom\n +at /);
  });

  test("a crash is one attempt's own: others in the pool go on", async () => {
    const others = [1, 2].map((n) => `${count}.${n}.1`);
    master.dispatch(...others.map((attempt) => specOf(attempt, script(`${scriptUntilThere(gate)} return { ok: 1 }`))));
    await Promise.all(others.map((attempt) => master.report(attempt, 'running')));
    expect(await run('process.abort()')).toMatchObject({ state: 'failed', cause: { kind: 'signal', name: 'SIGABRT' } });
    writeFileSync(gate, '');
    for (const attempt of others) expect(await master.finished(attempt)).toMatchObject({ state: 'succeeded' });
  });

  test('what one script leaves behind fails no other', async () => {
    await run('setTimeout(() => { throw new Error("stray") }, 150); setTimeout(() => process.exit(9), 160); return {}');
    const others = Array.from({ length: 20 }, (_none, index) => `${count}.${index + 1}.1`);
    for (const attempt of others) {
      expect(await run('await new Promise((r) => setTimeout(r, 20)); return {}', {}, attempt)).toMatchObject({
        state: 'succeeded',
      });
    }
  });
});

describe('kill', () => {
  test('aborts the signal; a script that listens may clean up, and is killed all the same', async () => {
    master.dispatch(
      specOf(
        id,
        script(
          'const over = new Promise((r) => ctx.signal.addEventListener("abort", r)); console.log("listening"); await over; console.log("cleaned up"); return {}',
        ),
      ),
    );
    await eventually(() => scratch.log(id) === 'listening\n', 'it runs');
    master.kill(id, 20_000);
    expect(await master.finished(id)).toMatchObject({ state: 'killed', cause: { kind: 'killed_by', user: 'test' } });
    expect(scratch.log(id)).toBe('listening\ncleaned up\n');
  });

  test('a script that never yields is ended after the grace, with the processes it started', async () => {
    master.dispatch(
      specOf(
        id,
        script(`
      const child = (await import('node:child_process')).spawn('setsid', ['sleep', '1000']);
      (await import('node:fs')).writeFileSync(ctx.workDir + '/pid', child.pid + '\\n'); for (;;);`),
      ),
    );
    const file = join(scratch.dataDir, 'calls', id, 'work/pid');
    await eventually(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), 'it runs');
    const pid = Number(readFileSync(file, 'utf8'));
    await master.report(id, 'running');
    master.kill(id, 500);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(isAlive(pid)).toBe(false);
  });

  test('a script that waits for a process is ended without having run', async () => {
    const busy = [1, 2, 3].map((n) => `${count}.${n}.1`);
    master.dispatch(...busy.map((attempt) => specOf(attempt, script(scriptUntilThere(gate)))));
    master.dispatch(specOf(id, script('console.log("ran")')));
    master.kill(id);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    writeFileSync(gate, '');
    for (const attempt of busy) await master.finished(attempt);
    expect(scratch.log(id)).toBe('');
  });
});
