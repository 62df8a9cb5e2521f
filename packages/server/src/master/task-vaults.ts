/**
 * What the projects of live runs keep for their tasks.
 *
 * Owns: per project of a live run that may need it, its sealed secrets and connections; contents of pinned files.
 * Invariants
 * 1. A run that is taken up sees what was there at that moment or later; from then on it is no more than `REFRESH_MS` behind.
 * 2. What cannot be read again stays as it was last read.
 * 3. Nothing is opened before a dispatch asks for it.
 */
import { namesSecrets, type RunContext, type StoredRun, type TaskVault, type WorkflowFile } from '@pelorus/engine';
import type { RunId, WorkflowDefinition } from '@pelorus/protocol';
import type { VaultMasterStore } from '../store/index.ts';
import { projectVault, type Vault } from '../vault/index.ts';

/** How far a live run may be behind with what its project keeps. */
export const REFRESH_MS = 2_000;
/** Contents of pinned files that are kept after a run was opened with them. */
const CACHED_CONTENT_CHARS = 64 * 1024 * 1024;

interface Held {
  version: number;
  current: TaskVault;
  /** What its runs ask, whatever `current` is by then. */
  asked: TaskVault;
  runs: Set<RunId>;
}

export class TaskVaults {
  readonly #store: VaultMasterStore;
  readonly #vault: Vault;
  readonly #held = new Map<number, Held>();
  readonly #projectOf = new Map<RunId, number>();
  readonly #contents = new Map<string, string>();
  #contentChars = 0;

  constructor(store: VaultMasterStore, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  /** What a run needs besides its workflow version. Rejects when the store does not answer. */
  async contextOf({ spec }: StoredRun, definition: WorkflowDefinition): Promise<Pick<RunContext, 'vault' | 'files'>> {
    const vault = needsVault(definition) ? await this.#vaultFor(spec.id, spec.projectId) : null;
    const files = spec.files ? await this.#filesOf(spec.files) : null;
    return { ...(vault && { vault }), ...(files && { files }) };
  }

  async #vaultFor(run: RunId, projectId: number): Promise<TaskVault> {
    const held = await this.#look(projectId);
    this.#held.set(projectId, held);
    held.runs.add(run);
    this.#projectOf.set(run, projectId);
    return held.asked;
  }

  async #look(projectId: number): Promise<Held> {
    const before = this.#held.get(projectId);
    const rows = await this.#store.loadVault(projectId, before?.version ?? null);
    const held = this.#held.get(projectId) ?? before ?? newHeld();
    if (!rows || rows.version < held.version) return held;
    held.version = rows.version;
    held.current = projectVault(this.#vault, projectId, rows);
    return held;
  }

  /** These runs have ended, or are somebody else's. */
  forget(runs: Iterable<RunId>): void {
    for (const run of runs) {
      const projectId = this.#projectOf.get(run);
      if (projectId === undefined) continue;
      this.#projectOf.delete(run);
      const held = this.#held.get(projectId);
      held?.runs.delete(run);
      if (held?.runs.size === 0) this.#held.delete(projectId);
    }
  }

  forgetAll(): void {
    this.forget([...this.#projectOf.keys()]);
  }

  /** Looks what has changed, for every project of a live run. */
  async refresh(): Promise<void> {
    for (const projectId of [...this.#held.keys()]) await this.#look(projectId);
  }

  async #filesOf(pinned: readonly { name: string; sha256: string }[]): Promise<WorkflowFile[]> {
    const missing = new Set(pinned.map(({ sha256 }) => sha256).filter((sha256) => !this.#contents.has(sha256)));
    const loaded = missing.size > 0 ? await this.#store.loadContents([...missing]) : null;
    const files = pinned.flatMap(({ name, sha256 }) => {
      const base64 = loaded?.get(sha256) ?? this.#contents.get(sha256);
      return base64 === undefined ? [] : [{ name, sha256, base64 }];
    });
    for (const { sha256, base64 } of files) this.#remember(sha256, base64);
    return files;
  }

  /** The one used last goes last. */
  #remember(sha256: string, base64: string): void {
    if (this.#contents.delete(sha256)) this.#contentChars -= base64.length;
    this.#contents.set(sha256, base64);
    this.#contentChars += base64.length;
    for (const [oldest, content] of this.#contents) {
      if (this.#contentChars <= CACHED_CONTENT_CHARS) return;
      this.#contents.delete(oldest);
      this.#contentChars -= content.length;
    }
  }
}

function newHeld(): Held {
  const nothing: TaskVault = {
    secret: (name) => ({ kind: 'problem', problem: `the project has no secret named ${name}` }),
    connection: (name) => ({ kind: 'problem', problem: `the project has no connection named ${name}` }),
  };
  const held: Held = { version: -1, current: nothing, asked: nothing, runs: new Set() };
  held.asked = {
    secret: (name) => held.current.secret(name),
    connection: (name) => held.current.connection(name),
  };
  return held;
}

const NEEDS = new WeakMap<WorkflowDefinition, boolean>();

function needsVault(definition: WorkflowDefinition): boolean {
  let needs = NEEDS.get(definition);
  if (needs === undefined) {
    needs = namesSecrets(definition) || definition.tasks.some((task) => task.action.type === 'sql');
    NEEDS.set(definition, needs);
  }
  return needs;
}
