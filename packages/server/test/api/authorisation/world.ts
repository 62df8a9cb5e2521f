/**
 * Two kinds of projects that look alike, `own` and `foreign`, people with every kind of right in the first and none in the second,
 * and what is in the store. Everything in `own` is named after `homely`, everything in `foreign` after `strange`: where a word
 * turns up in an answer, something of that project has been told.
 */
import path from 'node:path';
import { vi } from 'vitest';
import { createApi } from '../../../src/api/index.ts';
import { newSecret } from '../../../src/api/credentials.ts';
import type { Route } from '../../../src/api/route.ts';
import { runAtOnce } from '../../../src/store/database.ts';
import { SqliteDatabase } from '../../../src/store/sqlite-database.ts';
import { worker } from '../../store/records.ts';
import { openApi, type ApiUnderTest } from '../api-under-test.ts';
import { WAIT } from '../../wait.ts';
import { makePlace, type Place, type Side } from './places.ts';
import { makePrincipals, makeSession, makeToken, makeUsers, type Principal } from './principals.ts';

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

const NOT_COMPARED = new Set(['audit', 'sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4']);

export async function openWorld(): Promise<World> {
  const adminToken = newSecret();
  const api = await openApi({
    adminToken,
    hints: { commandWritten: () => undefined, testAlertChannel: async () => ({ delivered: true, detail: '200 OK' }) },
  });
  const asAdmin = { authorization: `Bearer ${adminToken}` };
  await makeUsers(api);
  const cookie = await makeSession(api, 'owner');
  const stranger = await makeToken(api, 'strange-owner');
  const operation = await endedOperation(api, stranger);
  const token = (await api.store.listTokens('strange-owner'))[0]!.id;
  await furnish(api, asAdmin);
  const principals = await makePrincipals(api);
  for (const { headers } of principals) await api.call('GET', '/me', { headers });
  let places = 0;
  const stored = new StoredRows(api);
  return {
    api,
    principals,
    as: (name) => principals.find((each) => each.name === name)!.headers,
    asAdmin,
    cookie,
    token,
    operation,
    makePlace: (side) => makePlace(api, asAdmin, side, (places += 1)),
    dump: () => stored.dump(),
    refusals: () => stored.refusals(),
    altered: async (routes) => {
      const app = createApi({ ...api.options, routes });
      await app.ready();
      return app;
    },
    close: () => stored.close(),
  };
}

/** What is in no project: one of each kind that nothing uses, and what there is of workers, channels and groups. */
async function furnish(api: ApiUnderTest, headers: Record<string, string>): Promise<void> {
  const put = (at: string, body: unknown) => api.call('PUT', at, { headers, body });
  await put('/task-groups/gpu', { size: 1 });
  await put('/task-groups/unused', { size: 1 });
  await put('/worker-groups/unused', {});
  await put('/calendars/unused', { days: ['2026-01-01'] });
  await put('/environments/unused', { variables: {} });
  await api.commit({ kind: 'worker', record: worker('worker-1', { name: 'worker-1' }) });
  for (const name of ['ops', 'unused'])
    await put(`/alert-channels/${name}`, { kind: 'webhook', target: 'https://hooks.example/strange-path' });
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

/** Looks at the rows themselves, on a connection of its own. */
class StoredRows {
  readonly #db: SqliteDatabase;
  readonly #tables: readonly string[];
  #dumped: { at: unknown; dump: Map<string, string> } | null = null;

  constructor(api: ApiUnderTest) {
    this.#db = new SqliteDatabase(path.join(api.folder, 'data', 'pelorus.db'), { readOnly: true });
    this.#tables = runAtOnce(this.#db.all(`select name from sqlite_master where type = 'table' order by name`))
      .map((table) => table['name'] as string)
      .filter((name) => !NOT_COMPARED.has(name));
  }

  /** Read again only when somebody has written since. */
  dump(): Map<string, string> {
    const at = runAtOnce(this.#db.get('pragma data_version'))?.['data_version'];
    if (this.#dumped === null || this.#dumped.at !== at) this.#dumped = { at, dump: this.#read() };
    return this.#dumped.dump;
  }

  #read(): Map<string, string> {
    const rows = (table: string): string => JSON.stringify(runAtOnce(this.#db.rows(`select * from ${table}`)));
    return new Map(this.#tables.map((table) => [table, rows(table)]));
  }

  refusals(): Map<string, number> {
    const rows = runAtOnce(
      this.#db.rows(
        `select user_name, action, sum(times) from audit where outcome = 'refused' group by user_name, action`,
      ),
    );
    return new Map(rows.map(([name, action, times]) => [`${name as string} ${action as string}`, times as number]));
  }

  close(): void {
    this.#db.close();
  }
}
