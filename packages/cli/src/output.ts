/**
 * What a command answers, in the form that was asked for. A command says what it has (`Listing` or `Item`); here is the
 * only code that writes it. With json, yaml, ndjson and name stdout holds nothing but the answer.
 */
import { paint, type Stream } from './terminal.ts';
import { cutTo, oneLine, padTo, textWidth } from './text-width.ts';
import type { Tone } from './words.ts';
import { yaml } from './yaml.ts';

export const OUTPUT_FORMATS = ['table', 'json', 'yaml', 'ndjson', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  tone?: (row: Row) => Tone | null;
}

export interface Listing<Row> {
  rows: Row[];
  columns: Column<Row>[];
  name: (row: Row) => string;
  /** What the table says instead of nothing. */
  none: string;
}

export interface Item {
  /** What json, yaml and ndjson show. */
  value: unknown;
  name: string;
  /** What a person reads. */
  text: (stream: Stream) => string;
}

export function writeListing<Row>(stream: Stream, format: OutputFormat, listing: Listing<Row>): void {
  switch (format) {
    case 'table':
      return stream.write(listing.rows.length === 0 ? `${listing.none}\n` : tableText(stream, listing));
    case 'json':
      return stream.write(jsonText(listing.rows));
    case 'yaml':
      return stream.write(yaml().stringify(listing.rows));
    case 'ndjson':
      return stream.write(listing.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    case 'name':
      return stream.write(listing.rows.map((row) => `${listing.name(row)}\n`).join(''));
  }
}

export function writeItem(stream: Stream, format: OutputFormat, item: Item): void {
  switch (format) {
    case 'table':
      return stream.write(item.text(stream));
    case 'json':
      return stream.write(jsonText(item.value));
    case 'yaml':
      return stream.write(yaml().stringify(item.value));
    case 'ndjson':
      return stream.write(`${JSON.stringify(item.value)}\n`);
    case 'name':
      return stream.write(`${item.name}\n`);
  }
}

/** Columns as wide as their widest cell; on a terminal the last one is cut at the edge. */
export function tableText<Row>(stream: Stream, listing: Pick<Listing<Row>, 'rows' | 'columns'>): string {
  const { rows, columns } = listing;
  const cells = rows.map((row) => columns.map((column) => oneLine(column.value(row))));
  const widths = columns.map((column, index) =>
    cells.reduce((width, line) => Math.max(width, textWidth(line[index] ?? '')), column.title.length),
  );
  const layout = (texts: string[]): string => {
    const line = texts
      .map((text, index) => (index === texts.length - 1 ? text : padTo(text, widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
    return stream.isTerminal ? cutTo(line, stream.columns()) : line;
  };
  const painted = cells.map((line, row) =>
    line.map((text, index) => paintCell(stream, columns[index], rows[row], text)),
  );
  return `${[layout(columns.map((column) => paint(stream, 'bold', column.title))), ...painted.map(layout)].join('\n')}\n`;
}

/** `key: value` lines, aligned; entries whose value is null are left out. */
export function fieldsText(fields: [string, string | null][]): string {
  const shown = fields.filter((field): field is [string, string] => field[1] !== null && field[1] !== '');
  const width = shown.reduce((widest, [key]) => Math.max(widest, key.length), 0);
  return shown.map(([key, value]) => `${padTo(key, width)}  ${oneLine(value)}\n`).join('');
}

function paintCell<Row>(stream: Stream, column: Column<Row> | undefined, row: Row | undefined, text: string): string {
  const tone = row === undefined ? null : (column?.tone?.(row) ?? null);
  return tone === null ? text : paint(stream, tone, text);
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
