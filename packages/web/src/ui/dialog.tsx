/** Windows over the page. */
import { Dialog as Base } from '@base-ui/react/dialog';
import clsx from 'clsx';
import { X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from './button.tsx';
import { ProblemText } from './states.tsx';

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons at its end. */
  footer?: ReactNode;
  size?: 'normal' | 'wide';
}

export function Dialog({
  open,
  onClose,
  title,
  description,
  children,
  footer,
  size = 'normal',
}: DialogProps): ReactNode {
  const { t } = useTranslation();
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/45" />
        <Base.Popup
          className={clsx(
            'fixed top-1/2 left-1/2 z-50 flex max-h-[90dvh] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 flex-col rounded-lg border border-line bg-surface text-ink shadow-xl outline-none',
            size === 'wide' ? 'max-w-4xl' : 'max-w-lg',
          )}
        >
          <header className="py-4 ps-5 pe-12 pb-2">
            <Base.Title className="text-lg font-semibold break-words">{title}</Base.Title>
            {description && <Base.Description className="text-ink-2">{description}</Base.Description>}
          </header>
          <div className="min-h-0 grow overflow-auto overscroll-contain px-5 py-2">{children}</div>
          {footer && <footer className="flex flex-wrap justify-end gap-2 px-5 pt-2 pb-4">{footer}</footer>}
          {/* Last, so that the keyboard begins with what the dialog is about. */}
          <Base.Close
            className="absolute top-3.5 right-4 rounded p-1.5 text-ink-2 hover:bg-surface-3"
            aria-label={t('action.close')}
          >
            <X className="size-4" aria-hidden />
          </Base.Close>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** Asks before something is done that cannot be undone; stays open and says why when it is refused. */
export function ConfirmDialog({
  open,
  onClose,
  title,
  children,
  confirm,
  danger = true,
  onConfirm,
}: {
  open: boolean;
  onClose: () => void;
  title: string;
  children?: ReactNode;
  confirm: string;
  danger?: boolean;
  onConfirm: () => Promise<unknown>;
}): ReactNode {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const act = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button kind={danger ? 'danger' : 'primary'} busy={busy} onClick={() => void act()}>
            {confirm}
          </Button>
        </>
      }
    >
      {children}
      {error && <ProblemText error={error} />}
    </Dialog>
  );
}
