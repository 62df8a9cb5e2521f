/**
 * Workflows of a project as a zip that an import takes: what it holds is settled, by sizes, before its first byte is sent; then one
 * workflow after the other is read and written as the client takes it.
 */
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import { Zip, type ZipInputFile } from 'fflate';
import type { LatestVersion, ProjectFileRow } from '../../store/index.ts';
import type { ProjectRow } from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import { foldedName, foldersOf, inflatesTooMuch, unsafeName } from '../zip.ts';
import { LIST_NAME, PROJECT_FOLDER, type ArchiveList } from './archive-list.ts';

type Needed = Pick<ApiContext, 'store'>;

export interface ArchivePlan {
  list: string;
  workflows: (LatestVersion & { place: ArchiveList['workflows'][number] })[];
  projectFiles: (ProjectFileRow & { entry: string })[];
}

/** `names` null: all workflows. Throws `WORKFLOW_NOT_FOUND` for a name, `TOO_LARGE` for more than one zip may hold. */
export async function planArchive(
  { store }: Needed,
  project: ProjectRow,
  names: readonly string[] | null,
): Promise<ArchivePlan> {
  const workflows = await store.listLatestVersions(project.id, { names, limit: API_LIMITS.importWorkflows + 1 });
  const known = new Set(workflows.map(({ name }) => name));
  const unknown = names?.filter((name) => !known.has(name)) ?? [];
  if (unknown.length > 0 && workflows.length <= API_LIMITS.importWorkflows)
    throw new ApiFailure('WORKFLOW_NOT_FOUND', `project ${project.name} has no workflow ${unknown.join(', ')}`);
  const wanted = [...new Set(workflows.flatMap((workflow) => workflow.projectFiles))];
  const files = wanted.length === 0 ? [] : await store.findProjectFiles(project.id, wanted);
  await refuseLarge({ store }, workflows, files);
  return placed(project, workflows, files);
}

async function refuseLarge({ store }: Needed, workflows: LatestVersion[], files: ProjectFileRow[]): Promise<void> {
  const { importWorkflows, importEntries, exportBytes } = API_LIMITS;
  if (workflows.length > importWorkflows) throw tooLarge(`more than ${importWorkflows} workflows`);
  const entryCount = 1 + files.length + workflows.reduce((sum, workflow) => sum + 1 + workflow.files.length, 0);
  if (entryCount > importEntries) throw tooLarge(`${entryCount} files, more than ${importEntries}`);
  const hashes = workflows.flatMap((workflow) => workflow.files.map(({ sha256 }) => sha256));
  const sizes = hashes.length === 0 ? new Map<string, number>() : await store.contentSizes([...new Set(hashes)]);
  const bytes =
    workflows.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0) +
    hashes.reduce((sum, sha256) => sum + (sizes.get(sha256) ?? 0), 0) +
    files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes > exportBytes) throw tooLarge(`${bytes} bytes, more than ${exportBytes}`);
}

function tooLarge(what: string): ApiFailure {
  return new ApiFailure('TOO_LARGE', `the export would hold ${what}; name fewer of them by ?workflows=`);
}

function placed(project: ProjectRow, workflows: LatestVersion[], files: ProjectFileRow[]): ArchivePlan {
  const place = createPlaces();
  place('', LIST_NAME);
  const placedWorkflows = workflows.map((workflow) => {
    const { name, format } = workflow;
    const definition = place('', `${name}.${format}`);
    const own = workflow.files.map((file) => ({ name: file.name, entry: place(`${name}/`, file.name) }));
    return { ...workflow, place: { name, definition, files: own } };
  });
  const projectFiles = files.map((file) => ({ ...file, entry: place(`${PROJECT_FOLDER}/`, file.path) }));
  const list: ArchiveList = {
    kind: 'pelorus-export',
    version: 1,
    project: project.name,
    workflows: placedWorkflows.map((workflow) => workflow.place),
    projectFiles: projectFiles.map(({ path, entry }) => ({ path, entry })),
  };
  return { list: `${JSON.stringify(list, null, 2)}\n`, workflows: placedWorkflows, projectFiles };
}

