/**
 * Two projects that look alike, `own` and `foreign`, people with every kind of right in the first and none in the second, and
 * what is in the store. Everything in `own` is named after `homely`, everything in `foreign` after `forbidden`: where a word
 * turns up in an answer, something of that project has been told.
 */
import path from 'node:path';
import { vi } from 'vitest';
import { runIdOf, type Problem } from '@pelorus/protocol';
import { createApi } from '../../../src/api/index.ts';
import { newSecret, secretHash, SESSION_COOKIE, TOKEN_PREFIX } from '../../../src/api/credentials.ts';
import type { Route } from '../../../src/api/route.ts';
import { runAtOnce } from '../../../src/store/database.ts';
import { SqliteDatabase } from '../../../src/store/sqlite-database.ts';
import { alertOfEnd, worker } from '../../store/records.ts';
import { NOW, openApi, type ApiUnderTest } from '../api-under-test.ts';
import { WAIT } from '../../wait.ts';

export const MARKS = { own: 'homely', foreign: 'strange' } as const;
export type Side = keyof typeof MARKS;

/** One project with one of everything in it. */
export interface Place {
  side: Side;
  project: string;
  projectId: number;
  workflow: string;
  /** Name of the workflow's only task. */
  task: string;
  /** Running, with one attempt that runs. */
  run: number;
  attempt: string;
  pausedRun: number;
  /** Failed; its task, too. */
  endedRun: number;
  backfill: number;
  schedule: string;
  deadline: string;
  connection: string;
  secret: string;
  file: string;
  member: string;
}

/** Who sends a request. `bits`: effective ones in `own`; nobody but an administrator has any in `foreign`. */
export interface Principal {
  name: string;
  user: string;
  headers: Record<string, string>;
  signedIn: boolean;
  administrator: boolean;
  bits: number;
  /** A token that leaves its owner less than all. */
  restricted: boolean;
}

export interface World {
  api: ApiUnderTest;
  principals: readonly Principal[];
  /** The headers of a name among the principals, and of the administrator of the configuration. */
  as(principal: string): Record<string, string>;
  asAdmin: Record<string, string>;
  /** The cookie of a session of the owner of what is `own`. */
  cookie: string;
  /** Id of a token of who owns what is foreign. */
  token: number;
  /** Id of a bulk operation of theirs. */
  operation: number;
  makePlace(side: Side): Promise<Place>;
  /** What is stored but for the audit, by table. */
  dump(): Map<string, string>;
  /** Rows of the audit that say that somebody was refused: how many refusals they stand for, by user and operation. */
  refusals(): Map<string, number>;
  /** The API over the same store with some routes altered. */
  altered(routes: readonly Route[]): Promise<ReturnType<typeof createApi>>;
  close(): void;
}

const MEMBERS = { viewer: 2, operator: 3, editor: 7, 'w-only': 4, 'x-only': 1 } as const;
const ALL_BITS = 15;
const NOT_COMPARED = new Set(['audit', 'sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4']);

