/** Files of projects, as bytes with an entity tag. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { FileOutcome, ProjectFileRow, ProjectRow } from '../../store/index.ts';
import { inProject } from '../access.ts';
import { projectFileAnswer, projectFilePage } from '../answers/projects.ts';
import { bytesBody } from '../body.ts';
import { readByteRange } from '../byte-range.ts';
import type { ApiContext } from '../context.ts';
import { readTextCursor, writeTextCursor } from '../cursor.ts';
import { isSafeFileName } from '../definitions/parse-upload.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Answer, type Route } from '../route.ts';
import { limit, projectPath, someName } from '../schemas.ts';
import { projectFileView } from '../views.ts';

const CURSOR_LENGTH = 2000;

const listFiles = route({
  id: 'listFiles',
  method: 'GET',
  path: '/projects/:project/files',
  access: inProject('read'),
  summary: 'Files of a project, by path',
  answers: { 200: projectFilePage },
  params: projectPath,
  query: z.strictObject({ limit: limit(100), cursor: z.string().max(CURSOR_LENGTH).optional() }),
  handle: async ({ params, query }, context) => {
    const project = await loadProject(context, params.project);
    const after = readTextCursor(query.cursor) ?? '';
    const rows = await context.store.listProjectFiles(project.id, { after, limit: query.limit + 1 });
    const items = rows.slice(0, query.limit);
    return ok({
      items: items.map(projectFileView),
      nextCursor: rows.length > items.length ? writeTextCursor(items.at(-1)?.path ?? '') : null,
    });
  },
});

const filePath = z.strictObject({ project: someName, path: z.string().min(1).max(255) });
const newFilePath = z.strictObject({
  project: someName,
  path: z
    .string()
    .min(1)
    .max(255)
    .refine(
      (path) => isSafeFileName(path) && !/\p{C}/u.test(path),
      'must be relative, with / between folders, and hold no empty part, . or .., no \\, : or control character',
    ),
});

async function loadFile(
  context: ApiContext,
  { project: name, path }: z.output<typeof filePath>,
): Promise<{ project: ProjectRow; file: ProjectFileRow }> {
  const project = await loadProject(context, name);
  const [file] = await context.store.findProjectFiles(project.id, [path]);
  if (file === undefined) throw noFile(name, path);
  return { project, file };
}

function noFile(project: string, path: string): ApiFailure {
  return new ApiFailure('FILE_NOT_FOUND', `project ${project} has no file ${path}`);
}

const BYTES = { media: { 'application/octet-stream': 'bytes' } } as const;

const getFile = route({
  id: 'getFile',
  method: 'GET',
  path: '/projects/:project/files/:path',
  deep: true,
  access: inProject('read'),
  summary: 'The bytes of a file, or the part of it that Range names',
  answers: { 200: BYTES, 206: BYTES, 304: null },
  params: filePath,
  handle: async ({ params, ifNoneMatch, range }, context) => {
    const { file } = await loadFile(context, params);
    const etag = entityTag(file.sha256);
    if (ifNoneMatch.includes('*') || ifNoneMatch.includes(etag)) return { status: 304, headers: { etag } };
    const part = readByteRange(range, file.sizeBytes);
    const bytes = await context.store.readContent(file.sha256, part?.from ?? 0, part?.length ?? file.sizeBytes);
    // Overwritten or deleted between the two reads.
    if (bytes === null) throw new ApiFailure('CONFLICT', `file ${file.path} has just been changed; ask again`);
    return bytesAnswer(file, bytes, part && `bytes ${part.from}-${part.from + part.length - 1}/${file.sizeBytes}`);
  },
});

/** Never shown by a browser: whoever may write files could else run scripts in the name of those who look at them. */
function bytesAnswer(file: ProjectFileRow, bytes: Uint8Array, contentRange: string | null): Answer {
  const name = encodeURIComponent(file.path.slice(file.path.lastIndexOf('/') + 1)).replace(/['()*]/g, percentEncoded);
  return {
    status: contentRange === null ? 200 : 206,
    headers: {
      etag: entityTag(file.sha256),
      'accept-ranges': 'bytes',
      'content-disposition': `attachment; filename*=UTF-8''${name}`,
      'content-security-policy': "sandbox; default-src 'none'",
      ...(contentRange === null ? {} : { 'content-range': contentRange }),
    },
    body: { bytes, type: 'application/octet-stream' },
  };
}

function percentEncoded(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function entityTag(sha256: string): string {
  return `"${sha256}"`;
}

/** What `If-Match` names, without its quotes. Weak tags match nothing. */
function expectedOf(ifMatch: readonly string[] | null): '*' | string[] | null {
  if (ifMatch === null) return null;
  return ifMatch.includes('*') ? '*' : ifMatch.filter((tag) => tag.startsWith('"')).map((tag) => tag.slice(1, -1));
}

const putFile = route({
  id: 'putFile',
  method: 'PUT',
  path: '/projects/:project/files/:path',
  deep: true,
  access: inProject('write'),
  conditional: true,
  summary: 'Create or overwrite a file; runs that were submitted before keep what they have pinned',
  answers: { 200: projectFileAnswer, 201: projectFileAnswer },
  params: newFilePath,
  body: bytesBody(API_LIMITS.projectFileBytes),
  handle: async ({ params, body, ifMatch }, context) => {
    const project = await loadProject(context, params.project);
    const outcome = await context.store.saveProjectFile({
      projectId: project.id,
      path: params.path,
      sha256: createHash('sha256').update(body).digest('hex'),
      bytes: body,
      expected: expectedOf(ifMatch),
      user: context.user,
      at: context.clock(),
      limits: { files: API_LIMITS.filesPerProject, bytes: API_LIMITS.filesBytesPerProject },
    });
    const { file, created } = matched(outcome, params.path);
    const headers = { etag: entityTag(file.sha256) };
    return { status: created ? 201 : 200, headers, body: { json: projectFileView(file) } };
  },
});

function matched<Done>(outcome: FileOutcome<Done>, path: string): { kind: 'done' } & Done {
  if (outcome.kind === 'done') return outcome;
  const now = outcome.sha256 === null ? 'there is no such file' : `its content is ${outcome.sha256}`;
  throw new ApiFailure('PRECONDITION_FAILED', `file ${path} is not as If-Match says: ${now}`);
}

const deleteFile = route({
  id: 'deleteFile',
  method: 'DELETE',
  path: '/projects/:project/files/:path',
  deep: true,
  access: inProject('write'),
  conditional: true,
  summary: 'Delete a file; runs that were submitted before keep what they have pinned',
  answers: { 204: null },
  params: filePath,
  handle: async ({ params, ifMatch }, context) => {
    const { project, file } = await loadFile(context, params);
    const request = { projectId: project.id, path: file.path, expected: expectedOf(ifMatch) };
    matched(await context.store.deleteProjectFile(request), file.path);
    return { status: 204 };
  },
});

export const fileRoutes: readonly Route[] = [listFiles, getFile, putFile, deleteFile];
