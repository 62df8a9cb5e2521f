/** Signing in, what ends a session or a token, what is refused and what is written down of it. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type {
  AuditView,
  MemberView,
  MeView,
  Page,
  Problem,
  SessionView,
  SignInLink,
  TokenCreated,
  TokenView,
  UserView,
} from '@pelorus/protocol';
import { API_LIMITS } from '../../src/api/limits.ts';
import { createPasswords } from '../../src/api/passwords.ts';
import { containing, NOW, openApi, type Answered, type ApiUnderTest, type Call } from './api-under-test.ts';

const ADMIN_TOKEN = 'the-administrator-of-the-configuration';
const PASSWORD = 'correct horse battery';
const MINUTE = 60_000;

let api: ApiUnderTest;
let now: number;
const options = { adminToken: ADMIN_TOKEN, clock: () => now, trustedProxies: ['127.0.0.1'] };
beforeEach(async ({ onTestFinished }) => {
  now = NOW;
  api = await openApi(options, onTestFinished);
});

/** Whoever sends a request: by the headers that say so. */
type As = Record<string, string>;
const bearer = (token: string): As => ({ authorization: `Bearer ${token}` });
const admin = bearer(ADMIN_TOKEN);
const cookieOf = (secret: string): As => ({
  cookie: `pelorus_session=${secret}`,
  origin: 'http://localhost:80',
  host: 'localhost:80',
});

const as = <Body = Problem>(who: As, method: string, at: string, body?: unknown): Promise<Answered<Body>> => {
  const call: Call = { headers: who, ...(body === undefined ? {} : { body }) };
  return api.call<Body>(method, at, call);
};

async function addUser(name: string, more: object = {}): Promise<void> {
  const made = await as(admin, 'PUT', `/users/${name}`, { password: PASSWORD, ...more });
  expect(made.status).toBe(201);
}

function secretIn(answer: Answered<unknown>): string {
  const header = String(answer.headers['set-cookie']);
  return /^pelorus_session=([A-Za-z0-9_-]{43});/.exec(header)?.[1] ?? `no secret in ${header}`;
}

async function signIn(name: string, password = PASSWORD): Promise<As> {
  const answer = await as<MeView>({}, 'POST', '/login', { name, password });
  expect(answer.status, answer.text).toBe(200);
  return cookieOf(secretIn(answer));
}

async function makeToken(who: As, body: object = {}): Promise<TokenCreated> {
  const made = await as<TokenCreated>(who, 'POST', '/tokens', { name: 'ci', ...body });
  expect(made.status, made.text).toBe(201);
  return made.body;
}

const statusOf = async (who: As): Promise<number> => (await as(who, 'GET', '/me')).status;

async function refusedByName(
  cases: [body: object, name: string][],
  send: (body: object) => Promise<Answered<Problem>>,
): Promise<void> {
  for (const [body, name] of cases) {
    const answer = await send(body);
    expect([body, answer.status, answer.body.message]).toEqual([body, 400, containing(name)]);
  }
}

async function audit(query: Record<string, string> = {}): Promise<AuditView[]> {
  const answer = await api.call<Page<AuditView>>('GET', '/audit', { headers: admin, query });
  return answer.body.items.toReversed();
}

