/** Something's condition as colour, shape and text, where it is none of the states of runs. */
import clsx from 'clsx';
import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { TONE_CLASS, type Tone } from './state-badge.tsx';

export function ToneBadge({ tone, icon: Icon, text }: { tone: Tone; icon: LucideIcon; text: string }): ReactNode {
  return (
    <span
      className={clsx(
        'inline-flex items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap',
        TONE_CLASS[tone],
      )}
    >
      <Icon className="size-3.5" aria-hidden />
      {text}
    </span>
  );
}

/** How much of something is used: `used` of `size`, told by `text` too. */
export function UseBar({ used, size, text }: { used: number; size: number; text: string }): ReactNode {
  const full = size > 0 && used >= size;
  return (
    <span className="inline-flex items-center gap-2" title={text}>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" className="h-2 w-24 rounded-full bg-surface-3" aria-hidden>
        <rect
          width={size === 0 ? 0 : Math.min(100, (100 * used) / size)}
          height="8"
          className={full ? 'fill-warn' : 'fill-run'}
        />
      </svg>
      <span className="text-xs tabular-nums">
        <span className="sr-only">{text}</span>
        <span aria-hidden>
          {used}/{size}
        </span>
      </span>
    </span>
  );
}
