/** What the api role asks for to take workflows out of a project and to bring several in; part of the store's port. */
import type { SavedWorkflow, SaveWorkflow } from './port.ts';

/** The latest version of a workflow, by its sizes. */
export interface LatestVersion {
  workflowId: number;
  name: string;
  version: number;
  format: 'yaml' | 'json';
  createdAt: number;
  sourceBytes: number;
  files: { name: string; sha256: string }[];
  /** Files that its runs take from the project. */
  projectFiles: string[];
}

/** Workflows that are saved all together or not at all, with files that the project does not have yet. */
export interface SaveTogether {
  /** All of one project, each name once. */
  workflows: readonly SaveWorkflow[];
  files: { path: string; sha256: string; bytes: Uint8Array }[];
  projectId: number;
  user: string;
  at: number;
  /** Of all files of the project. */
  limits: { files: number; bytes: number };
}

export interface TransferStore {
  /** Latest versions by name, hidden workflows left out, as they are at one moment. `names` null: of all. */
  listLatestVersions(
    projectId: number,
    filter: { names: readonly string[] | null; limit: number },
  ): Promise<LatestVersion[]>;
  /** Bytes by hash; what there is not is missing. */
  contentSizes(sha256s: readonly string[]): Promise<Map<string, number>>;
  /**
   * In the order of `workflows`. Nothing is written when one is refused: PRECONDITION when one is not in the version that its `ifVersion`
   * names or a file is there already, CONFLICT when the project would have more files than the limits say, NOT_FOUND.
   */
  saveTogether(request: SaveTogether): Promise<SavedWorkflow[]>;
}
