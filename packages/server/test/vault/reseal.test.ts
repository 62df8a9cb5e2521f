/** Bringing a store under a key: what was plain text is gone from the disk, what an older key sealed needs it no more. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore, type Store } from '../../src/store/index.ts';
import { addressOf, createVault, openChannel, resealAll, type Vault } from '../../src/vault/index.ts';

const AT = 1_790_000_000_000;
const keyOf = (byte: number) => ({ id: `key-${byte}`, bytes: Buffer.alloc(32, byte) });

let folder: string;
let store: Store;
let projectId: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelorus-reseal-'));
  store = await openSqliteStore(folder);
  projectId = (await store.ensureProject({ name: 'p', description: '', owner: 'ann', at: AT })).id;
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** As a version of Pelorus without sealing has written it. */
async function writePlain(rows: Record<string, string>): Promise<void> {
  await store.close();
  const db = new DatabaseSync(join(folder, 'pelorus.db'));
  db.exec('pragma secure_delete = off');
  const insert = db.prepare(`insert into connection (project_id, name, kind, url) values (?, ?, 'postgres', ?)`);
  for (const [name, url] of Object.entries(rows)) insert.run(projectId, name, url);
  // A row that was overwritten and one that was deleted: their text stays in the page.
  db.prepare(`insert into connection (project_id, name, kind, url) values (?, 'gone', 'postgres', ?)`).run(
    projectId,
    'postgres://u:canary-deleted@h/db',
  );
  db.exec(`delete from connection where name = 'gone'`);
  db.close();
  store = await openSqliteStore(folder);
}

const onDisk = (text: string): string[] =>
  readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));

const opened = async (vault: Vault, name: string) =>
  addressOf(vault, (await store.getConnection(projectId, name))!, projectId);

test('connections from before are sealed, and their passwords are nowhere on the disk', async () => {
  const url = 'postgres://u:canary-present@h/db';
  await writePlain({ dwh: url, open: 'postgres://h/db' });
  expect(onDisk('canary-present')).not.toEqual([]);
  expect(onDisk('canary-deleted')).not.toEqual([]);
  // Usable before anybody has a key.
  expect(await opened(createVault([]), 'dwh')).toEqual({ kind: 'found', value: url });
  expect(await resealAll(store, createVault([]))).toEqual({ resealed: 0, plain: 0, closed: 0 });

  const vault = createVault([keyOf(1)]);
  expect(await resealAll(store, vault)).toEqual({ resealed: 0, plain: 1, closed: 0 });
  expect(onDisk('canary-present')).toEqual([]);
  expect(onDisk('canary-deleted')).toEqual([]);
  expect(await store.getConnection(projectId, 'dwh')).toMatchObject({ url: 'postgres://u:***@h/db', plain: false });
  expect(await store.getConnection(projectId, 'open')).toMatchObject({
    url: 'postgres://h/db',
    sealed: null,
    plain: false,
  });
  expect(await opened(vault, 'dwh')).toEqual({ kind: 'found', value: url });
  expect(await resealAll(store, vault)).toEqual({ resealed: 0, plain: 0, closed: 0 });
});

test('secrets of alert channels from before are sealed too', async () => {
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
  await store.saveAlertChannel({
    name: 'ops',
    kind: 'webhook',
    target: 'http://h',
    secret,
    events: [],
    user: 'ann',
    at: AT,
  });
  await store.saveAlertChannel({
    name: 'mail',
    kind: 'email',
    target: 'a@h',
    secret: null,
    events: [],
    user: 'ann',
    at: AT,
  });
  const vault = createVault([keyOf(1)]);
  expect(await resealAll(store, vault)).toEqual({ resealed: 0, plain: 1, closed: 0 });
  expect(onDisk(secret)).toEqual([]);
  expect(await resealAll(store, createVault([keyOf(2), keyOf(1)]))).toEqual({ resealed: 1, plain: 0, closed: 0 });
  expect(openChannel(createVault([keyOf(2)]), (await store.loadAlertChannel('ops'))!).secret).toBe(secret);
  expect((await store.loadAlertChannel('mail'))?.secret).toBeNull();
});

test('a new first key takes everything over, so that the old one can go; what no key opens stays as it is', async () => {
  const place = (name: string) => ({ kind: 'secret', projectId, name }) as const;
  const save = (vault: Vault, name: string) =>
    store.saveSecret({
      projectId,
      name,
      sealed: vault.seal(`value of ${name}`, place(name)),
      user: 'ann',
      at: AT,
      limit: 5000,
    });
  const old = createVault([keyOf(1)]);
  const names = Array.from({ length: 1200 }, (_none, index) => `s${index}`);
  await Promise.all(names.map((name) => save(old, name)));
  await save(createVault([keyOf(9)]), 'lost');
  expect(await resealAll(store, createVault([keyOf(2), keyOf(1)]))).toEqual({ resealed: 1200, plain: 0, closed: 1 });
  const fresh = createVault([keyOf(2)]);
  for (const name of ['s0', 's777', 's1199']) {
    const row = await store.getSecret(projectId, name);
    expect(fresh.open(row!.sealed, place(name))).toEqual({ kind: 'open', value: `value of ${name}` });
    expect(row).toMatchObject({ updatedAt: AT, updatedBy: 'ann' });
  }
  expect((await store.getSecret(projectId, 'lost'))?.sealed).toMatch(/^1\.key-9\./);
});

test('what is deleted or overwritten later leaves nothing behind', async () => {
  const save = (sealed: string) => store.saveSecret({ projectId, name: 'a', sealed, user: 'ann', at: AT, limit: 5 });
  await save(`1.k.${'canary-first'.repeat(500)}`);
  await save('1.k.second');
  await store.deleteSecret(projectId, 'a');
  await store.close();
  expect(onDisk('canary-first')).toEqual([]);
  store = await openSqliteStore(folder);
});
