/** What can be done with a row, always in the same order and words; each button names its row. */
import { Pencil, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { IconButton } from './button.tsx';

export function RowActions({
  edit,
  remove,
  children,
}: {
  edit?: { label: string; onClick: () => void };
  remove?: { label: string; onClick: () => void };
  children?: ReactNode;
}): ReactNode {
  return (
    <>
      {children}
      {edit && (
        <IconButton size="small" {...edit}>
          <Pencil className="size-4" aria-hidden />
        </IconButton>
      )}
      {remove && (
        <IconButton size="small" className="text-bad!" {...remove}>
          <Trash2 className="size-4" aria-hidden />
        </IconButton>
      )}
    </>
  );
}
