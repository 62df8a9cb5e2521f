/** Random definitions, small enough to be read in a trace and mean enough to reach every rule. */
import {
  PRIORITIES,
  type Priority,
  type RunId,
  type TaskDefinition,
  type TriggerRule,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import type { RunSpec, WorkflowVersion } from '../src/index.ts';
import type { Random } from './random.ts';

const RUN_TIMEOUT_MS = 86_400_000;

/** What tasks can ask for. */
export interface Surroundings {
  groups: readonly string[];
  /** Sizes by name. */
  taskGroups: ReadonlyMap<string, number>;
}

export function randomWorkflow(random: Random, id: number, around: Surroundings): WorkflowVersion {
  const count = random.whole(1, 12);
  const density = random.between(0.05, 0.6);
  const tasks: TaskDefinition[] = [];
  for (let index = 0; index < count; index++) tasks.push(randomTask(random, index, density, around));
  const definition: WorkflowDefinition = {
    name: `w${id}`,
    project: 'p',
    description: '',
    labels: {},
    params: {},
    failurePolicy: random.chance(0.5) ? 'end' : 'continue',
    concurrency: 'parallel',
    timeout: {
      afterMs: random.chance(0.1) ? random.whole(5_000, 300_000) : RUN_TIMEOUT_MS,
      action: random.pick(['fail', 'fail', 'warn', 'warn_and_fail']),
    },
    priority: random.pick(PRIORITIES),
    parameterMode: 'strict',
    schedule: null,
    notify: { on: 'none', to: [] },
    tasks,
  };
  return { workflowId: id, version: 1, definition, files: [] };
}

function randomTask(
  random: Random,
  index: number,
  density: number,
  { groups, taskGroups }: Surroundings,
): TaskDefinition {
  const needs: string[] = [];
  for (let earlier = 0; earlier < index; earlier++) if (random.chance(density)) needs.push(`t${earlier}`);
  const absent = random.chance(0.02);
  return {
    name: `t${index}`,
    description: '',
    needs,
    trigger:
      needs.length === 0 || random.chance(0.6)
        ? 'all_success'
        : random.pick<TriggerRule>(['all_done', 'any_failed', 'none_failed']),
    disabled: random.chance(0.1),
    params: {},
    env: {},
    retry: randomRetry(random),
    timeout: random.chance(0.15)
      ? { afterMs: random.whole(500, 60_000), action: random.pick(['fail', 'warn', 'warn_and_fail']) }
      : null,
    delayMs: random.chance(0.1) ? random.whole(1, 20_000) : 0,
    priority: random.chance(0.5) ? random.pick<Priority>(PRIORITIES) : null,
    workerGroup: absent ? 'absent' : random.chance(0.2) ? random.pick(groups) : null,
    environment: null,
    runAs: null,
    taskGroup: taskGroups.size > 0 && random.chance(0.3) ? randomShare(random, taskGroups) : null,
    onWorkerLost: random.pick(['rerun', 'rerun', 'rerun', 'fail', 'wait']),
    dispatchTimeoutMs: absent || random.chance(0.1) ? random.whole(5_000, 120_000) : null,
    files: [],
    outputs: {},
    extras: null,
    action: random.chance(0.1)
      ? { type: 'virtual' }
      : { type: 'shell', run: 'true', file: null, shell: '/bin/sh', substitution: 'env' },
  };
}

function randomShare(random: Random, taskGroups: ReadonlyMap<string, number>): TaskDefinition['taskGroup'] {
  const [name, size] = random.pick([...taskGroups]);
  return { name, weight: random.whole(1, size), priority: random.whole(0, 3) };
}

function randomRetry(random: Random): TaskDefinition['retry'] {
  if (random.chance(0.5)) return { max: 0, intervalMs: 1_000, backoff: 'fixed', maxIntervalMs: 1_000 };
  return {
    max: random.whole(1, 3),
    intervalMs: random.whole(1, 10_000),
    backoff: random.pick(['fixed', 'exponential']),
    maxIntervalMs: 30_000,
  };
}

export function specOf(id: RunId, workflow: WorkflowVersion, at: number): RunSpec {
  const { definition } = workflow;
  return {
    id,
    projectId: 1,
    project: 'p',
    workflowId: workflow.workflowId,
    workflow: definition.name,
    workflowVersion: workflow.version,
    execType: 'DIRECT',
    mode: 'whole',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    parent: null,
    submitUser: 'someone',
    proxyUser: null,
    queue: null,
    failurePolicy: definition.failurePolicy,
    priority: definition.priority,
    timeoutMs: definition.timeout.afterMs,
    timeoutAction: definition.timeout.action,
    workerGroup: null,
    environment: null,
    dryRun: false,
    params: {},
    logicalDateAt: at,
    zone: 'UTC',
    submittedAt: at,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
  };
}
