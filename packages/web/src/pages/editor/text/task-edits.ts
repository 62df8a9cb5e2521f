/** What is done to tasks on the canvas, as patches of the text. Each gives the edits one after the other: those of a list apply to the text that the lists before have made. */
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import {
  applyEdits,
  appendItem,
  checked,
  isRecord,
  removeValue,
  renameKey,
  replaceScalar,
  setValue,
  type TextEdit,
} from './yaml-edit.ts';
import {
  columnOf,
  endOfPair,
  lineEnd,
  lineStart,
  nodeAt,
  pairOf,
  readSource,
  startOf,
  type MapPair,
  type Plain,
  type Source,
} from './yaml-place.ts';

export type Steps = TextEdit[][];

/** A new task at the end. Null as with all patches: the text has to be edited by hand. */
export function addTask(source: Source, name: string, task: { [key: string]: Plain }): Steps | null {
  const edits = setValue(source, ['tasks', name], task);
  if (edits === null) return null;
  return [areSpaced(source) ? edits.map((edit) => ({ ...edit, insert: edit.insert.replace(/^\n/, '\n\n') })) : edits];
}

/** Whether blank lines stand between tasks. */
function areSpaced({ text, root }: Source): boolean {
  const tasks = nodeAt(root, ['tasks']);
  if (!isMap(tasks) || tasks.flow === true || tasks.items.length < 2) return false;
  const [before, last] = tasks.items.slice(-2) as [MapPair, MapPair];
  return /\n[ \t]*\n/.test(text.slice(endOfPair(text, before), startOf(last.key)));
}

/** Its name where it is given and wherever it is named: in `needs`, conditions, branches. */
export function renameTask(source: Source, from: string, to: string): Steps | null {
  const key = renameKey(source, ['tasks', from], to);
  if (key === null) return null;
  const edits = [key];
  for (const node of referencesTo(source, from)) {
    const edit = replaceScalar(source, node, to);
    if (edit === null) return null;
    edits.push(edit);
  }
  const next = readSource(applyEdits(source.text, edits), source.format);
  return next === null || nodeAt(next.root, ['tasks', to]) === undefined ? null : [edits];
}

/** With whatever other tasks say of it. Conditions that look at it are left for people to settle. */
export function deleteTasks(source: Source, names: readonly string[]): Steps | null {
  const steps: Steps = [];
  let at = source;
  const step = (edits: TextEdit[] | null): boolean => {
    if (edits === null) return false;
    steps.push(edits);
    const next = readSource(applyEdits(at.text, edits), at.format);
    if (next === null) return false;
    at = next;
    return true;
  };
  for (const name of names) {
    for (let path = referencePath(at, name); path !== null; path = referencePath(at, name))
      if (!step(removeValue(at, path, 2))) return null;
    if (!step(withoutTask(at, name))) return null;
  }
  return steps;
}

