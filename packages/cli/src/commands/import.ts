/** `pelorus import …`: the files of other schedulers as workflows, with a report of what became of everything in them. */
import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { DssSource } from '@pelorus/engine/imports';
import { ApiError } from '@pelorus/sdk';
import type { Command } from 'commander';
import { DEFAULT_PROJECT } from '../apply-workflow.ts';
import { examples } from '../examples.ts';
import { usageFailure } from '../failure.ts';
import { isFile, readSourceFile, settleImport, type ImportFlags } from '../imported-workflows.ts';
import { allPages } from '../pages.ts';
import { openSession, type Host, type Session } from '../session.ts';

interface DssFlags extends ImportFlags {
  name?: string;
}

interface CrontabFlags extends ImportFlags {
  timezone?: string;
  system?: boolean;
}

interface DolphinSchedulerFlags extends ImportFlags {
  timezone?: string;
  datasource: Map<string, string>;
  environment: Map<string, string>;
  taskGroup: Map<string, string>;
}

export function addImportCommand(program: Command, host: Host): void {
  const group = program.command('import').description('take over workflows of other schedulers');
  addDss(group, host);
  addCrontab(group, host);
  addDolphinScheduler(group, host);
}

function shared(command: Command): Command {
  return command
    .option('--project <name>', `the project (default: ${DEFAULT_PROJECT})`)
    .option('--dry-run', 'only report what would become of everything')
    .option('--out <folder>', 'write the definitions there instead of saving them');
}

function addDss(group: Command, host: Host): void {
  shared(group.command('dss <file...>'))
    .description('flows of DataSphereStudio, as JSON; several files are one import')
    .option('--name <name>', 'the name of the workflow; of one file only')
    .addHelpText(
      'after',
      examples(
        'pelorus import dss flow.json --project etl',
        'pelorus import dss flow.json --dry-run -o json',
        'pelorus import dss main.json child.json --out workflows',
      ),
    )
    .action(async (paths: string[], flags: DssFlags, command: Command) => {
      const session = openSession(command, host);
      const sources = await readSources(session, paths, flags);
      const folder = folderOf(paths, host);
      const { importDssFiles } = await importers();
      const result = importDssFiles(sources, {
        project: flags.project ?? null,
        readFile: (name) => scriptBeside(folder, name),
        hasFile: (name) => isFile(join(folder, name)),
      });
      await settleImport(session, result, { paths, folder, flags });
    });
}

function addCrontab(group: Command, host: Host): void {
  shared(group.command('crontab <file>'))
    .description('the entries of a crontab, each as a workflow with an offline schedule; - reads crontab -l')
    .option('--timezone <zone>', 'the zone of its times (default: CRON_TZ in the file, else the zone of this machine)')
    .option('--system', 'a user stands before each command, as in /etc/crontab (default: as the file looks)')
    .addHelpText(
      'after',
      examples(
        'crontab -l | pelorus import crontab - --project ops',
        'pelorus import crontab /etc/crontab --dry-run',
        'pelorus import crontab jobs.txt --timezone Europe/Berlin --out workflows',
      ),
    )
    .action(async (path: string, flags: CrontabFlags, command: Command) => {
      const { importCrontab } = await importers();
      const timezone = await zoneOf(flags.timezone);
      const session = openSession(command, host);
      const source = await readSourceFile(session, path);
      const result = importCrontab(source, {
        file: path === '-' ? 'crontab' : basename(path),
        project: flags.project ?? null,
        timezone,
        hasUser: flags.system === true || isOfSystem(resolve(host.directory, path)) ? true : null,
      });
      await settleImport(session, result, { paths: [path], folder: folderOf([path], host), flags });
    });
}

