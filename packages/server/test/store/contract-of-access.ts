/** Accounts, their credentials, members and the audit: what every store must do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditStamp, NewSession, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { AT, newRun, saveOf } from './records.ts';

const conflict: unknown = expect.objectContaining({ name: 'StoreError', code: 'CONFLICT' });
const notFound: unknown = expect.objectContaining({ name: 'StoreError', code: 'NOT_FOUND' });
const DAY = 86_400_000;

export function accessContract(makePlace: () => Promise<Place>): void {
  describe('access', () => {
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const addUser = (name: string, more: object = {}) => store.saveUser({ name, by: 'admin', at: AT, ...more });
    const sessionOf = (hash: string, more: Partial<NewSession> = {}): NewSession => ({
      ...{ hash, at: AT, endsAt: AT + DAY, address: '10.0.0.1', limit: 3 },
      ...more,
    });
    const open = (user: string, hash: string, more: Partial<NewSession> = {}) =>
      store.createSession({ user, passwordHash: 'p1', ...sessionOf(hash, more) });
    const token = (user: string, hash: string, more: object = {}) =>
      store.createToken({
        ...{ user, hash, name: hash, mask: 15, projects: null, parent: null, expiresAt: null, at: AT, limit: 3 },
        ...more,
      });
    const link = (user: string, hash: string, expiresAt: number | null = null) =>
      store.createSignInLink({ user, hash, expiresAt, by: 'admin', at: AT });

    describe('users', () => {
      test('a new store has the administrator, who has no password', async () => {
        expect(await store.listUsers({ limit: 10 })).toMatchObject([
          { name: 'admin', administrator: true, disabledAt: null, hasPassword: false, email: null },
        ]);
      });

      test('are created and changed; what is not given stays, and nothing written is nothing changed', async () => {
        const made = await addUser('ann', { email: 'ann@example.org', passwordHash: 'p1' });
        const row = {
          ...{ name: 'ann', email: 'ann@example.org', administrator: false, disabledAt: null, hasPassword: true },
          ...{ createdAt: AT, createdBy: 'admin', updatedAt: AT, updatedBy: 'admin' },
        };
        expect(made).toEqual({ created: true, user: row });
        const later = { at: AT + 5, by: 'bob' };
        expect(await addUser('ann', { ...later, administrator: false })).toEqual({ created: false, user: row });
        const changed = { ...row, administrator: true, email: null, updatedAt: AT + 5, updatedBy: 'bob' };
        expect(await addUser('ann', { ...later, administrator: true, email: null })).toEqual({
          created: false,
          user: changed,
        });
        expect(await store.getUser('ann')).toEqual(changed);
        expect(await store.getUser('Ann')).toBeNull();
        expect(await store.findSignIn({ name: 'ANN' })).toEqual({ user: changed, passwordHash: 'p1' });
      });

      test('no two have names that differ in case only, or the same e-mail address', async () => {
        await addUser('ann', { email: 'ann@example.org' });
        await expect(addUser('Ann')).rejects.toEqual(conflict);
        await expect(addUser('bob', { email: 'ann@example.org' })).rejects.toEqual(conflict);
        expect(await store.findSignIn({ email: 'ann@example.org' })).toMatchObject({ user: { name: 'ann' } });
        expect(await store.findSignIn({ email: 'bob@example.org' })).toBeNull();
        expect(await store.getUser('bob')).toBeNull();
      });

      test('the last administrator who may sign in stays one', async () => {
        await expect(addUser('admin', { disabled: true })).rejects.toEqual(conflict);
        await expect(addUser('admin', { administrator: false })).rejects.toEqual(conflict);
        await addUser('ann', { administrator: true });
        await addUser('admin', { disabled: true });
        await expect(addUser('ann', { administrator: false })).rejects.toEqual(conflict);
        expect(await store.getUser('admin')).toMatchObject({ administrator: true, disabledAt: AT });
      });

      test('are listed by name, page by page', async () => {
        for (const name of ['bob', 'ann', 'cid']) await addUser(name);
        const names = async (filter: { after?: string; limit: number }) =>
          (await store.listUsers(filter)).map((user) => user.name);
        expect(await names({ limit: 2 })).toEqual(['admin', 'ann']);
        expect(await names({ after: 'ann', limit: 2 })).toEqual(['bob', 'cid']);
      });
    });

    describe('sessions and links', () => {
      beforeEach(async () => {
        await addUser('ann', { passwordHash: 'p1' });
      });

      test('a session is found by its hash until it is ended', async () => {
        const made = await open('ann', 'h1');
        expect(made).toEqual({
          id: made.id,
          user: 'ann',
          createdAt: AT,
          seenAt: AT,
          endsAt: AT + DAY,
          address: '10.0.0.1',
        });
        expect(await store.findSession('h1')).toEqual({ ...made, administrator: false, disabled: false });
        await store.touchSession({ id: made.id, at: AT + 60 });
        await store.touchSession({ id: made.id, at: AT + 50 });
        expect(await store.findSession('h1')).toMatchObject({ seenAt: AT + 60 });
        await store.endSession(made.id);
        await store.endSession(made.id);
        expect(await store.findSession('h1')).toBeNull();
      });

      test('those of a user are listed, newest first', async () => {
        await addUser('bob', { passwordHash: 'p1' });
        const [first, second] = [await open('ann', 'h1'), await open('ann', 'h2', { address: '::1' })];
        await open('bob', 'h3');
        await store.touchSession({ id: first.id, at: AT + 60 });
        expect(await store.listSessions('ann')).toEqual([second, { ...first, seenAt: AT + 60 }]);
        await store.endSession(first.id);
        expect(await store.listSessions('ann')).toEqual([second]);
        expect(await store.listSessions('nobody')).toEqual([]);
      });

      test('none is opened with a password that is no longer, or for a disabled user', async () => {
        await expect(store.createSession({ user: 'ann', passwordHash: 'p0', ...sessionOf('h') })).rejects.toEqual(
          conflict,
        );
        await expect(open('nobody', 'h')).rejects.toEqual(notFound);
        await addUser('ann', { disabled: true });
        await expect(open('ann', 'h')).rejects.toEqual(conflict);
        expect(await store.findSession('h')).toBeNull();
      });

      test('the oldest make room for a new one, and what is over is forgotten', async () => {
        for (const hash of ['h1', 'h2', 'h3', 'h4']) await open('ann', hash);
        const found = async () =>
          (await Promise.all(['h1', 'h2', 'h3', 'h4', 'h5'].map((hash) => store.findSession(hash)))).map(
            (row) => row !== null,
          );
        expect(await found()).toEqual([false, true, true, true, false]);
        await open('ann', 'h5', { at: AT + DAY, endsAt: AT + 2 * DAY });
        expect(await found()).toEqual([false, false, false, false, true]);
      });

      test('changing the password ends other sessions and the link, a reset all of them and the tokens', async () => {
        const kept = await open('ann', 'h1');
        await open('ann', 'h2');
        await token('ann', 't1');
        await link('ann', 'l1');
        const change = { user: 'ann', endTokens: false, keepSession: kept.id, by: 'ann', at: AT };
        await expect(store.setPassword({ ...change, passwordHash: 'p2', expected: 'p0' })).rejects.toEqual(conflict);
        expect(await store.findSession('h2')).not.toBeNull();
        await store.setPassword({ ...change, passwordHash: 'p2', expected: 'p1' });
        expect(await store.findSession('h1')).not.toBeNull();
        expect(await store.findSession('h2')).toBeNull();
        expect(await store.findToken('t1')).not.toBeNull();
        expect(await store.redeemSignInLink({ hash: 'l1', session: sessionOf('h9') })).toBeNull();
        await store.setPassword({ ...change, passwordHash: 'p3', keepSession: null, endTokens: true });
        expect(await store.findSession('h1')).toBeNull();
        expect(await store.findToken('t1')).toBeNull();
        expect(await store.findSignIn({ name: 'ann' })).toMatchObject({ passwordHash: 'p3' });
        await expect(store.setPassword({ ...change, user: 'nobody', passwordHash: 'p' })).rejects.toEqual(notFound);
      });

      test('disabling ends sessions, tokens and the link; enabling brings none back', async () => {
        await open('ann', 'h1');
        await token('ann', 't1');
        await link('ann', 'l1');
        await addUser('ann', { disabled: true });
        await expect(token('ann', 't2')).rejects.toEqual(conflict);
        await expect(link('ann', 'l2')).rejects.toEqual(conflict);
        await addUser('ann', { disabled: false });
        expect(await store.findSession('h1')).toBeNull();
        expect(await store.findToken('t1')).toBeNull();
        expect(await store.redeemSignInLink({ hash: 'l1', session: sessionOf('h2') })).toBeNull();
      });

      test('a link opens one session, before it expires, and a newer one ends it', async () => {
        await link('ann', 'l1', AT + 10);
        expect(await store.redeemSignInLink({ hash: 'l1', session: sessionOf('h1', { at: AT + 10 }) })).toBeNull();
        const both = await Promise.all([
          store.redeemSignInLink({ hash: 'l1', session: sessionOf('h1') }),
          store.redeemSignInLink({ hash: 'l1', session: sessionOf('h2') }),
        ]);
        expect(both.filter((row) => row !== null)).toEqual([expect.objectContaining({ user: 'ann' })]);
        await link('ann', 'l2');
        await link('ann', 'l3');
        expect(await store.redeemSignInLink({ hash: 'l2', session: sessionOf('h3') })).toBeNull();
        expect(
          await store.redeemSignInLink({
            hash: 'l3',
            session: sessionOf('h3', { at: AT + DAY, endsAt: AT + 2 * DAY }),
          }),
        ).toMatchObject({ user: 'ann' });
        await expect(link('nobody', 'l4')).rejects.toEqual(notFound);
      });
    });

    describe('tokens', () => {
      beforeEach(async () => {
        await addUser('ann');
      });

      test('carry their restrictions, and their owner as that is now', async () => {
        const made = await token('ann', 't1', { name: 'ci', mask: 3, projects: ['sales'], expiresAt: AT + 9 });
        expect(made).toEqual({
          ...{ id: made.id, user: 'ann', name: 'ci', mask: 3, projects: ['sales'], parent: null },
          ...{ createdAt: AT, expiresAt: AT + 9, usedAt: null },
        });
        await addUser('ann', { administrator: true });
        expect(await store.findToken('t1')).toEqual({ ...made, administrator: true, disabled: false });
        await store.touchToken({ id: made.id, at: AT + 3 });
        expect(await store.getToken(made.id)).toMatchObject({ usedAt: AT + 3 });
      });

      test('there are so many for a user; expired ones do not count', async () => {
        await token('ann', 't1', { expiresAt: AT + 1 });
        await token('ann', 't2');
        await token('ann', 't3');
        await expect(token('ann', 't4')).rejects.toEqual(conflict);
        await token('ann', 't4', { at: AT + 1 });
        expect((await store.listTokens('ann')).map((row) => row.name)).toEqual(['t2', 't3', 't4']);
      });

      test('one that ends takes those along that were made with it', async () => {
        const first = await token('ann', 't1');
        const second = await token('ann', 't2', { parent: first.id });
        await token('ann', 't3', { parent: second.id });
        await store.deleteToken(first.id);
        expect(await store.listTokens('ann')).toEqual([]);
        await expect(store.deleteToken(first.id)).rejects.toEqual(notFound);
        await expect(token('ann', 't4', { parent: first.id })).rejects.toEqual(notFound);
        await expect(token('nobody', 't5')).rejects.toEqual(notFound);
      });
    });

    test('tries fill a bucket, which leaks; a full one counts nothing and says how long it takes', async () => {
      const account = { key: 'account ann', capacity: 2, leakMs: 1000 };
      const address = { key: 'address 10.0.0.1', capacity: 5, leakMs: 100 };
      const take = (at: number) => store.takeTry({ buckets: [account, address], at });
      expect((await Promise.all([take(AT), take(AT), take(AT)])).toSorted((a, b) => a - b)).toEqual([0, 0, 1000]);
      expect(await take(AT + 400)).toBe(600);
      expect(await take(AT + 1000)).toBe(0);
      expect(await take(AT + 1000)).toBe(1000);
      await store.forgiveTry({ empty: account.key, giveBack: address.key });
      expect([await take(AT + 1000), await take(AT + 1000), await take(AT + 1000)]).toEqual([0, 0, 1000]);
      // Of the address: three tries and one given back, less what leaked in a second.
      expect(await store.takeTry({ buckets: [address], at: AT + 1000 })).toBe(0);
    });

    describe('members', () => {
      let project: number;
      beforeEach(async () => {
        project = (await store.ensureProject({ name: 'sales', description: '', owner: 'admin', at: AT })).id;
        await addUser('ann');
        await addUser('bob');
      });
      const member = (user: string, bits: number, more: object = {}) =>
        store.saveMember({ projectId: project, user, bits, by: 'admin', at: AT, limit: 2, ...more });

      test('are added, changed and taken out; grants tell them and the owner', async () => {
        const row = { projectId: project, user: 'ann', bits: 3, addedAt: AT, addedBy: 'admin' };
        expect(await member('ann', 3)).toEqual({ member: row, created: true });
        expect(await member('ann', 3, { at: AT + 1 })).toEqual({ member: row, created: false });
        expect(await member('ann', 7, { at: AT + 1 })).toEqual({
          member: { ...row, bits: 7, addedAt: AT + 1 },
          created: false,
        });
        expect(await store.grantsOf('ann')).toEqual([{ projectId: project, project: 'sales', bits: 7 }]);
        expect(await store.grantsOf('admin')).toEqual([{ projectId: project, project: 'sales', bits: 15 }]);
        expect(await store.grantsOf('nobody')).toEqual([]);
        expect((await store.listMembers(project)).map(({ user }) => user)).toEqual(['ann']);
        await store.deleteMember({ projectId: project, user: 'ann' });
        expect(await store.grantsOf('ann')).toEqual([]);
        await expect(store.deleteMember({ projectId: project, user: 'ann' })).rejects.toEqual(notFound);
      });

      test('the owner is none; a stranger and one too many cannot become one', async () => {
        await expect(member('admin', 7)).rejects.toEqual(conflict);
        await expect(member('nobody', 7)).rejects.toEqual(notFound);
        await expect(member('ann', 7, { projectId: 999 })).rejects.toEqual(notFound);
        await addUser('cid');
        await member('ann', 1);
        await member('bob', 1);
        await expect(member('cid', 1)).rejects.toEqual(conflict);
        await member('bob', 2);
      });

      test('a project handed over has a new owner, and the old one for a member', async () => {
        await member('ann', 2);
        const hand = (user: string) =>
          store.setProjectOwner({ projectId: project, user, bits: 7, by: 'admin', at: AT });
        await hand('ann');
        await hand('ann');
        expect((await store.listProjects()).map(({ owner }) => owner)).toEqual(['ann']);
        expect((await store.listMembers(project)).map(({ user, bits }) => [user, bits])).toEqual([['admin', 7]]);
        await expect(hand('nobody')).rejects.toEqual(notFound);
        await addUser('bob', { disabled: true });
        await expect(hand('bob')).rejects.toEqual(conflict);
      });

      test('a project that is deleted grants nothing', async () => {
        await member('ann', 7);
        await store.deleteProject(project, 'admin', AT);
        expect([await store.grantsOf('ann'), await store.grantsOf('admin')]).toEqual([[], []]);
      });
    });

    describe('audit', () => {
      const stamp = (more: Partial<AuditStamp> = {}): AuditStamp => ({
        ...{ user: 'admin', via: 'session', address: '10.0.0.1', action: 'act', at: AT },
        ...more,
      });
      const rows = async (filter: Partial<Parameters<Store['listAudit']>[0]> = {}) =>
        (await store.listAudit({ limit: 100, ...filter })).toReversed();

      test('a change and its row are one; what fails or changes nothing leaves none', async () => {
        const audited = store.audited(() => stamp());
        await audited.saveUser({ name: 'ann', by: 'admin', at: AT });
        await audited.saveUser({ name: 'ann', by: 'admin', at: AT + 1 });
        await expect(audited.saveUser({ name: 'Ann', by: 'admin', at: AT })).rejects.toEqual(conflict);
        await Promise.all([
          audited.ensureProject({ name: 'sales', description: '', owner: 'admin', at: AT }),
          expect(audited.deleteTaskGroup('none')).rejects.toEqual(notFound),
          audited.ensureProject({ name: 'sales', description: '', owner: 'admin', at: AT }),
        ]);
        const [first, second, ...others] = await rows();
        expect(others).toEqual([]);
        expect(first).toEqual({
          ...{ id: first?.id, at: AT, lastAt: AT, times: 1, user: 'admin', via: 'session', address: '10.0.0.1' },
          ...{ action: 'act', outcome: 'done', code: null, projectId: null, project: null, target: 'users/ann' },
        });
        expect(second).toMatchObject({ target: 'projects/sales', project: 'sales' });
      });

      test('a stamp that refuses keeps the change from being made', async () => {
        const refusing = store.audited(() => {
          throw new Error('not admitted');
        });
        await expect(refusing.saveUser({ name: 'ann', by: 'admin', at: AT })).rejects.toThrow('not admitted');
        expect(await refusing.getUser('ann')).toBeNull();
        // The stamp of the one made last counts.
        await refusing.audited(() => stamp({ user: 'bob' })).saveUser({ name: 'ann', by: 'bob', at: AT });
        expect(await rows()).toMatchObject([{ user: 'bob' }]);
      });

      test('says what each change was about, and of which project', async () => {
        const audited = store.audited(() => stamp());
        const project = await store.ensureProject({ name: 'sales', description: '', owner: 'admin', at: AT });
        await store.saveUser({ name: 'ann', passwordHash: 'p1', by: 'admin', at: AT });
        const { workflow } = await audited.saveWorkflow(saveOf());
        const { run } = await audited.submitRun(newRun({ idempotencyKey: 'once' }));
        await audited.submitRun(newRun({ idempotencyKey: 'once' }));
        const command = { run: run.id, action: { kind: 'stop' as const }, user: 'ann', at: AT };
        await audited.requestCommand({ ...command, idempotencyKey: 'k' });
        await audited.requestCommand({ ...command, idempotencyKey: 'k' });
        await audited.saveMember({ projectId: project.id, user: 'ann', bits: 2, by: 'admin', at: AT, limit: 9 });
        const session = await audited.createSession({ user: 'ann', passwordHash: 'p1', ...sessionOf('h1') });
        await audited.endSession(session.id);
        await audited.endSession(session.id);
        expect(await audited.redeemSignInLink({ hash: 'none', session: sessionOf('h2') })).toBeNull();
        expect((await rows()).map(({ target, projectId, user }) => [target, projectId, user])).toEqual([
          ['projects/sales/workflows/nightly', workflow.projectId, 'admin'],
          [`runs/${run.id}`, project.id, 'admin'],
          [`runs/${run.id}`, project.id, 'admin'],
          ['projects/sales/members/ann', project.id, 'admin'],
          [`users/ann/sessions/${session.id}`, null, 'ann'],
          [`users/ann/sessions/${session.id}`, null, 'admin'],
        ]);
      });

      test('a deleted project is told by the name that it had', async () => {
        const project = await store.ensureProject({ name: 'sales', description: '', owner: 'admin', at: AT });
        await store.audited(() => stamp()).deleteProject(project.id, 'admin', AT);
        expect(await rows()).toMatchObject([{ target: 'projects/sales', project: 'sales', projectId: project.id }]);
      });

      test('refusals that are alike are one row a minute, which counts', async () => {
        const refusal = (more: Partial<AuditStamp> = {}, times = 1) => ({
          ...{ stamp: stamp({ user: '', via: 'none', ...more }), code: 'NOT_SIGNED_IN' },
          ...{ project: null, target: '', times },
        });
        const minute = AT - (AT % 60_000);
        await store.writeAudit([refusal({ at: minute }), refusal({ at: minute + 59_999 }, 4)]);
        await store.writeAudit([refusal({ at: minute + 60_000 }), refusal({ at: minute, address: '10.0.0.2' })]);
        await store.writeAudit([{ ...refusal({ at: minute }), code: 'CROSS_ORIGIN' }]);
        expect(
          (await rows()).map(({ at, lastAt, times, code }) => [at - minute, lastAt - minute, times, code]),
        ).toEqual([
          [0, 59_999, 5, 'NOT_SIGNED_IN'],
          [0, 0, 1, 'NOT_SIGNED_IN'],
          [0, 0, 1, 'CROSS_ORIGIN'],
          [60_000, 60_000, 1, 'NOT_SIGNED_IN'],
        ]);
      });

      test('is found by each filter, newest first, page by page', async () => {
        const project = await store.ensureProject({ name: 'sales', description: '', owner: 'admin', at: AT });
        const about = { id: project.id, name: 'sales' };
        const put = (user: string, action: string, at: number, more: object = {}) =>
          store.writeAudit([
            {
              ...{ stamp: stamp({ user, action, at }), code: 'FORBIDDEN', project: null, target: '', times: 1 },
              ...more,
            },
          ]);
        await put('ann', 'a', AT);
        await put('bob', 'a', AT + 60_000, { project: about });
        await put('ann', 'b', AT + 120_000);
        await store
          .audited(() => stamp({ user: 'ann', action: 'c', at: AT + 180_000 }))
          .saveUser({
            ...{ name: 'x', by: 'ann', at: AT },
          });
        const actions = async (filter: Partial<Parameters<Store['listAudit']>[0]>) =>
          (await store.listAudit({ limit: 100, ...filter })).map(({ user, action }) => `${user}-${action}`);
        expect(await actions({})).toEqual(['ann-c', 'ann-b', 'bob-a', 'ann-a']);
        expect(await actions({ user: 'ann' })).toEqual(['ann-c', 'ann-b', 'ann-a']);
        expect(await actions({ action: 'a' })).toEqual(['bob-a', 'ann-a']);
        expect(await actions({ projectId: project.id })).toEqual(['bob-a']);
        expect(await actions({ outcome: 'done' })).toEqual(['ann-c']);
        expect(await actions({ after: AT + 60_000, before: AT + 180_000 })).toEqual(['ann-b', 'bob-a']);
        const [, second] = await store.listAudit({ limit: 2 });
        expect(await actions({ from: { at: second!.at, id: second!.id } })).toEqual(['bob-a', 'ann-a']);
      });

      test('survives being opened anew', async () => {
        await store.audited(() => stamp()).saveUser({ name: 'ann', by: 'admin', at: AT });
        await store.close();
        store = await place.open();
        expect(await rows()).toMatchObject([{ target: 'users/ann' }]);
      });
    });
  });
}
