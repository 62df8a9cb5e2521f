/**
 * What would become of each part of an import, and what the store would be asked for. Everything that is wrong is found before anything
 * is stored; only what has no right ends it at once, for a refusal for want of rights is one of the whole request.
 */
import { setImmediate } from 'node:timers/promises';
import type { DefinitionProblem, ImportedFile, ImportedWorkflow, ImportReport } from '@pelorus/protocol';
import type { WorkflowFile } from '@pelorus/engine';
import type { ProjectRow, SaveWorkflow } from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import type { NamedAs, ParsedUpload } from '../definitions/parse-upload.ts';
import { inWhole } from '../definitions/split-documents.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure, problemAt } from '../problem.ts';
import { checkDefinition, saveOf, type SavedTogether } from '../save-workflow.ts';
import { circlesAmong } from '../sub-workflow-circles.ts';
import { tooLarge, type ImportItem, type ReadImport } from './read-import.ts';

export interface CheckedImport {
  /** As it is when nothing has been stored. */
  report: ImportReport;
  refused: boolean;
  saves: SaveWorkflow[];
  /** That the project does not have. */
  newFiles: WorkflowFile[];
}

/** A definition on its way; the problems are those of its own text. */
interface Candidate {
  item: ImportItem;
  name: string | null;
  parsed: ParsedUpload | null;
  errors: DefinitionProblem[];
}

/** Throws 403, 413 and 429; everything else is in the report. */
export async function checkImport(context: ApiContext, project: ProjectRow, read: ReadImport): Promise<CheckedImport> {
  const candidates = await parsedAll(context, project, read.items);
  refuseSameNames(candidates);
  const together = new Map(
    candidates.flatMap(({ name, parsed }): [string, ParsedUpload][] =>
      name === null || parsed === null ? [] : [[`${project.name}/${name}`, parsed]],
    ),
  );
  const circles = await circlesAmong(context, together);
  for (const candidate of candidates) {
    const circle = candidate.name === null ? undefined : circles.get(`${project.name}/${candidate.name}`);
    if (circle !== undefined && candidate.parsed !== null) refuse(candidate, [circle]);
  }
  const files = await filesOf(context, project, read.projectFiles);
  const checked: Checked[] = [];
  const coming: SavedTogether = {
    workflows: new Set(together.keys()),
    files: new Set(read.projectFiles.map(({ name }) => name)),
  };
  for (const candidate of candidates) checked.push(await checkOne(context, project, candidate, coming));
  return {
    report: {
      stored: false,
      workflows: bounded(checked.map(({ imported }) => imported)),
      files: files.report,
      unused: read.unused,
    },
    refused: checked.some(({ imported }) => imported.outcome === 'refused'),
    saves: checked.flatMap(({ save }) => save ?? []),
    newFiles: files.missing,
  };
}

async function parsedAll(context: ApiContext, project: ProjectRow, items: ImportItem[]): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  let taskCount = 0;
  for (const item of items) {
    // Small ones are parsed right here.
    await setImmediate();
    const candidate = await parsedOne(context, project, item);
    candidates.push(candidate);
    taskCount += candidate.parsed?.definition.tasks.length ?? 0;
    if (taskCount > API_LIMITS.importTasks)
      throw tooLarge(`its definitions have more than ${API_LIMITS.importTasks} tasks together`);
  }
  return candidates;
}

async function parsedOne(context: ApiContext, project: ProjectRow, item: ImportItem): Promise<Candidate> {
  const known = item.name?.text ?? '';
  const as: NamedAs = {
    project: project.name,
    name: known,
    ...(item.name?.from === 'list' ? {} : { ownName: true as const }),
  };
  try {
    const upload = { kind: 'text' as const, format: item.format, bytes: Buffer.from(item.document.source), as };
    const parsed = withFiles(item, await context.definitions.parse(upload));
    return { item, name: parsed.definition.name, parsed, errors: [] };
  } catch (error) {
    if (!(error instanceof ApiFailure) || !OF_THE_DEFINITION.has(error.code)) throw error;
    const errors = error.detail.errors ?? [problemAt('', error.message)];
    return { item, name: known === '' ? null : known, parsed: null, errors };
  }
}

const OF_THE_DEFINITION: ReadonlySet<string> = new Set(['INVALID_DEFINITION', 'MALFORMED_BODY', 'TOO_LARGE']);

function withFiles({ files, takesAll }: ImportItem, parsed: ParsedUpload): ParsedUpload {
  const named = new Set(parsed.missing.map(({ name }) => name));
  const taken = takesAll ? files : files.filter(({ name }) => named.has(name));
  refuseTooMany(taken);
  const there = new Set(taken.map(({ name }) => name));
  return { ...parsed, files: taken, missing: parsed.missing.filter(({ name }) => !there.has(name)) };
}

