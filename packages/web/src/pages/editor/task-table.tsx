/** The tasks as a list, for graphs too large to be looked at. Only the rows in sight are there. */
import { useVirtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { CircleAlert, Pencil, Trash2 } from 'lucide-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../ui/button.tsx';
import { Input } from '../../ui/field.tsx';
import { useCommitted } from './form/commit.ts';
import type { OutlineTask } from './outline.ts';
import type { Editing } from './use-editing.ts';

const COLUMNS = 'grid grid-cols-[minmax(9rem,3fr)_5.5rem_minmax(8rem,3fr)_4rem_4.5rem] items-center gap-2 px-2';
const ROW = 40;

export function TaskTable({
  tasks,
  wrong,
  selected,
  editing,
  onSelect,
  readOnly,
}: {
  tasks: readonly OutlineTask[];
  wrong: ReadonlyMap<string, number>;
  selected: string | null;
  editing: Editing;
  onSelect: (task: string) => void;
  readOnly: boolean;
}): ReactNode {
  const { t } = useTranslation('editor');
  const scroller = useRef<HTMLDivElement>(null);
  const [text, setText] = useState('');
  const asked = text.trim().toLowerCase();
  const shown =
    asked === '' ? tasks : tasks.filter(({ name, type }) => `${name} ${type}`.toLowerCase().includes(asked));
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
    getItemKey: (index) => shown[index]?.name ?? index,
  });
  const chosenAt = shown.findIndex(({ name }) => name === selected);
  useEffect(() => {
    if (chosenAt >= 0) rows.scrollToIndex(chosenAt);
    // Only when another one is chosen.
  }, [selected]);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="p-2">
        <Input
          type="search"
          data-list-filter
          aria-label={t('filterTasks')}
          placeholder={t('filterTasks')}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div
        ref={scroller}
        role="table"
        aria-label={t('tableLabel')}
        aria-rowcount={shown.length + 1}
        className="min-h-0 grow overflow-auto border-t border-line"
      >
        <div role="rowgroup" className="sticky top-0 z-10 min-w-[36rem] border-b border-line bg-surface-2">
          <div role="row" className={`${COLUMNS} py-1 text-xs font-medium text-ink-2`}>
            <span role="columnheader" className="px-1">
              {t('taskName')}
            </span>
            <span role="columnheader">{t('type')}</span>
            <span role="columnheader" className="px-1">
              {t('needs')}
            </span>
            <span role="columnheader">{t('disabled')}</span>
            <span role="columnheader" />
          </div>
        </div>
        <div role="rowgroup" className="relative min-w-[36rem]" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, key, start }) => {
            const task = shown[index];
            return (
              task && (
                <div
                  key={key}
                  role="row"
                  aria-rowindex={index + 2}
                  className={clsx(
                    COLUMNS,
                    'absolute top-0 left-0 w-full border-b border-line',
                    task.name === selected && 'bg-accent-soft',
                  )}
                  style={{ height: ROW, transform: `translateY(${start}px)` }}
                >
                  <Row
                    task={task}
                    wrong={wrong.get(task.name) ?? 0}
                    editing={editing}
                    onSelect={onSelect}
                    readOnly={readOnly}
                  />
                </div>
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Row({
  task,
  wrong,
  editing,
  onSelect,
  readOnly,
}: {
  task: OutlineTask;
  wrong: number;
  editing: Editing;
  onSelect: (task: string) => void;
  readOnly: boolean;
}): ReactNode {
  const { t } = useTranslation('editor');
  const { name, type, needs, disabled } = task;
  const named = useCommitted(name, (typed) => {
    if (typed.trim() !== name && typed.trim() !== '' && editing.rename(name, typed.trim())) onSelect(typed.trim());
  });
  const needed = useCommitted(needs.join(', '), (typed) => {
    const names = typed.split(/[\s,，]+/).filter(Boolean);
    editing.set(['tasks', name, 'needs'], names.length === 0 ? undefined : names);
  });
  const cell =
    'min-h-8! text-ellipsis px-1! border-transparent bg-transparent py-0.5! hover:border-line focus:border-line-strong';
  return (
    <>
      <span role="cell" className="flex min-w-0 items-center gap-1">
        {wrong > 0 && (
          <CircleAlert className="size-4 shrink-0 text-bad" role="img" aria-label={t('problemsOf', { task: name })} />
        )}
        <Input {...named} className={cell} aria-label={`${t('taskName')}: ${name}`} readOnly={readOnly} />
      </span>
      <span role="cell" className="truncate text-xs text-ink-2">
        {type}
      </span>
      <span role="cell">
        <Input {...needed} className={cell} aria-label={`${t('needs')}: ${name}`} readOnly={readOnly} />
      </span>
      <span role="cell">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          aria-label={`${t('disabled')}: ${name}`}
          checked={disabled}
          disabled={readOnly}
          onChange={(event) => editing.set(['tasks', name, 'disabled'], event.target.checked ? true : undefined)}
        />
      </span>
      <span role="cell" className="flex justify-end">
        <IconButton size="small" label={t('openNamed', { task: name })} onClick={() => onSelect(name)}>
          <Pencil className="size-3.5" aria-hidden />
        </IconButton>
        {!readOnly && (
          <IconButton size="small" label={t('deleteNamed', { task: name })} onClick={() => editing.remove([name])}>
            <Trash2 className="size-3.5" aria-hidden />
          </IconButton>
        )}
      </span>
    </>
  );
}
