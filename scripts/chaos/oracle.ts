/**
 * What is wrong after a storm: joins what tasks wrote themselves (the ledger), what the store says, every change of state that the
 * database saw (its own trigger), and what the client was told. Owns no state and asks nobody: evidence in, findings out.
 */
import {
  isTerminalRun,
  isTerminalTaskRun,
  LOGIC_TYPES,
  type RunState,
  type TaskRunState,
  type TaskType,
} from '@pelorus/protocol';
import type { LedgerLine, LedgerText } from './ledger.ts';

export type FindingKind =
  /** Accepted or called succeeded, and there is no trace of it. */
  | 'lost'
  /** Carried out twice, or taken back after it was final. */
  | 'doubled'
  /** Not over, though nothing it could wait for is missing. */
  | 'stalled'
  /** Over, but not as it had to be. */
  | 'wrong'
  /** A process that lived on after the store had said that its attempt is over. */
  | 'lived-on';

export interface Finding {
  kind: FindingKind;
  /** Of which rule. */
  rule: string;
  about: string;
  detail: string;
}

export interface StoredRun {
  id: number;
  state: RunState;
  workflow: string;
  /** Under which key the client asked for it; null: it did not. */
  key: string | null;
  /** Of a sub-workflow task. */
  isChild: boolean;
  waitReason: string | null;
}

export interface StoredTask {
  run: number;
  task: number;
  state: TaskRunState;
  attempts: number;
}

export interface StoredAttempt {
  run: number;
  task: number;
  n: number;
  state: string;
  cause: string | null;
}

/** A change of state, in the order of the database. */
export interface Transition {
  kind: 'run' | 'task' | 'attempt';
  run: number;
  task: number | null;
  n: number | null;
  from: string | null;
  to: string;
  owner: string | null;
  atMs: number;
}

export interface TaskFacts {
  type: TaskType;
  needs: number[];
  /** Starts when all its predecessors have succeeded. */
  afterSuccess: boolean;
  group: { name: string; weight: number } | null;
  /** Attempts that may fail: the first and its retries. */
  failuresMax: number;
}

/** What the client asked for, and what it was told. */
export interface Submission {
  key: string;
  workflow: string;
  /** Null: never answered with a run. */
  run: number | null;
  /** States in which a run that was treated like this may end. */
  mayEnd: RunState[];
  /** The final state that the client was told; null: none. */
  told: RunState | null;
}

export interface Evidence {
  ledger: LedgerText;
  runs: StoredRun[];
  tasks: StoredTask[];
  attempts: StoredAttempt[];
  transitions: Transition[];
  /** Commands that no master has taken. */
  openCommands: { id: number; run: number; action: string }[];
  /** Commands that the client was told are accepted, and those of them that the store does not have. */
  missingCommands: number[];
  submissions: Submission[];
  /** By workflow: its tasks in their order. */
  definitions: ReadonlyMap<string, TaskFacts[]>;
  groupSizes: ReadonlyMap<string, number>;
}

/** Everything that is wrong; empty after a storm that did no harm. */
export function judge(evidence: Evidence): Finding[] {
  const known = indexOf(evidence);
  return [
    ...tornLines(evidence),
    ...submissionsWithoutRun(evidence, known),
    ...keysWithTwoRuns(evidence),
    ...runsThatNobodyAskedFor(evidence),
    ...toldOtherwise(evidence, known),
    ...lostCommands(evidence),
    ...openRuns(evidence),
    ...openCommandsAtTheEnd(evidence),
    ...wrongEnds(evidence, known),
    ...openTasksOfEndedRuns(evidence, known),
    ...successesWithoutLedger(evidence, known),
    ...unknownExecutions(known),
    ...needlessAttempts(evidence, known),
    ...attemptsExecutedTwice(known),
    ...overlappingAttempts(known),
    ...takenBack(evidence),
    ...earlyStarts(evidence, known),
    ...crowdedGroups(evidence, known),
    ...livedOn(evidence, known),
  ];
}

interface Execution {
  attempt: string;
  /** Positions in the ledger. */
  firstAt: number;
  lastAt: number;
  lastMs: number;
  ended: boolean;
}

interface Index {
  runs: Map<number, StoredRun>;
  attempts: Map<string, StoredAttempt>;
  /** In the order of their starts. */
  executions: Execution[];
  byTaskRun: Map<string, Execution[]>;
}

