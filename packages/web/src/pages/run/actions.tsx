/** The buttons of a run: the likely ones in sight, the others in a menu. */
import type { RunView } from '@pelorus/protocol';
import { CirclePause, CirclePlay, Ellipsis, OctagonX, Repeat, RotateCcw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { Menu, MenuItem, MenuSeparator } from '../../ui/menu.tsx';
import { mayAgain, mayRun, type Order } from './orders.ts';

export function RunActions({
  run,
  selected,
  onOrder,
  onCompare,
}: {
  run: RunView;
  /** Task that is shown. */
  selected: string | null;
  /** Null: the person may only look. */
  onOrder: ((order: Order) => void) | null;
  onCompare: () => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const give = onOrder ?? (() => undefined);
  const may = onOrder !== null;
  return (
    <>
      {may && mayRun('pause', run) && (
        <Button onClick={() => give({ kind: 'pause' })}>
          <CirclePause className="size-4" aria-hidden /> {t('action.pause')}
        </Button>
      )}
      {may && mayRun('resume', run) && (
        <Button kind="primary" onClick={() => give({ kind: 'resume' })}>
          <CirclePlay className="size-4" aria-hidden /> {t('action.resume')}
        </Button>
      )}
      {may && mayRun('stop', run) && (
        <Button kind="danger" onClick={() => give({ kind: 'stop' })}>
          <OctagonX className="size-4" aria-hidden /> {t('action.stop')}
        </Button>
      )}
      {may && mayAgain('failed', run) && (
        <Button kind="primary" onClick={() => give({ kind: 'again', what: { kind: 'failed' } })}>
          <RotateCcw className="size-4" aria-hidden />{' '}
          {run.state === 'failed' ? t('action.rerunFailed') : t('action.rerunRest')}
        </Button>
      )}
      {may && run.state === 'succeeded' && (
        <Button onClick={() => give({ kind: 'again', what: { kind: 'all' } })}>
          <Repeat className="size-4" aria-hidden /> {t('action.repeat')}
        </Button>
      )}
      <Menu label={common('action.more')} icon={<Ellipsis className="size-4" aria-hidden />}>
        {may && (
          <>
            <MenuItem
              disabled={selected === null || !mayAgain('from', run)}
              onClick={() => selected !== null && give({ kind: 'again', what: { kind: 'from', task: selected } })}
            >
              {selected === null ? t('action.fromNone') : t('action.from', { task: selected })}
            </MenuItem>
            <MenuItem
              disabled={selected === null}
              onClick={() =>
                selected !== null && give({ kind: 'again', what: { kind: 'selected', tasks: [selected] } })
              }
            >
              {selected === null ? t('action.onlyNone') : t('action.only', { task: selected })}
            </MenuItem>
            <MenuItem onClick={() => give({ kind: 'again', what: { kind: 'all' } })}>{t('action.repeat')}</MenuItem>
            <MenuSeparator />
          </>
        )}
        <MenuItem onClick={onCompare}>{t('action.compare')}</MenuItem>
      </Menu>
    </>
  );
}
