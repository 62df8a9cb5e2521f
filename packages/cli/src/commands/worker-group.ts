import type { WorkerGroupView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { fieldsText, tableText, writeItem, writeListing, type Column } from '../output.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import type { Stream } from '../terminal.ts';
import { instantText } from '../words.ts';

const COLUMNS: Column<WorkerGroupView>[] = [
  { title: 'GROUP', value: (group) => group.name },
  {
    title: 'WORKERS',
    value: (group) => String(group.workers.length),
    tone: (group) => (group.workers.length === 0 && group.waitingTasks > 0 ? 'bad' : null),
  },
  { title: 'SLOTS', value: (group) => String(group.slots) },
  {
    title: 'WAITING',
    value: (group) => String(group.waitingTasks),
    tone: (group) => (group.waitingTasks > 0 ? 'warn' : null),
  },
  { title: 'DESCRIPTION', value: (group) => group.description },
];

const WORKERS: Column<WorkerGroupView['workers'][number]>[] = [
  { title: 'WORKER', value: (worker) => worker.id },
  { title: 'NAME', value: (worker) => worker.name },
  { title: 'STATE', value: (worker) => worker.state, tone: ({ state }) => (state === 'online' ? 'good' : 'quiet') },
];

/** `pelorus worker-group …` */
export function addWorkerGroupCommand(program: Command, host: Host): void {
  const parent = program
    .command('worker-group')
    .description('groups of workers, which tasks name; a worker says itself to which it belongs');

  parent
    .command('list')
    .description('groups that are described, that workers belong to or that tasks wait for')
    .addHelpText('after', examples('pelorus worker-group list', 'pelorus worker-group list -o json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.workerGroups.list(session.signal);
      const listing = { rows: items, columns: COLUMNS, name: (group: WorkerGroupView) => group.name };
      writeListing(session.terminal.out, session.format, { ...listing, none: 'no worker groups' });
    });

  parent
    .command('get <name>')
    .description('one group with its workers')
    .addHelpText('after', examples('pelorus worker-group get gpu'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.workerGroups.get(name, session.signal));
    });

  parent
    .command('set <name>')
    .description('describe a group, whether workers belong to it yet or not')
    .option('--description <text>', 'what it is for', '')
    .addHelpText('after', examples('pelorus worker-group set gpu --description "machines with two cards"'))
    .action(async (name: string, flags: { description: string }, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.workerGroups.put(name, flags, session.signal));
    });

  parent
    .command('delete <name>')
    .description('forget the description of a group; its workers and tasks stay as they are')
    .addHelpText('after', examples('pelorus worker-group delete gpu'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.workerGroups.delete(name, session.signal);
      const text = (): string => `worker group ${name} is not described any more\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });
}

function show(session: Session, group: WorkerGroupView): void {
  const text = (stream: Stream): string => {
    const fields = fieldsText([
      ['group', group.name],
      ['description', group.description],
      ['slots', String(group.slots)],
      ['tasks waiting', String(group.waitingTasks)],
      ['described', group.updatedAt === null ? null : instantText(group.updatedAt, relativeTo(session))],
      ['by', group.updatedBy],
    ]);
    const workers =
      group.workers.length === 0 ? 'no workers\n' : tableText(stream, { rows: group.workers, columns: WORKERS });
    return `${fields}\n${workers}`;
  };
  writeItem(session.terminal.out, session.format, { value: group, name: group.name, text });
}
