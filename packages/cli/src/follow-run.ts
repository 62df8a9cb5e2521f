/**
 * Follows a run until it has ended: by the server's stream of events, and by asking again and again where that cannot be had.
 * What is done with each new state is the caller's affair.
 */
import {
  isTerminalRun,
  type RunEvent,
  type RunView,
  type TaskRunState,
  type TaskView,
} from '@pelorus/protocol/vocabulary';
import { ApiError, type Client } from '@pelorus/sdk';
import { pollIntervalMs, sleep, unlessWithin } from './pace.ts';

/** How long a server that does not answer is waited for; it may be restarting. */
const PATIENCE_MS = 120_000;
const RETRY_MS = 500;

export interface RunSnapshot {
  run: RunView;
  tasks: TaskView[];
}

export interface FollowOptions {
  client: Client;
  run: number;
  signal: AbortSignal;
  /** Epoch ms. */
  now: () => number;
  /** Called with the first state and after every change. */
  onSnapshot: (snapshot: RunSnapshot) => void;
  /** The server does not answer; it will be asked again. Called once per silence. */
  onSilence?: () => void;
}

/** A stream of which nothing comes, because something in between holds it back. */
const FIRST_EVENT_MS = 5_000;

/** Resolves with the state in which the run ended. Throws `ApiError` when the server is gone for good, or the signal's reason. */
export async function followRun(options: FollowOptions): Promise<RunSnapshot> {
  return (await followByStream(options)) ?? followByAsking(options);
}

/** Null: there is no stream to be had, at least not now. */
async function followByStream(options: FollowOptions): Promise<RunSnapshot | null> {
  const noStream = new AbortController();
  const heard = unlessWithin(FIRST_EVENT_MS, () => noStream.abort());
  const known: { run: RunView | null; tasks: TaskView[] } = { run: null, tasks: [] };
  let isSilent = false;
  const events = options.client.watchRun(options.run, {
    signal: AbortSignal.any([options.signal, noStream.signal]),
    patienceMs: PATIENCE_MS,
    onInterruption: (error) => {
      if (error instanceof ApiError && error.status === 429) return noStream.abort();
      if (error !== null && !isSilent) options.onSilence?.();
      isSilent ||= error !== null;
    },
  });
  try {
    for await (const event of events) {
      heard();
      isSilent = false;
      if (event.event !== 'end') take(known, event);
      const { run, tasks } = known;
      if (run === null) continue;
      if (event.event === 'end') return { run, tasks };
      // A task is always told before its run.
      if (event.event === 'run' || (event.event === 'snapshot' && event.data.isLast))
        options.onSnapshot({ run, tasks: [...tasks] });
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (noStream.signal.aborted || isNoStream(error)) return null;
    throw error;
  } finally {
    heard();
  }
  return null;
}

function take(known: { run: RunView | null; tasks: TaskView[] }, event: Exclude<RunEvent, { event: 'end' }>): void {
  switch (event.event) {
    case 'snapshot':
      if (event.data.part === 1) known.tasks = [];
      known.tasks.push(...event.data.tasks);
      known.run = event.data.run;
      break;
    case 'task':
      known.tasks[event.data.index] = event.data;
      break;
    case 'run':
      known.run = event.data;
      break;
    default:
      event satisfies never;
  }
}

/** An older server, or something in between that answers in its place. */
function isNoStream(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'NO_SUCH_ROUTE' || error.code === 'NOT_PELORUS');
}

async function followByAsking(options: FollowOptions): Promise<RunSnapshot> {
  const startedAt = options.now();
  let last: RunSnapshot | null = null;
  for (;;) {
    const askedAt = options.now();
    const next: RunSnapshot = await ask(options, last);
    if (next !== last) options.onSnapshot(next);
    if (isTerminalRun(next.run.state)) return next;
    last = next;
    const answeredAt = options.now();
    await sleep(pollIntervalMs(answeredAt - startedAt, answeredAt - askedAt), options.signal);
  }
}

/** The tasks are asked for only when the run has changed; and after the run, so that they are never older than it. */
async function ask(options: FollowOptions, last: RunSnapshot | null): Promise<RunSnapshot> {
  const { client, signal } = options;
  return patiently(options, async () => {
    const run = await client.runs.get(options.run, signal);
    if (last !== null && !hasMoved(last.run, run))
      return hasAdvanced(last.run, run) ? { run, tasks: last.tasks } : last;
    return { run, tasks: (await client.runs.tasks(options.run, {}, signal)).items };
  });
}

/** A transition of any task changes the counts, or the change after it does. */
function hasMoved(before: RunView, after: RunView): boolean {
  if (before.revision !== after.revision || before.state !== after.state || before.waitReason !== after.waitReason)
    return true;
  return JSON.stringify(before.counts) !== JSON.stringify(after.counts);
}

/** Progress grows with the time that tasks take, between their transitions as well. */
function hasAdvanced(before: RunView, after: RunView): boolean {
  return before.progress !== after.progress || before.estimatedRemainingMs !== after.estimatedRemainingMs;
}

async function patiently<Answer>(options: FollowOptions, question: () => Promise<Answer>): Promise<Answer> {
  const deadline = options.now() + PATIENCE_MS;
  for (let silences = 0; ; silences += 1) {
    try {
      return await question();
    } catch (error) {
      const mayComeBack = error instanceof ApiError && (error.code === 'UNREACHABLE' || error.status === 503);
      if (!mayComeBack || options.now() > deadline) throw error;
      if (silences === 0) options.onSilence?.();
      await sleep(RETRY_MS, options.signal);
    }
  }
}

export interface TaskTransition {
  task: TaskView;
  from: TaskRunState | null;
}

/** Tasks whose state is not the one of `before`; of a first snapshot all that have begun to move. */
export function transitionsBetween(before: RunSnapshot | null, after: RunSnapshot): TaskTransition[] {
  const states = new Map(before?.tasks.map((task) => [task.index, task.state]));
  return after.tasks.flatMap((task) => {
    const from = states.get(task.index) ?? null;
    const moved = from === null ? task.state !== 'pending' : from !== task.state;
    return moved ? [{ task, from }] : [];
  });
}
