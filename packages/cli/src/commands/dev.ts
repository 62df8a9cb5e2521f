import { createClient } from '@pelorus/sdk';
import type { Command } from 'commander';
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { createInterface } from 'node:readline/promises';
import {
  adminTokenOf,
  holdsSecretKey,
  secretKeyOf,
  dataDirectoryAt,
  emptyDataDirectory,
  holdsData,
  makeDataDirectory,
  type DataDirectory,
} from '../data-directory.ts';
import { watchDefinitions, type DefinitionWatcher } from '../definition-watcher.ts';
import type { DevServer } from '../dev.ts';
import { EXIT } from '../exit-codes.ts';
import { interrupted } from '../interrupted.ts';
import { Failure, failureOf, failureText, usageFailure } from '../failure.ts';
import { productVersion } from '../product-version.ts';
import { applySamples } from '../samples.ts';
import { removeServerFile, writeServerFile } from '../server-file.ts';
import {
  alertSettings,
  apiSettings,
  auditSettings,
  durationOf,
  logSettings,
  selectorOf,
  serviceLog,
  workerLimits,
} from '../service-settings.ts';
import { openSession, type Host, type Session } from '../session.ts';
import type { Given, Settings } from '../settings.ts';
import { paint } from '../terminal.ts';
import { padTo } from '../text-width.ts';
import { examples } from '../examples.ts';

interface DevFlags {
  port?: string;
  host?: string;
  data?: string;
  store?: string;
  samples: boolean;
  reset?: boolean;
  yes?: boolean;
}

/** After the first Ctrl-C running tasks are given this long. */
const DRAIN_MS = 10_000;
/** For how long the supervisor lets tasks go on without a worker: the execution lease. */
const LEASE_TEXT = 'a minute';

/** `pelorus dev [dir]` */
export function addDevCommand(program: Command, host: Host): void {
  program
    .command('dev [dir]')
    .description('everything in one process; keeps the workflows of dir saved')
    .option('--port <port>', 'port to listen on (PELORUS_PORT, 8080); taken: the next free one; 0: any')
    .option('--host <address>', 'address to listen on (PELORUS_HOST, 127.0.0.1)')
    .option('--data <dir>', 'where everything is kept (PELORUS_DATA, ./.pelorus)')
    .option('--store <url>', 'postgres://user:password@host/database instead of a file there (PELORUS_STORE)')
    .option('--no-samples', 'without the project `samples`')
    .option('--no-open', 'for scripts: never open a browser, which it does not do by itself either')
    .option('--reset', 'begin with an empty data directory')
    .option('-y, --yes', 'do not ask before --reset')
    .addHelpText(
      'after',
      examples('pelorus dev', 'pelorus dev ./workflows --port 9000', 'pelorus dev --data /tmp/try --reset --yes'),
    )
    .action(async (directory: string | undefined, flags: DevFlags, command: Command) => {
      await runDev(openSession(command, host, givenBy(flags)), directory ?? null, flags);
    });
}

function givenBy({ port, host, data, store }: DevFlags): Given {
  return {
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(data === undefined ? {} : { data }),
    ...(store === undefined ? {} : { store }),
  };
}

async function runDev(session: Session, folder: string | null, flags: DevFlags): Promise<void> {
  const { settings, host } = session;
  if (folder !== null) await checkFolder(folder);
  const data = dataDirectoryAt(settings.data.value ?? '', settings.store.value ?? '', host.directory);
  const log = await serviceLog(session);
  // Loaded here, for the other commands need none of it.
  const { startDev, endLeftTasks } = await import('../dev.ts');
  makeDataDirectory(data);
  if (flags.reset === true)
    await reset(session, data, flags, async () => {
      const { openFileStore } = await import('../store-place.ts');
      if (data.store !== null) await (await openFileStore(data.store)).close();
      await endLeftTasks(data, log);
    });

  const adminToken = settings.adminToken.value ?? adminTokenOf(data);
  const wanted = Number(settings.port.value);
  const server = await startDev({
    data,
    store: {
      url: settings.store.value ?? '',
      masterLeaseMs: durationOf(settings, 'masterLease'),
      audit: auditSettings(settings),
      signal: session.signal,
    },
    api: { ...apiSettings(settings), adminToken },
    port: wanted,
    secretKeys: secretKeysOf(settings, data),
    // The limit leaves work to other workers. Here is no other, and a load average falls for minutes after the work is done.
    worker: workerLimits(settings, Infinity),
    selector: selectorOf(settings),
    logs: logSettings(settings, host.directory),
    alerts: alertSettings(settings),
    log,
  });
  try {
    await open(session, server, { data, folder, adminToken, samples: flags.samples, wanted });
  } catch (error) {
    await server.stop(0);
    removeServerFile(data.root, process.pid);
    throw error;
  }
}

/** The key of the data directory opens what it has sealed, also after another one was configured. */
function secretKeysOf({ secretKey }: Settings, data: DataDirectory): string {
  const { value } = secretKey;
  if (value === null) return secretKeyOf(data);
  return holdsSecretKey(data) ? `${value},${secretKeyOf(data)}` : value;
}

