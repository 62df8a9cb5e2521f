import type {
  BackfillDate,
  BackfillDateStateName,
  BackfillPreview,
  BackfillRequest,
  BackfillRetryName,
  BackfillStateName,
  BackfillSubmitted,
  BackfillSummary,
  BackfillView,
} from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { fieldsText, tableText, writeItem, writeListing, type Column } from '../output.ts';
import { resolveWorkflow } from '../references.ts';
import { addRunOrder, momentFlag, runOrderOf, type RunOrderFlags } from '../run-order.ts';
import { collectList, openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import type { Stream } from '../terminal.ts';
import { instantText, localText, type Tone } from '../words.ts';

const STATES: BackfillStateName[] = ['pending', 'running', 'paused', 'succeeded', 'failed', 'stopped'];

const TONES: Record<BackfillStateName | BackfillDate['state'], Tone> = {
  pending: 'quiet',
  skipped: 'quiet',
  running: 'busy',
  paused: 'warn',
  succeeded: 'good',
  failed: 'bad',
  stopped: 'bad',
};

interface CreateFlags extends RunOrderFlags {
  project?: string;
  start?: string;
  end?: string;
  date?: string[];
  crontab?: string;
  parallelism?: number;
  order?: 'ascending' | 'descending';
  continueAfterFailure?: boolean;
  withDependents?: boolean;
  dryRun?: boolean;
  watch?: boolean;
}

interface ListFlags {
  project?: string;
  workflow?: string;
  state?: BackfillStateName;
  limit: number;
}

/** `pelorus backfill …` */
export function addBackfillCommand(program: Command, host: Host): void {
  const parent = program.command('backfill').description('runs of a workflow for many logical dates');

  addCreate(parent, host);

  parent
    .command('list')
    .description('backfills, newest first')
    .option('--project <project>', 'only of this project')
    .option('--workflow <workflow>', 'only of this workflow: project/workflow, or its name alone')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES))
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1), 20)
    .addHelpText(
      'after',
      examples('pelorus backfill list --state running', 'pelorus backfill list --workflow sales/nightly -o json'),
    )
    .action((flags: ListFlags, command: Command) => listBackfills(openSession(command, host), flags));

  parent
    .command('get <backfill>')
    .description('one backfill with its dates, in the order of execution')
    .addOption(new Option('--state <state>', 'only dates in this state').choices(DATE_STATES))
    .option('--limit <n>', 'at most this many dates', wholeNumber('--limit', 1), 100)
    .option('--watch', 'stay until it has ended; the exit code says how')
    .addHelpText(
      'after',
      examples(
        'pelorus backfill get 3',
        'pelorus backfill get 3 --state failed -o json',
        'pelorus backfill get 3 --watch',
      ),
    )
    .action(async (written: string, flags: GetFlags, command: Command) => {
      const id = backfillId(written);
      const session = openSession(command, host);
      if (flags.watch === true) return watch(session, id);
      const { state, limit } = flags;
      const query = { ...(state === undefined ? {} : { state }), limit };
      show(session, await session.client.backfills.get(id, query, session.signal));
    });

  addSteering(parent, host);
}

interface GetFlags {
  state?: BackfillDateStateName;
  limit: number;
  watch?: boolean;
}

const DATE_STATES: BackfillDateStateName[] = ['pending', 'running', 'succeeded', 'failed', 'stopped', 'skipped'];