/** The remark right above a task goes with it, unless the task is the first, whose remark may be about all of them. */
function withoutTask(source: Source, name: string): TextEdit[] | null {
  const edits = removeValue(source, ['tasks', name], 1);
  const tasks = nodeAt(source.root, ['tasks']);
  const pair = pairOf(tasks, name);
  if (
    edits === null ||
    edits.length !== 1 ||
    !isMap(tasks) ||
    tasks.flow === true ||
    pair === null ||
    tasks.items[0] === pair
  )
    return edits;
  const [edit] = edits as [TextEdit];
  if (edit.insert !== '') return edits;
  const column = columnOf(source.text, startOf(pair.key));
  let { from } = edit;
  const isAtLineStart = from === lineStart(source.text, from);
  if (!isAtLineStart) return edits;
  while (from > 0) {
    const above = lineStart(source.text, from - 1);
    const line = source.text.slice(above, from - 1);
    if (!/^\s*#/.test(line) || line.search(/\S/) !== column) break;
    from = above;
  }
  const wider = { ...edit, from };
  return checked(source, [wider], readSource(applyEdits(source.text, edits), source.format)?.value ?? null) ?? edits;
}

export function connect(source: Source, from: string, to: string): Steps | null {
  const edits = appendItem(source, ['tasks', to, 'needs'], from, ['type']);
  return edits === null ? null : [edits];
}

export function disconnect(source: Source, from: string, to: string): Steps | null {
  const path = ['tasks', to, 'needs'];
  const list = nodeAt(source.root, path);
  if (!isSeq(list)) return null;
  const index = list.items.findIndex((item) => isScalar(item) && item.value === from);
  const edits = index === -1 ? null : removeValue(source, [...path, index], 2);
  return edits === null ? null : [edits];
}

/** Scalars that name the task. */
function referencesTo(source: Source, name: string): Node[] {
  const found: Node[] = [];
  const look = (node: unknown): void => {
    if (isScalar(node) && node.value === name) found.push(node);
    else if (isSeq(node)) node.items.forEach(look);
  };
  const tree = (node: unknown): void => {
    if (isSeq(node)) node.items.forEach(tree);
    else if (isMap(node))
      for (const pair of node.items) if (isScalar(pair.key)) (pair.key.value === 'task' ? look : tree)(pair.value);
  };
  const tasks = nodeAt(source.root, ['tasks']);
  if (!isMap(tasks)) return [];
  for (const { value: task } of tasks.items as MapPair[]) {
    if (!isMap(task)) continue;
    const type = nodeAt(task, ['type']);
    const kind = isScalar(type) ? type.value : null;
    for (const key of [
      'needs',
      ...(kind === 'conditions' ? ['success', 'failure'] : []),
      ...(kind === 'switch' ? ['default'] : []),
    ])
      look(nodeAt(task, [key]));
    if (kind === 'conditions') tree(nodeAt(task, ['when']));
    const cases = kind === 'switch' ? nodeAt(task, ['cases']) : null;
    if (isSeq(cases)) for (const each of cases.items) look(nodeAt(each as Node, ['goto']));
  }
  return found;
}

/** Where the task is named in a list, or as a branch; conditions are left out. */
function referencePath(source: Source, name: string): (string | number)[] | null {
  const { value } = source;
  const tasks = isRecord(value) ? value['tasks'] : null;
  if (!isRecord(tasks)) return null;
  for (const [other, task] of Object.entries(tasks)) {
    if (other === name || !isRecord(task)) continue;
    const keys = [
      'needs',
      ...(task['type'] === 'conditions' ? ['success', 'failure'] : []),
      ...(task['type'] === 'switch' ? ['default'] : []),
    ];
    for (const key of keys) {
      const inside = indexIn(task[key], name);
      if (inside !== null) return ['tasks', other, key, ...inside];
    }
    const cases = task['type'] === 'switch' ? task['cases'] : null;
    if (!Array.isArray(cases)) continue;
    for (const [index, each] of cases.entries()) {
      const goto = isRecord(each) ? each['goto'] : undefined;
      if (Array.isArray(goto) && goto.length > 1 && goto.includes(name))
        return ['tasks', other, 'cases', index, 'goto', goto.indexOf(name)];
      if (goto === name || (Array.isArray(goto) && goto.length === 1 && goto[0] === name))
        return ['tasks', other, 'cases', index];
    }
  }
  return null;
}

function indexIn(value: Plain | undefined, name: string): number[] | null {
  if (value === name) return [];
  if (!Array.isArray(value)) return null;
  const at = value.indexOf(name);
  return at === -1 ? null : [at];
}

/** Where the task begins in the text, and where its last line ends. */
export function rangeOfTask({ text, root }: Source, name: string): { from: number; to: number } | null {
  const pair = pairOf(nodeAt(root, ['tasks']), name);
  if (pair === null) return null;
  return { from: startOf(pair.key), to: lineEnd(text, endOfPair(text, pair)) };
}
