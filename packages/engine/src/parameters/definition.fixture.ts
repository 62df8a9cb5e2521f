/** Definitions for tests: the defaults that validation fills in, and what a test says. */
import type {
  ParameterDeclaration,
  ParameterValue,
  TaskAction,
  TaskDefinition,
  WorkflowDefinition,
} from '@pelorus/protocol';
import { resolveTask, type ResolvedTask, type ResolveTaskInput } from './resolve-task.ts';

export function task(action: TaskAction, over: Partial<TaskDefinition> = {}): TaskDefinition {
  return {
    name: 'load',
    description: '',
    needs: [],
    trigger: 'all_success',
    disabled: false,
    params: {},
    env: {},
    retry: { max: 0, intervalMs: 60_000, backoff: 'fixed', maxIntervalMs: 3_600_000 },
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
    action,
    ...over,
  };
}

export function workflow(tasks: TaskDefinition[], over: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
  return {
    name: 'daily',
    project: 'samples',
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
    ...over,
  };
}

export function declared(values: Record<string, ParameterValue>): Record<string, ParameterDeclaration> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { type: 'string' as const, default: value, required: false }]),
  );
}

export const shell = (run: string, substitution: 'env' | 'text' = 'env'): TaskAction => ({
  type: 'shell',
  run,
  file: null,
  shell: 'bash',
  substitution,
});
export const python = (run: string): TaskAction => ({
  type: 'python',
  run,
  file: null,
  interpreter: 'python3',
  substitution: 'env',
});
export const script = (run: string): TaskAction => ({ type: 'script', run, file: null });
export const sql = (run: string, over: Partial<Extract<TaskAction, { type: 'sql' }>> = {}): TaskAction => ({
  type: 'sql',
  connection: 'warehouse',
  run,
  file: null,
  preStatements: [],
  postStatements: [],
  maxRows: 100,
  raw: {},
  ...over,
});
export const http = (over: Partial<Extract<TaskAction, { type: 'http' }>>): TaskAction => ({
  type: 'http',
  method: 'GET',
  url: 'http://localhost/',
  headers: {},
  body: null,
  expect: { status: [200], body: null },
  extract: {},
  ...over,
});

/** Logical date 2024-03-15 13:45:00 UTC, run 7, attempt 7.0.1, unless the test says otherwise. */
export function resolved(taskDefinition: TaskDefinition, over: Partial<ResolveTaskInput> = {}): ResolvedTask {
  return resolveTask({
    definition: workflow([taskDefinition]),
    task: taskDefinition,
    start: {},
    predecessors: [],
    project: {},
    attempt: '7.0.1',
    run: {
      id: 7,
      project: 'samples',
      workflow: 'daily',
      logicalDateAt: Date.parse('2024-03-15T13:45:00Z'),
      zone: 'UTC',
      submittedAt: Date.parse('2024-03-16T01:00:00Z'),
    },
    ...over,
  });
}

/** What stands in `run` once resolved, or why it could not be. */
export function runText(answer: ResolvedTask): string | null {
  if (answer.kind === 'invalid') return `invalid: ${answer.detail}`;
  return 'run' in answer.action ? answer.action.run : null;
}