function addSteering(parent: Command, host: Host): void {
  const steering = (name: string, description: string, example: string): Command =>
    parent
      .command(`${name} <backfill>`)
      .description(description)
      .option('--watch', 'stay until it has ended; the exit code says how')
      .addHelpText('after', examples(`pelorus backfill ${example}`));

  steering('pause', 'no further date begins until it is resumed; runs go on', 'pause 3').action(
    (written: string, flags: SteerFlags, command: Command) =>
      steer(command, { host, written, flags }, (session, id) => session.client.backfills.pause(id, session.signal)),
  );

  steering('resume', 'dates begin again', 'resume 3 --watch').action(
    (written: string, flags: SteerFlags, command: Command) =>
      steer(command, { host, written, flags }, (session, id) => session.client.backfills.resume(id, session.signal)),
  );

  steering('stop', 'dates that have not begun never will, and its runs are stopped', 'stop 3 --leave-runs')
    .option('--leave-runs', 'leave runs that go on alone')
    .action((written: string, flags: SteerFlags & { leaveRuns?: boolean }, command: Command) =>
      steer(command, { host, written, flags }, (session, id) =>
        session.client.backfills.stop(id, flags.leaveRuns === true ? { runs: 'leave' } : {}, session.signal),
      ),
    );

  steering('retry', 'dates that did not succeed begin again, also when it has ended', 'retry 3 --dates failed')
    .addOption(new Option('--dates <which>', 'which of them').choices(['failed', 'stopped', 'all']).default('all'))
    .option('--continue-after-failure', 'from now on a date that fails does not keep others from beginning')
    .action(
      (
        written: string,
        flags: SteerFlags & { dates: BackfillRetryName; continueAfterFailure?: boolean },
        command: Command,
      ) =>
        steer(command, { host, written, flags }, (session, id) => {
          const { dates, continueAfterFailure } = flags;
          const kept = continueAfterFailure === undefined ? {} : { continueAfterFailure };
          return session.client.backfills.retry(id, { dates, ...kept }, session.signal);
        }),
    );
}

interface SteerFlags {
  watch?: boolean;
}

async function steer(
  command: Command,
  { host, written, flags }: { host: Host; written: string; flags: SteerFlags },
  ask: (session: Session, id: number) => Promise<BackfillView>,
): Promise<void> {
  const id = backfillId(written);
  const session = openSession(command, host);
  const steered = await ask(session, id);
  if (flags.watch === true) return watch(session, id);
  writeItem(session.terminal.out, session.format, { value: steered, name: String(id), text: () => lineOf(steered) });
}

function lineOf({ id, state, waitReason, counts }: BackfillSummary): string {
  return `backfill ${id} ${state}${waitReason === null ? '' : ` (${waitReason})`}: ${countsText(counts)}\n`;
}

/** A line for each change of its tally, on the error stream, and at the end the backfill; fails unless it has succeeded. */
async function watch(session: Session, id: number): Promise<void> {
  let said = '';
  for await (const told of session.client.watchBackfill(id, { signal: session.signal })) {
    const line = told.event === 'backfill' ? lineOf(told.data) : said;
    if (line !== said) session.terminal.err.write(line);
    said = line;
  }
  const backfill = await session.client.backfills.get(id, { limit: WATCHED_DATES }, session.signal);
  show(session, backfill);
  if (backfill.state === 'succeeded') return;
  throw new Failure({
    exitCode: EXIT.runFailed,
    what: `backfill ${id} ${backfill.state}: ${countsText(backfill.counts)}`,
    todo: `pelorus backfill retry ${id}`,
  });
}

const WATCHED_DATES = 100;

