/** Which branch a `conditions` or `switch` task takes. Pure: states and parameters in, task names out. */
import {
  evaluateExpression,
  formatAttemptId,
  parseExpression,
  type SwitchAction,
  type TaskCondition,
} from '@pelorus/protocol';
import { resolveParameters } from './attempt-spec.ts';
import { branchesOf } from './graph.ts';
import type { TaskRunRecord } from './records.ts';
import { type Result, type Run, taskOf } from './run.ts';

export type Choice = { kind: 'choice'; taken: string[]; untaken: string[] } | { kind: 'invalid'; detail: string };

/** What has ended before it, as the decision in the making sees it. */
export interface Ended {
  record(task: number): TaskRunRecord | undefined;
  /** A skipped task counts as what it stands for. */
  result(task: number): Result;
}

/** Throws for tasks of other types. */
export function choose(run: Run, task: number, ended: Ended): Choice {
  const { action } = taskOf(run, task);
  if (action.type === 'conditions')
    return choiceOf(run, task, holds(run, action.when, ended) ? action.success : action.failure);
  if (action.type !== 'switch') throw new Error(`${action.type} tasks do not choose`);
  const goto = firstCase(run, task, action, ended);
  return typeof goto === 'string' ? { kind: 'invalid', detail: goto } : choiceOf(run, task, goto);
}

function choiceOf(run: Run, task: number, taken: string[]): Choice {
  const chosen = new Set(taken);
  return {
    kind: 'choice',
    taken,
    untaken: [...branchesOf(taskOf(run, task).action)].filter((name) => !chosen.has(name)),
  };
}

function holds(run: Run, condition: TaskCondition, ended: Ended): boolean {
  if ('and' in condition) return condition.and.every((part) => holds(run, part, ended));
  if ('or' in condition) return condition.or.some((part) => holds(run, part, ended));
  const failed = ended.result(run.graph.indexOf.get(condition.task) ?? -1) === 'failure';
  return condition.state === 'failed' ? failed : !failed;
}

/**
 * The targets of the first case that holds, or why it cannot be told. In a dry run nothing has given outputs: what then
 * cannot be told leads to the default.
 */
function firstCase(run: Run, task: number, action: SwitchAction, ended: Ended): string[] | string {
  const { dryRun, id } = run.spec;
  const attempt = formatAttemptId({ run: id, task, n: 1 });
  const resolved = resolveParameters(run, task, attempt, (before) => ended.record(before));
  if (resolved.kind === 'invalid') return dryRun ? action.default : resolved.detail;
  const params = new Map(Object.entries(resolved.params));
  for (const { when, goto } of action.cases) {
    const parsed = parseExpression(when);
    if (parsed.kind === 'syntax-error') return `condition ${when}: ${parsed.message}`;
    const evaluated = evaluateExpression(parsed.expression, (name) => params.get(name));
    if (evaluated.kind === 'unknown-name')
      return dryRun ? action.default : `condition ${when}: there is no parameter ${evaluated.name}`;
    if (evaluated.value) return goto;
  }
  return action.default;
}
