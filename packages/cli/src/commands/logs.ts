import type { TaskView } from '@pelorus/protocol';
import { isTerminalRun, isTerminalTaskRun } from '@pelorus/protocol/vocabulary';
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
/** How long a server that does not answer is waited for; it may be restarting. */
const PATIENCE_MS = 60_000;

interface LogFlags {
  follow?: boolean;
  attempt?: number;
  grep?: string;
  tail?: number;
}

/** One attempt whose log is wanted. */
interface LogSource {
  task: string;
  attempt: string;
  running: boolean;
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
  const write = lineWriter(session, task === null);
  if (flags.follow === true) return followLogs(session, run, task, flags, write);
  const tasks = await tasksOf(session, run, task);
  const wanted = wantedAttempts(tasks, flags);
  if (wanted.length === 0) throw nothingYet(run, task, tasks, flags);
  await writeLogs(session, wanted, flags, write);
}

async function tasksOf(session: Session, run: number, task: string | null): Promise<TaskView[]> {
  const { items } = await session.client.runs.tasks(run, {}, session.signal);
  return task === null ? items : [taskNamed(items, task, run)];
}

/** Goes on until the run, or the task that is wanted, has ended. Logs of what runs side by side come as they are written. */
async function followLogs(
  session: Session,
  run: number,
  task: string | null,
  flags: LogFlags,
  write: LineWriter,
): Promise<void> {
  const { host, signal } = session;
  const known = new Set<string>();
  const streams = new Set<Promise<void>>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  for (let startedAt = host.now(), heardAt = startedAt; ;) {
    const askedAt = host.now();
    const state = await unlessAway(stateOf(session, run, task), host.now() - heardAt);
    if (state !== null) {
      heardAt = host.now();
      const fresh = wantedAttempts(state.tasks, flags).filter(({ attempt }) => !known.has(attempt));
      for (const { attempt } of fresh) known.add(attempt);
      if (state.over && known.size === 0) throw nothingYet(run, task, state.tasks, flags);
      // What has ended is written whole, one after the other; the rest as it comes.
      await writeLogs(
        session,
        fresh.filter(({ running }) => !running),
        flags,
        write,
      );
      for (const source of fresh.filter(({ running }) => running)) {
        const stream: Promise<void> = followLog(session, source, flags, write)
          .catch((error: unknown) => failure.reject(error))
          .finally(() => streams.delete(stream));
        streams.add(stream);
      }
      if (state.over) return void (await Promise.race([Promise.all(streams), failure.promise]));
    }
    const now = host.now();
    await Promise.race([sleep(pollIntervalMs(now - startedAt, now - askedAt), signal), failure.promise]);
  }
}

async function stateOf(
  session: Session,
  run: number,
  task: string | null,
): Promise<{ tasks: TaskView[]; over: boolean }> {
  const { state } = await session.client.runs.get(run, session.signal);
  const tasks = await tasksOf(session, run, task);
  return { tasks, over: isTerminalRun(state) || (task !== null && tasks.every((one) => isTerminalTaskRun(one.state))) };
}

/** Null while the server is away and may come back. */
async function unlessAway<Value>(answer: Promise<Value>, awayMs: number): Promise<Value | null> {
  try {
    return await answer;
  } catch (error) {
    const mayComeBack = error instanceof ApiError && (error.code === 'UNREACHABLE' || error.status === 503);
    if (!mayComeBack || awayMs > PATIENCE_MS) throw error;
    return null;
  }
}

async function followLog(
  session: Session,
  { task, attempt }: LogSource,
  { tail, grep }: LogFlags,
  write: LineWriter,
): Promise<void> {
  const query = {
    ...(tail === undefined ? {} : { tail: Math.min(tail, PAGE_LINES) }),
    ...(grep === undefined ? {} : { query: grep }),
  };
  let line: number | null = tail === undefined ? 0 : null;
  for await (const event of session.client.followLogs(attempt, query, { signal: session.signal })) {
    const texts = event.event === 'lines' ? event.data.lines : event.data.note === null ? [] : [event.data.note];
    for (const text of texts) {
      write({ task, attempt, line, text });
      if (line !== null) line += 1;
    }
  }
}

