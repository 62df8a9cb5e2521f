/**
 * Holidays from CSV: one day a line. The first line may name the columns; then the one called `date` or `day` is read, otherwise the
 * first. Separators are commas, semicolons or tabs, cells may be quoted (RFC 4180), other columns are left alone. Pure.
 */
import { dayOf, type ReadDays } from './days.ts';

const DATE_COLUMNS: readonly string[] = ['date', 'day', 'holiday', '日期'];
const DATE = /^(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})$/;
const PROBLEMS_MAX = 100;

interface CsvRow {
  line: number;
  cells: string[];
}

/** Dates as `2026-05-01`, `2026/5/1` or `20260501`. */
export function readCsv(text: string): ReadDays {
  const rows = rowsOf(text).filter(({ cells }) => cells.some((cell) => cell.trim() !== ''));
  const header = rows[0]?.cells.map((cell) => cell.trim().toLowerCase()) ?? [];
  const named = header.findIndex((cell) => DATE_COLUMNS.includes(cell));
  const days: number[] = [];
  const problems: { line: number; message: string }[] = [];
  for (const { line, cells } of named === -1 ? rows : rows.slice(1)) {
    const cell = (cells[Math.max(named, 0)] ?? '').trim();
    const day = readDate(cell);
    if (day !== null) days.push(day);
    else if (problems.length < PROBLEMS_MAX)
      problems.push({ line, message: `\`${cell.slice(0, 40)}\` is no date such as 2026-05-01` });
  }
  return problems.length > 0 ? { problems } : { days, warnings: [] };
}

function readDate(text: string): number | null {
  const [, year, separator, month = '', day = ''] = DATE.exec(text) ?? [];
  if (year === undefined || (separator === '' && month.length + day.length !== 4)) return null;
  return dayOf(Number(year), Number(month), Number(day));
}

function rowsOf(text: string): CsvRow[] {
  const separator = separatorOf(text);
  const rows: CsvRow[] = [];
  let [line, row]: [number, CsvRow] = [1, { line: 1, cells: [''] }];
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    const last = row.cells.length - 1;
    if (sign === '\n') line += 1;
    if (isQuoted) {
      if (sign !== '"') row.cells[last] += sign;
      else if (text[at + 1] === '"') row.cells[last] += text[(at += 1)]!;
      else isQuoted = false;
    } else if (sign === '"' && row.cells[last] === '') isQuoted = true;
    else if (sign === separator) row.cells.push('');
    else if (sign === '\n') {
      rows.push(row);
      row = { line, cells: [''] };
    } else if (sign !== '\r') row.cells[last] += sign;
  }
  return [...rows, row];
}

function separatorOf(text: string): string {
  const first = text.slice(0, 1000).split('\n', 1)[0] ?? '';
  return [';', '\t'].find((each) => first.includes(each)) ?? ',';
}
