/** Which workflows follow the one that a backfill is of: those that depend on it, on these, and so on. */
import type { BackfillDependent, WorkflowRow, WorkflowUpstreams } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure, badParameter } from './problem.ts';
import { prepareRun, WHOLE_WORKFLOW, type RunOrder } from './submit.ts';

/**
 * In the order in which they run: each after those that it depends on, as far as there is such an order. Workflows of projects in
 * which the caller may not run anything are left out, with a warning that does not name them. Throws when one could not run, and
 * for more than `API_LIMITS.backfillDependents`.
 */
export async function dependentsOf(
  context: ApiContext,
  workflow: WorkflowRow,
  run: RunOrder,
): Promise<{ dependents: BackfillDependent[]; warnings: string[] }> {
  const reached = dependentOrder(workflow, await allUpstreams(context));
  const dependents: WorkflowUpstreams[] = [];
  for (const each of reached) if (await context.caller.may('execute', each)) dependents.push(each);
  if (dependents.length > API_LIMITS.backfillDependents)
    throw badParameter(
      'withDependents',
      `withDependents: ${dependents.length} workflows depend on it, more than ${API_LIMITS.backfillDependents}`,
    );
  for (const each of dependents) await refuseUnlessRuns(context, each, run);
  const left = reached.length - dependents.length;
  const warnings =
    left === 0
      ? []
      : [`workflows that depend on it and are not run, because you may not run anything in their projects: ${left}`];
  return { dependents: dependents.map(({ upstreams: _upstreams, ...dependent }) => dependent), warnings };
}

async function allUpstreams({ store }: ApiContext): Promise<WorkflowUpstreams[]> {
  const all: WorkflowUpstreams[] = [];
  for (;;) {
    const page = await store.listUpstreams({ after: all.at(-1)?.workflowId ?? 0, limit: API_LIMITS.upstreamsPage });
    all.push(...page);
    if (page.length < API_LIMITS.upstreamsPage) return all;
  }
}

const keyOf = ({ project, workflow }: { project: string; workflow: string }): string =>
  JSON.stringify([project, workflow]);

/** Pure. Those that depend on `root` directly or not, `root` itself left out; where they depend on each other in a circle, as found. */
export function dependentOrder(
  root: { project: string; name: string },
  all: readonly WorkflowUpstreams[],
): WorkflowUpstreams[] {
  const rootKey = keyOf({ project: root.project, workflow: root.name });
  const reached = reachedFrom(rootKey, all);
  const open = new Map(
    [...reached].map(([key, each]) => [
      key,
      each.upstreams.map(keyOf).filter((upstream) => upstream !== key && reached.has(upstream)),
    ]),
  );
  const ordered: WorkflowUpstreams[] = [];
  while (open.size > 0) {
    const free = [...open].find(([, upstreams]) => upstreams.every((upstream) => !open.has(upstream)));
    const key = free?.[0] ?? open.keys().next().value!;
    open.delete(key);
    ordered.push(reached.get(key)!);
  }
  return ordered;
}

/** In the order in which they are found. */
function reachedFrom(root: string, all: readonly WorkflowUpstreams[]): Map<string, WorkflowUpstreams> {
  const below = new Map<string, WorkflowUpstreams[]>();
  for (const each of all)
    for (const upstream of new Set(each.upstreams.map(keyOf)))
      below.set(upstream, [...(below.get(upstream) ?? []), each]);
  const reached = new Map<string, WorkflowUpstreams>();
  const queue = [root];
  for (let next = queue.shift(); next !== undefined; next = queue.shift())
    for (const each of below.get(next) ?? []) {
      const key = keyOf(each);
      if (key === root || reached.has(key)) continue;
      reached.set(key, each);
      queue.push(key);
    }
  return reached;
}

/** As the driver will make its runs: whole, and as the workflow says. */
async function refuseUnlessRuns(
  context: ApiContext,
  { project, workflow }: WorkflowUpstreams,
  run: RunOrder,
): Promise<void> {
  const { execType, dryRun, zone } = run;
  try {
    await prepareRun(context, { ...WHOLE_WORKFLOW, project, workflow, execType, dryRun, zone });
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    const message = `withDependents: ${project}/${workflow} cannot run: ${error.message}`;
    if (error.code === 'FORBIDDEN') throw new ApiFailure('FORBIDDEN', message, { cause: error });
    throw badParameter('withDependents', message);
  }
}
