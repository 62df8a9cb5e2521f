/** What comes faster than it can be handled is bounded, and what is far away costs nothing. */
import type { Command } from '@pelorus/engine';
import type { MasterLink, MasterToWorker, RunId, WorkerToMaster } from '@pelorus/protocol';
import { LIMITS, WIRE_VERSION, workerIdOf } from '@pelorus/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startMaster } from '../../src/master/index.ts';
import type { Master } from '../../src/master/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from '../store/contract.ts';
import {
  AT,
  definition,
  master as registered,
  newRun,
  saveOf,
  startedRun,
  taskChange,
  taskDefinition,
  taskRun,
  withWorkflow,
} from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { scriptedWorker } from './scripted-worker.ts';
import { storeWith } from './store-with.ts';
import { WAIT } from '../wait.ts';

const YEAR_MS = 366 * 86_400_000;

let place: Place;
let store: Store;
const masters: Master[] = [];
const warnings: string[] = [];

beforeEach(async () => {
  place = await makeSqlitePlace();
  store = await place.open();
  warnings.splice(0);
});
afterEach(async () => {
  for (const master of masters.splice(0)) await master.stop();
  await store.close();
  await place.remove();
});

async function serve(verbs: Partial<Store> = {}, options: { alone?: boolean } = {}): Promise<Master> {
  const log = {
    info: () => undefined,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: (_fields: object, message: string) => void warnings.push(message),
  };
  const master = await startMaster({ store: storeWith(store, verbs), log, ...options });
  masters.push(master);
  return master;
}

/** A worker that says what it likes. */
function attachTalker(master: Master): {
  say: (messages: WorkerToMaster[]) => void;
  heard: MasterToWorker[];
  hungUp: boolean;
} {
  const listeners: ((messages: WorkerToMaster[] | null) => void)[] = [];
  const talker = {
    heard: [] as MasterToWorker[],
    hungUp: false,
    say: (messages: WorkerToMaster[]) => listeners.forEach((listener) => listener(messages)),
  };
  const link: MasterLink = {
    send: (messages) => void talker.heard.push(...messages),
    onFrame: (listener) => void listeners.push(listener),
    close: () => {
      talker.hungUp = true;
      listeners.forEach((listener) => listener(null));
    },
  };
  master.attachWorker(link);
  return talker;
}

const hello = (worker: number): WorkerToMaster => ({
  kind: 'hello',
  worker: workerIdOf(`w-${worker}`),
  name: 'talker',
  host: 'here',
  version: WIRE_VERSION,
  features: [],
  groups: ['default'],
  load: {
    slots: 1,
    usedSlots: 0,
    loadAverage: -1,
    cpuCount: 1,
    freeMemoryBytes: 1,
    totalMemoryBytes: 1,
    busy: false,
    draining: false,
  },
  attempts: [],
  supersedes: [],
});