describe('signing in', () => {
  test('with name or e-mail address and password gives a session cookie, and says who one is', async () => {
    await addUser('ann', { email: 'Ann@Example.org' });
    const answer = await as<MeView>({}, 'POST', '/login', { name: 'ANN', password: PASSWORD });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        ...{ user: 'ann', email: 'ann@example.org', administrator: false, hasPassword: true, via: 'session' },
        ...{ token: null, projects: [] },
      },
    ]);
    expect(answer.headers['set-cookie']).toMatch(
      /^pelorus_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=604800$/,
    );
    expect((await as<MeView>(cookieOf(secretIn(answer)), 'GET', '/me')).body).toEqual(answer.body);
    expect((await as({}, 'POST', '/login', { email: 'ANN@example.org', password: PASSWORD })).status).toBe(200);
  });

  test('behind a trusted proxy that has been reached by TLS the cookie is secure', async () => {
    await addUser('ann');
    const cookieBehind = async (proto: string) =>
      String(
        (await as({ 'x-forwarded-proto': proto }, 'POST', '/login', { name: 'ann', password: PASSWORD })).headers[
          'set-cookie'
        ],
      );
    expect(await cookieBehind('https')).toMatch(/; Secure$/);
    expect(await cookieBehind('http')).not.toContain('Secure');
  });

  test('a wrong password, a wrong name, a disabled user and one without a password are refused alike', async () => {
    await addUser('ann');
    await addUser('bob');
    await as(admin, 'PUT', '/users/bob', { disabled: true });
    const answers = [
      await as({}, 'POST', '/login', { name: 'ann', password: 'not the password' }),
      await as({}, 'POST', '/login', { name: 'nobody', password: PASSWORD }),
      await as({}, 'POST', '/login', { email: 'nobody@example.org', password: PASSWORD }),
      await as({}, 'POST', '/login', { name: 'bob', password: PASSWORD }),
      await as({}, 'POST', '/login', { name: 'admin', password: PASSWORD }),
    ];
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'SIGN_IN_FAILED' } });
    expect(answers.every(({ headers }) => headers['set-cookie'] === undefined)).toBe(true);
    // Whom it was tried with is written down where there is such a user; never what was typed.
    expect((await audit({ action: 'login' })).map(({ target, times, user }) => [target, times, user])).toEqual([
      ['users/ann', 1, null],
      ['', 2, null],
      ['users/bob', 1, null],
      ['users/admin', 1, null],
    ]);
  });

  test('a body that is not as it should be is refused, by the name of what is wrong', () =>
    refusedByName(
      [
        [{}, 'password'],
        [{ name: 'ann', email: 'a@b.de', password: PASSWORD }, 'name'],
        [{ password: PASSWORD }, 'name'],
        [{ name: 'ann', password: 'x'.repeat(1025) }, 'password'],
        [{ name: 'ann', password: PASSWORD, more: 1 }, 'more'],
        [{ email: 'no address', password: PASSWORD }, 'email'],
      ],
      (body) => as({}, 'POST', '/login', body),
    ));

  test('too many wrong passwords for a name, known or not, are stopped for a while, from wherever', async () => {
    await addUser('ann');
    const tryFrom = async (address: string, name: string, password = 'not the password') =>
      as({ 'x-forwarded-for': address }, 'POST', '/login', { name, password });
    for (const name of ['ann', 'nobody']) {
      const answers = await Promise.all(
        Array.from({ length: API_LIMITS.accountTries + 3 }, (_, i) => tryFrom(`10.0.0.${i}`, name)),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(API_LIMITS.accountTries);
      const refused = answers.find(({ status }) => status === 429);
      expect([refused?.body.code, refused?.headers['retry-after']]).toEqual(['TOO_MANY_REQUESTS', '90']);
    }
    expect((await tryFrom('10.0.0.1', 'ann', PASSWORD)).status).toBe(429);
    now += API_LIMITS.accountTryMs;
    expect((await tryFrom('10.0.0.1', 'ann', PASSWORD)).status).toBe(200);
  });

  test('too many tries from an address, or from one /64 of IPv6, are stopped whatever the names', async () => {
    const tryFrom = async (address: string, i: number) =>
      (await as({ 'x-forwarded-for': address }, 'POST', '/login', { name: `n${i}`, password: PASSWORD })).status;
    const at = Array.from({ length: API_LIMITS.addressTries }, (_, i) => i);
    // One after the other: what waits for a hash is bounded, too.
    for (const i of at) expect(await tryFrom(`2001:db8:0:7::${i.toString(16)}`, i)).toBe(401);
    expect(await tryFrom('2001:db8:0:7:1::1', 999)).toBe(429);
    expect(await tryFrom('2001:db8:0:8::1', 999)).toBe(401);
  });

  test('more hashes than may wait at once are turned away at the door', async ({ onTestFinished }) => {
    api = await openApi({ ...options, passwords: createPasswords() }, onTestFinished);
    await addUser('ann');
    // Some are done before the last ones come.
    const many = 4 * (API_LIMITS.passwordQueue + API_LIMITS.passwordsAtOnce);
    const answers = await Promise.all(
      Array.from({ length: many }, (_, i) =>
        as({ 'x-forwarded-for': `10.1.0.${i}` }, 'POST', '/login', { name: `name-${i}`, password: PASSWORD }),
      ),
    );
    const turnedAway = answers.filter(({ status }) => status === 429);
    expect(turnedAway.length).toBeGreaterThan(0);
    expect(turnedAway.every(({ headers }) => headers['retry-after'] === '1')).toBe(true);
    await signIn('ann');
  });
});