function indexOf({ ledger, runs, attempts }: Evidence): Index {
  const executions = executionsOf(ledger.lines);
  return {
    runs: new Map(runs.map((run) => [run.id, run])),
    attempts: new Map(attempts.map((attempt) => [`${attempt.run}.${attempt.task}.${attempt.n}`, attempt])),
    executions,
    byTaskRun: Map.groupBy(executions, ({ attempt }) => taskRunOf(attempt)),
  };
}

function executionsOf(lines: LedgerLine[]): Execution[] {
  const found = new Map<string, Execution>();
  for (const [at, { word, attempt, execution, atMs }] of lines.entries()) {
    const key = `${attempt} ${execution}`;
    const one = found.get(key) ?? { attempt, firstAt: at, lastAt: at, lastMs: atMs, ended: false };
    found.set(key, { ...one, lastAt: at, lastMs: atMs, ended: one.ended || word === 'end' });
  }
  return [...found.values()];
}

function taskRunOf(attempt: string): string {
  return attempt.slice(0, attempt.lastIndexOf('.'));
}

function tornLines({ ledger }: Evidence): Finding[] {
  return ledger.torn.map((line) => ({
    kind: 'wrong',
    rule: 'a ledger that can be read',
    about: 'ledger',
    detail: line,
  }));
}

function submissionsWithoutRun({ submissions }: Evidence, { runs }: Index): Finding[] {
  return submissions.flatMap(({ key, run }): Finding[] => {
    const rule = 'S7 accepted runs are there';
    if (run === null) return [];
    const stored = runs.get(run);
    if (stored === undefined)
      return [{ kind: 'lost', rule, about: `run ${run}`, detail: `accepted for key ${key}, not in the store` }];
    if (stored.key === key) return [];
    return [
      { kind: 'doubled', rule, about: `run ${run}`, detail: `answered for key ${key}, stored for key ${stored.key}` },
    ];
  });
}

function keysWithTwoRuns({ runs }: Evidence): Finding[] {
  const byKey = Map.groupBy(
    runs.filter(({ key }) => key !== null),
    ({ key }) => key,
  );
  return [...byKey].flatMap(([key, made]): Finding[] =>
    made.length < 2
      ? []
      : [
          {
            kind: 'doubled',
            rule: 'S7 one run per key',
            about: `key ${key}`,
            detail: `runs ${made.map(({ id }) => id).join(', ')}`,
          },
        ],
  );
}

function runsThatNobodyAskedFor({ runs, submissions }: Evidence): Finding[] {
  const keys = new Set<string | null>(submissions.map(({ key }) => key));
  return runs
    .filter(({ key, isChild }) => !isChild && !keys.has(key))
    .map(({ id, workflow, key }) => ({
      kind: 'doubled',
      rule: 'S7 one run per key',
      about: `run ${id}`,
      detail: `${workflow} with key ${key}, which nobody asked for`,
    }));
}

function toldOtherwise({ submissions }: Evidence, { runs }: Index): Finding[] {
  return submissions.flatMap(({ run, told }): Finding[] => {
    const stored = run === null ? undefined : runs.get(run);
    if (told === null || stored === undefined || stored.state === told) return [];
    const detail = `the client was told ${told}, stored is ${stored.state}`;
    return [{ kind: 'doubled', rule: 'S4 final is for ever', about: `run ${run}`, detail }];
  });
}

function lostCommands({ missingCommands }: Evidence): Finding[] {
  return missingCommands.map((id) => ({
    kind: 'lost',
    rule: 'S7 accepted commands are there',
    about: `command ${id}`,
    detail: 'accepted, not in the store',
  }));
}

function openRuns({ runs }: Evidence): Finding[] {
  return runs
    .filter(({ state }) => !isTerminalRun(state))
    .map(({ id, state, workflow, waitReason }) => ({
      kind: 'stalled',
      rule: 'L1 every run ends when faults do',
      about: `run ${id}`,
      detail: `${workflow} is ${state}${waitReason === null ? '' : ` (${waitReason})`}`,
    }));
}

function openCommandsAtTheEnd({ openCommands }: Evidence): Finding[] {
  return openCommands.map(({ id, run, action }) => ({
    kind: 'stalled',
    rule: 'L1 every command is taken',
    about: `command ${id}`,
    detail: `${action} of run ${run} waits for a master`,
  }));
}

