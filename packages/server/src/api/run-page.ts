/** One page of a list of runs. */
import type { RunFilter, RunRow } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { readCursor, writeCursor } from './cursor.ts';
import type { RunTally } from './run-tallies.ts';
import { withVisibleParents } from './visible-links.ts';

export interface ListedRun {
  row: RunRow;
  tally: RunTally;
}

interface AskedPage {
  limit: number;
  cursor: string | undefined;
  /** Epoch ms; of the first page. */
  until: number;
  /** How many of these the page holds, at least one; absent: all. */
  fitting?: (rows: readonly RunRow[]) => Promise<number>;
}

/**
 * `filterOf` is told until when runs are looked for, epoch ms: those submitted after the first page was read are left out of the later
 * ones, so that nothing moves down.
 */
export async function readRunPage(
  context: ApiContext,
  filterOf: (until: number) => RunFilter,
  asked: AskedPage,
): Promise<{ items: ListedRun[]; nextCursor: string | null }> {
  const [from = 0, until = asked.until] = readCursor(asked.cursor, 2) ?? [];
  const page = await context.store.listRuns(filterOf(until), from, asked.limit + 1, { counted: false });
  const asPage = page.rows.slice(0, asked.limit);
  const shown = asPage.slice(0, (await asked.fitting?.(asPage)) ?? asPage.length);
  const rows = await withVisibleParents(context, shown);
  const tallies = await context.tallies.ofAll(rows);
  return {
    items: rows.map((row, index) => ({ row, tally: tallies[index]! })),
    nextCursor: page.rows.length > rows.length ? writeCursor([from + rows.length, until]) : null,
  };
}