export async function openWorld(): Promise<World> {
  const adminToken = newSecret();
  const api = await openApi({
    adminToken,
    hints: { commandWritten: () => undefined, testAlertChannel: async () => ({ delivered: true, detail: '200 OK' }) },
  });
  const { store } = api;
  const asAdmin = { authorization: `Bearer ${adminToken}` };
  const user = (name: string, more: { administrator?: boolean; disabled?: boolean } = {}) =>
    store.saveUser({ name, ...more, by: 'admin', at: NOW });
  for (const name of [...Object.keys(MEMBERS), 'owner', 'strange-owner', 'gone', 'homely-guest', 'strange-guest'])
    await user(name);
  await user('chief', { administrator: true });

  const token = async (of: string, more: { mask?: number; projects?: string[] } = {}) => {
    const secret = TOKEN_PREFIX + newSecret();
    await store.createToken({
      ...{ user: of, hash: secretHash(secret), name: 'test', mask: ALL_BITS, projects: null, parent: null },
      ...{ expiresAt: null, at: NOW, limit: 100 },
      ...more,
    });
    return { authorization: `Bearer ${secret}` };
  };
  const principal = async (
    name: string,
    who: string,
    bits: number,
    more: { mask?: number; projects?: string[] } & Partial<Principal> = {},
  ): Promise<Principal> => {
    const { mask, projects, ...rest } = more;
    const limits = { ...(mask === undefined ? {} : { mask }), ...(projects === undefined ? {} : { projects }) };
    return {
      ...{ name, user: who, headers: await token(who, limits), signedIn: true, administrator: false, bits },
      ...{ restricted: mask !== undefined || projects !== undefined },
      ...rest,
    };
  };
  const goneHeaders = await token('gone');
  await user('gone', { disabled: true });
  const [code, session] = [newSecret(), newSecret()];
  await store.createSignInLink({ user: 'owner', hash: secretHash(code), expiresAt: null, by: 'admin', at: NOW });
  await store.redeemSignInLink({
    hash: secretHash(code),
    session: { hash: secretHash(session), at: NOW, endsAt: NOW + 86_400_000, address: '127.0.0.1', limit: 10 },
  });
  const stranger = await token('strange-owner');
  const operation = await endedOperation(api, stranger);
  const guestToken = (await store.listTokens('strange-owner'))[0]!.id;
  await api.call('PUT', '/task-groups/gpu', { headers: asAdmin, body: { size: 1 } });
  await api.call('PUT', '/task-groups/unused', { headers: asAdmin, body: { size: 1 } });
  await api.call('PUT', '/worker-groups/unused', { headers: asAdmin, body: {} });
  await api.call('PUT', '/calendars/unused', { headers: asAdmin, body: { days: ['2026-01-01'] } });
  await api.call('PUT', '/environments/unused', { headers: asAdmin, body: { variables: {} } });
  await api.commit({ kind: 'worker', record: worker('worker-1', { name: 'worker-1' }) });
  for (const name of ['ops', 'unused'])
    await api.call('PUT', `/alert-channels/${name}`, {
      headers: asAdmin,
      body: { kind: 'webhook', target: 'https://hooks.example/strange-path' },
    });
  const nobody = { user: '', signedIn: false, administrator: false, bits: 0, restricted: false };
  const principals: Principal[] = [
    { ...nobody, name: 'anonymous', headers: {} },
    { ...nobody, name: 'disabled user', headers: goneHeaders },
    { ...nobody, name: 'made-up token', headers: { authorization: `Bearer ${TOKEN_PREFIX}${newSecret()}` } },
    ...(await Promise.all(Object.entries(MEMBERS).map(([name, bits]) => principal(name, name, bits)))),
    await principal('owner', 'owner', ALL_BITS),
    await principal('token of the owner that may read', 'owner', 2, { mask: 2 }),
    await principal('token of the owner for another project', 'owner', 0, { projects: ['elsewhere'] }),
    await principal('token of an administrator that may read', 'chief', 0, { mask: 2 }),
    await principal('administrator', 'chief', ALL_BITS, { administrator: true }),
  ];

  for (const { headers } of principals) await api.call('GET', '/me', { headers });

  const asked = async <Body>(method: string, at: string, body?: unknown): Promise<Body> => {
    const answer = await api.call<Body & Problem>(method, at, {
      headers: asAdmin,
      ...(body === undefined ? {} : { body }),
    });
    if (answer.status > 202) throw new Error(`${method} ${at}: ${answer.text}`);
    return answer.body;
  };

  let serial = 0;
  const makePlace = async (side: Side): Promise<Place> => {
    const mark = MARKS[side];
    const n = (serial += 1);
    const names = { project: `${mark}-harbour-${n}`, workflow: `${mark}-voyage-${n}`, task: `${mark}-leg-${n}` };
    const owner = side === 'own' ? 'owner' : 'strange-owner';
    const row = await store.createProject({ name: names.project, description: `${mark} words`, owner, at: NOW });
    const join = (member: string, bits: number) =>
      store.saveMember({ projectId: row.id, user: member, bits, by: 'admin', at: NOW, limit: 100 });
    if (side === 'own') for (const [member, bits] of Object.entries(MEMBERS)) await join(member, bits);
    await join(`${mark}-guest`, 2);
    const definition = { name: names.workflow, tasks: { [names.task]: { run: 'true' } } };
    await asked('PUT', `/projects/${names.project}/workflows/${names.workflow}`, definition);
    const submit = async () =>
      (await asked<{ id: number }>('POST', '/runs', { project: names.project, workflow: names.workflow })).id;
    const [run, pausedRun, endedRun] = [await submit(), await submit(), await submit()];
    await api.setRun(run, 'running');
    await api.setTask(run, 0, 'running', { attempts: 1 });
    await api.setAttempt(run, 0, 1, 'running');
    await api.writeLog(run, 0, 1, `${mark} log\n`);
    await api.setRun(pausedRun, 'paused');
    await api.setTask(endedRun, 0, 'failed', { attempts: 1, endedAt: NOW });
    await api.setRun(endedRun, 'failed', { endedAt: NOW });
    const recipients = [`${mark}@example.org`];
    await api.commit({ kind: 'alert', alert: alertOfEnd(runIdOf(endedRun), { recipients, at: NOW }) });
    const [schedule, deadline] = [`${mark}-nightly`, `${mark}-by-six`];
    const ofWorkflow = `/projects/${names.project}/workflows/${names.workflow}`;
    for (const at of [`schedules/${schedule}`, 'schedule'])
      await asked('PUT', `${ofWorkflow}/${at}`, { cron: '0 6 * * *' });
    await asked('PUT', `${ofWorkflow}/deadlines/${deadline}`, { cron: '0 6 * * *' });
    const connection = `${mark}-db`;
    await asked('PUT', `/projects/${names.project}/connections/${connection}`, {
      kind: 'postgres',
      url: `postgres://db.example/${mark}`,
    });
    const secret = `${mark}_key`;
    await asked('PUT', `/projects/${names.project}/secrets/${secret}`, { value: `${mark} value` });
    const file = `${mark}.csv`;
    const bytes = { 'content-type': 'application/octet-stream', ...asAdmin };
    const put = await api.call('PUT', `/projects/${names.project}/files/${file}`, {
      headers: bytes,
      body: `${mark} bytes`,
    });
    if (put.status !== 201) throw new Error(put.text);
    const { id: backfill, runs } = await asked<{ id: number; runs: number[] }>('POST', '/backfills', {
      ...{ project: names.project, workflow: names.workflow, continueAfterFailure: true },
      dates: ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    });
    // Paused, with a date that has failed and one that has not begun: whatever is asked of it applies.
    await asked('POST', `/backfills/${backfill}/pause`);
    await api.setRun(runs[0]!, 'failed', { endedAt: NOW });
    return {
      ...{ side, projectId: row.id, ...names, run, attempt: `${run}.0.1`, pausedRun, endedRun, backfill, connection },
      ...{ secret, file, schedule, deadline },
      member: `${mark}-guest`,
    };
  };

  const db = new SqliteDatabase(path.join(api.folder, 'data', 'pelorus.db'), { readOnly: true });
  const tables = runAtOnce(db.all(`select name from sqlite_master where type = 'table' order by name`))
    .map((table) => table['name'] as string)
    .filter((name) => !NOT_COMPARED.has(name));
  const versionOf = () => runAtOnce(db.get('pragma data_version'))?.['data_version'];
  const dumpAll = () =>
    new Map(tables.map((table) => [table, JSON.stringify(runAtOnce(db.rows(`select * from ${table}`)))]));
  let dumped: { at: unknown; dump: Map<string, string> } | null = null;
  return {
    api,
    principals,
    as: (name) => principals.find((each) => each.name === name)!.headers,
    asAdmin,
    cookie: `${SESSION_COOKIE}=${session}`,
    token: guestToken,
    operation,
    makePlace,
    dump: () => {
      const at = versionOf();
      if (dumped === null || dumped.at !== at) dumped = { at, dump: dumpAll() };
      return dumped.dump;
    },
    refusals: () =>
      new Map(
        runAtOnce(
          db.rows(
            `select user_name, action, sum(times) from audit where outcome = 'refused' group by user_name, action`,
          ),
        ).map(([name, action, times]) => [`${name as string} ${action as string}`, times as number]),
      ),
    altered: async (routes) => {
      const app = createApi({ ...api.options, routes });
      await app.ready();
      return app;
    },
    close: () => db.close(),
  };
}

/** Asks for something to be done to a run that there is not. */
async function endedOperation(api: ApiUnderTest, headers: Record<string, string>): Promise<number> {
  const asked = { headers, body: { action: 'stop', ids: [999_999] } };
  const { body } = await api.call<{ id: number }>('POST', '/bulk/runs', asked);
  await vi.waitFor(async () => {
    const { text } = await api.call('GET', `/bulk/${body.id}`, { headers });
    if (!text.includes('"state":"ended"')) throw new Error(text);
  }, WAIT);
  return body.id;
}
