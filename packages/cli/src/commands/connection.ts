import type { ConnectionBody, ConnectionView } from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { fieldsText, writeItem, writeListing, type Column } from '../output.ts';
import { allPages } from '../pages.ts';
import { projectOption, type ProjectFlags } from '../project-option.ts';
import { askPassword } from '../secret-prompt.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

interface SetFlags extends ProjectFlags {
  kind?: ConnectionBody['kind'];
  url?: string;
  stdin?: boolean;
}

/** `pelorus connection …` */
export function addConnectionCommand(program: Command, host: Host): void {
  const parent = program.command('connection').description('databases that the sql tasks of a project connect to');
  addReading(parent, host);
  addWriting(parent, host);
}

function addReading(parent: Command, host: Host): void {
  parent
    .command('list')
    .description('connections; passwords in their addresses are not shown')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus connection list --project sales'))
    .action(async (flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      const rows = await allPages((query) => session.client.connections.list(flags.project, query, session.signal));
      const columns: Column<ConnectionView>[] = [
        { title: 'CONNECTION', value: (connection) => connection.name },
        { title: 'KIND', value: (connection) => connection.kind },
        { title: 'ADDRESS', value: (connection) => connection.url },
      ];
      const listing = { rows, columns, name: (row: ConnectionView) => row.name, none: 'no connections' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('get <name>')
    .description('one connection')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus connection get warehouse --project sales'))
    .action(async (name: string, flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      show(session, await session.client.connections.get(flags.project, name, session.signal));
    });

  parent
    .command('test <name>')
    .description('run `select 1` over it on a worker')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus connection test warehouse --project sales'))
    .action((name: string, flags: ProjectFlags, command: Command) => test(openSession(command, host), name, flags));
}

function addWriting(parent: Command, host: Host): void {
  parent
    .command('set <name>')
    .description('create or change a connection; an address with a password is better given by --stdin or asked for')
    .addOption(projectOption())
    .addOption(
      new Option('--kind <kind>', 'of database; default: as the address says').choices(['sqlite', 'postgres', 'mysql']),
    )
    .option('--url <url>', 'its address without a password, or with one as ${secret.name}')
    .option('--stdin', 'take the address from standard input')
    .addHelpText(
      'after',
      examples(
        "pelorus connection set warehouse --project sales --url 'postgres://etl:${secret.warehouse_password}@db:5432/dwh'",
        'pelorus connection set crm --project sales          # asks for the address and does not show it',
      ),
    )
    .action((name: string, flags: SetFlags, command: Command) => set(openSession(command, host), name, flags));

  parent
    .command('delete <name>')
    .description('delete a connection; tasks that need it fail from then on')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus connection delete crm --project sales'))
    .action(async (name: string, flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      await session.client.connections.delete(flags.project, name, session.signal);
      const text = (): string => `connection ${name} of ${flags.project} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });
}

async function set(session: Session, name: string, flags: SetFlags): Promise<void> {
  const url = await addressOf(session, name, flags);
  const kind = flags.kind ?? kindOf(url);
  show(session, await session.client.connections.put(flags.project, name, { kind, url }, session.signal));
}

async function addressOf(session: Session, name: string, { url, stdin = false }: SetFlags): Promise<string> {
  if (url !== undefined && stdin) throw usageFailure('--url and --stdin exclude each other');
  if (url === undefined) {
    return stdin ? (await session.host.readStdin()).trim() : askPassword(session, `Address of ${name}`, false);
  }
  const password = URL.parse(url.replace(/\$\{secret\.[^{}\s]+\}/g, ''))?.password ?? '';
  if (password !== '' && password !== '***')
    throw usageFailure(
      '--url holds a password, which every process of this machine can read',
      'keep it as a secret and write ${secret.name} in its place, or give the address by --stdin',
    );
  return url;
}

const SCHEMES: Record<string, ConnectionBody['kind']> = {
  sqlite: 'sqlite',
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
};

function kindOf(url: string): ConnectionBody['kind'] {
  const kind = SCHEMES[url.slice(0, Math.max(0, url.indexOf(':'))).toLowerCase()];
  if (kind === undefined) throw usageFailure('the address must begin with sqlite:, postgres:// or mysql://');
  return kind;
}

async function test(session: Session, name: string, { project }: ProjectFlags): Promise<void> {
  const tested = await session.client.connections.test(project, name, session.signal);
  if (!tested.ok)
    throw new Failure({
      exitCode: EXIT.unreachable,
      what: `connection ${name} of ${project} does not work${tested.worker === null ? '' : ` from worker ${tested.worker}`}`,
      why: tested.detail,
      todo: `pelorus connection get ${name} --project ${project} shows where it goes`,
    });
  const text = (): string =>
    `connection ${name} of ${project} works from worker ${tested.worker}: ${tested.detail}, ${tested.tookMs} ms\n`;
  writeItem(session.terminal.out, session.format, { value: tested, name, text });
}

function show(session: Session, connection: ConnectionView): void {
  const text = (): string =>
    fieldsText([
      ['connection', connection.name],
      ['kind', connection.kind],
      ['address', connection.url],
      ['changed', `${instantText(connection.updatedAt, relativeTo(session))} by ${connection.updatedBy}`],
    ]);
  writeItem(session.terminal.out, session.format, { value: connection, name: connection.name, text });
}
