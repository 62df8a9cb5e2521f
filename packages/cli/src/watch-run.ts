/** Shows a run until it ends: a picture redrawn in place on a terminal, one line per transition otherwise. */
import type { RunState } from '@pelorus/protocol';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { followRun, transitionsBetween, type RunSnapshot } from './follow-run.ts';
import { writeItem } from './output.ts';
import { every } from './pace.ts';
import { runResultOf, runSummary } from './run-summary.ts';
import type { Session } from './session.ts';
import type { Stream } from './terminal.ts';
import { watchFrame } from './watch-frame.ts';
import { causeText, durationText, elapsedMs } from './words.ts';

const REDRAW_MS = 200;

export interface WatchOptions {
  /** Nothing is shown on the way, only the end. */
  quiet: boolean;
  /** Null: for ever. Then exit code 8. */
  timeoutMs: number | null;
}

/** Gives the exit code: 0 succeeded, 3 anything else that it ended in. Ctrl-C leaves the run alone and says how to stop it. */
export async function watchRun(session: Session, id: number, options: WatchOptions): Promise<ExitCode> {
  const view = viewOf(session, options.quiet);
  const timeout = options.timeoutMs === null ? null : AbortSignal.timeout(options.timeoutMs);
  const signal = timeout === null ? session.signal : AbortSignal.any([session.signal, timeout]);
  const follow = { client: session.client, run: id, signal, now: session.host.now, onSnapshot: view.show };
  try {
    const last = await followRun({
      ...follow,
      onSilence: () => session.terminal.err.write(`the server at ${session.server} does not answer; asking again\n`),
    });
    view.end();
    writeItem(session.terminal.out, session.format, {
      value: session.format === 'ndjson' ? { kind: 'result', ...runResultOf(last) } : runResultOf(last),
      name: String(id),
      text: (stream) => runSummary(last, stream),
    });
    return exitCodeOf(last.run.state);
  } catch (error) {
    view.end();
    if (session.signal.aborted) throw detached(id);
    if (timeout?.aborted === true) throw timedOut(id, options.timeoutMs ?? 0);
    throw error;
  }
}

export function exitCodeOf(state: RunState): ExitCode {
  return state === 'succeeded' ? EXIT.ok : EXIT.runFailed;
}

function detached(id: number): Failure {
  return new Failure({
    exitCode: EXIT.interrupted,
    what: `no longer watching; run ${id} goes on`,
    todo: `pelorus runs watch ${id} to look again, pelorus runs stop ${id} to stop it`,
  });
}

function timedOut(id: number, timeoutMs: number): Failure {
  return new Failure({
    exitCode: EXIT.waitTimedOut,
    what: `run ${id} has not ended within ${durationText(timeoutMs)}; it goes on`,
    todo: `pelorus runs watch ${id}`,
  });
}

interface View {
  show: (snapshot: RunSnapshot) => void;
  end: () => void;
}

function viewOf(session: Session, quiet: boolean): View {
  const { out } = session.terminal;
  if (session.format === 'ndjson' && !quiet) return lineView(session, jsonLines);
  if (quiet || session.format !== 'table') return { show: () => {}, end: () => {} };
  return out.isTerminal ? liveView(out, session.host.now) : lineView(session, textLines);
}

/** Redraws by going up over the last picture; between two answers only the elapsed times move. */
function liveView(stream: Stream, now: () => number): View {
  let last: RunSnapshot | null = null;
  let drawn = 0;
  const erase = (): string => (drawn === 0 ? '' : `\x1b[${drawn}A\x1b[0J`);
  const draw = (): void => {
    if (last === null) return;
    const lines = watchFrame(last, {
      columns: stream.columns(),
      rows: stream.rows(),
      colour: stream.colour,
      now: now(),
    });
    stream.write(`${erase()}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const stop = every(REDRAW_MS, draw);
  return {
    show: (snapshot) => {
      last = snapshot;
      draw();
    },
    end: stop,
  };
}

function lineView(
  session: Session,
  linesOf: (before: RunSnapshot | null, after: RunSnapshot, now: number) => string[],
): View {
  let last: RunSnapshot | null = null;
  return {
    show: (snapshot) => {
      for (const line of linesOf(last, snapshot, session.host.now())) session.terminal.out.write(`${line}\n`);
      last = snapshot;
    },
    end: () => {},
  };
}

function textLines(before: RunSnapshot | null, after: RunSnapshot, now: number): string[] {
  const instant = (at: string | null): string => at ?? new Date(now).toISOString();
  const { run } = after;
  const runLine =
    before?.run.state === run.state
      ? []
      : [
          `${instant(run.endedAt ?? run.startedAt)}  run ${run.id}  ${run.state}${run.waitReason === null ? '' : `  ${run.waitReason}`}`,
        ];
  const taskLines = transitionsBetween(before, after).map(({ task }) => {
    const elapsed = task.endedAt === null ? null : elapsedMs(task.startedAt, task.endedAt, now);
    const note = task.cause === null ? (task.waitReason ?? '') : causeText(task.cause);
    return [
      instant(task.endedAt ?? task.startedAt),
      task.name,
      task.state,
      elapsed === null ? '' : durationText(elapsed),
      note,
    ]
      .filter((part) => part !== '')
      .join('  ');
  });
  return run.endedAt === null ? [...runLine, ...taskLines] : [...taskLines, ...runLine];
}

function jsonLines(before: RunSnapshot | null, after: RunSnapshot): string[] {
  const { run } = after;
  const tasks = transitionsBetween(before, after).map(({ task }) =>
    JSON.stringify({
      kind: 'task',
      run: run.id,
      task: task.name,
      state: task.state,
      cause: task.cause,
      startedAt: task.startedAt,
      endedAt: task.endedAt,
    }),
  );
  const runs =
    before?.run.state === run.state
      ? []
      : [JSON.stringify({ kind: 'run', run: run.id, state: run.state, progress: run.progress })];
  return run.endedAt === null ? [...runs, ...tasks] : [...tasks, ...runs];
}
