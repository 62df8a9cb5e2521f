/** Two parts above one another, with a border that can be moved by hand or by the arrow keys; on a phone they simply follow one another. */
import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';

const STORED = 'pelorus.run.log';
const LEAST = 15;
const MOST = 85;
const STEP = 4;

export function Split({ above, below, label }: { above: ReactNode; below: ReactNode; label: string }): ReactNode {
  const [share, setShare] = useState(stored);
  const frame = useRef<HTMLDivElement>(null);
  const move = (next: number): void => {
    const bounded = Math.round(Math.min(MOST, Math.max(LEAST, next)));
    setShare(bounded);
    try {
      localStorage.setItem(STORED, String(bounded));
    } catch {
      // It holds for this page then.
    }
  };
  const onMove = (event: PointerEvent): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId) || !frame.current) return;
    const { bottom, height } = frame.current.getBoundingClientRect();
    move(((bottom - event.clientY) / height) * 100);
  };
  const onKey = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowUp' ? STEP : event.key === 'ArrowDown' ? -STEP : 0;
    if (by === 0) return;
    event.preventDefault();
    move(share + by);
  };
  return (
    <div ref={frame} className="flex min-h-0 grow flex-col">
      <div className="min-h-0 md:basis-0" style={{ flexGrow: 100 - share }}>
        {above}
      </div>
      <div
        role="separator"
        aria-orientation="horizontal"
        aria-label={label}
        aria-valuenow={share}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        tabIndex={0}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onMove}
        onKeyDown={onKey}
        className="hidden h-1.5 shrink-0 cursor-row-resize touch-none border-t border-line bg-surface-2 hover:bg-accent-soft md:block"
      />
      <div className="min-h-0 border-t border-line md:basis-0" style={{ flexGrow: share }}>
        {below}
      </div>
    </div>
  );
}

function stored(): number {
  try {
    const share = Number(localStorage.getItem(STORED));
    return share >= LEAST && share <= MOST ? share : 36;
  } catch {
    return 36;
  }
}
