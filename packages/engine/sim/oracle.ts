/**
 * The end of a run, worked out again from what its processes did and what people asked for. Says how the stored end differs
 * from every end that the rules allow, or null. Independent of the engine: see dag.ts.
 */
import {
  formatAttemptId,
  isTerminalRun,
  isTerminalTaskRun,
  type TaskDefinition,
  type TaskType,
} from '@pelorus/protocol';
import type { AttemptRecord, TaskRunRecord } from '../src/index.ts';
import {
  ancestorsOf,
  branchesOf,
  type Case,
  caseOf,
  failureIsHandled,
  holds,
  isPassedThrough,
  isStrict,
  momentsOf,
  predecessorsOf,
  resultOf,
  type Verdict,
  verdictOf,
} from './dag.ts';
import type { Ledger } from './ledger.ts';
import { wrongPlan, wrongReuse } from './plan-oracle.ts';
import { type DurableRun, isTerminalAttempt, type StoreModel } from './store-model.ts';
import type { World } from './world.ts';

/** A task lost with its workers this often is given up. */
const LOST_ATTEMPTS_MAX = 1_000;

/** What really happened, and what the store says did. */
export interface Evidence {
  ledger: Ledger;
  store: StoreModel;
  verdicts: World['verdicts'];
}

export function differenceOf(run: DurableRun, evidence: Evidence): string | null {
  const { tasks } = run.workflow.definition;
  if (run.status.state === 'dependency_failed' || hasPassedGate(run)) {
    const wrong = wrongGate(run, evidence.store);
    if (wrong !== null || run.status.state === 'dependency_failed') return wrong;
  }
  const planned = wrongPlan(run, evidence.store.runs) ?? wrongReuse(run, evidence);
  if (planned !== null) return planned;
  for (let task = 0; task < tasks.length; task++) {
    const record = run.tasks[task];
    if (!record || !isTerminalTaskRun(record.state)) return `task ${task} is ${record?.state ?? 'pending'}`;
    const wrong =
      wrongPlace(run, record) ??
      wrongChoice(run, record) ??
      wrongAttempts(run, record, evidence) ??
      wrongEnd(run, record);
    if (wrong !== null) return `task ${task} is ${record.state}, but ${wrong}`;
  }
  const expected = expectedStates(run);
  return expected.includes(run.status.state)
    ? null
    : `the run is ${run.status.state}, the rules say ${expected.join(' or ')}`;
}

function hasPassedGate({ spec, status }: DurableRun): boolean {
  return spec.gate !== undefined && status.startedAt !== null;
}

/** It began only when a run of the date before had succeeded, and ended at its gate, without an attempt, only when one had not. */
function wrongGate(run: DurableRun, store: StoreModel): string | null {
  const { gate, id, workflowId, submittedAt, timeoutMs } = run.spec;
  if (!gate?.previous) return 'it waited for nothing';
  const { logicalDateAt } = gate.previous;
  const before = [...store.runs.values()].filter(
    ({ spec }) => spec.workflowId === workflowId && spec.logicalDateAt === logicalDateAt && spec.id !== id,
  );
  const hasSucceeded = before.some(({ status }) => status.state === 'succeeded');
  if (run.status.state !== 'dependency_failed')
    return hasSucceeded ? null : 'it began though none before had succeeded';
  if (run.attempts.some((list) => list.length > 0)) return 'it has attempts';
  const hasFailed = before.some(({ status }) => isTerminalRun(status.state) && status.state !== 'succeeded');
  const isOverdue = run.status.endedAt! >= submittedAt + timeoutMs;
  return hasFailed || isOverdue ? null : 'nothing that it depends on has failed';
}

/** Whether the state fits what the trigger rule makes of the predecessors, or made of them before somebody forced one. */
function wrongPlace(run: DurableRun, record: TaskRunRecord): string | null {
  const { task, state, attempts } = record;
  const now = caseOf(run);
  if (state === 'reused') return run.spec.plan.reuse.some((one) => one.task === task) ? null : 'nothing was taken over';
  if (isPassedThrough(now, task))
    return state === 'skipped' && attempts === 0 ? null : 'it is disabled or not selected';
  if (state === 'killed' && attempts === 0 && run.stoppingSince !== null) return null;
  if (state === 'upstream_failed' && isStrict(now, task) && endedFast(run, now, task)) return null;
  if (state === 'forced_success') return run.forced.some((forced) => forced.task === task) ? null : 'nobody forced it';
  const verdicts = momentsOf(run).map((moment) => verdictOf(moment, task));
  return verdicts.includes(verdictBehind(record)) ? null : `its trigger rule says ${verdicts.join(', ')}`;
}