/** Logs one after the other; the first pages of several are asked for at a time. */
async function writeLogs(session: Session, wanted: LogSource[], flags: LogFlags, write: LineWriter): Promise<void> {
  for (let at = 0; at < wanted.length; at += ATTEMPTS_AT_ONCE) {
    const batch = wanted.slice(at, at + ATTEMPTS_AT_ONCE).map((source) => {
      const pages = pagesOf(session, source.attempt, flags);
      return { source, pages, first: pages.next() };
    });
    await Promise.all(batch.map(({ first }) => first));
    for (const { source, pages, first } of batch) {
      for (let next = await first; next.done !== true; next = await pages.next()) writePage(source, next.value, write);
    }
  }
}

function writePage({ task, attempt }: LogSource, { line, content }: Page, write: LineWriter): void {
  for (const [index, text] of content.entries())
    write({ task, attempt, line: line === null ? null : line + index, text });
}

interface Page {
  /** Number of the first line; null: not counted. */
  line: number | null;
  content: string[];
}

/** What is wanted of a log, page by page. An attempt that has written nothing may have no log at all. */
async function* pagesOf(session: Session, attempt: string, flags: LogFlags): AsyncGenerator<Page> {
  try {
    if (flags.follow === true) await logEnd(session, attempt);
    if (flags.grep === undefined) yield* pagesByOffset(session, attempt, flags.tail);
    else yield* pagesOfMatches(session, attempt, flags.grep, flags.tail);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'ATTEMPT_NOT_FOUND') throw error;
  }
}

/** Until a log has come whole, or the rest is not waited for; it may be on its way when its attempt has ended. */
async function logEnd(session: Session, attempt: string): Promise<void> {
  const rest = { offset: Number.MAX_SAFE_INTEGER };
  for await (const { event } of session.client.followLogs(attempt, rest, { signal: session.signal }))
    if (event === 'end') return;
}

async function* pagesByOffset(session: Session, attempt: string, tail: number | undefined): AsyncGenerator<Page> {
  let { offset, line } = tail === undefined ? { offset: 0, line: 0 } : await tailStart(session, attempt, tail);
  for (;;) {
    const page = await session.client.attempts.logs(attempt, { offset, size: PAGE_LINES }, session.signal);
    if (page.length > 0) yield { line, content: page.content };
    if (page.length < PAGE_LINES) return;
    offset = page.endByte;
    if (line !== null) line += page.length;
  }
}

/** Where the last so many lines begin, found from the end. */
async function tailStart(
  session: Session,
  attempt: string,
  count: number,
): Promise<{ offset: number; line: number | null }> {
  let total: number | null = null;
  let offset: number | null = null;
  for (let left = count; left > 0;) {
    const query = { tail: Math.min(left, PAGE_LINES), ...(offset === null ? {} : { offset }) };
    const page = await session.client.attempts.logs(attempt, query, session.signal);
    total ??= page.total;
    left -= page.length;
    offset = page.startByte;
    if (page.length < query.tail || offset === 0) break;
  }
  return { offset: offset ?? 0, line: total === null ? null : Math.max(0, total - count) };
}

async function* pagesOfMatches(
  session: Session,
  attempt: string,
  query: string,
  tail: number | undefined,
): AsyncGenerator<Page> {
  const ask = (from: number, size: number) =>
    session.client.attempts.logs(attempt, { from, size, query }, session.signal);
  let from = tail === undefined ? 0 : Math.max(0, ((await ask(0, 1)).total ?? 0) - tail);
  for (;;) {
    const page = await ask(from, PAGE_LINES);
    if (page.length > 0) yield { line: from, content: page.content };
    if (page.length < PAGE_LINES) return;
    from += page.length;
  }
}

function wantedAttempts(tasks: TaskView[], flags: LogFlags): LogSource[] {
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

interface LogLine {
  task: string;
  attempt: string;
  /** From 0, among the lines that --grep lets through; null where that would have to be counted. */
  line: number | null;
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
