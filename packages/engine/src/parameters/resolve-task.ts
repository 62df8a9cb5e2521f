/** Everything that one attempt is given: parameters after precedence, the environment, and the action with its texts filled in. */
import type { ParameterValue, TaskAction, TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import { planAction, type ActionPlan } from './delivery.ts';
import { layerOf } from './layer.ts';
import { isLoaderName } from './names.ts';
import { isEmpty, problem, renderValue, scopeOf, type PredecessorOutputs, type RunFacts, type Scope } from './scope.ts';

export interface ResolveTaskInput {
  /** Definition and task must not change after the first call with them: what is learnt of their texts is kept. */
  definition: WorkflowDefinition;
  task: TaskDefinition;
  /** The run's start parameters; the same rule holds for them and for `project`. */
  start: Record<string, ParameterValue>;
  predecessors: readonly PredecessorOutputs[];
  project: Record<string, ParameterValue>;
  run: RunFacts;
  /** The attempt's id, `system.task.instance.id`. */
  attempt: string;
}

/**
 * `params` holds every visible parameter as text, and those built-ins that a text for the worker refers to.
 * Answers may share objects with the definition and with each other: do not change them.
 */
export type ResolvedTask =
  | { kind: 'ready'; action: TaskAction; params: Record<string, string>; env: Record<string, string> }
  | { kind: 'invalid'; detail: string };

/** Deterministic, and never throws: what a person or a task wrote wrongly comes back as `invalid` with the reasons. */
export function resolveTask(input: ResolveTaskInput): ResolvedTask {
  const plan = planOf(input.task);
  if (plan.plain !== null && seesNoParameters(input)) return plan.plain;
  const scope = scopeOf(input);
  const env = plan.constantEnv ?? renderEnv(scope, input.task.env);
  const action = plan.action === null ? input.task.action : plan.action(scope);
  const params = paramsFor(scope, input.task.action);
  if (scope.problems.length > 0) return { kind: 'invalid', detail: scope.problems.join('; ') };
  return { kind: 'ready', action, params, env };
}

interface TaskPlan {
  /** The answer where no parameter is visible; null when a text has to be filled in even then. */
  plain: ResolvedTask | null;
  /** Null when a value refers to something. */
  constantEnv: Record<string, string> | null;
  action: ActionPlan;
}

const PLANS = new WeakMap<TaskDefinition, TaskPlan>();
const NO_PARAMS: Record<string, string> = Object.freeze({});

function planOf(task: TaskDefinition): TaskPlan {
  let plan = PLANS.get(task);
  if (!plan) {
    plan = makePlan(task);
    PLANS.set(task, plan);
  }
  return plan;
}

function makePlan(task: TaskDefinition): TaskPlan {
  const action = planAction(task.action);
  const constantEnv = constantEnvOf(task.env);
  const isPlain = action === null && constantEnv !== null && isEmpty(task.params);
  const plain: ResolvedTask | null = isPlain
    ? Object.freeze({ kind: 'ready', action: task.action, params: NO_PARAMS, env: constantEnv })
    : null;
  return { plain, constantEnv, action };
}

function constantEnvOf(env: Record<string, string>): Record<string, string> | null {
  const sources = layerOf(env);
  if (sources.some(({ template }) => template !== null)) return null;
  return Object.fromEntries(sources.map(({ name, constant }) => [name, constant ?? '']));
}

function seesNoParameters({ definition, start, project, predecessors }: ResolveTaskInput): boolean {
  return (
    isEmpty(definition.params) &&
    isEmpty(start) &&
    isEmpty(project) &&
    predecessors.every(({ outputs }) => isEmpty(outputs))
  );
}

function renderEnv(scope: Scope, env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    layerOf(env).map(({ name, constant, template }) => [
      name,
      template === null ? (constant ?? '') : renderValue(scope, template, `env \`${name}\``),
    ]),
  );
}

function paramsFor(scope: Scope, action: TaskAction): Record<string, string> {
  if (scope.visible.size === 0 && scope.bound.size === 0) return NO_PARAMS;
  const becomeVariables = action.type === 'shell' || action.type === 'python';
  const params: [string, string][] = [...scope.bound];
  for (const [name, { text }] of scope.visible) {
    if (becomeVariables && isLoaderName(name))
      problem(scope, `parameter \`${name}\` would decide what programs load; only a task's \`env\` may set it`);
    params.push([name, text ?? '']);
  }
  return Object.fromEntries(params);
}