describe('a session ends', () => {
  beforeEach(() => addUser('ann'));

  test('by signing out, and only that one', async () => {
    const [first, second] = [await signIn('ann'), await signIn('ann')];
    const out = await as(first, 'POST', '/logout');
    expect([out.status, out.headers['set-cookie']]).toEqual([
      204,
      'pelorus_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0',
    ]);
    expect([await statusOf(first), await statusOf(second)]).toEqual([401, 200]);
    expect((await as(admin, 'POST', '/logout')).status).toBe(400);
    expect((await as({}, 'POST', '/logout')).status).toBe(401);
  });

  test('when nobody uses it, and in any case after a while', async () => {
    const [used, idle] = [await signIn('ann'), await signIn('ann')];
    const steps = API_LIMITS.sessionMaxMs / (API_LIMITS.sessionIdleMs / 2);
    for (let i = 1; i < steps; i += 1) {
      now = NOW + (i * API_LIMITS.sessionIdleMs) / 2;
      expect(await statusOf(used)).toBe(200);
    }
    expect(await statusOf(idle)).toBe(401);
    now = NOW + API_LIMITS.sessionMaxMs - 1;
    expect(await statusOf(used)).toBe(200);
    now += 1;
    expect(await statusOf(used)).toBe(401);
  });

  test('when its user is disabled, with the tokens, and stays ended', async () => {
    const session = await signIn('ann');
    const token = bearer((await makeToken(session)).token);
    expect(await statusOf(token)).toBe(200);
    await as(admin, 'PUT', '/users/ann', { disabled: true });
    expect([await statusOf(session), await statusOf(token)]).toEqual([401, 401]);
    await as(admin, 'PUT', '/users/ann', { disabled: false });
    expect([await statusOf(session), await statusOf(token)]).toEqual([401, 401]);
  });

  test('by changing the password in another; tokens stay', async () => {
    const [here, there] = [await signIn('ann'), await signIn('ann')];
    const token = bearer((await makeToken(there)).token);
    const change = (body: object) => as(here, 'POST', '/users/ann/password', body);
    expect((await change({ new: 'another password' })).body.message).toContain('current');
    expect((await change({ current: 'wrong password', new: 'another password' })).body.code).toBe('SIGN_IN_FAILED');
    expect((await change({ current: PASSWORD, new: 'too short' })).body.message).toContain('at least 12 characters');
    expect(await statusOf(there)).toBe(200);
    expect((await change({ current: PASSWORD, new: 'another password' })).status).toBe(204);
    expect([await statusOf(here), await statusOf(there), await statusOf(token)]).toEqual([200, 401, 200]);
    expect((await as({}, 'POST', '/login', { name: 'ann', password: PASSWORD })).status).toBe(401);
    await signIn('ann', 'another password');
  });

  test("by an administrator's reset, all of them, with tokens and links", async () => {
    const session = await signIn('ann');
    const token = bearer((await makeToken(session)).token);
    const link = await as<SignInLink>(admin, 'POST', '/users/ann/sign-in-link');
    expect((await as(admin, 'POST', '/users/ann/password', { new: 'another password' })).status).toBe(204);
    expect([await statusOf(session), await statusOf(token)]).toEqual([401, 401]);
    const code = new URL(link.body.url).searchParams.get('code');
    expect((await as({}, 'POST', '/login/code', { code })).status).toBe(401);
    await signIn('ann', 'another password');
  });

  test('from elsewhere, by its user or an administrator, who see where it was opened and used', async () => {
    await addUser('bob');
    const [here, there] = [await signIn('ann'), await signIn('ann')];
    now += 2 * MINUTE;
    expect(await statusOf(there)).toBe(200);
    const list = async (who: As) => (await as<Page<SessionView>>(who, 'GET', '/users/ann/sessions')).body.items;
    const [second, first] = await list(here);
    expect([first?.current, second?.current]).toEqual([true, false]);
    const opened = { address: '127.0.0.1', createdAt: new Date(NOW).toISOString() };
    expect(second).toMatchObject({ ...opened, seenAt: new Date(now).toISOString() });
    expect(second?.endsAt).toBe(new Date(NOW + API_LIMITS.sessionMaxMs).toISOString());
    expect((await list(admin)).map(({ id, current }) => [id, current])).toEqual([
      [second?.id, false],
      [first?.id, false],
    ]);
    const end = (who: As, id: number | undefined) => as(who, 'DELETE', `/users/ann/sessions/${id}`);
    expect((await end(await signIn('bob'), second?.id)).status).toBe(403);
    expect((await end(here, second?.id)).status).toBe(204);
    expect([await statusOf(here), await statusOf(there)]).toEqual([200, 401]);
    expect(await end(here, second?.id)).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
    expect((await end(admin, first?.id)).status).toBe(204);
    expect(await statusOf(here)).toBe(401);
  });

  test('and is not shown any more once nobody has used it for too long', async () => {
    await signIn('ann');
    now += API_LIMITS.sessionIdleMs;
    expect((await as<Page<SessionView>>(admin, 'GET', '/users/ann/sessions')).body.items).toEqual([]);
    expect((await as(admin, 'GET', '/users/nobody/sessions')).body.code).toBe('USER_NOT_FOUND');
  });

  test('not by a restricted token, which does not even see it', async () => {
    const restricted = bearer((await makeToken(await signIn('ann'), { perm: 'viewer' })).token);
    expect((await as(restricted, 'GET', '/users/ann/sessions')).status).toBe(403);
    const whole = bearer((await makeToken(await signIn('ann'))).token);
    expect((await as<Page<SessionView>>(whole, 'GET', '/users/ann/sessions')).body.items).toHaveLength(2);
  });

  test('not by being used by an administrator who is none any more: that one may just do less', async () => {
    await as(admin, 'PUT', '/users/ann', { administrator: true });
    const session = await signIn('ann');
    expect((await as(session, 'GET', '/users')).status).toBe(200);
    await as(admin, 'PUT', '/users/ann', { administrator: false });
    expect((await as(session, 'GET', '/users')).status).toBe(403);
  });
});

