/**
 * Workflows that a definition names in other projects. A `sub_workflow` starts runs there and a `dependent` learns how runs
 * ended there, so whoever saves or submits such a definition needs the right to do the same by hand: `execute` or `read`.
 *
 * Invariants
 * 1. A save asks for what the definition itself names; a submission for all that it may come to, through the sub-workflows of its
 *    sub-workflows, in the versions of that moment.
 * 2. A project that is not there and one that the caller has no right in are refused in the same words: names cannot be felt for.
 * 3. What has not been looked into is refused, not let through.
 */
import type { RunPlan } from '@pelorus/engine';
import type { TaskAction, UpstreamCondition, WorkflowDefinition } from '@pelorus/protocol';
import type { WorkflowRow } from '../store/port.ts';
import type { Right } from './access.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { plannedTasks } from './plan.ts';
import { ApiFailure } from './problem.ts';

interface Target {
  right: Extract<Right, 'execute' | 'read'>;
  project: string;
  workflow: string;
  version: 'latest' | number;
}

interface Reference extends Target {
  /** Index and name of the task, of the definition that is saved or submitted, that leads to it. */
  task: number;
  taskName: string;
}

/** For a save in `project`. Throws `FORBIDDEN` that names the task, or the workflow that its schedule waits for. */
export async function demandReferences(
  context: ApiContext,
  project: string,
  definition: WorkflowDefinition,
): Promise<void> {
  const may = rightsBeside(context, project);
  for (const reference of referencesOf(definition, project)) {
    if (await may(reference)) continue;
    const verb = reference.right === 'execute' ? 'run' : 'see';
    throw new ApiFailure(
      'FORBIDDEN',
      `task ${reference.taskName}: ${context.user} may not ${verb} what is in project ${reference.project}, if there is one`,
    );
  }
  if (definition.schedule) await demandUpstreams(context, project, definition.schedule.dependsOn);
}

/** For a schedule in `project` whose runs wait for those of other workflows. Throws `FORBIDDEN` that names the workflow. */
export async function demandUpstreams(context: ApiContext, project: string, names: readonly string[]): Promise<void> {
  const may = rightsBeside(context, project);
  for (const name of names) {
    const target: Target = { right: 'read', ...placeOf(name, project), version: 'latest' };
    if (!(await may(target)))
      throw new ApiFailure(
        'FORBIDDEN',
        `dependsOn ${name}: ${context.user} may not see what is in project ${target.project}, if there is one`,
      );
  }
}

/** For a submission, of the tasks that it executes and of all workflows that they start. Throws `FORBIDDEN`. */
export async function demandReach(
  context: ApiContext,
  workflow: Pick<WorkflowRow, 'projectId' | 'project'>,
  definition: WorkflowDefinition,
  plan: RunPlan,
): Promise<void> {
  const { project } = workflow;
  const all = referencesOf(definition, project);
  if (all.length === 0 || context.caller.identity?.administrator === true) return;
  const planned = plannedTasks(definition, plan);
  const open = all.filter(({ task }) => planned[task]?.plan === 'run');
  const may = rightsBeside(context, project);
  const seen = new Set<string>();
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (!(await may(next))) throw await beyondReach(context, workflow, next);
    const key = `${next.project}/${next.workflow}@${next.version}`;
    if (next.right === 'read' || seen.has(key)) continue;
    seen.add(key);
    if (seen.size > API_LIMITS.workflowsReached)
      throw new ApiFailure('FORBIDDEN', `the run could come to more than ${API_LIMITS.workflowsReached} workflows`);
    const { task, taskName } = next;
    const behind = await definitionOf(context, next);
    if (behind !== null)
      for (const target of referencesOf(behind, next.project)) open.push({ ...target, task, taskName });
  }
}

/** Only what is in the caller's own project, and only to who may read that, is named. */
async function beyondReach(
  { caller, user }: ApiContext,
  workflow: Pick<WorkflowRow, 'projectId' | 'project'>,
  { taskName, right }: Reference,
): Promise<ApiFailure> {
  const what = (await caller.may('read', workflow)) ? `task ${taskName}` : 'a task';
  const verb = right === 'execute' ? 'start' : 'see';
  return new ApiFailure('FORBIDDEN', `${what} leads to runs in another project, which ${user} may not ${verb}`);
}

/** Each right in each project is asked for once; `home` needs none, for the route has asked for it. */
function rightsBeside({ store, caller }: ApiContext, home: string): (target: Target) => Promise<boolean> {
  const answers = new Map<string, Promise<boolean>>();
  const ask = async ({ project, right }: Target): Promise<boolean> => {
    const row = await store.findProject(project);
    return row !== null && caller.may(right, { projectId: row.id, project: row.name });
  };
  return async (target) => {
    if (target.project === home || caller.identity?.administrator === true) return true;
    const key = `${target.right} ${target.project}`;
    const answer = answers.get(key) ?? ask(target);
    answers.set(key, answer);
    return answer;
  };
}

async function definitionOf(context: ApiContext, target: Target): Promise<WorkflowDefinition | null> {
  const row = await context.store.getWorkflow(target.project, target.workflow);
  if (row === null) return null;
  const version = target.version === 'latest' ? row.version : target.version;
  return version > row.version ? null : context.versions.definition(row.id, version);
}

function referencesOf(definition: WorkflowDefinition, project: string): Reference[] {
  return definition.tasks.flatMap(({ name, action }, task) =>
    targetsOf(action, project).map((target) => ({ ...target, task, taskName: name })),
  );
}

function targetsOf(action: TaskAction, home: string): Target[] {
  switch (action.type) {
    case 'sub_workflow':
      return [{ right: 'execute', ...placeOf(action.workflow, home), version: action.version }];
    case 'dependent':
      return upstreamOf(action.upstream).map((name) => ({ right: 'read', ...placeOf(name, home), version: 'latest' }));
    default:
      return [];
  }
}

function upstreamOf(condition: UpstreamCondition): string[] {
  if ('and' in condition) return condition.and.flatMap(upstreamOf);
  return 'or' in condition ? condition.or.flatMap(upstreamOf) : [condition.workflow];
}

/** `workflow` or `project/workflow`. */
function placeOf(text: string, home: string): Pick<Target, 'project' | 'workflow'> {
  const slash = text.indexOf('/');
  return slash === -1
    ? { project: home, workflow: text }
    : { project: text.slice(0, slash), workflow: text.slice(slash + 1) };
}
