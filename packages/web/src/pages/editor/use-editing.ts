/** What is done to a definition from the canvas, the table and the forms: each a patch of its text, or a word that it cannot be one. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { toast } from '../../ui/toast.tsx';
import type { DefinitionDocument } from './definition-document.ts';
import { comesBefore, freeName, outlineOf } from './outline.ts';
import { addTask, connect, deleteTasks, disconnect, rangeOfTask, renameTask, type Steps } from './text/task-edits.ts';
import { removeValue, setValue } from './text/yaml-edit.ts';
import { nodeAt, readSource, type Path, type Plain, type Source } from './text/yaml-place.ts';
import { templateOf } from './templates.ts';

export interface Editing {
  /** Gives its name; null: it could not be added. */
  add: (type: string, behind: string | null) => string | null;
  rename: (from: string, to: string) => boolean;
  remove: (names: readonly string[]) => boolean;
  connect: (from: string, to: string) => void;
  disconnect: (from: string, to: string) => void;
  /** Undefined takes the key away. */
  set: (path: Path, value: Plain | undefined) => void;
  reveal: (task: string, focus: boolean) => void;
}

export function useEditing(document: DefinitionDocument): Editing {
  const { t } = useTranslation('editor');
  return useMemo(() => {
    // Always of the text as it is now, which may be ahead of what is shown.
    const source = (): Source | null => readSource(document.picture.text, document.format);
    const apply = (make: (now: Source) => Steps | null): boolean => {
      const now = source();
      const steps = now === null ? null : make(now);
      if (steps === null) toast({ kind: 'bad', title: t('notHere') });
      else document.apply(steps);
      return steps !== null;
    };
    return {
      add: (type, behind) => {
        const now = source();
        const tasks = now === null ? [] : outlineOf(now.value);
        const name = freeName(tasks, type);
        return apply((each) => addTask(each, name, templateOf(type, behind))) ? name : null;
      },
      rename: (from, to) => apply((now) => renameTask(now, from, to)),
      remove: (names) => apply((now) => deleteTasks(now, names)),
      connect: (from, to) => {
        const now = source();
        const tasks = now === null ? [] : outlineOf(now.value);
        if (tasks.find(({ name }) => name === to)?.needs.includes(from) === true) return;
        if (comesBefore(tasks, to, from)) toast({ kind: 'bad', title: t('circle', { from, to }) });
        else apply((each) => connect(each, from, to));
      },
      disconnect: (from, to) => void apply((now) => disconnect(now, from, to)),
      set: (path, value) =>
        void apply((now) => {
          if (value === undefined && nodeAt(now.root, path) === undefined) return [];
          const edits =
            value === undefined ? removeValue(now, path, path[0] === 'tasks' ? 2 : 0) : setValue(now, path, value);
          return edits === null ? null : [edits];
        }),
      reveal: (task, focus) => {
        const now = source();
        const range = now === null ? null : rangeOfTask(now, task);
        if (range !== null) document.reveal(range.from, { focus });
      },
    };
  }, [document, t]);
}
