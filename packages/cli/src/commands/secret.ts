import type { SecretView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import { allPages } from '../pages.ts';
import { projectOption, type ProjectFlags } from '../project-option.ts';
import { askPassword } from '../secret-prompt.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

interface SetFlags extends ProjectFlags {
  fromFile?: string;
  stdin?: boolean;
}

/** `pelorus secret …` */
export function addSecretCommand(program: Command, host: Host): void {
  const parent = program
    .command('secret')
    .description('secrets of a project, which tasks name as ${secret.name}; values are never shown');

  parent
    .command('list')
    .description('names of the secrets')
    .addOption(projectOption())
    .addHelpText(
      'after',
      examples('pelorus secret list --project sales', 'pelorus secret list --project sales -o name'),
    )
    .action(async (flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      const rows = await allPages((query) => session.client.secrets.list(flags.project, query, session.signal));
      const columns: Column<SecretView>[] = [
        { title: 'SECRET', value: (secret) => secret.name },
        { title: 'CHANGED', value: (secret) => instantText(secret.updatedAt, relativeTo(session)) },
        { title: 'BY', value: (secret) => secret.updatedBy },
        {
          title: 'STATE',
          value: (secret) => (secret.readable ? 'ok' : 'unreadable: the server lacks its key'),
          tone: (secret) => (secret.readable ? null : 'bad'),
        },
      ];
      const listing = { rows, columns, name: (secret: SecretView) => secret.name, none: 'no secrets' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('set <name>')
    .description('create a secret or change its value, which is asked for and not shown')
    .addOption(projectOption())
    .option('--from-file <file>', 'take the value from a file, all of it')
    .option('--stdin', 'take the value from standard input; one line end at its end is left out')
    .addHelpText(
      'after',
      examples(
        'pelorus secret set warehouse_password --project sales',
        'pelorus secret set tls_key --project sales --from-file key.pem',
        'pass show warehouse | pelorus secret set warehouse_password --project sales --stdin',
      ),
    )
    .action((name: string, flags: SetFlags, command: Command) => setSecret(openSession(command, host), name, flags));

  parent
    .command('delete <name>')
    .description('delete a secret; tasks that need it fail from then on')
    .addOption(projectOption())
    .addHelpText('after', examples('pelorus secret delete warehouse_password --project sales'))
    .action(async (name: string, flags: ProjectFlags, command: Command) => {
      const session = openSession(command, host);
      await session.client.secrets.delete(flags.project, name, session.signal);
      const text = (): string => `secret ${name} of ${flags.project} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });
}

async function setSecret(session: Session, name: string, flags: SetFlags): Promise<void> {
  const value = await valueOf(session, name, flags);
  const secret = await session.client.secrets.put(flags.project, name, { value }, session.signal);
  writeItem(session.terminal.out, session.format, {
    value: secret,
    name,
    text: () => `secret ${name} of ${flags.project} set\n`,
  });
}

/** Never from an argument: those are seen by every process of the machine and kept by shells. */
async function valueOf(session: Session, name: string, { fromFile, stdin = false }: SetFlags): Promise<string> {
  if (fromFile !== undefined && stdin) throw usageFailure('--from-file and --stdin exclude each other');
  if (fromFile !== undefined) return readValue(session, fromFile);
  if (stdin) return (await session.host.readStdin()).replace(/\r?\n$/, '');
  return askPassword(session, `Value of ${name}`, false);
}

async function readValue({ host }: Session, file: string): Promise<string> {
  try {
    return await readFile(resolve(host.directory, file), 'utf8');
  } catch (cause) {
    throw new Failure(
      {
        exitCode: EXIT.notFound,
        what: `${file} cannot be read`,
        why: cause instanceof Error ? cause.message : String(cause),
      },
      { cause },
    );
  }
}
