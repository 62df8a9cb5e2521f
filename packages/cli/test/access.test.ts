/** Users, tokens, members, signing in and the audit by the commands, against a real `pelorus dev`. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  AuditView,
  MemberView,
  MeView,
  ProjectView,
  SessionView,
  SignInLink,
  TokenCreated,
  TokenView,
  UserView,
} from '@pelorus/protocol';
import { createTokenFor } from '@pelorus/sdk';
import { newPlace, type DevProcess, type Place } from './dev-process.ts';

// Each command is a process of its own, and the machine may be busy.
const PASSWORD = 'correct horse battery';

let place: Place;
let server: DevProcess;
beforeAll(async () => {
  place = await newPlace();
  server = await place.dev('--no-samples');
});
afterAll(async () => place.clear());

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.pelorus(...args, '-o', 'json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Answer;
}

const codeIn = (text: string): string => /\/\?code=([\w-]{43})/.exec(text)?.[1] ?? `no code in ${text}`;

async function redeem(address: string, code: string): Promise<number> {
  const answer = await fetch(`${address}/api/v1/login/code`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  return answer.status;
}

test('dev prints a link that signs the administrator in once, and a new one at the next start', async () => {
  const other = await newPlace();
  try {
    const first = await other.dev('--no-samples');
    expect(first.stdout()).toMatch(
      /^ {2}Console {2}http:\/\/127\.0\.0\.1:\d+\/\?code=[\w-]{43} +one-time sign-in link$/m,
    );
    const unused = codeIn(first.stdout());
    first.signal('SIGINT');
    await first.ended;
    const second = await other.dev('--no-samples');
    expect(await redeem(second.address, unused)).toBe(401);
    expect(await redeem(second.address, codeIn(second.stdout()))).toBe(200);
    expect(await redeem(second.address, codeIn(second.stdout()))).toBe(401);
  } finally {
    await other.clear();
  }
});

test('users are created, listed, disabled and enabled; the answers are those of the API', async () => {
  const made = await json<UserView>('user', 'create', 'ann', '--email', 'ann@example.org');
  expect(made).toMatchObject({ name: 'ann', email: 'ann@example.org', administrator: false, hasPassword: false });
  const table = await place.pelorus('user', 'list');
  expect(table.stdout).toMatch(/^ann +ann@example\.org +no +no password +/m);
  expect((await json<UserView>('user', 'disable', 'ann')).disabled).toBe(true);
  expect((await json<UserView>('user', 'enable', 'ann')).disabled).toBe(false);
  expect((await json<UserView>('user', 'promote', 'ann')).administrator).toBe(true);
  expect((await json<UserView>('user', 'demote', 'ann')).administrator).toBe(false);
  expect((await place.pelorus('user', 'disable', 'nobody')).code).toBe(5);
  expect((await place.pelorus('user', 'get', 'nobody')).code).toBe(5);
  expect((await place.pelorus('user', 'create', 'an ann')).code).toBe(2);
  expect((await place.pelorus('user', 'disable', 'admin')).code).toBe(6);
});

test('sessions of browsers are listed, and ended', async () => {
  const link = await json<SignInLink>('user', 'link', 'ann');
  expect(await redeem(server.address, codeIn(link.url))).toBe(200);
  const [session] = await json<SessionView[]>('user', 'sessions', 'ann');
  expect(session).toMatchObject({ current: false, address: '127.0.0.1' });
  const end = () => place.pelorus('user', 'end-session', String(session?.id), 'ann');
  expect(await end()).toMatchObject({ code: 0, stdout: `session ${session?.id} of ann has ended\n` });
  expect((await end()).code).toBe(5);
  expect(await json<SessionView[]>('user', 'sessions', 'ann')).toEqual([]);
  expect((await place.pelorus('user', 'end-session', 'x')).code).toBe(2);
});

test('login by password keeps a token for this server that only its owner can read; logout ends it', async () => {
  await json<UserView>('user', 'create', 'bob');
  const set = await place.pelorusWith({ input: `${PASSWORD}\n` }, 'user', 'password', 'bob', '--password-stdin');
  expect(set).toMatchObject({ code: 0, stdout: 'the password of bob is set\n' });

  const wrong = await place.pelorusWith({ input: 'not the password\n' }, 'login', '--name', 'bob', '--password-stdin');
  expect(wrong.code).toBe(4);
  const file = join(place.directory, 'config', 'pelorus', 'credentials.json');
  expect(existsSync(file)).toBe(false);

  const signedIn = await place.pelorusWith({ input: `${PASSWORD}\n` }, 'login', '--name', 'bob', '--password-stdin');
  expect(signedIn).toMatchObject({ code: 0, stdout: `signed in to ${server.address} as bob\n` });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).not.toContain(PASSWORD);
  expect(await json<MeView>('whoami')).toMatchObject({ user: 'bob', via: 'token', administrator: false });
  expect((await place.pelorus('user', 'list')).code).toBe(4);

  const [token] = await json<TokenView[]>('token', 'list');
  expect(token?.name).toMatch(/^pelorus login on /);
  expect(Date.parse(token?.expiresAt ?? '')).toBeGreaterThan(Date.now() + 29 * 86_400_000);

  const changed = await place.pelorusWith(
    { input: `${PASSWORD}\nanother password\n` },
    ...['user', 'password', '--password-stdin'],
  );
  expect(changed.code).toBe(0);
  const stale = await place.pelorusWith({ input: `${PASSWORD}\n` }, 'login', '--name', 'bob', '--password-stdin');
  expect(stale.code).toBe(4);

  const kept =
    (JSON.parse(readFileSync(file, 'utf8')) as Record<string, { token: string }>)[server.address]?.token ?? '';
  expect((await place.pelorus('logout')).code).toBe(0);
  expect(await json<MeView>('whoami')).toMatchObject({ user: 'admin', via: 'admin-token' });
  expect((await place.pelorusWith({ variables: { PELORUS_TOKEN: kept } }, 'whoami')).code).toBe(4);
  expect((await place.pelorus('logout')).code).toBe(5);
});

test('login by a link, and by a token that there is already; the password of a terminal is not asked for without one', async () => {
  const link = await place.pelorus('user', 'link', 'ann', '-o', 'name');
  expect((await place.pelorus('login', '--link', link.stdout.trim())).stdout).toContain('as ann');
  expect((await place.pelorus('login', '--link', link.stdout.trim())).code).toBe(4);
  const made = await json<TokenCreated>('token', 'create', 'ci', '--perm', 'viewer', '--expires', '1h');
  expect(made).toMatchObject({ user: 'ann', perm: 2 });
  // Not longer than the token that makes it.
  expect((await place.pelorus('token', 'create', 'ci', '--expires', '31d')).code).toBe(4);
  expect((await place.pelorus('logout')).code).toBe(0);
  const given = await place.pelorusWith({ input: made.token }, 'login', '--token-stdin');
  expect(given.stdout).toContain('as ann');
  expect((await place.pelorus('whoami')).stdout).toBe(`ann, by token ci, at ${server.address}\n`);
  // Its own end is for who made it: logging out forgets it here.
  expect((await place.pelorus('logout')).code).toBe(0);
  expect((await place.pelorusWith({ variables: { PELORUS_TOKEN: made.token } }, 'whoami')).code).toBe(0);
  expect((await place.pelorusWith({ input: `plr_${'A'.repeat(43)}` }, 'login', '--token-stdin')).code).toBe(4);
  expect((await place.pelorus('token', 'delete', String(made.id))).code).toBe(0);
  expect((await place.pelorusWith({ variables: { PELORUS_TOKEN: made.token } }, 'whoami')).code).toBe(4);
  const asked = await place.pelorus('login', '--name', 'ann');
  expect([asked.code, asked.stderr]).toEqual([2, 'error: there is no terminal to ask for: Password\n']);
});

test('projects have members, who may at once what they were given, and are handed over', async () => {
  expect(await json<ProjectView>('project', 'create', 'sales', '--description', 'Sales')).toMatchObject({
    owner: 'admin',
  });
  const set = await json<MemberView>('project', 'member', 'set', 'sales', 'ann', 'operator');
  expect(set).toMatchObject({ user: 'ann', perm: 3, role: 'operator' });
  const table = await place.pelorus('project', 'member', 'list', 'sales');
  expect(table.stdout).toMatch(/^admin +owner +rwx [^]*^ann +operator +r-x /m);
  const link = await place.pelorus('user', 'link', 'ann', '-o', 'name');
  const made = await createTokenFor({ baseUrl: server.address }, { code: codeIn(link.stdout) }, { name: 'test' });
  const asAnn = { variables: { PELORUS_TOKEN: made.token } };
  expect((await place.pelorusWith(asAnn, 'project', 'list', '-o', 'name')).stdout).toBe('sales\n');
  expect((await place.pelorusWith(asAnn, 'project', 'member', 'set', 'sales', 'ann', 'editor')).code).toBe(4);
  expect((await place.pelorus('project', 'owner', 'sales', 'ann')).code).toBe(0);
  expect((await place.pelorusWith(asAnn, 'project', 'member', 'remove', 'sales', 'admin')).code).toBe(0);
  expect((await place.pelorus('project', 'member', 'set', 'sales', 'ann', 'king')).code).toBe(2);
  expect((await place.pelorusWith(asAnn, 'project', 'delete', 'sales')).code).toBe(0);
});

test('the audit tells who did what, and who was refused', async () => {
  await place.pelorus('user', 'create', 'cid');
  await place.pelorusWith({ variables: { PELORUS_TOKEN: 'not a token' } }, 'runs', 'list');
  const rows = await json<AuditView[]>('audit', '--since', '1h', '--limit', '2');
  expect(rows).toMatchObject([
    { user: null, action: 'listRuns', outcome: 'refused', code: 'NOT_SIGNED_IN' },
    { user: 'admin', via: 'admin-token', action: 'putUser', outcome: 'done', target: 'users/cid' },
  ]);
  const table = await place.pelorus('audit', '--action', 'putUser', '--limit', '1');
  expect(table.stdout).toMatch(/^\S+Z +admin +admin-token +127\.0\.0\.1 +putUser +done +users\/cid$/m);
});
