/**
 * What is asked of the store about secrets, connections and project files; part of the store's port. The store never sees a
 * secret: it is given and gives what `vault/seal.ts` makes of it.
 */
import type { Connection } from '@pelorus/engine';

export interface SecretRow {
  name: string;
  sealed: string;
  updatedAt: number;
  updatedBy: string;
}

export interface ConnectionRow {
  name: string;
  kind: Connection['kind'];
  /** What may be shown, unless `plain`. */
  url: string;
  /** The whole address, where `url` does not say all of it. */
  sealed: string | null;
  /** Written before addresses were sealed: `url` is the whole of it and may hold a password. */
  plain: boolean;
  updatedAt: number;
  updatedBy: string;
}

export interface ProjectFileRow {
  path: string;
  /** Of the content, hexadecimal. */
  sha256: string;
  sizeBytes: number;
  updatedAt: number;
  updatedBy: string;
}

/** What the caller believes is there: any file (`*`), or one of these contents; null: nothing, so there is no condition. */
export type ExpectedFile = '*' | readonly string[] | null;

/** `mismatch`: nothing was changed; `sha256` is of what is there, null: there is no such file. */
export type FileOutcome<Done = unknown> = ({ kind: 'done' } & Done) | { kind: 'mismatch'; sha256: string | null };

/** Of a list by name: the last one of the page before, and how many. */
export interface NamePage {
  after?: string;
  limit: number;
}

/** Something sealed, wherever it is kept. */
export interface SealedRow {
  kind: 'secret' | 'connection' | 'alert-channel';
  /** 0: of no project. */
  projectId: number;
  name: string;
  /** Of a connection: what is shown, or of a plain one all of it. */
  url: string | null;
  /** Of a plain alert channel, its secret as it is. */
  sealed: string | null;
  plain: boolean;
}

export interface VaultStore {
  /** Creates or replaces it. CONFLICT beyond `limit` secrets in the project. */
  saveSecret(secret: {
    projectId: number;
    name: string;
    sealed: string;
    user: string;
    at: number;
    limit: number;
  }): Promise<{ secret: SecretRow; created: boolean }>;
  /** By name. */
  listSecrets(projectId: number, page: NamePage): Promise<SecretRow[]>;
  getSecret(projectId: number, name: string): Promise<SecretRow | null>;
  /** NOT_FOUND. */
  deleteSecret(projectId: number, name: string): Promise<void>;

  /** Creates or replaces it. CONFLICT beyond `limit` connections in the project. */
  saveConnection(
    connection: Pick<ConnectionRow, 'name' | 'kind' | 'url' | 'sealed'> & {
      projectId: number;
      user: string;
      at: number;
      limit: number;
    },
  ): Promise<{ connection: ConnectionRow; created: boolean }>;
  /** By name. */
  listConnections(projectId: number, page: NamePage): Promise<ConnectionRow[]>;
  getConnection(projectId: number, name: string): Promise<ConnectionRow | null>;
  /** NOT_FOUND. */
  deleteConnection(projectId: number, name: string): Promise<void>;

  /** Creates or replaces it. CONFLICT beyond the limits of the project. */
  saveProjectFile(file: {
    projectId: number;
    path: string;
    sha256: string;
    bytes: Uint8Array;
    expected: ExpectedFile;
    user: string;
    at: number;
    limits: { files: number; bytes: number };
  }): Promise<FileOutcome<{ file: ProjectFileRow; created: boolean }>>;
  /** By path. */
  listProjectFiles(projectId: number, page: NamePage): Promise<ProjectFileRow[]>;
  /** Those of `paths` that there are. */
  findProjectFiles(projectId: number, paths: readonly string[]): Promise<ProjectFileRow[]>;
  /** NOT_FOUND. Runs that have pinned its content keep it. */
  deleteProjectFile(file: { projectId: number; path: string; expected: ExpectedFile }): Promise<FileOutcome>;
  /** Part of a content, of a file or of a workflow version; null when there is none. */
  readContent(sha256: string, from: number, sizeBytes: number): Promise<Uint8Array | null>;

  /** As for masters: null when it has not changed since version `known`. */
  loadVault(projectId: number, known: number | null): Promise<ProjectVaultRows | null>;
}

/** All that tasks of a project may need of its vault. */
export interface ProjectVaultRows {
  /** Grows with every change. */
  version: number;
  secrets: { name: string; sealed: string }[];
  connections: Pick<ConnectionRow, 'name' | 'kind' | 'url' | 'sealed' | 'plain'>[];
}

export interface VaultMasterStore {
  /** Null when it has not changed since version `known`. */
  loadVault(projectId: number, known: number | null): Promise<ProjectVaultRows | null>;
  /** Of those contents that there are: SHA-256 → base64. */
  loadContents(sha256s: readonly string[]): Promise<Map<string, string>>;
}

/** What `vault/reseal.ts` asks for. */
export interface ResealStore {
  /** Everything sealed, and plain connections, in a fixed order, above `after`. */
  listSealed(after: Pick<SealedRow, 'kind' | 'projectId' | 'name'> | null, limit: number): Promise<SealedRow[]>;
  /** Each only where it is still as it was read; answers how many were. */
  reseal(changes: { from: SealedRow; url: string | null; sealed: string | null }[]): Promise<number>;
  /** Overwrites what earlier versions of rows have left behind, in the database file and in its logs. Takes as long as copying the database. */
  purgeFreed(): Promise<void>;
}