/** A failure that takes the run with it marks those behind it at once, whatever they still wait for. */
function endedFast(run: DurableRun, of: Case, task: number): boolean {
  if (run.stoppedFor?.kind !== 'fail_fast') return false;
  return predecessorsOf(of, task).some((pred) => resultOf(of, pred) === 'failure');
}

function verdictBehind({ state, cause }: TaskRunRecord): Verdict {
  if (state === 'upstream_failed') return 'upstream_failed';
  if (state !== 'skipped') return 'run';
  return cause?.kind === 'branch' || cause?.kind === 'not_triggered' ? cause.kind : 'pass';
}

/** Whether a task that chose took the branch that it had to take. */
function wrongChoice(run: DurableRun, { task, state, cause }: TaskRunRecord): string | null {
  const { action } = run.workflow.definition.tasks[task]!;
  if (action.type !== 'conditions' && action.type !== 'switch') return null;
  const possible = momentsOf(run).flatMap((moment) => choicesOf(run, moment, task));
  if (state === 'failed' && cause?.kind === 'invalid') {
    return possible.includes(null) ? null : 'it could have chosen';
  }
  if (state !== 'succeeded') return null;
  if (cause?.kind !== 'chose') return 'it chose nothing';
  const untaken = branchesOf(action).filter((name) => !cause.taken.includes(name));
  const taken = sorted(cause.taken);
  if (sorted(cause.untaken) !== sorted(untaken)) return `it chose ${taken} and not ${sorted(cause.untaken)}`;
  return possible.some((names) => names !== null && sorted(names) === taken) ? null : `it chose ${taken}`;
}

function sorted(names: readonly string[]): string {
  return [...new Set(names)].sort().join(' ');
}

/** What a task may have chosen; null: what it looked at was not there. Of several outputs with one name, any may count. */
function choicesOf(run: DurableRun, of: Case, task: number): (string[] | null)[] {
  const { action, params } = of.tasks[task]!;
  if (action.type === 'conditions') return [holds(of, action.when) ? action.success : action.failure];
  if (action.type !== 'switch') return [];
  const { n } = params;
  const before = [...ancestorsOf(of, task)];
  const values = n === undefined ? before.flatMap((one) => of.rows[one]?.outputs?.['rows'] ?? []) : [n];
  const choices = values.map(
    (value) => action.cases.find(({ when }) => isAbove(when, Number(value)))?.goto ?? action.default,
  );
  // What starts, or is given up, with the first failure may have let it look before the others had given anything.
  const endsEarly = (one: number): boolean =>
    of.tasks[one]!.trigger === 'any_failed' || of.rows[one]?.state === 'upstream_failed';
  const early = n === undefined && [task, ...before].some(endsEarly);
  if (values.length > 0 && !early) return choices;
  return [...choices, run.spec.dryRun ? action.default : null];
}

/** Of the only form that random workflows have: `${name} > number`. */
function isAbove(when: string, value: number): boolean {
  return value > Number(when.slice(when.indexOf('>') + 1));
}

function wrongAttempts(run: DurableRun, record: TaskRunRecord, evidence: Evidence): string | null {
  const attempts = run.attempts[record.task]!;
  const task = run.workflow.definition.tasks[record.task]!;
  if (attempts.length !== record.attempts) return `it counts ${record.attempts} attempts and has ${attempts.length}`;
  const open = attempts.find((attempt) => !isTerminalAttempt(attempt));
  if (open) return `attempt ${open.n} is ${open.state}`;
  const failures = attempts.filter((attempt) => attempt.state === 'failed').length;
  if (failures > record.retries + 1) return `${failures} attempts failed and ${record.retries} retries were used`;
  if (record.retries > task.retry.max) return `${record.retries} of ${task.retry.max} retries were used`;
  const early = attempts.slice(0, -1).find((attempt) => attempt.state === 'succeeded' || attempt.state === 'killed');
  if (early) return `attempt ${early.n} was ${early.state} and another followed`;
  for (const attempt of attempts) {
    const wrong = WRONG_BY_TYPE[task.action.type]?.(attempt, evidence, task) ?? null;
    if (wrong !== null) return `attempt ${attempt.n} is ${attempt.state}: ${wrong}`;
  }
  return null;
}

type Examination = (attempt: AttemptRecord, evidence: Evidence, task: TaskDefinition) => string | null;

const WRONG_BY_TYPE: Partial<Record<TaskType, Examination>> = {
  shell: wrongOutcome,
  sub_workflow: wrongChild,
  dependent: wrongWait,
};

