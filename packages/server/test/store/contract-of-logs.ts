/** Logs as rows: what every store must do. What a log store must do at all is the contract of `server/logs`. */
import type { AttemptId } from '@pelorus/protocol';
import { runIdOf } from '@pelorus/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDatabaseLogs } from '../../src/logs/index.ts';
import type { Store } from '../../src/store/index.ts';
import { logStoreContract } from '../logs/contract.ts';
import type { Place } from './contract.ts';
import { AT, master, runChange, startedRun, status, withWorkflow } from './records.ts';

export function logsContract(makePlace: () => Promise<Place>): void {
  describe('logs', () => {
    let place: Place;
    let store: Store;
    beforeAll(async () => {
      place = await makePlace();
      store = await place.open();
    });
    afterEach(async () => {
      for (const run of await store.listLogRuns(null, 1000)) await openDatabaseLogs(store).deleteRun(run);
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    const open = async () => openDatabaseLogs(store);
    logStoreContract(() => ({ open, openAgain: open }));

    test('the same piece from two sides at once is stored once, and pieces that overlap are one text', async () => {
      const id = '7.0.1' as AttemptId;
      const text = Buffer.from(Array.from({ length: 20_000 }, (_, n) => `line ${n}\n`).join(''));
      const sizes: number[] = [];
      for (let from = 0; from < text.length; from += 7_000) {
        const sent = [
          text.subarray(from, from + 7_000),
          text.subarray(from, from + 7_000),
          text.subarray(from, from + 3_000),
        ];
        sizes.push(...(await Promise.all(sent.map((piece) => store.appendLog(id, from, piece)))));
      }
      expect(Math.max(...sizes)).toBe(text.length);
      const parts: Uint8Array[] = [];
      for (let at = 0; at < text.length; at += parts.at(-1)!.length) parts.push(await store.readLog(id, at, 1_000_000));
      expect(Buffer.concat(parts).equals(text)).toBe(true);
    });

    test('deleting the logs of a run takes several bounded steps', async () => {
      for (let n = 1; n <= 20; n += 1) await store.appendLog(`9.0.${n}` as AttemptId, 0, Buffer.alloc(200_000));
      await store.appendLog('10.0.1' as AttemptId, 0, Buffer.from('kept'));
      expect(await store.dropLogChunks({ run: runIdOf(9), limit: 10 })).toBe(10);
      expect(await store.listLogRuns(null, 10)).toEqual([9, 10]);
      await openDatabaseLogs(store).deleteRun(runIdOf(9));
      expect(await store.dropLogChunks({ run: runIdOf(9), limit: 10 })).toBe(0);
      expect(await store.listLogRuns(null, 10)).toEqual([10]);
    });

    test('of runs it is known which ended before an instant', async () => {
      await withWorkflow(store);
      const fence = await master(store, 'm1');
      const [early, late, running] = [
        await startedRun(store, fence),
        await startedRun(store, fence),
        await startedRun(store, fence),
      ];
      const end = (run: typeof early, endedAt: number) =>
        store.commit(fence, [runChange(status(run, { version: 9, state: 'failed', endedAt, owner: fence.master }))]);
      await end(early, AT + 10);
      await end(late, AT + 20);
      expect(await store.runsEndedBefore([running, late, early, runIdOf(999_999)], AT + 20)).toEqual([early]);
      expect(await store.runsEndedBefore([], AT + 20)).toEqual([]);
    });
  });
}
