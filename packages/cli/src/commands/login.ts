import { createClient, createTokenFor, type Credentials } from '@pelorus/sdk';
import type { MeView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { hostname } from 'node:os';
import { credentialsPath, readKnownToken, writeKnownToken, type KnownToken } from '../credentials-file.ts';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { writeItem } from '../output.ts';
import { askName, askPassword } from '../secret-prompt.ts';
import { durationFlag, openSession, type Host, type Session } from '../session.ts';

interface LoginFlags {
  name?: string;
  passwordStdin?: boolean;
  link?: string;
  token?: string;
  tokenStdin?: boolean;
  expires: string;
}

/** `pelorus login`, `pelorus logout`, `pelorus whoami` */
export function addLoginCommands(program: Command, host: Host): void {
  program
    .command('login')
    .description('sign in to the server: keeps a token for it in ~/.config/pelorus/credentials.json')
    .option('--name <name>', 'name or e-mail address; asked for on a terminal')
    .option('--password-stdin', 'the password is the first line of standard input')
    .option('--link <url>', 'with a one-time sign-in link instead of a password')
    .option('--token <token>', 'with a token that there is already; others can see it among the processes')
    .option('--token-stdin', 'the same, from standard input')
    .option('--expires <duration>', 'for how long the new token is valid', '30d')
    .addHelpText(
      'after',
      examples(
        'pelorus login --server https://pelorus.example.org',
        'pelorus login --name ann --password-stdin < secret',
      ),
    )
    .action(async (flags: LoginFlags, command: Command) => {
      const session = openSession(command, host);
      const file = credentialsFile(session);
      const known = await knownBy(session, flags);
      writeKnownToken(file, session.server, known);
      const text = (): string => `signed in to ${session.server} as ${known.user}\n`;
      const value = { server: session.server, user: known.user };
      writeItem(session.terminal.out, session.format, { value, name: known.user, text });
    });

  program
    .command('logout')
    .description('delete the token that `pelorus login` got, here and on the server')
    .addHelpText('after', examples('pelorus logout', 'pelorus logout --server https://pelorus.example.org'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const file = credentialsFile(session);
      const known = readKnownToken(file, session.server);
      if (known === null)
        throw new Failure({ exitCode: EXIT.notFound, what: `nobody is signed in to ${session.server}` });
      writeKnownToken(file, session.server, null);
      await endToken(session, known);
      const text = (): string => `signed out of ${session.server}\n`;
      const value = { server: session.server, user: known.user };
      writeItem(session.terminal.out, session.format, { value, name: known.user, text });
    });

  program
    .command('whoami')
    .description('who you are for the server, and what you may')
    .addHelpText('after', examples('pelorus whoami', 'pelorus whoami -o json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const me = await session.client.me(session.signal);
      writeItem(session.terminal.out, session.format, { value: me, name: me.user, text: () => meText(session, me) });
    });
}

function credentialsFile({ host }: Session): string {
  const file = credentialsPath(host.variables);
  if (file === null)
    throw usageFailure(
      'there is no home directory to keep the token in',
      'set HOME or XDG_CONFIG_HOME, or PELORUS_TOKEN',
    );
  return file;
}

async function knownBy(session: Session, flags: LoginFlags): Promise<KnownToken> {
  const given = flags.tokenStdin === true ? (await session.host.readStdin()).trim() : flags.token;
  if (given !== undefined) return existing(session, given);
  const credentials = await credentialsOf(session, flags);
  const lastsMs = durationFlag('--expires', flags.expires);
  const made = await createTokenFor(
    { baseUrl: session.server },
    credentials,
    { name: `pelorus login on ${hostname()}`, expiresAt: new Date(session.host.now() + lastsMs).toISOString() },
    session.signal,
  );
  return { token: made.token, user: made.user, id: made.id };
}

/** The server says whose it is, so one that is not valid is not kept. */
async function existing({ server, signal }: Session, token: string): Promise<KnownToken> {
  const me = await createClient({ baseUrl: server, token }).me(signal);
  return { token, user: me.user, id: null };
}

async function credentialsOf(session: Session, flags: LoginFlags): Promise<Credentials> {
  if (flags.link !== undefined) {
    const code = URL.parse(flags.link)?.searchParams.get('code') ?? flags.link;
    return { code };
  }
  const name = flags.name ?? (await askName(session)).trim();
  const password = await askPassword(session, 'Password', flags.passwordStdin === true);
  return name.includes('@') ? { email: name, password } : { name, password };
}

/** One that the server does not know any more, or that another command was given, is forgotten all the same. */
async function endToken({ server, signal, terminal }: Session, { token, id }: KnownToken): Promise<void> {
  if (id === null) return;
  await createClient({ baseUrl: server, token })
    .tokens.delete(id, signal)
    .catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      terminal.err.write(`warning: the server has not deleted the token: ${reason}\n`);
    });
}

function meText({ server }: Session, me: MeView): string {
  const how = me.token === null ? me.via : `token ${me.token.name}`;
  const lines = [
    `${me.user}${me.administrator ? ', administrator' : ''}, by ${how}, at ${server}`,
    ...me.projects.map(({ name, perm, owner }) => `  ${name}  ${owner ? 'owner' : permText(perm)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** `rwx`, as in the listing of a directory. */
export function permText(perm: number): string {
  return `${(perm & 2) === 0 ? '-' : 'r'}${(perm & 4) === 0 ? '-' : 'w'}${(perm & 1) === 0 ? '-' : 'x'}`;
}
