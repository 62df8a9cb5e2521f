/**
 * From the body of an import to the definitions in it, each with the files that lie beside it, none of them looked into yet.
 *
 * A zip with a list (one that was exported) holds what the list says. Any other holds a definition in each `.yaml`, `.yml` and
 * `.json` file at its root; the files of `hello.yaml` are in the folder `hello`.
 */
import { setImmediate } from 'node:timers/promises';
import type { WorkflowFile } from '@pelorus/engine';
import type { DefinitionFormat } from '@pelorus/protocol';
import type { ImportBody } from '../body.ts';
import type { DefinitionParser } from '../definitions/definition-parser.ts';
import { isSafeFileName } from '../definitions/parse-upload.ts';
import type { DocumentText } from '../definitions/split-documents.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import { readZip, toWorkflowFile, unsafe } from '../zip.ts';
import { LIST_NAME, readArchiveList, type ArchiveList } from './archive-list.ts';

/** One definition. */
export interface ImportItem {
  /** The entry of the zip; null for a text. */
  file: string | null;
  format: DefinitionFormat;
  document: DocumentText;
  /** Counts whatever the definition calls itself (`list`), or where it says nothing (`file`); null: it must say. */
  name: { text: string; from: 'list' | 'file' } | null;
  files: WorkflowFile[];
  /** All of `files` belong to it, not just those that it names. */
  takesAll: boolean;
  /** Files that it names and that are not there are those of the version before. */
  keepFiles: boolean;
}

export interface ReadImport {
  items: ImportItem[];
  /** For the project itself. */
  projectFiles: WorkflowFile[];
  /** Entries that belong to nothing. */
  unused: string[];
}

/** Throws the refusal of the whole: a zip that is not safe, more than the limits say, no definition at all. */
export async function readImport(body: ImportBody, definitions: DefinitionParser): Promise<ReadImport> {
  const read = body.kind === 'zip' ? await readArchive(body.bytes, definitions) : await readText(body, definitions);
  if (read.items.length > API_LIMITS.importWorkflows)
    throw tooLarge(`it holds ${read.items.length} definitions, more than ${API_LIMITS.importWorkflows}`);
  return read;
}

async function readText({ kind, bytes }: ImportBody, definitions: DefinitionParser): Promise<ReadImport> {
  const format = kind === 'json' ? 'json' : 'yaml';
  const documents = await definitions.split({ kind: 'split', format, bytes, most: API_LIMITS.importWorkflows });
  if (documents.length === 0) throw new ApiFailure('MALFORMED_BODY', 'the body holds no definition');
  const alone = { file: null, format, name: null, files: [], takesAll: false, keepFiles: true } as const;
  return { items: documents.map((document) => ({ ...alone, files: [], document })), projectFiles: [], unused: [] };
}

async function readArchive(bytes: Buffer, definitions: DefinitionParser): Promise<ReadImport> {
  const entries = createEntries(await readZip(bytes, API_LIMITS.importEntries));
  const list = entries.take(LIST_NAME);
  const read = list === null ? await withoutList(entries, definitions) : await asListed(entries, readArchiveList(list));
  return { ...read, unused: entries.unused() };
}

/** The entries of a zip, and which of them have been used. A list may name one many times, and each time counts. */
interface Entries {
  names: string[];
  /** Null when there is none. */
  take(name: string): Buffer | null;
  takeFile(name: string, as: string): Promise<WorkflowFile | null>;
  unused(): string[];
}

function createEntries(contents: Map<string, Buffer>): Entries {
  const used = new Set<string>();
  const made = new Map<string, WorkflowFile>();
  let taken = 0;
  const take = (name: string): Buffer | null => {
    const content = contents.get(name);
    if (content === undefined) return null;
    used.add(name);
    taken += content.length;
    if (taken > API_LIMITS.zipTotalBytes)
      throw unsafe(`what its list names is more than ${API_LIMITS.zipTotalBytes} bytes together`);
    return content;
  };
  return {
    names: [...contents.keys()],
    take,
    takeFile: async (name, as) => {
      const content = take(name);
      if (content === null) return null;
      const known = made.get(name);
      // Hashing takes its time.
      if (known === undefined) await setImmediate();
      const file = known ?? toWorkflowFile(name, content);
      made.set(name, file);
      return { ...file, name: as };
    },
    unused: () =>
      [...contents.keys()]
        .filter((name) => !used.has(name))
        .sort()
        .slice(0, API_LIMITS.unusedFilesShown),
  };
}