test('while a commit does not end, what workers say waits up to a limit; beyond it they are hung up, and afterwards all goes on', async () => {
  const held = Promise.withResolvers<void>();
  const master = await serve({
    commit: async (...given) => {
      await held.promise;
      return store.commit(...given);
    },
  });
  const talker = attachTalker(master);
  const frame = Array.from({ length: 1_000 }, () => hello(1));
  let said = 0;
  while (!talker.hungUp && said < 1_000_000) {
    talker.say(frame);
    said += frame.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { mailbox, pendingChanges } = master.figures();
  // That a link broke is always taken in.
  expect(mailbox).toBeLessThanOrEqual(LIMITS.masterMailbox + 1);
  // As much as is decided ahead of a commit, a slice, the mailbox, and the frame that was too much.
  expect(said).toBeLessThan(LIMITS.masterMailbox + 30_000);
  expect(pendingChanges).toBeLessThan(30_000);
  expect(warnings).toContain('mailbox full: hanging up, the worker will dial again');

  held.resolve();
  await vi.waitFor(() => expect(master.figures()).toMatchObject({ mailbox: 0, pendingChanges: 0 }), WAIT);
  const again = attachTalker(master);
  again.say([hello(2)]);
  await vi.waitFor(() => expect(again.heard.map(({ kind }) => kind)).toContain('welcome'), WAIT);
});

test('runs of a master that died go on page by page, while others of them are still being read', async () => {
  const dead = await registered(store, 'dead');
  await withWorkflow(store);
  const oneTask = definition({ name: 'one', tasks: [taskDefinition('only')] });
  await store.saveWorkflow(saveOf({ name: 'one', hash: 'h8', definition: oneTask }));
  const first = await startedRun(store, dead, { workflow: 'one', timeoutMs: YEAR_MS });
  await store.commit(dead, [taskChange(taskRun(first, 0, { state: 'queued', readyAt: AT }))]);
  await Promise.all(Array.from({ length: 501 }, () => startedRun(store, dead, { timeoutMs: YEAR_MS })));
  const held = Promise.withResolvers<void>();
  let pages = 0;
  const master = await serve(
    {
      adoptRuns: async (fence, after, limit) => {
        if (after !== null) {
          pages++;
          await held.promise;
        }
        return store.adoptRuns(fence, after, limit);
      },
    },
    { alone: false },
  );
  const worker = scriptedWorker();
  worker.dial((link) => master.attachWorker(link));
  await vi.waitFor(() => expect(worker.connected && master.figures().links).toBe(1), WAIT);
  await store.releaseMaster(dead);
  try {
    await vi.waitFor(() => expect(pages).toBe(1), WAIT);
    await vi.waitFor(() => expect(worker.begun.map(({ attempt }) => attempt)).toEqual([`${first}.0.1`]), WAIT);
  } finally {
    held.resolve();
  }
  worker.hangUp();
});

test('a wait of forty days, longer than a timer of the process may be, is no hurry', async () => {
  const told: Error[] = [];
  const note = (warning: Error): void => void told.push(warning);
  process.on('warning', note);
  try {
    await withWorkflow(store);
    const tasks = [taskDefinition('later', { delayMs: 40 * 86_400_000 })];
    await store.saveWorkflow(saveOf({ name: 'slow', hash: 'h9', definition: definition({ name: 'slow', tasks }) }));
    const master = await serve();
    const worker = scriptedWorker();
    worker.dial((link) => master.attachWorker(link));
    const { run } = await store.submitRun(
      newRun({ workflow: 'slow', submittedAt: Date.now(), timeoutMs: YEAR_MS, params: {} }),
    );
    master.commandHint();
    await vi.waitFor(async () => expect((await store.getRunDetail(run.id))?.tasks[0]?.state).toBe('delayed'), WAIT);
    // Longer than the 5 ms after which a timer that is too long fires.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(told.filter(({ name }) => name === 'TimeoutOverflowWarning')).toEqual([]);
    expect(worker.begun).toEqual([]);
    worker.hangUp();
  } finally {
    process.off('warning', note);
  }
});

test('of one project much more waits than one look takes: a run of another one begins with the next look, and in the end all do', async () => {
  await withWorkflow(store);
  await store.ensureProject({ name: 'other', description: '', owner: 'ann', at: AT });
  await store.saveWorkflow(saveOf({ project: 'other' }));
  const count = 3 * LIMITS.commandsPerClaim;
  await Promise.all(Array.from({ length: count }, () => store.submitRun(newRun())));
  const alone = (await store.submitRun(newRun({ project: 'other' }))).run.id;
  const looks: RunId[][] = [];
  const seen = (commands: Command[]): void => void looks.push(commands.map(({ run }) => run));
  await serve({
    claimCommands: async (...given) => {
      const commands = await store.claimCommands(...given);
      seen(commands);
      return commands;
    },
    claimFairly: async (...given) => {
      const claim = await store.claimFairly(...given);
      seen(claim.commands);
      return claim;
    },
  });
  await vi.waitFor(() => expect(new Set(looks.flat()).size).toBe(count + 1), WAIT);
  expect(looks.findIndex((runs) => runs.includes(alone))).toBe(1);
  expect(looks[1]!.length).toBeLessThan(LIMITS.commandsPerClaim);
});
