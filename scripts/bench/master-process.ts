/**
 * A master of a benchmark in a process of its own: `master-process.ts <database url> [slots]`. With slots, it has a worker to
 * itself, and says after each commit how many runs have ended by it; asked `cpu`, it says how much of the processor it has used, in ms.
 */
import { isTerminalRun } from '@pelorus/protocol';
import { startMaster } from '@pelorus/server/master';
import { openPostgresStore } from '@pelorus/server/store/postgres';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBenchWorker } from './harness.ts';

export type MasterNews = { kind: 'ready' } | { kind: 'ended'; runs: number } | { kind: 'cpu'; ms: number };

const [url, slots] = process.argv.slice(2);
const store = await openPostgresStore({ url: url! });
const log = { info() {}, warn() {}, error: (fields: object, message: string) => console.error(message, fields) };
const master = await startMaster({
  store,
  log,
  onCommitted: (changes) => {
    const ended = changes.filter((change) => change.kind === 'run' && isTerminalRun(change.status.state)).length;
    if (slots !== undefined && ended > 0) tell({ kind: 'ended', runs: ended });
  },
});
const directory = await mkdtemp(join(tmpdir(), 'pelorus-bench-'));
const worker = slots === undefined ? null : await startBenchWorker(directory, Number(slots), () => master);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  tell({ kind: 'cpu', ms: (user + system) / 1000 });
});
process.once('SIGTERM', () => {
  void stop().then(() => process.exit(0));
});
tell({ kind: 'ready' });

async function stop(): Promise<void> {
  await worker?.stop({ stopTasks: true });
  await master.stop();
  await store.close();
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function tell(news: MasterNews): void {
  process.send?.(news);
}
