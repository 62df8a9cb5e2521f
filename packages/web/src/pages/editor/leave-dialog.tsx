/** Asks before what was not saved is left. */
import { useBlocker } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ConfirmDialog } from '../../ui/dialog.tsx';

export function LeaveDialog({ hasChanged }: { hasChanged: boolean }): ReactNode {
  const { t } = useTranslation('editor');
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => hasChanged && current.pathname !== next.pathname,
    enableBeforeUnload: hasChanged,
    withResolver: true,
  });
  return (
    <ConfirmDialog
      open={blocker.status === 'blocked'}
      onClose={() => blocker.reset?.()}
      title={t('leave.title')}
      confirm={t('leave.leave')}
      onConfirm={async () => {
        await Promise.resolve();
        blocker.proceed?.();
      }}
    >
      <p>{t('leave.hint')}</p>
    </ConfirmDialog>
  );
}
