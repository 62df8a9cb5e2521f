/**
 * What is known of script, http and sql attempts, as one appended file of JSON lines: no file and no fsync per attempt.
 * It survives the death of any process; after a loss of power the boot id differs and what had not ended is lost.
 */
import { appendFileSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import type { AttemptId } from '@pelorus/protocol';
import type { CancelHandle } from '../pool/messages.ts';
import type { Ending } from './attempt-directory.ts';
import type { KillOrder } from './messages.ts';

export interface CallTerms {
  attempt: AttemptId;
  killGraceMs: number;
  executionLeaseMs: number;
}

export interface CallStart extends CallTerms {
  bootId: string;
  pid: number;
  startTime: number | null;
  startedAt: number;
}

export type CallEntry =
  | { kind: 'start'; start: CallStart }
  | { kind: 'handle'; attempt: AttemptId; handle: CancelHandle }
  | { kind: 'kill'; attempt: AttemptId; order: KillOrder }
  | { kind: 'end'; terms: CallTerms; ending: Ending }
  | { kind: 'forget'; attempt: AttemptId };

/** The journal is rewritten with what still matters when it has grown by this much. */
const COMPACT_BYTES = 16 * 1024 * 1024;

export class CallsJournal {
  readonly #path: string;
  #bytes: number;
  #compactAt: number;

  constructor(path: string) {
    this.#path = path;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#compactAt = this.#bytes + COMPACT_BYTES;
  }

  /** All entries, oldest first; a line torn by a crash is skipped. */
  read(): CallEntry[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return [];
    }
    return text.split('\n').flatMap((line) => parseEntry(line));
  }

  /** Throws when the disk refuses. */
  append(entries: CallEntry[]): void {
    const text = serialise(entries);
    appendFileSync(this.#path, text, { mode: 0o600 });
    this.#bytes += text.length;
  }

  /** True when `rewrite` would be worth its while. */
  get large(): boolean {
    return this.#bytes > this.#compactAt;
  }

  rewrite(entries: CallEntry[]): void {
    const text = serialise(entries);
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
    this.#bytes = text.length;
    this.#compactAt = text.length + COMPACT_BYTES;
  }
}

function serialise(entries: CallEntry[]): string {
  let text = '';
  for (const entry of entries) text += `${JSON.stringify(entry)}\n`;
  return text;
}

/** Our own lines, read back. */
function parseEntry(line: string): CallEntry[] {
  if (line === '') return [];
  try {
    return [JSON.parse(line) as CallEntry];
  } catch {
    return [];
  }
}
