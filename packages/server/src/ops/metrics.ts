/**
 * What the roles of a process show to Prometheus: one registry, read through `text()`. Labels are bounded: states, outcomes, operation
 * ids, and at most 100 worker groups; no id of a run, no name of a project or workflow, no text of a user.
 *
 * Figures that a role keeps anyway are read when somebody asks; only what happens (commits, requests) is counted as it happens.
 */
import type { Change } from '@pelorus/engine';
import { ATTEMPT_RANK, isTerminalRun, RUN_STATES, type RunState } from '@pelorus/protocol';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MasterFigures, MasterObserver } from '../master/index.ts';
import type { TraceFigures } from './traces.ts';

export interface Metrics {
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  /** Give the observer to the master as it starts, then say where its figures are. */
  master(): { observer: MasterObserver; read: (figures: () => MasterFigures) => void };
  worker(figures: () => WorkerFigures): void;
  /** `observe` is for `ApiOptions.observe`. */
  api(): { observe: (request: ObservedRequest) => void; read: (figures: () => { streams: number }) => void };
  traces(figures: () => TraceFigures): void;
}

/** What a worker says of itself; `attempts` and `refused` count since its start. */
export interface WorkerFigures {
  slots: number;
  usedSlots: number;
  /** Over a limit: it takes nothing. */
  busy: boolean;
  draining: boolean;
  /** Links to masters. */
  links: number;
  /** Attempts that have ended, by outcome. */
  attempts: Readonly<Record<'succeeded' | 'failed' | 'killed' | 'lost', number>>;
  refused: number;
  /** Results that no master has acknowledged yet. */
  unacknowledged: number;
  /** Null: its logs stay where they are. */
  logs: { logs: number; unshippedBytes: number } | null;
}

export interface ObservedRequest {
  /** Operation id; `none` where no route was found. */
  operation: string;
  status: number;
  durationMs: number;
}

const GROUPS_MAX = 100;
/** Figures of one look; two scrapes are further apart. */
const SCRAPE_MS = 100;
const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const BATCH_CHANGES = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000];

/** A registry with what Node says of the process; roles add theirs. `version` of the product. */
export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  showGauge(registry, {
    name: 'pelorus_build_info',
    help: 'Version of the program',
    labelNames: ['version'],
    read: () => [[{ version }, 1]],
  });
  return {
    text: () => registry.metrics(),
    master: () => masterMetrics(registry),
    worker: (figures) => workerMetrics(registry, figures),
    api: () => apiMetrics(registry),
    traces: (figures) => traceMetrics(registry, figures),
  };
}

type Labels = Record<string, string>;
interface Shown {
  name: string;
  help: string;
  labelNames?: readonly string[];
  /** Asked with each look; what is missing from it is not shown any more. */
  read: () => Iterable<readonly [Labels, number]>;
}

/** A figure that is kept elsewhere and may rise and fall. */
function showGauge(registry: Registry, { name, help, labelNames = [], read }: Shown): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    registers: [],
    collect: () => {
      gauge.reset();
      for (const [labels, value] of read()) gauge.set(labels, value);
    },
  });
  registry.registerMetric(gauge);
}

/** A figure that is kept elsewhere and only grows. */
function showCounter(registry: Registry, { name, help, labelNames = [], read }: Shown): void {
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers: [],
    collect: () => {
      counter.reset();
      for (const [labels, value] of read()) counter.inc(labels, value);
    },
  });
  registry.registerMetric(counter);
}

/** One figure without labels. */
function only(value: number): [Labels, number][] {
  return [[{}, value]];
}

function byLabel(label: string, values: Readonly<Record<string, number>>): [Labels, number][] {
  return Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);
}

// ---- master