describe('sign-in links', () => {
  test('sign in once, for 15 minutes; a newer one ends the older', async () => {
    await addUser('ann');
    const make = async () => (await as<SignInLink>(admin, 'POST', '/users/ann/sign-in-link')).body;
    const codeOf = ({ url }: SignInLink) => new URL(url).searchParams.get('code');
    const redeem = async (link: SignInLink) => as<MeView>({}, 'POST', '/login/code', { code: codeOf(link) });
    const first = await make();
    expect(first).toMatchObject({ user: 'ann', expiresAt: new Date(NOW + 15 * MINUTE).toISOString() });
    const second = await make();
    expect((await redeem(first)).status).toBe(401);
    const answer = await redeem(second);
    expect([answer.status, answer.body.user]).toEqual([200, 'ann']);
    expect(await statusOf(cookieOf(secretIn(answer)))).toBe(200);
    expect((await redeem(second)).status).toBe(401);
    const third = await make();
    now += 15 * MINUTE;
    expect((await redeem(third)).status).toBe(401);
  });

  test('let a user without a password set the first, in that session only', async () => {
    expect((await as(admin, 'PUT', '/users/ann', {})).status).toBe(201);
    const link = await as<SignInLink>(admin, 'POST', '/users/ann/sign-in-link');
    const code = new URL(link.body.url).searchParams.get('code');
    const session = cookieOf(secretIn(await as({}, 'POST', '/login/code', { code })));
    const token = bearer((await makeToken(session)).token);
    expect((await as(token, 'POST', '/users/ann/password', { new: PASSWORD })).status).toBe(403);
    expect((await as(session, 'POST', '/users/ann/password', { new: PASSWORD })).status).toBe(204);
    await signIn('ann');
  });

  test('are for administrators to make, and for users that there are', async () => {
    await addUser('ann');
    expect((await as(await signIn('ann'), 'POST', '/users/ann/sign-in-link')).status).toBe(403);
    expect((await as(admin, 'POST', '/users/nobody/sign-in-link')).body.code).toBe('USER_NOT_FOUND');
    await as(admin, 'PUT', '/users/ann', { disabled: true });
    expect((await as(admin, 'POST', '/users/ann/sign-in-link')).status).toBe(409);
  });
});

