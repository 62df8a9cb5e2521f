/** Records for the store's tests, each complete, with what a test is about given by name. */
import type { AlertRecord, AttemptRecord, Change, RunStatus, TaskRunRecord, WorkerRecord } from '@pelorus/engine';
import { masterIdOf, runIdOf, workerIdOf } from '@pelorus/protocol';
import type { RunId, TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import type {
  Fence,
  NewBackfill,
  NewRun,
  SaveSchedule,
  SaveWorkflow,
  ScheduleOptions,
  Store,
} from '../../src/store/index.ts';

export const AT = 1_790_000_000_000;

export function definition(more: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
  return {
    name: 'nightly',
    project: null,
    description: 'Loads what the day brought',
    labels: {},
    params: {},
    failurePolicy: 'end',
    concurrency: 'parallel',
    timeout: { afterMs: 86_400_000, action: 'fail' },
    priority: 'medium',
    parameterMode: 'strict',
    schedule: null,
    notify: { on: 'none', to: [] },
    tasks: [],
    ...more,
  };
}

export function taskDefinition(name: string, more: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    name,
    description: '',
    needs: [],
    trigger: 'all_success',
    disabled: false,
    params: {},
    env: {},
    retry: { max: 0, intervalMs: 1000, backoff: 'fixed', maxIntervalMs: 1000 },
    timeout: null,
    delayMs: 0,
    priority: null,
    workerGroup: null,
    environment: null,
    runAs: null,
    taskGroup: null,
    onWorkerLost: 'rerun',
    dispatchTimeoutMs: null,
    files: [],
    outputs: {},
    extras: null,
    action: { type: 'shell', run: 'true', file: null, shell: '/bin/sh', substitution: 'env' },
    ...more,
  };
}

export function saveOf(more: Partial<SaveWorkflow> = {}): SaveWorkflow {
  return {
    project: 'sales',
    name: 'nightly',
    definition: definition(),
    files: [],
    source: 'name: nightly\n',
    format: 'yaml',
    hash: 'hash-1',
    hidden: false,
    mustBeNew: false,
    user: 'ann',
    at: AT,
    ...more,
  };
}

export function newRun(more: Partial<NewRun> = {}): NewRun {
  return {
    project: 'sales',
    workflow: 'nightly',
    workflowVersion: null,
    execType: 'DIRECT',
    mode: 'whole',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    parent: null,
    submitUser: 'ann',
    proxyUser: 'etl',
    queue: 'default',
    failurePolicy: 'continue',
    priority: 'high',
    timeoutMs: 60_000,
    timeoutAction: 'fail',
    workerGroup: 'default',
    environment: null,
    dryRun: false,
    params: { year: '2026', full: true },
    logicalDateAt: AT - 1000,
    zone: 'Europe/Berlin',
    submittedAt: AT,
    notifyType: 'FAILURE',
    notifyMails: ['ann@example.org'],
    extras: { ticket: 7 },
    idempotencyKey: null,
    tasks: [],
    ...more,
  };
}

export function status(run: RunId, more: Partial<RunStatus> = {}): RunStatus {
  return {
    run,
    version: 1,
    state: 'running',
    cause: null,
    firstFailure: null,
    waitReason: null,
    owner: masterIdOf('m1'),
    startedAt: AT + 5,
    endedAt: null,
    ...more,
  };
}

export function taskRun(run: RunId | number, task: number, more: Partial<TaskRunRecord> = {}): TaskRunRecord {
  return {
    run: runIdOf(run),
    task,
    version: 1,
    state: 'queued',
    cause: null,
    waitReason: null,
    attempts: 0,
    retries: 0,
    wakeAt: null,
    readyAt: AT,
    startedAt: null,
    endedAt: null,
    outputs: null,
    ...more,
  };
}

export function attempt(run: RunId, task: number, n: number, more: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    run,
    task,
    n,
    version: 1,
    state: 'dispatched',
    cause: null,
    worker: workerIdOf('w1'),
    dispatchedAt: AT + n,
    startedAt: null,
    endedAt: null,
    kill: null,
    ...more,
  };
}

export function worker(id: string, more: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    id: workerIdOf(id),
    name: 'worker one',
    host: 'localhost',
    groups: ['default', 'gpu'],
    slots: 8,
    state: 'online',
    registeredAt: AT,
    seenAt: AT,
    supersedes: [],
    load: null,
    features: ['shell', 'limits:cgroup2'],
    ...more,
  };
}

