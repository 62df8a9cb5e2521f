/** Owns: the files `<attempt>.log.meta` beside the logs of a folder, and what was lately in them. */
import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { formatLogMeta, parseLogMeta, type AttemptId, type LogMeta } from '@pelorus/protocol';
import { openInFolder, unlessMissing } from './missing-files.ts';
import { Recent } from './port.ts';

export const NO_META: LogMeta = { gaps: [], total: null };
/** Of logs seen lately; each is small unless the log has many gaps. */
const METAS_KEPT = 10_000;

export class LogMetas {
  readonly #logFile: (attempt: AttemptId) => string;
  readonly #known = new Recent<AttemptId, LogMeta>(METAS_KEPT);

  /** `logFile`: where the log of an attempt is. */
  constructor(logFile: (attempt: AttemptId) => string) {
    this.#logFile = logFile;
  }

  /** As this process knows it; what others write may not be in it yet. */
  async of(attempt: AttemptId): Promise<LogMeta> {
    return this.#known.get(attempt) ?? (await this.read(attempt));
  }

  /** As it is on the disk; `NO_META` when there is none. */
  async read(attempt: AttemptId): Promise<LogMeta> {
    const file = this.#fileOf(attempt);
    // Most have none, and an error costs more than a look.
    const text = existsSync(file) ? await unlessMissing(readFile(file, 'utf8')) : null;
    const meta = text === null ? NO_META : (parseLogMeta(text) ?? NO_META);
    this.#known.set(attempt, meta);
    return meta;
  }

  /** Written beside and renamed, so that it is never half there. A gap that is forgotten would shift all behind it: hence the sync. */
  async write(attempt: AttemptId, meta: LogMeta): Promise<void> {
    const file = this.#fileOf(attempt);
    const handle = await openInFolder(`${file}.new`, 'w');
    try {
      await handle.writeFile(formatLogMeta(meta));
      if (meta.gaps.length > 0) await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
    this.#known.set(attempt, meta);
  }

  #fileOf(attempt: AttemptId): string {
    return `${this.#logFile(attempt)}.meta`;
  }
}
