/**
 * A store that goes back in time (a failover to a standby that had not got everything): results that a master has
 * acknowledged are gone from it. Workers keep them for a day, and say them again to whoever asks or sends again.
 */
import {
  type AttemptId,
  type MasterToWorker,
  masterIdOf,
  type RunId,
  runIdOf,
  workerIdOf,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { WorkerCore, type WorkerCoreOptions, type WorkerOutput } from '@pelorus/worker/core';
import { expect, test } from 'vitest';
import { type AttemptRecord, type Batch, MasterCore, type StoredRun } from '../src/index.ts';
import { specOf, task, workflow } from '../test/fixtures.ts';

const RUN: RunId = runIdOf(1);
const ATTEMPT = '1.0.1' as AttemptId;
const AT = 1_000_000;
const OPTIONS: WorkerCoreOptions = {
  worker: workerIdOf('w.1'),
  name: 'w',
  host: 'w',
  groups: ['default'],
  features: ['shell'],
  slots: 1,
};

const definition = workflow([task('t0')]);
const version = { workflowId: 1, version: 1, definition, files: [] };

/** The run as the store says it was before. */
function storedWith(state: 'dispatched' | 'running'): StoredRun {
  const started = state === 'running' ? AT : null;
  const attempt: AttemptRecord = {
    run: RUN,
    task: 0,
    n: 1,
    version: 2,
    state,
    cause: null,
    worker: OPTIONS.worker,
    dispatchedAt: AT,
    startedAt: started,
    endedAt: null,
    kill: null,
  };
  return {
    spec: specOf(definition),
    status: {
      run: RUN,
      version: 2,
      state: 'running',
      cause: null,
      firstFailure: null,
      waitReason: null,
      owner: null,
      startedAt: AT,
      endedAt: null,
    },
    tasks: [
      {
        run: RUN,
        task: 0,
        version: 2,
        state,
        cause: null,
        waitReason: null,
        attempts: 1,
        retries: 0,
        wakeAt: null,
        readyAt: AT,
        startedAt: started,
        endedAt: null,
        outputs: null,
      },
    ],
    attempts: [attempt],
  };
}

/** One worker and, one after the other, masters over whatever the store says then. */
class Bed {
  worker = new WorkerCore(OPTIONS);
  master = new MasterCore({ master: masterIdOf('m1'), selector: 'lower_weight', random: () => 0 });
  now = AT;
  starts = 0;
  private link = 0;

  /** A new master that has read `stored`, and the worker's link to it. */
  connect(stored: StoredRun): Batch['changes'] {
    this.master = new MasterCore({
      master: masterIdOf(`m${this.link + 2}`),
      selector: 'lower_weight',
      random: () => 0,
    });
    this.master.open(stored, { workflow: version, projectParams: {} }, this.now);
    this.master.adoptionFinished();
    this.worker.handle({ kind: 'link-down', link: `l${this.link}` }, this.moment());
    this.link++;
    return this.exchange(this.worker.handle({ kind: 'link-up', link: `l${this.link}` }, this.moment()));
  }

  say(event: Parameters<WorkerCore['handle']>[0]): Batch['changes'] {
    return this.exchange(this.worker.handle(event, this.moment()));
  }

  private moment() {
    return { now: this.now, chance: () => 0 };
  }

  /** Until neither has anything more to say. */
  private exchange(output: WorkerOutput): Batch['changes'] {
    const changes: Batch['changes'] = [];
    let toMaster: WorkerToMaster[] = this.take(output);
    while (toMaster.length > 0) {
      this.now += 10;
      this.master.frame(this.link, toMaster, this.now);
      const batch = this.master.flush(this.now);
      changes.push(...(batch?.changes ?? []));
      const toWorker: MasterToWorker[] = batch?.sends.get(this.link) ?? [];
      if (toWorker.length === 0) break;
      const frame = { kind: 'frame', link: `l${this.link}`, messages: toWorker } as const;
      toMaster = this.take(this.worker.handle(frame, this.moment()));
    }
    return changes;
  }

  private take({ messages, orders }: WorkerOutput): WorkerToMaster[] {
    this.starts += orders.filter(({ kind }) => kind === 'start').length;
    return messages.flatMap((one) => one.messages);
  }
}

/** Everything of the run has been stored and acknowledged. */
function finishedBed(): Bed {
  const bed = new Bed();
  bed.connect(storedWith('dispatched'));
  bed.say({ kind: 'supervisor-events', events: [{ kind: 'started', attempt: ATTEMPT, startedAt: bed.now }] });
  const outcome = {
    state: 'succeeded',
    cause: null,
    outputs: { rows: '7' },
    outputsTruncated: false,
    startedAt: AT,
    endedAt: AT,
  } as const;
  const changes = bed.say({ kind: 'supervisor-events', events: [{ kind: 'finished', attempt: ATTEMPT, outcome }] });
  expect(endOf(changes)).toEqual({ run: 'succeeded', task: 'succeeded', outputs: { rows: '7' } });
  expect([bed.starts, bed.worker.idle]).toEqual([1, true]);
  return bed;
}

function endOf(changes: Batch['changes']) {
  const run = changes.findLast((change) => change.kind === 'run');
  const last = changes.findLast((change) => change.kind === 'task-run');
  return { run: run?.status.state, task: last?.record.state, outputs: last?.record.outputs };
}

test.each(['dispatched', 'running'] as const)(
  'a result that was acknowledged and that the store has lost is said again; the attempt, %s there, is not started again',
  (state) => {
    const bed = finishedBed();
    bed.now += 3_600_000;
    expect(endOf(bed.connect(storedWith(state)))).toEqual({
      run: 'succeeded',
      task: 'succeeded',
      outputs: { rows: '7' },
    });
    expect([bed.starts, bed.worker.idle]).toEqual([1, true]);
  },
);

test('an agent that was started anew in between says again what its predecessor wrote down', () => {
  const bed = finishedBed();
  const settled = bed.worker.takeSettled();
  const next = { ...OPTIONS, worker: workerIdOf('w.2'), supersedes: [OPTIONS.worker] };
  bed.worker = new WorkerCore({ ...next, settled });
  expect(endOf(bed.connect(storedWith('running')))).toEqual({
    run: 'succeeded',
    task: 'succeeded',
    outputs: { rows: '7' },
  });
  expect([bed.starts, bed.worker.idle]).toEqual([1, true]);
});

test('without that, the attempt counts as lost', () => {
  const bed = finishedBed();
  bed.worker = new WorkerCore({ ...OPTIONS, worker: workerIdOf('w.2'), supersedes: [OPTIONS.worker] });
  const changes = bed.connect(storedWith('running'));
  const lost = changes.find((change) => change.kind === 'attempt' && change.record.state === 'lost');
  expect(lost).toBeDefined();
});
