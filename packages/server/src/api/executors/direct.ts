import type { z } from 'zod';
import { LIMITS } from '@pelorus/protocol';
import { inProject } from '../access.ts';
import { directStarted } from '../answers/executors.ts';
import { StoreError } from '../../store/port.ts';
import { parametersBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import type { NamedAs } from '../definitions/parse-upload.ts';
import type { UploadedFile } from '../form-fields.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { demandReferences } from '../references.ts';
import { created, route } from '../route.ts';
import { complete, saveDefinition, type CompleteDefinition } from '../save-workflow.ts';
import { WHOLE_WORKFLOW, prepareRun, submitRun } from '../submit.ts';
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
  body: parametersBody(directParameters, { fileField: 'file', limitBytes: LIMITS.requestBodyBytes }),
  handle: async ({ body: { parameters, file } }, context) => {
    const as = { project: parameters.projectName, name: parameters.workflowName };
    const project = await loadProject(context, as.project);
    await refuseTakenName(context, as);
    const definition = await readDirect(context, { ...as, projectId: project.id }, parameters, file);
    await demandReferences(context, as.project, definition.definition);
    const { workflow } = await saveNew(context, as, definition);
    try {
      const { id } = await submitRun(context, await prepareRun(context, orderOf(parameters)));
      return created({ execId: id }, { location: `/api/v1/executors/${id}` });
    } catch (error) {
      // Without its run the hidden workflow would only block the name.
      await context.store.deleteWorkflow(workflow.id, context.user, context.clock());
      throw error;
    }
  },
});

/** Before the definition is read; the store decides when two come at once. */
async function refuseTakenName(context: ApiContext, as: NamedAs): Promise<void> {
  if ((await context.store.getWorkflow(as.project, as.name)) !== null) throw nameTaken(as);
}

function nameTaken(as: NamedAs, cause?: unknown): ApiFailure {
  return new ApiFailure('NAME_TAKEN', `project ${as.project} already has a workflow ${as.name}`, { cause });
}

async function saveNew(context: ApiContext, as: NamedAs, definition: CompleteDefinition) {
  try {
    return await saveDefinition(context, as, definition, { hidden: true, mustBeNew: true });
  } catch (error) {
    throw error instanceof StoreError && error.code === 'CONFLICT' ? nameTaken(as, error) : error;
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
