/** Tasks against time: of each attempt how long it waited for its start and how long it ran. */
import type { AttemptView, RunView, TaskView } from '@pelorus/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { useMemo, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { locale } from '../../i18n/index.ts';
import { STATE_LOOK, type Tone } from '../../ui/state-badge.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { span, useNow } from '../../ui/time.tsx';

const ROW_PX = 28;
const TICKS = 5;
const FILL: Record<Tone, string> = {
  ok: 'bg-ok',
  run: 'bg-run',
  bad: 'bg-bad',
  warn: 'bg-warn',
  idle: 'bg-line-strong',
  hold: 'bg-hold',
};

export function GanttView({
  run,
  tasks,
  selected,
  onSelect,
}: {
  run: RunView;
  tasks: readonly TaskView[];
  selected: string | null;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const clock = useNow(run.endedAt === null ? 1000 : 3_600_000);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => tasks.filter(({ attempts }) => attempts.length > 0).toSorted(byStart), [tasks]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  if (rows.length === 0) return <EmptyState title={t('gantt.empty')}>{t('gantt.emptyHint')}</EmptyState>;
  const from = Math.min(...rows.map(({ attempts }) => Date.parse(attempts[0]!.dispatchedAt)));
  const to = run.endedAt === null ? Math.max(clock, from + 1000) : Math.max(Date.parse(run.endedAt), from + 1);
  const at = (instant: number): number => ((instant - from) / (to - from)) * 100;
  return (
    <div ref={scroller} className="h-full overflow-auto" tabIndex={0} role="region" aria-label={t('gantt.label')}>
      <div className="sticky top-0 z-10 flex border-b border-line bg-surface-2 text-xs text-ink-2">
        <span className="w-36 shrink-0 px-3 py-1 md:w-56">{t('table.task')}</span>
        <span className="relative grow py-1" aria-hidden>
          {Array.from({ length: TICKS }, (_, index) => (
            <span
              key={index}
              className={clsx(
                'absolute whitespace-nowrap',
                index === TICKS - 1 && '-translate-x-full',
                index % 2 === 1 && 'max-md:hidden',
              )}
              style={{ left: `${(index / (TICKS - 1)) * 100}%` }}
            >
              {index === 0 ? clockTime(from) : `+${span(((to - from) * index) / (TICKS - 1))}`}
            </span>
          ))}
          &nbsp;
        </span>
        <span className="w-20 shrink-0" aria-hidden />
      </div>
      <ul className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <li key={rows[index]!.name} className="absolute inset-x-0" style={{ transform: `translateY(${start}px)` }}>
            <Row task={rows[index]!} isSelected={rows[index]!.name === selected} at={at} now={to} onSelect={onSelect} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({
  task,
  isSelected,
  at,
  now,
  onSelect,
}: {
  task: TaskView;
  isSelected: boolean;
  at: (instant: number) => number;
  now: number;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t: common } = useTranslation();
  const { icon: Icon, tone } = STATE_LOOK[task.state];
  const last = task.attempts.at(-1)!;
  const took = span(Math.max(0, endOf(last, now) - Date.parse(last.startedAt ?? last.dispatchedAt)));
  return (
    <button
      type="button"
      onClick={() => onSelect(task.name)}
      aria-pressed={isSelected}
      className="flex h-7 w-full items-center border-b border-line text-start -outline-offset-2! hover:bg-surface-2 aria-pressed:bg-accent-soft"
    >
      <span className="flex w-36 shrink-0 items-center gap-1.5 px-3 text-xs md:w-56">
        <Icon className={clsx('size-3.5 shrink-0', TONE_TEXT[tone])} aria-hidden />
        <span className="truncate font-mono">{task.name}</span>
        <span className="sr-only">{common(`state.${task.state}`)}</span>
      </span>
      <span className="relative h-full grow overflow-hidden">
        {task.attempts.map((attempt) => {
          const dispatched = Date.parse(attempt.dispatchedAt);
          const started = attempt.startedAt === null ? endOf(attempt, now) : Date.parse(attempt.startedAt);
          const end = endOf(attempt, now);
          return (
            <span key={attempt.id} title={`${attempt.n}: ${common(`state.${attempt.state}`)}`}>
              <span
                className="absolute top-[11px] h-1.5 rounded-full bg-line"
                style={{ left: `${at(dispatched)}%`, width: `${Math.max(0, at(started) - at(dispatched))}%` }}
              />
              {attempt.startedAt !== null && (
                <span
                  className={clsx(
                    'absolute top-1.5 h-4 min-w-[3px] rounded-sm',
                    FILL[STATE_LOOK[attempt.state].tone],
                    attempt.endedAt === null && 'animate-pulse',
                  )}
                  style={{ left: `${at(started)}%`, width: `${Math.max(0, at(end) - at(started))}%` }}
                />
              )}
            </span>
          );
        })}
      </span>
      <span className="w-20 shrink-0 px-2 text-end text-xs text-ink-2 tabular-nums">{took}</span>
    </button>
  );
}

const TONE_TEXT: Record<Tone, string> = {
  ok: 'text-ok',
  run: 'text-run',
  bad: 'text-bad',
  warn: 'text-warn',
  idle: 'text-idle',
  hold: 'text-hold',
};

function endOf({ endedAt }: AttemptView, now: number): number {
  return endedAt === null ? now : Date.parse(endedAt);
}

function byStart(a: TaskView, b: TaskView): number {
  return Date.parse(a.attempts[0]!.dispatchedAt) - Date.parse(b.attempts[0]!.dispatchedAt) || a.index - b.index;
}

function clockTime(at: number): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'medium' }).format(at);
}
