import type { LiveView, RerunRequest, RunView, TaskView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { OUTCOME_WAIT_MS, reportCommand } from '../command-report.ts';
import { Failure, usageFailure } from '../failure.ts';
import { EXIT } from '../exit-codes.ts';
import { fieldsText, tableText, writeItem, writeListing, type Column } from '../output.ts';
import { resolveRun } from '../references.ts';
import { actOnMany, addRunFilter, filterFlag, parseFilter, selectionOf, type RunFilterFlags } from '../run-filter.ts';
import { lastAttempt, lateText } from '../run-summary.ts';
import { openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import { paint, type Stream } from '../terminal.ts';
import { watchRun } from '../watch-run.ts';
import { causeText, durationText, elapsedMs, instantText, toneOf } from '../words.ts';
import { examples } from '../examples.ts';
import { writePlan } from '../plan-table.ts';
import { afterSubmit, checkWaitFlags } from '../submitted-run.ts';
import { waitFlags, watchOptionsOf, type WaitFlags } from '../wait-flags.ts';

interface ListFlags extends RunFilterFlags {
  limit: number;
}

/** `pelorus runs …` */
export function addRunsCommand(program: Command, host: Host): void {
  const runs = program.command('runs').description('list, look at, watch and control runs');

  addRunFilter(runs.command('list').description('runs, newest first'))
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1), 20)
    .addHelpText(
      'after',
      examples(
        'pelorus runs list --state failed --limit 5',
        "pelorus runs list --workflow 'load_*' --user ann --since 2026-03-01",
        'pelorus runs list -o name',
      ),
    )
    .action((flags: ListFlags, command: Command) => listRuns(openSession(command, host), flags));

  byRun(runs, host, 'get', 'one run with its tasks', getRun, 'pelorus runs get @latest', 'pelorus runs get 12 -o json');
  byRun(runs, host, 'plan', 'which tasks the run executes, reuses and skips', showPlan, 'pelorus runs plan 12');
  byRun(runs, host, 'live', 'the run as its master has it in memory', showLive, 'pelorus runs live @latest -o json');
  byRun(
    runs,
    host,
    'pause',
    'running tasks finish, nothing new starts',
    (session, id) => act(session, id, 'pause'),
    'pelorus runs pause 12',
  );
  byRun(
    runs,
    host,
    'resume',
    'go on with a paused run',
    (session, id) => act(session, id, 'resume'),
    'pelorus runs resume 12',
  );

  addAgainCommands(runs, host);

  filterFlag(waitFlags(runs.command('stop [run]').description('stop a run: its processes get SIGTERM, then SIGKILL')))
    .addHelpText(
      'after',
      examples(
        'pelorus runs stop @latest',
        'pelorus runs stop 12 --wait',
        'pelorus runs stop --filter workflow=load_*',
      ),
    )
    .action(async (written: string | undefined, flags: WaitFlags & ManyFlags, command: Command) => {
      const session = openSession(command, host);
      if (flags.filter !== undefined) return actOnFiltered(session, 'stop', written, flags);
      await stopRun(session, oneRun(written, flags), flags);
    });

  runs
    .command('watch <run>')
    .description('show a run until it ends')
    .option('--timeout <duration>', 'give up waiting after this long (exit code 8)')
    .addHelpText('after', examples('pelorus runs watch @latest', 'pelorus runs watch 12 -o ndjson'))
    .action(async (written: string, flags: WaitFlags, command: Command) => {
      const session = openSession(command, host);
      const id = await resolveRun(session.client, written, session.signal);
      process.exitCode = await watchRun(session, id, watchOptionsOf({ ...flags, watch: true }));
    });
}

interface ManyFlags {
  filter?: string[];
  dryRun?: boolean;
}

function oneRun(written: string | undefined, flags: ManyFlags): string {
  if (written === undefined) throw usageFailure('name a run, or say which with --filter');
  if (flags.dryRun === true) throw usageFailure('--dry-run belongs to --filter here');
  return written;
}

async function actOnFiltered(
  session: Session,
  action: 'stop' | 'rerun' | 'repeat',
  written: string | undefined,
  flags: WaitFlags & ManyFlags & { latest?: boolean; from?: string },
): Promise<void> {
  if (written !== undefined) throw usageFailure('a run and --filter cannot be given together');
  const lone = (['from', 'watch', 'wait', 'detach', 'timeout'] as const).find((name) => flags[name] !== undefined);
  if (lone !== undefined) throw usageFailure(`--${lone} cannot be given together with --filter`);
  const version = flags.latest === true ? ('latest' as const) : undefined;
  await actOnMany(session, action, parseFilter(flags.filter ?? []), { dryRun: flags.dryRun, version });
}

interface AgainFlags extends WaitFlags {
  from?: string;
  latest?: boolean;
  dryRun?: boolean;
  filter?: string[];
}

