/**
 * A run with all its tasks as event streams tell of it, brought up to date by what has changed in the store.
 *
 * Owns: every task's state, and at which version of the run each last looked different (`changedAt`).
 * Invariants: 1. whoever has seen the picture at a version knows all but the tasks with a higher `changedAt`; 2. `version` never
 * falls. A task that waits for others looks different when one of them ends, though nothing of it is stored.
 */
import { isTerminalTaskRun, type TaskView, type WorkflowDefinition } from '@pelorus/protocol';
import type { RunDetail, RunRow } from '../store/port.ts';
import { stateOf, taskStates, taskView, type ChildRuns, type TaskState } from './views.ts';

export interface RunPicture {
  readonly row: RunRow;
  /** Of the run: the highest version of anything in the picture. */
  readonly version: number;
  readonly taskCount: number;
  /** The first task from `from` on that looks different since `version`, or null. */
  nextChanged(from: number, version: number): number | null;
  view(task: number, children: ChildRuns): TaskView;
  /** All task runs, those of `detail` in place of those there are. */
  recordsWith(detail: RunDetail): RunDetail['tasks'];
  /** Takes over what `runChanges` answered; false: it is what the picture says already. */
  apply(detail: RunDetail): boolean;
}

/** `detail` holds everything there is of the run. */
export function createRunPicture(definition: WorkflowDefinition, detail: RunDetail): RunPicture {
  let row: RunRow = { spec: detail.spec, status: detail.status };
  const states = taskStates(definition, detail);
  const indexOf = new Map(definition.tasks.map((task, index) => [task.name, index]));
  const needs = definition.tasks.map((task) => task.needs.flatMap((name) => indexOf.get(name) ?? []));
  const successors = successorsOf(needs);
  const changedAt = states.map(versionOf);
  let version = Math.max(detail.status.version, ...chunkMaxima(changedAt));
  // What ended before a task that waits was the last thing that changed how it looks.
  states.forEach((state, index) => {
    if (state.record !== null) return;
    for (const need of needs[index]!) {
      if (hasEnded(states[need]!)) changedAt[index] = Math.max(changedAt[index]!, versionOf(states[need]!));
    }
  });

  function apply(changes: RunDetail): boolean {
    const sameRun = JSON.stringify(changes.status) === JSON.stringify(row.status);
    if (sameRun && changes.tasks.length === 0) return false;
    row = { spec: changes.spec, status: changes.status };
    const attempts = Map.groupBy(changes.attempts, (attempt) => attempt.task);
    for (const record of changes.tasks) version = Math.max(version, record.version);
    for (const attempt of changes.attempts) version = Math.max(version, attempt.version);
    version = Math.max(version, changes.status.version);
    for (const record of changes.tasks) {
      const state = states[record.task];
      if (state === undefined) continue;
      const hadEnded = hasEnded(state);
      state.record = record;
      state.attempts = attempts.get(record.task) ?? [];
      state.waitsFor = waitsFor(record.task);
      changedAt[record.task] = version;
      if (hadEnded !== hasEnded(state)) for (const successor of successors[record.task]!) look(successor);
    }
    return true;
  }

  function look(task: number): void {
    const state = states[task]!;
    const before = state.waitsFor.length;
    state.waitsFor = waitsFor(task);
    if (state.waitsFor.length !== before) changedAt[task] = version;
  }

  function waitsFor(task: number): string[] {
    const state = states[task]!;
    if (stateOf(state) !== 'pending') return [];
    return needs[task]!.filter((need) => !hasEnded(states[need]!)).map((need) => states[need]!.task.name);
  }

  return {
    get row() {
      return row;
    },
    get version() {
      return version;
    },
    taskCount: states.length,
    nextChanged: (from, since) => {
      for (let task = from; task < states.length; task++) if (changedAt[task]! > since) return task;
      return null;
    },
    view: (task, children) => taskView(states[task]!, children),
    recordsWith: (changes) => {
      const changed = new Map(changes.tasks.map((record) => [record.task, record]));
      const records = states.flatMap((state) => changed.get(state.index) ?? state.record ?? []);
      for (const record of changes.tasks) if (states[record.task] === undefined) records.push(record);
      return records;
    },
    apply,
  };
}

function hasEnded(state: TaskState): boolean {
  return isTerminalTaskRun(stateOf(state));
}

function versionOf(state: TaskState): number {
  return state.attempts.reduce((version, attempt) => Math.max(version, attempt.version), state.record?.version ?? 0);
}

function successorsOf(needs: number[][]): number[][] {
  const successors: number[][] = needs.map(() => []);
  needs.forEach((list, task) => {
    for (const need of list) successors[need]!.push(task);
  });
  return successors;
}

/** `Math.max` takes only so many arguments. */
function chunkMaxima(numbers: number[]): number[] {
  const maxima = [0];
  for (let at = 0; at < numbers.length; at += 10_000) maxima.push(Math.max(...numbers.slice(at, at + 10_000)));
  return maxima;
}
