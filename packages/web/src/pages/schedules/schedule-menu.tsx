/** What can be done with a schedule. */
import type { ScheduleView } from '@pelorus/protocol';
import { EllipsisVertical } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/session.tsx';
import { Menu, MenuItem, MenuSeparator } from '../../ui/menu.tsx';

export type ScheduleAction = 'edit' | 'ticks' | 'deadlines' | 'remove';

export function ScheduleMenu({
  schedule: { project, workflow, name },
  onAsk,
}: {
  schedule: ScheduleView;
  onAsk: (action: ScheduleAction) => void;
}): ReactNode {
  const { t } = useTranslation('schedules');
  const may = useMay(project);
  return (
    <Menu
      label={t('more', { name: `${workflow} / ${name}` })}
      icon={<EllipsisVertical className="size-4" aria-hidden />}
    >
      {may.write && <MenuItem onClick={() => onAsk('edit')}>{t('edit')}</MenuItem>}
      <MenuItem onClick={() => onAsk('ticks')}>{t('ticks')}</MenuItem>
      <MenuItem onClick={() => onAsk('deadlines')}>{t('deadlines', { workflow })}</MenuItem>
      {may.write && (
        <>
          <MenuSeparator />
          <MenuItem danger onClick={() => onAsk('remove')}>
            {t('remove')}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
