/** Who is in charge of which run, where masters are reached, and when anybody heard of a worker. */
import type { WorkerRecord } from '@pelorus/engine';
import { type CommandId, masterIdOf, type RunId, workerIdOf, type WorkerLoad } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { AT, master, newRun, runChange, saveOf, startedRun, status, withWorkflow, worker } from './records.ts';

const fenced: unknown = expect.objectContaining({ name: 'StoreError', code: 'FENCED' });

const wentBack: unknown = expect.objectContaining({ name: 'StoreError', code: 'WENT_BACK' });

const loadOf = (usedSlots: number): WorkerLoad => ({
  ...{ slots: 8, usedSlots, loadAverage: 0.25, cpuCount: 4, freeMemoryBytes: 2 ** 33, totalMemoryBytes: 2 ** 34 },
  ...{ busy: false, draining: false },
});

export function mastersContract(makePlace: () => Promise<Place>): void {
  describe('places of masters', () => {
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await withWorkflow(store);
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    test('a run has the place of its owner until it ends', async () => {
      const a = await master(store, 'a');
      const { run: waiting } = await store.submitRun(newRun());
      expect(await store.masterOf(waiting.id)).toBeNull();
      const run = await startedRun(store, a);
      expect(await store.masterOf(run)).toMatchObject({ id: 'a', host: 'localhost', opsUrl: null });
      await store.commit(a, [runChange(status(run, { version: 2, state: 'succeeded', owner: a.master, endedAt: AT }))]);
      expect(await store.masterOf(run)).toBeNull();
    });

    describe('claims while much waits', () => {
      const none = new Map<number, CommandId>();
      /** So many more commands like the first one. */
      const more = (count: number) =>
        place.execute(`
          insert into command (run_id, action, user_name, at, project_id)
          with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
          select run_id, action, user_name, at, project_id from command, n where id = 1`);
      const stop = (run: RunId) =>
        store.requestCommand({ run, action: { kind: 'stop' }, user: 'ann', at: AT, idempotencyKey: null });

      test('of one project 5,000 wait, of another one: it is in the next claim, and all others follow', async () => {
        const a = await master(store, 'a');
        const { command } = await store.submitRun(newRun());
        await more(4_999);
        await store.ensureProject({ name: 'other', description: '', owner: 'ann', at: AT });
        await store.saveWorkflow(saveOf({ project: 'other' }));
        const alone = (await store.submitRun(newRun({ project: 'other' }))).command;
        const share = 16;
        const first = await store.claimFairly(a, { after: none, share, limit: 256 });
        expect(first.commands.map(({ id }) => id)).toEqual([
          ...Array.from({ length: share }, (_, i) => command + i),
          alone,
        ]);
        expect([...first.looked.values()]).toEqual([
          { count: share, last: command + share - 1 },
          { count: 1, last: alone },
        ]);
        const after = new Map([...first.looked].map(([project, { last }]) => [project, last]));
        const next = await store.claimFairly(a, { after, share, limit: 256 });
        expect(next.commands.map(({ id }) => id)).toEqual(Array.from({ length: share }, (_, i) => command + share + i));
      });

      test('commands of a run come in their order, and only to who has it', async () => {
        const [a, b] = [await master(store, 'a'), await master(store, 'b')];
        const first = await store.submitRun(newRun());
        const second = await store.submitRun(newRun());
        const [stopOfSecond, stopOfFirst] = [await stop(second.run.id), await stop(first.run.id)];
        const claim = async (fence: Fence, share: number, after = none) =>
          (await store.claimFairly(fence, { after, share, limit: 256 })).commands.map(({ id }) => id);
        expect(await claim(a, 0)).toEqual([]);
        expect(await claim(a, 1)).toEqual([first.command, stopOfFirst]);
        expect(await claim(b, 0)).toEqual([]);
        expect(await claim(b, 2)).toEqual([second.command, stopOfSecond]);
        expect(await claim(a, 0)).toEqual([stopOfFirst]);
        expect(await claim(a, 2, new Map([[first.run.projectId, first.command]]))).toEqual([stopOfFirst]);
      });

      test('a run that waits for its turn has no start: who stops it needs none', async () => {
        const a = await master(store, 'a');
        await store.submitRun(newRun({ concurrency: 'serial_wait' }));
        const waiting = await store.submitRun(newRun({ concurrency: 'serial_wait' }));
        const stopped = await stop(waiting.run.id);
        const { commands } = await store.claimFairly(a, { after: none, share: 1, limit: 256 });
        expect(commands.map(({ id }) => id)).toContain(stopped);
      });

      test('one that is fenced claims nothing, and a run that nobody ever had is not adopted before its start is claimed', async () => {
        const a = await master(store, 'a');
        await store.submitRun(newRun());
        expect(await store.adoptRuns(a, null, 10)).toEqual([]);
        await store.releaseMaster(a);
        await expect(store.claimFairly(a, { after: none, share: 1, limit: 1 })).rejects.toEqual(fenced);
      });
    });

    test('one that gives its runs up is nowhere, writes nothing more, and others have the runs at once', async () => {
      const a = await master(store, 'a');
      const b = await master(store, 'b');
      const run = await startedRun(store, a);
      expect((await store.listMasterPlaces(10)).map(({ id }) => id).toSorted()).toEqual(['a', 'b']);
      await store.releaseMaster(a);
      await store.releaseMaster(a);
      expect((await store.listMasterPlaces(10)).map(({ id }) => id)).toEqual(['b']);
      expect(await store.masterOf(run)).toBeNull();
      await expect(store.commit(a, [])).rejects.toEqual(fenced);
      expect(await store.adoptRuns(b, null, 10)).toEqual([run]);
      expect(await store.masterOf(run)).toMatchObject({ id: 'b' });
    });

    test('the wrong token gives nobody’s runs up', async () => {
      const a = await master(store, 'a');
      await store.releaseMaster({ ...a, token: 'another' });
      expect(await store.commit(a, [])).toEqual({ commands: 0 });
    });

    test('of those that have room for none, only commands of their own runs are taken', async () => {
      const a = await master(store, 'a');
      const run = await startedRun(store, a);
      const stop = { run, action: { kind: 'stop' }, user: 'ann', at: AT, idempotencyKey: null } as const;
      const command = await store.requestCommand(stop);
      await store.submitRun(newRun());
      const claimed = await store.claimCommands(a, null, 10, { ownOnly: true });
      expect(claimed.map(({ id }) => id)).toEqual([command]);
      expect(await store.claimCommands(a, null, 10)).toHaveLength(2);
    });

    test('a worker was seen when it, or one that has taken it over, was', async () => {
      const a = await master(store, 'a');
      const old = workerIdOf('w"%1');
      await store.commit(a, [
        { kind: 'worker', record: worker('w"%1', { seenAt: AT + 1 }) },
        { kind: 'worker', record: worker('w2', { seenAt: AT + 7, supersedes: [workerIdOf('x'), old] }) },
        { kind: 'worker', record: worker('w3', { seenAt: AT + 9, supersedes: [workerIdOf('x')] }) },
      ]);
      expect(await store.workerSeenAt(old)).toBe(AT + 7);
      expect(await store.workerSeenAt(workerIdOf('w2'))).toBe(AT + 7);
      expect(await store.workerSeenAt(workerIdOf('w'))).toBeNull();
    });

    test('whoever registers or renews is told the time of the store, and has registered at that', async () => {
      const id = masterIdOf('a');
      // As far as its clock and ours may differ: they are of one machine.
      const before = Date.now() - 1_000;
      const told = [
        await store.registerMaster({ id, token: 'a-token', host: 'localhost' }),
        await store.renewMaster({ master: id, token: 'a-token' }, AT),
      ];
      for (const at of told) {
        expect(at).toBeGreaterThanOrEqual(before);
        expect(at).toBeLessThanOrEqual(Date.now() + 1_000);
      }
      expect(await store.listMasters(1)).toMatchObject([{ registeredAt: told[0], renewedAt: AT }]);
    });

    test('a store that knows less than a master was told is in another timeline from then on: all register anew, and run numbers go on behind a gap', async () => {
      const [a, b] = [await master(store, 'a'), await master(store, 'b')];
      const old = (await store.submitRun(newRun())).run.id;
      await store.renewMaster(a, AT);
      await store.renewMaster(a, AT, 1);
      expect(await store.loadTimeline()).toMatchObject({ number: 1, runsBefore: 0 });
      await expect(store.renewMaster(a, AT, 3)).rejects.toEqual(wentBack);

      const anew = async (id: string, earlier: Fence): Promise<Fence> => {
        const fence = { master: masterIdOf(id), token: `${id}-token` };
        const supersedes = [earlier.master];
        await store.registerMaster({ ...fence, id: fence.master, host: 'here', supersedes, leftBehind: 1 });
        return fence;
      };
      const nextOfA = await anew('a2', a);
      await expect(store.commit(b, [])).rejects.toEqual(wentBack);
      const nextOfB = await anew('b2', b);
      const second = (await store.loadTimeline())!;
      expect(second).toMatchObject({ number: 2 });
      expect(second.runsBefore).toBeGreaterThan(old + 999_999);
      for (const fence of [nextOfA, nextOfB]) await store.commit(fence, []);
      const next = (await store.submitRun(newRun())).run.id;
      expect(next).toBeGreaterThan(second.runsBefore);

      // As after a failover: whoever makes a run first begins the timeline.
      await place.execute(`update store_timeline set name = 'before' where number = 2`);
      await expect(store.commit(nextOfA, [])).rejects.toEqual(wentBack);
      const last = (await store.submitRun(newRun())).run.id;
      const third = (await store.loadTimeline())!;
      expect(third).toMatchObject({ number: 3 });
      expect([next < third.runsBefore, third.runsBefore < last]).toEqual([true, true]);
    });

    test('of what several masters say of a worker the latest counts, in whatever order they say it', async () => {
      const a = await master(store, 'a');
      const b = await master(store, 'b');
      const say = (fence: typeof a, record: Partial<WorkerRecord>) =>
        store.commit(fence, [{ kind: 'worker', record: worker('w1', record) }]);
      const known = async () =>
        (await store.listWorkers()).map(({ state, seenAt, load }) => [state, seenAt, load?.usedSlots]);
      await say(a, { state: 'online', seenAt: AT + 1, load: loadOf(1) });
      await say(b, { state: 'offline', seenAt: AT + 9, load: loadOf(9) });
      await say(a, { state: 'online', seenAt: AT + 8, load: loadOf(8) });
      expect(await known()).toEqual([['offline', AT + 9, 9]]);
      await say(a, { state: 'draining', seenAt: AT + 9, load: loadOf(3) });
      expect(await known()).toEqual([['draining', AT + 9, 3]]);
      expect((await store.listWorkers())[0]?.load).toEqual(loadOf(3));
      await say(a, { state: 'draining', seenAt: AT + 10, load: null });
      expect(await known()).toEqual([['draining', AT + 10, undefined]]);
    });
  });
}
