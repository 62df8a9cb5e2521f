/**
 * One, two and three masters over one PostgreSQL: each is a process of its own with a worker to itself; runs are submitted by this
 * process, as an API would, 100 in flight for each master. Says what the masters and the database took of the processors meanwhile.
 */
import { openPostgresStore } from '@pelorus/server/store/postgres';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { print } from './figure.ts';
import { newRun, saveRequest } from './harness.ts';
import type { MasterNews } from './master-process.ts';
import { newDatabase } from './stores.ts';
import { chain } from './workflows.ts';

const MASTERS = [1, 2, 3];
const SLOTS = 200;
/** For each master. */
const RUNS = 600;
const WARM_UP_RUNS = 100;
const IN_FLIGHT = 100;

export async function benchMasters(): Promise<void> {
  for (const count of MASTERS) await benchWith(count);
}

async function benchWith(count: number): Promise<void> {
  const url = await newDatabase();
  const store = await openPostgresStore({ url });
  const definition = chain(10);
  await store.ensureProject({ name: 'bench', description: '', owner: 'bench', at: Date.now() });
  await store.saveWorkflow(saveRequest(definition));
  const masters = await Promise.all(Array.from({ length: count }, () => startMasterProcess(url, SLOTS)));
  const submit = async (): Promise<void> => void (await store.submitRun(newRun(definition.name)));
  await flow(masters, WARM_UP_RUNS * count, submit);
  const before = await cpuOf(url, masters);
  const at = performance.now();
  const shares = await flow(masters, RUNS * count, submit);
  const seconds = (performance.now() - at) / 1000;
  const after = await cpuOf(url, masters);
  const figure = { workload: `masters-${count}`, store: 'postgres', n: RUNS * count };
  print({ ...figure, metric: 'tasks', value: (RUNS * count * definition.tasks.length) / seconds, unit: '1/s' });
  print({
    ...figure,
    metric: 'least-share',
    value: (Math.min(...shares) * count) / (RUNS * count),
    unit: 'of its part',
  });
  for (const who of ['masters', 'database', 'api'] as const)
    print({ ...figure, metric: `cpu-${who}`, value: (after[who] - before[who]) / 1000 / seconds, unit: 'cores' });
  await Promise.all(masters.map(endMasterProcess));
  await store.close();
}

/** Ready when this resolves. */
export async function startMasterProcess(url: string, slots?: number): Promise<ChildProcess> {
  const master = fork(
    new URL('master-process.ts', import.meta.url),
    [url, ...(slots === undefined ? [] : [String(slots)])],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  await once(master, 'message');
  return master;
}

export async function endMasterProcess(master: ChildProcess): Promise<void> {
  master.kill('SIGTERM');
  await once(master, 'exit');
}

/** Until so many runs have ended; how many each master has ended. */
async function flow(masters: readonly ChildProcess[], runs: number, submit: () => Promise<void>): Promise<number[]> {
  const ended = masters.map(() => 0);
  let submitted = 0;
  await new Promise<void>((resolve, reject) => {
    const fill = (): void => {
      const done = ended.reduce((sum, each) => sum + each, 0);
      if (done === runs) resolve();
      while (submitted < runs && submitted - done < IN_FLIGHT * masters.length) {
        submitted++;
        submit().catch(reject);
      }
    };
    for (const [i, master] of masters.entries()) {
      master.removeAllListeners('message');
      master.on('message', (news: MasterNews) => {
        if (news.kind === 'ended') ended[i]! += news.runs;
        fill();
      });
    }
    fill();
  });
  return ended;
}

/** Ms of processor time so far. */
async function cpuOf(
  url: string,
  masters: readonly ChildProcess[],
): Promise<{ masters: number; database: number; api: number }> {
  const { user, system } = process.cpuUsage();
  const used = await Promise.all(masters.map(cpuOfMaster));
  return {
    masters: used.reduce((sum, each) => sum + each, 0),
    database: await cpuOfDatabase(url),
    api: (user + system) / 1000,
  };
}

async function cpuOfMaster(master: ChildProcess): Promise<number> {
  master.removeAllListeners('message');
  master.send('cpu');
  const [news] = (await once(master, 'message')) as [MasterNews];
  return news.kind === 'cpu' ? news.ms : Number.NaN;
}

/** Of its processes that are there now; by Linux' `schedstat`, in nanoseconds. */
async function cpuOfDatabase(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>(
    'select pid from pg_stat_activity where pid <> pg_backend_pid()',
  );
  await client.end();
  const used = rows.map(({ pid }) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]));
  return used.reduce((sum, each) => sum + each, 0) / 1e6;
}
