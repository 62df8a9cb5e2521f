/** Each kind of harm, planted into evidence that is otherwise in order, is found and named; and nothing else is. */
import { describe, expect, test } from 'vitest';
import { parseLedger } from './ledger.ts';
import { judge, type Evidence, type TaskFacts } from './oracle.ts';

const shell = (needs: number[] = [], group: TaskFacts['group'] = null): TaskFacts => ({
  type: 'shell',
  needs,
  afterSuccess: true,
  group,
  failuresMax: 1,
});

const LEDGER = [
  'start 1.0.1 a 1000000 -',
  'alive 1.0.1 a 1300000 -',
  'end 1.0.1 a 1400000 0',
  'start 1.1.1 b 2000000 -',
  'start 1.1.2 c 3000000 -',
  'end 1.1.2 c 3100000 0',
];

/** A chain of two whose second task was lost with its worker once. */
function clean(): Evidence & { text: string[] } {
  const text = [...LEDGER];
  return {
    text,
    get ledger() {
      return parseLedger(text.join('\n'));
    },
    runs: [{ id: 1, state: 'succeeded', workflow: 'chain', key: 'k1', isChild: false, waitReason: null }],
    tasks: [
      { run: 1, task: 0, state: 'succeeded', attempts: 1 },
      { run: 1, task: 1, state: 'succeeded', attempts: 2 },
    ],
    attempts: [
      { run: 1, task: 0, n: 1, state: 'succeeded', cause: null },
      { run: 1, task: 1, n: 1, state: 'lost', cause: null },
      { run: 1, task: 1, n: 2, state: 'succeeded', cause: null },
    ],
    transitions: [
      { kind: 'run', run: 1, task: null, n: null, from: null, to: 'queued', owner: null, atMs: 900 },
      { kind: 'attempt', run: 1, task: 0, n: 1, from: 'running', to: 'succeeded', owner: null, atMs: 1450 },
      { kind: 'attempt', run: 1, task: 1, n: 1, from: 'running', to: 'lost', owner: null, atMs: 2900 },
      { kind: 'attempt', run: 1, task: 1, n: 2, from: 'running', to: 'succeeded', owner: null, atMs: 3200 },
      { kind: 'run', run: 1, task: null, n: null, from: 'running', to: 'succeeded', owner: 'm', atMs: 3200 },
    ],
    openCommands: [],
    missingCommands: [],
    submissions: [{ key: 'k1', workflow: 'chain', run: 1, mayEnd: ['succeeded'], told: 'succeeded' }],
    definitions: new Map([['chain', [shell(), shell([0])]]]),
    groupSizes: new Map(),
  };
}

test('evidence in order gives no findings', () => {
  expect(judge(clean())).toEqual([]);
});

