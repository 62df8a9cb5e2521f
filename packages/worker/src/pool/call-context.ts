/** One call as the task types see it: its spec, its log, its place on disk, its abort signal. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptSpec } from '@pelorus/protocol';
import { misplacedFile, placeFiles } from '../supervisor/attempt-directory.ts';
import { CallLog } from './call-log.ts';
import type { Call, CancelHandle } from './messages.ts';
import { invalidTask } from './task-failure.ts';
import { maskOf } from '../secrets/known-secrets.ts';
import type { Mask } from '../secrets/mask.ts';
import { fillCallSpec } from '../secrets/placeholders.ts';

export class CallContext {
  readonly call: Call;
  /** With its secrets in place. */
  readonly spec: AttemptSpec;
  /** Of what must not be shown; null when there is nothing. */
  readonly mask: Mask | null;
  readonly log: CallLog;
  readonly #abort = new AbortController();
  readonly #storeHandle: (handle: CancelHandle) => Promise<void>;
  #workDirMade = false;
  /** True from the start of the call until its outcome is known. */
  open = true;

  constructor(call: Call, storeHandle: (handle: CancelHandle) => Promise<void>) {
    this.call = call;
    this.spec = fillCallSpec(call.spec);
    this.mask = maskOf(call.spec);
    this.log = new CallLog(call.logPath, call.limits.logBytes, this.mask);
    this.#storeHandle = storeHandle;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Made when first asked for; nearly no script needs one. */
  get workDir(): string {
    const path = join(this.call.directory, 'work');
    if (!this.#workDirMade) {
      mkdirSync(path, { recursive: true });
      this.#workDirMade = true;
    }
    return path;
  }

  get madeDirectory(): boolean {
    return this.#workDirMade;
  }

  /** A text as it may be shown; to be used before a text is cut, which would cut secrets too. */
  showable(text: string): string {
    return this.mask ? this.mask.text(text) : text;
  }

  placeFiles(): void {
    const { files } = this.spec;
    if (files.length === 0) return;
    const misplaced = misplacedFile(files);
    if (misplaced !== null) throw invalidTask(misplaced);
    placeFiles(this.workDir, files);
  }

  /** Resolves when the supervisor has the handle in its journal. */
  storeHandle(handle: CancelHandle): Promise<void> {
    return this.#storeHandle(handle);
  }

  abort(): void {
    this.#abort.abort(new Error('the attempt was killed'));
  }
}
