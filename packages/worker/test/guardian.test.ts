/** Agent and supervisor are both gone, and no other agent comes: what they ran is ended in time all the same. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Worker } from '../src/index.ts';
import { eventually, HandMaster, isAlive, Scratch, shell, specOf, startTestWorker, untilThere } from './fixture.ts';

let scratch: Scratch;
let worker: Worker;

beforeEach(() => {
  scratch = new Scratch();
});
afterEach(async () => {
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

function read(name: string): string {
  try {
    return readFileSync(join(scratch.dir, name), 'utf8');
  } catch {
    return '';
  }
}
const supervisor = (): number => Number(read('data/supervisor.pid'));

/** Kills the supervisor when its agent has left it. Resolves with its pid. */
async function killBoth(): Promise<number> {
  const pid = worker.supervisorPid;
  await worker.stop();
  process.kill(pid, 'SIGKILL');
  await eventually(() => !isAlive(pid), 'it is dead');
  return pid;
}

/** Both note again and again that they live: how late this process looks does not matter. */
const noting = (name: string): string =>
  `while :; do read at idle </proc/uptime; echo $$ $at >>$D/${name}; sleep 0.2; done`;
const ignoring = `trap '' TERM; setsid sh -c '${noting('escaped')}' & ${noting('main')}`;
const NOTING = ['main', 'escaped'] as const;

/** What one of them has noted last: its process, and when it lived, on the clock of the boot. */
function lastNote(name: (typeof NOTING)[number]): { pid: number; atMs: number } {
  const [pid, at] = read(name).trim().split('\n').at(-1)!.split(' ').map(Number);
  return { pid: pid!, atMs: at! * 1000 };
}

test('all of it is gone before its execution lease is over; the next agent hears that it is lost', async () => {
  const master = new HandMaster();
  worker = await startTestWorker(scratch, master);
  const executionLeaseMs = 20_000;
  master.dispatch(specOf('1.0.1', shell(ignoring), { env: { D: scratch.dir }, executionLeaseMs, killGraceMs: 500 }));
  await eventually(() => NOTING.every((name) => read(name).endsWith('\n')), 'it runs');
  const pids = NOTING.map((name) => lastNote(name).pid);
  await killBoth();
  const { renewedAt } = JSON.parse(read('data/lease.json')) as { renewedAt: number };
  await eventually(() => !pids.some(isAlive), 'its processes are gone');
  for (const { atMs } of NOTING.map(lastNote)) {
    expect(atMs).toBeGreaterThan(renewedAt + executionLeaseMs / 3);
    expect(atMs).toBeLessThan(renewedAt + executionLeaseMs);
  }

  const next = new HandMaster();
  worker = await startTestWorker(scratch, next);
  await next.report('1.0.1', 'lost');
});

test('an agent that comes within the lease takes it over from the supervisor that the guardian has started', async () => {
  const first = new HandMaster();
  worker = await startTestWorker(scratch, first);
  const goOn = join(scratch.dir, 'go');
  first.dispatch(
    specOf('1.0.1', shell(`echo once >>$D/marks; ${untilThere(goOn)}; exit 5`), { env: { D: scratch.dir } }),
  );
  await eventually(() => read('marks') === 'once\n', 'it runs');
  const killed = await killBoth();
  await eventually(() => ![0, killed].includes(supervisor()), 'another supervisor is there');
  const started = supervisor();

  const second = new HandMaster();
  worker = await startTestWorker(scratch, second);
  expect(worker.supervisorPid).toBe(started);
  expect(second.hello?.attempts).toEqual(['1.0.1']);
  writeFileSync(goOn, '');
  expect(await second.finished('1.0.1')).toMatchObject({ state: 'failed', cause: { kind: 'exit', code: 5 } });
  expect(read('marks')).toBe('once\n');
});
