import type { ReactNode } from 'react';
import { Time } from '../../ui/time.tsx';

/** When something was changed last, and by whom. */
export function Changed({ at, by }: { at: string; by: string }): ReactNode {
  return (
    <>
      <Time at={at} /> <span className="text-ink-2">{by}</span>
    </>
  );
}