describe('what is planted is found', () => {
  const planted: [string, (evidence: Evidence & { text: string[] }) => void, string[]][] = [
    [
      'an accepted run that the store does not have',
      ({ submissions }) =>
        submissions.push({ key: 'k2', workflow: 'chain', run: 2, mayEnd: ['succeeded'], told: 'succeeded' }),
      ['lost run 2: accepted for key k2, not in the store'],
    ],
    [
      'a success that nobody carried out',
      ({ text }) => text.splice(2, 1),
      [
        'lost attempt 1.0.1: succeeded, and the ledger has no end of it',
        'wrong attempt 1.1.1: task 0 had not ended',
        'wrong attempt 1.1.2: task 0 had not ended',
      ],
    ],
    [
      'a command that was accepted and is gone',
      ({ missingCommands }) => missingCommands.push(9),
      ['lost command 9: accepted, not in the store'],
    ],
    [
      'one attempt carried out twice',
      ({ text }) => text.push('start 1.0.1 z 3300000 -'),
      ['doubled attempt 1.0.1: 2 executions', 'lived-on attempt 1.0.1: wrote 1850 ms after it was stored as succeeded'],
    ],
    [
      'two attempts of a task at the same time',
      ({ text }) => text.push('child 1.1.1 b 3000500 -'),
      ['doubled task 1.1: 1.1.1 lived on after 1.1.2 had started'],
    ],
    [
      'an attempt that the store does not know',
      ({ text }) => text.push('start 1.1.3 y 3300000 -', 'end 1.1.3 y 3300001 0'),
      ['doubled attempt 1.1.3: the store does not know it'],
    ],
    [
      'two runs for one key',
      ({ runs }) =>
        runs.push({ id: 2, state: 'succeeded', workflow: 'chain', key: 'k1', isChild: false, waitReason: null }),
      ['doubled key k1: runs 1, 2'],
    ],
    [
      'an answer that names the run of another key',
      ({ submissions }) =>
        submissions.push({ key: 'k3', workflow: 'chain', run: 1, mayEnd: ['succeeded'], told: 'succeeded' }),
      ['doubled run 1: answered for key k3, stored for key k1'],
    ],
    [
      'a run that nobody asked for',
      ({ runs }) =>
        runs.push({ id: 2, state: 'succeeded', workflow: 'chain', key: null, isChild: false, waitReason: null }),
      ['doubled run 2: chain with key null, which nobody asked for'],
    ],
    [
      'a client that was told otherwise',
      ({ submissions }) => (submissions[0] = { ...submissions[0]!, told: 'failed' }),
      ['doubled run 1: the client was told failed, stored is succeeded'],
    ],
    [
      'a final state that was taken back',
      ({ transitions }) =>
        transitions.push({
          kind: 'task',
          run: 1,
          task: 1,
          n: null,
          from: 'succeeded',
          to: 'queued',
          owner: null,
          atMs: 4000,
        }),
      ['doubled task 1.1: succeeded became queued'],
    ],
    [
      'a run that does not end',
      ({ runs, tasks, submissions }) => {
        runs[0] = { ...runs[0]!, state: 'running', waitReason: 'no_worker' };
        submissions[0] = { ...submissions[0]!, told: null };
        tasks[1] = { ...tasks[1]!, state: 'queued' };
      },
      ['stalled run 1: chain is running (no_worker)'],
    ],
    [
      'a command that nobody takes',
      ({ openCommands }) => openCommands.push({ id: 4, run: 1, action: 'stop' }),
      ['stalled command 4: stop of run 1 waits for a master'],
    ],
    [
      'a run that ended otherwise',
      ({ runs, submissions }) => {
        runs[0] = { ...runs[0]!, state: 'failed' };
        submissions[0] = { ...submissions[0]!, told: 'failed' };
      },
      ['wrong run 1: chain ended failed, not succeeded'],
    ],
    [
      'a task that is open in a run that has ended',
      ({ tasks, attempts }) => {
        tasks[1] = { ...tasks[1]!, state: 'running' };
        attempts[2] = { ...attempts[2]!, state: 'running' };
      },
      ['wrong task 1.1: is running', 'wrong attempt 1.1.2: is running'],
    ],
    [
      'a process that lives on after its kill',
      ({ text }) => text.splice(4, 0, 'child 1.1.1 b 3060000 -'),
      ['lived-on attempt 1.1.1: wrote 160 ms after it was stored as lost'],
    ],
    [
      'more failures than its retries allow',
      ({ attempts }) => {
        attempts[1] = { ...attempts[1]!, state: 'failed' };
        attempts[2] = { ...attempts[2]!, state: 'failed' };
      },
      ['doubled task 1.1: 2 failures of 1'],
    ],
    [
      'another attempt after a success',
      ({ attempts }) => attempts.push({ run: 1, task: 1, n: 3, state: 'lost', cause: null }),
      ['doubled task 1.1: attempt 3 after a success'],
    ],
    ['a line that cannot be read', ({ text }) => text.push('sta'), ['wrong ledger: sta']],
  ];
  test.each(planted)('%s', (_name, plant, expected) => {
    const evidence = clean();
    plant(evidence);
    expect(judge(evidence).map(({ kind, about, detail }) => `${kind} ${about}: ${detail}`)).toEqual(expected);
  });

  test('a task group that holds more than its size', () => {
    const evidence = clean();
    const group = { name: 'narrow', weight: 1 };
    const wide = {
      ...evidence,
      definitions: new Map([['chain', [shell([], group), shell([], group)]]]),
      groupSizes: new Map([['narrow', 1]]),
    };
    expect(judge(wide)).toEqual([]);
    evidence.text.splice(1, 0, 'start 1.1.1 b 1000001 -');
    evidence.text.splice(4, 1);
    expect(
      judge({ ...wide, ledger: evidence.ledger }).map(({ kind, about, detail }) => `${kind} ${about}: ${detail}`),
    ).toEqual(['doubled task group narrow: 2 at a time of 1']);
  });
});

test('a forced success and a killed task of a stopped run are in order', () => {
  const evidence = clean();
  evidence.transitions.push({
    kind: 'task',
    run: 1,
    task: 1,
    n: null,
    from: 'failed',
    to: 'forced_success',
    owner: null,
    atMs: 1,
  });
  expect(judge(evidence)).toEqual([]);
});
