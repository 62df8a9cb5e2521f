/** Tasks of DolphinScheduler that decide or wait: what they name by code becomes names, and what they need is made sure of. */
import { evaluateExpression, parseExpression } from '@pelorus/protocol';
import { UPSTREAM_WINDOWS } from '../upstream.ts';
import { codeOf, type DsTask } from './dolphinscheduler-file.ts';
import { idOf, listOf, mapOf, shown, textOf, type Json } from './foreign-json.ts';

/** What becomes of a task: keys, or why it cannot become any. */
export type Logic = { keys: Record<string, unknown>; why: string[] } | { refused: string };

/** The tasks of one workflow, and who waits for whom. */
export interface DsGraph {
  /** The name of a task by its key, code or old name; null: there is none. */
  nameOf: (key: string) => string | null;
  /** `to` has to wait for `from` from now on; false where that would be a circle, or nothing. */
  connect: (from: string, to: string) => boolean;
}

// ---- CONDITIONS

export function conditionsOf(task: DsTask, name: string, graph: DsGraph): Logic {
  const why: string[] = [];
  const when = conditionTree(mapOf(task.params['dependence']), graph, why);
  if (when === null) return { refused: 'it looks at no task' };
  const result = mapOf(task.params['conditionResult']);
  const [success, failure] = [result['successNode'], result['failedNode']].map((list) => branchOf(list, graph, why));
  const both = (success ?? []).filter((one) => failure?.includes(one));
  if (both.length > 0) why.push(`${both.join(', ')} stands in both branches, so it runs either way`);
  const [onSuccess, onFailure] = [success, failure].map((branch) =>
    (branch ?? []).filter((one) => !both.includes(one)),
  );
  for (const leaf of leavesOf(when))
    if (!graph.connect(leaf, name)) return { refused: `it looks at ${leaf}, which runs after it` };
  for (const target of [...(onSuccess ?? []), ...(onFailure ?? [])])
    if (!graph.connect(name, target)) return { refused: `it leads to ${target}, which runs before it` };
  return { keys: { type: 'conditions', when, success: onSuccess, failure: onFailure }, why };
}

type When = { and: When[] } | { or: When[] } | { task: string; state: 'succeeded' | 'failed' };

function conditionTree(dependence: Json, graph: DsGraph, why: string[]): When | null {
  const groups = listOf(dependence['dependTaskList']).flatMap((group): When[] => {
    const map = mapOf(group);
    const items = listOf(map['dependItemList']).flatMap((item) => conditionLeaf(mapOf(item), graph, why));
    return items.length === 0 ? [] : [joined(map['relation'], items)];
  });
  return groups.length === 0 ? null : joined(dependence['relation'], groups);
}

function conditionLeaf(item: Json, graph: DsGraph, why: string[]): When[] {
  const key = idOf(item['depTaskCode'] ?? item['depTasks']) ?? '';
  const task = graph.nameOf(key);
  if (task !== null)
    return [{ task, state: textOf(item['status'])?.toUpperCase() === 'FAILURE' ? 'failed' : 'succeeded' }];
  why.push(`it looks at a task that there is not (${shown(key)}), which is left out`);
  return [];
}

function joined<Leaf>(relation: unknown, parts: Leaf[]): Leaf | { and: Leaf[] } | { or: Leaf[] } {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return textOf(relation)?.toUpperCase() === 'OR' ? { or: parts } : { and: parts };
}

function leavesOf(when: When): string[] {
  if ('task' in when) return [when.task];
  return ('and' in when ? when.and : when.or).flatMap(leavesOf);
}

function branchOf(list: unknown, graph: DsGraph, why: string[]): string[] {
  const names = (Array.isArray(list) ? list : [list]).flatMap((one) => namedBy(one, graph, why));
  return [...new Set(names)];
}

/** Empty entries stand for: nothing. */
function namedBy(one: unknown, graph: DsGraph, why: string[]): string[] {
  const key = idOf(one);
  if (key === null || key === '0') return [];
  const name = graph.nameOf(key);
  if (name === null) why.push(`it leads to a task that there is not (${shown(key)}), which is left out`);
  return name === null ? [] : [name];
}

// ---- SWITCH

