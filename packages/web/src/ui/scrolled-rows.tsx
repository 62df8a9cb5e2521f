/**
 * A table in the page's own scrolling, for any number of rows: only those in sight are elements, and further ones are asked for before
 * the end comes into sight.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import type { PagedList } from './paged.tsx';
import { Spinner } from './spinner.tsx';

/** How many rows before the end more are asked for. */
const NEAR_END = 25;
const OVERSCAN = 6;

export interface ScrolledRowsProps<Row> {
  label: string;
  items: readonly Row[];
  keyOf: (row: Row) => string | number;
  more: PagedList<Row>['more'];
  /** Of a row, in pixels, until it is measured. */
  rowHeight: number;
  /** Classes of the grid that the head and all rows are. */
  columns: string;
  /** Cells of role `columnheader`. */
  head: ReactNode;
  /** On a phone, where rows name what they show, the head is for readers of screens only. */
  children: (row: Row) => ReactNode;
}

export function ScrolledRows<Row>({
  label,
  items,
  keyOf,
  more,
  rowHeight,
  columns,
  head,
  children,
}: ScrolledRowsProps<Row>): ReactNode {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const offset = useOffset(list);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: pageScroller,
    estimateSize: () => rowHeight,
    getItemKey: (index) => keyOf(items[index]!),
    overscan: OVERSCAN,
    scrollMargin: offset,
  });
  const shown = rows.getVirtualItems();
  const isNearEnd = (shown.at(-1)?.index ?? 0) > items.length - NEAR_END;
  useEffect(() => {
    if (isNearEnd && more !== null && !more.busy) more.load();
  }, [isNearEnd, more]);
  return (
    <div role="table" aria-label={label} aria-rowcount={more === null ? items.length + 1 : -1}>
      <div role="rowgroup" className="top-0 z-10 bg-surface max-md:sr-only md:sticky">
        <div role="row" className={clsx(columns, 'border-b border-line px-2 py-1.5 text-xs font-medium text-ink-2')}>
          {head}
        </div>
      </div>
      <div ref={list} role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
        {shown.map(({ index, key, start }) => (
          <div
            key={key}
            ref={rows.measureElement}
            data-index={index}
            role="row"
            aria-rowindex={index + 2}
            className={clsx(
              columns,
              'absolute inset-x-0 top-0 items-center border-b border-line px-2 py-2 hover:bg-surface-2',
            )}
            style={{ transform: `translateY(${start - offset}px)` }}
          >
            {children(items[index]!)}
          </div>
        ))}
      </div>
      {more?.busy === true && (
        <div className="p-3 text-center">
          <Spinner label={t('loading')} />
        </div>
      )}
    </div>
  );
}

/** Where the list begins in what is scrolled: it moves when filters above it open. */
function useOffset(list: RefObject<HTMLDivElement | null>): number {
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    const scroller = pageScroller();
    const page = scroller?.firstElementChild;
    if (!scroller || !page || !list.current) return undefined;
    const measure = (): void => {
      const top = list.current?.getBoundingClientRect().top;
      if (top !== undefined) setOffset(top - scroller.getBoundingClientRect().top + scroller.scrollTop);
    };
    measure();
    const observer = new ResizeObserver(measure);
    for (const part of page.children) observer.observe(part);
    return () => observer.disconnect();
  }, [list]);
  return offset;
}

function pageScroller(): Element | null {
  return document.querySelector('#content');
}
