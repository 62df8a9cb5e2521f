import { cronInWords } from '@pelorus/protocol/cron-words';
import {
  DEFAULT_SCHEDULE_NAME,
  type ScheduleDetail,
  type ScheduleFire,
  type SchedulePreview,
  type ScheduleTick,
  type ScheduleView,
  type TickOutcomeName,
} from '@pelorus/protocol/vocabulary';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { fieldsText, tableText, writeItem, writeListing, type Column } from '../output.ts';
import { allPages } from '../pages.ts';
import { resolveWorkflow, type WorkflowName } from '../references.ts';
import {
  addScheduleFlags,
  addTimes,
  bodyOf,
  scheduleOf,
  timesOf,
  type ScheduleFlags,
  type TimesFlags,
} from '../schedule-flags.ts';
import { collectList, openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import type { Stream } from '../terminal.ts';
import { instantText } from '../words.ts';
import { maintenanceText } from './maintenance.ts';

interface InProject {
  project?: string;
}

interface ListFlags extends InProject {
  workflow?: string;
  search?: string;
  calendar?: string;
  online?: boolean;
  offline?: boolean;
  limit: number;
}

/** `pelorus schedule …` */
export function addScheduleCommand(program: Command, host: Host): void {
  const parent = program
    .command('schedule')
    .description(`when workflows run by themselves; a schedule that is not named is called ${DEFAULT_SCHEDULE_NAME}`);
  addList(parent, host);
  ofOne(parent.command('get <workflow> [name]'), 'a schedule and when it fires next')
    .addHelpText('after', examples('pelorus schedule get sales/nightly', 'pelorus schedule get sales/nightly early'))
    .action(async (workflow: string, name: string | undefined, flags: InProject, command: Command) => {
      const session = openSession(command, host);
      const [at, schedule] = await placeOf(session, workflow, name, flags);
      show(session, await session.client.schedules.get(at.project, at.workflow, schedule, session.signal));
    });
  addCreate(parent, host);
  addUpdate(parent, host);
  addDelete(parent, host);
  for (const state of ['online', 'offline'] as const)
    ofOne(
      parent.command(`${state} <workflow> [name]`),
      state === 'online'
        ? 'from now on it fires; nothing that was due before is caught up'
        : 'from now on it does not fire; runs that it made go on',
    )
      .addHelpText('after', examples(`pelorus schedule ${state} sales/nightly`))
      .action(async (workflow: string, name: string | undefined, flags: InProject, command: Command) => {
        const session = openSession(command, host);
        const [at, schedule] = await placeOf(session, workflow, name, flags);
        saved(session, await session.client.schedules[state](at.project, at.workflow, schedule, session.signal));
      });
  addPreview(parent, host);
  addTicks(parent, host);
}

function ofOne(command: Command, description: string): Command {
  return command.description(description).option('--project <name>', 'the project of the workflow');
}

async function placeOf(
  session: Session,
  workflow: string,
  name: string | undefined,
  { project }: InProject,
): Promise<[WorkflowName, string]> {
  const at = await resolveWorkflow(session.client, workflow, project, session.signal);
  return [at, name ?? DEFAULT_SCHEDULE_NAME];
}

function addList(parent: Command, host: Host): void {
  parent
    .command('list')
    .description('schedules, with what they fire next and what they fired last')
    .option('--project <project>', 'only of this project')
    .option('--workflow <workflow>', 'only of this workflow: project/workflow, or its name alone')
    .option('--search <text>', 'part of the name of the schedule or of its workflow')
    .option('--calendar <name>', 'only those that heed this calendar')
    .addOption(new Option('--online', 'only those that fire').conflicts('offline'))
    .option('--offline', 'only those that do not')
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1), 100)
    .addHelpText('after', examples('pelorus schedule list --online', 'pelorus schedule list --workflow sales/nightly'))
    .action((flags: ListFlags, command: Command) => listSchedules(openSession(command, host), flags));
}

