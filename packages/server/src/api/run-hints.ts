/** News of what a master of this process has stored, so that event streams need not wait for their next look. */
import type { Change } from '@pelorus/engine';
import type { RunId } from '@pelorus/protocol';

/** Told which runs a commit has touched. Must not throw, nor take long: a master calls it. */
export type RunsListener = (runs: ReadonlySet<RunId>) => void;

export interface RunHints {
  /** For the master: changes that are durable now. */
  committed: (changes: readonly Change[]) => void;
  /** Returns how to stop listening. */
  subscribe: (listener: RunsListener) => () => void;
}

/** While nobody listens a commit costs nothing. */
export function createRunHints(): RunHints {
  const listeners = new Set<RunsListener>();
  return {
    committed: (changes) => {
      if (listeners.size === 0) return;
      const runs = new Set<RunId>();
      for (const change of changes) {
        if (change.kind === 'run') runs.add(change.status.run);
        else if (change.kind === 'late-result') runs.add(change.run);
        else if (change.kind === 'task-run' || change.kind === 'attempt') runs.add(change.record.run);
      }
      for (const listener of listeners) listener(runs);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
