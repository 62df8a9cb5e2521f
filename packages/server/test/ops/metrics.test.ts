/** What Prometheus reads of real parts: a master with its store and a scripted worker, a worker, the API. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMetrics, type Metrics, type WorkerFigures } from '../../src/ops/index.ts';
import { openApi } from '../api/api-under-test.ts';
import { startCluster } from '../master/cluster.ts';
import { taskDefinition } from '../store/records.ts';
import { WAIT } from '../wait.ts';

/** Name with labels → value, of one look. */
async function samplesOf(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function read(metrics: Metrics, names: readonly string[]): Promise<Record<string, number | undefined>> {
  const samples = await samplesOf(metrics);
  return Object.fromEntries(names.map((name) => [name, samples.get(name)]));
}

/** Longer than one look is kept. */
const aLook = () => new Promise((resolve) => setTimeout(resolve, 110));

describe('the metrics of a process', () => {
  it('say its version and what Node says of itself', async () => {
    const samples = await samplesOf(createMetrics({ version: '1.2.3' }));
    expect(samples.get('pelorus_build_info{version="1.2.3"}')).toBe(1);
    for (const name of ['nodejs_eventloop_lag_seconds', 'process_cpu_seconds_total', 'process_resident_memory_bytes'])
      expect([name, samples.has(name)]).toEqual([name, true]);
  });

  it('of two registries are apart', async () => {
    createMetrics({ version: '1' }).worker(() => worker);
    expect((await samplesOf(createMetrics({ version: '1' }))).has('pelorus_worker_slots')).toBe(false);
  });
});

describe('the metrics of a master', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function start() {
    const metrics = createMetrics({ version: '1' });
    const { observer, read: readMaster } = metrics.master();
    const cluster = await startCluster(
      ({ task }) => (task.startsWith('wait') ? 'go on' : task === 'bad' ? 'fail' : 'succeed'),
      { observers: [observer] },
    );
    closing.push(() => cluster.close());
    readMaster(() => cluster.master.figures());
    return { metrics, cluster };
  }

  it('are of no runs before any were there', async () => {
    const { metrics } = await start();
    const states = ['queued', 'waiting', 'running', 'pausing', 'stopping', 'paused'];
    expect(
      await read(
        metrics,
        states.map((state) => `pelorus_master_runs{state="${state}"}`),
      ),
    ).toEqual(Object.fromEntries(states.map((state) => [`pelorus_master_runs{state="${state}"}`, 0])));
    expect(await read(metrics, ['pelorus_master_running', 'pelorus_master_worker_links'])).toEqual({
      pelorus_master_running: 1,
      pelorus_master_worker_links: 1,
    });
  });

  it('count runs, attempts, commands and commits', async () => {
    const startedAt = performance.now();
    const { metrics, cluster } = await start();
    await cluster.save('good', [taskDefinition('a'), taskDefinition('b', { needs: ['a'] })]);
    await cluster.save('fails', [taskDefinition('bad')]);
    expect(await cluster.endOf(await cluster.submit('good'))).toBe('succeeded');
    expect(await cluster.endOf(await cluster.submit('fails'))).toBe('failed');
    const counted = {
      'pelorus_master_runs_ended_total{state="succeeded"}': 1,
      'pelorus_master_runs_ended_total{state="failed"}': 1,
      'pelorus_master_attempts_ended_total{state="succeeded"}': 2,
      'pelorus_master_attempts_ended_total{state="failed"}': 1,
      pelorus_master_commands_claimed_total: 2,
      'pelorus_master_commands_done_total{outcome="applied"}': 2,
      pelorus_master_dispatch_seconds_count: 3,
      pelorus_master_hop_seconds_count: 3,
      pelorus_master_fenced_total: 0,
      pelorus_master_recoveries_total: 0,
    };
    // The store shows an end before the master has heard that it is stored.
    await vi.waitFor(async () => expect(await read(metrics, Object.keys(counted))).toEqual(counted), WAIT);
    const samples = await samplesOf(metrics);
    const commits = samples.get('pelorus_master_commit_seconds_count')!;
    expect(commits).toBeGreaterThan(0);
    expect(samples.get('pelorus_master_commit_changes_count')).toBe(commits);
    expect(samples.get('pelorus_master_commit_changes_sum')).toBeGreaterThan(6);
    // Of three, in seconds.
    const passed = (performance.now() - startedAt) / 1000;
    expect(samples.get('pelorus_master_dispatch_seconds_sum')).toBeLessThan(3 * passed);
  });

  it('show what goes on, what waits for whom, and what was taken over', async () => {
    const { metrics, cluster } = await start();
    await cluster.save('long', [
      taskDefinition('wait'),
      taskDefinition('elsewhere', { workerGroup: 'gpu' }),
      taskDefinition('elsewhere too', { workerGroup: 'gpu' }),
    ]);
    const run = await cluster.submit('long');
    await cluster.begun('wait');
    await vi.waitFor(async () => {
      await aLook();
      expect(
        await read(metrics, ['pelorus_master_runs{state="running"}', 'pelorus_master_ready_tasks{group="gpu"}']),
      ).toEqual({ 'pelorus_master_runs{state="running"}': 1, 'pelorus_master_ready_tasks{group="gpu"}': 2 });
    }, WAIT);
    await cluster.crash();
    await vi.waitFor(async () => {
      await aLook();
      const now = await read(metrics, [
        'pelorus_master_runs_adopted_total',
        'pelorus_master_ready_tasks{group="gpu"}',
        'pelorus_master_runs{state="running"}',
      ]);
      expect(now).toEqual({
        pelorus_master_runs_adopted_total: 1,
        'pelorus_master_ready_tasks{group="gpu"}': 2,
        'pelorus_master_runs{state="running"}': 1,
      });
    }, WAIT);
    await cluster.command(run, 'stop');
    await cluster.endOf(run);
    await vi.waitFor(async () => {
      await aLook();
      const after = await samplesOf(metrics);
      expect(after.get('pelorus_master_runs{state="running"}')).toBe(0);
      expect(after.has('pelorus_master_ready_tasks{group="gpu"}')).toBe(false);
    }, WAIT);
  });

  it('bound the worker groups that they name', async () => {
    const metrics = createMetrics({ version: '1' });
    const { read: readMaster } = metrics.master();
    const queued = new Map(Array.from({ length: 150 }, (_, index) => [`g${index}`, index + 1]));
    const { cluster } = await start();
    readMaster(() => ({ ...cluster.master.figures(), queued }));
    const groups = [...(await samplesOf(metrics))].filter(([name]) => name.startsWith('pelorus_master_ready_tasks'));
    expect(groups).toHaveLength(101);
    expect(groups.at(-1)).toEqual(['pelorus_master_ready_tasks{group="other"}', (50 * 51) / 2]);
    expect(groups.reduce((sum, [, tasks]) => sum + tasks, 0)).toBe((150 * 151) / 2);
  });

  it('hold no id of a run and no name that a user gave', async () => {
    const { metrics, cluster } = await start();
    await cluster.save('a-name-of-a-workflow', [taskDefinition('a-name-of-a-task')]);
    await cluster.endOf(await cluster.submit('a-name-of-a-workflow'));
    const text = await metrics.text();
    expect(text).not.toContain('a-name-of');
    expect(text).not.toContain('sales');
    const labels = new Set([...text.matchAll(/(?<=[{,])\w+(?==")/g)].map(([label]) => label));
    for (const known of ['state', 'group', 'outcome', 'operation', 'status', 'le', 'version', 'type', 'kind', 'space'])
      labels.delete(known);
    expect([...labels].filter((label) => !['major', 'minor', 'patch'].includes(label))).toEqual([]);
  });
});

const worker: WorkerFigures = {
  slots: 10,
  usedSlots: 3,
  busy: true,
  draining: false,
  links: 2,
  attempts: { succeeded: 5, failed: 1, killed: 0, lost: 2 },
  refused: 4,
  unacknowledged: 1,
  logs: { logs: 6, unshippedBytes: 700 },
};

describe('the metrics of a worker', () => {
  it('are its figures', async () => {
    const metrics = createMetrics({ version: '1' });
    let now = worker;
    metrics.worker(() => now);
    const ours = async () =>
      Object.fromEntries([...(await samplesOf(metrics))].filter(([name]) => name.startsWith('pelorus_worker')));
    const expected = {
      pelorus_worker_slots: 10,
      pelorus_worker_slots_used: 3,
      pelorus_worker_busy: 1,
      pelorus_worker_draining: 0,
      pelorus_worker_master_links: 2,
      pelorus_worker_results_unacknowledged: 1,
      pelorus_worker_log_backlog: 6,
      pelorus_worker_log_spool_bytes: 700,
      pelorus_worker_refused_total: 4,
      'pelorus_worker_attempts_total{outcome="succeeded"}': 5,
      'pelorus_worker_attempts_total{outcome="failed"}': 1,
      'pelorus_worker_attempts_total{outcome="killed"}': 0,
      'pelorus_worker_attempts_total{outcome="lost"}': 2,
    };
    expect(await ours()).toEqual(expected);
    now = { ...worker, refused: 7, logs: null };
    expect(await ours()).toEqual({
      ...expected,
      pelorus_worker_refused_total: 7,
      pelorus_worker_log_backlog: 0,
      pelorus_worker_log_spool_bytes: 0,
    });
  });
});

describe('the metrics of the API', () => {
  it('count requests by operation and class of status, and streams while they are open', async () => {
    const metrics = createMetrics({ version: '1' });
    const { observe, read: readApi } = metrics.api();
    const api = await openApi({ observe, metrics: () => metrics.text(), adminToken: 'a'.repeat(32) }, (close) =>
      closingApi.push(close),
    );
    readApi(() => api.app.streamFigures());
    const headers = { authorization: `Bearer ${'a'.repeat(32)}` };
    await api.call('GET', '/livez');
    await api.call('GET', '/projects', { headers });
    await api.call('GET', '/projects', { headers });
    await api.call('GET', '/projects/nobody', { headers });
    await api.call('GET', '/projects');
    await api.call('GET', '/no/such/thing', { headers });
    const shown = await api.call('GET', '/metrics', { headers });
    expect([shown.status, shown.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const count = (operation: string, status: string) =>
      `pelorus_api_request_seconds_count{operation="${operation}",status="${status}"}`;
    const expected = {
      [count('livez', '2xx')]: 1,
      [count('listProjects', '2xx')]: 2,
      [count('listProjects', '4xx')]: 1,
      [count('getProject', '4xx')]: 1,
      [count('none', '4xx')]: 1,
      pelorus_api_event_streams: 0,
    };
    for (const [name, value] of Object.entries(expected)) expect(shown.text).toContain(`${name} ${value}\n`);
    expect((await api.call('GET', '/metrics')).status).toBe(401);
  });

  const closingApi: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closingApi.splice(0)) await close();
  });
});

describe('the metrics of traces', () => {
  it('say what became of spans', async () => {
    const metrics = createMetrics({ version: '1' });
    metrics.traces(() => ({ sent: 5, failed: 1, dropped: 2, waiting: 3 }));
    expect(
      await read(metrics, [
        'pelorus_trace_spans_waiting',
        'pelorus_trace_spans_total{result="sent"}',
        'pelorus_trace_spans_total{result="failed"}',
        'pelorus_trace_spans_total{result="dropped"}',
      ]),
    ).toEqual({
      pelorus_trace_spans_waiting: 3,
      'pelorus_trace_spans_total{result="sent"}': 5,
      'pelorus_trace_spans_total{result="failed"}': 1,
      'pelorus_trace_spans_total{result="dropped"}': 2,
    });
  });
});
