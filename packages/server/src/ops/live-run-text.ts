import { setImmediate } from 'node:timers/promises';
import type { LiveRun } from '../master/live-run.ts';

/** Tasks turned into text before the master's event loop gets a turn. */
const TASKS_PER_SLICE = 500;

/**
 * A live run as JSON, in slices, so that a run with many tasks holds up nothing that the master does. The records in it never
 * change once made: what is written later is as it was when the run was asked for.
 */
export async function* liveRunText({ tasks, ...head }: LiveRun): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"tasks":[`;
  for (let start = 0; start < tasks.length; start += TASKS_PER_SLICE) {
    if (start > 0) await setImmediate();
    const slice = tasks.slice(start, start + TASKS_PER_SLICE).map((task) => JSON.stringify(task));
    yield `${start > 0 ? ',' : ''}${slice.join(',')}`;
  }
  yield ']}';
}