async function asListed(entries: Entries, list: ArchiveList): Promise<Omit<ReadImport, 'unused'>> {
  const items: ImportItem[] = [];
  for (const { name, definition, files } of list.workflows) {
    const source = textOf(definition, present(definition, entries.take(definition)));
    const taken: WorkflowFile[] = [];
    for (const file of files) taken.push(present(file.entry, await entries.takeFile(file.entry, file.name)));
    refuseTwice(definition, taken);
    items.push({
      file: definition,
      format: formatOf(definition),
      document: { source, linesBefore: 0, columnsBefore: 0, pointer: '' },
      name: { text: name, from: 'list' },
      files: taken,
      takesAll: true,
      keepFiles: false,
    });
  }
  const projectFiles: WorkflowFile[] = [];
  for (const { path, entry } of list.projectFiles)
    projectFiles.push(present(entry, await entries.takeFile(entry, path)));
  refuseTwice(LIST_NAME, projectFiles);
  return { items, projectFiles };
}

function present<Content>(entry: string, content: Content | null): Content {
  if (content !== null) return content;
  throw new ApiFailure('MALFORMED_BODY', `${LIST_NAME} of the zip names ${JSON.stringify(entry)}, which is not there`);
}

function refuseTwice(where: string, files: WorkflowFile[]): void {
  const names = new Set<string>();
  for (const { name } of files) {
    if (names.has(name)) throw new ApiFailure('MALFORMED_BODY', `${where}: the file ${name} is there twice`);
    names.add(name);
  }
}

const DEFINITION_FILE = /^([^/]+)\.(?:yaml|yml|json)$/;

async function withoutList(entries: Entries, definitions: DefinitionParser): Promise<Omit<ReadImport, 'unused'>> {
  const items: ImportItem[] = [];
  for (const file of entries.names) {
    const stem = DEFINITION_FILE.exec(file)?.[1];
    if (stem === undefined) continue;
    const format = formatOf(file);
    const most = API_LIMITS.importWorkflows - items.length;
    const bytes = entries.take(file) ?? Buffer.alloc(0);
    const documents = await definitions.split({ kind: 'split', format, bytes, most }).catch((error: unknown) => {
      throw error instanceof ApiFailure ? new ApiFailure(error.code, `${file}: ${error.message}`, error.detail) : error;
    });
    const takesAll = documents.length === 1;
    const files = documents.length === 0 ? [] : await filesIn(entries, stem);
    const name = takesAll ? { text: stem, from: 'file' as const } : null;
    for (const document of documents) items.push({ file, format, document, name, files, takesAll, keepFiles: false });
  }
  if (items.length > 0) return { items, projectFiles: [] };
  throw new ApiFailure(
    'MALFORMED_BODY',
    `the zip holds no definition: neither ${LIST_NAME} nor a .yaml, .yml or .json file at its root`,
  );
}

async function filesIn(entries: Entries, folder: string): Promise<WorkflowFile[]> {
  const files: WorkflowFile[] = [];
  for (const name of entries.names) {
    const inner = name.startsWith(`${folder}/`) ? name.slice(folder.length + 1) : '';
    if (!isSafeFileName(inner)) continue;
    const file = await entries.takeFile(name, inner);
    if (file !== null) files.push(file);
  }
  return files;
}

function formatOf(name: string): DefinitionFormat {
  return name.endsWith('.json') ? 'json' : 'yaml';
}

function textOf(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiFailure('MALFORMED_BODY', `${name}: the definition is not UTF-8 text`, { cause });
  }
}

export function tooLarge(why: string): ApiFailure {
  return new ApiFailure('TOO_LARGE', `the import is too large: ${why}`);
}
