import type { SessionView, UserBody, UserView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { fieldsText, writeItem, writeListing, type Column } from '../output.ts';
import { askNewPassword, askPassword } from '../secret-prompt.ts';
import { openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import { instantText } from '../words.ts';

const PAGE = 500;

/** `pelorus user …` */
export function addUserCommand(program: Command, host: Host): void {
  const parent = program.command('user').description('who may sign in');
  addReading(parent, host);
  addChanging(parent, host);
  addPassword(parent, host);
  addSessions(parent, host);
}

function addReading(parent: Command, host: Host): void {
  parent
    .command('list')
    .description('all users')
    .addHelpText('after', examples('pelorus user list', 'pelorus user list -o json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const rows = await allUsers(session);
      const columns: Column<UserView>[] = [
        { title: 'USER', value: (user) => user.name },
        { title: 'E-MAIL', value: (user) => user.email ?? '-' },
        { title: 'ADMINISTRATOR', value: (user) => (user.administrator ? 'yes' : 'no') },
        {
          title: 'STATE',
          value: (user) => stateOf(user),
          tone: (user) => (user.disabled ? 'bad' : user.hasPassword ? 'good' : 'warn'),
        },
        { title: 'CREATED', value: (user) => instantText(user.createdAt, relativeTo(session)) },
      ];
      const listing = { rows, columns, name: (user: UserView) => user.name, none: 'no users' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('get <name>')
    .description('one user')
    .addHelpText('after', examples('pelorus user get ann'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      showUser(session, await session.client.users.get(name, session.signal));
    });
}

async function allUsers({ client, signal }: Session): Promise<UserView[]> {
  const all: UserView[] = [];
  let cursor: string | null = null;
  do {
    const page = await client.users.list({ limit: PAGE, ...(cursor === null ? {} : { cursor }) }, signal);
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

function stateOf({ disabled, hasPassword }: UserView): string {
  if (disabled) return 'disabled';
  return hasPassword ? 'enabled' : 'no password';
}

function showUser(session: Session, user: UserView): void {
  const text = (): string =>
    fieldsText([
      ['user', user.name],
      ['e-mail', user.email],
      ['administrator', user.administrator ? 'yes' : 'no'],
      ['state', stateOf(user)],
      ['created', `${instantText(user.createdAt, relativeTo(session))} by ${user.createdBy}`],
      ['changed', `${instantText(user.updatedAt, relativeTo(session))} by ${user.updatedBy}`],
    ]);
  writeItem(session.terminal.out, session.format, { value: user, name: user.name, text });
}

interface CreateFlags {
  email?: string;
  administrator?: boolean;
  passwordStdin?: boolean;
}

function addChanging(parent: Command, host: Host): void {
  parent
    .command('create <name>')
    .description('create a user, who signs in with a link (`pelorus user link`) or a password')
    .option('--email <address>', 'to sign in with as well')
    .option('--administrator', 'may do everything')
    .option('--password-stdin', 'the password is the first line of standard input')
    .addHelpText('after', examples('pelorus user create ann --email ann@example.org', 'pelorus user link ann'))
    .action(async (name: string, flags: CreateFlags, command: Command) => {
      const session = openSession(command, host);
      const body: UserBody = {
        ...(flags.email === undefined ? {} : { email: flags.email }),
        ...(flags.administrator === undefined ? {} : { administrator: flags.administrator }),
        ...(flags.passwordStdin === true ? { password: await askNewPassword(session, true) } : {}),
      };
      showUser(session, await session.client.users.put(name, body, session.signal));
    });

  const changes: [command: string, description: string, body: UserBody][] = [
    ['disable', 'end all sessions and tokens of a user, who cannot sign in any more', { disabled: true }],
    ['enable', 'let a disabled user sign in again', { disabled: false }],
    ['promote', 'make a user an administrator', { administrator: true }],
    ['demote', 'make an administrator an ordinary user', { administrator: false }],
  ];
  for (const [verb, description, body] of changes)
    parent
      .command(`${verb} <name>`)
      .description(description)
      .addHelpText('after', examples(`pelorus user ${verb} ann`))
      .action(async (name: string, _flags: object, command: Command) => {
        const session = openSession(command, host);
        // Nobody is created by it: the user must be there.
        await session.client.users.get(name, session.signal);
        showUser(session, await session.client.users.put(name, body, session.signal));
      });
}

function addPassword(parent: Command, host: Host): void {
  parent
    .command('password [name]')
    .description(
      'change the own password, or as an administrator set that of a user and end all their sessions and tokens',
    )
    .option('--password-stdin', 'the present password, where it is needed, and the new one are lines of standard input')
    .addHelpText('after', examples('pelorus user password', 'pelorus user password ann'))
    .action(async (given: string | undefined, flags: { passwordStdin?: boolean }, command: Command) => {
      const session = openSession(command, host);
      const me = await session.client.me(session.signal);
      const name = given ?? me.user;
      const needsCurrent = name === me.user && me.via !== 'admin-token' && me.hasPassword;
      const body = await passwords(session, needsCurrent, flags.passwordStdin === true);
      await session.client.users.setPassword(name, body, session.signal);
      const text = (): string => `the password of ${name} is set\n`;
      writeItem(session.terminal.out, session.format, { value: { name, passwordSet: true }, name, text });
    });

  parent
    .command('link <name>')
    .description('make a link by which a user signs in once, within 15 minutes')
    .addHelpText('after', examples('pelorus user link ann'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const link = await session.client.users.createSignInLink(name, session.signal);
      const text = (): string => `${link.url}\nsigns ${name} in once, until ${link.expiresAt}\n`;
      writeItem(session.terminal.out, session.format, { value: link, name: link.url, text });
    });
}

async function passwords(
  session: Session,
  needsCurrent: boolean,
  fromStdin: boolean,
): Promise<{ current?: string; new: string }> {
  if (!fromStdin) {
    const current = needsCurrent ? await askPassword(session, 'Present password', false) : undefined;
    return { ...(current === undefined ? {} : { current }), new: await askNewPassword(session, false) };
  }
  const lines = (await session.host.readStdin()).split(/\r?\n/);
  return needsCurrent ? { current: lines[0] ?? '', new: lines[1] ?? '' } : { new: lines[0] ?? '' };
}

function addSessions(parent: Command, host: Host): void {
  parent
    .command('sessions [name]')
    .description('where a user is signed in with a browser: oneself, or as an administrator somebody else')
    .addHelpText('after', examples('pelorus user sessions', 'pelorus user sessions ann'))
    .action(async (given: string | undefined, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.users.sessions(await nameOrOwn(session, given), session.signal);
      const reference = relativeTo(session);
      const columns: Column<SessionView>[] = [
        { title: 'SESSION', value: ({ id }) => String(id) },
        { title: 'ADDRESS', value: ({ address }) => address },
        { title: 'OPENED', value: ({ createdAt }) => instantText(createdAt, reference) },
        { title: 'USED', value: ({ seenAt }) => instantText(seenAt, reference) },
        { title: 'ENDS', value: ({ endsAt }) => instantText(endsAt, reference) },
      ];
      const listing = { rows: items, columns, name: ({ id }: SessionView) => String(id), none: 'no sessions' };
      writeListing(session.terminal.out, session.format, listing);
    });

  parent
    .command('end-session <id> [name]')
    .description('end a session: whoever uses it has to sign in again')
    .addHelpText('after', examples('pelorus user end-session 7', 'pelorus user end-session 7 ann'))
    .action(async (written: string, given: string | undefined, _flags: object, command: Command) => {
      const session = openSession(command, host);
      const id = wholeNumber('<id>', 1)(written);
      const name = await nameOrOwn(session, given);
      await session.client.users.endSession(name, id, session.signal);
      const text = (): string => `session ${id} of ${name} has ended\n`;
      writeItem(session.terminal.out, session.format, { value: { id, name, ended: true }, name: String(id), text });
    });
}

async function nameOrOwn({ client, signal }: Session, given: string | undefined): Promise<string> {
  return given ?? (await client.me(signal)).user;
}
