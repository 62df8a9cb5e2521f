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

/** The statement for all rows; each of its values is a column, as the text of a JSON array. */
export function bulkText({ all, types }: Bulk): string {
  const columns = types.map(() => 'json_array_elements_text(?::json)').join(', ');
  const names = types.map((_, i) => `t${i}`).join(', ');
  const cells = types.map((type, i) => (type === 'text' ? `t${i} as c${i}` : `t${i}::${type} as c${i}`)).join(', ');
  return all(`(select ${cells} from rows from (${columns}) as given (${names}))`);
}

/** The cells of rows that lie one behind the other, as columns. */
export function columnsOf(width: number, cells: readonly unknown[]): string[] {
  return Array.from({ length: width }, (_, column) => {
    const values: unknown[] = [];
    for (let i = column; i < cells.length; i += width) values.push(cells[i]);
    return storable(JSON.stringify(values));
  });
}

/** What no text of PostgreSQL can hold stands as U+FFFD: a NUL, half of a surrogate pair. */
function storable(json: string): string {
  if (!json.includes(String.raw`\u`)) return json;
  return json.replaceAll(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, '$1\uFFFD');
}