describe('credentials of a request', () => {
  let session: As;
  beforeEach(async () => {
    await addUser('ann');
    session = await signIn('ann');
  });

  test('cookie and bearer together are refused, on every kind of route', async () => {
    for (const at of ['/me', '/schemas/workflow', '/livez']) {
      const answer = await as({ ...session, ...admin }, 'GET', at);
      expect([at, answer.status, answer.body.code]).toEqual([at, 400, 'BAD_REQUEST']);
    }
    expect((await as({ ...session, cookie: `${session['cookie']}; ${session['cookie']}` }, 'GET', '/me')).status).toBe(
      400,
    );
  });

  test('a change that carries the cookie must come from our own page', async () => {
    const from = async (headers: As) => {
      const sent = { host: 'localhost:80', cookie: session['cookie'] ?? '', ...headers };
      return (await as(sent, 'POST', '/tokens', { name: 'x' })).status;
    };
    const foreign: As[] = [
      {},
      { 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example' },
      { origin: 'http://localhost:8081' },
      { origin: 'null' },
      { origin: 'http://localhost:80', 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of foreign) expect([headers, await from(headers)]).toEqual([headers, 403]);
    expect((await as<Page<TokenView>>(session, 'GET', '/tokens')).body.items).toEqual([]);
    expect(await from({ origin: 'http://localhost' })).toBe(201);
    expect(await from({ 'sec-fetch-site': 'same-origin' })).toBe(201);
  });

  test('a page of another site cannot sign somebody in', async () => {
    const answer = await as({ origin: 'https://evil.example' }, 'POST', '/login', { name: 'ann', password: PASSWORD });
    expect([answer.status, answer.headers['set-cookie']]).toEqual([403, undefined]);
  });

  test('a cookie or a header that is not one of ours is nobody', async () => {
    const cookies = ['pelorus_session=', 'pelorus_session=x', `pelorus_session=${'A'.repeat(43)}`];
    const headers = ['Bearer', 'Bearer x', 'Basic YTpi', `Bearer plr_${'A'.repeat(43)}`, `Bearer ${ADMIN_TOKEN}x`];
    const senders: As[] = [
      ...cookies.map((cookie) => ({ cookie })),
      ...headers.map((authorization) => ({ authorization })),
    ];
    for (const sender of senders)
      expect([sender, (await as(sender, 'GET', '/me')).body.code]).toEqual([sender, 'NOT_SIGNED_IN']);
  });

  test('who sends nothing is nobody, but may ask for what is public', async () => {
    expect((await as({}, 'GET', '/me')).headers['www-authenticate']).toBe('Bearer realm="pelorus"');
    expect((await as({}, 'GET', '/schemas/workflow')).status).toBe(200);
    expect((await as({}, 'GET', '/nothing')).status).toBe(401);
  });

  test('the body of a stranger is not read', async () => {
    const answer = await api.call('PUT', '/users/x', { headers: { 'content-type': 'application/json' }, body: '{"' });
    expect(answer.status).toBe(401);
  });
});

describe('tokens', () => {
  let ann: As;
  beforeEach(async () => {
    await addUser('ann');
    ann = await signIn('ann');
    for (const project of ['sales', 'stock'])
      expect((await as(ann, 'PUT', `/projects/${project}`, {})).status).toBe(201);
  });

  test('show their secret once, expire, and end when they are deleted', async () => {
    const expiresAt = new Date(NOW + MINUTE).toISOString();
    const made = await makeToken(ann, { expiresAt });
    expect(made).toEqual({
      ...{ id: made.id, user: 'ann', name: 'ci', perm: null, projects: null, expiresAt, usedAt: null },
      ...{ createdAt: new Date(NOW).toISOString(), token: expect.stringMatching(/^plr_[\w-]{43}$/) as string },
    });
    const who = bearer(made.token);
    expect(await statusOf(who)).toBe(200);
    const { token: _secret, ...shown } = made;
    expect((await as<Page<TokenView>>(ann, 'GET', '/tokens')).body.items).toEqual([
      { ...shown, usedAt: new Date(NOW).toISOString() },
    ]);
    now += MINUTE;
    expect(await statusOf(who)).toBe(401);
    const other = await makeToken(ann);
    expect((await as(ann, 'DELETE', `/tokens/${other.id}`)).status).toBe(204);
    expect(await statusOf(bearer(other.token))).toBe(401);
    expect((await as(ann, 'DELETE', `/tokens/${other.id}`)).body.code).toBe('TOKEN_NOT_FOUND');
  });

  test('never may more than their owner: not more bits, not other projects, not administer when restricted', async () => {
    await as(admin, 'PUT', '/users/ann', { administrator: true });
    const may = async (body: object): Promise<unknown[]> => {
      const who = bearer((await makeToken(ann, body)).token);
      const me = (await as<MeView>(who, 'GET', '/me')).body;
      const users = (await as(who, 'GET', '/users')).status;
      const change = (await as(who, 'PUT', '/projects/stock', { description: String(Math.random()) })).status;
      return [me.administrator, me.projects.map(({ name, perm, owner }) => `${name} ${perm} ${owner}`), users, change];
    };
    expect(await may({})).toEqual([true, ['sales 7 true', 'stock 7 true'], 200, 200]);
    expect(await may({ perm: 'viewer' })).toEqual([false, ['sales 2 false', 'stock 2 false'], 403, 403]);
    expect(await may({ projects: ['sales'] })).toEqual([false, ['sales 7 true'], 403, 403]);
    expect(await may({ perm: 3, projects: ['stock'] })).toEqual([false, ['stock 3 false'], 403, 403]);
  });

  test('made with a token are not wider than that, and end with it', async () => {
    const expiresAt = new Date(NOW + MINUTE).toISOString();
    const first = await makeToken(ann, { perm: 3, projects: ['sales', 'stock'], expiresAt });
    const who = bearer(first.token);
    const second = await makeToken(who, { perm: 2, projects: ['sales'] });
    expect(second).toMatchObject({ perm: 2, projects: ['sales'], expiresAt });
    expect(await makeToken(who)).toMatchObject({ perm: 3, projects: ['sales', 'stock'], expiresAt });
    for (const wider of [{ perm: 'editor' }, { perm: 4 }, { expiresAt: new Date(NOW + MINUTE + 1).toISOString() }])
      expect((await as(who, 'POST', '/tokens', { name: 'x', ...wider })).status).toBe(403);
    expect((await as(bearer(second.token), 'POST', '/tokens', { name: 'x', projects: ['stock'] })).status).toBe(400);
    await as(ann, 'DELETE', `/tokens/${first.id}`);
    expect([await statusOf(who), await statusOf(bearer(second.token))]).toEqual([401, 401]);
  });

  test('that are not restricted make others that outlive them, though not in time', async () => {
    const expiresAt = new Date(NOW + MINUTE).toISOString();
    const first = await makeToken(ann, { expiresAt });
    const second = await makeToken(bearer(first.token), { perm: 'viewer' });
    expect(second.expiresAt).toBe(expiresAt);
    await as(ann, 'DELETE', `/tokens/${first.id}`);
    expect(await statusOf(bearer(second.token))).toBe(200);
  });

  test('that are restricted see and end themselves only, and cannot change the password', async () => {
    const other = await makeToken(ann);
    const mine = await makeToken(ann, { perm: 'operator' });
    const who = bearer(mine.token);
    expect((await as<Page<TokenView>>(who, 'GET', '/tokens')).body.items.map(({ id }) => id)).toEqual([mine.id]);
    expect((await as(who, 'DELETE', `/tokens/${other.id}`)).status).toBe(404);
    expect((await as(who, 'POST', '/users/ann/password', { current: PASSWORD, new: 'another password' })).status).toBe(
      403,
    );
    expect((await as(who, 'DELETE', `/tokens/${mine.id}`)).status).toBe(204);
    expect(await statusOf(who)).toBe(401);
  });

  test("of others are for administrators; a stranger's id says nothing", async () => {
    await addUser('bob');
    const bob = await signIn('bob');
    const made = await makeToken(ann);
    expect((await api.call('GET', '/tokens', { headers: bob, query: { user: 'ann' } })).status).toBe(403);
    const [theirs, none] = [await as(bob, 'DELETE', `/tokens/${made.id}`), await as(bob, 'DELETE', '/tokens/9999')];
    expect(theirs.body.message.replace(String(made.id), 'n')).toBe(none.body.message.replace('9999', 'n'));
    const seen = await api.call<Page<TokenView>>('GET', '/tokens', { headers: admin, query: { user: 'ann' } });
    expect(seen.body.items).toHaveLength(1);
    expect((await as(admin, 'DELETE', `/tokens/${made.id}`)).status).toBe(204);
  });

  test('that cannot be are refused, by the name of what is wrong', () =>
    refusedByName(
      [
        [{ name: '' }, 'name'],
        [{ perm: 0 }, 'perm'],
        [{ perm: 8 }, 'perm'],
        [{ perm: 'owner' }, 'perm'],
        [{ projects: [] }, 'projects'],
        [{ projects: ['nowhere'] }, 'projects'],
        [{ expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
        [{ expiresAt: 'tomorrow' }, 'expiresAt'],
      ],
      (body) => as(ann, 'POST', '/tokens', { name: 'x', ...body }),
    ));
});

describe('users', () => {
  test('are created, changed and listed by administrators; others see themselves', async () => {
    const made = await as<UserView>(admin, 'PUT', '/users/ann', { email: 'Ann@example.org', password: PASSWORD });
    const at = new Date(NOW).toISOString();
    expect([made.status, made.body]).toEqual([
      201,
      {
        ...{ name: 'ann', email: 'ann@example.org', administrator: false, disabled: false, hasPassword: true },
        ...{ createdAt: at, createdBy: 'admin', updatedAt: at, updatedBy: 'admin' },
      },
    ]);
    expect((await as<UserView>(admin, 'PUT', '/users/ann', { administrator: true })).body.administrator).toBe(true);
    await addUser('bob');
    const bob = await signIn('bob');
    expect((await as<UserView>(bob, 'GET', '/users/bob')).body.name).toBe('bob');
    for (const [method, at_] of [
      ['GET', '/users'],
      ['GET', '/users/ann'],
      ['PUT', '/users/bob'],
      ['POST', '/users/ann/password'],
    ] as const)
      expect([at_, (await as(bob, method, at_, method === 'POST' ? { new: PASSWORD } : undefined)).status]).toEqual([
        at_,
        403,
      ]);
    const first = await api.call<Page<UserView>>('GET', '/users', { headers: admin, query: { limit: '2' } });
    expect(first.body.items.map(({ name }) => name)).toEqual(['admin', 'ann']);
    const next = { limit: '2', cursor: first.body.nextCursor ?? '' };
    const second = await api.call<Page<UserView>>('GET', '/users', { headers: admin, query: next });
    expect([second.body.items.map(({ name }) => name), second.body.nextCursor]).toEqual([['bob'], null]);
    expect((await as(admin, 'GET', '/users/nobody')).body.code).toBe('USER_NOT_FOUND');
  });

  test('have names that are not taken for something else', async () => {
    for (const name of ['pelorus', 'Pelorus', 'a b', 'ann@example.org', '.ann', 'änn', 'x'.repeat(64)])
      expect([name, (await as(admin, 'PUT', `/users/${encodeURIComponent(name)}`, {})).status]).toEqual([name, 400]);
  });

  test('the last administrator stays; names and addresses are not given twice', async () => {
    expect((await as(admin, 'PUT', '/users/admin', { disabled: true })).status).toBe(409);
    await addUser('ann', { email: 'ann@example.org' });
    expect((await as(admin, 'PUT', '/users/Ann', {})).status).toBe(409);
    expect((await as(admin, 'PUT', '/users/bob', { email: 'ANN@example.org' })).status).toBe(409);
    expect((await as(admin, 'PUT', '/users/ann', { password: PASSWORD })).body.message).toContain('password');
  });
});

describe('members', () => {
  let ann: As;
  let bob: As;
  beforeEach(async () => {
    await addUser('ann');
    await addUser('bob');
    [ann, bob] = [await signIn('ann'), await signIn('bob')];
    await as(ann, 'PUT', '/projects/sales', {});
  });

  test('are made by the owner, and may at once what they were given', async () => {
    expect((await as(bob, 'GET', '/projects/sales')).status).toBe(403);
    const made = await as<MemberView>(ann, 'PUT', '/projects/sales/members/bob', { perm: 'viewer' });
    const at = new Date(NOW).toISOString();
    expect([made.status, made.body]).toEqual([
      201,
      { user: 'bob', perm: 2, role: 'viewer', addedAt: at, addedBy: 'ann' },
    ]);
    expect((await as(bob, 'GET', '/projects/sales')).status).toBe(200);
    expect((await as(bob, 'PUT', '/projects/sales/members/bob', { perm: 7 })).status).toBe(403);
    expect((await as<MemberView>(ann, 'PUT', '/projects/sales/members/bob', { perm: 6 })).body).toMatchObject({
      perm: 6,
      role: null,
    });
    expect((await as<Page<MemberView>>(bob, 'GET', '/projects/sales/members')).body.items).toMatchObject([
      { user: 'ann', perm: 7, role: 'owner' },
      { user: 'bob', perm: 6, role: null },
    ]);
    expect((await as(ann, 'DELETE', '/projects/sales/members/bob')).status).toBe(204);
    expect((await as(bob, 'GET', '/projects/sales')).status).toBe(403);
    expect((await as(ann, 'DELETE', '/projects/sales/members/bob')).body.code).toBe('MEMBER_NOT_FOUND');
    expect((await as(ann, 'PUT', '/projects/sales/members/nobody', { perm: 1 })).body.code).toBe('USER_NOT_FOUND');
    expect((await as(ann, 'PUT', '/projects/sales/members/ann', { perm: 1 })).status).toBe(409);
    expect((await as(ann, 'PUT', '/projects/sales/members/bob', { perm: 'owner' })).status).toBe(400);
  });

  test('a project is handed over by its owner, who stays as an editor', async () => {
    await as(ann, 'PUT', '/projects/sales/members/bob', { perm: 7 });
    expect((await as(bob, 'PUT', '/projects/sales/owner', { user: 'bob' })).status).toBe(403);
    expect((await as(ann, 'PUT', '/projects/sales/owner', { user: 'bob' })).body).toMatchObject({ owner: 'bob' });
    expect((await as<Page<MemberView>>(bob, 'GET', '/projects/sales/members')).body.items).toMatchObject([
      { user: 'bob', role: 'owner' },
      { user: 'ann', role: 'editor' },
    ]);
    expect((await as(ann, 'PUT', '/projects/sales/owner', { user: 'ann' })).status).toBe(403);
    expect((await as(admin, 'PUT', '/projects/sales/owner', { user: 'nobody' })).body.code).toBe('USER_NOT_FOUND');
  });
});

describe('the audit', () => {
  test('tells each change with who, whence and what', async () => {
    await addUser('ann');
    const ann = { ...(await signIn('ann')), 'x-forwarded-for': '10.0.0.7' };
    await as(ann, 'PUT', '/projects/sales', {});
    await as(ann, 'PUT', '/projects/sales', {});
    const made = await makeToken(ann);
    await as(bearer(made.token), 'PUT', '/projects/sales', { description: 'Sales' });
    const rows = (await audit()).map(({ user, via, address, action, outcome, project, target }) =>
      [user, via, address, action, outcome, project, target].join(' '),
    );
    expect(rows).toEqual([
      'admin admin-token 127.0.0.1 putUser done  users/ann',
      expect.stringMatching(/^ann none 127\.0\.0\.1 login done {2}users\/ann\/sessions\/\d+$/),
      'ann session 10.0.0.7 putProject done sales projects/sales',
      `ann session 10.0.0.7 createToken done  users/ann/tokens/${made.id}`,
      'ann token 127.0.0.1 putProject done sales projects/sales',
    ]);
  });

  test('tells each refusal, many alike in one row', async () => {
    await addUser('ann');
    await as(admin, 'PUT', '/projects/sales', {});
    const ann = await signIn('ann');
    await as(ann, 'GET', '/projects/sales');
    await as(ann, 'GET', '/users');
    await Promise.all(Array.from({ length: 40 }, () => as({}, 'GET', '/me')));
    await as({ origin: 'https://evil.example' }, 'POST', '/login', {});
    const refused = (await audit({ outcome: 'refused' })).map(({ user, action, code, project, target, times }) => [
      ...[user, action, code, project, target, times],
    ]);
    expect(refused).toEqual([
      ['ann', 'getProject', 'FORBIDDEN', 'sales', 'projects/sales', 1],
      ['ann', 'listUsers', 'FORBIDDEN', null, '', 1],
      [null, 'getMe', 'NOT_SIGNED_IN', null, '', 40],
      [null, '', 'CROSS_ORIGIN', null, '', 1],
    ]);
  });

  test('of a project is shown to its owner, not to its members; all of it to administrators', async () => {
    await addUser('ann');
    await addUser('bob');
    const [ann, bob] = [await signIn('ann'), await signIn('bob')];
    await as(ann, 'PUT', '/projects/sales', {});
    await as(ann, 'PUT', '/projects/sales/members/bob', { perm: 7 });
    const of = (who: As, query: Record<string, string>) =>
      api.call<Page<AuditView>>('GET', '/audit', { headers: who, query });
    const seen = await of(ann, { project: 'sales' });
    expect(seen.body.items.map(({ action }) => action)).toEqual(['putMember', 'putProject']);
    expect((await of(bob, { project: 'sales' })).status).toBe(403);
    expect((await of(ann, {})).status).toBe(403);
    const page = await of(admin, { user: 'ann', outcome: 'done', limit: '1' });
    expect(page.body.items.map(({ action }) => action)).toEqual(['putMember']);
    const next = await of(admin, { user: 'ann', outcome: 'done', limit: '2', cursor: page.body.nextCursor ?? '' });
    expect(next.body.items.map(({ action }) => action)).toEqual(['putProject', 'login']);
  });
});

test('a hash costs 19 MiB and two passes, and one that cost something else still fits', async () => {
  const hash = await createPasswords().hash(PASSWORD);
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const cheap = createPasswords({ memory: 8, passes: 1, parallelism: 1 });
  expect(await cheap.fits(PASSWORD, hash)).toBe(true);
  expect(await cheap.fits(`${PASSWORD}.`, hash)).toBe(false);
});

test('of passwords, cookies, codes and tokens nothing is in the files of the store', async () => {
  await addUser('ann');
  const session = await signIn('ann');
  const token = await makeToken(session);
  const link = await as<SignInLink>(admin, 'POST', '/users/ann/sign-in-link');
  const code = new URL(link.body.url).searchParams.get('code') ?? '';
  const typed = 'typed into the wrong field';
  await as({}, 'POST', '/login', { name: typed, password: 'a wrong password' });
  const cookie = session['cookie']?.split('=')[1] ?? '';
  const planted = [PASSWORD, cookie, token.token, token.token.slice(4), code, ADMIN_TOKEN, typed, 'a wrong password'];
  expect(planted.every((text) => text.length > 10)).toBe(true);
  const data = path.join(api.folder, 'data');
  const files = await readdir(data);
  expect(files).toContain('pelorus.db');
  const bytes = Buffer.concat(await Promise.all(files.map((file) => readFile(path.join(data, file)))));
  // What is searched is really there: the name is.
  expect(bytes.includes('users/ann/sessions/')).toBe(true);
  expect(planted.filter((text) => bytes.includes(text))).toEqual([]);
});

describe('the page at the root', () => {
  test('is one text under a policy that names its own script and style, and changes nothing', async () => {
    await addUser('ann');
    const link = await as<SignInLink>(admin, 'POST', '/users/ann/sign-in-link');
    const code = new URL(link.body.url).searchParams.get('code') ?? '';
    const page = await api.app.inject({ url: `/?code=${code}` });
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page.headers['set-cookie']).toBeUndefined();
    // Asking for the page did not use up the code.
    expect((await as({}, 'POST', '/login/code', { code })).status).toBe(200);
  });
});
