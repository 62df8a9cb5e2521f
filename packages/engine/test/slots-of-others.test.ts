import {
  type AttemptId,
  commandIdOf,
  type MasterToWorker,
  masterIdOf,
  runIdOf,
  workerIdOf,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { MasterCore } from '../src/index.ts';
import { specOf, task, workflow } from './fixtures.ts';

const worker = workerIdOf('w.1');
const loadOf = (usedSlots: number) => ({
  slots: 3,
  usedSlots,
  loadAverage: -1,
  cpuCount: 4,
  freeMemoryBytes: 1,
  totalMemoryBytes: 1,
  busy: false,
  draining: false,
});
const hello = (usedSlots: number, attempts: AttemptId[]): WorkerToMaster => ({
  kind: 'hello',
  worker,
  name: 'w',
  host: 'h',
  version: 1,
  features: [],
  groups: ['default'],
  load: loadOf(usedSlots),
  attempts,
  supersedes: [],
});
const heartbeat = (usedSlots: number, attempts: AttemptId[], at: number): WorkerToMaster => ({
  kind: 'heartbeat',
  worker,
  sentAt: at,
  load: loadOf(usedSlots),
  attempts,
});

/** A master with a run of `count` tasks that are all ready. */
function masterWith(count: number): MasterCore {
  const core = new MasterCore({ master: masterIdOf('m'), selector: 'lower_weight', random: () => 0, alone: false });
  const definition = workflow(Array.from({ length: count }, (_, index) => task(`t${index}`)));
  const spec = specOf(definition);
  const status = {
    run: spec.id,
    version: 0,
    state: 'queued',
    cause: null,
    firstFailure: null,
    waitReason: null,
    owner: null,
    startedAt: null,
    endedAt: null,
  } as const;
  core.open(
    { spec, status, tasks: [], attempts: [] },
    { workflow: { workflowId: 1, version: 1, definition, files: [] }, projectParams: {} },
    0,
  );
  core.command({ id: commandIdOf(1), run: spec.id, action: { kind: 'start' }, user: 'ada', at: 0 }, 0);
  return core;
}

/** What is sent with what has been decided up to `at`. */
function dispatched(core: MasterCore, at: number): AttemptId[] {
  const messages: MasterToWorker[] = [...(core.flush(at)?.sends.values() ?? [])].flat();
  return messages.flatMap((message) => (message.kind === 'dispatch' ? [message.spec.attempt] : []));
}

const of = (run: number, ...tasks: number[]): AttemptId[] =>
  tasks.map((one) => `${runIdOf(run)}.${one}.1` as AttemptId);

test('several masters placed on a full worker and were refused, twice a second: slots that it uses for others are taken', () => {
  const core = masterWith(4);
  core.frame(1, [hello(3, of(9, 0, 1, 2))], 0);
  expect(dispatched(core, 0)).toEqual([]);
  core.frame(1, [heartbeat(2, of(9, 0, 1), 1_000)], 1_000);
  expect(dispatched(core, 1_000)).toEqual(of(1, 0));
  // Its own attempt is not counted twice.
  core.frame(1, [heartbeat(3, [...of(9, 0, 1), ...of(1, 0)], 2_000)], 2_000);
  expect(dispatched(core, 2_000)).toEqual([]);
  core.frame(1, [heartbeat(1, of(1, 0), 3_000)], 3_000);
  expect(dispatched(core, 3_000)).toEqual(of(1, 1, 2));
});
