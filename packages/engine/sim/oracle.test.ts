import { type AttemptId, type Cause, type TaskAction, runIdOf } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { specOf, task, workflow } from '../test/fixtures.ts';
import type { TaskRunRecord } from '../src/index.ts';
import { Ledger } from './ledger.ts';
import { differenceOf } from './oracle.ts';
import { type DurableRun, StoreModel } from './store-model.ts';

const RUN = runIdOf(1);
const overRows = (next: string): TaskAction => ({
  type: 'switch',
  cases: [{ when: '${rows} > 100', goto: [next] }],
  default: [],
});
const definition = workflow([
  task('gives'),
  task('fails', [], { action: overRows('given-up') }),
  task('given-up', ['gives', 'fails'], { trigger: 'none_failed', action: { type: 'virtual' } }),
  task('looks', ['given-up'], { trigger: 'all_done', action: overRows('last') }),
  task('last', ['looks']),
]);
const invalid: Cause = { kind: 'invalid', detail: 'there is no parameter rows' };

function record(index: number, patch: Partial<TaskRunRecord>): TaskRunRecord {
  return {
    run: RUN,
    task: index,
    version: 1,
    state: 'upstream_failed',
    cause: { kind: 'upstream', task: 'fails' },
    waitReason: null,
    attempts: 0,
    retries: 0,
    wakeAt: null,
    readyAt: null,
    startedAt: null,
    endedAt: 1,
    outputs: null,
    ...patch,
  };
}

const failed = { state: 'failed', cause: invalid } as const;

/** `gives` has ended last: whatever looked before saw nothing. */
function endedRun(): DurableRun {
  return {
    spec: { ...specOf(definition), failurePolicy: 'continue' },
    workflow: { workflowId: 1, version: 1, definition: { ...definition }, files: [] },
    status: {
      run: RUN,
      version: 9,
      state: 'failed',
      cause: invalid,
      firstFailure: { task: 'fails', cause: invalid },
      waitReason: null,
      owner: null,
      startedAt: 0,
      endedAt: 9,
    },
    tasks: [
      record(0, { state: 'succeeded', cause: null, attempts: 1, outputs: { rows: '446' } }),
      record(1, failed),
      record(2, {}),
      record(3, failed),
      record(4, { cause: { kind: 'upstream', task: 'looks' } }),
    ],
    attempts: [
      [
        {
          run: RUN,
          task: 0,
          n: 1,
          version: 1,
          state: 'succeeded',
          cause: null,
          worker: 'w.1' as never,
          dispatchedAt: 0,
          startedAt: 0,
          endedAt: 9,
          kill: null,
        },
      ],
      [],
      [],
      [],
      [],
    ],
    stoppingSince: null,
    stoppedFor: null,
    killed: new Set(),
    resumedByPeople: false,
    forced: [],
    waited: false,
    turn: null,
    released: false,
  };
}

function differenceIn(run: DurableRun): string | null {
  const ledger = new Ledger(() => true);
  const process = { attempt: '1.0.1' as AttemptId, run: RUN, task: 0, n: 1, host: 'h', startedAt: 0 };
  const started = { ...process, endedAt: null, outcome: null };
  ledger.start(started);
  const outcome = { state: 'succeeded', cause: null, outputs: { rows: '446' }, outputsTruncated: false } as const;
  ledger.end(started, 9, { ...outcome, startedAt: 0, endedAt: 9 });
  const store = new StoreModel({
    fenceChecked: true,
    childEndsTold: true,
    turns: 'passed',
    turnsForgetPause: false,
    takesWithoutFencing: false,
    releaseKeepsMaster: false,
    taskGroups: new Map(),
    now: () => 0,
    committed: () => {},
  });
  return differenceOf(run, { ledger, store, verdicts: new Map() });
}

test('a switch behind a task that was given up early was said to have seen an output that came later', () => {
  expect(differenceIn(endedRun())).toBeNull();
  const run = endedRun();
  run.tasks[0] = { ...run.tasks[0]!, outputs: null };
  expect(differenceIn(run)).toBeNull();
});

test('a switch whose value had come before it looked must choose', () => {
  const run = endedRun();
  const [gives, fails, ...rest] = run.workflow.definition.tasks;
  run.workflow.definition.tasks = [gives!, { ...fails!, params: { n: 500 } }, ...rest];
  run.tasks[1] = record(1, { state: 'succeeded', cause: { kind: 'chose', taken: ['given-up'], untaken: [] } });
  run.tasks[2] = record(2, { state: 'succeeded', cause: null });
  expect(differenceIn(run)).toBe('task 3 is failed, but it could have chosen');
});
