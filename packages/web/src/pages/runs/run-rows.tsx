/** The rows that can be seen, however many there are. */
import type { RunView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { locale } from '../../i18n/index.ts';
import { useCauseText, useWaitText } from '../../ui/cause-words.ts';
import { Spinner } from '../../ui/spinner.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { span, Time, useNow } from '../../ui/time.tsx';

const COLUMNS =
  'grid grid-cols-[auto_minmax(0,1fr)_auto] lg:grid-cols-[auto_4.5rem_minmax(0,1.4fr)_9rem_8rem_7rem_6rem_minmax(0,1.2fr)] gap-x-3';
const ROW_HEIGHT = 48;

export interface RunRowsProps {
  items: RunView[];
  chosen: ReadonlySet<number>;
  onChoose: (run: number, on: boolean) => void;
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
}

export function RunRows({ items, chosen, onChoose, hasMore, isLoadingMore, onMore }: RunRowsProps): ReactNode {
  const { t } = useTranslation('runs');
  const list = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    const scroller = document.querySelector('#content');
    if (scroller === null || list.current === null) return;
    setOffset(list.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop);
  }, []);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => document.querySelector('#content'),
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => items[index]?.id ?? index,
    overscan: 12,
    scrollMargin: offset,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoadingMore && last > items.length - 40) onMore();
  }, [hasMore, isLoadingMore, last, items.length, onMore]);
  const head = ['run', 'workflow', 'state', 'progress', 'submitted', 'duration', 'cause'] as const;
  return (
    <div role="table" aria-label={t('title')} aria-rowcount={hasMore ? -1 : items.length + 1}>
      <div role="rowgroup" className="sticky top-0 z-10 hidden bg-surface lg:block">
        <div role="row" className={`${COLUMNS} border-b border-line px-2 py-1.5 text-xs font-medium text-ink-2`}>
          <span role="columnheader" className="w-4" />
          {head.map((name) => (
            <span key={name} role="columnheader">
              {t(`columns.${name}`)}
            </span>
          ))}
        </div>
      </div>
      <div ref={list} role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
        {shown.map(({ index, key, start }) => {
          const run = items[index];
          return (
            run && (
              <div
                key={key}
                ref={rows.measureElement}
                data-index={index}
                role="row"
                aria-rowindex={index + 2}
                className={`${COLUMNS} absolute inset-x-0 top-0 items-center border-b border-line px-2 py-2 hover:bg-surface-2`}
                style={{ transform: `translateY(${start - offset}px)` }}
              >
                <Row run={run} chosen={chosen.has(run.id)} onChoose={onChoose} />
              </div>
            )
          );
        })}
      </div>
      {isLoadingMore && (
        <div className="p-3 text-center">
          <Spinner />
        </div>
      )}
    </div>
  );
}

function Row({
  run,
  chosen,
  onChoose,
}: {
  run: RunView;
  chosen: boolean;
  onChoose: RunRowsProps['onChoose'];
}): ReactNode {
  const { t } = useTranslation('runs');
  const causeText = useCauseText();
  const waitText = useWaitText();
  const why = run.waitReason
    ? waitText(run.waitReason)
    : run.firstFailure
      ? `${run.firstFailure.task}: ${causeText(run.firstFailure.cause)}`
      : causeText(run.cause);
  const id = String(run.id);
  return (
    <>
      <div role="cell">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          aria-label={t('select', { id })}
          checked={chosen}
          onChange={(event) => onChoose(run.id, event.target.checked)}
        />
      </div>
      <div role="cell" className="hidden tabular-nums lg:block">
        <Link to="/runs/$run" params={{ run: id }} className="text-accent hover:underline">
          #{id}
        </Link>
      </div>
      <div role="cell" className="min-w-0">
        <div className="truncate">
          <Link to="/runs/$run" params={{ run: id }} className="me-1 text-accent tabular-nums lg:hidden">
            #{id}
          </Link>
          <span className="text-ink-2">{run.project} / </span>
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project: run.project, workflow: run.workflow }}
            className="font-medium hover:underline"
          >
            {run.workflow}
          </Link>
        </div>
        {run.execType !== 'DIRECT' && (
          <div className="truncate text-xs text-ink-2">
            {t(`kinds.${run.execType}`)} · {new Date(run.logicalDate).toLocaleString(locale(), { timeZone: run.zone })}{' '}
            {run.zone}
          </div>
        )}
        <div className="truncate text-xs text-ink-2 lg:hidden" title={why}>
          {why === '' ? <Time at={run.submittedAt} /> : why}
        </div>
      </div>
      <div role="cell">
        <StateBadge state={run.state} />
      </div>
      <div role="cell" className="hidden lg:block">
        <ProgressBar run={run} />
      </div>
      <div role="cell" className="hidden lg:block">
        <Time at={run.submittedAt} />
      </div>
      <div role="cell" className="hidden tabular-nums lg:block">
        <Duration run={run} />
      </div>
      <div role="cell" className="hidden truncate text-ink-2 lg:block" title={why}>
        {why}
      </div>
    </>
  );
}

/** How far it is, as a bar and as a number. */
export function ProgressBar({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('runs');
  const percent = Math.floor(run.progress * 100);
  const tone =
    run.state === 'failed' || run.state === 'dependency_failed'
      ? 'bg-bad'
      : run.state === 'succeeded'
        ? 'bg-ok'
        : 'bg-run';
  return (
    <div className="flex items-center gap-2">
      <div
        role="progressbar"
        aria-label={t('columns.progress')}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        className="h-1.5 grow overflow-hidden rounded-full bg-surface-3"
      >
        <div className={`h-full ${tone}`} style={{ width: `${percent}%` }} />
      </div>
      <span className="w-9 text-end text-xs tabular-nums">{percent} %</span>
    </div>
  );
}

function Duration({ run }: { run: RunView }): ReactNode {
  if (run.startedAt === null) return null;
  return run.endedAt === null ? <Running since={Date.parse(run.startedAt)} /> : <>{span(run.durationMs ?? 0)}</>;
}

function Running({ since }: { since: number }): ReactNode {
  return <>{span(Math.max(0, useNow() - since))}</>;
}
