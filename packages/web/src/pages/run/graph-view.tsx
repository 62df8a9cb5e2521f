/** The tasks of a run as a graph. */
import type { TaskView } from '@pelorus/protocol';
import { useMemo, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DagGraph, type DagEdge, type DagNode } from '../../ui/dag/dag-graph.tsx';
import { useWaitText } from '../../ui/cause-words.ts';
import { span } from '../../ui/time.tsx';

export function GraphView({
  tasks,
  selected,
  onSelect,
  onOpen,
}: {
  tasks: readonly TaskView[];
  selected: string | null;
  onSelect: (task: string | null) => void;
  onOpen: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const waitText = useWaitText();
  const known = useRef({ nodes: new WeakMap<TaskView, DagNode>(), waitText });
  // A task that did not change is the same node as before.
  const nodes = useMemo(() => {
    if (known.current.waitText !== waitText) known.current = { nodes: new WeakMap(), waitText };
    return tasks.map((task) => {
      const before = known.current.nodes.get(task);
      if (before) return before;
      const note = noteOf(task, waitText);
      const made = {
        id: task.name,
        label: task.name,
        type: task.type,
        state: task.state,
        ...(note === null ? {} : { note }),
      };
      known.current.nodes.set(task, made);
      return made;
    });
  }, [tasks, waitText]);
  const edges = useMemo(
    () => tasks.flatMap(({ name, needs }) => needs.map((from): DagEdge => ({ from, to: name }))),
    [tasks],
  );
  return (
    <DagGraph
      nodes={nodes}
      edges={edges}
      selected={selected}
      onSelect={onSelect}
      onOpen={onOpen}
      label={t('view.graphLabel')}
    />
  );
}

function noteOf(task: TaskView, waitText: (reason: string) => string): string | null {
  const { state, waitReason, startedAt, endedAt, attempts } = task;
  if (waitReason !== null && state !== 'pending') return waitText(waitReason);
  const took = startedAt !== null && endedAt !== null ? span(Date.parse(endedAt) - Date.parse(startedAt)) : null;
  const tries = attempts.length > 1 ? `×${attempts.length}` : null;
  const parts = [took, tries].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(' · ');
}