function addAgainCommands(runs: Command, host: Host): void {
  waitFlags(
    runs
      .command('rerun [run]')
      .description('a new run of what did not succeed in a run that has ended; the rest is reused')
      .option('--from <task>', 'of this task and all behind it instead')
      .option('--latest', 'with the latest version of the workflow; tasks that have changed run again as well')
      .option('--dry-run', 'show what would be executed and reused; start nothing')
      .option('--filter <name=value...>', 'instead of one run: all that match; names as the flags of `runs list`'),
  )
    .addHelpText(
      'after',
      examples(
        'pelorus runs rerun @latest --watch',
        'pelorus runs rerun 12 --from load --dry-run',
        'pelorus runs rerun 12 --latest',
        'pelorus runs rerun --filter state=failed --filter since=2026-03-01 --dry-run',
      ),
    )
    .action(async (written: string | undefined, flags: AgainFlags, command: Command) => {
      const session = openSession(command, host);
      if (flags.filter !== undefined) return actOnFiltered(session, 'rerun', written, flags);
      if (written === undefined) throw usageFailure('name a run, or say which with --filter');
      await rerunRun(session, written, flags);
    });

  waitFlags(
    runs
      .command('repeat <run>')
      .description('a new run of everything, with the same parameters and logical date as a run'),
  )
    .addHelpText('after', examples('pelorus runs repeat @latest --watch', 'pelorus runs repeat 12'))
    .action(async (written: string, flags: WaitFlags, command: Command) => {
      checkWaitFlags(flags);
      const session = openSession(command, host);
      const id = await resolveRun(session.client, written, session.signal);
      const submitted = await session.client.runs.repeat(id, { signal: session.signal });
      await afterSubmit(session, submitted, flags, { what: `run ${id} repeated as run` });
    });
}

async function rerunRun(session: Session, written: string, flags: AgainFlags): Promise<void> {
  checkWaitFlags(flags);
  const id = await resolveRun(session.client, written, session.signal);
  const request: RerunRequest = {
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.latest === true ? { version: 'latest' } : {}),
  };
  if (flags.dryRun === true)
    return writePlan(session, (await session.client.runs.previewRerun(id, request, session.signal)).plan);
  const submitted = await session.client.runs.rerun(id, request, { signal: session.signal });
  await afterSubmit(session, submitted, flags, { what: `run ${id} re-run as run` });
}

function byRun(
  parent: Command,
  host: Host,
  name: string,
  describe: string,
  action: (session: Session, id: number) => Promise<void>,
  ...shown: string[]
): void {
  parent
    .command(`${name} <run>`)
    .description(describe)
    .addHelpText('after', examples(...shown))
    .action(async (written: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await action(session, await resolveRun(session.client, written, session.signal));
    });
}

async function listRuns(session: Session, flags: ListFlags): Promise<void> {
  const rows: RunView[] = [];
  const selection = selectionOf(flags);
  for (let cursor: string | null = ''; cursor !== null && rows.length < flags.limit;) {
    const query = {
      ...selection,
      limit: Math.min(200, flags.limit - rows.length),
      ...(cursor === '' ? {} : { cursor }),
    };
    const page = await session.client.runs.list(query, session.signal);
    rows.push(...page.items);
    cursor = page.nextCursor;
  }
  const reference = relativeTo(session);
  const columns: Column<RunView>[] = [
    { title: 'RUN', value: (run) => String(run.id) },
    { title: 'WORKFLOW', value: (run) => `${run.project}/${run.workflow}` },
    { title: 'STATE', value: (run) => run.state, tone: (run) => toneOf(run.state) },
    { title: 'PROGRESS', value: (run) => `${Math.floor(run.progress * 100)} %` },
    { title: 'SUBMITTED', value: (run) => instantText(run.submittedAt, reference) },
    { title: 'DURATION', value: (run) => (run.durationMs === null ? '-' : durationText(run.durationMs)) },
    { title: 'CAUSE', value: runCause },
  ];
  writeListing(session.terminal.out, session.format, { rows, columns, name: (run) => String(run.id), none: 'no runs' });
}

function runCause(run: RunView): string {
  if (run.firstFailure !== null) return `${run.firstFailure.task}: ${causeText(run.firstFailure.cause)}`;
  return run.cause === null ? (run.waitReason ?? '') : causeText(run.cause);
}

async function getRun(session: Session, id: number): Promise<void> {
  const run = await session.client.runs.get(id, session.signal);
  const { items: tasks } = await session.client.runs.tasks(id, {}, session.signal);
  writeItem(session.terminal.out, session.format, {
    value: { ...run, tasks },
    name: String(id),
    text: (stream) => `${runFields(run, session)}\n${taskTable(stream, tasks, session.host.now())}`,
  });
}

