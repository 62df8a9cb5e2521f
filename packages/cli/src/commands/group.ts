import type { TaskGroupView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import { openSession, wholeNumber, type Host } from '../session.ts';

const COLUMNS: Column<TaskGroupView>[] = [
  { title: 'GROUP', value: (group) => group.name },
  { title: 'SIZE', value: (group) => String(group.size) },
  {
    title: 'HELD',
    value: (group) => String(group.held),
    tone: (group) => (group.held >= group.size ? 'warn' : 'good'),
  },
  { title: 'ATTEMPTS', value: (group) => String(group.liveAttempts) },
  { title: 'WAITING', value: (group) => String(group.waitingTasks) },
];

/** `pelorus group …` */
export function addGroupCommand(program: Command, host: Host): void {
  const parent = program.command('group').description('task groups: how many tasks of a kind run side by side');

  parent
    .command('list')
    .description('task groups, what they hold and how many tasks wait')
    .addHelpText('after', examples('pelorus group list', 'pelorus group list -o json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.taskGroups.list(session.signal);
      const listing = { rows: items, columns: COLUMNS, name: (group: TaskGroupView) => group.name };
      writeListing(session.terminal.out, session.format, { ...listing, none: 'no task groups' });
    });

  parent
    .command('set <name>')
    .description('create a task group or change its size; what it holds goes on')
    .requiredOption('--size <n>', 'how much its tasks may weigh together; 0: none may start', wholeNumber('--size', 0))
    .addHelpText('after', examples('pelorus group set warehouse --size 4'))
    .action(async (name: string, flags: { size: number }, command: Command) => {
      const session = openSession(command, host);
      const group = await session.client.taskGroups.put(name, { size: flags.size }, session.signal);
      const text = (): string => `task group ${name}: size ${group.size}, ${group.held} held\n`;
      writeItem(session.terminal.out, session.format, { value: group, name, text });
    });

  parent
    .command('delete <name>')
    .description('delete a task group; tasks that name it wait until there is one again')
    .addHelpText('after', examples('pelorus group delete warehouse'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.taskGroups.delete(name, session.signal);
      const text = (): string => `task group ${name} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });
}
