/** Whether a definition, once saved, would run itself through others: seen when it is saved, over what the store holds then. */
import type { DefinitionProblem, WorkflowDefinition } from '@pelorus/protocol';
import type { ApiContext } from './context.ts';
import { createLocator } from './definitions/locate.ts';
import type { NamedAs } from './definitions/parse-upload.ts';
import { failureWith } from './problem.ts';

/** Definitions looked into for one save; beyond that the depth limit at run time is what remains. */
const WORKFLOWS_MAX = 1_000;

interface Reference {
  project: string;
  name: string;
  version: 'latest' | number;
  /** From the definition that is saved to this one. */
  path: string[];
  /** Index of the task of the saved definition that leads here. */
  task: number;
}

/** Throws the 422 that names the circle and the task where it begins. `beside`: what is saved together with it, by `project/name`. */
export async function refuseCircles(
  context: ApiContext,
  as: NamedAs,
  saved: { definition: WorkflowDefinition; source: string; beside: ReadonlyMap<string, WorkflowDefinition> },
): Promise<void> {
  const self = `${as.project}/${as.name}`;
  const seen = new Set<string>();
  const open = referencesOf(saved.definition, as.project, [self], null);
  for (let next = open.shift(); next !== undefined && seen.size < WORKFLOWS_MAX; next = open.shift()) {
    const key = `${next.project}/${next.name}`;
    if (key === self)
      throw failureWith('INVALID_DEFINITION', [problemOf(saved, next.task, await shown(context, [...next.path, key]))]);
    if (seen.has(`${key}@${next.version}`)) continue;
    seen.add(`${key}@${next.version}`);
    const together = next.version === 'latest' ? saved.beside.get(key) : undefined;
    const definition = together ?? (await definitionOf(context, next));
    if (definition) open.push(...referencesOf(definition, next.project, [...next.path, key], next.task));
  }
}

function referencesOf(
  definition: WorkflowDefinition,
  project: string,
  path: string[],
  task: number | null,
): Reference[] {
  return definition.tasks.flatMap(({ action }, index) => {
    if (action.type !== 'sub_workflow') return [];
    const slash = action.workflow.indexOf('/');
    const [owner, name] =
      slash === -1 ? [project, action.workflow] : [action.workflow.slice(0, slash), action.workflow.slice(slash + 1)];
    return [{ project: owner, name, version: action.version, path, task: task ?? index }];
  });
}

async function definitionOf(
  context: ApiContext,
  { project, name, version }: Reference,
): Promise<WorkflowDefinition | null> {
  const row = await context.store.getWorkflow(project, name);
  if (!row || (version !== 'latest' && version > row.version)) return null;
  return (await context.versions.get(row.id, version === 'latest' ? row.version : version)).definition;
}

/** Those in projects that the caller may not read stay unnamed. */
async function shown({ store, caller }: ApiContext, path: string[]): Promise<string[]> {
  const readable = await store.listProjects({ projectIds: await caller.visibleProjects() });
  const names = new Set(readable.map((project) => project.name));
  return path.map((workflow) => (names.has(workflow.slice(0, workflow.indexOf('/'))) ? workflow : '…'));
}

function problemOf(
  { definition, source }: { definition: WorkflowDefinition; source: string },
  task: number,
  path: string[],
): DefinitionProblem {
  const circle = path.join(' → ');
  const pointer = `/tasks/${definition.tasks[task]!.name}/workflow`;
  return createLocator(source, 'file', definition).problem(
    pointer,
    `sub-workflows that run one another never end: ${circle}`,
  );
}