function addDolphinScheduler(group: Command, host: Host): void {
  shared(group.command('dolphinscheduler <file...>'))
    .description('workflows that Apache DolphinScheduler 1.x to 3.4 exported, as JSON; several files are one import')
    .option('--timezone <zone>', 'the zone of schedules that name none (default: the zone of this machine)')
    .option(
      '--datasource <id=connection>',
      'the connection that is meant by a data source; repeatable',
      pair,
      new Map(),
    )
    .option('--environment <code=name>', 'the environment that is meant by a code; repeatable', pair, new Map())
    .option('--task-group <id=name>', 'the task group that is meant by a number; repeatable', pair, new Map())
    .addHelpText(
      'after',
      examples(
        'pelorus import dolphinscheduler workflows.json --project etl --datasource 7=warehouse',
        'pelorus import dolphinscheduler workflows.json --dry-run -o json',
      ),
    )
    .action(async (paths: string[], flags: DolphinSchedulerFlags, command: Command) => {
      const { importDolphinScheduler } = await importers();
      const timezone = await zoneOf(flags.timezone);
      const session = openSession(command, host);
      const sources = await Promise.all(
        paths.map(async (path) => ({
          file: path === '-' ? 'export' : basename(path),
          source: await readSourceFile(session, path),
        })),
      );
      const folder = folderOf(paths, host);
      const isLocal = flags.dryRun === true || flags.out !== undefined;
      const result = importDolphinScheduler(sources, {
        project: flags.project ?? null,
        timezone,
        known: isLocal ? new Map() : await knownCodes(session, flags.project ?? DEFAULT_PROJECT),
        connections: flags.datasource,
        environments: flags.environment,
        taskGroups: flags.taskGroup,
        hasFile: (name) => isFile(join(folder, name)),
      });
      await settleImport(session, result, { paths, folder, flags });
    });
}

/** Loaded only when something is imported: no other command needs them. */
function importers(): Promise<typeof import('@pelorus/engine/imports')> {
  return import('@pelorus/engine/imports');
}

function folderOf(paths: string[], host: Host): string {
  return dirname(resolve(host.directory, paths[0] ?? '.'));
}

async function zoneOf(flag: string | undefined): Promise<string> {
  const { isZone } = await import('@pelorus/engine');
  if (flag === undefined) return Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!isZone(flag)) throw usageFailure(`--timezone ${flag} is no time zone`);
  return flag;
}

function isOfSystem(path: string): boolean {
  return path === '/etc/crontab' || dirname(path) === '/etc/cron.d';
}

function pair(text: string, before: Map<string, string>): Map<string, string> {
  const [, id, name] = /^([^=\s]+)=(\S+)$/.exec(text) ?? [];
  if (id === undefined || name === undefined)
    throw usageFailure(`"${text}" is not a number and a name, like 7=warehouse`);
  return new Map([...before, [id, name]]);
}

/** Workflows of the project that were imported before, by their code. */
async function knownCodes({ client, signal }: Session, project: string): Promise<Map<string, string>> {
  const workflows = await allPages((query) => client.workflows.list({ project, ...query }, signal)).catch(
    (error: unknown) => {
      // A project that is only made by this import.
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    },
  );
  return new Map(
    workflows.toReversed().flatMap(({ name, labels }): [string, string][] => {
      const code = labels['dolphinscheduler.code'];
      return code === undefined ? [] : [[code, name]];
    }),
  );
}

const NAME = /^[\p{L}_][\p{L}\p{M}\p{Nd}_-]{0,62}$/u;

async function readSources(session: Session, paths: string[], flags: DssFlags): Promise<DssSource[]> {
  if (flags.name !== undefined && paths.length > 1) throw usageFailure('--name is for one file; these are several');
  if (flags.name !== undefined && !NAME.test(flags.name))
    throw usageFailure(`--name must be letters, digits, _ and -, not "${flags.name}"`);
  const { dssFlowName } = await importers();
  return Promise.all(
    paths.map(async (path) => {
      const source = await readSourceFile(session, path);
      const fallback = path === '-' ? 'flow' : basename(path, extname(path));
      return { file: basename(path), name: flags.name ?? dssFlowName(source) ?? fallback, source };
    }),
  );
}

/** Where exports put the scripts of nodes. */
const SCRIPT_FOLDERS = ['.', 'resource', 'resources', 'scripts'];

/** `name` is one part of a path, as the importer asks for it. */
function scriptBeside(folder: string, name: string): string | null {
  if (basename(name) !== name) return null;
  const found = SCRIPT_FOLDERS.map((inner) => join(folder, inner, name)).find(isFile);
  return found === undefined ? null : readFileSync(found, 'utf8');
}
