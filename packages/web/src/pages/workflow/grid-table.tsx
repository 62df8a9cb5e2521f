/** The grid itself: one stop of the tab key, arrow keys within; only the rows in sight are there. */
import type { RunView, TaskCell } from '@pelorus/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { memo, useRef, useState, type FocusEvent, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useCauseText } from '../../ui/cause-words.ts';
import { STATE_LOOK, StateBadge, TONE_CLASS } from '../../ui/state-badge.tsx';
import { absoluteTime, span } from '../../ui/time.tsx';

const ROW = 26;
const CELL = 'w-6 min-w-6';

interface Spot {
  /** -1: the head, where runs stand. */
  row: number;
  column: number;
}

interface Grid {
  runs: readonly RunView[];
  /** Of each run, its tasks by name. */
  columns: readonly ReadonlyMap<string, TaskCell>[];
  names: readonly string[];
}

const NAME = 'sticky left-0 z-10 w-36 shrink-0 bg-surface px-2 md:w-56';

export function GridTable({
  onOpen,
  ...grid
}: Grid & { onOpen: (run: number, task: string | null) => void }): ReactNode {
  const { t } = useTranslation('workflow');
  const { runs, columns, names } = grid;
  const textAt = useTexts(grid);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: names.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    scrollPaddingStart: 48,
  });
  const { spot, pointed, handlers } = useSpots(grid, (next) => {
    if (next.row >= 0) rows.scrollToIndex(next.row);
    // The row may only be there after it was scrolled to.
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-spot="${next.row},${next.column}"]`)?.focus(),
    );
  });
  const openAt = (target: EventTarget): void => {
    const at = spotOf(target);
    const run = at === null ? undefined : runs[at.column];
    if (at !== null && run !== undefined) onOpen(run.id, at.row < 0 ? null : (names[at.row] ?? null));
  };
  return (
    <div className="grid gap-2">
      <p className="min-h-5 text-ink-2" aria-live="polite">
        {pointed === null ? t('grid.point') : textAt(pointed)}
      </p>
      <div
        ref={scroller}
        role="grid"
        aria-label={t('grid.title')}
        aria-description={t('grid.hint')}
        aria-rowcount={names.length + 1}
        aria-colcount={runs.length + 1}
        className="max-h-[65vh] overflow-auto rounded-lg border border-line"
        onClick={(event) => openAt(event.target)}
        {...handlers}
      >
        <HeadRow runs={runs} textAt={textAt} spot={spot} />
        <div role="rowgroup" className="relative w-max min-w-full" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => (
            <div
              key={names[index]}
              role="row"
              aria-rowindex={index + 2}
              className="absolute top-0 left-0 flex w-full items-center hover:bg-surface-2"
              style={{ height: ROW, transform: `translateY(${start}px)` }}
            >
              <span role="rowheader" className={`${NAME} truncate leading-[26px]`} title={names[index]}>
                {names[index]}
              </span>
              {runs.map((run, column) => (
                <Cell
                  key={run.id}
                  state={columns[column]?.get(names[index] ?? '')?.state ?? null}
                  text={textAt({ row: index, column })}
                  spot={`${index},${column}`}
                  isStop={spot.row === index && spot.column === column}
                />
              ))}
            </div>
          ))}
        </div>
      </div>
      <Legend columns={columns} />
    </div>
  );
}

/** The one stop of the tab key, the spot that is pointed at, and what moves them. */
function useSpots({ runs, names }: Grid, onMove: (spot: Spot) => void) {
  const [spot, setSpot] = useState<Spot>({ row: 0, column: runs.length - 1 });
  const [pointed, setPointed] = useState<Spot | null>(null);
  const goTo = (next: Spot): void => {
    setSpot(next);
    setPointed(next);
  };
  const handlers = {
    onKeyDown: (event: KeyboardEvent): void => {
      const move = MOVES[event.key];
      if (move === undefined) return;
      event.preventDefault();
      const { row, column } = move(spot, { rows: names.length, columns: runs.length });
      const next = { row: within(row, -1, names.length - 1), column: within(column, 0, runs.length - 1) };
      goTo(next);
      onMove(next);
    },
    onPointerOver: (event: PointerEvent): void => setPointed(spotOf(event.target)),
    onPointerLeave: (): void => setPointed(null),
    onFocus: (event: FocusEvent): void => {
      const at = spotOf(event.target);
      if (at !== null) goTo(at);
    },
  };
  return { spot, pointed, handlers };
}

function spotOf(target: EventTarget): Spot | null {
  const found = (target as Element).closest('[data-spot]')?.getAttribute('data-spot')?.split(',').map(Number);
  return found ? { row: found[0] ?? 0, column: found[1] ?? 0 } : null;
}

function within(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}

const MOVES: Readonly<Record<string, (spot: Spot, size: { rows: number; columns: number }) => Spot>> = {
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  PageUp: ({ row, column }) => ({ row: Math.max(0, row - 15), column }),
  PageDown: ({ row, column }) => ({ row: row + 15, column }),
  Home: ({ row }) => ({ row, column: 0 }),
  End: ({ row }, { columns }) => ({ row, column: columns - 1 }),
};

function HeadRow({
  runs,
  textAt,
  spot,
}: {
  runs: readonly RunView[];
  textAt: (spot: Spot) => string;
  spot: Spot;
}): ReactNode {
  const { t } = useTranslation('workflow');
  const longest = Math.max(1, ...runs.map(({ durationMs }) => durationMs ?? 0));
  return (
    <div role="rowgroup" className="sticky top-0 z-20 w-max min-w-full border-b border-line bg-surface">
      <div role="row" aria-rowindex={1} className="flex h-12 items-end">
        <span role="columnheader" className={`${NAME} self-stretch content-end pb-1 text-xs text-ink-2`}>
          {t('grid.task')}
        </span>
        {runs.map((run, column) => (
          <Head
            key={run.id}
            run={run}
            text={textAt({ row: -1, column })}
            height={Math.round(4 + 20 * ((run.durationMs ?? 0) / longest))}
            spot={`-1,${column}`}
            isStop={spot.row === -1 && spot.column === column}
          />
        ))}
      </div>
    </div>
  );
}

const Head = memo(function Head({
  run,
  text,
  height,
  spot,
  isStop,
}: {
  run: RunView;
  text: string;
  height: number;
  spot: string;
  isStop: boolean;
}): ReactNode {
  const { tone, icon: Icon } = STATE_LOOK[run.state];
  return (
    <span role="columnheader" className={CELL}>
      <button
        type="button"
        data-spot={spot}
        tabIndex={isStop ? 0 : -1}
        aria-label={text}
        className={clsx(
          'grid w-full justify-items-center gap-0.5 pb-1 -outline-offset-1!',
          TONE_CLASS[tone],
          'bg-transparent!',
        )}
      >
        <span className="w-2.5 rounded-t-[2px] bg-current" style={{ height }} aria-hidden />
        <Icon className="size-3.5" aria-hidden />
      </button>
    </span>
  );
});

const Cell = memo(function Cell({
  state,
  text,
  spot,
  isStop,
}: {
  state: TaskCell['state'] | null;
  text: string;
  spot: string;
  isStop: boolean;
}): ReactNode {
  const look = state === null ? null : STATE_LOOK[state];
  const Icon = look?.icon;
  return (
    <span role="gridcell" className={`${CELL} grid place-items-center`}>
      <button
        type="button"
        data-spot={spot}
        tabIndex={isStop ? 0 : -1}
        aria-label={text}
        className={clsx(
          'grid size-5 place-items-center rounded -outline-offset-1! hover:brightness-90',
          look && TONE_CLASS[look.tone],
        )}
      >
        {Icon ? <Icon className="size-3.5" aria-hidden /> : <span className="text-ink-3">·</span>}
      </button>
    </span>
  );
});

/** What a spot says, in words. */
function useTexts({ runs, columns, names }: Grid): (spot: Spot) => string {
  const { t } = useTranslation('workflow');
  const { t: common } = useTranslation();
  const cause = useCauseText();
  const ofRun = (run: RunView): string =>
    t('grid.run', {
      run: run.id,
      state: common(`state.${run.state}`),
      when: absoluteTime(run.logicalDate, run.zone),
      span: run.durationMs === null ? '' : ` · ${span(run.durationMs)}`,
    });
  const ofTask = (task: string, run: RunView, cell: TaskCell | undefined): string => {
    if (cell === undefined) return t('grid.cell', { task, run: run.id, state: t('grid.none'), more: '' });
    const took =
      cell.startedAt === null || cell.endedAt === null
        ? ''
        : ` · ${span(Date.parse(cell.endedAt) - Date.parse(cell.startedAt))}`;
    const why = cell.cause === null ? '' : ` · ${cause(cell.cause)}`;
    return t('grid.cell', { task, run: run.id, state: common(`state.${cell.state}`), more: took + why });
  };
  return ({ row, column }) => {
    const run = runs[column];
    if (run === undefined) return '';
    if (row < 0) return ofRun(run);
    const task = names[row] ?? '';
    return ofTask(task, run, columns[column]?.get(task));
  };
}

/** The states that are to be seen, in words. */
function Legend({ columns }: { columns: readonly ReadonlyMap<string, TaskCell>[] }): ReactNode {
  const { t } = useTranslation('workflow');
  const states = new Set(columns.flatMap((column) => [...column.values()].map(({ state }) => state)));
  return (
    <div className="flex flex-wrap items-center gap-1.5 text-xs text-ink-2">
      {t('grid.legend')}:
      {[...states].map((state) => (
        <StateBadge key={state} state={state} />
      ))}
    </div>
  );
}
