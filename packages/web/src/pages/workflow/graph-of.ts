/** The graph of a definition, as it is drawn. */
import type { TaskDefinition } from '@pelorus/protocol';
import type { DagEdge, DagNode } from '../../ui/dag/dag-graph.tsx';

export function graphOf(tasks: readonly TaskDefinition[]): { nodes: DagNode[]; edges: DagEdge[] } {
  return {
    nodes: tasks.map(({ name, action, disabled }) => ({
      id: name,
      label: name,
      type: action.type,
      ...(disabled ? { note: '⊘' } : {}),
    })),
    edges: tasks.flatMap(({ name, needs }) => needs.map((from) => ({ from, to: name }))),
  };
}
