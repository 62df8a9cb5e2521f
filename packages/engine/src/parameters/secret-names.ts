/** Which secrets a text, a task or a definition names. A value never gets here. */
import type { TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import type { ParameterProblem } from './check-definition.ts';
import type { ResolvedTask } from './resolve-task.ts';

const BEGINNING = '${secret.';
const PLACEHOLDER = /\$\{secret\.([^{}\s]+)\}/g;

const KNOWN = new WeakMap<object, boolean>();

/** Whether any text in it holds a placeholder. It must not change after the first call: what is found is kept. */
export function namesSecrets(value: object): boolean {
  let known = KNOWN.get(value);
  if (known === undefined) KNOWN.set(value, (known = someText(value, (text) => text.includes(BEGINNING))));
  return known;
}

/**
 * What an attempt needs: the names in its texts after parameters have been put in; and what it may wish for: in the source of
 * a `script` a template of the language looks the same, so there a name that does not exist is no mistake.
 */
export function secretsNamedBy({ action, params, env }: Extract<ResolvedTask, { kind: 'ready' }>): {
  needed: Set<string>;
  wished: Set<string>;
} {
  const needed = new Set<string>();
  const wished = new Set<string>();
  for (const values of [params, env]) for (const text of Object.values(values)) addNames(text, needed);
  someText(action, (text) => (addNames(text, action.type === 'script' ? wished : needed), false));
  for (const name of needed) wished.delete(name);
  return { needed, wished };
}

function addNames(text: string, names: Set<string>): void {
  if (!text.includes(BEGINNING)) return;
  for (const match of text.matchAll(PLACEHOLDER)) names.add(match[1] ?? '');
}

/** Where a definition names secrets: a pointer into it as a person writes it, and the name; each name once for each task. */
export function secretPlaces(definition: WorkflowDefinition): (ParameterProblem & { name: string })[] {
  if (!namesSecrets(definition)) return [];
  const places = Object.entries(definition.params).flatMap(([name, declaration]) =>
    namesIn(declaration).map((secret) => place(['params', name], secret)),
  );
  for (const task of definition.tasks) if (!task.disabled) places.push(...placesInTask(task));
  return places;
}

function placesInTask(task: TaskDefinition): ReturnType<typeof place>[] {
  const { action, params, env } = task;
  const found = [
    ...Object.entries(params).flatMap(([key, value]) =>
      namesIn([value]).map((name) => place(['tasks', task.name, 'params', key], name)),
    ),
    ...Object.entries(env).flatMap(([key, value]) =>
      namesIn([value]).map((name) => place(['tasks', task.name, 'env', key], name)),
    ),
  ];
  if (action.type === 'script') return found;
  for (const [key, value] of Object.entries(action))
    found.push(...namesIn([value]).map((name) => place(['tasks', task.name, key], name)));
  const named = new Set<string>();
  return found.filter(({ name }) => !named.has(name) && named.add(name));
}

function place(steps: string[], name: string): ParameterProblem & { name: string } {
  const pointer = steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return {
    pointer,
    name,
    message: `\`\${secret.${name}}\`: the project has no such secret; until there is one, attempts that need it fail`,
  };
}

function namesIn(value: object): string[] {
  const names = new Set<string>();
  someText(value, (text) => (addNames(text, names), false));
  return [...names];
}

/** Depth first with a list of what is left, so that depth costs no stack. True as soon as `found` says so of a text. */
function someText(value: object, found: (text: string) => boolean): boolean {
  const left: unknown[] = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (typeof next === 'string') {
      if (found(next)) return true;
    } else if (typeof next === 'object' && next !== null) {
      for (const item of Object.values(next)) if (item !== undefined) left.push(item);
    }
  }
  return false;
}
