/** Stores definitions that have been parsed. */
import { createHash } from 'node:crypto';
import type { WorkflowFile } from '@pelorus/engine';
import type { WorkflowDefinition, WorkflowSaved } from '@pelorus/protocol';
import { StoreError, type SaveWorkflow, type WorkflowRow } from '../store/port.ts';
import type { DefinitionBody } from './body.ts';
import type { ApiContext } from './context.ts';
import type { NamedAs, ParsedUpload } from './definitions/parse-upload.ts';
import { API_LIMITS } from './limits.ts';
import { loadProject } from './lookup.ts';
import { failureWith } from './problem.ts';
import { demandReferences } from './references.ts';
import { noCalendar } from './schedules/times.ts';
import { createLocator } from './definitions/locate.ts';
import { unknownEnvironments } from './environments.ts';
import { preconditionFailed, workflowTag, type ExpectedVersion } from './workflow-tags.ts';
import { refuseCircles } from './sub-workflow-circles.ts';

/** A definition with every file that it needs. */
export interface CompleteDefinition extends ParsedUpload {
  /** Over the definition and its files. */
  hash: string;
  /** Files that each run takes from the project. */
  projectFiles: string[];
}

/**
 * Parses, and adds files from the latest version when the upload is just text: editing a definition keeps its files.
 * Throws 404 for the project, 422 with every problem, and 403 where a task names a project that the caller may not use.
 */
export async function readDefinition(
  context: ApiContext,
  body: DefinitionBody,
  as: NamedAs,
): Promise<CompleteDefinition> {
  const project = await loadProject(context, as.project);
  const upload =
    body.kind === 'bundle'
      ? { kind: 'bundle' as const, bytes: body.bytes, as }
      : { kind: 'text' as const, format: body.format, bytes: body.bytes, as };
  const parsed = await context.definitions.parse(upload);
  return checkDefinition(context, parsed, { projectId: project.id, as, keepFiles: body.kind !== 'bundle' });
}

/** What is saved in the same moment. */
export interface SavedTogether {
  /** As `project/name`. */
  workflows: ReadonlySet<string>;
  /** Paths of files of the project. */
  files: ReadonlySet<string>;
}

interface CheckOptions {
  projectId: number;
  as: NamedAs;
  keepFiles: boolean;
  together?: SavedTogether;
}

/**
 * What shows only beside what is stored: files, references, circles. `keepFiles`: those that it names and does not bring are taken from the
 * latest version. With `together`, circles are for the caller to look for, among all of it. Throws as `readDefinition` does.
 */
export async function checkDefinition(
  context: ApiContext,
  parsed: ParsedUpload,
  { projectId, as, keepFiles, together }: CheckOptions,
): Promise<CompleteDefinition> {
  const kept = keepFiles && parsed.missing.length > 0 ? await earlierFiles(context, as) : [];
  const definition = await complete(context, projectId, parsed, kept, together?.files);
  await demandReferences(context, as.project, definition.definition);
  await refuseUnknownCalendar(context, definition);
  if (together === undefined) await refuseCircles(context, as, definition);
  const inVain = await namedInVain(context, as, { ...definition, beside: together?.workflows ?? new Set() });
  return { ...definition, warnings: [...definition.warnings, ...inVain] };
}

/** Without its calendar a schedule would fire on holidays. */
async function refuseUnknownCalendar(
  { store }: ApiContext,
  { definition, source }: Pick<CompleteDefinition, 'definition' | 'source'>,
): Promise<void> {
  const name = definition.schedule?.calendar ?? null;
  if (name === null || (await store.getCalendar(name)) !== null) return;
  const message = noCalendar(name, await store.listCalendars());
  throw failureWith('INVALID_DEFINITION', [
    createLocator(source, 'file', definition).problem('/schedule/calendar', message),
  ]);
}

/** What tasks name and is not there now: it may come before they run, so it is a warning. */
async function namedInVain(
  context: ApiContext,
  as: NamedAs,
  { definition, source, beside }: CompleteDefinition & { beside: ReadonlySet<string> },
): Promise<WorkflowSaved['warnings']> {
  const missing = [
    ...(await unknownEnvironments(context, definition)).map((each) => ({ ...each, member: 'environment' })),
    ...(await unknownSubWorkflows(context, { as, beside }, definition)).map((each) => ({
      ...each,
      member: 'workflow',
    })),
  ];
  if (missing.length === 0) return [];
  const locator = createLocator(source, 'file', definition);
  return missing
    .slice(0, API_LIMITS.problemsShown)
    .map(({ task, member, message }) => locator.problem(`/tasks/${task}/${member}`, message));
}

