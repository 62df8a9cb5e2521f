/** Short news at the edge of the window. `toast(…)` may be called from anywhere. */
import { Toast as Base } from '@base-ui/react/toast';
import clsx from 'clsx';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { errorSentence } from './error-words.ts';

const manager = Base.createToastManager();

export interface News {
  kind?: 'ok' | 'bad';
  title: string;
  detail?: string;
  /** Such as undoing what was done. */
  action?: { text: string; run: () => void };
}

export function toast({ kind = 'ok', title, detail, action }: News): void {
  manager.add({
    title,
    type: kind,
    timeout: kind === 'bad' ? 12_000 : 6_000,
    ...(detail === undefined ? {} : { description: detail }),
    ...(action === undefined ? {} : { actionProps: { children: action.text, onClick: action.run } }),
  });
}

/** What went wrong with an action that has no form of its own to say it in. */
export function toastProblem(title: string, error: unknown): void {
  const told = error instanceof Error ? [errorSentence(error), error.message] : [String(error)];
  toast({ kind: 'bad', title, detail: told.filter(Boolean).join(' ') });
}

export function Toasts({ children }: { children: ReactNode }): ReactNode {
  return (
    <Base.Provider toastManager={manager}>
      {children}
      <Base.Portal>
        <Base.Viewport
          /* On a phone above the navigation. */ className="fixed right-4 bottom-18 z-[60] grid w-[calc(100vw-2rem)] max-w-sm gap-2 md:bottom-4"
        >
          <List />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  );
}

function List(): ReactNode {
  const { t } = useTranslation();
  const { toasts } = Base.useToastManager();
  return toasts.map((each) => (
    <Base.Root
      key={each.id}
      toast={each}
      // News, not a dialog: there is nothing in it that must be answered.
      role="group"
      className={clsx(
        'flex items-start gap-2 rounded-md border bg-surface p-3 text-ink shadow-lg',
        each.type === 'bad' ? 'border-bad' : 'border-line',
      )}
    >
      <div className="min-w-0 grow">
        <Base.Title className={clsx('font-medium', each.type === 'bad' && 'text-bad')} />
        <Base.Description className="text-sm break-words text-ink-2" />
      </div>
      {each.actionProps && <Base.Action className="rounded px-2 py-1 font-medium text-accent hover:bg-accent-soft" />}
      <Base.Close className="rounded p-1 text-ink-2 hover:bg-surface-3" aria-label={t('action.close')}>
        <X className="size-4" aria-hidden />
      </Base.Close>
    </Base.Root>
  ));
}
