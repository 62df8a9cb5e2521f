/**
 * Definition files on disk: which files are definitions, and which other files they bring along. What a definition means
 * is not decided here; it is read just far enough to find its name and the files that it refers to.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { BundleFile, DefinitionFormat, WorkflowBundle } from '@pelorus/protocol';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { yaml } from './yaml.ts';

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);
/** Never looked into. */
const SKIPPED = new Set(['node_modules', 'dist']);
const FOLDER_DEPTH = 8;

export interface DefinitionFile {
  /** As a person would write it: relative to where the command runs. */
  shown: string;
  /** Null for standard input. */
  path: string | null;
  source: string;
  format: DefinitionFormat;
  /** As written, or the file's name when nothing is written that could be one. */
  name: string;
  project: string | null;
  /** Every file that its tasks name, as they name it. */
  files: string[];
  /** It has `tasks:`, or is broken and looks as if it had. */
  isDefinition: boolean;
}

/** Names of workflows hold no dot, so there is no doubt. */
export function looksLikeFile(written: string): boolean {
  return EXTENSIONS.has(extname(written));
}

export async function readDefinitionFile(path: string, directory: string): Promise<DefinitionFile> {
  const full = resolve(directory, path);
  const source = await readFile(full, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Failure({
      exitCode: cause.code === 'ENOENT' ? EXIT.notFound : EXIT.usage,
      what: `${path} cannot be read`,
      why: cause.code === 'ENOENT' ? 'there is no such file' : cause.message,
    });
  });
  return definitionFrom(source, full, shownPath(full, directory));
}

/** A definition given as text on standard input; it can bring no files along. */
export function definitionFromText(source: string): DefinitionFile {
  return definitionFrom(source, null, 'stdin');
}

/** Every YAML or JSON file below `folder` that has `tasks:`, in the order of their paths. */
export async function findDefinitionFiles(folder: string, directory: string): Promise<DefinitionFile[]> {
  const folders = await foldersBelow(folder, directory);
  const paths = (await Promise.all(folders.map(definitionsIn))).flat().sort();
  const files = await Promise.all(paths.map((path) => readDefinitionFile(path, directory)));
  return files.filter((file) => file.isDefinition);
}

/**
 * The definition with every file that its tasks name, and what is wrong with those that cannot be sent along. Those that are not here
 * (`absent`) may be files of the project: only the server knows.
 */
export async function bundleOf(
  file: DefinitionFile,
): Promise<{ bundle: WorkflowBundle; faults: string[]; absent: string[] }> {
  const read = await Promise.all(file.files.map((name) => readBundleFile(file, name)));
  const files = read.flatMap((one) => ('base64' in one ? [one] : []));
  return {
    bundle: { source: file.source, format: file.format, files },
    faults: read.flatMap((one) => ('fault' in one ? [one.fault] : [])),
    absent: read.flatMap((one) => ('absent' in one ? [one.absent] : [])),
  };
}

/** `folder` and every folder below it that is looked into. */
export async function foldersBelow(folder: string, directory: string): Promise<string[]> {
  return foldersFrom(resolve(directory, folder), FOLDER_DEPTH);
}

function definitionFrom(source: string, path: string | null, shown: string): DefinitionFile {
  const format: DefinitionFormat =
    path === null ? (/^\s*\{/.test(source) ? 'json' : 'yaml') : extname(path) === '.json' ? 'json' : 'yaml';
  const parsed = parseLoosely(source, format);
  const tree = asRecord(parsed);
  const fallback = path === null ? 'workflow' : basename(path, extname(path));
  return {
    shown,
    path,
    source,
    format,
    name: typeof tree['name'] === 'string' && tree['name'] !== '' ? tree['name'] : fallback,
    project: typeof tree['project'] === 'string' && tree['project'] !== '' ? tree['project'] : null,
    files: referredFiles(tree),
    isDefinition: parsed === null ? /^tasks\s*:|"tasks"\s*:/m.test(source) : 'tasks' in tree,
  };
}

/** Null when the text cannot be understood: the server says then what is wrong with it, with line and column. */
function parseLoosely(source: string, format: DefinitionFormat): unknown {
  try {
    return format === 'json' ? JSON.parse(source) : yaml().parse(source, { logLevel: 'silent' });
  } catch {
    return null;
  }
}

async function foldersFrom(folder: string, depth: number): Promise<string[]> {
  if (depth === 0) return [folder];
  const entries = await readdir(folder, { withFileTypes: true });
  const inside = entries.filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name),
  );
  const below = await Promise.all(inside.map((entry) => foldersFrom(join(folder, entry.name), depth - 1)));
  return [folder, ...below.flat()];
}

async function definitionsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && EXTENSIONS.has(extname(entry.name)))
    .map((entry) => join(folder, entry.name));
}

/** `file` and `files` of every task and of `defaults`. */
function referredFiles({ tasks, defaults }: Record<string, unknown>): string[] {
  const names = new Set<string>();
  for (const task of [defaults, ...Object.values(asRecord(tasks))]) {
    const { file, files } = asRecord(task);
    const named: unknown[] = Array.isArray(files) ? files : [];
    for (const name of [file, ...named]) if (typeof name === 'string' && name !== '') names.add(name);
  }
  return [...names];
}

async function readBundleFile(
  file: DefinitionFile,
  name: string,
): Promise<BundleFile | { fault: string } | { absent: string }> {
  if (file.path === null) return { absent: `${name}: a definition from standard input cannot bring files along` };
  const folder = dirname(file.path);
  const path = resolve(folder, name);
  const inside = relative(folder, path);
  if (isAbsolute(name) || inside === '..' || inside.startsWith(`..${sep}`))
    return { fault: `${name}: must be in the folder of the definition or below` };
  try {
    if (!(await stat(path)).isFile()) return { fault: `${name}: is not a file` };
    return { name, base64: (await readFile(path)).toString('base64') };
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      return { absent: `${name}: there is no such file` };
    return { fault: `${name}: ${String(cause)}` };
  }
}

function shownPath(full: string, directory: string): string {
  const near = relative(directory, full);
  return near === '' || near.startsWith('..') ? full : near;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
