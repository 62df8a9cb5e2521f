/** One picture of a run for a terminal: headline, progress bar, tasks, counts. Pure; `watch-run.ts` draws it again and again. */
import type { RunView, TaskRunState, TaskView } from '@pelorus/protocol';
import { isTerminalTaskRun } from '@pelorus/protocol/vocabulary';
import type { RunSnapshot } from './follow-run.ts';
import { paint } from './terminal.ts';
import { cutTo, oneLine, padTo, textWidth } from './text-width.ts';
import { causeText, durationText, elapsedMs, toneOf } from './words.ts';

export interface FrameSize {
  columns: number;
  rows: number;
  colour: boolean;
  /** Epoch ms, for what is still running. */
  now: number;
}

const BAR_CELLS = 30;
/** Lines that are not tasks: headline, bar, blank, counts, the one with the cursor. */
const FRAME_LINES = 5;
const NAME_CELLS = 40;

/** Lines no longer than the terminal is wide, fewer than it is high. All tasks when they fit; else what is active or failed. */
export function watchFrame({ run, tasks }: RunSnapshot, size: FrameSize): string[] {
  const room = Math.max(1, size.rows - FRAME_LINES);
  const shown = tasks.length <= room ? tasks : mostInteresting(tasks).slice(0, room);
  const nameCells = Math.min(
    NAME_CELLS,
    shown.reduce((widest, task) => Math.max(widest, textWidth(task.name)), 0),
  );
  const lines = [
    headline(run, size),
    bar(run, size),
    ...shown.map((task) => taskLine(task, nameCells, size)),
    countsLine(run, size),
  ];
  return lines.map((line) => cutTo(line, size.columns - 1));
}

function headline(run: RunView, size: FrameSize): string {
  const elapsed = elapsedMs(run.startedAt, run.endedAt, size.now);
  const parts = [
    `${run.project}/${run.workflow}`,
    `run ${run.id}`,
    paint(size, toneOf(run.state), run.state),
    elapsed === null ? '' : durationText(elapsed),
    run.waitReason ?? '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function bar(run: RunView, size: FrameSize): string {
  const full = Math.round(Math.min(1, Math.max(0, run.progress)) * BAR_CELLS);
  const drawn = paint(size, toneOf(run.state), '█'.repeat(full)) + paint(size, 'quiet', '░'.repeat(BAR_CELLS - full));
  const left = run.estimatedRemainingMs ?? 0;
  return `${drawn}  ${Math.floor(run.progress * 100)} %${left === 0 ? '' : `  about ${durationText(left)} left`}`;
}

function taskLine(task: TaskView, nameCells: number, size: FrameSize): string {
  const elapsed = elapsedMs(task.startedAt, task.endedAt, size.now);
  const note = task.cause === null ? (task.waitReason ?? '') : causeText(task.cause);
  const tries = task.attempts.length > 1 ? `attempt ${task.attempts.length}` : '';
  const tail = [elapsed === null ? '' : durationText(elapsed), tries, oneLine(note)]
    .filter((part) => part !== '')
    .join('  ');
  const tone = toneOf(task.state);
  const name = padTo(cutTo(oneLine(task.name), nameCells), nameCells);
  return `  ${paint(size, tone, `${glyphOf(task.state)} ${name}  ${padTo(task.state, 11)}`)}  ${tail}`;
}

function countsLine(run: RunView, size: FrameSize): string {
  const entries = Object.entries(run.counts) as [TaskRunState, number][];
  const counted = entries.reduce((sum, [, count]) => sum + count, 0);
  const pending = (run.counts.pending ?? 0) + Math.max(0, run.taskCount - counted);
  const parts = entries
    .filter(([state]) => state !== 'pending')
    .map(([state, count]) => paint(size, toneOf(state), `${count} ${state}`));
  if (pending > 0) parts.push(paint(size, 'quiet', `${pending} pending`));
  return `  ${parts.join('  ')}`;
}

/** Failed ones, then active ones, longest first, then what waits for a retry; nothing that is simply over or not begun. */
function mostInteresting(tasks: TaskView[]): TaskView[] {
  const rank = (task: TaskView): number => {
    if (task.state === 'failed') return 0;
    if (task.state === 'running' || task.state === 'killing') return 1;
    return task.state === 'retry_wait' ? 2 : 3;
  };
  const kept = tasks.filter((task) => rank(task) < 3 || (!isTerminalTaskRun(task.state) && task.startedAt !== null));
  return kept.sort(
    (left, right) =>
      rank(left) - rank(right) ||
      (left.startedAt ?? '').localeCompare(right.startedAt ?? '') ||
      left.index - right.index,
  );
}

function glyphOf(state: TaskRunState): string {
  switch (state) {
    case 'succeeded':
    case 'forced_success':
    case 'reused':
      return '✔';
    case 'failed':
    case 'killed':
    case 'upstream_failed':
      return '✖';
    case 'running':
    case 'killing':
      return '●';
    case 'skipped':
      return '-';
    default:
      return '·';
  }
}
