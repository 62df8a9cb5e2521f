import { expect, test } from 'vitest';
import { aRun, aTask } from '../test/views.ts';
import { lateText, runResultOf, runSummary } from './run-summary.ts';

const stream = { write: () => {}, isTerminal: false, columns: () => 80, rows: () => 24, colour: false };
const attempt = {
  id: '4.1.1',
  n: 1,
  state: 'failed' as const,
  cause: null,
  worker: 'w',
  dispatchedAt: '',
  startedAt: null,
  endedAt: null,
  late: null,
  childRun: null,
};

const FAILED = {
  run: {
    ...aRun,
    state: 'failed' as const,
    durationMs: 1_200,
    firstFailure: { task: 'load', cause: { kind: 'exit', code: 3 } as const },
  },
  tasks: [
    aTask({ name: 'extract', index: 0, state: 'killed', cause: { kind: 'fail_fast', task: 'load' } }),
    aTask({ name: 'publish', index: 1, state: 'upstream_failed', cause: { kind: 'upstream', task: 'load' } }),
    aTask({ name: 'check', index: 2, state: 'failed', cause: { kind: 'oom' } }),
    aTask({ name: 'load', index: 3, state: 'failed', cause: { kind: 'exit', code: 3 }, attempts: [attempt] }),
  ],
};

test('a failed run: the cause first, then what failed before what was stopped with it, then whose log to read', () => {
  expect(runSummary(FAILED, stream).split('\n')).toEqual([
    '✖ samples/demo run 4 failed after 1.2 s: task load – exit code 3',
    '  load  failed  exit code 3',
    '  check  failed  out of memory',
    '  extract  killed  stopped because load failed',
    '  publish  upstream_failed  load did not succeed',
    '  log: pelorus logs 4 load',
    '',
  ]);
});

test('hundreds of failures are counted, not listed', () => {
  const tasks = Array.from({ length: 300 }, (_, index) =>
    aTask({ name: `t${index}`, index, state: 'failed', cause: { kind: 'exit', code: 1 } }),
  );
  const lines = runSummary({ run: { ...aRun, state: 'failed' }, tasks }, stream).split('\n');
  expect(lines).toHaveLength(14);
  expect(lines).toContain('  … and 290 more');
});

test('a succeeded run: the outputs of the tasks at its end, one line each', () => {
  const tasks = [
    aTask({ name: 'first', state: 'succeeded', outputs: { inner: '1' } }),
    aTask({ name: 'last', needs: ['first'], state: 'succeeded', outputs: { figure: '42', text: 'two\nlines' } }),
  ];
  const snapshot = { run: { ...aRun, state: 'succeeded' as const, durationMs: 61_000 }, tasks };
  expect(runSummary(snapshot, stream)).toBe(
    '✔ samples/demo run 4 succeeded after 1:01\n  last.figure = 42\n  last.text = two⏎lines\n',
  );
  expect(runResultOf(snapshot)).toMatchObject({
    id: 4,
    outputs: { last: { figure: '42', text: 'two\nlines' } },
    failures: [],
  });
});

test('the result for programs names failures with the attempt whose log to read', () => {
  expect(runResultOf(FAILED).failures).toEqual([
    { task: 'load', state: 'failed', cause: { kind: 'exit', code: 3 }, attempt: '4.1.1' },
    { task: 'check', state: 'failed', cause: { kind: 'oom' }, attempt: null },
    { task: 'extract', state: 'killed', cause: { kind: 'fail_fast', task: 'load' }, attempt: null },
    { task: 'publish', state: 'upstream_failed', cause: { kind: 'upstream', task: 'load' }, attempt: null },
  ]);
});

test('what a worker said of an attempt that had been given up is told with its number', () => {
  const late = {
    state: 'succeeded',
    cause: { kind: 'exit', code: 0 },
    startedAt: '',
    endedAt: '',
    reportedAt: '',
  } as const;
  const attempts = [
    { ...attempt, state: 'lost' as const, late },
    { ...attempt, n: 2 },
  ];
  expect(lateText(aTask({ attempts }))).toBe('attempt 1: succeeded, exit code 0');
  expect(lateText(aTask({ attempts: [attempt] }))).toBe('');
});
