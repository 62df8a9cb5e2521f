/** States as colour, shape and text: whoever does not see one of them has the others. */
import type { AttemptState, RunState, TaskRunState } from '@pelorus/protocol';
import { type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
export type AnyState = RunState | TaskRunState | AttemptState;
export type Tone = 'ok' | 'run' | 'bad' | 'warn' | 'idle' | 'hold';
/** How each state looks. */
export declare const STATE_LOOK: Record<
  AnyState,
  {
    tone: Tone;
    icon: LucideIcon;
  }
>;
export declare const TONE_CLASS: Record<Tone, string>;
export declare function StateBadge({ state, className }: { state: AnyState; className?: string }): ReactNode;
