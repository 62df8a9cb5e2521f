/** What may be asked of a run and its tasks, in which state, and what it will do. The server has the last word. */
import { isTerminalRun, type RunState, type RunView, type TaskRunState, type TaskView } from '@pelorus/protocol';

/** What is asked for and not yet confirmed. */
export type Order =
  | { kind: 'pause' | 'resume' | 'stop' }
  | { kind: 'kill' | 'force'; task: string }
  | { kind: 'again'; what: Again };

export type Again =
  | { kind: 'failed' }
  | { kind: 'from'; task: string }
  | { kind: 'all' }
  | { kind: 'selected'; tasks: string[] };

const RUN_STATES: Record<'pause' | 'resume' | 'stop', readonly RunState[]> = {
  pause: ['running'],
  resume: ['paused', 'pausing'],
  stop: ['queued', 'waiting', 'running', 'pausing', 'paused'],
};
const KILLABLE: readonly TaskRunState[] = ['delayed', 'queued', 'dispatched', 'running', 'retry_wait', 'paused'];
const FORCEABLE: readonly TaskRunState[] = [
  'delayed',
  'queued',
  'retry_wait',
  'paused',
  'failed',
  'killed',
  'upstream_failed',
];

export function mayRun(kind: 'pause' | 'resume' | 'stop', { state }: RunView): boolean {
  return RUN_STATES[kind].includes(state);
}

export function mayTask(kind: 'kill' | 'force', run: RunView, { state }: TaskView): boolean {
  if (isTerminalRun(run.state) || (kind === 'force' && run.state === 'stopping')) return false;
  return (kind === 'kill' ? KILLABLE : FORCEABLE).includes(state);
}

export function mayAgain(what: Again['kind'], run: RunView): boolean {
  switch (what) {
    case 'failed':
      return isTerminalRun(run.state) && run.state !== 'succeeded';
    case 'from':
      return isTerminalRun(run.state);
    case 'all':
    case 'selected':
      return true;
  }
}

const AT_WORK: readonly TaskRunState[] = ['dispatched', 'running', 'killing'];
const NOT_BEGUN: readonly TaskRunState[] = ['pending', 'delayed', 'queued', 'retry_wait', 'paused'];

/** Names of the tasks that an order reaches. */
export function reach(tasks: readonly TaskView[]): { atWork: string[]; notBegun: string[] } {
  const names = (states: readonly TaskRunState[]): string[] =>
    tasks.filter(({ state }) => states.includes(state)).map(({ name }) => name);
  return { atWork: names(AT_WORK), notBegun: names(NOT_BEGUN) };
}