function addCreate(parent: Command, host: Host): void {
  addRunOrder(parent.command('create <workflow>').description('run a workflow for a range or a list of dates'))
    .option('--project <name>', 'the project of the workflow')
    .option('--start <date>', 'the first date: 2024-03-15 or 2024-03-15T02:00, in the zone, or RFC 3339')
    .option('--end <date>', 'the last one; a day counts whole')
    .addOption(
      new Option('--date <date>', 'exactly these instead; may be repeated, or a list with commas')
        .argParser(collectList)
        .conflicts(['start', 'end', 'crontab']),
    )
    .option('--crontab <crontab>', 'which instants between them; without: one each day, at the time of the first')
    .option('--parallelism <n>', 'runs side by side; without: one after the other', wholeNumber('--parallelism', 1))
    .addOption(new Option('--order <order>', 'which date comes first').choices(['ascending', 'descending']))
    .option('--continue-after-failure', 'go on with further dates when one does not succeed')
    .option('--with-dependents', 'for each date also run the workflows that depend on this one, after it')
    .option('--dry-run', 'show for which dates; start nothing')
    .option('--watch', 'stay until it has ended; the exit code says how')
    .addHelpText(
      'after',
      examples(
        'pelorus backfill create sales/nightly --start 2024-03-01 --end 2024-03-31 --dry-run',
        'pelorus backfill create sales/nightly --start 2024-03-01 --end 2024-03-31 --parallelism 4',
        "pelorus backfill create sales/hourly --start 2024-03-01 --end 2024-03-02 --crontab '0 * * * *'",
        'pelorus backfill create sales/nightly --date 2024-03-01,2024-03-08 --from-node load --dep post',
      ),
    )
    .action((written: string, flags: CreateFlags, command: Command) =>
      createBackfill(openSession(command, host), written, flags),
    );
}

async function createBackfill(session: Session, written: string, flags: CreateFlags): Promise<void> {
  const when = datesOf(flags);
  const name = await resolveWorkflow(session.client, written, flags.project, session.signal);
  const request: BackfillRequest = {
    ...(await runOrderOf(session, name, flags)),
    ...when,
    ...(flags.parallelism === undefined ? {} : { mode: 'parallel', parallelism: flags.parallelism }),
    ...(flags.order === undefined ? {} : { order: flags.order }),
    ...(flags.continueAfterFailure === undefined ? {} : { continueAfterFailure: flags.continueAfterFailure }),
    ...(flags.withDependents === undefined ? {} : { withDependents: flags.withDependents }),
  };
  if (flags.dryRun === true)
    return showPreview(session, await session.client.backfills.preview(request, session.signal));
  const submitted = await session.client.backfills.submit(request, { signal: session.signal });
  for (const warning of submitted.warnings) session.terminal.err.write(`warning: ${warning}\n`);
  if (flags.watch === true) return watch(session, submitted.id);
  writeItem(session.terminal.out, session.format, {
    value: submitted,
    name: String(submitted.id),
    text: () => submittedText(`${name.project}/${name.workflow}`, submitted),
  });
}

function datesOf({ start, end, date, crontab }: CreateFlags): Partial<BackfillRequest> {
  if (date !== undefined) return { dates: date.map((text) => momentFlag('--date', text)) };
  if (start === undefined || end === undefined)
    throw usageFailure('backfill create needs --start and --end, or --date');
  return {
    startDate: momentFlag('--start', start),
    endDate: momentFlag('--end', end),
    ...(crontab === undefined ? {} : { crontab }),
  };
}

function showPreview(session: Session, preview: BackfillPreview): void {
  for (const warning of preview.warnings) session.terminal.err.write(`warning: ${warning}\n`);
  const { dates, dependents, mode, parallelism, zone } = preview;
  const then = dependents.length === 0 ? '' : `, each followed by ${dependents.join(', ')}`;
  const how = mode === 'serial' ? 'one after the other' : `${parallelism} at a time`;
  writeItem(session.terminal.out, session.format, {
    value: preview,
    name: dates.join('\n'),
    text: () =>
      `${countText(dates.length)}, ${how}, reckoned in ${zone}${then}\n${dates.map((date) => `  ${localText(date, zone)}\n`).join('')}`,
  });
}

function submittedText(workflow: string, { id, state, waitReason, dateCount }: BackfillSubmitted): string {
  const why = waitReason === null ? '' : ` (${waitReason})`;
  return `backfill ${id} of ${workflow}: ${state}${why}, ${countText(dateCount)}\n  pelorus backfill get ${id}\n`;
}

const countText = (count: number): string => (count === 1 ? '1 date' : `${count} dates`);

