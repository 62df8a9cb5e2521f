/** The real master behind the real door, and the worker in Python: a workflow from end to end, over a restart of the master. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openWorkerDoor, startMaster } from '../../src/master/index.ts';
import type { Store } from '../../src/store/index.ts';
import { definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { WAIT } from '../wait.ts';

const TOKEN = 'a-token-for-the-worker-in-python-0123456789';
const WORKER = join(import.meta.dirname, '../../../worker/conformance/python/worker.py');

const python = ['python3', '/usr/bin/python3'].find((path) => {
  try {
    execFileSync(path, ['-c', 'import websockets'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

test('the worker in Python carries a workflow through, also when its master is replaced meanwhile', async (context) => {
  if (python === undefined) return context.skip('needs python3-websockets: apt-get install python3-websockets');
  const dir = mkdtempSync(join(tmpdir(), 'pelorus-python-'));
  const ledger = join(dir, 'ledger');
  const place = await makeSqlitePlace();
  // The address stays while masters come and go: nobody else gets the port in between.
  const server = createServer((_request, response) => response.writeHead(503).end());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  let serving = await serve(await place.open(), server);
  let worker: ChildProcess | null = null;
  try {
    const { store } = serving;
    await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: Date.now() });
    const shell = (run: string) => ({ type: 'shell', run, file: null, shell: 'sh', substitution: 'env' }) as const;
    const tasks = [
      taskDefinition('first', {
        action: shell(`echo first >> ${ledger}; echo "n=41" >> "$PELORUS_OUTPUT"`),
        outputs: { n: { type: 'integer' } },
      }),
      taskDefinition('long', {
        needs: ['first'],
        action: shell(`echo long >> ${ledger}; while [ ! -e ${ledger}.go ]; do sleep 0.05; done`),
      }),
      taskDefinition('last', { needs: ['first', 'long'], action: shell(`echo "last $n" >> ${ledger}`) }),
      taskDefinition('not-here', { needs: ['last'], action: { type: 'script', run: 'return 1', file: null } }),
    ];
    await store.saveWorkflow(saveOf({ name: 'chain', hash: 'h1', definition: definition({ name: 'chain', tasks }) }));
    worker = startWorker(python, dir, `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { run } = await store.submitRun(
      newRun({ workflow: 'chain', submittedAt: Date.now(), timeoutMs: 3_600_000, params: {} }),
    );
    serving.master.commandHint();
    await vi.waitFor(() => expect(linesOf(ledger)).toEqual(['first', 'long']), WAIT);

    await serving.stop();
    serving = await serve(await place.open(), server);
    execFileSync('touch', [`${ledger}.go`]);
    const { store: found } = serving;
    const detail = await vi.waitFor(async () => {
      const now = (await found.getRunDetail(run.id))!;
      expect(now.tasks.at(-1)?.waitReason).toBe(
        'no_worker: no worker of group default that is connected runs script tasks',
      );
      return now;
    }, WAIT);
    expect(linesOf(ledger)).toEqual(['first', 'long', 'last 41']);
    expect(detail.tasks.map((task) => task.state)).toEqual(['succeeded', 'succeeded', 'succeeded', 'queued']);
    expect(detail.attempts).toHaveLength(3);
  } finally {
    if (worker) await end(worker);
    await serving.stop();
    await new Promise((closed) => server.close(closed));
    await place.remove();
    rmSync(dir, { recursive: true, force: true });
  }
});

async function serve(store: Store, server: Server) {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const master = await startMaster({ store, log });
  const door = openWorkerDoor({
    server,
    path: '/worker',
    tokens: [TOKEN],
    attach: (link) => master.attachWorker(link),
    log,
  });
  return {
    store,
    master,
    stop: async () => {
      await door.close();
      await master.stop();
      await store.close();
    },
  };
}

function startWorker(program: string, dir: string, url: string): ChildProcess {
  return spawn(program, [WORKER], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      PELORUS_MASTERS: url,
      PELORUS_WORKER_TOKEN: TOKEN,
      PELORUS_DATA: join(dir, 'data'),
      PELORUS_WORKER_NAME: 'python',
      PELORUS_WORKER_MAX_LOAD: '1000000',
      PELORUS_WORKER_RESERVED_MEMORY: '0',
    },
  });
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
