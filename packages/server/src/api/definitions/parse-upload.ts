/**
 * From the bytes of an upload to a definition that can be stored. Runs on the event loop for small uploads and in a
 * thread for large ones, so it takes and gives plain data only.
 */
import { createHash } from 'node:crypto';
import secureJson from 'secure-json-parse';
import {
  checkDefinitionParameters,
  checkDefinitionTemplates,
  checkCron,
  checkTemplate,
  secretPlaces,
  type WorkflowFile,
} from '@pelorus/engine';
import {
  LIMITS,
  normaliseForHash,
  parseDefinition,
  parseDirectDefinition,
  type DefinitionFormat,
  type DefinitionOptions,
  type DefinitionProblem,
  type ErrorCode,
  type TaskDefinition,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import { API_LIMITS } from '../limits.ts';
import { unstorable } from '../text-door.ts';
import { filePlaces } from './file-references.ts';
import { createLocator, type Locator } from './locate.ts';
import { splitDocuments, type DocumentText } from './split-documents.ts';

export type Upload =
  /** The text of a definition. */
  | { kind: 'text'; format: DefinitionFormat; bytes: Uint8Array; as: NamedAs }
  /** A bundle: the text and the files it refers to, as JSON. */
  | { kind: 'bundle'; bytes: Uint8Array; as: NamedAs }
  /** The published form of `/executors/direct`; every task gets all of the files. */
  | { kind: 'direct'; bytes: Uint8Array; files: WorkflowFile[]; as: NamedAs };

/** What the path of the request calls it; that counts. */
export interface NamedAs {
  project: string;
  name: string;
  /** In an import: what the definition itself says counts, and `name` only where it says nothing; empty: it must say something. */
  ownName?: true;
}

export interface ParsedUpload {
  ok: true;
  definition: WorkflowDefinition;
  /** SHA-256 of the normalised definition, without its files. */
  definitionHash: string;
  source: string;
  format: DefinitionFormat;
  files: WorkflowFile[];
  /** Files that tasks name and the upload does not bring. */
  missing: MissingFile[];
  warnings: DefinitionProblem[];
  /** Secrets that it names, with what to say where the project has none of that name; at most as many as there may be problems. */
  secrets: { name: string; problem: DefinitionProblem }[];
}

export interface MissingFile {
  name: string;
  /** To report, unless the file is found elsewhere. */
  problem: DefinitionProblem;
}

export interface RefusedUpload {
  ok: false;
  code: ErrorCode;
  message: string;
  problems: DefinitionProblem[];
}

export function parseUpload(upload: Upload): ParsedUpload | RefusedUpload {
  const text = decode(upload.bytes);
  if (text === null) return malformed('the definition is not UTF-8 text');
  const { as } = upload;
  switch (upload.kind) {
    case 'text':
      return finish({ source: text, format: upload.format, form: 'file', files: [], as });
    case 'direct':
      return finish({ source: text, format: 'json', form: 'published', files: upload.files, as });
    case 'bundle': {
      const bundle = readBundle(text);
      return 'refused' in bundle ? malformed(bundle.refused) : finish({ ...bundle, form: 'file', as });
    }
  }
}

/** A text with any number of definitions. */
export interface SplitRequest {
  kind: 'split';
  format: DefinitionFormat;
  bytes: Uint8Array;
  /** Definitions that it may hold. */
  most: number;
}

/** The texts of its definitions. */
export function splitText({
  format,
  bytes,
  most,
}: SplitRequest): RefusedUpload | { ok: true; documents: DocumentText[] } {
  const text = decode(bytes);
  if (text === null) return malformed('the text is not UTF-8');
  const documents = splitDocuments(text, format);
  if (documents.length <= most) return { ok: true, documents };
  const message = `the text holds ${documents.length} definitions, more than ${most}`;
  return { ok: false, code: 'TOO_LARGE', message, problems: [] };
}

interface Sent {
  source: string;
  format: DefinitionFormat;
  /** As in a definition file, or as `/executors/direct` takes it. */
  form: 'file' | 'published';
  files: WorkflowFile[];
  as: NamedAs;
}

function finish(sent: Sent): ParsedUpload | RefusedUpload {
  const held = unstorable(sent.source);
  if (held !== null) return malformed(`the definition holds ${held}, which cannot be stored`);
  const parsed = parse(sent);
  if (parsed.definition === null) return refused(parsed.problems);
  const { definition, renamed } = namedAs(
    sent.form === 'published' ? withFilesEverywhere(parsed.definition, sent.files) : parsed.definition,
    sent.as,
  );
  const locator = createLocator(sent.source, sent.form, definition);
  const problems = parameterProblems(definition, locator);
  if (problems.length > 0) return refused(problems);
  return {
    ok: true,
    definition,
    definitionHash: createHash('sha256').update(normaliseForHash(definition)).digest('hex'),
    source: sent.source,
    format: sent.format,
    files: sent.files,
    missing: missingFiles(definition, sent.files, locator),
    warnings: [...parsed.warnings, ...renamed],
    secrets: namedSecrets(definition, locator),
  };
}

function parse({ source, format, form, as }: Sent): ReturnType<typeof parseDefinition> {
  const options: DefinitionOptions = { checkCron, checkTemplate, ...(as.name === '' ? {} : { workflowName: as.name }) };
  return form === 'published' ? parseDirectDefinition(source, options) : parseDefinition(source, format, options);
}

/** What only shows when the whole definition is known: parameters that nothing gives, circles, values out of place. */
function parameterProblems(definition: WorkflowDefinition, locator: Locator): DefinitionProblem[] {
  const found = [...checkDefinitionTemplates(definition), ...checkDefinitionParameters(definition)];
  const problems = found
    .slice(0, LIMITS.definitionProblems)
    .map(({ pointer, message }) => locator.problem(pointer, message));
  return problems.toSorted(
    (left, right) => (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0),
  );
}

function namedSecrets(definition: WorkflowDefinition, locator: Locator): ParsedUpload['secrets'] {
  return secretPlaces(definition)
    .slice(0, LIMITS.definitionProblems)
    .map(({ name, pointer, message }) => ({ name, problem: locator.problem(pointer, message) }));
}

function missingFiles(definition: WorkflowDefinition, files: WorkflowFile[], locator: Locator): MissingFile[] {
  const known = new Set(files.map((file) => file.name));
  return filePlaces(definition)
    .filter((reference) => !known.has(reference.name))
    .map(({ name, pointer }) => ({
      name,
      problem: locator.problem(
        pointer,
        `file ${name} is named here but was not sent, and the project has no such file`,
      ),
    }));
}

/** The path counts; a definition that calls itself otherwise is told so. */
function namedAs(
  definition: WorkflowDefinition,
  as: NamedAs,
): { definition: WorkflowDefinition; renamed: DefinitionProblem[] } {
  const renamed: DefinitionProblem[] = [];
  const name = as.ownName === true ? definition.name : as.name;
  if (definition.name !== name) renamed.push(renaming('/name', definition.name, as.name));
  if (definition.project !== null && definition.project !== as.project)
    renamed.push(renaming('/project', definition.project, as.project));
  return { definition: { ...definition, name, project: as.project }, renamed };
}

function renaming(pointer: string, written: string, taken: string): DefinitionProblem {
  return {
    pointer,
    line: null,
    column: null,
    message: `the definition says ${written}; ${taken} is used, as the request says`,
  };
}

/** All files in every task that has a work directory. */
function withFilesEverywhere(definition: WorkflowDefinition, files: WorkflowFile[]): WorkflowDefinition {
  const names = files.map((file) => file.name);
  if (names.length === 0) return definition;
  const give = (task: TaskDefinition) =>
    WITH_WORK_DIRECTORY.has(task.action.type) ? { ...task, files: [...new Set([...task.files, ...names])] } : task;
  return { ...definition, tasks: definition.tasks.map(give) };
}

const WITH_WORK_DIRECTORY: ReadonlySet<string> = new Set(['shell', 'python', 'script', 'sql']);

type Bundle = { source: string; format: DefinitionFormat; files: WorkflowFile[] } | { refused: string };

function readBundle(text: string): Bundle {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return { refused: 'the bundle is not acceptable JSON' };
  const { source, format, files, ...rest } = value as Record<string, unknown>;
  const unknown = Object.keys(rest);
  if (unknown.length > 0)
    return { refused: `the bundle holds ${unknown.join(', ')}; its members are source, format and files` };
  if (typeof source !== 'string') return { refused: 'source of the bundle must be the text of the definition' };
  if (format !== 'yaml' && format !== 'json') return { refused: 'format of the bundle must be yaml or json' };
  if (!Array.isArray(files)) return { refused: 'files of the bundle must be an array of {name, base64}' };
  return readFiles(source, format, files);
}

function readFiles(source: string, format: DefinitionFormat, files: unknown[]): Bundle {
  if (files.length > API_LIMITS.filesPerWorkflow)
    return { refused: `the bundle has ${files.length} files, more than ${API_LIMITS.filesPerWorkflow}` };
  const read = new Map<string, WorkflowFile>();
  let bytes = 0;
  for (const [index, value] of files.entries()) {
    const file = readFile(value);
    if (typeof file === 'string') return { refused: `files/${index} of the bundle ${file}` };
    if (read.has(file.name)) return { refused: `files/${index} of the bundle has the name of another: ${file.name}` };
    read.set(file.name, file);
    bytes += Buffer.byteLength(file.base64, 'base64');
  }
  if (bytes > API_LIMITS.filesBytesPerWorkflow)
    return {
      refused: `the files of the bundle are ${bytes} bytes together, more than ${API_LIMITS.filesBytesPerWorkflow}`,
    };
  return { source, format, files: [...read.values()] };
}

function readFile(value: unknown): WorkflowFile | string {
  if (typeof value !== 'object' || value === null) return 'must be {name, base64}';
  const { name, base64 } = value as Record<string, unknown>;
  if (typeof name !== 'string' || !isSafeFileName(name))
    return 'has a name that is not a relative path without . and ..';
  if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0)
    return `(${name}) is not base64`;
  return { name, sha256: createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex'), base64 };
}

/** Relative, `/` between folders, nothing that leaves the folder it is put into. */
export function isSafeFileName(name: string): boolean {
  if (name.length > 255 || unstorable(name) !== null || /[\\:]|[\u0001-\u001f\u007f]/.test(name)) return false;
  return name.split('/').every((step) => step !== '' && step !== '.' && step !== '..');
}

function parseJson(text: string): unknown {
  try {
    return secureJson.parse(text, { protoAction: 'error', constructorAction: 'error' });
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function malformed(message: string): RefusedUpload {
  return { ok: false, code: 'MALFORMED_BODY', message, problems: [{ pointer: '', line: null, column: null, message }] };
}

/** The 422 that lists every problem. */
function refused(problems: DefinitionProblem[]): RefusedUpload {
  const shown = problems.slice(0, 3).map(describe);
  const more = problems.length > shown.length ? `; and ${problems.length - shown.length} more` : '';
  return { ok: false, code: 'INVALID_DEFINITION', message: shown.join('; ') + more, problems };
}

function describe(problem: DefinitionProblem): string {
  const where = problem.line === null ? problem.pointer : `line ${problem.line}:${problem.column ?? 1}`;
  return where === '' ? problem.message : `${where}: ${problem.message}`;
}
