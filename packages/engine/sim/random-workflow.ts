/** Random definitions, small enough to be read in a trace and mean enough to reach every rule. */
import {
  CONCURRENCY_POLICIES,
  PRIORITIES,
  type Priority,
  type TaskAction,
  type TaskDefinition,
  type TriggerRule,
  type UpstreamCondition,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import type { WorkflowVersion } from '../src/index.ts';
import { withBranches } from './random-branches.ts';
import type { Random } from './random.ts';
import type { RunOrder } from './store-model.ts';

const SERIAL = CONCURRENCY_POLICIES.filter((policy) => policy !== 'parallel');
const RUN_TIMEOUT_MS = 86_400_000;
/** From what definitions may ask for at least to longer than a history. */
const EXECUTION_LEASES_MS = [20_000, 30_000, 120_000, 300_000, 3_600_000];

/** What tasks can ask for. */
export interface Surroundings {
  groups: readonly string[];
  /** Sizes by name. */
  taskGroups: ReadonlyMap<string, number>;
  /** The chance that the runs of a workflow take turns. */
  serial: number;
  /** The chance that a task waits for a worker that is lost. */
  waits: number;
}

/** What else is to be made up. */
export interface Shape {
  workflowId: number;
  version: number;
  tasksMax: number;
  /** Workflows that its tasks may start; some of its tasks do when there are any. */
  children: readonly string[];
  /** Workflows whose runs its tasks may wait for. */
  upstream: readonly string[];
}

export function randomWorkflow(random: Random, shape: Shape, surroundings: Surroundings): WorkflowVersion {
  const { workflowId, version, tasksMax, children, upstream } = shape;
  const around = { ...surroundings, children, upstream };
  const count = random.whole(1, tasksMax);
  const density = random.between(0.05, 0.6);
  const tasks: TaskDefinition[] = [];
  for (let index = 0; index < count; index++) tasks.push(randomTask(random, index, density, around));
  const branchDensity = random.pick([0, 0, 0.3, 0.6]);
  const definition: WorkflowDefinition = {
    name: `w${workflowId}`,
    project: 'p',
    description: '',
    labels: {},
    params: {},
    failurePolicy: random.chance(0.5) ? 'end' : 'continue',
    concurrency: random.chance(around.serial) ? random.pick(SERIAL) : 'parallel',
    timeout: {
      afterMs: random.chance(0.1) ? random.whole(5_000, 300_000) : RUN_TIMEOUT_MS,
      action: random.pick(['fail', 'fail', 'warn', 'warn_and_fail']),
    },
    priority: random.pick(PRIORITIES),
    parameterMode: 'strict',
    schedule: null,
    notify: { on: 'none', to: [] },
    tasks: withBranches(random, tasks, branchDensity),
  };
  return { workflowId, version, definition, files: [] };
}

function randomTask(random: Random, index: number, density: number, around: Surroundings & Others): TaskDefinition {
  const { groups, taskGroups, waits } = around;
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
    onWorkerLost: random.chance(waits) ? 'wait' : random.pick(['rerun', 'rerun', 'rerun', 'fail']),
    dispatchTimeoutMs: absent || random.chance(0.1) ? random.whole(5_000, 120_000) : null,
    ...(random.chance(0.3) && { executionLeaseMs: random.pick(EXECUTION_LEASES_MS) }),
    files: [],
    outputs: {},
    extras: null,
    action: randomAction(random, index, around),
  };
}

type Others = Pick<Shape, 'children' | 'upstream'>;

function randomAction(random: Random, index: number, { children, upstream }: Others): TaskAction {
  if (children.length > 0 && (index === 0 || random.chance(0.2))) return randomSubWorkflow(random, children);
  if (random.chance(0.1)) return { type: 'virtual' };
  if (upstream.length > 0 && random.chance(0.08)) return randomDependent(random, upstream);
  const source = { run: 'true', file: null, substitution: 'env' } as const;
  if (random.chance(0.15)) return { type: 'python', interpreter: 'python3', ...source };
  return { type: 'shell', shell: '/bin/sh', ...source };
}

/** Now and then of a workflow or a version that there is not. */
function randomSubWorkflow(random: Random, children: readonly string[]): TaskAction {
  return {
    type: 'sub_workflow',
    workflow: random.chance(0.04) ? 'absent' : random.pick(children),
    params: {},
    version: random.chance(0.1) ? random.whole(1, 2) : 'latest',
  };
}

function randomDependent(random: Random, upstream: readonly string[]): TaskAction {
  return {
    type: 'dependent',
    upstream: randomUpstream(random, upstream, 1),
    checkIntervalMs: random.whole(1_000, 10_000),
    maxWaitMs: random.chance(0.8) ? random.whole(1_000, 90_000) : null,
    onFailure: random.pick(['fail', 'wait']),
  };
}

function randomUpstream(random: Random, names: readonly string[], depth: number): UpstreamCondition {
  if (depth === 0 || random.chance(0.6)) {
    const workflow = random.chance(0.05) ? 'absent' : random.pick(names);
    const window = random.pick([
      'today',
      'today',
      'today',
      'currentHour',
      'thisMonth',
      'last1Days',
      'last2Hours',
      'never',
    ]);
    return { workflow, task: random.chance(0.4) ? `t${random.whole(0, 3)}` : null, window };
  }
  const parts = Array.from({ length: random.whole(1, 2) }, () => randomUpstream(random, names, depth - 1));
  return random.chance(0.5) ? { and: parts } : { or: parts };
}

/** The next version: most tasks as they were, some changed, perhaps one more at the end. */
export function revised(random: Random, { workflowId, version, definition, files }: WorkflowVersion): WorkflowVersion {
  const tasks = definition.tasks.map((task): TaskDefinition => {
    if (!random.chance(0.2)) return task;
    return random.chance(0.3) ? { ...task, disabled: !task.disabled } : { ...task, delayMs: task.delayMs + 1 };
  });
  const last = tasks.at(-1)!;
  const added: TaskDefinition = {
    ...last,
    name: `t${tasks.length}`,
    needs: [random.pick(tasks).name],
    action: { type: 'virtual' },
  };
  if (random.chance(0.4)) tasks.push(added);
  return { workflowId, version: version + 1, definition: { ...definition, tasks }, files };
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

export function orderOf(
  workflow: WorkflowVersion,
  at: number,
  how: Pick<RunOrder, 'dryRun' | 'logicalDateAt'>,
): RunOrder {
  const { definition } = workflow;
  return {
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
    ...how,
    params: {},
    zone: 'UTC',
    submittedAt: at,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
  };
}

/** On one line, for a trace. */
export function describe(definition: WorkflowDefinition): string {
  const tasks = definition.tasks.map(
    ({ name, needs, trigger, disabled, action }) =>
      `${name}${disabled ? '(disabled)' : ''}:${action.type === 'sub_workflow' ? action.workflow : action.type}<-${trigger}[${needs.join(' ')}]`,
  );
  return `${definition.name} ${definition.concurrency} ${definition.failurePolicy} ${tasks.join(' ')}`;
}