/** What the store says of an attempt and what its process did. */
function wrongOutcome(attempt: AttemptRecord, { ledger }: Evidence): string | null {
  const process = ledger.byAttempt.get(formatAttemptId(attempt));
  if (attempt.state === 'succeeded')
    return process?.outcome?.state === 'succeeded' ? null : 'no process of it succeeded';
  if (attempt.state !== 'failed' || attempt.cause?.kind !== 'exit') return null;
  const cause = process?.outcome?.cause;
  return cause?.kind === 'exit' && cause.code === attempt.cause.code
    ? null
    : `no process of it exited ${attempt.cause.code}`;
}

/** What the store says of an attempt and how the run that it started ended. */
function wrongChild({ run, task, n, state, cause }: AttemptRecord, { store }: Evidence): string | null {
  const child = store.childOf({ run, task, attempt: n });
  if (!child) return state === 'failed' && cause?.kind === 'invalid' ? null : 'it never had a child';
  const { state: end } = child.status;
  if (!isTerminalRun(end)) return `its child is ${end}`;
  if ((state === 'succeeded') !== (end === 'succeeded')) return `its child is ${end}`;
  if (cause?.kind === 'child')
    return cause.runId === child.spec.id && cause.state === end ? null : `its child is ${end}`;
  return cause?.kind === 'timeout' || state === 'killed' ? null : `its cause is ${cause?.kind ?? 'missing'}`;
}

/** What the store says of an attempt and what it had been told of the runs that it waited for. */
function wrongWait(
  attempt: AttemptRecord,
  { verdicts, store }: Evidence,
  { action, timeout }: TaskDefinition,
): string | null {
  const { state, cause, dispatchedAt, endedAt } = attempt;
  const told = verdicts.get(formatAttemptId(attempt)) ?? new Set();
  if (action.type !== 'dependent') return 'its task waits for nothing';
  if (state === 'succeeded') return told.has('satisfied') ? null : 'it was never satisfied';
  if (state !== 'failed') return null;
  if (cause?.kind === 'dependency')
    return action.onFailure === 'fail' && told.has('failed') ? null : 'what it waits for did not fail';
  // The time of the whole run was over.
  if (JSON.stringify(cause) === JSON.stringify(store.runs.get(attempt.run)!.stoppedFor)) return null;
  if (cause?.kind !== 'timeout') return `its cause is ${cause?.kind ?? 'missing'}`;
  const mayLast = cause.afterMs === action.maxWaitMs || cause.afterMs === timeout?.afterMs;
  return mayLast && (endedAt ?? 0) - dispatchedAt >= cause.afterMs
    ? null
    : `it ended after ${(endedAt ?? 0) - dispatchedAt} ms`;
}

const NEEDS_NO_ATTEMPT: ReadonlySet<string> = new Set(['virtual', 'conditions', 'switch']);

/** Whether the last attempt explains the end of a task that had its turn. */
function wrongEnd(run: DurableRun, record: TaskRunRecord): string | null {
  const task = run.workflow.definition.tasks[record.task]!;
  const last = run.attempts[record.task]!.at(-1);
  const interrupted = run.stoppingSince !== null || run.killed.has(task.name);
  switch (record.state) {
    case 'succeeded':
      if (NEEDS_NO_ATTEMPT.has(task.action.type) || run.spec.dryRun) return last ? 'it needs no attempt' : null;
      return last?.state === 'succeeded' ? null : `its last attempt is ${last?.state ?? 'missing'}`;
    case 'killed':
      return interrupted ? null : 'nobody asked for that';
    case 'failed': {
      if (last?.state === 'succeeded') return 'its last attempt succeeded';
      const exhausted = record.retries >= task.retry.max;
      const given = last?.state === 'lost' && (task.onWorkerLost === 'fail' || record.attempts > LOST_ATTEMPTS_MAX);
      return exhausted || given || interrupted || isFinal(record)
        ? null
        : `${record.retries} of ${task.retry.max} retries were used`;
    }
    default:
      return null;
  }
}

/** Failures that trying again cannot mend: there is no such workflow; somebody stopped the child. */
function isFinal({ cause }: TaskRunRecord): boolean {
  return cause?.kind === 'invalid' || (cause?.kind === 'child' && cause.state === 'stopped');
}

function expectedStates(run: DurableRun): string[] {
  const now = caseOf(run);
  const records = run.tasks.filter((record) => record !== undefined);
  const bad = records.filter(({ state, task }) => {
    if (state === 'upstream_failed') return true;
    return (state === 'failed' || state === 'killed') && !failureIsHandled(now, task);
  });
  if (run.stoppedFor?.kind === 'discarded') return ['stopped'];
  if (run.stoppingSince === null) return [bad.length === 0 ? 'succeeded' : 'failed'];
  if (bad.length === 0 && !records.some(({ state }) => state === 'killed')) return ['succeeded'];
  return [run.stoppedFor?.kind === 'killed_by' || run.stoppedFor?.kind === 'superseded' ? 'stopped' : 'failed'];
}
