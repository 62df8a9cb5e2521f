import type { CalendarBody, CalendarSummary, CalendarView } from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { fieldsText, writeItem, writeListing, type Column } from '../output.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

const FORMATS = ['ics', 'csv', 'json'] as const;
type Format = (typeof FORMATS)[number];

/** `pelorus calendar …` */
export function addCalendarCommand(program: Command, host: Host): void {
  const parent = program.command('calendar').description('named sets of days that are holidays to schedules');

  parent
    .command('list')
    .description('calendars, and how many schedules heed them')
    .addHelpText('after', examples('pelorus calendar list'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.calendars.list(session.signal);
      const columns: Column<CalendarSummary>[] = [
        { title: 'CALENDAR', value: (calendar) => calendar.name },
        { title: 'DAYS', value: (calendar) => String(calendar.dayCount) },
        { title: 'FROM', value: (calendar) => calendar.firstDay ?? '-' },
        { title: 'TO', value: (calendar) => calendar.lastDay ?? '-' },
        { title: 'SCHEDULES', value: (calendar) => String(calendar.schedules) },
        { title: 'CHANGED', value: (calendar) => instantText(calendar.updatedAt, relativeTo(session)) },
        { title: 'BY', value: (calendar) => calendar.updatedBy },
        { title: 'DESCRIPTION', value: (calendar) => calendar.description },
      ];
      const listing = { rows: items, columns, name: (calendar: CalendarSummary) => calendar.name };
      writeListing(session.terminal.out, session.format, { ...listing, none: 'no calendars' });
    });

  parent
    .command('get <name>')
    .description('one calendar with its days')
    .addHelpText('after', examples('pelorus calendar get holidays', 'pelorus calendar get holidays -o json'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.calendars.get(name, session.signal));
    });

  parent
    .command('import <name> <file>')
    .description(
      'create or replace a calendar: iCalendar, CSV with a date in each line, or JSON {days}; - for standard input',
    )
    .addOption(new Option('--format <format>', 'what the file is; without: as its name says').choices(FORMATS))
    .option('--description <text>', 'what it is for')
    .addHelpText(
      'after',
      examples('pelorus calendar import holidays holidays.ics', 'pelorus calendar import cn - --format csv < days.csv'),
    )
    .action((name: string, file: string, flags: ImportFlags, command: Command) =>
      importCalendar(openSession(command, host), { name, file }, flags),
    );

  parent
    .command('delete <name>')
    .description('delete a calendar that no schedule names')
    .addHelpText('after', examples('pelorus calendar delete holidays'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.calendars.delete(name, session.signal);
      const text = (): string => `calendar ${name} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });
}

function show(session: Session, calendar: CalendarView): void {
  const text = (): string =>
    `${fieldsText([
      ['calendar', calendar.name],
      ['description', calendar.description],
      ['days', String(calendar.days.length)],
      ['changed', `${instantText(calendar.updatedAt, relativeTo(session))} by ${calendar.updatedBy}`],
    ])}\n${calendar.days.map((day) => `${day}\n`).join('')}`;
  writeItem(session.terminal.out, session.format, { value: calendar, name: calendar.name, text });
}

interface ImportFlags {
  format?: Format;
  description?: string;
}

async function importCalendar(
  session: Session,
  { name, file }: { name: string; file: string },
  { format, description }: ImportFlags,
): Promise<void> {
  const kind = format ?? FORMATS.find((each) => extname(file).toLowerCase() === `.${each}`);
  if (kind === undefined) throw usageFailure(`say with --format what ${file} is: ${FORMATS.join(', ')}`);
  const source = await sourceOf(session, file);
  const { calendars } = session.client;
  const described = description === undefined ? {} : { description };
  const saved =
    kind === 'json'
      ? await calendars.put(name, { ...jsonCalendar(source, file), ...described }, session.signal)
      : await calendars.import(name, { format: kind, source, ...described }, session.signal);
  for (const warning of saved.warnings) session.terminal.err.write(`warning: ${warning}\n`);
  const text = (): string => `calendar ${name}: ${saved.days.length === 1 ? '1 day' : `${saved.days.length} days`}\n`;
  writeItem(session.terminal.out, session.format, { value: saved, name, text });
}

async function sourceOf({ host }: Session, file: string): Promise<string> {
  if (file === '-') return host.readStdin();
  return readFile(resolve(host.directory, file), 'utf8').catch((cause: unknown) => {
    throw new Failure({
      exitCode: EXIT.usage,
      what: `${file} cannot be read`,
      why: cause instanceof Error ? cause.message : String(cause),
      todo: 'give the path of a file, or - for standard input',
    });
  });
}

/** `{days}` as `pelorus calendar get -o json` writes it, or the days alone; the server checks what is in it. */
function jsonCalendar(source: string, file: string): CalendarBody {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    throw usageFailure(`${file} is no JSON`);
  }
  if (Array.isArray(value)) return { days: value as string[] };
  const { days, description } = value as Partial<CalendarBody>;
  if (!Array.isArray(days)) throw usageFailure(`${file} has no days: it must be {"days": ["2026-05-01"]}`);
  return { days, ...(description === undefined ? {} : { description }) };
}
