/** Tasks of a text as far as they can be read: enough to draw them, however wrong the rest still is. */
import type { WorkflowDefinition } from '@pelorus/protocol';
import type { DagEdge } from '../../ui/dag/dag-graph.tsx';
import { isRecord } from './text/yaml-edit.ts';
import type { Plain } from './text/yaml-place.ts';

export interface OutlineTask {
  name: string;
  type: string;
  needs: string[];
  disabled: boolean;
}

export function outlineOf(value: Plain): OutlineTask[] {
  const tasks = isRecord(value) ? value['tasks'] : null;
  if (!isRecord(tasks)) return [];
  return Object.entries(tasks).map(([name, task]) => {
    const keys = isRecord(task) ? task : {};
    const type = keys['type'];
    const needs = keys['needs'];
    return {
      name,
      type: typeof type === 'string' ? type : 'shell',
      needs: Array.isArray(needs) ? [...new Set(needs.filter((need) => typeof need === 'string'))] : [],
      disabled: keys['disabled'] === true,
    };
  });
}

export function outlineOfDefinition({ tasks }: WorkflowDefinition): OutlineTask[] {
  return tasks.map(({ name, action, needs, disabled }) => ({ name, type: action.type, needs, disabled }));
}

export function edgesOf(tasks: readonly OutlineTask[]): DagEdge[] {
  return tasks.flatMap(({ name, needs }) => needs.map((from) => ({ from, to: name })));
}

/** Whether `task` comes before `other`, by whatever way, or is it. */
export function comesBefore(tasks: readonly OutlineTask[], task: string, other: string): boolean {
  const byName = new Map(tasks.map((each) => [each.name, each]));
  const seen = new Set<string>();
  const open = [other];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === task) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...(byName.get(name)?.needs ?? []));
  }
  return false;
}

/** A name that no task has: `load`, `load2`, … */
export function freeName(tasks: readonly { name: string }[], wanted: string): string {
  const taken = new Set(tasks.map(({ name }) => name));
  if (!taken.has(wanted)) return wanted;
  for (let n = 2; ; n += 1) if (!taken.has(`${wanted}${n}`)) return `${wanted}${n}`;
}
