/**
 * A workflow definition after validation: every default filled in, durations in milliseconds, `tasks` in the
 * order in which they were written. This, as JSON, is what a workflow version stores and what a run pins;
 * the text that a person wrote is stored beside it and never re-serialised.
 */
import type { Priority } from './states.ts';

export const TRIGGER_RULES = ['all_success', 'all_done', 'any_failed', 'none_failed'] as const;
export type TriggerRule = (typeof TRIGGER_RULES)[number];
export type FailurePolicy = 'end' | 'continue';
export const CONCURRENCY_POLICIES = ['parallel', 'serial_wait', 'serial_discard', 'serial_priority'] as const;
export type ConcurrencyPolicy = (typeof CONCURRENCY_POLICIES)[number];
export type TimeoutAction = 'fail' | 'warn' | 'warn_and_fail';

export type ParameterValue = string | number | boolean;
export interface ParameterDeclaration {
  type: 'string' | 'integer' | 'number' | 'boolean';
  /** Absent: none. Values may hold `${name}` and `$[…]`. */
  default?: ParameterValue;
  enum?: ParameterValue[];
  required: boolean;
}

export interface TimeoutSpec {
  afterMs: number;
  action: TimeoutAction;
}
export interface RetrySpec {
  max: number;
  intervalMs: number;
  backoff: 'fixed' | 'exponential';
  maxIntervalMs: number;
}

export interface WorkflowDefinition {
  name: string;
  /** Null when neither the file, the path nor the command names one. */
  project: string | null;
  description: string;
  labels: Record<string, string>;
  params: Record<string, ParameterDeclaration>;
  failurePolicy: FailurePolicy;
  concurrency: ConcurrencyPolicy;
  timeout: TimeoutSpec;
  priority: Priority;
  parameterMode: 'strict' | 'lenient';
  schedule: ScheduleSpec | null;
  notify: { on: 'none' | 'success' | 'failure' | 'all'; to: string[] };
  tasks: TaskDefinition[];
}

export interface ScheduleSpec {
  cron: string;
  timezone: string;
  /** RFC 3339 text as written, or null. */
  start: string | null;
  end: string | null;
  misfire: 'fire_all' | 'fire_last' | 'skip';
  calendar: string | null;
  onHoliday: 'skip' | 'shift_next' | 'shift_previous' | null;
  dependsOnPrevious: boolean;
  dependsOn: string[];
  online: boolean;
}

export interface TaskDefinition {
  name: string;
  description: string;
  needs: string[];
  trigger: TriggerRule;
  disabled: boolean;
  params: Record<string, ParameterValue>;
  env: Record<string, string>;
  retry: RetrySpec;
  timeout: TimeoutSpec | null;
  delayMs: number;
  priority: Priority | null;
  workerGroup: string | null;
  environment: string | null;
  runAs: string | null;
  taskGroup: { name: string; weight: number; priority: number } | null;
  onWorkerLost: 'rerun' | 'fail' | 'wait';
  dispatchTimeoutMs: number | null;
  /** How long its worker may go on without hearing from a master. Absent: `LIMITS.executionLeaseMs`. */
  executionLeaseMs?: number;
  /** Names of files placed in the work directory. */
  files: string[];
  /** Declared outputs; undeclared ones are kept as strings. */
  outputs: Record<string, { type: 'string' | 'integer' | 'number' | 'boolean' }>;
  /** Free JSON given back in answers (`extras` of the published contract). */
  extras: unknown;
  /** What the task does; the type's own keys, validated. */
  action: TaskAction;
}

export type TaskAction =
  | ShellAction
  | PythonAction
  | ScriptAction
  | HttpAction
  | SqlAction
  | VirtualAction
  | ConditionsAction
  | SwitchAction
  | SubWorkflowAction
  | DependentAction;
export type TaskType = TaskAction['type'];

/** Exactly one of `run` (text) and `file` is not null, in shell, python, script and sql. */
export interface ShellAction {
  type: 'shell';
  run: string | null;
  file: string | null;
  shell: string;
  substitution: 'env' | 'text';
}
export interface PythonAction {
  type: 'python';
  run: string | null;
  file: string | null;
  interpreter: string;
  substitution: 'env' | 'text';
}
export interface ScriptAction {
  type: 'script';
  run: string | null;
  file: string | null;
}
export interface HttpAction {
  type: 'http';
  method: string;
  url: string;
  headers: Record<string, string>;
  /** Text as it is; any other JSON is sent as JSON. Null: none. */
  body: unknown;
  expect: { status: number[]; body: string | null };
  /** Output name → JSON path into the answer. */
  extract: Record<string, string>;
}
export interface SqlAction {
  type: 'sql';
  connection: string;
  run: string | null;
  file: string | null;
  preStatements: string[];
  postStatements: string[];
  maxRows: number;
  /** Name → the only values that `!{name}` may take. */
  raw: Record<string, string[]>;
}
export interface VirtualAction {
  type: 'virtual';
}

export type TaskCondition =
  | { and: TaskCondition[] }
  | { or: TaskCondition[] }
  | { task: string; state: 'succeeded' | 'failed' };
export interface ConditionsAction {
  type: 'conditions';
  when: TaskCondition;
  success: string[];
  failure: string[];
}
export interface SwitchAction {
  type: 'switch';
  cases: { when: string; goto: string[] }[];
  default: string[];
}
export interface SubWorkflowAction {
  type: 'sub_workflow';
  workflow: string;
  params: Record<string, ParameterValue>;
  version: 'latest' | number;
}
export type UpstreamCondition =
  | { and: UpstreamCondition[] }
  | { or: UpstreamCondition[] }
  | { workflow: string; task: string | null; window: string };
export interface DependentAction {
  type: 'dependent';
  upstream: UpstreamCondition;
  checkIntervalMs: number;
  maxWaitMs: number | null;
  onFailure: 'fail' | 'wait';
}

/** Types that the master settles itself: they need no worker. */
export const LOGIC_TYPES: ReadonlySet<TaskType> = new Set<TaskType>([
  'virtual',
  'conditions',
  'switch',
  'sub_workflow',
  'dependent',
]);

/** One thing that is wrong with a definition. All of them are reported at once. */
export interface DefinitionProblem {
  /** RFC 6901 pointer into the definition, e.g. `/tasks/load/needs/0`. */
  pointer: string;
  /** From 1; null when the source is not text (for instance a JSON body already parsed). */
  line: number | null;
  column: number | null;
  message: string;
}
