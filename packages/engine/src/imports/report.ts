/**
 * What an importer answers: the definitions, and one row for everything that the file held. Rows that say the same of
 * several tasks are one row that counts them, so that a flow of 200 nodes has a report that a person reads.
 */

export type ImportOutcome = 'mapped' | 'changed' | 'unsupported';

export interface ImportReportRow {
  /** What stood in the file, e.g. `node load` or `setting startup.spark.executor.memory`. */
  item: string;
  /** `mapped`: means the same now · `changed`: means something else, see `why` · `unsupported`: has no effect, see `why`. */
  outcome: ImportOutcome;
  /** What became of it, null where nothing did. */
  to: string | null;
  why: string | null;
}

/** Why a file, or one flow of it, cannot be imported. */
export interface ImportProblem {
  item: string;
  /** A sentence. */
  message: string;
}

export interface ImportedWorkflow {
  name: string;
  /** In the shape in which people write definitions. */
  definition: Record<string, unknown>;
  /** The same as YAML. */
  source: string;
  /** Files that its tasks name, which have to be saved with it. */
  files: string[];
}

export interface ImportResult {
  /** Each after those that it runs as sub-workflows. */
  workflows: ImportedWorkflow[];
  report: ImportReportRow[];
  /** With problems nothing should be saved: what they are about is missing from `workflows`. */
  problems: ImportProblem[];
}

/** How many names a row that counts tells. */
const NAMES_TOLD = 3;

interface Entry {
  row: ImportReportRow;
  /** Null where the row stands for itself alone. */
  tasks: string[] | null;
}

/** Collects rows in the order in which they are first told. */
export class ReportLog {
  readonly #prefix: string;
  readonly #entries: Entry[] = [];
  readonly #counted = new Map<string, string[]>();

  /** `prefix` begins each item, for telling flows apart. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(item: string, outcome: ImportOutcome, to: string | null, why: string | null = null): void {
    this.#entries.push({ row: { item: `${this.#prefix}${item}`, outcome, to, why }, tasks: null });
  }

  /** The same of one task more; `task` is counted and, among the first, named. */
  tally(task: string, item: string, outcome: ImportOutcome, to: string | null, why: string | null = null): void {
    const key = JSON.stringify([item, outcome, to, why]);
    const known = this.#counted.get(key);
    if (known) {
      known.push(task);
      return;
    }
    const tasks = [task];
    this.#counted.set(key, tasks);
    this.#entries.push({ row: { item: `${this.#prefix}${item}`, outcome, to, why }, tasks });
  }

  rows(): ImportReportRow[] {
    return this.#entries.map(({ row, tasks }) =>
      tasks === null ? row : { ...row, item: `${row.item} ${told(tasks)}` },
    );
  }
}

function told(tasks: string[]): string {
  const names = tasks.slice(0, NAMES_TOLD).join(', ');
  return tasks.length > NAMES_TOLD ? `(${tasks.length} tasks: ${names}, …)` : `(${names})`;
}