/** Gives each part a name of its own in the zip: its own in the folder, or a number where that is taken or would be refused. */
function createPlaces(): (folder: string, name: string) => string {
  const taken = new Set<string>();
  const folders = new Set<string>();
  const isFree = (entry: string): boolean => {
    const folded = foldedName(entry);
    return (
      unsafeName(entry) === null &&
      !taken.has(folded) &&
      !folders.has(folded) &&
      !foldersOf(folded).some((folder) => taken.has(folder))
    );
  };
  let count = 0;
  return (folder, name) => {
    let entry = `${folder}${name}`;
    while (!isFree(entry)) {
      count += 1;
      entry = `~${count}${/\.[a-z0-9]{1,8}$/.exec(name)?.[0] ?? ''}`;
    }
    const folded = foldedName(entry);
    taken.add(folded);
    for (const above of foldersOf(folded)) folders.add(above);
    return entry;
  };
}

/** The zip, as its reader takes it; `done` is called once, whatever becomes of it. It ends with an error when the signal aborts. */
export function archiveOf(context: Needed, plan: ArchivePlan, signal: AbortSignal, done: () => void): Readable {
  const pieces = piecesOf(context, plan);
  const readable = Readable.from(pieces, { objectMode: false, signal, highWaterMark: API_LIMITS.exportPieceBytes });
  // Whoever reads it learns of an error by reading; where nobody does any more, it is nobody's.
  readable.on('error', () => undefined).once('close', done);
  return readable;
}

async function* piecesOf({ store }: Needed, plan: ArchivePlan): AsyncGenerator<Uint8Array> {
  const archive = createArchive();
  const newest = plan.workflows.reduce((latest, { createdAt }) => Math.max(latest, createdAt), 0);
  yield* archive.add(LIST_NAME, Buffer.from(plan.list), newest);
  for (const { workflowId, version, createdAt, place } of plan.workflows) {
    const row = await store.getWorkflowVersion(workflowId, version);
    if (row === null) throw new Error(`version ${version} of workflow ${workflowId} is gone`);
    yield* archive.add(place.definition, Buffer.from(row.source), createdAt);
    const contents = new Map(row.files.map(({ name, base64 }) => [name, base64]));
    for (const { name, entry } of place.files)
      yield* archive.add(entry, Buffer.from(contents.get(name) ?? '', 'base64'), createdAt);
  }
  for (const { path, sha256, sizeBytes, updatedAt, entry } of plan.projectFiles) {
    const bytes = await store.readContent(sha256, 0, sizeBytes);
    if (bytes === null) throw new Error(`file ${path} was changed while it was exported`);
    yield* archive.add(entry, bytes, updatedAt);
  }
  yield* archive.end();
}

const deflate = promisify<Uint8Array, Buffer>(deflateRaw);

interface Archive {
  add(name: string, content: Uint8Array, at: number): AsyncGenerator<Uint8Array>;
  end(): Generator<Uint8Array>;
}

/** Deflated by node, off the event loop; the zip around it is fflate's. */
function createArchive(): Archive {
  const written: Uint8Array[] = [];
  const zip = new Zip((error, bytes) => {
    if (error !== null) throw error;
    written.push(bytes);
  });
  function* flush(): Generator<Uint8Array> {
    for (const bytes of written.splice(0))
      for (let at = 0; at < bytes.length; at += API_LIMITS.exportPieceBytes)
        yield bytes.subarray(at, at + API_LIMITS.exportPieceBytes);
  }
  return {
    add: async function* (filename, content, at) {
      const deflated = await deflate(content);
      // An import would take it for an attack.
      const isStored = deflated.length >= content.length || inflatesTooMuch(content.length, deflated.length);
      const file: ZipInputFile = {
        filename,
        size: content.length,
        crc: crc32(content),
        compression: isStored ? 0 : 8,
        mtime: Math.min(Math.max(at, EARLIEST), LATEST),
      };
      zip.add(file);
      file.ondata?.(null, new Uint8Array(isStored ? content : deflated), true);
      yield* flush();
    },
    end: function* () {
      zip.end();
      yield* flush();
    },
  };
}

/** Of what a zip can say, a year inside: it says local times. */
const EARLIEST = Date.UTC(1981, 0, 1);
const LATEST = Date.UTC(2098, 0, 1);
