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
import { type Run, taskOf } from './run.ts';

export type Choice = { kind: 'choice'; taken: string[]; untaken: string[] } | { kind: 'invalid'; detail: string };
type RecordOf = (task: number) => TaskRunRecord | undefined;

/** `recordOf` sees the decision in the making. Throws for tasks of other types. */
export function choose(run: Run, task: number, recordOf: RecordOf): Choice {
  const { action } = taskOf(run, task);
  if (action.type === 'conditions')
    return choiceOf(run, task, holds(run, action.when, recordOf) ? action.success : action.failure);
  if (action.type !== 'switch') throw new Error(`${action.type} tasks do not choose`);
  const goto = firstCase(run, task, action, recordOf);
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

function holds(run: Run, condition: TaskCondition, recordOf: RecordOf): boolean {
  if ('and' in condition) return condition.and.every((part) => holds(run, part, recordOf));
  if ('or' in condition) return condition.or.some((part) => holds(run, part, recordOf));
  const state = recordOf(run.graph.indexOf.get(condition.task) ?? -1)?.state;
  const failed = state === 'failed' || state === 'killed' || state === 'upstream_failed';
  return condition.state === 'failed' ? failed : !failed;
}

/** The targets of the first case that holds, or why it cannot be told. */
function firstCase(run: Run, task: number, action: SwitchAction, recordOf: RecordOf): string[] | string {
  const resolved = resolveParameters(run, task, formatAttemptId({ run: run.spec.id, task, n: 1 }), recordOf);
  if (resolved.kind === 'invalid') return resolved.detail;
  for (const { when, goto } of action.cases) {
    const parsed = parseExpression(when);
    if (parsed.kind === 'syntax-error') return `condition ${when}: ${parsed.message}`;
    const evaluated = evaluateExpression(parsed.expression, (name) => resolved.params[name]);
    if (evaluated.kind === 'unknown-name') return `condition ${when}: there is no parameter ${evaluated.name}`;
    if (evaluated.value) return goto;
  }
  return action.default;
}
