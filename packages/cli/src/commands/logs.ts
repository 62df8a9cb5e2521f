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
/** First pages asked for at a time. */
const ATTEMPTS_AT_ONCE = 16;

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
  /** Null: not begun. */
  nextLine: number | null;
  /** The last line written; it may have been half a line when it was read. */
  lastText: string | null;
  /** Read once after its end, an attempt is done with. */
  done: boolean;
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
      if (polls === 0 && sources.size === 0) throw nothingYet(run, task, tasks, flags);
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
  const wanted = wantedAttempts(tasks, flags).filter((one) => sources.get(one.attempt)?.done !== true);
  let fresh = false;
  for (let at = 0; at < wanted.length; at += ATTEMPTS_AT_ONCE) {
    const batch = wanted.slice(at, at + ATTEMPTS_AT_ONCE).map(({ task, attempt, running }) => {
      const source = sources.get(attempt) ?? { task, attempt, nextLine: null, lastText: null, done: false };
      sources.set(attempt, source);
      return { source, running };
    });
    const pages = await Promise.all(batch.map(async ({ source }) => nextPage(session, source, flags)));
    for (const [index, { source, running }] of batch.entries()) {
      fresh = (await writeToEnd(session, source, pages[index] ?? EMPTY_PAGE, flags, write)) || fresh;
      source.done = !running;
    }
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

interface Page {
  from: number;
  content: string[];
}
const EMPTY_PAGE: Page = { from: 0, content: [] };

/** Begins with the last line already written: there may be more of it now. */
async function nextPage(session: Session, source: LogSource, flags: LogFlags): Promise<Page> {
  const nextLine = source.nextLine ?? (await firstLine(session, source.attempt, flags));
  const from = source.lastText === null ? nextLine : nextLine - 1;
  return { from, content: (await logPage(session, source.attempt, from, PAGE_LINES, flags)).content };
}

async function firstLine(session: Session, attempt: string, flags: LogFlags): Promise<number> {
  if (flags.tail === undefined) return 0;
  const { total } = await logPage(session, attempt, 0, 1, flags);
  return Math.max(0, total - flags.tail);
}

/** Writes a page and all that follow it; true when there was anything new. */
async function writeToEnd(
  session: Session,
  source: LogSource,
  first: Page,
  flags: LogFlags,
  write: LineWriter,
): Promise<boolean> {
  let fresh = false;
  for (let page = first; ; page = await nextPage(session, source, flags)) {
    const known = source.lastText !== null && page.content[0] === source.lastText ? 1 : 0;
    const lines = page.content.slice(known);
    for (const [offset, text] of lines.entries())
      write({ task: source.task, attempt: source.attempt, line: page.from + known + offset, text });
    fresh ||= lines.length > 0;
    source.nextLine = page.from + page.content.length;
    source.lastText = page.content.at(-1) ?? source.lastText;
    if (page.content.length < PAGE_LINES) return fresh;
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

function nothingYet(run: number, task: string | null, tasks: TaskView[], flags: LogFlags): Failure {
  const [only] = tasks;
  const anyStarted = tasks.some((one) => one.attempts.length > 0);
  return new Failure({
    exitCode: EXIT.notFound,
    what: task === null ? `run ${run} has no logs` : `task ${task} of run ${run} has no log of that attempt`,
    why:
      task === null
        ? anyStarted
          ? `no task has an attempt ${flags.attempt}`
          : 'no task has started'
        : `the task is ${only?.state ?? 'unknown'} and has ${only?.attempts.length ?? 0} attempts`,
    todo: `pelorus runs get ${run}`,
  });
}
