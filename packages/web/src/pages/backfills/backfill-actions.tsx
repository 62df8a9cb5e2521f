/** What can be done with a backfill in the state that it is in. */
import type { BackfillRetryName, BackfillSummary } from '@pelorus/protocol';
import { CirclePause, CirclePlay, OctagonX, RotateCcw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { Checkbox } from '../../ui/field.tsx';
import { Menu, MenuItem } from '../../ui/menu.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';

export function BackfillActions({
  backfill,
  onDone,
}: {
  backfill: BackfillSummary;
  onDone: () => Promise<unknown>;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const { id, state, counts } = backfill;
  const may = useMay(backfill.project);
  const [asks, setAsks] = useState<'stop' | BackfillRetryName | null>(null);
  const [busy, setBusy] = useState(false);
  if (!may.execute) return null;
  const act = async (action: 'pause' | 'resume'): Promise<void> => {
    setBusy(true);
    try {
      await api.backfills[action](id);
      toast({ title: t(`done.${action}`) });
    } catch (error) {
      toastProblem(t('refused'), error);
    } finally {
      // Whether it was done or refused: it is otherwise than it was shown.
      await onDone();
      setBusy(false);
    }
  };
  const isOpen = state === 'pending' || state === 'running' || state === 'paused';
  const failed = counts.failed ?? 0;
  const stopped = counts.stopped ?? 0;
  const retriable = failed + stopped + (counts.skipped ?? 0);
  return (
    <>
      {(state === 'running' || state === 'pending') && (
        <Button busy={busy} onClick={() => void act('pause')}>
          <CirclePause className="size-4" aria-hidden /> {t('pause')}
        </Button>
      )}
      {state === 'paused' && (
        <Button kind="primary" busy={busy} onClick={() => void act('resume')}>
          <CirclePlay className="size-4" aria-hidden /> {t('resume')}
        </Button>
      )}
      {retriable > 0 && (
        <Menu
          label={t('retry')}
          trigger={
            <Button>
              <RotateCcw className="size-4" aria-hidden /> {t('retry')}
            </Button>
          }
        >
          <MenuItem disabled={failed === 0} onClick={() => setAsks('failed')}>
            {t('retries.failed')} ({failed})
          </MenuItem>
          <MenuItem disabled={stopped === 0} onClick={() => setAsks('stopped')}>
            {t('retries.stopped')} ({stopped})
          </MenuItem>
          <MenuItem onClick={() => setAsks('all')}>
            {t('retries.all')} ({retriable})
          </MenuItem>
        </Menu>
      )}
      {isOpen && (
        <Button kind="danger" onClick={() => setAsks('stop')}>
          <OctagonX className="size-4" aria-hidden /> {t('stop')}
        </Button>
      )}
      {asks === 'stop' && <StopDialog id={id} onClose={() => setAsks(null)} onDone={onDone} />}
      {asks !== null && asks !== 'stop' && (
        <RetryDialog backfill={backfill} dates={asks} onClose={() => setAsks(null)} onDone={onDone} />
      )}
    </>
  );
}

function StopDialog({
  id,
  onClose,
  onDone,
}: {
  id: number;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const [runs, setRuns] = useState(true);
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t('stopTitle', { id })}
      confirm={t('stop')}
      onConfirm={async () => {
        await api.backfills.stop(id, { runs: runs ? 'stop' : 'leave' });
        toast({ title: t('done.stop') });
        await onDone();
      }}
    >
      <p>{t('stopText')}</p>
      <Checkbox label={t('stopRuns')} checked={runs} onChange={(event) => setRuns(event.target.checked)} />
    </ConfirmDialog>
  );
}

function RetryDialog({
  backfill: { id, continueAfterFailure },
  dates,
  onClose,
  onDone,
}: {
  backfill: BackfillSummary;
  dates: BackfillRetryName;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const [goesOn, setGoesOn] = useState(continueAfterFailure);
  return (
    <ConfirmDialog
      open
      danger={false}
      onClose={onClose}
      title={t('retryTitle')}
      confirm={t('retry')}
      onConfirm={async () => {
        await api.backfills.retry(id, { dates, continueAfterFailure: goesOn });
        toast({ title: t('done.retry') });
        await onDone();
      }}
    >
      <p className="font-medium">{t(`retries.${dates}`)}</p>
      <p>{t('retryText')}</p>
      <Checkbox label={t('retryContinue')} checked={goesOn} onChange={(event) => setGoesOn(event.target.checked)} />
    </ConfirmDialog>
  );
}