function wrongEnds({ submissions }: Evidence, { runs }: Index): Finding[] {
  return submissions.flatMap(({ run, mayEnd }): Finding[] => {
    const stored = run === null ? undefined : runs.get(run);
    if (stored === undefined || !isTerminalRun(stored.state) || mayEnd.includes(stored.state)) return [];
    const detail = `${stored.workflow} ended ${stored.state}, not ${mayEnd.join(' or ')}`;
    return [{ kind: 'wrong', rule: 'runs end as they must', about: `run ${run}`, detail }];
  });
}

function openTasksOfEndedRuns({ tasks, attempts }: Evidence, { runs }: Index): Finding[] {
  const ended = (run: number): boolean => isTerminalRun(runs.get(run)?.state ?? 'running');
  const LIVE = new Set(['queued', 'dispatched', 'running', 'killing']);
  const rule = 'nothing is open in a run that has ended';
  return [
    ...tasks
      .filter(({ run, state }) => ended(run) && !isTerminalTaskRun(state))
      .map(({ run, task, state }): Finding => ({
        kind: 'wrong',
        rule,
        about: `task ${run}.${task}`,
        detail: `is ${state}`,
      })),
    ...attempts
      .filter(({ run, state }) => ended(run) && LIVE.has(state))
      .map(({ run, task, n, state }): Finding => ({
        kind: 'wrong',
        rule,
        about: `attempt ${run}.${task}.${n}`,
        detail: `is ${state}`,
      })),
  ];
}

function successesWithoutLedger({ attempts, definitions }: Evidence, { runs, executions }: Index): Finding[] {
  const ended = new Set(executions.filter((execution) => execution.ended).map(({ attempt }) => attempt));
  return attempts.flatMap(({ run, task, n, state }): Finding[] => {
    const facts = definitions.get(runs.get(run)?.workflow ?? '')?.[task];
    const id = `${run}.${task}.${n}`;
    if (state !== 'succeeded' || facts === undefined || LOGIC_TYPES.has(facts.type) || ended.has(id)) return [];
    return [
      {
        kind: 'lost',
        rule: 'a success has been carried out',
        about: `attempt ${id}`,
        detail: 'succeeded, and the ledger has no end of it',
      },
    ];
  });
}

function unknownExecutions({ executions, attempts }: Index): Finding[] {
  return executions
    .filter(({ attempt }) => !attempts.has(attempt))
    .map(({ attempt }) => ({
      kind: 'doubled',
      rule: 'only attempts of the store start',
      about: `attempt ${attempt}`,
      detail: 'the store does not know it',
    }));
}

/** More failures than retries allow, or another attempt after one that had succeeded. */
function needlessAttempts({ attempts, definitions }: Evidence, { runs }: Index): Finding[] {
  return [...Map.groupBy(attempts, ({ run, task }) => `${run}.${task}`)].flatMap(([taskRun, all]): Finding[] => {
    const { run, task } = all[0]!;
    const facts = definitions.get(runs.get(run)?.workflow ?? '')?.[task];
    const rule = 'no more attempts than needed';
    const failures = all.filter(({ state }) => state === 'failed').length;
    const success = all.find(({ state }) => state === 'succeeded');
    const later = success === undefined ? undefined : all.find(({ n }) => n > success.n);
    return [
      ...(facts !== undefined && failures > facts.failuresMax
        ? [
            {
              kind: 'doubled' as const,
              rule,
              about: `task ${taskRun}`,
              detail: `${failures} failures of ${facts.failuresMax}`,
            },
          ]
        : []),
      ...(later === undefined
        ? []
        : [{ kind: 'doubled' as const, rule, about: `task ${taskRun}`, detail: `attempt ${later.n} after a success` }]),
    ];
  });
}

function attemptsExecutedTwice({ executions }: Index): Finding[] {
  return [...Map.groupBy(executions, ({ attempt }) => attempt)].flatMap(([attempt, all]): Finding[] =>
    all.length < 2
      ? []
      : [
          {
            kind: 'doubled',
            rule: 'S2 one execution per attempt',
            about: `attempt ${attempt}`,
            detail: `${all.length} executions`,
          },
        ],
  );
}

