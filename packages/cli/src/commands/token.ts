import type { Permission, TokenView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { usageFailure } from '../failure.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import { collectList, durationFlag, openSession, relativeTo, wholeNumber, type Host } from '../session.ts';
import { instantText } from '../words.ts';
import { permText } from './login.ts';

interface CreateFlags {
  expires?: string;
  perm?: Permission;
  project?: string[];
}

/** `pelorus token …` */
export function addTokenCommand(program: Command, host: Host): void {
  const parent = program.command('token').description('bearer tokens for programs');

  parent
    .command('list')
    .description('your tokens')
    .option('--user <name>', 'those of another user, for administrators')
    .addHelpText('after', examples('pelorus token list', 'pelorus token list --user ann -o json'))
    .action(async (flags: { user?: string }, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.tokens.list(flags, session.signal);
      const reference = relativeTo(session);
      const columns: Column<TokenView>[] = [
        { title: 'TOKEN', value: (token) => String(token.id) },
        { title: 'NAME', value: (token) => token.name },
        { title: 'MAY', value: (token) => (token.perm === null ? 'all' : permText(token.perm)) },
        { title: 'PROJECTS', value: (token) => token.projects?.join(',') ?? 'all' },
        { title: 'CREATED', value: (token) => instantText(token.createdAt, reference) },
        { title: 'USED', value: (token) => instantText(token.usedAt, reference) },
        { title: 'EXPIRES', value: (token) => instantText(token.expiresAt, reference) },
      ];
      const listing = { rows: items, columns, name: (token: TokenView) => String(token.id), none: 'no tokens' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('create <name>')
    .description('make a token; its secret is shown this once')
    .option(
      '--expires <duration>',
      'for how long it is valid; absent: as long as the token in use, or until it is deleted',
    )
    .option('--perm <role>', 'what it leaves of your rights: viewer, operator, editor, or bits from 1 to 7', permission)
    .option('--project <name>', 'a project that it is for; repeatable; absent: all of yours', collectList)
    .addHelpText(
      'after',
      examples(
        'pelorus token create ci --expires 14d --perm operator --project sales',
        'pelorus token create ci -o name',
      ),
    )
    .action(async (name: string, flags: CreateFlags, command: Command) => {
      const session = openSession(command, host);
      const lastsMs = flags.expires === undefined ? null : durationFlag('--expires', flags.expires);
      const made = await session.client.tokens.create(
        {
          name,
          ...(lastsMs === null ? {} : { expiresAt: new Date(session.host.now() + lastsMs).toISOString() }),
          ...(flags.perm === undefined ? {} : { perm: flags.perm }),
          ...(flags.project === undefined ? {} : { projects: flags.project }),
        },
        session.signal,
      );
      const until = made.expiresAt === null ? '' : `, valid until ${made.expiresAt}`;
      const text = (): string =>
        `${made.token}\ntoken ${made.id}, ${made.name}${until}; this is the only time that it is shown\n`;
      writeItem(session.terminal.out, session.format, { value: made, name: made.token, text });
    });

  parent
    .command('delete <id>')
    .description('end a token; one that is restricted, with those that were made with it')
    .addHelpText('after', examples('pelorus token delete 3'))
    .action(async (written: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const id = wholeNumber('<id>', 1)(written);
      await session.client.tokens.delete(id, session.signal);
      const text = (): string => `token ${id} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { id, deleted: true }, name: String(id), text });
    });
}

/** A role, or bits. */
export function permission(text: string): Permission {
  if (text === 'viewer' || text === 'operator' || text === 'editor') return text;
  if (/^[1-7]$/.test(text)) return Number(text);
  throw usageFailure(
    `"${text}" is no role`,
    'viewer, operator or editor; or bits from 1 to 7: write 4, read 2, execute 1',
  );
}
