import type { AttemptRecord, RunSpec, RunStatus, TaskRunRecord } from '@pelorus/engine';
import { isTerminalRun, type RunId } from '@pelorus/protocol';
import type { LiveRun } from '../master/live-run.ts';
import type { RunDetail } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { loadRun, loadRunDetail } from './lookup.ts';
import { maskRun } from './masks.ts';
import { instantText } from './views.ts';

/** A run from its master's memory, in the shape in which the store gives one. */
interface OwnedRun {
  master: string;
  epoch: string | null;
  version: number;
  spec: RunSpec;
  status: RunStatus;
  tasks: TaskRunRecord[];
  /** The latest of each task. */
  attempts: AttemptRecord[];
}

/** A run with its tasks, as good as it can be had now. */
export interface LoadedRun {
  /** Null: as stored, because it has ended, or nobody that owns it answered in time. */
  owner: { id: string; epoch: string | null; version: number } | null;
  detail: RunDetail;
  /** The change counter of what is stored; never above the owner's. */
  storeVersion: number;
}

/** Throws `RUN_NOT_FOUND` and `FORBIDDEN`, as `loadRun` does. */
export async function loadLive(context: ApiContext, run: RunId): Promise<LoadedRun> {
  const row = await loadRun(context, run);
  // Before the owner is asked: then the owner's is the higher one, or it is the owner no more.
  const storeVersion = (await context.store.runVersion(run)) ?? row.status.version;
  const live = isTerminalRun(row.status.state) ? null : await askOwner(context, run);
  if (live !== null && live.version >= storeVersion) {
    const { master: id, epoch, version, ...detail } = live;
    return { owner: { id, epoch, version }, detail, storeVersion };
  }
  const detail = await loadRunDetail(context, run);
  return { owner: null, detail, storeVersion: versionOf(detail) };
}

function versionOf({ status, tasks, attempts }: RunDetail): number {
  let version = status.version;
  for (const record of tasks) version = Math.max(version, record.version);
  for (const attempt of attempts) version = Math.max(version, attempt.version);
  return version;
}

/** Asks the owner; null when there is none, when it fails or when it takes longer than the limit. */
async function askOwner(context: ApiContext, run: RunId): Promise<OwnedRun | null> {
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
    epoch: live.since === undefined ? null : instantText(live.since),
    version: live.version,
    spec: live.spec,
    status: live.status,
    tasks: live.tasks.flatMap((task) => task.record ?? []),
    attempts: live.tasks.flatMap((task) => task.attempt ?? []),
  };
}