function overlappingAttempts({ byTaskRun }: Index): Finding[] {
  return [...byTaskRun].flatMap(([taskRun, all]) =>
    all.slice(1).flatMap((later, index): Finding[] => {
      const earlier = all
        .slice(0, index + 1)
        .find(({ attempt, lastAt }) => attempt !== later.attempt && lastAt > later.firstAt);
      if (earlier === undefined) return [];
      const detail = `${earlier.attempt} lived on after ${later.attempt} had started`;
      return [{ kind: 'doubled', rule: 'S2 one live process per task run', about: `task ${taskRun}`, detail }];
    }),
  );
}

const FINAL = {
  run: (state: string) => isTerminalRun(state as RunState),
  task: (state: string) => isTerminalTaskRun(state as TaskRunState),
  attempt: (state: string) => ['succeeded', 'failed', 'killed', 'lost'].includes(state),
};
/** A person may call these a success. */
const FORCIBLE = new Set(['failed', 'killed', 'upstream_failed']);

function takenBack({ transitions }: Evidence): Finding[] {
  return transitions.flatMap(({ kind, run, task, n, from, to }): Finding[] => {
    if (from === null || from === to || !FINAL[kind](from)) return [];
    if (kind === 'task' && to === 'forced_success' && FORCIBLE.has(from)) return [];
    const about = [run, task, n].filter((part) => part !== null).join('.');
    return [
      { kind: 'doubled', rule: 'S4 final is for ever', about: `${kind} ${about}`, detail: `${from} became ${to}` },
    ];
  });
}

function earlyStarts({ definitions }: Evidence, { byTaskRun, executions, runs }: Index): Finding[] {
  return executions.flatMap(({ attempt, firstAt }): Finding[] => {
    const [run, task] = attempt.split('.').map(Number) as [number, number];
    const facts = definitions.get(runs.get(run)?.workflow ?? '')?.[task];
    if (facts?.afterSuccess !== true) return [];
    const missing = facts.needs.find((need) => {
      const before = byTaskRun.get(`${run}.${need}`);
      // Reused and forced predecessors have not been carried out here.
      return before !== undefined && !before.some((execution) => execution.ended && execution.firstAt < firstAt);
    });
    if (missing === undefined) return [];
    return [
      {
        kind: 'wrong',
        rule: 'S3 starts after its predecessors',
        about: `attempt ${attempt}`,
        detail: `task ${missing} had not ended`,
      },
    ];
  });
}

function crowdedGroups({ definitions, groupSizes }: Evidence, { executions, runs }: Index): Finding[] {
  return [...groupSizes].flatMap(([name, size]): Finding[] => {
    const edges = executions.flatMap(({ attempt, firstAt, lastAt }) => {
      const [run, task] = attempt.split('.').map(Number) as [number, number];
      const group = definitions.get(runs.get(run)?.workflow ?? '')?.[task]?.group;
      if (group?.name !== name) return [];
      return [
        { at: firstAt, change: group.weight },
        { at: lastAt, change: -group.weight },
      ];
    });
    let held = 0;
    let most = 0;
    for (const { change } of edges.toSorted((a, b) => a.at - b.at)) {
      held += change;
      most = Math.max(most, held);
    }
    if (most <= size) return [];
    return [
      {
        kind: 'doubled',
        rule: 'S10 slots held ≤ capacity',
        about: `task group ${name}`,
        detail: `${most} at a time of ${size}`,
      },
    ];
  });
}

/** Allows for the two clocks' different readings of the same instant, and for a line on its way. */
const LIVED_ON_MS = 150;

function livedOn({ transitions }: Evidence, { executions }: Index): Finding[] {
  const over = new Map<string, Transition>();
  for (const transition of transitions) {
    const { kind, run, task, n, to } = transition;
    if (kind === 'attempt' && FINAL.attempt(to) && !over.has(`${run}.${task}.${n}`))
      over.set(`${run}.${task}.${n}`, transition);
  }
  return executions.flatMap(({ attempt, lastMs }): Finding[] => {
    const end = over.get(attempt);
    if (end === undefined || lastMs <= end.atMs + LIVED_ON_MS) return [];
    const detail = `wrote ${Math.round(lastMs - end.atMs)} ms after it was stored as ${end.to}`;
    return [{ kind: 'lived-on', rule: 'S9 nothing lives after its end is shown', about: `attempt ${attempt}`, detail }];
  });
}
