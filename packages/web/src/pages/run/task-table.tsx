/** All tasks as a table: found by name, filtered by state, sorted, and chosen for a run of just these. */
import { TASK_RUN_STATES, type TaskView } from '@pelorus/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { ArrowDown, ArrowUp, ListChecks } from 'lucide-react';
import { useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { Input, Select } from '../../ui/field.tsx';
import { useCauseText, useWaitText } from '../../ui/cause-words.ts';
import { StateBadge } from '../../ui/state-badge.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { span, Time, useNow } from '../../ui/time.tsx';
import { chosenTasks, tookMs, type Sort, type TableChoice } from './task-order.ts';

const ROW_PX = 36;
const HEAD = 'px-3 py-1.5 text-start font-medium whitespace-nowrap';
/** Columns that are there where the table has room for them; what is said in the last one then stands below the name. */
const NARROW = '@max-md:hidden';
const WIDE = '@max-2xl:hidden';
const WIDEST = '@max-4xl:hidden';
export function TaskTable({
  tasks,
  selected,
  choice,
  onChoice,
  onSelect,
  onRunSelected,
}: {
  tasks: readonly TaskView[];
  selected: string | null;
  choice: TableChoice;
  onChoice: (choice: Partial<TableChoice>) => void;
  onSelect: (task: string) => void;
  onRunSelected: ((tasks: string[]) => void) | null;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => chosenTasks(tasks, choice), [tasks, choice]);
  const tick = (names: readonly string[], on: boolean): void => {
    const next = new Set(ticked);
    for (const name of names) {
      if (on) next.add(name);
      else next.delete(name);
    }
    setTicked(next);
  };
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <Filters tasks={tasks} choice={choice} onChoice={onChoice} />
        <span className="text-xs whitespace-nowrap text-ink-2">{t('table.count', { count: rows.length })}</span>
        <span className="grow max-md:hidden" />
        {onRunSelected && ticked.size > 0 && (
          <>
            <Button kind="quiet" onClick={() => setTicked(new Set())}>
              {common('action.clear')}
            </Button>
            <Button kind="primary" onClick={() => onRunSelected([...ticked])}>
              <ListChecks className="size-4" aria-hidden /> {t('action.runSelected', { count: ticked.size })}
            </Button>
          </>
        )}
      </div>
      {rows.length === 0 ? (
        <EmptyState
          title={t('table.empty')}
          action={<Button onClick={() => onChoice({ find: '', state: '' })}>{common('action.clear')}</Button>}
        />
      ) : (
        <Rows
          rows={rows}
          selected={selected}
          choice={choice}
          onChoice={onChoice}
          onSelect={onSelect}
          ticked={ticked}
          onTick={onRunSelected && tick}
        />
      )}
    </div>
  );
}

function Filters({
  tasks,
  choice,
  onChoice,
}: {
  tasks: readonly TaskView[];
  choice: TableChoice;
  onChoice: (choice: Partial<TableChoice>) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const states = TASK_RUN_STATES.filter((state) => tasks.some((task) => task.state === state));
  return (
    <>
      <Input
        data-list-filter
        aria-label={t('table.find')}
        placeholder={t('table.find')}
        value={choice.find}
        onChange={(event) => onChoice({ find: event.target.value })}
        className="min-w-0 flex-1 basis-28 md:max-w-52"
      />
      <Select
        aria-label={t('table.state')}
        value={choice.state}
        onChange={(event) => onChoice({ state: event.target.value })}
        className="w-auto! min-w-0 flex-1 basis-28 md:max-w-44"
      >
        <option value="">{t('table.anyState')}</option>
        {states.map((state) => (
          <option key={state} value={state}>
            {common(`state.${state}`)}
          </option>
        ))}
      </Select>
    </>
  );
}

/** Only those in sight are there. */
function Rows({
  rows,
  selected,
  choice,
  onChoice,
  onSelect,
  ticked,
  onTick,
}: {
  rows: readonly TaskView[];
  selected: string | null;
  choice: TableChoice;
  onChoice: (choice: Partial<TableChoice>) => void;
  onSelect: (task: string) => void;
  ticked: ReadonlySet<string>;
  /** Null: none can be chosen for a run. */
  onTick: ((tasks: readonly string[], on: boolean) => void) | null;
}): ReactNode {
  const { t } = useTranslation('run');
  const scroller = useRef<HTMLDivElement>(null);
  const isLive = rows.some(({ startedAt, endedAt }) => startedAt !== null && endedAt === null);
  const now = useNow(isLive ? 1000 : 60_000);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 15,
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div
      ref={scroller}
      className="@container min-h-0 grow overflow-auto"
      tabIndex={0}
      role="region"
      aria-label={t('view.table')}
    >
      <table className="w-full border-collapse text-sm" aria-rowcount={rows.length}>
        <thead className="sticky top-0 z-10 bg-surface-2 text-start text-xs text-ink-2">
          <tr>
            {onTick && (
              <th className="w-9 px-3">
                <input
                  type="checkbox"
                  className="size-4 accent-accent"
                  aria-label={t('table.tickAll')}
                  checked={rows.every(({ name }) => ticked.has(name))}
                  onChange={(event) =>
                    onTick(
                      rows.map(({ name }) => name),
                      event.target.checked,
                    )
                  }
                />
              </th>
            )}
            <Head sort="name" choice={choice} onChoice={onChoice} text={t('table.task')} />
            <th className={clsx(HEAD, WIDEST)}>{t('table.type')}</th>
            <Head sort="state" choice={choice} onChoice={onChoice} text={t('table.state')} />
            <Head sort="attempts" choice={choice} onChoice={onChoice} text={t('table.attempts')} className={WIDE} />
            <Head sort="started" choice={choice} onChoice={onChoice} text={t('table.started')} className={WIDEST} />
            <Head sort="took" choice={choice} onChoice={onChoice} text={t('table.took')} className={NARROW} />
            <th className={clsx(HEAD, WIDE)}>{t('table.why')}</th>
          </tr>
        </thead>
        <tbody>
          <tr aria-hidden style={{ height: above }} />
          {items.map(({ index }) => {
            const task = rows[index]!;
            return (
              <Row
                key={task.name}
                task={task}
                now={now}
                isSelected={task.name === selected}
                isTicked={ticked.has(task.name)}
                onTick={onTick && ((on) => onTick([task.name], on))}
                onSelect={onSelect}
              />
            );
          })}
          <tr aria-hidden style={{ height: Math.max(0, below) }} />
        </tbody>
      </table>
    </div>
  );
}

