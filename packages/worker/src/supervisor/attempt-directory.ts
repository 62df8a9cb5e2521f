/**
 * The files of one attempt, `<dataDir>/attempts/<attempt id>/`:
 *
 *   launch      first line: `# ` and the journal record as JSON; then what the slot shell sources
 *   work/       the work directory
 *   output      what the task wrote to $PELORUS_OUTPUT, if anything
 *   kill        written before the first signal: why it is being killed
 *   exit        written by the slot shell, see exit-meaning.ts
 *
 * Outcomes are in one journal for all attempts, `<dataDir>/attempts/journal`, synced before they are told: measured, a file
 * of its own per attempt (create, write, sync, close, rename) cost more than all else together.
 * A directory belongs to one attempt for ever: it is made with `mkdir`, so a second start of the same attempt fails.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import type { AttemptId, AttemptOutcome, AttemptSpec } from '@pelorus/protocol';
import type { TaskPlace } from '../task-environment.ts';
import type { KillOrder } from './messages.ts';

export interface JournalRecord {
  attempt: AttemptId;
  bootId: string;
  /** The slot shell that runs it: leader of the attempt's process group. */
  pid: number;
  startTime: number | null;
  startedAt: number;
  killGraceMs: number;
  executionLeaseMs: number;
  outputs: AttemptSpec['outputs'];
  logPath: string;
}

/** How an attempt ended, durably. */
export type Ending = { kind: 'finished'; outcome: AttemptOutcome } | { kind: 'lost'; detail: string };

/** True for a text that can be the name of an attempt's directory. */
export function isAttemptId(text: string): text is AttemptId {
  return /^\d{1,16}\.\d{1,7}\.\d{1,7}$/.test(text);
}

export class AttemptDirectory implements TaskPlace {
  readonly path: string;
  readonly workDir: string;
  readonly outputFile: string;

  constructor(attemptsDir: string, attempt: AttemptId) {
    this.path = join(attemptsDir, attempt);
    this.workDir = join(this.path, 'work');
    this.outputFile = join(this.path, 'output');
  }

  get exitFile(): string {
    return join(this.path, 'exit');
  }

  /** Makes the directory and its work directory with the given files. Throws when the directory exists. */
  create(files: AttemptSpec['files']): void {
    mkdirSync(this.path, { mode: 0o700 });
    mkdirSync(this.workDir);
    placeFiles(this.workDir, files);
  }

  writeLaunch(record: JournalRecord, script: string): void {
    writeFileSync(join(this.path, 'launch'), `# ${JSON.stringify(record)}\n${script}`, { mode: 0o600 });
  }

  /** Null when the attempt never got as far as being handed to a shell. */
  readJournal(): JournalRecord | null {
    const first = this.#read('launch')?.split('\n', 1)[0];
    return first === undefined ? null : parseJson<JournalRecord>(first.slice(2));
  }

  writeKill(order: KillOrder): void {
    writeFileSync(join(this.path, 'kill'), JSON.stringify(order));
  }

  readKill(): KillOrder | null {
    return parseJson<KillOrder>(this.#read('kill'));
  }

  /** Nearly no task writes outputs: a look is cheaper than a failed read. */
  readOutput(): string {
    return existsSync(this.outputFile) ? (this.#read('output') ?? '') : '';
  }

  #read(name: string): string | null {
    try {
      return readFileSync(join(this.path, name), 'utf8');
    } catch {
      return null;
    }
  }
}

/** Writes files below a directory. Throws when a name leads out of it. */
export function placeFiles(directory: string, files: AttemptSpec['files']): void {
  for (const { name, base64 } of files) {
    const relative = normalize(name);
    if (isAbsolute(relative) || relative === '..' || relative.startsWith(`..${sep}`)) {
      throw new Error(`the file name ${JSON.stringify(name)} leads out of the work directory`);
    }
    const path = join(directory, relative);
    if (dirname(path) !== directory) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.from(base64, 'base64'));
  }
}

/** Our own files, read back; a torn one reads as absent. */
function parseJson<Shape>(text: string | null): Shape | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Shape;
  } catch {
    return null;
  }
}