async function listBackfills(session: Session, flags: ListFlags): Promise<void> {
  const { workflow, project, state, limit } = flags;
  const scope =
    workflow === undefined
      ? { ...(project === undefined ? {} : { project }) }
      : await resolveWorkflow(session.client, workflow, project, session.signal);
  const { items } = await session.client.backfills.list(
    { ...scope, ...(state === undefined ? {} : { state }), limit },
    session.signal,
  );
  const columns: Column<BackfillSummary>[] = [
    { title: 'BACKFILL', value: (backfill) => String(backfill.id) },
    { title: 'WORKFLOW', value: (backfill) => `${backfill.project}/${backfill.workflow}` },
    { title: 'STATE', value: (backfill) => backfill.state, tone: (backfill) => TONES[backfill.state] },
    { title: 'FROM', value: ({ startDate, zone }) => localText(startDate, zone) },
    { title: 'TO', value: ({ endDate, zone }) => localText(endDate, zone) },
    { title: 'DATES', value: (backfill) => countsText(backfill.counts) },
    { title: 'SUBMITTED', value: (backfill) => instantText(backfill.createdAt, relativeTo(session)) },
    { title: 'BY', value: (backfill) => backfill.submittedBy },
  ];
  const listing = { rows: items, columns, name: (backfill: BackfillSummary) => String(backfill.id) };
  writeListing(session.terminal.out, session.format, { ...listing, none: 'no backfills' });
}

function countsText(counts: BackfillSummary['counts']): string {
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  return parts.length === 0 ? '-' : parts.join(', ');
}

const datesIn = (zone: string): Column<BackfillDate>[] => [
  { title: 'DATE', value: ({ date }) => localText(date, zone) },
  { title: 'STATE', value: ({ state }) => state, tone: ({ state }) => TONES[state] },
  { title: 'RUN', value: ({ run }) => run?.toString() ?? '-' },
  { title: 'OF', value: ({ dependent }) => dependent ?? '' },
  { title: 'WHY', value: ({ reason }) => reason ?? '' },
];

function show(session: Session, backfill: BackfillView): void {
  const text = (stream: Stream): string => {
    const reference = relativeTo(session);
    const fields = fieldsText([
      ['backfill', String(backfill.id)],
      ['workflow', `${backfill.project}/${backfill.workflow}`],
      ['version', backfill.version === null ? 'the latest of each time' : String(backfill.version)],
      ['state', backfill.state],
      ['waits', backfill.waitReason],
      ['from', localText(backfill.startDate, backfill.zone)],
      ['to', localText(backfill.endDate, backfill.zone)],
      ['crontab', backfill.crontab],
      ['zone', backfill.zone],
      ['mode', backfill.mode === 'serial' ? 'serial' : `parallel, ${backfill.parallelism} at a time`],
      ['order', backfill.order],
      ['after a failure', backfill.continueAfterFailure ? 'goes on' : 'no further date begins'],
      ['then', backfill.dependents.length === 0 ? null : backfill.dependents.join(', ')],
      ['dates', countsText(backfill.counts)],
      ['submitted', `${instantText(backfill.createdAt, reference)} by ${backfill.submittedBy}`],
      ['ended', backfill.endedAt === null ? null : instantText(backfill.endedAt, reference)],
    ]);
    const rest = backfill.nextCursor === null ? '' : `… and more: --limit, or --state\n`;
    return `${fields}\n${tableText(stream, { rows: backfill.dates, columns: datesIn(backfill.zone) })}${rest}`;
  };
  writeItem(session.terminal.out, session.format, { value: backfill, name: String(backfill.id), text });
}

function backfillId(written: string): number {
  if (!/^[1-9]\d{0,14}$/.test(written))
    throw usageFailure(`"${written}" is not a backfill`, 'give its number as `pelorus backfill list` shows it');
  return Number(written);
}
