/** Says what an order will do before it is given. */
import type { RunView, TaskView } from '@pelorus/protocol';
import type { ReactNode } from 'react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import { reach, type Order } from './orders.ts';
import { PlanDialog } from './plan-dialog.tsx';

/** How long the server may wait for what becomes of it. */
const WAIT_MS = 5000;
const NAMES_SHOWN = 12;

export function OrderDialog({
  order,
  run,
  tasks,
  onClose,
}: {
  order: Order | null;
  run: RunView;
  tasks: readonly TaskView[];
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('run');
  if (order === null) return null;
  if (order.kind === 'again') return <PlanDialog what={order.what} run={run} onClose={onClose} />;
  const { atWork, notBegun } = reach(tasks);
  const task = 'task' in order ? order.task : '';
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t(`order.${order.kind}.title`, { run: run.id, task })}
      confirm={t(`order.${order.kind}.confirm`)}
      danger={order.kind === 'stop' || order.kind === 'kill'}
      onConfirm={() => give(order, run.id, t)}
    >
      <p>{t(`order.${order.kind}.what`, { task })}</p>
      {order.kind === 'pause' && (
        <>
          <Names text={t('order.goOn', { count: atWork.length })} names={atWork} />
          <Names text={t('order.wait', { count: notBegun.length })} names={notBegun} />
        </>
      )}
      {order.kind === 'resume' && <Names text={t('order.start', { count: notBegun.length })} names={notBegun} />}
      {order.kind === 'stop' && (
        <>
          <Names text={t('order.killed', { count: atWork.length })} names={atWork} />
          <Names text={t('order.never', { count: notBegun.length })} names={notBegun} />
        </>
      )}
    </ConfirmDialog>
  );
}

function Names({ text, names }: { text: string; names: readonly string[] }): ReactNode {
  if (names.length === 0) return null;
  return (
    <div className="mt-3">
      <p className="font-medium">{text}</p>
      <p className="font-mono text-xs break-words text-ink-2">
        {names.slice(0, NAMES_SHOWN).join(', ')}
        {names.length > NAMES_SHOWN && ` … +${names.length - NAMES_SHOWN}`}
      </p>
    </div>
  );
}

async function give(order: Exclude<Order, { kind: 'again' }>, id: number, t: TFunction<'run'>): Promise<void> {
  const options = { waitMs: WAIT_MS };
  const undo = (kind: 'pause' | 'resume') => ({
    text: t(`order.${kind}.confirm`),
    run: () => void api.runs[kind](id, options).catch((error: unknown) => toastProblem(t('order.refused'), error)),
  });
  switch (order.kind) {
    case 'pause':
      await api.runs.pause(id, options);
      return toast({ title: t('order.pause.done', { run: id }), action: undo('resume') });
    case 'resume':
      await api.runs.resume(id, options);
      return toast({ title: t('order.resume.done', { run: id }), action: undo('pause') });
    case 'stop':
      await api.runs.stop(id, options);
      return toast({ title: t('order.stop.done', { run: id }) });
    case 'kill':
      await api.runs.killTask(id, order.task, options);
      return toast({ title: t('order.kill.done', { task: order.task }) });
    case 'force':
      await api.runs.forceSuccess(id, order.task, options);
      return toast({ title: t('order.force.done', { task: order.task }) });
  }
}
