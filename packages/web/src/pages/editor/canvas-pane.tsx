/** The definition as a graph that can be edited. Where things stand is worked out, never stored. */
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DagGraph, type DagNode } from '../../ui/dag/dag-graph.tsx';
import { edgesOf, type OutlineTask } from './outline.ts';
import type { Editing } from './use-editing.ts';

export function CanvasPane({
  tasks,
  wrong,
  selected,
  editing,
  onSelect,
  onOpen,
  readOnly,
}: {
  tasks: readonly OutlineTask[];
  /** Names of tasks with problems, and how many. */
  wrong: ReadonlyMap<string, number>;
  selected: string | null;
  editing: Editing;
  onSelect: (task: string | null) => void;
  onOpen: (task: string) => void;
  readOnly: boolean;
}): ReactNode {
  const { t } = useTranslation('editor');
  const nodes = useMemo(
    () =>
      tasks.map(({ name, type, disabled }): DagNode => {
        const count = wrong.get(name) ?? 0;
        const notes = [...(disabled ? [t('disabled')] : []), ...(count > 0 ? [`⚠ ${t('problems', { count })}`] : [])];
        return { id: name, label: name, type, ...(notes.length > 0 ? { note: notes.join(' · ') } : {}) };
      }),
    [tasks, wrong, t],
  );
  const edges = useMemo(() => edgesOf(tasks), [tasks]);
  if (tasks.length === 0)
    return <div className="grid h-full min-h-64 place-items-center bg-surface-2 text-ink-2">{t('noTasks')}</div>;
  return (
    <DagGraph
      nodes={nodes}
      edges={edges}
      selected={selected}
      onSelect={onSelect}
      onOpen={onOpen}
      label={t('canvas')}
      {...(readOnly
        ? {}
        : {
            onConnect: editing.connect,
            onDelete: ({ nodes: gone, edges: cut }) => {
              if (gone.length > 0) {
                editing.remove(gone);
                onSelect(null);
              } else for (const { from, to } of cut) editing.disconnect(from, to);
            },
          })}
    />
  );
}
