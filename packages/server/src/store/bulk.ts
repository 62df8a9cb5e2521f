/** Statements that write many rows: one row after the other where that is cheap (SQLite), all at once where each costs a message. */

export type CellType = 'bigint' | 'text';

export interface Bulk {
  /** For one row, its cells in order. */
  each: string;
  /** For all of them: `rows` is a relation with their cells as `c0`, `c1`, …; answers with the key of each row that was written. */
  all: (rows: string) => string;
  /** Of the cells, in order. */
  types: readonly CellType[];
  /** Which cells are the key that `all` answers with. No two rows have the same. */
  key: readonly number[];
}

/**
 * The statement for all rows, of (their cells as JSON text). One function that makes rows: one for each column, of arrays, took the
 * server twice as long for the few rows of a hop, and longer for hundreds as well.
 */
export function bulkText({ all, types }: Bulk): string {
  const columns = types.map((type, i) => `c${i} ${type}`).join(', ');
  return all(`(select * from json_to_recordset(?::json) as given (${columns}))`);
}

/** The cells of rows that lie one behind the other, as JSON text: an array of objects with what is not null of `c0`, `c1`, … */
export function rowsAsJson(width: number, cells: readonly unknown[]): string {
  const rows: Record<string, unknown>[] = [];
  for (let from = 0; from < cells.length; from += width) {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < width; i++) if (cells[from + i] !== null) row[`c${i}`] = cells[from + i];
    rows.push(row);
  }
  return storable(JSON.stringify(rows));
}

/** What no text of PostgreSQL can hold stands as U+FFFD: a NUL, half of a surrogate pair. */
function storable(json: string): string {
  if (!json.includes(String.raw`\u`)) return json;
  return json.replaceAll(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, '$1\uFFFD');
}
