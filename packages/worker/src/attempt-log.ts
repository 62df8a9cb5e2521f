import { join } from 'node:path';
import type { AttemptId } from '@pelorus/protocol';

/** Where an attempt's log is: `<logDir>/<runId>/<attemptId>.log`. The file exists once there is something in it. */
export function attemptLogPath(logDir: string, attempt: AttemptId): string {
  return join(logDir, attempt.slice(0, attempt.indexOf('.')), `${attempt}.log`);
}
