/** A run on which the rules throw, or that cannot be opened: the others go on, and nothing of it is lost. */
import {
  type AttemptId,
  commandIdOf,
  type MasterToWorker,
  masterIdOf,
  type RunId,
  runIdOf,
  type WorkerToMaster,
  workerIdOf,
} from '@pelorus/protocol';
import { expect, test } from 'vitest';
import {
  type Batch,
  type Decision,
  type Event,
  MasterCore,
  type Run,
  type StoredRun,
  type TaskRunRecord,
} from '../src/index.ts';
import { specOf, task, workflow, queuedStatus } from './fixtures.ts';
import { heartbeat, hello } from './one-worker.ts';

const GOOD = runIdOf(1);
const BAD = runIdOf(2);
const definition = workflow([task('t')]);
const CONTEXT = { workflow: { workflowId: 1, version: 1, definition, files: [] }, projectParams: {} };
const REASON = 'put aside after an internal error: boom';

/** Its rules throw on some events of run 2. */
class Throwing extends MasterCore {
  throwsOn: (event: Event) => boolean = () => false;

  protected override decide(run: Run, event: Event): Decision {
    if (run.spec.id === BAD && this.throwsOn(event)) throw new Error('boom');
    return super.decide(run, event);
  }
}

function stored(id: RunId, patch: Partial<StoredRun> = {}): StoredRun {
  return { spec: specOf(definition, { id }), status: queuedStatus(id), tasks: [], attempts: [], ...patch };
}

function master(options: { alone?: boolean } = {}): Throwing {
  return new Throwing({ master: masterIdOf('m'), selector: 'lower_weight', random: () => 0, ...options });
}

function command(core: MasterCore, run: RunId, kind: 'start' | 'stop', at: number): void {
  core.command({ id: commandIdOf(run * 10 + (kind === 'stop' ? 1 : 0)), run, action: { kind }, user: 'ada', at }, at);
}

/** Both runs, begun as far as the rules let them. */
function begin(core: Throwing): void {
  core.frame(1, [hello('w.1')], 0);
  for (const run of [BAD, GOOD]) {
    core.open(stored(run), CONTEXT, 0);
    command(core, run, 'start', 0);
  }
}

const ended = (attempt: string): WorkerToMaster => ({
  kind: 'report',
  worker: workerIdOf('w.1'),
  report: {
    kind: 'finished',
    attempt: attempt as AttemptId,
    sequence: 2,
    outcome: { state: 'succeeded', cause: null, outputs: {}, outputsTruncated: false, startedAt: 1, endedAt: 2 },
  },
});

const sent = (batch: Batch | null): MasterToWorker[] => [...(batch?.sends.values() ?? [])].flat();
const acknowledged = (batch: Batch | null): string[] =>
  sent(batch).flatMap((message) => (message.kind === 'ack' ? [message.attempt] : []));
const outcomes = (batch: Batch | null): [number, unknown][] =>
  (batch?.changes ?? []).flatMap((change) =>
    change.kind === 'command-done' ? [[change.command, change.outcome]] : [],
  );
const reasons = (batch: Batch | null): (string | null)[] =>
  (batch?.changes ?? []).flatMap((change) =>
    change.kind === 'run' && change.status.run === BAD ? [change.status.waitReason] : [],
  );

test.each(['command', 'placed', 'report'])(
  'the rules throw on %s: that is told once, and the other run ends',
  (kind) => {
    const core = master();
    core.throwsOn = (event) => event.kind === kind;
    begin(core);
    const batches: (Batch | null)[] = [core.flush(0)];
    core.frame(1, [ended('2.0.1'), ended('1.0.1')], 10);
    batches.push(core.flush(10));
    for (let at = 5_000; at <= 100_000; at += 5_000) {
      core.frame(1, [heartbeat('w.1', at)], at);
      core.tick(at);
      batches.push(core.flush(at));
    }
    expect(batches.flatMap((batch) => batch?.ended ?? [])).toEqual([GOOD]);
    expect(batches.flatMap((batch) => batch?.problems ?? [])).toEqual([{ run: BAD, error: new Error('boom') }]);
    expect(batches.flatMap(reasons).at(-1)).toBe(REASON);
    // Its result is nobody's to dismiss: a later owner is told.
    expect(batches.flatMap(acknowledged)).toEqual(['1.0.1']);
  },
);

test('its start waits for who can carry it out, anything else is refused with the reason', () => {
  const core = master();
  core.throwsOn = (event) => event.kind === 'command';
  begin(core);
  command(core, BAD, 'stop', 1);
  expect(outcomes(core.flush(1))).toEqual([
    [10, { kind: 'applied' }],
    [21, { kind: 'refused', reason: 'the run is put aside' }],
  ]);
});

test.each([true, false])(
  'one that cannot be opened keeps its attempts and reports for its next owner (alone: %s)',
  (alone) => {
    const core = master({ alone });
    const broken = stored(BAD, { spec: specOf(definition, { id: BAD, logicalDateAt: Number.NaN }) });
    core.open(broken, CONTEXT, 0);
    core.adoptionFinished();
    core.frame(1, [hello('w.1', { attempts: ['2.0.1' as AttemptId] }), ended('2.0.1')], 0);
    const batch = core.flush(0);
    for (const stranger of batch?.strangers ?? []) core.strangerKnown(stranger, null);
    const later = core.flush(1);
    expect(batch?.problems.map(({ run }) => run)).toEqual([BAD]);
    expect([...sent(batch), ...sent(later)].map(({ kind }) => kind).toSorted()).toEqual(['lease', 'welcome']);
  },
);

test('the next owner, whose rules do not throw, goes on where it stood', () => {
  const core = master();
  const status = { ...stored(BAD).status, version: 5, state: 'running', startedAt: 0, waitReason: REASON } as const;
  const waiting: TaskRunRecord = {
    run: BAD,
    task: 0,
    version: 4,
    state: 'queued',
    cause: null,
    waitReason: null,
    attempts: 0,
    retries: 0,
    wakeAt: null,
    readyAt: 0,
    startedAt: null,
    endedAt: null,
    outputs: null,
  };
  core.frame(1, [hello('w.1')], 0);
  core.open(stored(BAD, { status, tasks: [waiting] }), CONTEXT, 0);
  const batch = core.flush(0);
  expect(reasons(batch)).toEqual([null]);
  expect(sent(batch).flatMap((message) => (message.kind === 'dispatch' ? [message.spec.attempt] : []))).toEqual([
    '2.0.1',
  ]);
});

const running: WorkerToMaster = {
  kind: 'report',
  worker: workerIdOf('w.1'),
  report: { kind: 'running', attempt: '1.0.1' as AttemptId, sequence: 1, startedAt: 0 },
};

test.each([
  ['dispatch', []],
  ['kill', [running]],
] as const)('a %s that nobody answers is told of after five tries, once', (need, before) => {
  const core = master();
  core.frame(1, [hello('w.1')], 0);
  core.open(stored(GOOD), CONTEXT, 0);
  command(core, GOOD, 'start', 0);
  core.flush(0);
  core.frame(1, before, 0);
  if (need === 'kill') command(core, GOOD, 'stop', 0);
  core.flush(0);
  const told: [number, Batch['unanswered'][number]][] = [];
  for (let at = 1_000; at <= 60_000; at += 1_000) {
    core.frame(1, [heartbeat('w.1', at, ['1.0.1' as AttemptId])], at);
    core.tick(at);
    for (const one of core.flush(at)?.unanswered ?? []) told.push([at, one]);
  }
  expect(told).toEqual([[16_000, { worker: 'w.1', attempt: '1.0.1', need }]]);
});
