/** Workflows of a project on their way out of it, and several on their way into it. */
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { LatestVersion } from './transfer-port.ts';

const LATEST = `
  select w.id, w.name, v.version, v.format, v.created_at, octet_length(v.source) as source_bytes, v.files, v.project_files
  from workflow w join workflow_version v on v.workflow_id = w.id and v.version = w.version
  where w.project_id = ? and w.deleted_at is null and w.hidden = 0`;
const LATEST_NAMED = (dialect: Dialect): string => `${LATEST} and ${dialect.isIn('w.name')}`;

export function* listLatestVersions(
  db: Database,
  { projectId, names, limit }: { projectId: number; names: readonly string[] | null; limit: number },
): Sql<LatestVersion[]> {
  const order = ' order by w.name limit ?';
  const rows =
    names === null
      ? yield* db.all(LATEST + order, projectId, limit)
      : yield* db.all(LATEST_NAMED(db.dialect) + order, projectId, JSON.stringify(names), limit);
  return rows.map(toLatestVersion);
}

function toLatestVersion(row: Row): LatestVersion {
  return {
    workflowId: row['id'] as number,
    name: row['name'] as string,
    version: row['version'] as number,
    format: row['format'] as 'yaml' | 'json',
    createdAt: row['created_at'] as number,
    sourceBytes: row['source_bytes'] as number,
    files: JSON.parse(row['files'] as string) as LatestVersion['files'],
    projectFiles: JSON.parse(row['project_files'] as string) as string[],
  };
}

const SIZES = (dialect: Dialect): string =>
  `select sha256, octet_length(bytes) as size_bytes from content where ${dialect.isIn('sha256')}`;

export function* contentSizes(db: Database, sha256s: readonly string[]): Sql<Map<string, number>> {
  const rows = yield* db.all(SIZES, JSON.stringify(sha256s));
  return new Map(rows.map((row) => [row['sha256'] as string, row['size_bytes'] as number]));
}