function masterMetrics(registry: Registry): ReturnType<Metrics['master']> {
  let figures: (() => MasterFigures) | null = null;
  let looked: { at: number; now: MasterFigures } | null = null;
  // One look serves all that is shown with a scrape.
  const look = (): MasterFigures | null => {
    if (figures === null) return null;
    if (looked === null || performance.now() - looked.at > SCRAPE_MS)
      looked = { at: performance.now(), now: figures() };
    return looked.now;
  };
  showMaster(registry, look);
  return {
    observer: masterObserver(registry),
    read: (source) => {
      figures = source;
      looked = null;
    },
  };
}

function showMaster(registry: Registry, look: () => MasterFigures | null): void {
  const show = (name: string, help: string, read: (now: MasterFigures) => [Labels, number][], label?: string) =>
    showGauge(registry, {
      name: `pelorus_master_${name}`,
      help,
      labelNames: label === undefined ? [] : [label],
      read: () => {
        const now = look();
        return now === null ? [] : read(now);
      },
    });
  show('runs', 'Runs that this master owns, by state', ({ runs }) => openRuns(runs), 'state');
  show(
    'ready_tasks',
    'Ready tasks that wait for a slot or for their task group, by worker group (beyond 100 groups: other)',
    ({ queued }) => boundedGroups(queued).map(([group, tasks]) => [{ group }, tasks]),
    'group',
  );
  show('mailbox_messages', 'Messages of workers not looked at yet', ({ mailbox }) => only(mailbox));
  show('pending_changes', 'Changes decided and not yet given to a commit', (now) => only(now.pendingChanges));
  show('worker_links', 'Connections to workers', ({ links }) => only(links));
  show('running', '1 while it drives runs; 0 while it starts, recovers or stops', ({ state }) =>
    only(state === 'running' ? 1 : 0),
  );
}

function openRuns(runs: ReadonlyMap<RunState, number>): [Labels, number][] {
  return RUN_STATES.filter((state) => !isTerminalRun(state)).map((state) => [{ state }, runs.get(state) ?? 0]);
}

/** The longest queues by name, the rest together. */
function boundedGroups(queued: ReadonlyMap<string, number>): [string, number][] {
  const all = [...queued].toSorted(([, a], [, b]) => b - a);
  const rest = all.slice(GROUPS_MAX).reduce((sum, [, tasks]) => sum + tasks, 0);
  return rest === 0 ? all.slice(0, GROUPS_MAX) : [...all.slice(0, GROUPS_MAX), ['other', rest]];
}

function masterObserver(registry: Registry): MasterObserver {
  const registers = [registry];
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `pelorus_master_${name}`, help, buckets, registers });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `pelorus_master_${name}`, help, labelNames, registers });
  const accepted = histogram(
    'dispatch_seconds',
    'From a task becoming ready until a worker has accepted its attempt',
    LATENCY_SECONDS,
  );
  const hop = histogram(
    'hop_seconds',
    'From a task becoming ready, as by the end of its last predecessor, until its dispatch is durable and leaves',
    LATENCY_SECONDS,
  );
  const commitSeconds = histogram('commit_seconds', 'Time of one commit', LATENCY_SECONDS);
  const commitChanges = histogram('commit_changes', 'Changes in one commit', BATCH_CHANGES);
  const claims = counter('commands_claimed_total', 'Commands taken from the store');
  const adoptions = counter('runs_adopted_total', "Runs taken over: of masters that are gone, or nobody's");
  const fences = counter('fenced_total', 'Incarnations that another master has ended');
  const recoveries = counter('recoveries_total', 'Failed commits after which everything was read again');
  const timelines = counter('store_went_back_total', 'Times that the store may have forgotten what came last');
  const runs = counter('runs_ended_total', 'Runs that ended, by state', ['state']);
  const attempts = counter('attempts_ended_total', 'Attempts that ended, by state', ['state']);
  const commands = counter('commands_done_total', 'Commands that were answered, by outcome', ['outcome']);

  function changed(change: Change, at: number): void {
    if (change.kind === 'task-run') {
      const { state, readyAt } = change.record;
      if (state === 'dispatched' && readyAt !== null) hop.observe(Math.max(0, at - readyAt) / 1_000);
    } else if (change.kind === 'attempt') {
      const { state } = change.record;
      if (ATTEMPT_RANK[state] >= ATTEMPT_RANK.succeeded) attempts.inc({ state });
    } else if (change.kind === 'run') {
      const { state } = change.status;
      if (isTerminalRun(state)) runs.inc({ state });
    } else if (change.kind === 'command-done') commands.inc({ outcome: change.outcome.kind });
  }

  return {
    accepted: (latencyMs) => accepted.observe(latencyMs / 1_000),
    committed: ({ changes, tookMs, at }) => {
      commitSeconds.observe(tookMs / 1_000);
      commitChanges.observe(changes.length);
      for (const change of changes) changed(change, at);
    },
    claimed: (count) => claims.inc(count),
    adopted: (count) => adoptions.inc(count),
    fenced: () => fences.inc(),
    recovering: () => recoveries.inc(),
    wentBack: () => timelines.inc(),
  };
}

