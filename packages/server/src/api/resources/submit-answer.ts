/** Answers of the routes that make runs. */
import type { RunSubmitted } from '@pelorus/protocol';
import type { ApiContext } from '../context.ts';
import { planView } from '../plan.ts';
import { created, type Answer } from '../route.ts';
import { slicedAnswer } from '../sliced-json.ts';
import { submitRun, type PreparedRun, type SubmissionKey } from '../submit.ts';

/** `?dryRun=true`: nothing is stored. It shows the tasks, so who may run the workflow must be allowed to read it as well. */
export async function planAnswer(
  { caller }: ApiContext,
  { definition, plan, warnings, workflow }: PreparedRun,
): Promise<Answer> {
  await caller.demand('read', workflow);
  const { tasks, ...head } = planView(definition, plan, warnings);
  return slicedAnswer({ head, key: 'tasks', items: tasks, view: (task) => task }, { before: '{"plan":', after: '}' });
}

export async function submitAnswer(
  context: ApiContext,
  prepared: PreparedRun,
  key: SubmissionKey | null,
): Promise<Answer> {
  const submitted = await submitRun(context, prepared, key);
  const answer: RunSubmitted = { ...submitted, warnings: prepared.warnings };
  return created(answer, { location: `/api/v1/runs/${submitted.id}` });
}
