import type { AttemptRecord, RunSpec, RunStatus, TaskRunRecord } from '@pelorus/engine';
import type { RunId } from '@pelorus/protocol';
import type { LiveRun } from '../master/live-run.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { maskRun } from './masks.ts';

/** A run from its master's memory, in the shape in which the store gives one. */
export interface OwnedRun {
  master: string;
  version: number;
  spec: RunSpec;
  status: RunStatus;
  tasks: TaskRunRecord[];
  /** The latest of each task. */
  attempts: AttemptRecord[];
}

/** Asks the owner; null when there is none, when it fails or when it takes longer than the limit. */
export async function askOwner(context: ApiContext, run: RunId): Promise<OwnedRun | null> {
  const { liveRun } = context.hints;
  if (liveRun === undefined) return null;
  const controller = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => {
    controller.abort();
    resolve(null);
  }, API_LIMITS.liveQueryMs);
  try {
    const answer = await Promise.race([liveRun(run, controller.signal), late]);
    if (answer === null) return null;
    const owned = ownedRun(answer);
    return maskRun(owned, await context.masks.of(owned.spec.projectId));
  } catch (error) {
    context.log.warn({ err: error, runId: run }, 'live query failed');
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function ownedRun(live: LiveRun): OwnedRun {
  return {
    master: live.master,
    version: live.version,
    spec: live.spec,
    status: live.status,
    tasks: live.tasks.flatMap((task) => task.record ?? []),
    attempts: live.tasks.flatMap((task) => task.attempt ?? []),
  };
}
