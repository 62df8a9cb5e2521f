/** The only writer of a run: the live path, recovery, the simulation and the tests all go through here. */
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
      default:
        break;
    }
  }
}
