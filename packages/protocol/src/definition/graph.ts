/**
 * The graph of a definition: predecessors that exist, no cycle, logic tasks and their branches. Works on tasks as far as
 * they could be read, touches each edge a fixed number of times and never recurses.
 */
import { problemPhrase } from '../problem-phrases.ts';
import { nearest } from './nearest.ts';
import type { Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import type { TaskReference } from './names.ts';
import type { ReadTask } from './task-shape.ts';

/** Suggestions for unknown names that are looked for in one definition; each costs a pass over the names. */
const MAX_SUGGESTIONS = 50;
/** Names of a cycle that are printed at each end. */
const CYCLE_NAMES_SHOWN = 10;

/** Reports everything that is wrong with the graph of these tasks. `known` are all names, also of tasks too broken to be read. */
export function checkGraph(tasks: readonly ReadTask[], known: ReadonlySet<string>, log: ProblemLog): void {
  const unknown = unknownReporter(known, log);
  const indexOf = new Map(tasks.map((task, index) => [task.name, index]));
  const edges = tasks.map((task, index) => predecessorsOf(task, index, indexOf, known, unknown, log));
  const doesNotNeed = neededLookup(tasks);
  for (const [index, task] of tasks.entries()) {
    for (const { name, place } of task.links.conditions) {
      if (!known.has(name)) unknown({ name, place }, 'unknown_task');
      else if (doesNotNeed(index, name))
        log.problem(place, `\`${name}\` is not a predecessor of \`${task.name}\`; name it in its \`needs\` too`);
    }
    for (const { name, place } of task.links.targets) {
      const target = indexOf.get(name);
      if (!known.has(name)) unknown({ name, place }, 'unknown_task');
      else if (target !== undefined && doesNotNeed(target, task.name)) {
        log.problem(
          place,
          `\`${name}\` does not need \`${task.name}\`, so this branch would not decide about it; add \`${task.name}\` to its \`needs\``,
        );
      }
    }
  }
  for (const cycle of cyclesOf(edges)) reportCycle(cycle, tasks, log);
}

/** True when the task's predecessors are known and the named one is not among them. */
function neededLookup(tasks: readonly ReadTask[]): (task: number, name: string) => boolean {
  const sets = new Map<number, ReadonlySet<string>>();
  return (task, name) => {
    const needs = tasks[task]?.needs ?? null;
    if (needs === null) return false;
    const set = sets.get(task) ?? new Set(needs.map((need) => need.name));
    sets.set(task, set);
    return !set.has(name);
  };
}

interface Edge {
  from: number;
  place: Place;
}

function predecessorsOf(
  task: ReadTask,
  index: number,
  indexOf: ReadonlyMap<string, number>,
  known: ReadonlySet<string>,
  unknown: (reference: TaskReference, what: UnknownPhrase) => void,
  log: ProblemLog,
): Edge[] {
  const edges: Edge[] = [];
  for (const need of task.needs ?? []) {
    const from = indexOf.get(need.name);
    if (from === index) log.problem(need.place, problemPhrase('needs_itself', { task: task.name }));
    else if (from !== undefined) edges.push({ from, place: need.place });
    else if (!known.has(need.name)) unknown(need, 'unknown_predecessor');
  }
  return edges;
}

type UnknownPhrase = 'unknown_task' | 'unknown_predecessor';

function unknownReporter(
  known: ReadonlySet<string>,
  log: ProblemLog,
): (reference: TaskReference, what: UnknownPhrase) => void {
  let suggestions = 0;
  return ({ name, place }, what) => {
    const near = ++suggestions > MAX_SUGGESTIONS ? null : nearest(name, known);
    const problem = problemPhrase(what, { name: name.slice(0, 100) });
    log.problem(place, near === null ? problem : problemPhrase('did_you_mean', { problem, meant: near }));
  };
}

/** One cycle for each knot of tasks that wait for each other: tasks in the order in which they would have to run. */
function cyclesOf(edges: readonly Edge[][]): { tasks: number[]; place: Place }[] {
  const knotted = notSortable(edges);
  const knotOf = knotsOf(edges, knotted);
  const done = new Set<number>();
  const cycles: { tasks: number[]; place: Place }[] = [];
  for (const task of knotted) {
    const knot = knotOf.get(task);
    if (knot === undefined || done.has(knot)) continue;
    const cycle = shortestCycle(task, edges, knotOf);
    if (cycle === null) continue;
    done.add(knot);
    cycles.push(cycle);
  }
  return cycles;
}

/** Tasks that are in a cycle or behind one, in written order: what Kahn's algorithm leaves over. */
function notSortable(edges: readonly Edge[][]): number[] {
  const open = edges.map((predecessors) => predecessors.length);
  const successors: number[][] = edges.map(() => []);
  for (const [task, predecessors] of edges.entries()) for (const { from } of predecessors) successors[from]?.push(task);
  const ready = [...open.keys()].filter((task) => open[task] === 0);
  for (let task = ready.pop(); task !== undefined; task = ready.pop()) {
    for (const successor of successors[task] ?? []) {
      const left = (open[successor] ?? 0) - 1;
      open[successor] = left;
      if (left === 0) ready.push(successor);
    }
  }
  return [...open.keys()].filter((task) => (open[task] ?? 0) > 0);
}

/** Strongly connected components (Tarjan's algorithm with its own stack): task → number of its component. */
function knotsOf(edges: readonly Edge[][], among: readonly number[]): Map<number, number> {
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const knotOf = new Map<number, number>();
  const path: number[] = [];
  for (const start of among) {
    if (order.has(start)) continue;
    const visits = [{ task: start, next: 0 }];
    while (visits.length > 0) {
      const visit = visits[visits.length - 1];
      if (visit === undefined) break;
      const { task } = visit;
      if (visit.next === 0 && !order.has(task)) {
        order.set(task, order.size);
        low.set(task, order.size - 1);
        path.push(task);
      }
      const edge = edges[task]?.[visit.next++];
      if (edge !== undefined) {
        if (!order.has(edge.from)) visits.push({ task: edge.from, next: 0 });
        else if (!knotOf.has(edge.from)) low.set(task, Math.min(low.get(task) ?? 0, order.get(edge.from) ?? 0));
        continue;
      }
      visits.pop();
      const above = visits[visits.length - 1]?.task;
      if (above !== undefined) low.set(above, Math.min(low.get(above) ?? 0, low.get(task) ?? 0));
      if (low.get(task) !== order.get(task)) continue;
      const knot = knotOf.size;
      for (let member = path.pop(); member !== undefined; member = path.pop()) {
        knotOf.set(member, knot);
        if (member === task) break;
      }
    }
  }
  return knotOf;
}

/** The shortest way from a task along its predecessors back to itself, inside its knot; null if there is none. */
function shortestCycle(
  start: number,
  edges: readonly Edge[][],
  knotOf: ReadonlyMap<number, number>,
): { tasks: number[]; place: Place } | null {
  const cameFrom = new Map<number, number>();
  const firstPlace = new Map<number, Place>();
  const queue = [start];
  for (const task of queue) {
    for (const { from, place } of edges[task] ?? []) {
      if (knotOf.get(from) !== knotOf.get(start)) continue;
      const way = task === start ? place : firstPlace.get(task);
      if (from === start) return way === undefined ? null : { tasks: runOrder(task, start, cameFrom), place: way };
      if (cameFrom.has(from) || way === undefined) continue;
      cameFrom.set(from, task);
      firstPlace.set(from, way);
      queue.push(from);
    }
  }
  return null;
}

/** `start → … → start`: `last` needs `start`, and each task on the way back was reached from the one that needs it. */
function runOrder(last: number, start: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const tasks = [start];
  for (let task: number | undefined = last; task !== undefined && task !== start; task = cameFrom.get(task))
    tasks.push(task);
  tasks.push(start);
  return tasks;
}

function reportCycle(
  { tasks: cycle, place }: { tasks: number[]; place: Place },
  tasks: readonly ReadTask[],
  log: ProblemLog,
): void {
  const names = cycle.map((index) => tasks[index]?.name ?? '');
  const shown =
    names.length <= 2 * CYCLE_NAMES_SHOWN + 1
      ? names
      : [
          ...names.slice(0, CYCLE_NAMES_SHOWN),
          `… (${names.length - 2 * CYCLE_NAMES_SHOWN} more)`,
          ...names.slice(-CYCLE_NAMES_SHOWN),
        ];
  log.problem(place, problemPhrase('cycle', { tasks: shown.join(' → ') }));
}