function runFields(run: RunView, session: Session): string {
  const reference = relativeTo(session);
  const params = Object.entries(run.params)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  return fieldsText([
    ['run', String(run.id)],
    ['workflow', `${run.project}/${run.workflow} version ${run.version}`],
    ['state', paint(session.terminal.out, toneOf(run.state), run.state)],
    ['cause', run.cause === null ? null : causeText(run.cause)],
    [
      'first failure',
      run.firstFailure === null ? null : `${run.firstFailure.task}: ${causeText(run.firstFailure.cause)}`,
    ],
    ['waits for', run.waitReason],
    ['mode', run.mode],
    ['re-run of', run.rerunOf === null ? null : String(run.rerunOf)],
    ['started by', run.parent === null ? null : `attempt ${run.parent.attempt} of run ${run.parent.run}`],
    ['logical date', run.logicalDate],
    ['submitted', `${instantText(run.submittedAt, reference)} by ${run.submittedBy}`],
    ['duration', run.durationMs === null ? null : durationText(run.durationMs)],
    ['progress', progressText(run)],
    ['params', params],
  ]);
}

function progressText(run: RunView): string {
  const percent = `${Math.floor(run.progress * 100)} %`;
  const { estimatedRemainingMs: left } = run;
  return left === null || left === 0 ? percent : `${percent}, about ${durationText(left)} left`;
}

function taskTable(stream: Stream, tasks: TaskView[], now: number): string {
  const columns: Column<TaskView>[] = [
    { title: 'TASK', value: (task) => task.name },
    { title: 'TYPE', value: (task) => task.type },
    { title: 'STATE', value: (task) => task.state, tone: (task) => toneOf(task.state) },
    { title: 'DURATION', value: (task) => durationOf(task, now) },
    { title: 'ATTEMPT', value: (task) => lastAttempt(task)?.id ?? '-' },
    ...(tasks.some((task) => task.childRun !== null) ? [CHILD_RUN] : []),
    ...(tasks.some((task) => lateText(task) !== '') ? [REPORTED_LATER] : []),
    { title: 'CAUSE', value: (task) => (task.cause === null ? (task.waitReason ?? '') : causeText(task.cause)) },
  ];
  return tableText(stream, { rows: tasks, columns });
}

const CHILD_RUN: Column<TaskView> = { title: 'CHILD RUN', value: (task) => task.childRun?.toString() ?? '' };

const REPORTED_LATER: Column<TaskView> = { title: 'REPORTED LATER', value: lateText };

function durationOf(task: TaskView, now: number): string {
  const elapsed = elapsedMs(task.startedAt, task.endedAt, now);
  return elapsed === null ? '-' : durationText(elapsed);
}

async function showPlan(session: Session, id: number): Promise<void> {
  writePlan(session, await session.client.runs.plan(id, session.signal));
}

async function showLive(session: Session, id: number): Promise<void> {
  const live = await session.client.runs.live(id, session.signal);
  writeItem(session.terminal.out, session.format, {
    value: live,
    name: String(id),
    text: (stream) => liveText(stream, live, session),
  });
}

function liveText(stream: Stream, live: LiveView, session: Session): string {
  const fields = fieldsText([
    ['source', live.source],
    ['master', live.master?.id ?? null],
    ['version in memory', live.memoryVersion === null ? null : String(live.memoryVersion)],
    ['version stored', String(live.storeVersion)],
  ]);
  return `${fields}${runFields(live.run, session)}\n${taskTable(stream, live.tasks, session.host.now())}`;
}

const ACTIONS = {
  pause: { done: 'is being paused', asked: 'asked to pause' },
  resume: { done: 'goes on', asked: 'asked to go on with' },
  stop: { done: 'is being stopped', asked: 'asked to stop' },
} as const;

async function act(session: Session, id: number, action: keyof typeof ACTIONS): Promise<void> {
  const accepted = await session.client.runs[action](id, { waitMs: OUTCOME_WAIT_MS, signal: session.signal });
  const { done, asked } = ACTIONS[action];
  reportCommand(session, accepted, {
    done: `run ${id} ${done}: ${accepted.state}`,
    asked: `${asked} run ${id}`,
  });
}

/** With --wait: 0 once the run is stopped, for that is what was asked. */
async function stopRun(session: Session, written: string, flags: WaitFlags): Promise<void> {
  const id = await resolveRun(session.client, written, session.signal);
  if (flags.wait !== true && flags.watch !== true) return act(session, id, 'stop');
  await session.client.runs.stop(id, { signal: session.signal });
  await watchRun(session, id, watchOptionsOf(flags));
  const { state } = await session.client.runs.get(id, session.signal);
  if (state !== 'stopped')
    throw new Failure({
      exitCode: EXIT.conflict,
      what: `run ${id} was not stopped`,
      why: `it ended ${state} before the stop reached it`,
    });
}
