/** A table of columns; on a phone each row becomes a card that names its fields. */
import clsx from 'clsx';
import type { ReactNode } from 'react';

export interface Column<Row> {
  id: string;
  name: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand at the end of theirs. */
  end?: boolean;
  /** The column of buttons: its name is for readers of screens only. */
  actions?: boolean;
}

export function DataTable<Row>({
  label,
  columns,
  rows,
  keyOf,
}: {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
}): ReactNode {
  return (
    <div className="overflow-hidden rounded-lg border border-line">
      <table className="w-full border-collapse max-md:block" aria-label={label}>
        <thead className="bg-surface-2 text-xs text-ink-2 max-md:sr-only">
          <tr>
            {columns.map(({ id, name, end, actions }) => (
              <th
                key={id}
                scope="col"
                className={clsx('px-3 py-2 font-medium whitespace-nowrap', end ? 'text-end' : 'text-start')}
              >
                <span className={clsx(actions && 'sr-only')}>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="max-md:block">
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              className="border-t border-line [content-visibility:auto] first:border-t-0 hover:bg-surface-2 max-md:block max-md:px-3 max-md:py-2 md:first:border-t"
            >
              {columns.map((column) => (
                <Cell key={column.id} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }): ReactNode {
  const { name, cell, end, actions } = column;
  const content = cell(row);
  return (
    <td
      className={clsx(
        'align-middle break-words max-md:flex max-md:items-baseline max-md:gap-3 max-md:py-0.5 md:px-3 md:py-2',
        end && 'tabular-nums md:text-end',
        actions && 'md:text-end md:whitespace-nowrap',
        // On a card a field with nothing in it says nothing.
        (content === null || content === false || content === '') && 'max-md:hidden',
      )}
    >
      {!actions && (
        <span aria-hidden className="w-24 shrink-0 text-xs text-ink-2 md:hidden">
          {name}
        </span>
      )}
      <div className={clsx('min-w-0', actions && 'flex grow flex-wrap items-center justify-end gap-1.5')}>
        {cell(row)}
      </div>
    </td>
  );
}
