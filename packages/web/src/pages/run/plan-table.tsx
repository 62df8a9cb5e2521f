/** A plan: what becomes of each task. */
import type { PlannedAs, PlanView } from '@pelorus/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import clsx from 'clsx';
import { Forward, Play, Recycle, TriangleAlert, type LucideIcon } from 'lucide-react';
import { useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { TONE_CLASS, type Tone } from '../../ui/state-badge.tsx';

const KINDS: readonly PlannedAs[] = ['run', 'reuse', 'skip'];
const LOOK: Record<PlannedAs, { tone: Tone; icon: LucideIcon }> = {
  run: { tone: 'run', icon: Play },
  reuse: { tone: 'ok', icon: Recycle },
  skip: { tone: 'idle', icon: Forward },
};
const ROW_PX = 32;

export function PlanTable({ plan, isTall = false }: { plan: PlanView; isTall?: boolean }): ReactNode {
  const { t } = useTranslation('run');
  const [shown, setShown] = useState<PlannedAs | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = plan.tasks.filter((task) => shown === null || task.plan === shown);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  return (
    <div className={clsx('grid gap-2', isTall && 'h-full min-h-0 grid-rows-[auto_auto_1fr] p-3')}>
      <div className="flex flex-wrap gap-2" role="group" aria-label={t('plan.filter')}>
        {KINDS.map((kind) => (
          <button
            key={kind}
            type="button"
            aria-pressed={shown === kind}
            onClick={() => setShown(shown === kind ? null : kind)}
            className="inline-flex items-center gap-1.5 rounded-md border border-line px-2.5 py-1 hover:bg-surface-3 aria-pressed:border-accent aria-pressed:bg-accent-soft"
          >
            <PlanBadge plan={kind} />
            <b>{plan.counts[kind]}</b>
          </button>
        ))}
      </div>
      <div>
        {plan.warnings.map((warning) => (
          <p key={warning} className="flex items-center gap-2 rounded bg-warn-soft px-2 py-1 text-warn">
            <TriangleAlert className="size-4 shrink-0" aria-hidden /> {warning}
          </p>
        ))}
      </div>
      <div
        ref={scroller}
        tabIndex={0}
        role="region"
        aria-label={t('plan.tasks')}
        className={clsx('overflow-auto rounded-md border border-line', !isTall && 'max-h-80')}
      >
        <ul className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const task = rows[index]!;
            return (
              <li
                key={task.name}
                className="absolute inset-x-0 flex h-8 items-center gap-3 border-b border-line px-3"
                style={{ transform: `translateY(${start}px)` }}
              >
                <span className="w-16 shrink-0">
                  <PlanBadge plan={task.plan} />
                </span>
                <span className="min-w-0 grow truncate font-mono text-xs">{task.name}</span>
                <span className="shrink-0 text-xs text-ink-2">
                  {task.attempt !== null && t('plan.attempt', { attempt: task.attempt })}
                  {task.reason !== null && t(`plan.${task.reason}`)}
                </span>
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}

export function PlanBadge({ plan }: { plan: PlannedAs }): ReactNode {
  const { t } = useTranslation('run');
  const { tone, icon: Icon } = LOOK[plan];
  return (
    <span
      className={clsx(
        'inline-flex items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap',
        TONE_CLASS[tone],
      )}
    >
      <Icon className="size-3.5" aria-hidden />
      {t(`plan.${plan}`)}
    </span>
  );
}
