/**
 * What a newer version of the program has stored in words that this one does not know. Two neighbouring versions work over one store
 * while a cluster is upgraded. A member that is unknown may be passed over; a word that decisions go by may not be taken for another.
 */
import {
  type AttemptState,
  type FailurePolicy,
  type Priority,
  type RunState,
  type TaskDefinition,
  type TaskRunState,
  type TaskType,
  type TimeoutAction,
  type TriggerRule,
  ATTEMPT_STATES,
  PRIORITIES,
  RUN_STATES,
  TASK_RUN_STATES,
  TRIGGER_RULES,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import type { CommandAction, StoredRun } from './records.ts';

/** All of them, or it does not compile. */
const all = <Word extends string>(words: Record<Word, true>): ReadonlySet<Word> =>
  new Set(Object.keys(words) as Word[]);

const KNOWN = {
  runState: new Set<RunState>(RUN_STATES),
  taskRunState: new Set<TaskRunState>(TASK_RUN_STATES),
  attemptState: new Set<AttemptState>(ATTEMPT_STATES),
  priority: new Set<Priority>(PRIORITIES),
  trigger: new Set<TriggerRule>(TRIGGER_RULES),
  failurePolicy: all<FailurePolicy>({ end: true, continue: true }),
  timeoutAction: all<TimeoutAction>({ fail: true, warn: true, warn_and_fail: true }),
  onWorkerLost: all<TaskDefinition['onWorkerLost']>({ rerun: true, fail: true, wait: true }),
  backoff: all<TaskDefinition['retry']['backoff']>({ fixed: true, exponential: true }),
  taskType: all<TaskType>({
    ...{ shell: true, python: true, script: true, http: true, sql: true },
    ...{ virtual: true, conditions: true, switch: true, sub_workflow: true, dependent: true },
  }),
  command: all<CommandAction['kind']>({
    ...{ start: true, stop: true, pause: true, resume: true },
    ...{ 'kill-task': true, 'force-success': true, 'child-finished': true },
  }),
};

/** Throws with the first word that this version does not know. */
export function refuseUnknownWords({ spec, status, tasks, attempts }: StoredRun, definition: WorkflowDefinition): void {
  refuse('the run is in state', KNOWN.runState, status.state);
  for (const { task, state } of tasks) refuse(`task ${task} is in state`, KNOWN.taskRunState, state);
  for (const { task, n, state } of attempts)
    refuse(`attempt ${n} of task ${task} is in state`, KNOWN.attemptState, state);
  if (!Array.isArray(spec.plan.run)) refuse('the plan runs', new Set(['all']), spec.plan.run);
  refuse('the run has failure policy', KNOWN.failurePolicy, spec.failurePolicy);
  refuse('the run has priority', KNOWN.priority, spec.priority);
  refuse('the run has timeout action', KNOWN.timeoutAction, spec.timeoutAction);
  if (understood.has(definition)) return;
  for (const task of definition.tasks) refuseTask(task);
  understood.add(definition);
}

const understood = new WeakSet<WorkflowDefinition>();

function refuseTask({ name, action, trigger, onWorkerLost, retry, priority, timeout }: TaskDefinition): void {
  const what = `task '${name}' has`;
  refuse(`${what} type`, KNOWN.taskType, action.type);
  refuse(`${what} trigger rule`, KNOWN.trigger, trigger);
  refuse(`${what} onWorkerLost`, KNOWN.onWorkerLost, onWorkerLost);
  refuse(`${what} backoff`, KNOWN.backoff, retry.backoff);
  if (priority !== null) refuse(`${what} priority`, KNOWN.priority, priority);
  if (timeout !== null) refuse(`${what} timeout action`, KNOWN.timeoutAction, timeout.action);
}

/** Throws when it is none that this version can carry out. */
export function refuseUnknownCommand({ kind }: CommandAction): void {
  refuse('a command asks for', KNOWN.command, kind);
}

function refuse<Word extends string>(what: string, known: ReadonlySet<Word>, word: Word): void {
  if (!known.has(word))
    throw new Error(`${what} '${word}', which this version does not know: a newer one must go on with it`);
}
