import type { MasterView, WorkerDrained, WorkerView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { writeItem, writeListing, type Column } from '../output.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';
import { examples } from '../examples.ts';

/** `pelorus worker …` */
export function addWorkerCommand(program: Command, host: Host): void {
  const worker = program.command('worker').description('the processes that run tasks');

  worker
    .command('list')
    .description('workers and their slots')
    .addHelpText('after', examples('pelorus worker list', 'pelorus worker list -o json'))
    .action(async (_flags: object, command: Command) => listWorkers(openSession(command, host)));

  worker
    .command('drain <worker>')
    .description('give it nothing new, also when it is started again; what it runs goes on')
    .option('--reason <text>', 'shown beside it')
    .addHelpText('after', examples('pelorus worker drain host-7 --reason "new disk"'))
    .action(async (name: string, flags: { reason?: string }, command: Command) => {
      const session = openSession(command, host);
      report(session, await session.client.workers.drain(name, flags, session.signal));
    });

  worker
    .command('undrain <worker>')
    .description('let it have new tasks again')
    .addHelpText('after', examples('pelorus worker undrain host-7'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      report(session, await session.client.workers.undrain(name, session.signal));
    });
}

/** `pelorus master list` */
export function addMasterCommand(program: Command, host: Host): void {
  program
    .command('master')
    .description('the processes that decide what runs')
    .command('list')
    .description('masters, newest start first, with the runs that each owns')
    .addHelpText('after', examples('pelorus master list', 'pelorus master list -o json'))
    .action(async (_flags: object, command: Command) => listMasters(openSession(command, host)));
}

async function listWorkers(session: Session): Promise<void> {
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
}

function report(session: Session, drained: WorkerDrained): void {
  const { name, draining, liveAttempts } = drained;
  const left = liveAttempts === 0 ? 'it runs nothing' : `${liveAttempts} attempts go on`;
  const text = (): string =>
    draining ? `worker ${name} gets nothing new; ${left}\n` : `worker ${name} gets tasks again\n`;
  writeItem(session.terminal.out, session.format, { value: drained, name, text });
}

async function listMasters(session: Session): Promise<void> {
  const { items } = await session.client.masters.list(session.signal);
  const reference = relativeTo(session);
  const columns: Column<MasterView>[] = [
    { title: 'MASTER', value: (master) => master.id },
    { title: 'HOST', value: (master) => master.host },
    {
      title: 'STATE',
      value: (master) => master.state,
      tone: (master) => (master.state === 'active' ? 'good' : 'quiet'),
    },
    { title: 'RUNS', value: (master) => String(master.runs) },
    { title: 'STARTED', value: (master) => instantText(master.registeredAt, reference) },
    { title: 'RENEWED', value: (master) => instantText(master.renewedAt, reference) },
  ];
  writeListing(session.terminal.out, session.format, {
    rows: items,
    columns,
    name: (master) => master.id,
    none: 'no masters',
  });
}
