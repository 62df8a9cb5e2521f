/** Which tasks of a run are listed, and in which order. */
import { TASK_RUN_STATES, type TaskRunState, type TaskView } from '@pelorus/protocol';

const SORTS = ['index', 'name', 'state', 'started', 'took', 'attempts'] as const;
export type Sort = (typeof SORTS)[number];

export interface TableChoice {
  find: string;
  state: string;
  /** With a `-` before it: downwards. */
  sort: string;
}

export function tookMs({ startedAt, endedAt }: Pick<TaskView, 'startedAt' | 'endedAt'>, now: number): number | null {
  if (startedAt === null) return null;
  return Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt));
}

export function chosenTasks(tasks: readonly TaskView[], { find, state, sort }: TableChoice): TaskView[] {
  const wanted = find.trim().toLowerCase();
  const found = tasks.filter(
    (task) => (state === '' || task.state === state) && (wanted === '' || task.name.toLowerCase().includes(wanted)),
  );
  const isDown = sort.startsWith('-');
  const by = SORTS.find((each) => each === sort.replace('-', ''));
  if (by === undefined) return found;
  const now = Date.now();
  const value = (task: TaskView): number => {
    if (by === 'state') return STATE_ORDER[task.state];
    if (by === 'started') return task.startedAt === null ? Infinity : Date.parse(task.startedAt);
    if (by === 'took') return tookMs(task, now) ?? -1;
    return by === 'attempts' ? task.attempts.length : task.index;
  };
  const sign = isDown ? -1 : 1;
  return found.sort((a, b) => {
    if (by === 'name') return sign * a.name.localeCompare(b.name, undefined, { numeric: true });
    const [first, second] = [value(a), value(b)];
    return first === second ? a.index - b.index : sign * (first < second ? -1 : 1);
  });
}

/** What needs a person first. */
const URGENCY: readonly TaskRunState[] = [
  'failed',
  'killed',
  'upstream_failed',
  'retry_wait',
  'killing',
  'running',
  'dispatched',
  'queued',
  'delayed',
  'paused',
  'pending',
];
const STATE_ORDER = Object.fromEntries(
  TASK_RUN_STATES.map((state) => [state, URGENCY.includes(state) ? URGENCY.indexOf(state) : URGENCY.length]),
) as Record<TaskRunState, number>;
