/** Where things stand: what is drawn and the form of what is chosen on one side, the text on the other. On narrow windows one of them at a time. */
import clsx from 'clsx';
import type { KeyboardEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { View } from './toolbar.tsx';

export function Panes({
  view,
  isBroken,
  drawing,
  form,
  text,
  onKeyDown,
}: {
  view: View;
  /** The text means nothing at present: what is drawn is what it meant before. */
  isBroken: boolean;
  drawing: ReactNode;
  /** Null: nothing is chosen. */
  form: ReactNode | null;
  text: ReactNode;
  /** Not within the text. */
  onKeyDown: (event: KeyboardEvent) => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const isText = view === 'text';
  return (
    <div className={clsx('grid min-h-0 grow', !isText && 'lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]')}>
      <div
        className={clsx('flex min-h-0 min-w-0 flex-col', isText && !form && 'hidden', isText && 'row-start-2')}
        onKeyDown={onKeyDown}
      >
        {isBroken && (
          <p role="status" className="bg-warn-soft px-3 py-1.5 text-xs text-warn">
            {t('broken')}
          </p>
        )}
        <div className={clsx('min-h-40 grow basis-0', isText && 'hidden', isBroken && 'opacity-60')}>{drawing}</div>
        {form && (
          <div className="max-h-[58%] min-h-48 shrink-0 basis-1/2 overflow-hidden border-t border-line">{form}</div>
        )}
      </div>
      <div className={clsx('min-h-0 min-w-0 flex-col border-line lg:flex lg:border-s', isText ? 'flex' : 'hidden')}>
        <div className="min-h-0 grow">{text}</div>
      </div>
    </div>
  );
}
