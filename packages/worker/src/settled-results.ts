/**
 * What masters have acknowledged, kept beside the attempts so that an agent started later can say it again to a master whose store
 * went back in time. Two files of JSON lines: when the younger is full it takes the place of the older, so nothing is ever
 * rewritten. Appended without a sync: it outlives every process, and after a loss of power the last seconds may be missing.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type SettledReport, WORKER_CORE_LIMITS } from './core.ts';
import { Journal } from './supervisor/journal.ts';

/** Both files together hold about as many as the core remembers, and at least half of that. */
const ENTRIES_PER_FILE = WORKER_CORE_LIMITS.settledMax / 2;

export class SettledResults {
  readonly #path: string;
  readonly #older: string;
  readonly #entriesMax: number;
  #journal: Journal<SettledReport>;
  #entries: number;

  /** Throws when the files cannot be opened. */
  constructor(dataDir: string, entriesMax: number = ENTRIES_PER_FILE) {
    this.#path = join(dataDir, 'settled');
    this.#older = join(dataDir, 'settled.older');
    this.#entriesMax = entriesMax;
    this.#journal = new Journal(this.#path);
    this.#entries = this.#journal.read().length;
  }

  /** Oldest first. */
  read(): SettledReport[] {
    if (!existsSync(this.#older)) return this.#journal.read();
    const older = new Journal<SettledReport>(this.#older);
    const reports = [...older.read(), ...this.#journal.read()];
    older.close();
    return reports;
  }

  /** Throws when the disk refuses; then these are only remembered by this agent. */
  add(reports: SettledReport[]): void {
    if (reports.length === 0) return;
    if (this.#entries >= this.#entriesMax) this.#turnOver();
    this.#journal.append(reports);
    this.#entries += reports.length;
  }

  #turnOver(): void {
    this.#journal.close();
    renameSync(this.#path, this.#older);
    this.#journal = new Journal(this.#path);
    this.#entries = 0;
  }

  close(): void {
    this.#journal.close();
  }
}
