/** A store in a scratch directory, the real master over it, and a scripted worker: what the master's tests have in common. */
import { isTerminalRun } from '@pelorus/protocol';
import type { RunId, RunState, TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import { expect, vi } from 'vitest';
import { startMaster } from '../../src/master/index.ts';
import type { Master, MasterLog, MasterOptions } from '../../src/master/index.ts';
import type { NewRun, RunDetail, Store } from '../../src/store/index.ts';
import { definition, newRun, saveOf } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { type Script, type ScriptedWorker, scriptedWorker } from './scripted-worker.ts';
import { WAIT } from '../wait.ts';

export interface Cluster {
  readonly store: Store;
  readonly master: Master;
  readonly worker: ScriptedWorker;
  /** What went wrong in the master, in words. */
  readonly errors: string[];
  save(name: string, tasks: TaskDefinition[], more?: Partial<WorkflowDefinition>): Promise<void>;
  submit(workflow: string, more?: Partial<NewRun>): Promise<RunId>;
  command(run: RunId, kind: 'stop' | 'pause' | 'resume'): Promise<void>;
  stateOf(run: RunId): Promise<RunState>;
  detail(run: RunId): Promise<RunDetail>;
  /** Waits until the run has ended, and says how. */
  endOf(run: RunId): Promise<RunState>;
  /** Waits until a task of that name goes on at the worker. */
  begun(task: string): Promise<void>;
  /** The store goes away under the master, as in a crash: what was not committed is lost. Then both start again. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export async function startCluster(
  script?: Script,
  options: Pick<MasterOptions, 'vault' | 'observers' | 'alone'> = {},
): Promise<Cluster> {
  const place = await makeSqlitePlace();
  const worker = scriptedWorker(script);
  const errors: string[] = [];
  const log: MasterLog = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => void errors.push(`${message}: ${JSON.stringify(fields)}`),
  };
  let store = await place.open();
  let master = await startMaster({ store, log, ...options });
  worker.dial((link) => master.attachWorker(link));
  let hash = 0;
  await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: Date.now() });

  const cluster: Cluster = {
    get store() {
      return store;
    },
    get master() {
      return master;
    },
    worker,
    errors,
    save: async (name, tasks, more = {}) => {
      await store.saveWorkflow(saveOf({ name, hash: `h${++hash}`, definition: definition({ name, tasks, ...more }) }));
    },
    submit: async (workflow, more = {}) => {
      const now = Date.now();
      const { run } = await store.submitRun(
        newRun({ workflow, submittedAt: now, timeoutMs: 3_600_000, params: {}, ...more }),
      );
      master.commandHint();
      return run.id;
    },
    command: async (run, kind) => {
      await store.requestCommand({ run, action: { kind }, user: 'ann', at: Date.now(), idempotencyKey: null });
      master.commandHint();
    },
    stateOf: async (run) => (await store.getRun(run))!.status.state,
    detail: async (run) => (await store.getRunDetail(run))!,
    endOf: (run) =>
      vi.waitFor(async () => {
        const state = await cluster.stateOf(run);
        expect(isTerminalRun(state), `run ${run} is ${state}`).toBe(true);
        return state;
      }, WAIT),
    begun: (task) =>
      vi.waitFor(() => expect([...worker.running.values()].map((spec) => spec.task)).toContain(task), WAIT),
    crash: async () => {
      worker.hangUp();
      await store.close();
      await master.stop();
      errors.splice(0, errors.length, ...errors.filter((error) => !error.startsWith('commit failed')));
      store = await place.open();
      master = await startMaster({ store, log, ...options });
      worker.dial((link) => master.attachWorker(link));
    },
    close: async () => {
      // Whatever a test was about, and wherever it left off: what is stored is sound at every moment.
      const { findings } = await place.audit();
      worker.hangUp();
      await master.stop();
      await store.close();
      await place.remove();
      expect(findings).toEqual([]);
    },
  };
  return cluster;
}