interface Opening {
  data: DataDirectory;
  folder: string | null;
  adminToken: string;
  samples: boolean;
  /** The port that was asked for. */
  wanted: number;
}

/** Tells everybody where the server is, fills it, and serves until it is to end. */
async function open(session: Session, server: DevServer, opening: Opening): Promise<void> {
  const { data, folder, adminToken, wanted } = opening;
  writeServerFile(data.root, { address: server.address, token: adminToken, pid: process.pid });
  const client = createClient({ baseUrl: server.address, token: adminToken });
  const samples = opening.samples ? await applySamples(client, data.samplesDatabase, session.signal) : [];
  const movedFrom = wanted !== 0 && wanted !== server.port ? wanted : null;
  session.terminal.out.write(banner(session, server, { data, samples, movedFrom }));
  const watcher = folder === null ? null : await startWatching(session, client, folder);
  await serve(session, server, data, watcher);
}

async function checkFolder(folder: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new Failure({
      exitCode: EXIT.notFound,
      what: `${folder} is not a folder`,
      todo: 'pelorus dev <folder with definitions>, or without one',
    });
}

/** Asks first on a terminal; elsewhere wants --yes. `release` makes sure that nobody uses the directory. */
async function reset(
  session: Session,
  data: DataDirectory,
  flags: DevFlags,
  release: () => Promise<void>,
): Promise<void> {
  if (!holdsData(data)) return;
  if (flags.yes !== true) {
    if (!session.terminal.out.isTerminal || !process.stdin.isTTY)
      throw usageFailure(`--reset would delete all that is in ${data.root}`, 'the same again with --yes');
    const prompt = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await prompt
      .question(`Delete every workflow, run and log in ${data.root}? [y/N] `, { signal: session.signal })
      .finally(() => prompt.close());
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new Failure({ exitCode: EXIT.interrupted, what: 'nothing was deleted' });
  }
  await release();
  emptyDataDirectory(data);
}

interface Shown {
  data: DataDirectory;
  samples: string[];
  movedFrom: number | null;
}

function banner(session: Session, server: DevServer, { data, samples, movedFrom }: Shown): string {
  const { out } = session.terminal;
  const shown = shownPath(data.root, session.host.directory);
  const line = (label: string, value: string, note: string): string =>
    `  ${paint(out, 'bold', padTo(label, 9))}${padTo(value, 38)} ${paint(out, 'quiet', note)}`.trimEnd();
  const lines = [
    `  ${paint(out, 'bold', `Pelorus ${productVersion()}`)} · api + master + worker in one process · data ${shown} (kept between runs)`,
    ...(movedFrom === null
      ? []
      : [paint(out, 'warn', `  Port ${movedFrom} is taken; listening on ${server.port} instead`)]),
    line('Console', server.console.url, server.console.signsIn ? 'one-time sign-in link' : ''),
    line('API', `${server.address}/api/v1`, `token in ${shown}/server.json, which \`pelorus\` finds by itself`),
    ...(samples.length === 0
      ? []
      : [line('Samples', samples.join(', '), 'try:  npx pelorus run seattle-weather --watch')]),
  ];
  return `${lines.join('\n')}\n`;
}

function shownPath(full: string, directory: string): string {
  const near = relative(directory, full);
  return near === '' || near.startsWith('..') ? full : `./${near}`;
}

async function startWatching(
  session: Session,
  client: ReturnType<typeof createClient>,
  folder: string,
): Promise<DefinitionWatcher> {
  const { out, err } = session.terminal;
  return watchDefinitions({
    client,
    folder,
    directory: session.host.directory,
    onApplied: (applied) =>
      out.write(`${applied.file}: ${applied.project}/${applied.name} saved as version ${applied.version}\n`),
    onFailure: (failure) => err.write(failureText(failureOf(failure), 'error:')),
  });
}

/** Until Ctrl-C, or until the master is over against its will. */
async function serve(
  session: Session,
  server: DevServer,
  data: DataDirectory,
  watcher: DefinitionWatcher | null,
): Promise<void> {
  const { err } = session.terminal;
  const reason = await Promise.race([interrupted(session.signal), server.over.then(() => 'over' as const)]);
  const running = server.running();
  if (reason === 'over') process.exitCode = EXIT.unexpected;
  else
    err.write(
      running === 0
        ? 'stopping\n'
        : `stopping: waiting up to ${DRAIN_MS / 1000} s for ${countOf(running, 'running task')}; Ctrl-C again stops at once\n`,
    );
  await watcher?.stop();
  const report = await server.stop(reason === 'over' ? 0 : DRAIN_MS);
  removeServerFile(data.root, process.pid);
  if (report.leftRunning > 0) err.write(leftText(report.leftRunning, report.supervisorPid));
}

function leftText(count: number, supervisorPid: number): string {
  return (
    `${countOf(count, 'task')} still running: the supervisor (process ${supervisorPid}) lets ${count === 1 ? 'it' : 'them'} go on for ${LEASE_TEXT}; ` +
    `a \`pelorus dev\` started by then takes ${count === 1 ? 'it' : 'them'} over, otherwise ${count === 1 ? 'it is' : 'they are'} ended and run again at the next start\n`
  );
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
