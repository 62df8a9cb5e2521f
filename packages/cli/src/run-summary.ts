/** What is said of a run at its end: why it failed and where to look, or what it produced. */
import type { AttemptView, Cause, RunView, TaskRunState, TaskView } from '@pelorus/protocol';
import type { RunSnapshot } from './follow-run.ts';
import { paint, type Stream } from './terminal.ts';
import { cutTo, oneLine } from './text-width.ts';
import { causeText, durationText, toneOf } from './words.ts';

/** More failures than this are counted, not listed. */
const FAILURES_SHOWN = 10;
const OUTPUT_TASKS_SHOWN = 5;
const OUTPUT_VALUE_CELLS = 100;

export interface RunResult extends RunView {
  /** Outputs of the tasks at the end of the graph, by task. */
  outputs: Record<string, Record<string, string>>;
  failures: { task: string; state: TaskRunState; cause: Cause | null; attempt: string | null }[];
}

export function runResultOf({ run, tasks }: RunSnapshot): RunResult {
  const ends = lastTasks(tasks).filter((task) => Object.keys(task.outputs ?? {}).length > 0);
  return {
    ...run,
    outputs: Object.fromEntries(ends.map((task) => [task.name, task.outputs ?? {}])),
    failures: failuresOf(run, tasks).map((task) => ({
      task: task.name,
      state: task.state,
      cause: task.cause,
      attempt: lastAttempt(task)?.id ?? null,
    })),
  };
}

/** The cause of failure first, and which command shows its log; for a green run the outputs of its last tasks. */
export function runSummary(snapshot: RunSnapshot, stream: Stream): string {
  const { run, tasks } = snapshot;
  const headline = `${run.project}/${run.workflow} run ${run.id} ${run.state}${run.durationMs === null ? '' : ` after ${durationText(run.durationMs)}`}`;
  const mark = run.state === 'succeeded' ? '✔' : '✖';
  const lines = [paint(stream, toneOf(run.state), `${mark} ${headline}${reasonOf(run)}`)];
  if (run.state === 'succeeded') lines.push(...outputLines(tasks));
  else lines.push(...failureLines(run, tasks));
  return `${lines.join('\n')}\n`;
}

function reasonOf(run: RunView): string {
  if (run.firstFailure !== null) return `: task ${run.firstFailure.task} – ${causeText(run.firstFailure.cause)}`;
  return run.cause === null ? '' : `: ${causeText(run.cause)}`;
}

function failureLines(run: RunView, tasks: TaskView[]): string[] {
  const failures = failuresOf(run, tasks);
  const lines = failures
    .slice(0, FAILURES_SHOWN)
    .map(
      (task) => `  ${oneLine(`${task.name}  ${task.state}${task.cause === null ? '' : `  ${causeText(task.cause)}`}`)}`,
    );
  if (failures.length > FAILURES_SHOWN) lines.push(`  … and ${failures.length - FAILURES_SHOWN} more`);
  const first = failures.find((task) => task.state === 'failed' && lastAttempt(task) !== null);
  lines.push(first === undefined ? `  see: pelorus runs get ${run.id}` : `  log: pelorus logs ${run.id} ${first.name}`);
  return lines;
}

/** What failed by itself, the first failure first; then what was stopped with it. */
function failuresOf(run: RunView, tasks: TaskView[]): TaskView[] {
  const rank = (task: TaskView): number =>
    task.name === run.firstFailure?.task ? 0 : task.state === 'failed' ? 1 : task.state === 'killed' ? 2 : 3;
  const bad = new Set<TaskRunState>(['failed', 'killed', 'upstream_failed']);
  return tasks
    .filter((task) => bad.has(task.state))
    .sort((left, right) => rank(left) - rank(right) || left.index - right.index);
}

function outputLines(tasks: TaskView[]): string[] {
  const ends = lastTasks(tasks).filter((task) => Object.keys(task.outputs ?? {}).length > 0);
  return ends
    .slice(0, OUTPUT_TASKS_SHOWN)
    .flatMap((task) =>
      Object.entries(task.outputs ?? {}).map(
        ([name, value]) => `  ${task.name}.${name} = ${cutTo(oneLine(value), OUTPUT_VALUE_CELLS)}`,
      ),
    );
}

/** Tasks that nobody waits for. */
function lastTasks(tasks: TaskView[]): TaskView[] {
  const needed = new Set(tasks.flatMap((task) => task.needs));
  return tasks.filter((task) => !needed.has(task.name));
}

export function lastAttempt(task: TaskView): AttemptView | null {
  return task.attempts.reduce<AttemptView | null>(
    (last, attempt) => (last === null || attempt.n > last.n ? attempt : last),
    null,
  );
}

/** What workers said of attempts that had been given up. */
export function lateText({ attempts }: TaskView): string {
  return attempts
    .flatMap(({ n, late }) =>
      late ? [`attempt ${n}: ${late.state}${late.cause ? `, ${causeText(late.cause)}` : ''}`] : [],
    )
    .join('; ');
}