/** Of a run of `nightly` that has failed. */
export function alertOfEnd(run: RunId, more: Partial<AlertRecord> = {}): AlertRecord {
  return {
    id: `${run}.run-failed`,
    run,
    event: 'run-failed',
    task: null,
    at: AT + 10,
    recipients: ['ann@example.org'],
    project: 'sales',
    workflow: 'nightly',
    workflowVersion: 1,
    execType: 'DIRECT',
    submitUser: 'ann',
    logicalDateAt: AT - 1000,
    state: 'failed',
    cause: { kind: 'exit', code: 3 },
    firstFailure: { task: 'load', cause: { kind: 'exit', code: 3 } },
    startedAt: AT + 5,
    endedAt: AT + 10,
    timeoutMs: null,
    ...more,
  };
}

export const runChange = (value: RunStatus): Change => ({ kind: 'run', status: value });
export const taskChange = (record: TaskRunRecord): Change => ({ kind: 'task-run', record });
export const attemptChange = (record: AttemptRecord): Change => ({ kind: 'attempt', record });

/** Registers a master; its token is `<id>-token`. */
export async function master(store: Store, id: string, more: { supersedes?: string[] } = {}): Promise<Fence> {
  const fence: Fence = { master: masterIdOf(id), token: `${id}-token` };
  await store.registerMaster({
    id: fence.master,
    token: fence.token,
    host: 'localhost',
    ...(more.supersedes && { supersedes: more.supersedes.map(masterIdOf) }),
  });
  return fence;
}

/** Project `sales` with workflow `nightly`, version 1. */
export async function withWorkflow(store: Store): Promise<void> {
  await store.ensureProject({ name: 'sales', description: 'Sales', owner: 'ann', at: AT });
  await store.saveWorkflow(saveOf());
}

/** Submits a run and consumes its start command, as master `fence`. */
export async function startedRun(store: Store, fence: Fence, more: Partial<NewRun> = {}): Promise<RunId> {
  const { run, command } = await store.submitRun(newRun(more));
  await store.commit(fence, [
    runChange(status(run.id, { owner: fence.master })),
    { kind: 'command-done', command, outcome: { kind: 'applied' }, at: AT },
  ]);
  return run.id;
}

export const PLAIN_OPTIONS: ScheduleOptions = {
  params: {},
  failurePolicy: null,
  notifyType: null,
  notifyMails: null,
  priority: null,
  workerGroup: null,
  environment: null,
  timeoutMs: null,
  dependsOnPrevious: false,
  dependsOn: [],
};

/** Hourly, half an hour away from now: whenever a test runs, its last fire was missed and its next is not due. */
export function halfAnHourAway(): string {
  return `${(new Date().getUTCMinutes() + 30) % 60} * * * *`;
}

const HOURLY = halfAnHourAway();

/** Online, hourly. */
export function scheduleOf(workflowId: number, more: Partial<SaveSchedule> = {}): SaveSchedule {
  return {
    workflowId,
    name: 'default',
    cron: HOURLY,
    zone: 'UTC',
    startAt: null,
    endAt: null,
    misfire: 'fire_last',
    misfireMax: 100,
    calendar: null,
    onHoliday: null,
    online: true,
    options: PLAIN_OPTIONS,
    user: 'ann',
    at: AT,
    ...more,
  };
}

const DAY_MS = 86_400_000;

/** Of three days, one after the other. */
export function backfillOf(workflowId: number, more: Partial<NewBackfill> = {}): NewBackfill {
  return {
    workflowId,
    workflowVersion: null,
    startAt: AT,
    endAt: AT + DAY_MS,
    crontab: null,
    zone: 'Asia/Tokyo',
    mode: 'serial',
    parallelism: 1,
    order: 'ascending',
    continueAfterFailure: false,
    dependents: [],
    dates: [0, 1, 2].map((day) => AT + day * DAY_MS),
    options: {
      selection: { kind: 'whole' },
      params: { region: 'eu' },
      failurePolicy: 'end',
      priority: null,
      workerGroup: null,
      environment: null,
      dryRun: false,
      timeoutMs: 60_000,
      notifyType: 'ALL',
      notifyMails: ['a@x'],
      extras: { n: [1] },
    },
    submitUser: 'ann',
    createdAt: AT,
    ...more,
  };
}
