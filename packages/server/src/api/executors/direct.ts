/** Runs a workflow that comes along with the request, as the published contract says. */
import type { z } from 'zod';
import { LIMITS, type RunId } from '@pelorus/protocol';
import { inProject } from '../access.ts';
import { directStarted } from '../answers/executors.ts';
import { StoreError, type WorkflowRow } from '../../store/port.ts';
import { parametersBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import type { NamedAs } from '../definitions/parse-upload.ts';
import type { UploadedFile } from '../form-fields.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { demandReferences } from '../references.ts';
import { created, route, type Answer } from '../route.ts';
import { complete, saveDefinition, type CompleteDefinition } from '../save-workflow.ts';
import { WHOLE_WORKFLOW, prepareRun, submitRun, type SubmissionKey } from '../submit.ts';
import { unpackZip, type UnpackedZip } from '../zip.ts';
import { directParameters } from './parameters.ts';
import { FAILURE_POLICIES } from './run.ts';

type DirectParameters = z.output<typeof directParameters>;

export const runDirect = route({
  id: 'runDirect',
  method: 'POST',
  path: '/executors/direct',
  access: inProject('execute'),
  summary: 'Run a workflow that the request brings along',
  answers: { 201: directStarted },
  repeatable: true,
  body: parametersBody(directParameters, { fileField: 'file', limitBytes: LIMITS.requestBodyBytes }),
  handle: async ({ body: { parameters, file }, key }, context) => {
    const as = { project: parameters.projectName, name: parameters.workflowName };
    const project = await loadProject(context, as.project);
    const earlier = await submittedBefore(context, key);
    if (earlier !== null) return started(earlier);
    const taken = await nameHolder(context, as, key);
    const definition = await readDirect(context, { ...as, projectId: project.id }, parameters, file);
    await demandReferences(context, as.project, definition.definition);
    if (taken !== null && taken.hash !== definition.hash) throw nameTaken(as);
    const saved = taken === null ? await saveNew(context, as, definition, key) : null;
    try {
      return started((await submitRun(context, await prepareRun(context, orderOf(parameters)), key)).id);
    } catch (error) {
      // Without its run the hidden workflow would only block the name.
      if (saved !== null) await context.store.deleteWorkflow(saved.id, context.user, context.clock());
      throw error;
    }
  },
});

function started(execId: RunId): Answer {
  return created({ execId }, { location: `/api/v1/executors/${execId}` });
}

/** The run that the same request made under this key. */
async function submittedBefore(context: ApiContext, key: SubmissionKey | null): Promise<RunId | null> {
  const found = key && (await context.store.findSubmission(context.user, key, context.clock()));
  if (found === null) return null;
  if (found.same) return found.run;
  throw new ApiFailure('CONFLICT', `This idempotency key was used for another request, about run ${found.run}.`);
}

/**
 * Null when the name is free; a workflow that the same request, sent under the same key, has left without its run so far. Throws
 * `NAME_TAKEN` for any other. Before the definition is read; the store decides when two come at once.
 */
async function nameHolder(context: ApiContext, as: NamedAs, key: SubmissionKey | null): Promise<WorkflowRow | null> {
  const row = await context.store.getWorkflow(as.project, as.name);
  if (row === null) return null;
  const mayBeOurs = key !== null && key.idempotencyKey !== null && row.hidden && row.updatedBy === context.user;
  if (!mayBeOurs || (await context.store.lastRuns([row.id], 1)).length > 0) throw nameTaken(as);
  return row;
}

function nameTaken(as: NamedAs, cause?: unknown): ApiFailure {
  return new ApiFailure('NAME_TAKEN', `project ${as.project} already has a workflow ${as.name}`, { cause });
}

/** Null where the same request, under the same key, has just saved it. */
async function saveNew(
  context: ApiContext,
  as: NamedAs,
  definition: CompleteDefinition,
  key: SubmissionKey | null,
): Promise<WorkflowRow | null> {
  try {
    return (await saveDefinition(context, as, definition, { hidden: true, mustBeNew: true })).workflow;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'CONFLICT') throw error;
    const isKeyed = key !== null && key.idempotencyKey !== null;
    const row = isKeyed ? await context.store.getWorkflow(as.project, as.name) : null;
    if (row?.hidden === true && row.updatedBy === context.user && row.hash === definition.hash) return null;
    throw nameTaken(as, error);
  }
}

async function readDirect(
  context: ApiContext,
  { projectId, ...as }: NamedAs & { projectId: number },
  parameters: DirectParameters,
  file: UploadedFile | null,
): Promise<CompleteDefinition> {
  const sent = await unpacked(parameters.data, file);
  const upload = { kind: 'direct' as const, bytes: sent.definition, files: sent.files, as };
  return complete(context, projectId, await context.definitions.parse(upload), []);
}

/** The file wins over `data`; one of the two is required. */
async function unpacked(data: DirectParameters['data'], file: UploadedFile | null): Promise<UnpackedZip> {
  if (file !== null && file.bytes.length > 0) return unpackZip(file.bytes);
  if (data === undefined)
    throw badParameter('data', 'data (a definition) or file (a zip with workflow.json) is required');
  return { definition: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)), files: [] };
}

function orderOf(parameters: DirectParameters) {
  return {
    ...WHOLE_WORKFLOW,
    project: parameters.projectName,
    workflow: parameters.workflowName,
    failurePolicy: FAILURE_POLICIES[parameters.failurePolicy],
    timeoutMs: parameters.timeout * 1000,
    notifyType: parameters.notifyType,
    notifyMails: parameters.notifyMails ?? [],
    proxyUser: parameters.proxyUser,
    queue: parameters.queue,
    extras: parameters.extras ?? null,
  };
}