function refuseTooMany(files: WorkflowFile[]): void {
  const { filesPerWorkflow, filesBytesPerWorkflow } = API_LIMITS;
  if (files.length > filesPerWorkflow)
    throw new ApiFailure('TOO_LARGE', `there are ${files.length} files for it, more than ${filesPerWorkflow}`);
  const bytes = files.reduce((sum, { base64 }) => sum + Buffer.byteLength(base64, 'base64'), 0);
  if (bytes > filesBytesPerWorkflow)
    throw new ApiFailure('TOO_LARGE', `its files are ${bytes} bytes together, more than ${filesBytesPerWorkflow}`);
}

function refuse(candidate: Candidate, errors: DefinitionProblem[]): void {
  candidate.errors.push(...errors);
  candidate.parsed = null;
}

/** The first one counts, the others are refused. */
function refuseSameNames(candidates: Candidate[]): void {
  const first = new Map<string, Candidate>();
  for (const candidate of candidates) {
    if (candidate.name === null || candidate.parsed === null) continue;
    const other = first.get(candidate.name);
    if (other === undefined) first.set(candidate.name, candidate);
    else refuse(candidate, [sameName(candidate.name, other.item)]);
  }
}

function sameName(name: string, { file, document }: ImportItem): DefinitionProblem {
  const where = [file ?? '', document.pointer, file === null ? `line ${document.linesBefore + 1}` : ''];
  return problemAt('/name', `${name} is the name of another definition as well: ${where.filter(Boolean).join(' ')}`);
}

interface Checked {
  imported: ImportedWorkflow;
  /** Null: it is refused. */
  save: SaveWorkflow | null;
}

async function checkOne(
  context: ApiContext,
  project: ProjectRow,
  { item, name, parsed, errors }: Candidate,
  together: SavedTogether,
): Promise<Checked> {
  const head = { name, file: item.file, format: item.format };
  const refused = (problems: readonly DefinitionProblem[]): Checked => ({
    imported: { ...head, outcome: 'refused', version: null, errors: whole(item, problems), warnings: [] },
    save: null,
  });
  if (parsed === null || name === null) return refused(errors);
  const as = { project: project.name, name };
  const now = await context.store.getWorkflow(as.project, as.name);
  if (now?.hidden === true)
    return refused([problemAt('/name', `${name} belongs to a workflow that was run directly and cannot be edited`)]);
  try {
    const options = { projectId: project.id, as, keepFiles: item.keepFiles, together };
    const complete = await checkDefinition(context, parsed, options);
    const unchanged = now?.hash === complete.hash;
    const imported: ImportedWorkflow = {
      ...head,
      outcome: now === null ? 'created' : unchanged ? 'unchanged' : 'updated',
      version: now === null ? 1 : unchanged ? now.version : now.version + 1,
      errors: [],
      warnings: whole(item, complete.warnings),
    };
    const expected = now === null ? { ifVersion: null } : { ifVersion: now.version, ifTextRevision: now.textRevision };
    // What means the same as what is there may be written otherwise: its text is kept.
    return { imported, save: saveOf(context, as, complete, { hidden: false, mustBeNew: false, ...expected }) };
  } catch (error) {
    if (!(error instanceof ApiFailure) || !OF_THE_DEFINITION.has(error.code)) throw error;
    return refused(error.detail.errors ?? [problemAt('', error.message)]);
  }
}

function whole({ document }: ImportItem, problems: readonly DefinitionProblem[]): DefinitionProblem[] {
  return problems.map((problem) => inWhole(document, problem));
}

/** So many problems and warnings in one report, the rest only counted. */
function bounded(workflows: ImportedWorkflow[]): ImportedWorkflow[] {
  let room: number = API_LIMITS.importProblems;
  const shown = (problems: DefinitionProblem[]): DefinitionProblem[] => {
    const kept = problems.slice(0, Math.max(room, 1));
    room -= kept.length;
    const rest = problems.length - kept.length;
    return rest === 0 ? kept : [...kept, problemAt('', `and ${rest} more`)];
  };
  // What refuses an import is told before what it only should know.
  const errors = workflows.map((workflow) => shown(workflow.errors));
  return workflows.map((workflow, at) => ({
    ...workflow,
    errors: errors[at] ?? [],
    warnings: workflow.warnings.length === 0 ? [] : shown(workflow.warnings),
  }));
}

async function filesOf(
  { store }: ApiContext,
  project: ProjectRow,
  files: WorkflowFile[],
): Promise<{ report: ImportedFile[]; missing: WorkflowFile[] }> {
  const names = files.map(({ name }) => name);
  const rows = names.length === 0 ? [] : await store.findProjectFiles(project.id, names);
  const now = new Map(rows.map((row) => [row.path, row.sha256]));
  const outcome = ({ name, sha256 }: WorkflowFile): ImportedFile['outcome'] =>
    now.has(name) ? (now.get(name) === sha256 ? 'unchanged' : 'kept') : 'created';
  return {
    report: files.map((file) => ({ path: file.name, outcome: outcome(file) })),
    missing: files.filter(({ name }) => !now.has(name)),
  };
}
