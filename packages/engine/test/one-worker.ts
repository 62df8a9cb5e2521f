/** A master without I/O and what a worker says to it, for tests of the two together. */
import {
  type AttemptId,
  commandIdOf,
  type MasterToWorker,
  masterIdOf,
  type WorkerLoad,
  type WorkerToMaster,
  workerIdOf,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import { MasterCore, type TaskVault } from '../src/index.ts';
import { queuedStatus, specOf } from './fixtures.ts';

type Hello = Extract<WorkerToMaster, { kind: 'hello' }>;

export function loadOf(patch: Partial<WorkerLoad> = {}): WorkerLoad {
  return {
    slots: 4,
    usedSlots: 0,
    loadAverage: -1,
    cpuCount: 4,
    freeMemoryBytes: 1,
    totalMemoryBytes: 1,
    busy: false,
    draining: false,
    ...patch,
  };
}

export function hello(worker: string, patch: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    worker: workerIdOf(worker),
    name: 'w',
    host: 'h',
    version: 1,
    features: ['shell'],
    groups: ['default'],
    load: loadOf(),
    attempts: [],
    supersedes: [],
    ...patch,
  };
}

export function heartbeat(
  worker: string,
  sentAt: number,
  attempts: AttemptId[] = [],
  load: WorkerLoad = loadOf(),
): WorkerToMaster {
  return { kind: 'heartbeat', worker: workerIdOf(worker), sentAt, load, attempts };
}

/** A master with run 1 of `definition`, which starts at 0. */
export function masterWith(
  definition: WorkflowDefinition,
  options: { alone?: boolean; vault?: TaskVault } = {},
): MasterCore {
  const { vault, ...rest } = options;
  const core = new MasterCore({ master: masterIdOf('m'), selector: 'lower_weight', random: () => 0, ...rest });
  const spec = specOf(definition);
  core.open(
    { spec, status: queuedStatus(spec.id), tasks: [], attempts: [] },
    { workflow: { workflowId: 1, version: 1, definition, files: [] }, projectParams: {}, ...(vault && { vault }) },
    0,
  );
  core.command({ id: commandIdOf(1), run: spec.id, action: { kind: 'start' }, user: 'ada', at: 0 }, 0);
  return core;
}

/** Attempts that are sent to workers with what has been decided up to `at`. */
export function dispatched(core: MasterCore, at: number): AttemptId[] {
  const messages: MasterToWorker[] = [...(core.flush(at)?.sends.values() ?? [])].flat();
  return messages.flatMap((message) => (message.kind === 'dispatch' ? [message.spec.attempt] : []));
}
