import type { DeadlineBody, DeadlineView } from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { usageFailure } from '../failure.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import { allPages } from '../pages.ts';
import { resolveWorkflow } from '../references.ts';
import { collectList, openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

interface ListFlags {
  project?: string;
  limit: number;
}

interface SetFlags {
  project?: string;
  by?: string;
  cron?: string;
  zone?: string;
  task?: string;
  to?: string[];
  disabled?: boolean;
}

/** `pelorus deadline …` */
export function addDeadlineCommand(program: Command, host: Host): void {
  const parent = program
    .command('deadline')
    .description('by when a workflow, or a task of it, must have succeeded; people are told when it has not');

  parent
    .command('list [workflow]')
    .description('deadlines of a workflow, or of all that you may read')
    .option('--project <name>', 'the project of the workflow; without a workflow: only of this project')
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1), 100)
    .addHelpText('after', examples('pelorus deadline list', 'pelorus deadline list sales/nightly'))
    .action((written: string | undefined, flags: ListFlags, command: Command) =>
      listDeadlines(openSession(command, host), written, flags),
    );

  parent
    .command('set <workflow> <name>')
    .description('create or replace a deadline')
    .option('--project <name>', 'the project of the workflow')
    .addOption(new Option('--by <time>', 'each day at this time, e.g. 06:00').conflicts('cron'))
    .option('--cron <expression>', 'the instants by which it must have succeeded since the one before')
    .option('--zone <name>', 'the zone in which that is meant; without: UTC')
    .option('--task <task>', 'this task instead of the whole workflow')
    .option('--to <who>', 'an address or an alert channel; without: whom the workflow tells', collectList)
    .option('--disabled', 'nobody looks at it')
    .addHelpText(
      'after',
      examples(
        'pelorus deadline set sales/nightly by-six --by 06:00 --zone Europe/Berlin --to ops',
        "pelorus deadline set sales/nightly load-by-noon --cron '0 12 * * 1-5' --task load",
      ),
    )
    .action(async (written: string, name: string, flags: SetFlags, command: Command) => {
      const body = bodyOf(flags);
      const session = openSession(command, host);
      const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
      const deadline = await session.client.deadlines.put(project, workflow, name, body, session.signal);
      const next = deadline.nextCheckAt === null ? 'nobody looks at it' : `next ${deadline.nextCheckAt}`;
      const text = (): string => `deadline ${name} of ${project}/${workflow}: ${next}\n`;
      writeItem(session.terminal.out, session.format, { value: deadline, name, text });
    });

  parent
    .command('delete <workflow> <name>')
    .description('delete a deadline')
    .option('--project <name>', 'the project of the workflow')
    .addHelpText('after', examples('pelorus deadline delete sales/nightly by-six'))
    .action(async (written: string, name: string, flags: { project?: string }, command: Command) => {
      const session = openSession(command, host);
      const { project, workflow } = await resolveWorkflow(session.client, written, flags.project, session.signal);
      await session.client.deadlines.delete(project, workflow, name, session.signal);
      const text = (): string => `deadline ${name} of ${project}/${workflow} deleted\n`;
      const value = { project, workflow, name, deleted: true };
      writeItem(session.terminal.out, session.format, { value, name, text });
    });
}

async function listDeadlines(session: Session, written: string | undefined, flags: ListFlags): Promise<void> {
  const rows = await (written === undefined ? deadlinesOfAll(session, flags) : deadlinesOf(session, written, flags));
  const reference = relativeTo(session);
  const columns: Column<DeadlineView>[] = [
    { title: 'WORKFLOW', value: (deadline) => `${deadline.project}/${deadline.workflow}` },
    { title: 'DEADLINE', value: (deadline) => deadline.name },
    { title: 'TASK', value: (deadline) => deadline.task ?? '-' },
    { title: 'CRON', value: (deadline) => deadline.cron },
    { title: 'ZONE', value: (deadline) => deadline.zone },
    {
      title: 'NEXT',
      value: (deadline) => (deadline.enabled ? instantText(deadline.nextCheckAt, reference) : 'disabled'),
    },
    {
      title: 'MISSED',
      value: (deadline) => instantText(deadline.lastMissedAt, reference),
      tone: (deadline) => (deadline.lastMissedAt === null ? null : 'warn'),
    },
    { title: 'TO', value: (deadline) => deadline.recipients.join(', ') },
  ];
  const name = (deadline: DeadlineView) => `${deadline.project}/${deadline.workflow} ${deadline.name}`;
  writeListing(session.terminal.out, session.format, { rows, columns, name, none: 'no deadlines' });
}

async function deadlinesOfAll({ client, signal }: Session, { project, limit }: ListFlags): Promise<DeadlineView[]> {
  const scope = project === undefined ? {} : { project };
  return allPages((page) => client.deadlines.listAll({ ...scope, ...page }, signal), limit);
}

async function deadlinesOf({ client, signal }: Session, written: string, flags: ListFlags): Promise<DeadlineView[]> {
  const { project, workflow } = await resolveWorkflow(client, written, flags.project, signal);
  return (await client.deadlines.list(project, workflow, signal)).items.slice(0, flags.limit);
}

function bodyOf({ by, cron, zone, task, to, disabled }: SetFlags): DeadlineBody {
  return {
    cron: cron ?? daily(by),
    ...(zone === undefined ? {} : { zone }),
    ...(task === undefined ? {} : { task }),
    ...(to === undefined ? {} : { recipients: to }),
    ...(disabled === true ? { enabled: false } : {}),
  };
}

function daily(by: string | undefined): string {
  if (by === undefined) throw usageFailure('deadline set needs --by or --cron');
  const [, hour, minute] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(by) ?? [];
  if (hour === undefined) throw usageFailure(`--by must be a time of day such as 06:00, not "${by}"`);
  return `${Number(minute)} ${Number(hour)} * * *`;
}
