/** The rows that can be seen, however many there are; the window's own scrolling moves through them. */
import type { WorkflowListItem } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Pencil, Play } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/session.tsx';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { Time } from '../../ui/time.tsx';
import { RunBars } from './run-bars.tsx';

const COLUMNS = 'grid grid-cols-[minmax(0,1fr)_auto] md:grid-cols-[minmax(0,1fr)_11rem_9rem_auto] gap-x-4';
const ROW_HEIGHT = 60;

export function WorkflowRows({
  items,
  hasMore,
  isLoadingMore,
  onMore,
  onRun,
}: {
  items: WorkflowListItem[];
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
  onRun: (workflow: WorkflowListItem) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
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
    getItemKey: (index) => `${items[index]?.project}/${items[index]?.name}`,
    overscan: 10,
    scrollMargin: offset,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoadingMore && last > items.length - 60) onMore();
  }, [hasMore, isLoadingMore, last, items.length, onMore]);
  return (
    <div role="table" aria-label={t('title')} aria-rowcount={hasMore ? -1 : items.length + 1}>
      <div role="rowgroup" className="sticky top-0 z-10 bg-surface">
        <div role="row" className={`${COLUMNS} border-b border-line px-2 py-1.5 text-xs font-medium text-ink-2`}>
          <span role="columnheader">{t('name')}</span>
          <span role="columnheader" className="hidden md:block">
            {t('lastRuns')}
          </span>
          <span role="columnheader" className="hidden md:block">
            {t('updated')}
          </span>
          <span role="columnheader" className="text-end md:min-w-36">
            <span className="sr-only">{t('actions')}</span>
          </span>
        </div>
      </div>
      <div ref={list} role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
        {shown.map(({ index, key, start }) => {
          const item = items[index];
          return (
            item && (
              <div
                key={key}
                ref={rows.measureElement}
                data-index={index}
                role="row"
                aria-rowindex={index + 2}
                className={`${COLUMNS} absolute inset-x-0 top-0 items-center border-b border-line px-2 py-2 hover:bg-surface-2`}
                style={{ transform: `translateY(${start - offset}px)` }}
              >
                <Row item={item} onRun={onRun} />
              </div>
            )
          );
        })}
      </div>
      {isLoadingMore && (
        <div className="p-3 text-center">
          <Spinner label={t('more')} />
        </div>
      )}
    </div>
  );
}

function Row({ item, onRun }: { item: WorkflowListItem; onRun: (workflow: WorkflowListItem) => void }): ReactNode {
  const { t } = useTranslation('workflows');
  const may = useMay(item.project);
  const address = { project: item.project, workflow: item.name };
  return (
    <>
      <div role="cell" className="min-w-0">
        <div className="truncate">
          <span className="text-ink-2">{item.project} / </span>
          <Link
            to="/projects/$project/workflows/$workflow"
            params={address}
            className="font-medium text-accent hover:underline"
          >
            {item.name}
          </Link>
        </div>
        <div className="flex flex-wrap items-center gap-1">
          <Labels labels={item.labels} />
          {item.description && (
            <span className="max-w-full truncate text-xs text-ink-2" title={item.description}>
              {item.description}
            </span>
          )}
        </div>
        <div className="mt-1 md:hidden">
          <RunBars workflow={item.name} runs={item.lastRuns ?? []} />
        </div>
      </div>
      <div role="cell" className="hidden md:block">
        <RunBars workflow={item.name} runs={item.lastRuns ?? []} />
      </div>
      <div role="cell" className="hidden text-xs text-ink-2 md:block">
        <Time at={item.updatedAt} />
        <div className="truncate" title={t('updatedBy', { version: item.version, user: item.updatedBy })}>
          {t('updatedBy', { version: item.version, user: item.updatedBy })}
        </div>
      </div>
      <div role="cell" className="flex justify-end gap-1 md:min-w-36">
        {may.execute && (
          <Button size="small" aria-label={t('runNamed', { workflow: item.name })} onClick={() => onRun(item)}>
            <Play className="size-3.5" aria-hidden /> {t('run')}
          </Button>
        )}
        {may.write && (
          <Link
            to="/projects/$project/workflows/$workflow/edit"
            params={address}
            preload={false}
            aria-label={t('editNamed', { workflow: item.name })}
            className={`${buttonClass('quiet', 'small')} max-md:hidden`}
          >
            <Pencil className="size-3.5" aria-hidden /> {t('edit')}
          </Link>
        )}
      </div>
    </>
  );
}

/** Each shows the workflows that have it too. */
export function Labels({ labels }: { labels: Record<string, string> }): ReactNode {
  return Object.entries(labels).map(([name, value]) => {
    const text = value === '' ? name : `${name}=${value}`;
    return (
      <Link
        key={name}
        to="/workflows"
        search={{ label: text }}
        preload={false}
        className="max-w-48 truncate rounded-full border border-line bg-surface-2 px-2 text-xs text-ink-2 hover:border-line-strong"
      >
        {text}
      </Link>
    );
  });
}