function Head({
  sort,
  text,
  choice,
  onChoice,
  className,
}: {
  sort: Sort;
  text: string;
  className?: string;
  choice: TableChoice;
  onChoice: (choice: Partial<TableChoice>) => void;
}): ReactNode {
  const isUp = choice.sort === sort;
  const isDown = choice.sort === `-${sort}`;
  return (
    <th className={clsx(HEAD, className)} aria-sort={isUp ? 'ascending' : isDown ? 'descending' : 'none'}>
      <button
        type="button"
        className="inline-flex items-center gap-1 hover:text-ink"
        onClick={() => onChoice({ sort: isUp ? `-${sort}` : isDown ? '' : sort })}
      >
        {text}
        {isUp && <ArrowUp className="size-3" aria-hidden />}
        {isDown && <ArrowDown className="size-3" aria-hidden />}
      </button>
    </th>
  );
}

function Row({
  task,
  now,
  isSelected,
  isTicked,
  onTick,
  onSelect,
}: {
  task: TaskView;
  now: number;
  isSelected: boolean;
  isTicked: boolean;
  onTick: ((on: boolean) => void) | null;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const causeText = useCauseText();
  const waitText = useWaitText();
  const took = tookMs(task, now);
  const why = task.waitReason !== null ? waitText(task.waitReason) : causeText(task.cause);
  return (
    <tr className="h-9 border-b border-line hover:bg-surface-2 aria-selected:bg-accent-soft" aria-selected={isSelected}>
      {onTick && (
        <td className="px-3">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            aria-label={t('table.tick', { task: task.name })}
            checked={isTicked}
            onChange={(event) => onTick(event.target.checked)}
          />
        </td>
      )}
      <td className="w-full max-w-0 px-3 leading-tight @2xl:w-auto @2xl:max-w-64">
        <button
          type="button"
          onClick={() => onSelect(task.name)}
          className="block max-w-full truncate font-mono text-xs text-accent hover:underline"
        >
          {task.name}
        </button>
        {why !== '' && <span className="block truncate text-[11px] text-ink-2 @2xl:hidden">{why}</span>}
      </td>
      <td className={clsx('px-3 text-xs text-ink-2', WIDEST)}>{task.type}</td>
      <td className="px-3 max-md:ps-0">
        <StateBadge state={task.state} />
      </td>
      <td className={clsx('px-3 tabular-nums', WIDE)}>{task.attempts.length || ''}</td>
      <td className={clsx('px-3 text-xs whitespace-nowrap', WIDEST)}>
        {task.startedAt !== null && <Time at={task.startedAt} />}
      </td>
      <td className={clsx('px-3 text-xs whitespace-nowrap tabular-nums', NARROW)}>{took !== null && span(took)}</td>
      <td className={clsx('w-full max-w-0 truncate px-3 text-xs text-ink-2', WIDE)} title={why}>
        {why}
      </td>
    </tr>
  );
}
