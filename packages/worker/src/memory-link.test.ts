import { expect, test } from 'vitest';
import type { AttemptId, MasterToWorker, WorkerId, WorkerToMaster } from '@pelorus/protocol';
import { createMemoryLinkPair } from './memory-link.ts';

const goodbye = (worker: string): WorkerToMaster => ({ kind: 'goodbye', worker: worker as WorkerId });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('messages arrive later, in order, those of one turn in one frame', async () => {
  const { worker, master } = createMemoryLinkPair();
  const frames: (WorkerToMaster[] | null)[] = [];
  master.onFrame((frame) => frames.push(frame));
  worker.send([goodbye('1')]);
  worker.send([goodbye('2'), goodbye('3')]);
  expect(frames).toEqual([]);
  await turn();
  worker.send([goodbye('4')]);
  await turn();
  expect(frames).toEqual([[goodbye('1'), goodbye('2'), goodbye('3')], [goodbye('4')]]);
});

test('what is sent before anybody listens waits', async () => {
  const { worker, master } = createMemoryLinkPair();
  const query: MasterToWorker = { kind: 'query', attempts: ['1.0.1' as AttemptId] };
  master.send([query]);
  await turn();
  const frames: (MasterToWorker[] | null)[] = [];
  worker.onFrame((frame) => frames.push(frame));
  await turn();
  expect(frames).toEqual([[query]]);
});

test('closing either end is heard once at both, after what was sent before, and nothing is heard after it', async () => {
  const { worker, master } = createMemoryLinkPair();
  const atMaster: (WorkerToMaster[] | null)[] = [];
  const atWorker: (MasterToWorker[] | null)[] = [];
  master.onFrame((frame) => atMaster.push(frame));
  worker.onFrame((frame) => atWorker.push(frame));
  worker.send([goodbye('1')]);
  worker.close();
  worker.close();
  worker.send([goodbye('2')]);
  await turn();
  expect(atMaster).toEqual([[goodbye('1')], null]);
  expect(atWorker).toEqual([null]);
});
