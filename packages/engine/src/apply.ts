/** The only writer of a run: the live path, recovery, the simulation and the tests all go through here. */
import { isNews } from './late-result.ts';
import type { Change } from './records.ts';
import { type Run, setAttempt, setTask } from './run.ts';

/** Changes must be in the order in which they were decided. Changes of other kinds are for the store alone. */
export function apply(run: Run, changes: readonly Change[]): void {
  for (const change of changes) {
    switch (change.kind) {
      case 'run':
        run.status = change.status;
        run.version = Math.max(run.version, change.status.version);
        break;
      case 'task-run':
        setTask(run, change.record);
        break;
      case 'attempt':
        setAttempt(run, change.record);
        break;
      case 'late-result':
        keepLate(run, change);
        break;
      default:
        break;
    }
  }
}

/** Memory holds the latest attempt of each task only. */
function keepLate(run: Run, { task, n, result }: Extract<Change, { kind: 'late-result' }>): void {
  const latest = run.attempts[task];
  if (latest?.n === n && isNews(latest, result)) run.attempts[task] = { ...latest, late: result };
}
