import type { TaskView } from '@pelorus/protocol';
import { isTerminalRun, isTerminalTaskRun } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { pollIntervalMs, sleep } from '../pace.ts';
import { resolveRun, taskNamed } from '../references.ts';
import { openSession, wholeNumber, type Host, type Session } from '../session.ts';
import { writeListing } from '../output.ts';
import { examples } from '../examples.ts';

const PAGE_LINES = 1000;

interface LogFlags {
  follow?: boolean;
  attempt?: number;
  grep?: string;
  tail?: number;
}

/** One attempt whose log is read, and how far it has been. */
interface LogSource {
  task: string;
  attempt: string;
  nextLine: number;
}

/** `pelorus logs <run> [task]` */
export function addLogsCommand(program: Command, host: Host): void {
  program
    .command('logs <run> [task]')
    .description('what the tasks of a run have written; of one task, or of all of them')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--attempt <n>', 'another attempt than the latest', wholeNumber('--attempt', 1))
    .option('--grep <text>', 'only lines that contain it; re:… for a regular expression')
    .option('--tail <n>', 'only the last lines of each task', wholeNumber('--tail', 1))
    .addHelpText(
      'after',
      examples('pelorus logs @latest', 'pelorus logs 12 load --tail 50 -f', 'pelorus logs 12 --grep re:ERROR|WARN'),
    )
    .action(async (written: string, task: string | undefined, flags: LogFlags, command: Command) => {
      const session = openSession(command, host);
      const run = await resolveRun(session.client, written, session.signal);
      await showLogs(session, run, task ?? null, flags);
    });
}

async function showLogs(session: Session, run: number, task: string | null, flags: LogFlags): Promise<void> {
  const sources = new Map<string, LogSource>();
  const write = lineWriter(session, task === null);
  for (let polls = 0, startedAt = session.host.now(); ; polls += 1) {
    const askedAt = session.host.now();
    const over =
      flags.follow === true ? isTerminalRun((await session.client.runs.get(run, session.signal)).state) : true;
    const tasks = await tasksOf(session, run, task);
    const fresh = await readMore(session, tasks, sources, flags, write);
    const settled = over || (task !== null && tasks.every((one) => isTerminalTaskRun(one.state)));
    if (settled) {
      if (polls === 0 && sources.size === 0) throw nothingYet(run, task, tasks);
      return;
    }
    const now = session.host.now();
    await sleep(fresh ? 100 : pollIntervalMs(now - startedAt, now - askedAt), session.signal);
  }
}

async function tasksOf(session: Session, run: number, task: string | null): Promise<TaskView[]> {
  const { items } = await session.client.runs.tasks(run, {}, session.signal);
  return task === null ? items : [taskNamed(items, task, run)];
}

/** Reads what every wanted attempt has written since the last time; true when there was anything. */
async function readMore(
  session: Session,
  tasks: TaskView[],
  sources: Map<string, LogSource>,
  flags: LogFlags,
  write: LineWriter,
): Promise<boolean> {
  let fresh = false;
  for (const { task, attempt, running } of wantedAttempts(tasks, flags)) {
    const known = sources.get(attempt);
    if (known !== undefined && known.nextLine < 0) continue;
    const source = known ?? { task, attempt, nextLine: await firstLine(session, attempt, flags) };
    sources.set(attempt, source);
    fresh = (await readToEnd(session, source, flags, write)) || fresh;
    // Read once after its end, an attempt is done with.
    if (!running) source.nextLine = -1;
  }
  return fresh;
}

function wantedAttempts(tasks: TaskView[], flags: LogFlags): { task: string; attempt: string; running: boolean }[] {
  const started = tasks.flatMap((task) => {
    const wanted =
      flags.attempt === undefined ? task.attempts.at(-1) : task.attempts.find((one) => one.n === flags.attempt);
    const earlier = flags.follow === true && flags.attempt === undefined ? task.attempts.slice(0, -1) : [];
    return [...earlier, ...(wanted === undefined ? [] : [wanted])].map((one) => ({
      task: task.name,
      attempt: one.id,
      at: one.startedAt ?? one.dispatchedAt,
      running: one.endedAt === null,
    }));
  });
  return started.sort((left, right) => left.at.localeCompare(right.at));
}

async function firstLine(session: Session, attempt: string, flags: LogFlags): Promise<number> {
  if (flags.tail === undefined) return 0;
  const { total } = await logPage(session, attempt, 0, 1, flags);
  return Math.max(0, total - flags.tail);
}

async function readToEnd(session: Session, source: LogSource, flags: LogFlags, write: LineWriter): Promise<boolean> {
  const from = source.nextLine;
  for (;;) {
    const page = await logPage(session, source.attempt, source.nextLine, PAGE_LINES, flags);
    for (const [offset, line] of page.content.entries())
      write({ task: source.task, attempt: source.attempt, line: source.nextLine + offset, text: line });
    source.nextLine += page.content.length;
    if (page.content.length < PAGE_LINES) return source.nextLine > from;
  }
}

/** An attempt that has written nothing may have no log at all. */
async function logPage(
  session: Session,
  attempt: string,
  from: number,
  size: number,
  flags: LogFlags,
): Promise<{ total: number; content: string[] }> {
  try {
    return await session.client.attempts.logs(
      attempt,
      { from, size, ...(flags.grep === undefined ? {} : { query: flags.grep }) },
      session.signal,
    );
  } catch (error) {
    if (error instanceof ApiError && error.code === 'ATTEMPT_NOT_FOUND') return { total: 0, content: [] };
    throw error;
  }
}

interface LogLine {
  task: string;
  attempt: string;
  /** From 0, among the lines that --grep lets through. */
  line: number;
  text: string;
}
type LineWriter = (line: LogLine) => void;

/** Raw text for people; json and yaml are written line by line too, as ndjson and as a stream of documents, so that -f works. */
function lineWriter(session: Session, prefixed: boolean): LineWriter {
  const { out } = session.terminal;
  if (session.format === 'table') return ({ task, text }) => out.write(prefixed ? `${task} | ${text}\n` : `${text}\n`);
  const format = session.format === 'json' ? 'ndjson' : session.format;
  return (line) => writeListing(out, format, { rows: [line], columns: [], name: ({ text }) => text, none: '' });
}

function nothingYet(run: number, task: string | null, tasks: TaskView[]): Failure {
  const [only] = tasks;
  return new Failure({
    exitCode: EXIT.notFound,
    what: task === null ? `run ${run} has no logs` : `task ${task} of run ${run} has no log of that attempt`,
    why:
      task === null
        ? 'no task has started'
        : `the task is ${only?.state ?? 'unknown'} and has ${only?.attempts.length ?? 0} attempts`,
    todo: `pelorus runs get ${run}`,
  });
}
