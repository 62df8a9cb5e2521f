/** Lines of a log, of which only those in sight are elements. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { memo, useEffect, useLayoutEffect, useRef, useState, type ReactNode, type Ref } from 'react';
import { useTranslation } from 'react-i18next';
import { levelOf, parseAnsi, plainText, type Level } from './ansi.ts';
import type { LogLine } from './log-window.ts';

const LINE_PX = 20;
const NEAR_PX = 600;
/** More of a line is shown when it is asked for. */
const SHOWN_CHARACTERS = 4000;

export interface LogLinesProps {
  lines: readonly LogLine[];
  wrap: boolean;
  /** Stays at the last line. */
  stick: boolean;
  onStick: (stick: boolean) => void;
  onNearStart?: () => void;
  onNearEnd?: () => void;
  /** The line to be brought into sight and marked. */
  target?: number | null;
  /** Marked where it occurs. */
  mark?: string;
  /** By a click on a line. */
  onPick?: (index: number) => void;
  label: string;
}

export function LogLines({ lines, wrap, stick, onStick, target = null, label, ...props }: LogLinesProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => lines[index]!.key,
    overscan: 30,
  });
  useKeptPlace(scroller, lines, stick);
  const total = virtual.getTotalSize();
  useLayoutEffect(() => {
    if (stick && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [stick, lines, total]);
  useTarget(virtual, lines, target);

  const onScroll = (): void => {
    const element = scroller.current!;
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (below < 4 !== stick) onStick(below < 4);
    if (element.scrollTop < NEAR_PX) props.onNearStart?.();
    if (below < NEAR_PX) props.onNearEnd?.();
  };
  return (
    <div
      ref={scroller}
      onScroll={onScroll}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={label}
      className="h-full overflow-auto bg-surface font-mono text-xs -outline-offset-2!"
    >
      <div className="relative min-w-full" style={{ height: total }}>
        {virtual.getVirtualItems().map(({ index, start, key }) => (
          <div
            key={key}
            data-index={index}
            ref={wrap ? virtual.measureElement : null}
            className={clsx('absolute top-0 left-0 min-w-full', wrap && 'w-full')}
            style={{ transform: `translateY(${start}px)` }}
          >
            <Line
              text={lines[index]!.text}
              wrap={wrap}
              isTarget={lines[index]!.key === target}
              mark={props.mark ?? ''}
              {...(props.onPick ? { onPick: () => props.onPick?.(index) } : {})}
            />
          </div>
        ))}
      </div>
    </div>
  );
}

/** What is read stays where it is while lines are put before it, or let go. */
function useKeptPlace(scroller: { current: HTMLDivElement | null }, lines: readonly LogLine[], stick: boolean): void {
  const first = useRef<number | null>(null);
  useLayoutEffect(() => {
    const now = lines[0]?.key ?? null;
    const before = first.current;
    first.current = now;
    if (stick || now === null || before === null || now === before || !scroller.current) return;
    scroller.current.scrollTop += (before - now) * LINE_PX;
  }, [lines, scroller, stick]);
}

function useTarget(
  virtual: Virtualizer<HTMLDivElement, Element>,
  lines: readonly LogLine[],
  target: number | null,
): void {
  const done = useRef<number | null>(null);
  useEffect(() => {
    if (target === null || target === done.current) {
      done.current = target;
      return;
    }
    const index = lines.findIndex(({ key }) => key === target);
    if (index === -1) return;
    done.current = target;
    virtual.scrollToIndex(index, { align: 'center' });
  }, [virtual, lines, target]);
}

const LEVEL_CLASS: Record<Level, string> = {
  bad: 'border-bad bg-bad-soft/60 text-bad',
  warn: 'border-warn bg-warn-soft/60 text-warn',
  faint: 'border-transparent text-ink-3',
  gap: 'border-hold bg-hold-soft text-hold italic',
};

interface LineProps {
  text: string;
  wrap: boolean;
  isTarget: boolean;
  mark: string;
  onPick?: () => void;
  ref?: Ref<HTMLDivElement>;
}

const Line = memo(
  function Line({ text, wrap, isTarget, mark, onPick }: LineProps): ReactNode {
    const { t } = useTranslation('run');
    const [isWhole, setIsWhole] = useState(false);
    const hidden = isWhole ? 0 : Math.max(0, text.length - SHOWN_CHARACTERS);
    const shown = hidden > 0 ? text.slice(0, SHOWN_CHARACTERS) : text;
    const level = levelOf(plainText(shown));
    return (
      <div
        data-level={level}
        className={clsx(
          'min-h-5 border-s-2 px-2 leading-5',
          level ? LEVEL_CLASS[level] : 'border-transparent',
          wrap ? 'break-all whitespace-pre-wrap' : 'w-max min-w-full whitespace-pre',
          isTarget && 'bg-accent-soft!',
        )}
      >
        {onPick && (
          <button
            type="button"
            onClick={onPick}
            className="me-2 text-accent underline select-none"
            aria-label={t('log.context')}
            title={t('log.context')}
          >
            ↦
          </button>
        )}
        {parseAnsi(shown).map((run, index) => (
          // Pieces of a line have no other identity than their place.
          <span key={index} className={run.className}>
            <Marked text={run.text} mark={mark} />
          </span>
        ))}
        {hidden > 0 && (
          <button type="button" className="ms-2 text-accent underline" onClick={() => setIsWhole(true)}>
            {t('log.longLine', { count: hidden })}
          </button>
        )}
      </div>
    );
  },
  (before, after) =>
    before.text === after.text &&
    before.wrap === after.wrap &&
    before.isTarget === after.isTarget &&
    before.mark === after.mark,
);

function Marked({ text, mark }: { text: string; mark: string }): ReactNode {
  if (mark === '' || !text.includes(mark)) return text;
  const parts = text.split(mark);
  return parts.map((part, index) => (
    <span key={index}>
      {index > 0 && <mark className="rounded-sm bg-warn-soft text-warn outline-1 outline-warn">{mark}</mark>}
      {part}
    </span>
  ));
}
