/** Workflows in and out of a project. */
import { useQuery } from '@tanstack/react-query';
import { ArrowDownUp } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { Menu, MenuItem, MenuSeparator } from '../../ui/menu.tsx';
import { toastProblem } from '../../ui/toast.tsx';
import { ImportDialog } from './import-dialog.tsx';
import { saveAs } from './save-as.ts';

const EXPORTS_SHOWN = 12;

export function TransferMenu({ project }: { project: string | null }): ReactNode {
  const { t } = useTranslation('workflows');
  const [importing, setImporting] = useState(false);
  const me = useMe();
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const names =
    project === null ? (projects.data?.items ?? []).slice(0, EXPORTS_SHOWN).map(({ name }) => name) : [project];
  const exportProject = async (name: string): Promise<void> => {
    try {
      saveAs(`${name}.zip`, 'application/zip', await api.projects.export(name));
    } catch (error) {
      toastProblem(t('exportFailed'), error);
    }
  };
  const mayImport = me.administrator || me.projects.some(({ perm }) => (perm & 4) !== 0);
  return (
    <>
      <Menu label={t('importExport')} icon={<ArrowDownUp className="size-4" aria-hidden />}>
        {mayImport && <MenuItem onClick={() => setImporting(true)}>{t('import')}</MenuItem>}
        {mayImport && names.length > 0 && <MenuSeparator />}
        {names.map((name) => (
          <MenuItem key={name} onClick={() => void exportProject(name)}>
            {t('export', { project: name })}
          </MenuItem>
        ))}
      </Menu>
      {importing && <ImportDialog project={project} onClose={() => setImporting(false)} />}
    </>
  );
}
