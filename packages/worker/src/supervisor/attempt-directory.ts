/**
 * The files of one attempt in `<dataDir>/attempts/`:
 *
 *   <id>/         the work directory
 *   <id>.launch   first line: `# ` and the journal record as JSON; then what the slot shell sources; after the mark
 *                 that shell appends how it ended (exit-meaning.ts). One file, because making files is what costs.
 *   <id>.output   what the task wrote to $PELORUS_OUTPUT, if anything
 *   <id>.kill     written before the first signal: why it is being killed
 *
 * No secret is in any of these, but for a script that cannot do without (launch-script.ts) and what the task itself writes: of an
 * attempt with secrets, script, outputs and work directory go when it ends, the others when it is forgotten.
 *
 * Outcomes are in one journal for all attempts, `<dataDir>/attempts/journal`: measured, a file of its own per attempt
 * (create, write, sync, close, rename) cost more than all else together.
 *
 * A directory belongs to one attempt for ever: it is made with `mkdir`, so a second start of the same attempt fails. Only what never
 * was handed to a shell is discarded, by the next supervisor before it takes orders.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import type { AttemptId, AttemptOutcome, AttemptSpec } from '@pelorus/protocol';
import type { TaskPlace } from '../task-environment.ts';
import { parseExit, type ExitRecord } from './exit-meaning.ts';
import { removeScripts } from './launch-script.ts';
import type { KillOrder } from './messages.ts';
import type { MaskedPipe } from './output-masker.ts';

export interface JournalRecord {
  attempt: AttemptId;
  bootId: string;
  /** The slot shell that runs it: leader of the attempt's process group. */
  pid: number;
  startTime: number | null;
  /** The control group that it shares with nobody. */
  cgroup?: string;
  startedAt: number;
  killGraceMs: number;
  executionLeaseMs: number;
  outputs: AttemptSpec['outputs'];
  logPath: string;
  /** Of an attempt with secrets: where its output goes, and what must be masked, sealed. */
  masked?: { pipe: MaskedPipe; sealed: string };
}

/** How an attempt ended, durably. */
export type Ending = { kind: 'finished'; outcome: AttemptOutcome } | { kind: 'lost'; detail: string };

/** True for a text that can be the name of an attempt's directory. */
export function isAttemptId(text: string): text is AttemptId {
  return /^\d{1,16}\.\d{1,7}\.\d{1,7}$/.test(text);
}

/** Ends the part of a launch file that is ours. */
const LAUNCH_END = '# launched\n';

export class AttemptDirectory implements TaskPlace {
  readonly workDir: string;

  constructor(attemptsDir: string, attempt: AttemptId) {
    this.workDir = join(attemptsDir, attempt);
  }

  get outputFile(): string {
    return `${this.workDir}.output`;
  }

  get launchFile(): string {
    return `${this.workDir}.launch`;
  }

  /** All that there may be of this attempt. */
  get paths(): string[] {
    return [this.workDir, this.launchFile, this.outputFile, `${this.workDir}.kill`];
  }

  /** Makes the work directory with the given files. Throws when the directory exists. */
  create(files: AttemptSpec['files']): void {
    mkdirSync(this.workDir, { mode: 0o700 });
    placeFiles(this.workDir, files);
  }

  writeLaunch(record: JournalRecord, script: string): void {
    writeFileSync(this.launchFile, `# ${JSON.stringify(record)}\n${script}${LAUNCH_END}`, { mode: 0o600 });
  }

  /** Of an attempt that was being prepared when its supervisor died: nothing has run in it, and the next order to start it finds it as new. */
  discard(): void {
    for (const path of this.paths) rmSync(path, { recursive: true, force: true });
  }

  /** Null when the attempt never got as far as being handed to a shell. */
  readJournal(): JournalRecord | null {
    const first = this.#read('launch')?.split('\n', 1)[0];
    return first === undefined ? null : parseJson<JournalRecord>(first.slice(2));
  }

  /** What the shell has written of its end so far. */
  readExit(): ExitRecord | null {
    const text = this.#read('launch') ?? '';
    const mark = text.lastIndexOf(`\n${LAUNCH_END}`);
    return mark < 0 ? null : parseExit(text.slice(mark + 1 + LAUNCH_END.length));
  }

  writeKill(order: KillOrder): void {
    writeFileSync(`${this.workDir}.kill`, JSON.stringify(order), { mode: 0o600 });
  }

  readKill(): KillOrder | null {
    return parseJson<KillOrder>(this.#read('kill'));
  }

  /** Removes what may hold a secret and is small. */
  removeSecretFiles(): void {
    removeScripts(this.workDir);
    rmSync(this.outputFile, { force: true });
  }

  /** Nearly no task writes outputs: a look is cheaper than a failed read. */
  readOutput(): string {
    return existsSync(this.outputFile) ? (this.#read('output') ?? '') : '';
  }

  #read(kind: 'launch' | 'output' | 'kill'): string | null {
    try {
      return readFileSync(`${this.workDir}.${kind}`, 'utf8');
    } catch {
      return null;
    }
  }
}

/** What is wrong with the names of these files, or null: each must stay within the directory it is put into. */
export function misplacedFile(files: AttemptSpec['files']): string | null {
  const found = files.find(({ name }) => {
    const relative = normalize(name);
    return relative === '.' || isAbsolute(relative) || relative === '..' || relative.startsWith(`..${sep}`);
  });
  return found ? `the file name ${JSON.stringify(found.name)} leads out of the work directory` : null;
}

/** Writes files, whose names are known to stay within it, below a directory. */
export function placeFiles(directory: string, files: AttemptSpec['files']): void {
  for (const { name, base64 } of files) {
    const path = join(directory, normalize(name));
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
