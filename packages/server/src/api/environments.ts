/** Environments that definitions and runs name. */
import type { WorkflowDefinition } from '@pelorus/protocol';
import type { ApiStore, EnvironmentRow } from '../store/port.ts';
import { nearestName } from './nearest.ts';
import { ApiFailure, problemAt } from './problem.ts';

type Needed = { store: Pick<ApiStore, 'listEnvironments'> };

/** Throws `ENVIRONMENT_NOT_FOUND`. */
export async function loadEnvironment({ store }: Needed, name: string): Promise<EnvironmentRow> {
  const all = await store.listEnvironments();
  const found = all.find((environment) => environment.name === name);
  if (found !== undefined) return found;
  throw new ApiFailure('ENVIRONMENT_NOT_FOUND', missing(name, all));
}

/** Throws `UNKNOWN_ENVIRONMENT` when a run is to be made in one that does not exist. */
export async function refuseUnknownEnvironment({ store }: Needed, name: string | null): Promise<void> {
  if (name === null) return;
  const all = await store.listEnvironments();
  if (all.some((environment) => environment.name === name)) return;
  const message = missing(name, all);
  throw new ApiFailure('UNKNOWN_ENVIRONMENT', message, { errors: [problemAt('/environment', message)] });
}

/** Names of environments that tasks of a definition name and that do not exist, with the task. */
export async function unknownEnvironments(
  { store }: Needed,
  { tasks }: WorkflowDefinition,
): Promise<{ task: string; message: string }[]> {
  if (tasks.every(({ environment }) => environment === null)) return [];
  const all = await store.listEnvironments();
  const known = new Set(all.map(({ name }) => name));
  return tasks.flatMap(({ name: task, environment }) =>
    environment === null || known.has(environment) ? [] : [{ task, message: missing(environment, all) }],
  );
}

function missing(name: string, all: EnvironmentRow[]): string {
  const nearest = nearestName(
    name,
    all.map((environment) => environment.name),
  );
  return `there is no environment ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`;
}
