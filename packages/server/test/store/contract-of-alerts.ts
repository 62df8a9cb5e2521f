/** The outbox of alerts and the channels they go through: what every store must do. */
import type { AlertRecord, Change } from '@pelorus/engine';
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { alertOfEnd, AT, master, runChange, startedRun, status, withWorkflow } from './records.ts';

export function alertsContract(makePlace: () => Promise<Place>): void {
  describe('alerts', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    let run: RunId;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await withWorkflow(store);
      fence = await master(store, 'm1');
      run = await startedRun(store, fence);
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const alertChange = (alert: AlertRecord): Change => ({ kind: 'alert', alert });
    const end = (alert: AlertRecord) =>
      store.commit(fence, [
        runChange(status(run, { version: 9, state: 'failed', endedAt: AT + 10, owner: fence.master })),
        alertChange(alert),
      ]);

    test('one is stored with the state that it reports, a delivery for each recipient', async () => {
      const alert = alertOfEnd(run, { recipients: ['ann@example.org', 'ops', 'ann@example.org'] });
      await end(alert);
      const pending = { alert, state: 'pending', attempts: 0, nextAt: alert.at, doneAt: null, result: null };
      const stored = await store.listAlerts({ run, limit: 10 });
      expect(stored).toEqual([
        { id: expect.any(Number) as number, recipient: 'ops', ...pending },
        { id: expect.any(Number) as number, recipient: 'ann@example.org', ...pending },
      ]);
      expect(stored[0]!.id).toBeGreaterThan(stored[1]!.id);
      expect(await store.nextAlertAt()).toBe(alert.at);
    });

    test('a commit that fails leaves no alert', async () => {
      const bad = runChange(status((run + 1) as RunId, { state: 'failed' }));
      await expect(store.commit(fence, [alertChange(alertOfEnd(run)), bad])).rejects.toMatchObject({
        code: 'INVARIANT',
      });
      await expect(store.commit({ ...fence, token: 'x' }, [alertChange(alertOfEnd(run))])).rejects.toMatchObject({
        code: 'FENCED',
      });
      expect(await store.listAlerts({ limit: 10 })).toEqual([]);
      expect(await store.nextAlertAt()).toBeNull();
    });

    test('the same news told again, by a commit repeated, makes no second alert', async () => {
      await end(alertOfEnd(run));
      await end(alertOfEnd(run));
      expect(await store.listAlerts({ limit: 10 })).toHaveLength(1);
      const [delivery] = await store.claimAlerts(AT + 20, 1000, 10);
      await store.settleAlert(delivery!.id, { state: 'sent', result: 'ok', nextAt: null, at: AT + 20 });
      await end(alertOfEnd(run));
      expect(await store.claimAlerts(AT + 9_999_999, 1000, 10)).toEqual([]);
    });

    test('what is due is claimed once, oldest first, and comes back when the lease is over', async () => {
      const recipients = ['a@x', 'b@x', 'c@x'];
      await end(alertOfEnd(run, { recipients, at: AT + 100 }));
      expect(await store.claimAlerts(AT + 99, 5000, 10)).toEqual([]);
      const [first, both] = await Promise.all([
        store.claimAlerts(AT + 100, 5000, 2),
        store.claimAlerts(AT + 100, 5000, 2),
      ]);
      expect([...first, ...both].map(({ recipient, attempts, nextAt }) => [recipient, attempts, nextAt])).toEqual(
        recipients.map((recipient) => [recipient, 1, AT + 5100]),
      );
      expect(await store.claimAlerts(AT + 5099, 5000, 10)).toEqual([]);
      await store.close();
      store = await place.open();
      const again = await store.claimAlerts(AT + 5100, 5000, 10);
      expect(again.map(({ recipient, attempts }) => [recipient, attempts])).toEqual(recipients.map((r) => [r, 2]));
    });

    test('a delivery is tried again when it says so, and settled once and for all', async () => {
      await end(alertOfEnd(run, { at: AT }));
      const id = (await store.claimAlerts(AT, 1000, 1))[0]!.id;
      await store.settleAlert(id, { state: 'pending', result: 'connection refused', nextAt: AT + 700, at: AT + 10 });
      expect(await store.nextAlertAt()).toBe(AT + 700);
      expect(await store.claimAlerts(AT + 699, 1000, 1)).toEqual([]);
      expect(await store.claimAlerts(AT + 700, 1000, 1)).toMatchObject([
        { id, attempts: 2, result: 'connection refused' },
      ]);
      await store.settleAlert(id, { state: 'sent', result: '250 accepted', nextAt: null, at: AT + 800 });
      await store.settleAlert(id, { state: 'failed', result: 'too late', nextAt: null, at: AT + 900 });
      expect(await store.listAlerts({ limit: 10 })).toMatchObject([
        { id, state: 'sent', attempts: 2, nextAt: null, doneAt: AT + 800, result: '250 accepted' },
      ]);
      expect(await store.nextAlertAt()).toBeNull();
      await expect(store.settleAlert(id, { state: 'sent', result: '', nextAt: AT, at: AT })).rejects.toMatchObject({
        code: 'INVARIANT',
      });
    });

    test('they are listed newest first, by run and by state, page by page', async () => {
      const other = await startedRun(store, fence);
      await end(alertOfEnd(run, { recipients: ['a@x', 'b@x'] }));
      await store.commit(fence, [alertChange(alertOfEnd(other, { recipients: ['c@x'] }))]);
      const recipients = async (filter: Parameters<Store['listAlerts']>[0]) =>
        (await store.listAlerts(filter)).map(({ recipient }) => recipient);
      expect(await recipients({ limit: 10 })).toEqual(['c@x', 'b@x', 'a@x']);
      expect(await recipients({ run, limit: 10 })).toEqual(['b@x', 'a@x']);
      const [newest] = await store.listAlerts({ limit: 1 });
      expect(await recipients({ before: newest!.id, limit: 1 })).toEqual(['b@x']);
      const [claimed] = await store.claimAlerts(AT + 99_999, 1000, 1);
      await store.settleAlert(claimed!.id, { state: 'failed', result: 'no', nextAt: null, at: AT });
      expect(await recipients({ state: 'failed', limit: 10 })).toEqual(['a@x']);
      expect(await recipients({ state: 'pending', run, limit: 10 })).toEqual(['b@x']);
    });

    describe('channels', () => {
      const channel = { name: 'ops', kind: 'webhook', target: 'https://example.org/hook', events: [] } as const;

      test('are made, changed, listed by name and deleted; the secret is shown to the sender only', async () => {
        const made = await store.saveAlertChannel({
          ...channel,
          events: ['run-failed'],
          secret: 'whsec_AAAA',
          user: 'ann',
          at: AT,
        });
        expect(made).toEqual({ ...channel, events: ['run-failed'], hasSecret: true, updatedAt: AT, updatedBy: 'ann' });
        await store.saveAlertChannel({
          name: 'Boss',
          kind: 'email',
          target: 'boss@x',
          events: [],
          secret: null,
          user: 'ann',
          at: AT,
        });
        expect(JSON.stringify(await store.listAlertChannels())).not.toContain('whsec');
        expect((await store.listAlertChannels()).map(({ name, hasSecret }) => [name, hasSecret])).toEqual([
          ['Boss', false],
          ['ops', true],
        ]);
        expect(await store.loadAlertChannel('ops')).toEqual({
          ...channel,
          events: ['run-failed'],
          secret: 'whsec_AAAA',
        });
        expect(await store.loadAlertChannel('none')).toBeNull();
        await store.deleteAlertChannel('ops');
        expect(await store.loadAlertChannel('ops')).toBeNull();
        await expect(store.deleteAlertChannel('ops')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });

      test('a change without a secret keeps the one there is; null takes it away', async () => {
        const save = (secret: { secret?: string | null }) =>
          store.saveAlertChannel({ ...channel, events: [], ...secret, user: 'ann', at: AT });
        expect((await save({})).hasSecret).toBe(false);
        await save({ secret: 'whsec_AAAA' });
        expect((await save({})).hasSecret).toBe(true);
        expect((await store.loadAlertChannel('ops'))?.secret).toBe('whsec_AAAA');
        expect((await save({ secret: null })).hasSecret).toBe(false);
      });
    });
  });
}
