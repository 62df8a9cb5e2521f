/**
 * Where an attempt's log is, `<logDir>/<runId>/<attemptId>.log`, and what is missing in it, `<attemptId>.log.meta` beside it, which
 * most logs have not. The file exists once there is something in it.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatLogMeta, parseLogMeta, type AttemptId, type LogGap } from '@pelorus/protocol/vocabulary';

export function attemptLogPath(logDir: string, attempt: AttemptId): string {
  return join(logDir, attempt.slice(0, attempt.indexOf('.')), `${attempt}.log`);
}

export function logMetaPath(logPath: string): string {
  return `${logPath}.meta`;
}

/** What is missing in the log at this path. A look that finds no file is all that most logs cost. */
export function readLogGaps(logPath: string): LogGap[] {
  const path = logMetaPath(logPath);
  if (!existsSync(path)) return [];
  try {
    return parseLogMeta(readFileSync(path, 'utf8'))?.gaps ?? [];
  } catch {
    return [];
  }
}

/** Replaces what is said to be missing. Throws when the disk refuses. */
export function writeLogGaps(logPath: string, gaps: LogGap[]): void {
  const path = logMetaPath(logPath);
  writeFileSync(`${path}.new`, formatLogMeta({ gaps, total: null }));
  renameSync(`${path}.new`, path);
}
