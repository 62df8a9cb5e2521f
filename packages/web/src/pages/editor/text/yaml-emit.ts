/** Values as text, in the manner of the text around them. */
import { Scalar, stringify } from 'yaml';
import type { Plain } from './yaml-place.ts';

export interface Manner {
  format: 'yaml' | 'json';
  /** Inside brackets, where everything stands on one line. */
  flow: boolean;
  /** Column of the key that the value belongs to. */
  indent: number;
  /** How a text was quoted before. */
  quoted?: 'QUOTE_DOUBLE' | 'QUOTE_SINGLE' | null;
}

const STEP = 2;
const FLOW_WIDTH = 72;

/** What stands behind a colon: begins with a blank or a line break. */
export function afterColon(value: Plain, manner: Manner): string {
  if (manner.format === 'json') return ` ${json(value, manner)}`;
  if (isScalarValue(value)) return ` ${scalar(value, manner)}`;
  const short = flow(value);
  if (manner.flow || (short.length <= FLOW_WIDTH && isFlat(value))) return ` ${short}`;
  return block(value, manner.indent + STEP);
}

/** What stands behind a dash or between brackets. */
export function inList(value: Plain, manner: Manner): string {
  if (manner.format === 'json') return json(value, manner);
  return isScalarValue(value) ? scalar(value, manner) : flow(value);
}

/** The name of a member. */
export function keyText(key: string, format: 'yaml' | 'json'): string {
  return format === 'json' ? JSON.stringify(key) : scalar(key, { format, flow: true, indent: 0 });
}

export function scalar(value: string | number | boolean | null, manner: Manner): string {
  if (manner.format === 'json') return JSON.stringify(value);
  if (typeof value !== 'string') return value === null ? 'null' : String(value);
  if (value.includes('\n'))
    return manner.flow || !isPrintable(value) ? JSON.stringify(value) : literal(value, manner.indent + STEP);
  const node = new Scalar(value);
  if (manner.quoted) node.type = manner.quoted;
  if (!manner.flow) return stringify(node, { lineWidth: 0 }).trimEnd();
  return stringify([node], { lineWidth: 0, collectionStyle: 'flow', flowCollectionPadding: false })
    .trim()
    .slice(1, -1)
    .trim();
}

/** `|` with the text below it. */
export function literal(value: string, indent: number): string {
  const pad = ' '.repeat(indent);
  const chomp = value.endsWith('\n') ? (value.endsWith('\n\n') || value === '\n' ? '+' : '') : '-';
  const hint = /^\n*[ ]/.test(value) ? String(STEP) : '';
  const body = value.endsWith('\n') ? value.slice(0, -1) : value;
  return `|${hint}${chomp}\n${body
    .split('\n')
    .map((line) => (line === '' ? '' : pad + line))
    .join('\n')}`;
}

/** Tabs and other control characters are safer between quotes than in a block. */
function isPrintable(value: string): boolean {
  return !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/.test(value) && value.trim() !== '';
}

function flow(value: Plain): string {
  if (isScalarValue(value)) return scalar(value, { format: 'yaml', flow: true, indent: 0 });
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${keyText(key, 'yaml')}: ${flow(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** Line by line, each at `column`; begins with a line break. */
function block(value: Plain[] | { [key: string]: Plain }, column: number): string {
  const pad = ' '.repeat(column);
  if (Array.isArray(value))
    return value
      .map(
        (item) =>
          `\n${pad}-${isScalarValue(item) ? ` ${scalar(item, { format: 'yaml', flow: false, indent: column })}` : inItem(item, column)}`,
      )
      .join('');
  return Object.entries(value)
    .map(
      ([key, member]) =>
        `\n${pad}${keyText(key, 'yaml')}:${afterColon(member, { format: 'yaml', flow: false, indent: column })}`,
    )
    .join('');
}

/** The first line of a collection stands behind the dash. */
function inItem(item: Plain[] | { [key: string]: Plain }, column: number): string {
  const short = flow(item);
  if (short.length <= FLOW_WIDTH && isFlat(item)) return ` ${short}`;
  return ` ${block(item, column + STEP).trimStart()}`;
}

function json(value: Plain, { flow: isFlow, indent }: Manner): string {
  if (isFlow) return JSON.stringify(value);
  return JSON.stringify(value, null, STEP).replaceAll('\n', `\n${' '.repeat(indent)}`);
}

export function isScalarValue(value: Plain): value is string | number | boolean | null {
  return value === null || typeof value !== 'object';
}

/** Holds no collection but short lists, and no text of several lines. */
function isFlat(value: Plain): boolean {
  if (typeof value === 'string') return !value.includes('\n');
  if (isScalarValue(value)) return true;
  const members = Array.isArray(value) ? value : Object.values(value);
  return members.length <= 20 && members.every((member) => (isScalarValue(member) ? isFlat(member) : false));
}
