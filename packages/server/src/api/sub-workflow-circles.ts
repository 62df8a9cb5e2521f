/** Whether a definition, once saved, would run itself through others: seen when it is saved, over what the store holds then. */
import { setImmediate } from 'node:timers/promises';
import type { DefinitionProblem, WorkflowDefinition } from '@pelorus/protocol';
import type { ApiContext } from './context.ts';
import { createLocator } from './definitions/locate.ts';
import type { NamedAs } from './definitions/parse-upload.ts';
import { failureWith } from './problem.ts';

/** Definitions looked into for one save; beyond that the depth limit at run time is what remains. */
const WORKFLOWS_MAX = 1_000;

interface Saved {
  definition: WorkflowDefinition;
  source: string;
}

interface Reference {
  project: string;
  name: string;
  version: 'latest' | number;
  /** From the definition that is saved to this one. */
  path: string[];
  /** Index of the task of the saved definition that leads here. */
  task: number;
}

/** Throws the 422 that names the circle and the task where it begins. */
export async function refuseCircles(context: ApiContext, as: NamedAs, saved: Saved): Promise<void> {
  const self = `${as.project}/${as.name}`;
  const seen = new Set<string>();
  const open = referencesOf(saved.definition, as.project, [self], null);
  for (let next = open.shift(); next !== undefined && seen.size < WORKFLOWS_MAX; next = open.shift()) {
    const key = `${next.project}/${next.name}`;
    if (key === self)
      throw failureWith('INVALID_DEFINITION', [problemOf(saved, next.task, await shown(context, [...next.path, key]))]);
    if (seen.has(`${key}@${next.version}`)) continue;
    seen.add(`${key}@${next.version}`);
    const definition = await definitionOf(context, next);
    if (definition) open.push(...referencesOf(definition, next.project, [...next.path, key], next.task));
  }
}

interface Step {
  /** `project/name`, and with its version. */
  key: string;
  node: string;
  references: Reference[];
  /** The next one to follow; the one before it leads to the step behind this one. */
  next: number;
}

/**
 * The same for workflows that are saved together, by `project/name`: what each of them that is on a circle is to be told. Each
 * definition is looked into once, however many lead to it.
 */
export async function circlesAmong(
  context: ApiContext,
  saved: ReadonlyMap<string, Saved>,
): Promise<Map<string, DefinitionProblem>> {
  const found = new Map<string, DefinitionProblem>();
  const seen = new Set<string>();
  let looks = 0;
  const enter = async (key: string, reference: Reference): Promise<Step> => {
    const node = `${key}@${reference.version}`;
    seen.add(node);
    const together = reference.version === 'latest' ? saved.get(key)?.definition : undefined;
    if (together === undefined) looks += 1;
    else if (seen.size % SEEN_PER_TURN === 0) await setImmediate();
    const definition = together ?? (looks > WORKFLOWS_MAX ? null : await definitionOf(context, reference));
    const references = definition === null ? [] : referencesOf(definition, reference.project, [], null);
    return { key, node, references: firstOfEach(references), next: 0 };
  };
  for (const start of saved.keys()) {
    if (seen.has(`${start}@latest`)) continue;
    const [project = '', name = ''] = start.split('/');
    const path = [await enter(start, { project, name, version: 'latest', path: [], task: 0 })];
    const on = new Map([[start, 0]]);
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const reference = step.references[step.next++];
      const key = reference === undefined ? '' : `${reference.project}/${reference.name}`;
      const begin = on.get(key);
      if (reference === undefined) {
        path.pop();
        on.delete(step.key);
      } else if (begin !== undefined) await tell(context, saved, path.slice(begin), found);
      else if (!seen.has(`${key}@${reference.version}`)) {
        on.set(key, path.length);
        path.push(await enter(key, reference));
      }
    }
  }
  return found;
}

const SEEN_PER_TURN = 100;
/** Names of a circle that are shown, where it is longer from its beginning and its end. */
const SHOWN_MAX = 12;

function firstOfEach(references: Reference[]): Reference[] {
  const first = new Map<string, Reference>();
  for (const reference of references.toReversed())
    first.set(`${reference.project}/${reference.name}@${reference.version}`, reference);
  return [...first.values()].toReversed();
}

async function tell(
  context: ApiContext,
  saved: ReadonlyMap<string, Saved>,
  circle: Step[],
  found: Map<string, DefinitionProblem>,
): Promise<void> {
  const untold = circle.filter(({ key, node }) => node.endsWith('@latest') && saved.has(key) && !found.has(key));
  if (untold.length === 0) return;
  const keys = circle.map(({ key }) => key);
  const named = await shown(context, [...keys, keys[0]!]);
  const names = named.length <= SHOWN_MAX ? named : [...named.slice(0, SHOWN_MAX - 3), '…', ...named.slice(-2)];
  for (const { key, references, next } of untold)
    found.set(key, problemOf(saved.get(key)!, references[next - 1]!.task, names));
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

function problemOf({ definition, source }: Saved, task: number, path: string[]): DefinitionProblem {
  const circle = path.join(' → ');
  const pointer = `/tasks/${definition.tasks[task]!.name}/workflow`;
  return createLocator(source, 'file', definition).problem(
    pointer,
    `sub-workflows that run one another never end: ${circle}`,
  );
}
