/** Definitions and runs built in code, for tests that need many of them. */
import { type RunId, runIdOf, type TaskDefinition, type WorkflowDefinition } from '@pelorus/protocol';
import { openRun, type Run, type RunSpec, type RunStatus } from '../src/index.ts';

export function task(name: string, needs: string[] = [], patch: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    name,
    needs,
    description: '',
    trigger: 'all_success',
    disabled: false,
    params: {},
    env: {},
    retry: { max: 0, intervalMs: 1000, backoff: 'fixed', maxIntervalMs: 3_600_000 },
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
    action: { type: 'shell', run: 'true', file: null, shell: 'sh', substitution: 'env' },
    ...patch,
  };
}

export function workflow(tasks: TaskDefinition[], patch: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
  return {
    name: 'w',
    project: 'p',
    description: '',
    labels: {},
    params: {},
    failurePolicy: 'end',
    concurrency: 'parallel',
    timeout: { afterMs: 86_400_000, action: 'fail' },
    priority: 'medium',
    parameterMode: 'strict',
    schedule: null,
    notify: { on: 'none', to: [] },
    tasks,
    ...patch,
  };
}

export function specOf(definition: WorkflowDefinition, patch: Partial<RunSpec> = {}): RunSpec {
  return {
    id: runIdOf(1),
    projectId: 1,
    project: 'p',
    workflowId: 1,
    workflow: definition.name,
    workflowVersion: 1,
    execType: 'DIRECT',
    mode: 'whole',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    parent: null,
    submitUser: 'ada',
    proxyUser: null,
    queue: null,
    failurePolicy: definition.failurePolicy,
    priority: 'medium',
    timeoutMs: definition.timeout.afterMs,
    timeoutAction: definition.timeout.action,
    workerGroup: null,
    environment: null,
    dryRun: false,
    params: {},
    logicalDateAt: 0,
    zone: 'UTC',
    submittedAt: 0,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
    ...patch,
  };
}

/** Of a run that was just submitted. */
export function queuedStatus(run: RunId): RunStatus {
  return {
    run,
    version: 0,
    state: 'queued',
    cause: null,
    firstFailure: null,
    waitReason: null,
    owner: null,
    startedAt: null,
    endedAt: null,
  };
}

export function newRun(definition: WorkflowDefinition, patch: Partial<RunSpec> = {}): Run {
  const spec = specOf(definition, patch);
  return openRun(
    {
      spec,
      status: queuedStatus(spec.id),
      tasks: [],
      attempts: [],
    },
    { workflow: { workflowId: 1, version: 1, definition, files: [] }, projectParams: {} },
  );
}
