/** What may be done with the runs that are chosen: at the lower edge, so that no row moves under the hand that chooses. */
import type { BulkActionName } from '@pelorus/protocol';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, IconButton } from '../../ui/button.tsx';

const ACTIONS: readonly BulkActionName[] = ['pause', 'resume', 'stop', 'rerun', 'repeat'];

export function BulkBar({
  text,
  onAction,
  onClear,
}: {
  text: string;
  onAction: (action: BulkActionName) => void;
  onClear: () => void;
}): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <div
      role="toolbar"
      aria-label={t('bulkBar')}
      className="sticky bottom-0 z-20 -mx-4 mt-auto -mb-4 flex flex-wrap items-center gap-2 border-t border-line-strong bg-surface px-4 py-2 shadow-[0_-4px_12px_rgb(0_0_0/0.12)] md:-mx-6 md:-mb-6 md:px-6"
    >
      <span className="font-medium" aria-live="polite">
        {text}
      </span>
      <span className="grow" />
      {ACTIONS.map((action) => (
        <Button
          key={action}
          size="small"
          kind={action === 'stop' ? 'danger' : 'plain'}
          onClick={() => onAction(action)}
        >
          {t(`bulk.action.${action}`)}
        </Button>
      ))}
      <IconButton size="small" label={t('unselect')} onClick={onClear}>
        <X className="size-4" aria-hidden />
      </IconButton>
    </div>
  );
}