// ---- worker

function workerMetrics(registry: Registry, figures: () => WorkerFigures): void {
  const show = (name: string, help: string, read: (now: WorkerFigures) => number | undefined) =>
    showGauge(registry, {
      name: `pelorus_worker_${name}`,
      help,
      read: () => {
        const value = read(figures());
        return value === undefined ? [] : only(value);
      },
    });
  show('slots', 'Attempts that it may run at once', ({ slots }) => slots);
  show('slots_used', 'Attempts that it runs', ({ usedSlots }) => usedSlots);
  show('busy', '1 while a limit of load or memory keeps it from taking anything', ({ busy }) => Number(busy));
  show('draining', '1 while it is to take nothing new', ({ draining }) => Number(draining));
  show('master_links', 'Connections to masters', ({ links }) => links);
  show('results_unacknowledged', 'Results that no master has acknowledged', ({ unacknowledged }) => unacknowledged);
  show('log_backlog', 'Logs that the log store does not have whole', ({ logs }) => logs?.logs);
  show('log_spool_bytes', 'Bytes of logs that the log store does not have', ({ logs }) => logs?.unshippedBytes);
  showCounter(registry, {
    name: 'pelorus_worker_refused_total',
    help: 'Dispatches refused: no slot, over a limit, draining, no lease',
    read: () => only(figures().refused),
  });
  showCounter(registry, {
    name: 'pelorus_worker_attempts_total',
    help: 'Attempts that ended, by outcome',
    labelNames: ['outcome'],
    read: () => byLabel('outcome', figures().attempts),
  });
}

// ---- api

function apiMetrics(registry: Registry): ReturnType<Metrics['api']> {
  let figures: (() => { streams: number }) | null = null;
  const duration = new Histogram({
    name: 'pelorus_api_request_seconds',
    help: 'Requests by operation and class of status; event streams are not among them',
    labelNames: ['operation', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30],
    registers: [registry],
  });
  showGauge(registry, {
    name: 'pelorus_api_event_streams',
    help: 'Event streams that are open',
    read: () => (figures === null ? [] : only(figures().streams)),
  });
  return {
    observe: ({ operation, status, durationMs }) =>
      duration.observe({ operation, status: `${Math.floor(status / 100)}xx` }, durationMs / 1_000),
    read: (source) => {
      figures = source;
    },
  };
}

// ---- traces

function traceMetrics(registry: Registry, figures: () => TraceFigures): void {
  showGauge(registry, {
    name: 'pelorus_trace_spans_waiting',
    help: 'Spans that wait for the collector',
    read: () => only(figures().waiting),
  });
  showCounter(registry, {
    name: 'pelorus_trace_spans_total',
    help: 'Spans by what became of them: sent, failed, or dropped because the queue was full',
    labelNames: ['result'],
    read: () => {
      const { sent, failed, dropped } = figures();
      return byLabel('result', { sent, failed, dropped });
    },
  });
}
