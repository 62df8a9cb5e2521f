/**
 * A workflow's tasks as numbers: who needs whom, in compressed rows, so that a run of 100,000 tasks costs a few
 * typed arrays. Made once per workflow version and shared by its runs.
 */
import type { TaskAction, TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';

export interface Graph {
  tasks: readonly TaskDefinition[];
  indexOf: ReadonlyMap<string, number>;
  /** The predecessors of task i are `preds[predStart[i] .. predStart[i + 1]]`. */
  predStart: Int32Array;
  preds: Int32Array;
  succStart: Int32Array;
  succs: Int32Array;
  /** Every task after all of its predecessors. */
  order: Int32Array;
  /** How many `conditions` and `switch` tasks name the task as one of their branches. */
  choosers: Int32Array;
}

const compiled = new WeakMap<WorkflowDefinition, Graph>();

/** Throws when a predecessor is unknown or there is a cycle: validation refuses such definitions before they are stored. */
export function graphOf(definition: WorkflowDefinition): Graph {
  let graph = compiled.get(definition);
  if (!graph) compiled.set(definition, (graph = compile(definition)));
  return graph;
}

function compile(definition: WorkflowDefinition): Graph {
  const tasks = definition.tasks;
  const count = tasks.length;
  const indexOf = new Map(tasks.map((task, index) => [task.name, index]));
  const predStart = new Int32Array(count + 1);
  const succStart = new Int32Array(count + 1);
  const predLists = tasks.map((task) => [...new Set(task.needs)].map((name) => indexOrThrow(indexOf, name)));
  predLists.forEach((list, task) => {
    predStart[task + 1] = predStart[task]! + list.length;
    for (const pred of list) succStart[pred + 1]!++;
  });
  for (let task = 0; task < count; task++) succStart[task + 1]! += succStart[task]!;
  const preds = new Int32Array(predStart[count]!);
  const succs = new Int32Array(predStart[count]!);
  const fill = succStart.slice();
  predLists.forEach((list, task) => {
    preds.set(list, predStart[task]);
    for (const pred of list) succs[fill[pred]!++] = task;
  });
  const graph = { tasks, indexOf, predStart, preds, succStart, succs };
  return { ...graph, order: topologicalOrder(graph, count), choosers: choosersOf(tasks, indexOf) };
}

function choosersOf(tasks: readonly TaskDefinition[], indexOf: ReadonlyMap<string, number>): Int32Array {
  const choosers = new Int32Array(tasks.length);
  for (const { action } of tasks) for (const name of branchesOf(action)) choosers[indexOrThrow(indexOf, name)]!++;
  return choosers;
}

/** The tasks among which a logic task chooses, each once; none for other types. */
export function branchesOf(action: TaskAction): ReadonlySet<string> {
  if (action.type === 'conditions') return new Set([...action.success, ...action.failure]);
  if (action.type === 'switch') return new Set([...action.cases.flatMap((option) => option.goto), ...action.default]);
  return NO_BRANCHES;
}
const NO_BRANCHES: ReadonlySet<string> = new Set();

function indexOrThrow(indexOf: ReadonlyMap<string, number>, name: string): number {
  const index = indexOf.get(name);
  if (index === undefined) throw new Error(`unknown predecessor ${name}`);
  return index;
}

function topologicalOrder(graph: Omit<Graph, 'order' | 'choosers'>, count: number): Int32Array {
  const order = new Int32Array(count);
  const open = new Int32Array(count);
  let filled = 0;
  for (let task = 0; task < count; task++) {
    open[task] = graph.predStart[task + 1]! - graph.predStart[task]!;
    if (open[task] === 0) order[filled++] = task;
  }
  for (let next = 0; next < filled; next++) {
    const task = order[next]!;
    for (let edge = graph.succStart[task]!; edge < graph.succStart[task + 1]!; edge++) {
      const successor = graph.succs[edge]!;
      if (--open[successor]! === 0) order[filled++] = successor;
    }
  }
  if (filled < count) throw new Error('the tasks form a cycle');
  return order;
}
