import type { WorkerDrained, WorkerLoadView, WorkerView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { hostname } from 'node:os';
import { dataDirectoryAt, makeDataDirectory } from '../data-directory.ts';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import type { WorkerRoleOptions } from '../roles/worker.ts';
import {
  durationOf,
  listOf,
  opsSettings,
  required,
  serviceLog,
  tlsSettings,
  workerLimits,
} from '../service-settings.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { isPostgres, SETTINGS, type Given, type Settings } from '../settings.ts';
import { instantText } from '../words.ts';

/** `pelorus worker`, `pelorus worker list …` */
export function addWorkerCommand(program: Command, host: Host): void {
  const worker = program
    .command('worker')
    .description('one worker of a cluster: dials the masters and runs tasks')
    .option('--masters <urls>', 'ws://host:port or wss://host:port, separated by commas (PELORUS_MASTERS)')
    .option('--token <token>', 'better PELORUS_WORKER_TOKEN_FILE: what is in a command line can be seen')
    .option('--data <dir>', 'its own directory (PELORUS_DATA, ./.pelorus)')
    .option('--name <name>', 'under which people know it (PELORUS_WORKER_NAME, the name of the host)')
    .option('--slots <n>', 'tasks side by side (PELORUS_WORKER_SLOTS, 100)')
    .option('--groups <names>', 'separated by commas (PELORUS_WORKER_GROUPS, default)')
    .option('--ops <address:port>', 'where operators come in (PELORUS_OPS, 127.0.0.1:8091)')
    .option('--drain <duration>', 'how long it waits for its tasks when told to end (PELORUS_DRAIN, 30s)')
    .addHelpText(
      'after',
      examples('pelorus worker --masters ws://master-1:8090,ws://master-2:8090', 'pelorus worker list'),
    )
    .action(async (flags: WorkerFlags, command: Command) => runWorker(openSession(command, host, given(flags))));

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
    { title: 'SLOTS', value: ({ load, slots }) => (load === null ? String(slots) : `${load.usedSlots}/${slots}`) },
    { title: 'LOAD', value: ({ load }) => (load?.loadAverage ?? null)?.toFixed(2) ?? '-' },
    { title: 'CPUS', value: ({ load }) => String(load?.cpuCount ?? '-') },
    { title: 'MEMORY', value: ({ load }) => (load === null ? '-' : memoryText(load)) },
    { title: 'SEEN', value: (worker) => instantText(worker.seenAt, reference) },
    { title: 'FEATURES', value: (worker) => worker.features.join(',') },
  ];
  writeListing(session.terminal.out, session.format, {
    rows: items,
    columns,
    name: (worker) => worker.id,
    none: 'no workers',
  });
}

/** Used of all, in GiB. */
function memoryText({ freeMemoryBytes, totalMemoryBytes }: WorkerLoadView): string {
  const [used, all] = [totalMemoryBytes - freeMemoryBytes, totalMemoryBytes].map((bytes) => (bytes / GIB).toFixed(1));
  return `${used}/${all} GiB`;
}

const GIB = 2 ** 30;

function report(session: Session, drained: WorkerDrained): void {
  const { name, draining, liveAttempts } = drained;
  const left = liveAttempts === 0 ? 'it runs nothing' : `${liveAttempts} attempts go on`;
  const text = (): string =>
    draining ? `worker ${name} gets nothing new; ${left}\n` : `worker ${name} gets tasks again\n`;
  writeItem(session.terminal.out, session.format, { value: drained, name, text });
}

interface WorkerFlags {
  masters?: string;
  token?: string;
  data?: string;
  name?: string;
  slots?: string;
  groups?: string;
  ops?: string;
  drain?: string;
}

function given({ masters, token, data, name, slots, groups, ops, drain }: WorkerFlags): Given {
  return {
    ...(masters === undefined ? {} : { masters }),
    ...(token === undefined ? {} : { workerToken: token }),
    ...(data === undefined ? {} : { data }),
    ...(name === undefined ? {} : { workerName: name }),
    ...(slots === undefined ? {} : { workerSlots: slots }),
    ...(groups === undefined ? {} : { workerGroups: groups }),
    ...(ops === undefined ? {} : { ops }),
    ...(drain === undefined ? {} : { drain }),
  };
}

async function runWorker(session: Session): Promise<void> {
  const { settings } = session;
  refuseCredentials(settings);
  const options = await workerOptions(session);
  makeDataDirectory(options.data);
  // Loaded here, for the other commands need none of it.
  const [{ serveRole }, { startWorkerRole }] = await Promise.all([
    import('../roles/serve.ts'),
    import('../roles/worker.ts'),
  ]);
  const drainMs = durationOf(settings, 'drain');
  await serveRole(session, { name: 'worker', drainMs, start: () => startWorkerRole(options) });
}

/** A worker runs other people's code, which may read what its process has been given. */
function refuseCredentials(settings: Settings): void {
  const found = (['store', 'secretKey', 'adminToken'] as const).find(
    (name) => settings[name].source !== 'default' && (name !== 'store' || isPostgres(settings.store.value ?? '')),
  );
  if (found === undefined || settings[found].value === null) return;
  throw new Failure({
    exitCode: EXIT.usage,
    what: `${SETTINGS[found].environment} must not be given to a worker`,
    why: "it runs other people's code, which could read it; a worker needs masters and a token, nothing else",
    todo: `take it out of this process's environment and pelorus.config.yaml (it comes from: ${settings[found].source})`,
  });
}

async function workerOptions(session: Session): Promise<WorkerRoleOptions> {
  const { settings, host } = session;
  const [token = ''] = listOf(required(settings, 'workerToken', 'a worker presents it to the masters'));
  return {
    data: dataDirectoryAt(settings.data.value ?? '', 'sqlite:pelorus.db', host.directory),
    name: settings.workerName.value ?? hostname(),
    limits: workerLimits(settings, -1),
    masters: {
      urls: listOf(required(settings, 'masters', 'a worker dials them')),
      token,
      tls: tlsSettings(settings, host.directory),
    },
    ops: opsSettings(settings),
    log: await serviceLog(session),
  };
}
