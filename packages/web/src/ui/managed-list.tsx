/** Lists that people add to, change and delete from: how they look everywhere, with the dialog that asks before something is deleted. */
import { Plus, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from './button.tsx';
import type { Column } from './data-table.tsx';
import { ConfirmDialog } from './dialog.tsx';
import { PagedTable, type PagedList } from './paged.tsx';
import { EmptyState } from './states.tsx';

/** The button that begins a new row stands above the rows; while there is none, where they would be. */
export function ManagedList<Row>({
  list,
  label,
  heading = false,
  columns,
  keyOf,
  create,
  empty,
  children,
}: {
  list: PagedList<Row>;
  label: string;
  /** The label is shown, too: for one of several lists on a page. */
  heading?: boolean;
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string | number;
  /** Null for who may not. */
  create: { label: string; icon?: LucideIcon; onClick: () => void } | null;
  empty: { title: string; hint: string };
  /** Its dialogs. */
  children: ReactNode;
}): ReactNode {
  const Icon = create?.icon ?? Plus;
  const button = create && (
    <Button kind="primary" onClick={create.onClick}>
      <Icon className="size-4" aria-hidden /> {create.label}
    </Button>
  );
  const isAbove = list.rows !== undefined && list.rows.length > 0;
  return (
    <section className="grid gap-3">
      {(heading || (isAbove && button)) && (
        <div className="flex items-center justify-end gap-3">
          {heading && <h2 className="grow font-semibold">{label}</h2>}
          {isAbove && button}
        </div>
      )}
      <PagedTable
        list={list}
        label={label}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState title={empty.title} action={button}>
            {empty.hint}
          </EmptyState>
        }
      />
      {children}
    </section>
  );
}

export function DeleteDialog({
  title,
  hint,
  confirm,
  onDelete,
  onClose,
}: {
  title: string;
  /** What goes with it. */
  hint?: string;
  /** Absent: “Delete”. */
  confirm?: string;
  onDelete: () => Promise<unknown>;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation();
  return (
    <ConfirmDialog open onClose={onClose} title={title} confirm={confirm ?? t('action.delete')} onConfirm={onDelete}>
      {hint}
    </ConfirmDialog>
  );
}