async function listSchedules(session: Session, flags: ListFlags): Promise<void> {
  const { workflow, project, search, calendar, online, offline, limit } = flags;
  const scope =
    workflow === undefined
      ? { ...(project === undefined ? {} : { project }) }
      : await resolveWorkflow(session.client, workflow, project, session.signal);
  const query = {
    ...scope,
    ...(search === undefined ? {} : { q: search }),
    ...(calendar === undefined ? {} : { calendar }),
    ...(online === true ? { online } : offline === true ? { online: false } : {}),
  };
  const list = (page: { limit: number; cursor?: string }) =>
    session.client.schedules.list({ ...query, ...page }, session.signal);
  const [items, maintenance] = await Promise.all([
    allPages(list, limit),
    session.client.maintenance.get(session.signal),
  ]);
  // One that there is not has no schedules either: say which.
  if (items.length === 0 && 'workflow' in scope)
    await session.client.workflows.get(scope.project, scope.workflow, session.signal);
  const reference = relativeTo(session);
  const columns: Column<ScheduleView>[] = [
    { title: 'WORKFLOW', value: (schedule) => `${schedule.project}/${schedule.workflow}` },
    { title: 'SCHEDULE', value: (schedule) => schedule.name },
    {
      title: 'STATE',
      value: (schedule) => (schedule.online ? 'online' : 'offline'),
      tone: (schedule) => (schedule.online ? 'good' : 'quiet'),
    },
    { title: 'CRON', value: (schedule) => schedule.cron },
    { title: 'ZONE', value: (schedule) => schedule.zone },
    { title: 'NEXT', value: (schedule) => instantText(schedule.nextFire?.dueAt ?? null, reference) },
    { title: 'FIRED', value: (schedule) => instantText(schedule.lastFiredAt, reference) },
    { title: 'RUN', value: (schedule) => schedule.lastRun?.toString() ?? '-' },
  ];
  const name = (schedule: ScheduleView) => `${schedule.project}/${schedule.workflow} ${schedule.name}`;
  writeListing(session.terminal.out, session.format, { rows: items, columns, name, none: 'no schedules' });
  if (maintenance.paused)
    session.terminal.err.write(`warning: nothing ticks: ${maintenanceText(session, maintenance)}`);
}

function addCreate(parent: Command, host: Host): void {
  addScheduleFlags(ofOne(parent.command('create <workflow> [name]'), 'a schedule of a workflow, offline at first'))
    .option('--online', 'it fires from now on')
    .addHelpText(
      'after',
      examples(
        "pelorus schedule create sales/nightly --cron '0 6 * * 1-5' --zone Europe/Berlin --online",
        "pelorus schedule create sales/nightly early --cron '0 15 2 ? * MON#1' --calendar holidays --on-holiday shift_next",
      ),
    )
    .action(async (workflow: string, name: string | undefined, flags: ScheduleFlags & InProject, command: Command) => {
      const { cron } = flags;
      if (cron === undefined) throw usageFailure('schedule create needs --cron');
      const session = openSession(command, host);
      const [at, schedule] = await placeOf(session, workflow, name, flags);
      const body = { ...(await scheduleOf(session, at, flags)), cron };
      const options = { mustBeNew: true, signal: session.signal };
      saved(session, await session.client.schedules.put(at.project, at.workflow, schedule, body, options));
    });
}

function addUpdate(parent: Command, host: Host): void {
  addScheduleFlags(
    ofOne(parent.command('update <workflow> [name]'), 'change what is given of a schedule; the rest stays as it is'),
  )
    .option(
      '--clear <flag>',
      'set this back to what it is without the flag, e.g. calendar; may be repeated',
      collectList,
    )
    .addHelpText(
      'after',
      examples(
        "pelorus schedule update sales/nightly --cron '0 7 * * 1-5'",
        'pelorus schedule update sales/nightly early --clear calendar --clear end',
      ),
    )
    .action(
      async (
        workflow: string,
        name: string | undefined,
        flags: ScheduleFlags & InProject & { clear?: string[] },
        command: Command,
      ) => {
        const session = openSession(command, host);
        const [at, schedule] = await placeOf(session, workflow, name, flags);
        const before = await session.client.schedules.get(at.project, at.workflow, schedule, session.signal);
        const body = { ...bodyOf(before, flags.clear ?? []), ...(await scheduleOf(session, at, flags)) };
        const options = { ifRevision: before.revision, signal: session.signal };
        saved(session, await session.client.schedules.put(at.project, at.workflow, schedule, body, options));
      },
    );
}

