import type { EnvironmentView } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { fieldsText, writeItem, writeListing, type Column } from '../output.ts';
import { collectList, collectText, openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

interface SetFlags {
  var?: string[];
  unset?: string[];
  fromFile?: string;
  description?: string;
}

/** `pelorus environment …` */
export function addEnvironmentCommand(program: Command, host: Host): void {
  const parent = program
    .command('environment')
    .description('variables that tasks are given, under a name that runs and tasks choose');

  parent
    .command('list')
    .description('environments')
    .addHelpText('after', examples('pelorus environment list', 'pelorus environment list -o json'))
    .action(async (_flags: object, command: Command) => listEnvironments(openSession(command, host)));

  parent
    .command('get <name>')
    .description('one environment; its variables in a form that `set --from-file` reads')
    .addHelpText('after', examples('pelorus environment get spark3', 'pelorus environment get spark3 > spark3.env'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const environment = await session.client.environments.get(name, session.signal);
      writeItem(session.terminal.out, session.format, { value: environment, name, text: () => fileText(environment) });
    });

  parent
    .command('set <name>')
    .description('create an environment or change it; variables that are not named stay as they are')
    .option('-v, --var <name=value>', 'a variable; may be repeated', collectText)
    .option('--unset <name>', 'take a variable away; may be repeated, or a list with commas', collectList)
    .option('--from-file <file>', 'instead: exactly these variables, one name=value a line (- for standard input)')
    .option('--description <text>', 'what it is for')
    .addHelpText(
      'after',
      examples(
        'pelorus environment set spark3 --var SPARK_HOME=/opt/spark3 --var JAVA_HOME=/opt/jdk21',
        'pelorus environment set spark3 --unset JAVA_HOME',
        'pelorus environment set spark3 --from-file spark3.env',
      ),
    )
    .action((name: string, flags: SetFlags, command: Command) =>
      setEnvironment(openSession(command, host), name, flags),
    );

  parent
    .command('delete <name>')
    .description('delete an environment; tasks that name it fail until there is one of that name again')
    .addHelpText('after', examples('pelorus environment delete spark3'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.environments.delete(name, session.signal);
      const text = (): string => `environment ${name} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });
}

async function listEnvironments(session: Session): Promise<void> {
  const { items } = await session.client.environments.list(session.signal);
  const columns: Column<EnvironmentView>[] = [
    { title: 'ENVIRONMENT', value: (environment) => environment.name },
    { title: 'VARIABLES', value: (environment) => String(Object.keys(environment.variables).length) },
    { title: 'CHANGED', value: (environment) => instantText(environment.updatedAt, relativeTo(session)) },
    { title: 'BY', value: (environment) => environment.updatedBy },
    { title: 'DESCRIPTION', value: (environment) => environment.description },
  ];
  const listing = { rows: items, columns, name: (environment: EnvironmentView) => environment.name };
  writeListing(session.terminal.out, session.format, { ...listing, none: 'no environments' });
}

async function setEnvironment(session: Session, name: string, flags: SetFlags): Promise<void> {
  const { fromFile, unset = [] } = flags;
  const given = new Map((flags.var ?? []).map((text) => pairIn(text, '--var')));
  if (fromFile !== undefined && (given.size > 0 || unset.length > 0))
    throw usageFailure('--from-file says all variables; it does not go with --var and --unset');
  const both = unset.find((variable) => given.has(variable));
  if (both !== undefined) throw usageFailure(`${both} is both set and taken away`);
  const before = await existing(session, name);
  const absent = unset.find((variable) => before?.variables[variable] === undefined);
  if (absent !== undefined)
    throw new Failure({
      exitCode: EXIT.notFound,
      what: `environment ${name} has no variable ${absent}`,
      todo: `pelorus environment get ${name}`,
    });
  const kept = Object.entries(before?.variables ?? {}).filter(([variable]) => !unset.includes(variable));
  const variables = fromFile === undefined ? new Map([...kept, ...given]) : await fromFileOf(session, fromFile);
  const saved = await session.client.environments.put(
    name,
    {
      description: flags.description ?? before?.description ?? '',
      variables: Object.fromEntries(variables),
    },
    session.signal,
  );
  const count = variables.size === 1 ? '1 variable' : `${variables.size} variables`;
  const text = (): string => `environment ${name} ${before === null ? 'created' : 'changed'}: ${count}\n`;
  writeItem(session.terminal.out, session.format, { value: saved, name, text });
}

async function existing(session: Session, name: string): Promise<EnvironmentView | null> {
  try {
    return await session.client.environments.get(name, session.signal);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'ENVIRONMENT_NOT_FOUND') return null;
    throw error;
  }
}

function pairIn(text: string, where: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageFailure(`${where} needs name=value, not "${text}"`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** Lines as `fileText` writes them; those that are empty or begin with # say nothing. */
async function fromFileOf({ host }: Session, file: string): Promise<Map<string, string>> {
  const text = file === '-' ? await host.readStdin() : await textOf(resolve(host.directory, file), file);
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ line, where: `${file === '-' ? 'line' : file} ${index + 1}` }));
  return new Map(
    lines
      .filter(({ line }) => line.trim() !== '' && !line.startsWith('#'))
      .map(({ line, where }) => {
        const [name, value] = pairIn(line, where);
        return [name, valueIn(value, where)];
      }),
  );
}

/** As it stands, or as a JSON text: that is how values with line ends are written. */
function valueIn(text: string, where: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    throw usageFailure(`${where}: a value that begins with " must be a JSON text, as "two\\nlines"`);
  }
}

function fileText({ description, variables }: EnvironmentView): string {
  const about = description === '' ? '' : fieldsText([['#', description]]);
  const lines = Object.entries(variables).map(
    ([name, value]) => `${name}=${/^"|[\r\n]/.test(value) ? JSON.stringify(value) : value}\n`,
  );
  return about + lines.join('');
}

async function textOf(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure({ exitCode: EXIT.notFound, what: `${file} cannot be read`, why }, { cause });
  }
}
