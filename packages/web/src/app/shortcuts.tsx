/** Keys that work everywhere but where something is being typed. `mod` is Command on a Mac, else Control; `g w` is g, then w within a second. */
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../ui/dialog.tsx';

const SEQUENCE_MS = 1000;

/** Binds keys while the component is mounted. The latest component to bind a key has it. */
export function useShortcuts(bindings: Record<string, () => void>): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    let before: { key: string; at: number } | null = null;
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.altKey) return;
      const mod = event.metaKey || event.ctrlKey;
      if (!mod && isTyping(event.target)) return;
      const key = mod ? `mod+${event.key.toLowerCase()}` : event.key;
      const sequence = before && event.timeStamp - before.at < SEQUENCE_MS ? `${before.key} ${key}` : null;
      const act = (sequence !== null ? latest.current[sequence] : undefined) ?? latest.current[key];
      before = mod ? null : { key, at: event.timeStamp };
      if (!act) return;
      event.preventDefault();
      before = null;
      act();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

const KEYS = [
  ['palette', 'mod K'],
  ['help', '?'],
  ['focusSearch', '/'],
  ['goHome', 'g h'],
  ['goWorkflows', 'g w'],
  ['goRuns', 'g r'],
  ['goSchedules', 'g s'],
  ['goBackfills', 'g b'],
  ['goOperations', 'g o'],
  ['goAdmin', 'g a'],
] as const;

export function ShortcutList({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const mod = navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl';
  return (
    <Dialog open={open} onClose={onClose} title={t('shortcuts.title')}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2 pb-3">
        {KEYS.map(([name, keys]) => (
          <div key={name} className="contents">
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key} className="me-1 rounded border border-line bg-surface-2 px-1.5 py-0.5 text-xs">
                  {key === 'mod' ? mod : key}
                </kbd>
              ))}
            </dt>
            <dd>{t(`shortcuts.${name}`)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
