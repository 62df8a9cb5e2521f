/** Why a run failed, before anything else: the first task that did, the cause, and the ways on. */
import type { RunView } from '@pelorus/protocol';
import { CircleX, FileText, RotateCcw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { useCauseText } from '../../ui/cause-words.ts';
import { mayAgain, type Order } from './orders.ts';

export function Failure({
  run,
  onShow,
  onOrder,
}: {
  run: RunView;
  /** Shows the log of a task. */
  onShow: (task: string) => void;
  onOrder: ((order: Order) => void) | null;
}): ReactNode {
  const { t } = useTranslation('run');
  const causeText = useCauseText();
  const { firstFailure } = run;
  if (firstFailure === null) return null;
  const { task, cause } = firstFailure;
  return (
    <section
      aria-label={t('failure.title')}
      className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-bad bg-bad-soft px-3 py-2 text-bad"
    >
      <CircleX className="size-5 shrink-0" aria-hidden />
      <p className="min-w-0 grow basis-64">
        <span className="font-semibold">{t('failure.first', { task })}</span>{' '}
        <span className="break-words">{causeText(cause)}</span>
      </p>
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => onShow(task)}>
          <FileText className="size-3.5" aria-hidden /> {t('failure.log')}
        </Button>
        {onOrder && mayAgain('failed', run) && (
          <Button size="small" onClick={() => onOrder({ kind: 'again', what: { kind: 'failed' } })}>
            <RotateCcw className="size-3.5" aria-hidden /> {t('action.rerunFailed')}
          </Button>
        )}
      </div>
    </section>
  );
}
