/** The files of a project. */
import type { ProjectFileView } from '@pelorus/protocol';
import { Download, Upload } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { locale } from '../../i18n/index.ts';
import { IconButton } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { CopyButton } from '../../ui/shown-once.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import { Changed } from './changed.tsx';

export function FilesTab({ project }: { project: string }): ReactNode {
  const { t } = useTranslation('admin');
  const { write } = useMay(project);
  const [uploading, setUploading] = useState(false);
  const [removed, setRemoved] = useState<ProjectFileView | null>(null);
  const key = ['files', project];
  const askAgain = () => queries.invalidateQueries({ queryKey: key });
  const list = usePaged(key, (cursor, signal) =>
    api.files.list(project, { limit: 200, ...(cursor === undefined ? {} : { cursor }) }, signal),
  );
  const columns: Column<ProjectFileView>[] = [
    { id: 'path', name: t('files.path'), cell: ({ path }) => <code className="break-all">{path}</code> },
    { id: 'size', name: t('files.size'), end: true, cell: ({ sizeBytes }) => sizeText(sizeBytes) },
    {
      id: 'hash',
      name: t('files.hash'),
      cell: ({ path, sha256 }) => (
        <span className="inline-flex items-center gap-1">
          <code className="text-xs" title={sha256}>
            {sha256.slice(0, 12)}…
          </code>
          <CopyButton value={sha256} label={t('files.copyHash', { name: path })} />
        </span>
      ),
    },
    {
      id: 'updated',
      name: t('updated'),
      cell: ({ updatedAt, updatedBy }) => <Changed at={updatedAt} by={updatedBy} />,
    },
    {
      id: 'actions',
      name: t('actions'),
      actions: true,
      cell: (file) => (
        <RowActions
          {...(write
            ? { remove: { label: t('deleteNamed', { name: file.path }), onClick: () => setRemoved(file) } }
            : {})}
        >
          <IconButton
            size="small"
            label={t('files.downloadNamed', { name: file.path })}
            onClick={() => void download(project, file.path, t('files.download'))}
          >
            <Download className="size-4" aria-hidden />
          </IconButton>
        </RowActions>
      ),
    },
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.files')}
      columns={columns}
      keyOf={({ path }) => path}
      create={write ? { label: t('files.upload'), icon: Upload, onClick: () => setUploading(true) } : null}
      empty={{ title: t('files.empty'), hint: t('files.emptyHint') }}
    >
      {uploading && <UploadDialog project={project} onStored={askAgain} onClose={() => setUploading(false)} />}
      {removed && (
        <DeleteDialog
          onClose={() => setRemoved(null)}
          title={t('files.deleteTitle', { name: removed.path })}
          hint={t('files.deleteHint')}
          onDelete={async () => {
            await api.files.delete(project, removed.path, { ifMatch: removed.sha256 });
            await askAgain();
          }}
        />
      )}
    </ManagedList>
  );
}

function UploadDialog({
  project,
  onStored,
  onClose,
}: {
  project: string;
  onStored: () => Promise<void>;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('admin');
  const [folder, setFolder] = useState('');
  const [files, setFiles] = useState<File[]>([]);
  return (
    <FormDialog
      title={t('files.upload')}
      submit={t('files.upload')}
      disabled={files.length === 0}
      onClose={onClose}
      onSubmit={async () => {
        const prefix = folder.trim().replace(/^\/+|\/+$/g, '');
        for (const file of files)
          await api.files.put(
            project,
            prefix === '' ? file.name : `${prefix}/${file.name}`,
            new Uint8Array(await file.arrayBuffer()),
          );
        toast({ title: t('files.uploaded', { count: files.length }) });
        await onStored();
      }}
    >
      <Field label={t('files.chosen')}>
        <Input type="file" multiple required onChange={(event) => setFiles([...(event.target.files ?? [])])} />
      </Field>
      <Field label={t('files.folder')} hint={t('files.folderHint')}>
        <Input value={folder} onChange={(event) => setFolder(event.target.value)} />
      </Field>
    </FormDialog>
  );
}

async function download(project: string, path: string, title: string): Promise<void> {
  try {
    const address = URL.createObjectURL(new Blob([await api.files.get(project, path)]));
    const link = document.createElement('a');
    link.href = address;
    link.download = path.split('/').at(-1) ?? path;
    link.click();
    // The browser has taken it up by then.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    toastProblem(title, error);
  }
}

function sizeText(sizeBytes: number): string {
  const [unit, size] =
    sizeBytes < 1000 ? (['B', 1] as const) : sizeBytes < 1e6 ? (['kB', 1e3] as const) : (['MB', 1e6] as const);
  return `${(sizeBytes / size).toLocaleString(locale(), { maximumFractionDigits: 1 })} ${unit}`;
}
