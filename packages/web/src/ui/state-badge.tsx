/** States as colour, shape and text: whoever does not see one of them has the others. */
import type { AttemptState, RunState, TaskRunState } from '@pelorus/protocol';
import clsx from 'clsx';
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CirclePlay,
  CircleX,
  Clock,
  Forward,
  Hourglass,
  ListPlus,
  OctagonX,
  RotateCcw,
  Recycle,
  ShieldCheck,
  Unplug,
  type LucideIcon,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

export type AnyState = RunState | TaskRunState | AttemptState;
export type Tone = 'ok' | 'run' | 'bad' | 'warn' | 'idle' | 'hold';

/** How each state looks. */
export const STATE_LOOK: Record<AnyState, { tone: Tone; icon: LucideIcon }> = {
  queued: { tone: 'idle', icon: ListPlus },
  waiting: { tone: 'warn', icon: Hourglass },
  running: { tone: 'run', icon: CirclePlay },
  pausing: { tone: 'hold', icon: CirclePause },
  stopping: { tone: 'warn', icon: OctagonX },
  paused: { tone: 'hold', icon: CirclePause },
  succeeded: { tone: 'ok', icon: CircleCheck },
  stopped: { tone: 'warn', icon: OctagonX },
  failed: { tone: 'bad', icon: CircleX },
  dependency_failed: { tone: 'bad', icon: Ban },
  pending: { tone: 'idle', icon: CircleDashed },
  delayed: { tone: 'idle', icon: Clock },
  dispatched: { tone: 'run', icon: Forward },
  killing: { tone: 'warn', icon: OctagonX },
  retry_wait: { tone: 'warn', icon: RotateCcw },
  forced_success: { tone: 'ok', icon: ShieldCheck },
  reused: { tone: 'ok', icon: Recycle },
  killed: { tone: 'warn', icon: OctagonX },
  upstream_failed: { tone: 'bad', icon: Ban },
  skipped: { tone: 'idle', icon: Forward },
  lost: { tone: 'bad', icon: Unplug },
};

export const TONE_CLASS: Record<Tone, string> = {
  ok: 'text-ok bg-ok-soft',
  run: 'text-run bg-run-soft',
  bad: 'text-bad bg-bad-soft',
  warn: 'text-warn bg-warn-soft',
  idle: 'text-idle bg-idle-soft',
  hold: 'text-hold bg-hold-soft',
};

export function StateBadge({ state, className }: { state: AnyState; className?: string }): ReactNode {
  const { t } = useTranslation();
  const { tone, icon: Icon } = STATE_LOOK[state];
  return (
    <span
      className={clsx(
        'inline-flex items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap',
        TONE_CLASS[tone],
        className,
      )}
    >
      <Icon className="size-3.5" aria-hidden />
      {t(`state.${state}`)}
    </span>
  );
}
