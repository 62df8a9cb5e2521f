/**
 * Files of projects, and what runs pin of them.
 *
 * Invariants
 * 1. Content goes with the last thing that refers to it: what no workflow version keeps, no project file names and no run has pinned
 *    is deleted by the verb that takes the last reference away. So there is nothing to collect later.
 * 2. A run pins in the transaction that makes it: what it names cannot have been overwritten in between.
 */
import type { PinnedFile } from '@pelorus/engine';
import type { Dialect } from './dialect.ts';
import { lockProject } from './lock-project.ts';
import { StoreError } from './port.ts';
import type { RunPlace } from './run-rows.ts';
import type { Database, Row, Sql } from './database.ts';
import type { ExpectedFile, FileOutcome, NamePage, ProjectFileRow, VaultStore } from './vault-port.ts';
import type { WriteContext } from './write-context.ts';

function toProjectFileRow(row: Row): ProjectFileRow {
  return {
    path: row['path'] as string,
    sha256: row['sha256'] as string,
    sizeBytes: row['size_bytes'] as number,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const FILE = `select * from project_file where project_id = ? and path = ?`;
const FILES = `select * from project_file where project_id = ? and path > ? order by path limit ?`;
const FILES_AMONG = (dialect: Dialect): string =>
  `select * from project_file where project_id = ? and ${dialect.isIn('path')} order by path`;
const TOTALS = `
  select count(*) as files, coalesce(sum(size_bytes), 0) as bytes from project_file where project_id = ? and path <> ?`;
const UPSERT_FILE = `
  insert into project_file (project_id, path, sha256, size_bytes, updated_at, updated_by) values (?, ?, ?, ?, ?, ?)
  on conflict (project_id, path) do update set sha256 = excluded.sha256, size_bytes = excluded.size_bytes,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;
const INSERT_CONTENT = `insert into content (sha256, bytes, kept) values (?, ?, 0) on conflict (sha256) do nothing`;

export type SaveProjectFileRequest = Parameters<VaultStore['saveProjectFile']>[0];

export function* saveProjectFile(
  c: WriteContext,
  request: SaveProjectFileRequest,
): Sql<FileOutcome<{ file: ProjectFileRow; created: boolean }>> {
  const { projectId, path, sha256, bytes, expected, user, at } = request;
  yield* lockProject(c, projectId);
  const existing = yield* c.db.get(FILE, projectId, path);
  if (!isExpected(expected, existing)) return mismatch(existing);
  yield* refuseMore(c, request);
  yield* c.db.run(INSERT_CONTENT, sha256, bytes);
  const row = (yield* c.db.get(UPSERT_FILE, projectId, path, sha256, bytes.length, at, user))!;
  if (existing) yield* dropContent(c, existing['sha256'] as string);
  return { kind: 'done', file: toProjectFileRow(row), created: existing === undefined };
}

function isExpected(expected: ExpectedFile, existing: Row | undefined): boolean {
  if (expected === null) return true;
  if (existing === undefined) return false;
  return expected === '*' || expected.includes(existing['sha256'] as string);
}

function mismatch(existing: Row | undefined): { kind: 'mismatch'; sha256: string | null } {
  return { kind: 'mismatch', sha256: (existing?.['sha256'] as string | undefined) ?? null };
}

function* refuseMore(c: WriteContext, { projectId, path, bytes, limits }: SaveProjectFileRequest): Sql<void> {
  const others = yield* c.db.get(TOTALS, projectId, path);
  if ((others?.['files'] as number) >= limits.files)
    throw new StoreError('CONFLICT', `The project has ${limits.files} files, and that is the limit.`);
  const total = (others?.['bytes'] as number) + bytes.length;
  if (total > limits.bytes)
    throw new StoreError('CONFLICT', `The files of the project would be ${total} bytes; the limit is ${limits.bytes}.`);
}

/** Files that the project does not have yet. */
export interface AddProjectFiles {
  projectId: number;
  files: { path: string; sha256: string; bytes: Uint8Array }[];
  user: string;
  at: number;
  limits: { files: number; bytes: number };
}

const INSERT_FILE = `
  insert into project_file (project_id, path, sha256, size_bytes, updated_at, updated_by) values (?, ?, ?, ?, ?, ?)
  on conflict (project_id, path) do nothing`;

/** CONFLICT where the limits would be passed, PRECONDITION where there is a file already. */
export function* addProjectFiles(c: WriteContext, { projectId, files, user, at, limits }: AddProjectFiles): Sql<void> {
  if (files.length === 0) return;
  const now = yield* c.db.get(TOTALS, projectId, '');
  const total = (now?.['bytes'] as number) + files.reduce((sum, file) => sum + file.bytes.length, 0);
  if ((now?.['files'] as number) + files.length > limits.files || total > limits.bytes)
    throw new StoreError(
      'CONFLICT',
      `The project would have more files than it may: ${limits.files}, and ${limits.bytes} bytes together.`,
    );
  for (const { path, sha256, bytes } of files) {
    yield* c.db.run(INSERT_CONTENT, sha256, bytes);
    if ((yield* c.db.run(INSERT_FILE, projectId, path, sha256, bytes.length, at, user)) === 0)
      throw new StoreError('PRECONDITION', `The project has a file '${path}' already: somebody added it meanwhile.`);
  }
}

const DROP_CONTENT = `
  delete from content where sha256 = ? and kept = 0
    and not exists (select 1 from project_file f where f.sha256 = content.sha256)
    and not exists (select 1 from run_content r where r.sha256 = content.sha256)`;

function* dropContent(c: WriteContext, sha256: string): Sql<void> {
  yield* c.db.run(DROP_CONTENT, sha256);
}

export function* listProjectFiles(db: Database, request: { projectId: number; page: NamePage }): Sql<ProjectFileRow[]> {
  const { after = '', limit } = request.page;
  return (yield* db.all(FILES, request.projectId, after, limit)).map(toProjectFileRow);
}

export function* findProjectFiles(
  db: Database,
  { projectId, paths }: { projectId: number; paths: readonly string[] },
): Sql<ProjectFileRow[]> {
  return (yield* db.all(FILES_AMONG, projectId, JSON.stringify(paths))).map(toProjectFileRow);
}

const DELETE_FILE = `delete from project_file where project_id = ? and path = ?`;

export function* deleteProjectFile(
  c: WriteContext,
  { projectId, path, expected }: { projectId: number; path: string; expected: ExpectedFile },
): Sql<FileOutcome> {
  const existing = yield* c.db.get(FILE, projectId, path);
  if (existing && !isExpected(expected, existing)) return mismatch(existing);
  if (!existing) throw new StoreError('NOT_FOUND', `There is no file '${path}' in that project.`);
  yield* c.db.run(DELETE_FILE, projectId, path);
  yield* dropContent(c, existing['sha256'] as string);
  return { kind: 'done' };
}

const CONTENTS_OF_PROJECT = `select distinct sha256 from project_file where project_id = ?`;
const DELETE_FILES = `delete from project_file where project_id = ?`;

/** With the project. */
export function* deleteProjectFiles(c: WriteContext, projectId: number): Sql<void> {
  const contents = (yield* c.db.all(CONTENTS_OF_PROJECT, projectId)).map((row) => row['sha256'] as string);
  yield* c.db.run(DELETE_FILES, projectId);
  for (const sha256 of contents) yield* dropContent(c, sha256);
}

const PART = `select substr(bytes, ?, ?) as part from content where sha256 = ?`;

export function* readContent(
  db: Database,
  { sha256, from, sizeBytes }: { sha256: string; from: number; sizeBytes: number },
): Sql<Uint8Array | null> {
  const row = yield* db.get(PART, from + 1, sizeBytes, sha256);
  // A part without bytes comes as null.
  return row ? ((row['part'] as Uint8Array | null) ?? new Uint8Array()) : null;
}

const CONTENT = `select bytes from content where sha256 = ?`;

export function* loadContents(db: Database, sha256s: readonly string[]): Sql<Map<string, string>> {
  const found = new Map<string, string>();
  for (const sha256 of sha256s) {
    const bytes = (yield* db.get(CONTENT, sha256))?.['bytes'] as Uint8Array | undefined;
    if (bytes) found.set(sha256, Buffer.from(bytes).toString('base64'));
  }
  return found;
}

// ---- pins

const WANTED = `select project_files from workflow_version where workflow_id = ? and version = ?`;

/**
 * What a new run pins: what it was given, or else whatever is there now of the files that its version takes from the project;
 * `filesWanted` are their names when they have been read already.
 */
export function* pinsFor(
  c: WriteContext,
  place: RunPlace,
  { given, filesWanted }: { given: readonly PinnedFile[] | null; filesWanted: string | undefined },
): Sql<readonly PinnedFile[]> {
  if (given) return given;
  const wanted =
    filesWanted ??
    ((yield* c.db.get(WANTED, place.workflowId, place.version))?.['project_files'] as string | undefined);
  if (wanted === undefined || wanted === '[]') return [];
  return (yield* c.db.all(FILES_AMONG, place.projectId, wanted)).map((row) => ({
    name: row['path'] as string,
    sha256: row['sha256'] as string,
  }));
}

const INSERT_PIN = `insert into run_content (sha256, run_id) values (?, ?) on conflict do nothing`;

export function* keepPins(c: WriteContext, run: number, pins: readonly PinnedFile[]): Sql<void> {
  for (const { sha256 } of pins) yield* c.db.run(INSERT_PIN, sha256, run);
}
