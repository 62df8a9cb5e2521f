/** The palette of task types. */
import { Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { buttonClass } from '../../ui/button.tsx';
import { Menu, MenuItem } from '../../ui/menu.tsx';

export function AddMenu({
  types,
  behind,
  onAdd,
}: {
  types: readonly string[];
  /** The task that is chosen: the new one needs it. */
  behind: string | null;
  onAdd: (type: string) => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const label = behind === null ? t('add') : t('addAfter', { task: behind });
  return (
    <Menu
      label={label}
      trigger={
        <button type="button" className={buttonClass('plain')} title={label}>
          <Plus className="size-4" aria-hidden />
          <span className="max-md:sr-only">{t('add')}</span>
        </button>
      }
    >
      {types.map((type) => (
        <MenuItem key={type} onClick={() => onAdd(type)}>
          <span className="grow">{t(`types.${type}`, { defaultValue: type })}</span>
          <code className="text-xs text-ink-3">{type}</code>
        </MenuItem>
      ))}
    </Menu>
  );
}
