/** Schedules as requests give them: checked, and stored. */
import { z } from 'zod';
import { LIMITS } from '@pelorus/protocol';
import {
  MISFIRE_POLICIES,
  SCHEDULE_LIMITS,
  StoreError,
  type SaveSchedule,
  type ScheduleRow,
  type WorkflowRow,
} from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure, badParameter, badParameters } from '../problem.ts';
import { demandUpstreams } from '../references.ts';
import type { Input } from '../route.ts';
import { notifyType, priority, recipients, someName, startParameters, workerGroupName } from '../schemas.ts';
import { WHOLE_WORKFLOW, prepareRun } from '../submit.ts';
import { readTimes, timesMembers } from './times.ts';

const lowerCase = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);
const upperCase = (value: unknown) => (typeof value === 'string' ? value.toUpperCase() : value);

export const scheduleBody = z.strictObject({
  ...timesMembers,
  online: z.boolean().optional(),
  misfire: z.enum(MISFIRE_POLICIES).default('fire_last'),
  misfireMax: z.int().min(1).max(SCHEDULE_LIMITS.misfireMax).default(SCHEDULE_LIMITS.misfireMaxDefault),
  params: startParameters.default({}),
  failurePolicy: z.preprocess(lowerCase, z.enum(['end', 'continue']).nullable().default(null)),
  notifyType: z.preprocess(upperCase, notifyType.nullable().default(null)),
  notifyMails: recipients.nullable().default(null),
  priority: priority.nullable().default(null),
  workerGroup: workerGroupName.nullable().default(null),
  environment: someName.nullable().default(null),
  timeoutMs: z.int().min(1).max(LIMITS.runTimeoutMaxMs).nullable().default(null),
  dependsOnPrevious: z.boolean().default(false),
  dependsOn: z
    .array(z.string().regex(/^[^/]{1,255}(\/[^/]{1,255})?$/, 'must be workflow or project/workflow'))
    .max(API_LIMITS.scheduleUpstreams)
    .default([]),
});
export type ScheduleOrder = z.output<typeof scheduleBody>;

type Expecting = Pick<Input<never, never, never>, 'ifMatch' | 'ifNoneMatch'>;

/**
 * Refuses everything that could be refused about its runs, too: parameters, environment, workflows of other projects that
 * they would come to.
 */
export async function saveSchedule(
  context: ApiContext,
  workflow: WorkflowRow,
  name: string,
  { body, expecting }: { body: ScheduleOrder; expecting: Expecting },
): Promise<{ schedule: ScheduleRow; created: boolean }> {
  if (workflow.hidden)
    throw new ApiFailure('WRONG_STATE', `workflow ${workflow.name} was sent with its run; it has no schedules`, {
      state: 'hidden',
    });
  const { times, problems } = await readTimes(context, body);
  if (problems.length > 0) throw badParameters(problems);
  const dependsOn = [...new Set(body.dependsOn)];
  refuseItself(workflow, dependsOn);
  await demandUpstreams(context, workflow.project, dependsOn);
  const { params, failurePolicy, priority: rank, workerGroup, environment, timeoutMs } = body;
  const options = { params, failurePolicy, priority: rank, workerGroup, environment, timeoutMs };
  const told = { notifyType: body.notifyType, notifyMails: body.notifyMails };
  const { project, name: workflowName } = workflow;
  await prepareRun(context, { ...WHOLE_WORKFLOW, project, workflow: workflowName, ...options, ...told });
  const now = await context.store.getSchedule(workflow.id, name);
  const ifVersion = expectedRevision(now, name, expecting);
  return stored(context, name, {
    ...times,
    ...{ workflowId: workflow.id, name, misfire: body.misfire, misfireMax: body.misfireMax },
    ...(body.online === undefined ? {} : { online: body.online }),
    ...(ifVersion === undefined ? {} : { ifVersion }),
    options: { ...options, ...told, dependsOnPrevious: body.dependsOnPrevious, dependsOn },
    user: context.user,
    at: context.clock(),
  });
}

async function stored(context: ApiContext, name: string, save: SaveSchedule) {
  try {
    const { schedule, created } = await context.store.saveSchedule(save);
    context.hints.commandWritten();
    return { schedule, created };
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'PRECONDITION') throw cause;
    const now = await context.store.getSchedule(save.workflowId, name);
    throw revisionFailed(now, name, 'somebody changed it meanwhile', cause);
  }
}

/** That is what `dependsOnPrevious` is for. */
function refuseItself({ project, name }: WorkflowRow, dependsOn: readonly string[]): void {
  if (dependsOn.some((each) => each === name || each === `${project}/${name}`))
    throw badParameter('dependsOn', `dependsOn names ${name} itself; dependsOnPrevious makes it wait for its own runs`);
}

// ---- entity tags

export function scheduleTag({ version }: Pick<ScheduleRow, 'version'>): string {
  return `"${version}"`;
}

/** What must be stored: a revision, nothing (null), or anything (undefined). */
function expectedRevision(
  now: ScheduleRow | null,
  name: string,
  { ifMatch, ifNoneMatch }: Expecting,
): number | null | undefined {
  if (ifNoneMatch.includes('*')) {
    if (now !== null) throw revisionFailed(now, name, 'it exists already');
    return null;
  }
  if (ifMatch === null) return undefined;
  if (now === null) throw revisionFailed(null, name, 'there is none of that name');
  if (ifMatch.includes('*') || ifMatch.includes(scheduleTag(now))) return now.version;
  throw revisionFailed(now, name, `it has revision ${now.version} now: somebody changed it meanwhile`);
}

function revisionFailed(now: ScheduleRow | null, name: string, why: string, cause?: unknown): ApiFailure {
  return new ApiFailure('PRECONDITION_FAILED', `schedule ${name} was not changed: ${why}`, {
    version: now?.version ?? null,
    cause,
  });
}