export function switchOf(task: DsTask, name: string, graph: DsGraph): Logic {
  const why: string[] = [];
  const result = mapOf(task.params['switchResult']);
  const cases: { when: string; goto: string[] }[] = [];
  const otherwise = branchOf(result['nextNode'], graph, why);
  for (const entry of listOf(result['dependTaskList']).map(mapOf)) {
    const written = textOf(entry['condition']) ?? '';
    const goto = branchOf(entry['nextNode'], graph, why);
    if (goto.length === 0) continue;
    const when = conditionText(written);
    const parsed = parseExpression(when);
    if (parsed.kind === 'syntax-error')
      return { refused: `its condition \`${shown(written)}\` cannot be read: ${parsed.message}` };
    if (when !== written.trim()) why.push(`\`${shown(written)}\` is written \`${shown(when)}\``);
    if (cases.some((other) => other.when === when)) {
      why.push(`\`${shown(when)}\` comes a second time, which never mattered`);
      continue;
    }
    const constant = /\$\{/.test(when) ? null : evaluateExpression(parsed.expression, () => undefined);
    if (constant?.kind === 'value')
      return { refused: `its condition \`${shown(written)}\` is always ${String(constant.value)}` };
    cases.push({ when, goto });
  }
  if (cases.length === 0) return { refused: 'it has no condition that leads anywhere' };
  for (const target of new Set([...cases.flatMap(({ goto }) => goto), ...otherwise]))
    if (!graph.connect(name, target)) return { refused: `it leads to ${target}, which runs before it` };
  return { keys: { type: 'switch', cases, ...(otherwise.length === 0 ? {} : { default: otherwise }) }, why };
}

/** Conditions are JavaScript there: names in quotes, texts in single ones, `===`. */
function conditionText(written: string): string {
  return written
    .trim()
    .replace(/(["'])(\$\{[^}'"]+\})\1/g, '$2')
    .replace(/'([^'"\\]*)'/g, '"$1"')
    .replace(/([=!]=)=/g, '$1');
}

// ---- DEPENDENT

export interface DsReferences {
  /** What a workflow of this number, or of this name, is called here; null: it is not here. */
  workflow: (
    code: string | null,
    name: string | null,
  ) => { name: string; taskName: (key: string) => string | null } | null;
}

const WINDOWS = new Set(UPSTREAM_WINDOWS.map(({ name }) => name));

export function dependentOf(task: DsTask, references: DsReferences): Logic {
  const dependence = mapOf(task.params['dependence']);
  const missing: string[] = [];
  const groups = listOf(dependence['dependTaskList']).flatMap((group): unknown[] => {
    const map = mapOf(group);
    const items = listOf(map['dependItemList']).map((item) => upstreamLeaf(mapOf(item), references, missing));
    return items.length === 0 ? [] : [joined(map['relation'], items)];
  });
  if (missing.length > 0) return { refused: [...new Set(missing)].join('; ') };
  if (groups.length === 0) return { refused: 'it waits for nothing' };
  const seconds = Number(textOf(dependence['checkInterval']) ?? 10);
  const waits = textOf(dependence['failurePolicy'])?.toUpperCase() === 'DEPENDENT_FAILURE_WAITING';
  const minutes = textOf(dependence['failureWaitingTime']);
  return {
    keys: {
      type: 'dependent',
      upstream: joined(dependence['relation'], groups),
      checkInterval: `${Number.isFinite(seconds) ? Math.round(Math.min(Math.max(seconds, 1), 86_400)) : 10}s`,
      onFailure: waits ? 'wait' : 'fail',
    },
    why: waits
      ? [`for one that failed to be run again it waits without a limit (failureWaitingTime ${minutes ?? '?'})`]
      : [],
  };
}

function upstreamLeaf(item: Json, references: DsReferences, missing: string[]): Json {
  const code = codeOf(item['definitionCode'] ?? item['definitionId']);
  const written = textOf(item['definitionName']);
  const found = references.workflow(code, written);
  const window = textOf(item['dateValue']) ?? 'today';
  if (found === null)
    missing.push(
      `it waits for workflow ${shown(written ?? code ?? '?')}, which is not imported; import it first, or with this one`,
    );
  if (!WINDOWS.has(window) && !/^last[1-9]\d{0,2}(?:Hour|Day)s?$/.test(window))
    missing.push(`there is no window \`${shown(window)}\``);
  const key = taskKeyOf(item);
  const task = key === null || found === null ? null : found.taskName(key);
  if (key !== null && found !== null && task === null)
    missing.push(`it waits for task ${shown(key)} of ${found.name}, which is not known; import both together`);
  return { workflow: found?.name ?? '', ...(task === null ? {} : { task }), window };
}

/** Null: the workflow as a whole, or all of its tasks. */
function taskKeyOf(item: Json): string | null {
  const code = codeOf(item['depTaskCode']);
  if (code !== null) return code;
  const name = textOf(item['depTasks'])?.trim() ?? 'ALL';
  return name.toUpperCase() === 'ALL' ? null : name;
}