function addDelete(parent: Command, host: Host): void {
  ofOne(parent.command('delete <workflow> [name]'), 'delete a schedule; its runs and ticks stay')
    .addHelpText('after', examples('pelorus schedule delete sales/nightly early'))
    .action(async (workflow: string, written: string | undefined, flags: InProject, command: Command) => {
      const session = openSession(command, host);
      const [at, name] = await placeOf(session, workflow, written, flags);
      await session.client.schedules.delete(at.project, at.workflow, name, session.signal);
      const text = (): string => `schedule ${name} of ${at.project}/${at.workflow} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { ...at, name, deleted: true }, name, text });
    });
}

/** After a change. */
function saved(session: Session, schedule: ScheduleDetail): void {
  const { name, project, workflow, online, nextFires } = schedule;
  const [next] = nextFires;
  const when = next === undefined ? 'it never fires again' : `next ${next.local}`;
  const state = online ? `online, ${when}` : 'offline';
  const how = online ? '' : `  pelorus schedule online ${project}/${workflow} ${name}\n`;
  const text = (): string => `schedule ${name} of ${project}/${workflow}: ${state}\n${how}`;
  writeItem(session.terminal.out, session.format, { value: schedule, name, text });
}

const FIRES: Column<ScheduleFire>[] = [
  { title: 'FIRES', value: ({ local }) => local },
  { title: 'UTC', value: ({ dueAt }) => dueAt },
  { title: 'MEANS', value: ({ nominalAt, dueAt }) => (nominalAt === dueAt ? '' : nominalAt) },
];

function show(session: Session, schedule: ScheduleDetail): void {
  const text = (stream: Stream): string => {
    const reference = relativeTo(session);
    const fields = fieldsText([
      ['schedule', schedule.name],
      ['workflow', `${schedule.project}/${schedule.workflow}`],
      ['state', schedule.online ? 'online' : 'offline'],
      ['cron', `${schedule.cron}  (${schedule.flavour})`],
      ['means', cronInWords(schedule.cron, 'en')],
      ['zone', schedule.zone],
      ['start', schedule.start],
      ['end', schedule.end],
      ['calendar', schedule.calendar],
      ['on holiday', schedule.calendar === null ? null : (schedule.onHoliday ?? 'skip')],
      ['misfire', schedule.misfire === 'fire_all' ? `fire_all, at most ${schedule.misfireMax}` : schedule.misfire],
      ['parameters', jsonOrNull(schedule.params)],
      ['failure policy', schedule.failurePolicy],
      ['notify', schedule.notifyType?.toLowerCase() ?? null],
      ['notify to', schedule.notifyMails?.join(', ') ?? null],
      ['priority', schedule.priority],
      ['worker group', schedule.workerGroup],
      ['environment', schedule.environment],
      ['timeout', schedule.timeoutMs === null ? null : `${schedule.timeoutMs / 1000} s`],
      ['waits for', waitsFor(schedule)],
      ['last fired', schedule.lastFiredAt === null ? null : instantText(schedule.lastFiredAt, reference)],
      ['last run', schedule.lastRun?.toString() ?? null],
      ['from', schedule.fromDefinition ? 'the definition of the workflow' : null],
      ['changed', `${instantText(schedule.updatedAt, reference)} by ${schedule.updatedBy}`],
    ]);
    return `${fields}\n${firesText(stream, schedule.nextFires)}`;
  };
  writeItem(session.terminal.out, session.format, { value: schedule, name: schedule.name, text });
}

function firesText(stream: Stream, fires: ScheduleFire[]): string {
  return fires.length === 0 ? 'nothing is to come\n' : tableText(stream, { rows: fires, columns: FIRES });
}

function jsonOrNull(value: object): string | null {
  return Object.keys(value).length === 0 ? null : JSON.stringify(value);
}

function waitsFor({ dependsOnPrevious, dependsOn }: ScheduleView): string | null {
  const names = [...(dependsOnPrevious ? ['its own run before'] : []), ...dependsOn];
  return names.length === 0 ? null : names.join(', ');
}

interface PreviewFlags extends TimesFlags, InProject {
  count: number;
  from?: string;
  lang: 'en' | 'zh';
}

function addPreview(parent: Command, host: Host): void {
  addTimes(ofOne(parent.command('preview [workflow] [name]'), 'when a schedule fires, or one with these flags would'))
    .option('--count <n>', 'how many instants, at most 1000', wholeNumber('--count', 1), 10)
    .option('--from <instant>', 'those after it, RFC 3339; without: now')
    .addOption(new Option('--lang <language>', 'of the description').choices(['en', 'zh']).default('en'))
    .addHelpText(
      'after',
      examples(
        "pelorus schedule preview --cron '0 0 2 ? * 6#3' --zone America/New_York --count 3",
        'pelorus schedule preview sales/nightly',
        "pelorus schedule preview sales/nightly --cron '0 7 * * *'      what would change",
      ),
    )
    .action((workflow: string | undefined, name: string | undefined, flags: PreviewFlags, command: Command) =>
      previewSchedule(openSession(command, host), { workflow, name }, flags),
    );
}

async function previewSchedule(
  session: Session,
  { workflow, name }: { workflow: string | undefined; name: string | undefined },
  flags: PreviewFlags,
): Promise<void> {
  const { cron, ...times } = { ...(await storedTimes(session, workflow, name, flags)), ...timesOf(flags) };
  if (cron === undefined) throw usageFailure('schedule preview needs a workflow, or --cron');
  const n = Math.min(flags.count, 1000);
  const from = flags.from === undefined ? {} : { from: flags.from };
  const preview = await session.client.schedules.preview({ cron, ...times, n, ...from }, session.signal);
  const words = cronInWords(cron, flags.lang);
  if (preview.problems.length > 0) throw refusedPreview(preview);
  for (const warning of preview.warnings) session.terminal.err.write(`warning: ${warning}\n`);
  const text = (stream: Stream): string => {
    const flavour = preview.flavour === 'quartz' ? 'Quartz, weekdays 1 to 7 from Sunday' : 'five fields';
    return `${words ?? cron}  (${flavour}, ${preview.zone})\n\n${firesText(stream, preview.fires)}`;
  };
  const value = { cron, words, ...preview };
  writeItem(session.terminal.out, session.format, {
    value,
    name: preview.fires.map(({ dueAt }) => dueAt).join('\n'),
    text,
  });
}

async function storedTimes(
  session: Session,
  workflow: string | undefined,
  name: string | undefined,
  flags: InProject,
): Promise<TimesFlags> {
  if (workflow === undefined) return {};
  const [at, schedule] = await placeOf(session, workflow, name, flags);
  const { cron, zone, start, end, calendar, onHoliday } = await session.client.schedules.get(
    ...([at.project, at.workflow, schedule, session.signal] as const),
  );
  return {
    ...{ cron, zone },
    ...(start === null ? {} : { start }),
    ...(end === null ? {} : { end }),
    ...(calendar === null ? {} : { calendar }),
    ...(onHoliday === null ? {} : { onHoliday }),
  };
}

function refusedPreview({ problems }: SchedulePreview): Failure {
  return new Failure({
    exitCode: EXIT.usage,
    what: 'no schedule could be like that',
    details: problems.map(({ message }) => message),
    todo: 'pelorus schedule preview --help shows examples',
  });
}

interface TicksFlags extends InProject {
  outcome?: TickOutcomeName;
  limit: number;
}

function addTicks(parent: Command, host: Host): void {
  ofOne(parent.command('ticks <workflow> [name]'), 'what became of the ticks of a schedule, the latest first')
    .addOption(new Option('--outcome <outcome>', 'only these').choices(['fired', 'skipped']))
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1), 20)
    .addHelpText(
      'after',
      examples('pelorus schedule ticks sales/nightly', 'pelorus schedule ticks sales/nightly --outcome skipped'),
    )
    .action(async (workflow: string, name: string | undefined, flags: TicksFlags, command: Command) => {
      const session = openSession(command, host);
      const [at, schedule] = await placeOf(session, workflow, name, flags);
      const query = {
        limit: Math.min(1000, flags.limit),
        ...(flags.outcome === undefined ? {} : { outcome: flags.outcome }),
      };
      const { items } = await session.client.schedules.ticks(at.project, at.workflow, schedule, query, session.signal);
      const columns: Column<ScheduleTick>[] = [
        { title: 'MEANS', value: (tick) => tick.nominalAt },
        { title: 'DECIDED', value: (tick) => instantText(tick.decidedAt, relativeTo(session)) },
        {
          title: 'OUTCOME',
          value: (tick) => tick.outcome,
          tone: (tick) => (tick.outcome === 'fired' ? 'good' : tick.reason === 'error' ? 'bad' : 'quiet'),
        },
        { title: 'RUN', value: (tick) => tick.run?.toString() ?? '-' },
        { title: 'WHY', value: (tick) => [tick.reason, tick.detail].filter((each) => each !== null).join(': ') },
      ];
      const listing = { rows: items, columns, name: (tick: ScheduleTick) => tick.nominalAt };
      writeListing(session.terminal.out, session.format, { ...listing, none: 'no ticks yet' });
    });
}
