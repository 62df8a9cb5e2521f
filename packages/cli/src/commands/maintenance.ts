import type { MaintenanceView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { writeItem } from '../output.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

/** `pelorus maintenance …` */
export function addMaintenanceCommand(program: Command, host: Host): void {
  const parent = program
    .command('maintenance')
    .description('hold all schedules still; what is due meanwhile is decided afterwards, by their misfire policies');

  parent
    .command('on')
    .description('nothing ticks from now on; runs go on')
    .option('--reason <text>', 'why, for everybody to read', '')
    .addHelpText('after', examples('pelorus maintenance on --reason "new disks until 18:00"'))
    .action(async ({ reason }: { reason: string }, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.maintenance.put({ paused: true, reason }, session.signal));
    });

  parent
    .command('off')
    .description('schedules go on')
    .addHelpText('after', examples('pelorus maintenance off'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.maintenance.put({ paused: false }, session.signal));
    });

  parent
    .command('status')
    .description('whether schedules are held still, by whom and why')
    .addHelpText('after', examples('pelorus maintenance status'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.maintenance.get(session.signal));
    });
}

function show(session: Session, maintenance: MaintenanceView): void {
  const text = (): string => maintenanceText(session, maintenance);
  writeItem(session.terminal.out, session.format, {
    value: maintenance,
    name: maintenance.paused ? 'on' : 'off',
    text,
  });
}

/** A line that says whether it is on, since when and why. */
export function maintenanceText(session: Session, { paused, reason, since, by }: MaintenanceView): string {
  const who = since === null ? '' : `, ${instantText(since, relativeTo(session))} by ${by ?? 'nobody'}`;
  const why = reason === '' ? '' : `: ${reason}`;
  return paused ? `maintenance is on${who}${why}\n` : `maintenance is off${who}\n`;
}