/** Of other projects this would say what there is, so only administrators are told. */
async function unknownSubWorkflows(
  { store, caller }: ApiContext,
  { as, beside }: { as: NamedAs; beside: ReadonlySet<string> },
  { tasks }: WorkflowDefinition,
): Promise<{ task: string; message: string }[]> {
  const named = tasks.flatMap(({ name: task, action }) => {
    if (action.type !== 'sub_workflow') return [];
    const [first = '', second] = action.workflow.split('/', 2);
    const [project, workflow] = second === undefined ? [as.project, first] : [first, second];
    return project === as.project || caller.identity?.administrator === true ? [{ task, project, workflow }] : [];
  });
  const names = new Map(named.map((each) => [`${each.project}/${each.workflow}`, each]));
  const missing = new Set<string>();
  for (const [name, { project, workflow }] of names)
    if (!beside.has(name) && (await store.getWorkflow(project, workflow)) === null) missing.add(name);
  return named
    .map(({ task, project, workflow }) => ({ task, name: `${project}/${workflow}` }))
    .filter(({ name }) => missing.has(name))
    .map(({ task, name }) => ({
      task,
      message: `there is no workflow ${name}: the task fails unless there is one by then`,
    }));
}

async function earlierFiles(context: ApiContext, as: NamedAs): Promise<WorkflowFile[]> {
  const workflow = await context.store.getWorkflow(as.project, as.name);
  return workflow === null ? [] : (await context.versions.get(workflow.id, workflow.version)).files;
}

/**
 * What the upload does not bring is taken from `kept`, else from the files of the project, `coming` among them. Throws the 422 that names every file
 * that is missing; of secrets that are missing it only warns.
 */
export async function complete(
  context: Pick<ApiContext, 'store'>,
  projectId: number,
  parsed: ParsedUpload,
  kept: WorkflowFile[],
  coming: ReadonlySet<string> = new Set(),
): Promise<CompleteDefinition> {
  const needed = new Set(parsed.missing.map((reference) => reference.name));
  const files = [...parsed.files, ...kept.filter((file) => needed.has(file.name))];
  const known = new Set(files.map((file) => file.name));
  const wanted = [...needed].filter((name) => !known.has(name));
  const found = wanted.length === 0 ? [] : await context.store.findProjectFiles(projectId, wanted);
  const there = new Set(found.map((file) => file.path));
  const projectFiles = wanted.filter((name) => there.has(name) || coming.has(name)).sort();
  for (const name of projectFiles) known.add(name);
  const errors = parsed.missing.filter((reference) => !known.has(reference.name)).map((reference) => reference.problem);
  if (errors.length > 0) throw failureWith('INVALID_DEFINITION', errors);
  const warnings = [...parsed.warnings, ...(await missingSecrets(context, projectId, parsed.secrets))];
  return { ...parsed, warnings, files, projectFiles, hash: hashOf(parsed.definitionHash, files) };
}

async function missingSecrets(
  { store }: Pick<ApiContext, 'store'>,
  projectId: number,
  named: ParsedUpload['secrets'],
): Promise<ParsedUpload['warnings']> {
  if (named.length === 0) return [];
  const rows = await store.listSecrets(projectId, { limit: API_LIMITS.secretsPerProject });
  const known = new Set(rows.map((row) => row.name));
  return named.filter(({ name }) => !known.has(name)).map(({ problem }) => problem);
}

function hashOf(definitionHash: string, files: WorkflowFile[]): string {
  const lines = files.map((file) => `${file.sha256} ${file.name}`).sort();
  return createHash('sha256')
    .update([definitionHash, ...lines].join('\n'))
    .digest('hex');
}

export type SaveOptions = Pick<SaveWorkflow, 'hidden' | 'mustBeNew'> & ExpectedVersion;

export async function saveDefinition(
  context: ApiContext,
  as: NamedAs,
  complete: CompleteDefinition,
  options: SaveOptions,
): Promise<{ answer: WorkflowSaved; workflow: WorkflowRow }> {
  const save = saveOf(context, as, complete, options);
  const { workflow, created, changed, textChanged } = await context.store
    .saveWorkflow(save)
    .catch(async (error: unknown) => {
      if (!(error instanceof StoreError) || error.code !== 'PRECONDITION') throw error;
      const now = await context.store.getWorkflow(as.project, as.name);
      throw preconditionFailed(now, 'somebody changed it meanwhile', error);
    });
  context.log.info(
    { project: workflow.project, workflow: workflow.name, version: workflow.version, created, changed, textChanged },
    'workflow saved',
  );
  const { name, project, version, hash } = workflow;
  const outcome = { created, changed, textChanged, warnings: complete.warnings };
  return { answer: { name, project, version, hash, tag: workflowTag(workflow), ...outcome }, workflow };
}

/** What the store is asked to save. */
export function saveOf(
  { user, clock }: Pick<ApiContext, 'user' | 'clock'>,
  as: NamedAs,
  complete: CompleteDefinition,
  options: SaveOptions,
): SaveWorkflow {
  return {
    project: as.project,
    name: as.name,
    definition: complete.definition,
    files: complete.files,
    projectFiles: complete.projectFiles,
    source: complete.source,
    format: complete.format,
    hash: complete.hash,
    ...options,
    user,
    at: clock(),
  };
}
