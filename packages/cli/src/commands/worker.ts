import type { WorkerView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { writeListing, type Column } from '../output.ts';
import { openSession, relativeTo, type Host } from '../session.ts';
import { instantText } from '../words.ts';
import { examples } from '../examples.ts';

/** `pelorus worker list` */
export function addWorkerCommand(program: Command, host: Host): void {
  program
    .command('worker')
    .description('the processes that run tasks')
    .command('list')
    .description('workers and their slots')
    .addHelpText('after', examples('pelorus worker list', 'pelorus worker list -o json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.workers.list(session.signal);
      const reference = relativeTo(session);
      const columns: Column<WorkerView>[] = [
        { title: 'WORKER', value: (worker) => worker.id },
        { title: 'NAME', value: (worker) => worker.name },
        { title: 'HOST', value: (worker) => worker.host },
        {
          title: 'STATE',
          value: (worker) => worker.state,
          tone: (worker) => (worker.state === 'online' ? 'good' : 'quiet'),
        },
        { title: 'GROUPS', value: (worker) => worker.groups.join(',') },
        { title: 'SLOTS', value: (worker) => String(worker.slots) },
        { title: 'SEEN', value: (worker) => instantText(worker.seenAt, reference) },
      ];
      writeListing(session.terminal.out, session.format, {
        rows: items,
        columns,
        name: (worker) => worker.id,
        none: 'no workers',
      });
    });
}
