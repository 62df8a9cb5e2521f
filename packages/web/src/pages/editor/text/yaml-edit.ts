/**
 * Changes of a definition as the smallest patches of its text: a value that changes is a line that changes; comments, order and manner of everything else stay.
 * Invariant: what a patched text means is exactly what was asked for. A patch that would mean anything else is not given: null, and the text itself has to be edited.
 */
import { isMap, isPair, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { afterColon, inList, isScalarValue, keyText, literal, scalar, type Manner } from './yaml-emit.ts';
import {
  colonEnd,
  columnOf,
  endOf,
  endOfPair,
  isBlockScalar,
  isEmptyScalar,
  isFlow,
  isLink,
  lineEnd,
  lineStart,
  nodeAt,
  pairOf,
  readSource,
  startOf,
  type MapPair,
  type Path,
  type Plain,
  type Source,
} from './yaml-place.ts';

export interface TextEdit {
  from: number;
  to: number;
  insert: string;
}

/** Above this a patch is not read again before it is given. */
const CHECKED_CHARS = 400_000;

/** Puts a value where the path leads, making what is missing on the way. `after`: keys behind which a new one stands, the first of them that is there. */
export function setValue(source: Source, path: Path, value: Plain, after: readonly string[] = []): TextEdit[] | null {
  const edits = patched(source, path, value, after);
  return edits === null ? null : checked(source, edits, withValue(source.value, path, value));
}

/** Takes it away; a map that is empty then goes too, down to `keep` steps, where it stays as `{}`. */
export function removeValue(source: Source, path: Path, keep = 0): TextEdit[] | null {
  const parent = nodeAt(source.root, path.slice(0, -1));
  const step = path.at(-1);
  if (step === undefined || parent === undefined || parent === null) return null;
  if (isSeq(parent) && typeof step === 'number') {
    if (parent.items.length === 1 && path.length - 1 > keep) return removeValue(source, path.slice(0, -1), keep);
    const edits = withoutItem(source, parent, step);
    return edits === null ? null : checked(source, edits, withoutValue(source.value, path));
  }
  const pair = pairOf(parent, step);
  if (pair === null || !isMap(parent)) return null;
  if (parent.items.length === 1) {
    if (path.length - 1 > keep) return removeValue(source, path.slice(0, -1), keep);
    return setValue(source, path.slice(0, -1), {});
  }
  return checked(source, withoutPair(source, parent, pair), withoutValue(source.value, path));
}

/** At the end of a list; makes the list. */
export function appendItem(source: Source, path: Path, item: Plain, after: readonly string[] = []): TextEdit[] | null {
  const list = nodeAt(source.root, path);
  if (!isSeq(list) || list.items.length === 0) return setValue(source, path, [item], after);
  const last = list.items.at(-1) as Node;
  const end = endOf(source.text, last);
  const manner = mannerAt(source, list);
  const edits: TextEdit[] = isFlow(list)
    ? [{ from: end, to: end, insert: `,${separator(source, list)}${inList(item, { ...manner, flow: true })}` }]
    : [lineBehind(source.text, end, `${dashPad(source, last)}- ${inList(item, manner)}`)];
  return checked(source, edits, withValue(source.value, [...path, list.items.length], item));
}

/** Another name for a key, in its place. */
export function renameKey(source: Source, path: Path, next: string): TextEdit | null {
  const pair = pairOf(nodeAt(source.root, path.slice(0, -1)), path.at(-1) ?? '');
  if (pair === null) return null;
  const [from = 0, to = 0] = pair.key.range ?? [];
  const quoted =
    isScalar(pair.key) && (pair.key.type === 'QUOTE_DOUBLE' || pair.key.type === 'QUOTE_SINGLE') ? pair.key.type : null;
  return { from, to, insert: scalar(next, { format: source.format, flow: true, indent: 0, quoted }) };
}

/** Another text for a scalar, quoted as it was. */
export function replaceScalar(source: Source, node: Node, next: string): TextEdit | null {
  if (!isScalar(node) || isBlockScalar(node)) return null;
  const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? node.type : null;
  const [from = 0, to = 0] = node.range ?? [];
  return { from, to, insert: scalar(next, { format: source.format, flow: true, indent: 0, quoted }) };
}

/** The text with the edits, which do not overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let at = 0;
  for (const { from, to, insert } of edits.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    result += text.slice(at, from) + insert;
    at = to;
  }
  return result + text.slice(at);
}

function patched(source: Source, path: Path, value: Plain, after: readonly string[]): TextEdit[] | null {
  let at: Node | null = source.root;
  for (const [depth, step] of path.entries()) {
    const rest = nested(path.slice(depth + 1), value);
    if (isLink(at)) return null;
    if (isSeq(at)) {
      const item = typeof step === 'number' ? (at.items[step] as Node | undefined) : undefined;
      if (item === undefined) return null;
      if (depth === path.length - 1)
        return replaced(source, item, value, { ...mannerAt(source, at), flow: isFlow(at) });
      at = item;
      continue;
    }
    if (!isMap(at)) return null;
    const pair = pairOf(at, step);
    if (pair === null) return inserted(source, at, String(step), rest, after);
    const manner: Manner = { format: source.format, flow: isFlow(at), indent: columnOfKey(source, pair) };
    if (depth === path.length - 1 || pair.value === null || isEmptyScalar(pair.value))
      return valueReplaced(source, pair, rest, manner);
    at = pair.value;
  }
  return null;
}

function valueReplaced(source: Source, pair: MapPair, value: Plain, manner: Manner): TextEdit[] | null {
  const { text } = source;
  const colon = colonEnd(text, pair);
  const node = pair.value;
  if (node === null || isEmptyScalar(node)) return [{ from: colon, to: colon, insert: afterColon(value, manner) }];
  if (isMap(node) && isRecord(value) && node.items.length > 0 && Object.keys(value).length > 0) {
    const finer = mapChanged(source, node, value, manner);
    if (finer !== null) return finer;
  }
  if (isSeq(node) && Array.isArray(value)) {
    const finer = listChanged(source, node, value);
    if (finer !== null) return finer;
  }
  if (isScalar(node) && isScalarValue(value)) return replaced(source, node, value, manner);
  const end = endOf(text, node);
  return [
    smallest(text, {
      from: colon,
      to: end,
      insert: afterColon(value, isFlow(node) && isBlockFit(value) ? { ...manner, flow: true } : manner),
    }),
  ];
}

/** What was short in brackets stays so, unless it holds lines now. */
function isBlockFit(value: Plain): boolean {
  return !JSON.stringify(value).includes('\\n');
}

function replaced(source: Source, node: Node, value: Plain, manner: Manner): TextEdit[] | null {
  const { text } = source;
  if (!isScalar(node) || !isScalarValue(value)) {
    const insert = inList(value, manner);
    return [smallest(text, { from: startOf(node), to: endOf(text, node), insert })];
  }
  const quoted =
    (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') && typeof value === 'string' ? node.type : null;
  const from = startOf(node);
  if (isBlockScalar(node)) return [smallest(text, blockReplaced(source, node, value, manner))];
  const to = node.range?.[1] ?? from;
  const insert = scalar(value, { ...manner, quoted });
  const rest = text.slice(to, lineEnd(text, to));
  if (!insert.startsWith('|') || rest.trim() === '') return [smallest(text, { from, to, insert })];
  // A comment behind the value stands behind the bar then: below it, it would be part of the text.
  const [bar = '|', ...lines] = insert.split('\n');
  return [{ from, to: to + rest.length, insert: [bar + rest, ...lines].join('\n') }];
}

function blockReplaced(source: Source, node: Node, value: string | number | boolean | null, manner: Manner): TextEdit {
  const { text } = source;
  const from = startOf(node);
  const barEnd = lineEnd(text, from);
  const to = node.range?.[1] ?? from;
  const isLast = to >= text.length && text.at(-1) !== '\n';
  const comment = /#.*$/.exec(text.slice(from, barEnd))?.[0];
  const indent = /\n( *)\S/.exec(text.slice(barEnd, to))?.[1]?.length ?? manner.indent + 2;
  const isLines = typeof value === 'string' && value.includes('\n');
  const written = isLines && value.trim() !== '' ? literal(value, indent) : scalar(value, { ...manner, flow: isLines });
  const [bar = '', ...lines] = written.split('\n');
  const commented = [comment === undefined ? bar : `${bar} ${comment}`, ...lines].join('\n');
  // Blank lines behind a text belong to what comes next.
  const end = endOf(text, node);
  return isLast || text[end] !== '\n' ? { from, to: end, insert: commented } : { from, to: end, insert: commented };
}

/** Member by member; null: all of it must be written anew. */
function mapChanged(source: Source, map: YAMLMap, value: { [key: string]: Plain }, manner: Manner): TextEdit[] | null {
  const now = plainOf(map);
  if (!isRecord(now)) return null;
  const kept = Object.keys(now).filter((key) => key in value);
  if (kept.length === 0) return null;
  const gone = Object.keys(now).filter((key) => !(key in value));
  const added = Object.keys(value).filter((key) => !(key in now));
  if (gone.length + added.length > 1) return null;
  const edits: TextEdit[] = [];
  for (const key of kept) {
    if (same(now[key] ?? null, value[key] ?? null)) continue;
    const pair = pairOf(map, key);
    const change =
      pair &&
      valueReplaced(source, pair, value[key] ?? null, {
        ...manner,
        flow: isFlow(map),
        indent: columnOfKey(source, pair),
      });
    if (!change) return null;
    edits.push(...change);
  }
  for (const key of gone) {
    const pair = pairOf(map, key);
    if (pair === null) return null;
    edits.push(...withoutPair(source, map, pair));
  }
  for (const key of added) edits.push(...inserted(source, map, key, value[key] ?? null, []));
  return edits;
}

/** One item more, or one less; null: all of it must be written anew. */
function listChanged(source: Source, list: YAMLSeq, value: Plain[]): TextEdit[] | null {
  const now = plainOf(list);
  if (!Array.isArray(now) || now.length === 0 || value.length === 0) return null;
  const isStart = now.every((item, index) => index < value.length && same(item, value[index] ?? null));
  if (value.length === now.length + 1 && isStart) {
    const last = list.items.at(-1) as Node;
    const end = endOf(source.text, last);
    const item = value.at(-1) ?? null;
    const manner = mannerAt(source, list);
    return isFlow(list)
      ? [{ from: end, to: end, insert: `,${separator(source, list)}${inList(item, { ...manner, flow: true })}` }]
      : [lineBehind(source.text, end, `${dashPad(source, last)}- ${inList(item, manner)}`)];
  }
  if (value.length === now.length - 1) {
    const at = now.findIndex((item, index) => !same(item, value[index] ?? null));
    const index = at === -1 ? now.length - 1 : at;
    if (same(now.toSpliced(index, 1), value)) return withoutItem(source, list, index);
  }
  if (value.length !== now.length || !now.every(isScalarValue) || !value.every(isScalarValue)) return null;
  const edits: TextEdit[] = [];
  for (const [index, item] of value.entries()) {
    if (same(item, now[index] ?? null)) continue;
    const change = replaced(source, list.items[index] as Node, item, { ...mannerAt(source, list), flow: true });
    if (change === null) return null;
    edits.push(...change);
  }
  return edits;
}

function inserted(source: Source, map: YAMLMap, key: string, value: Plain, after: readonly string[]): TextEdit[] {
  const { text, format } = source;
  const name = keyText(key, format);
  const items = map.items as MapPair[];
  const behind = after.map((each) => pairOf(map, each)).find((pair) => pair !== null) ?? items.at(-1);
  if (behind === undefined) {
    const [from = 0, to = 0] = map.range ?? [];
    const isOwnLine = format === 'yaml' && text.slice(lineStart(text, from), from).trim().endsWith(':');
    if (!isOwnLine) {
      const inner = `${name}:${afterColon(value, { format, flow: true, indent: 0 })}`;
      return [{ from, to, insert: format === 'json' ? `{${inner}}` : `{ ${inner} }` }];
    }
    const indent = /^ */.exec(text.slice(lineStart(text, from)))?.[0].length ?? 0;
    const blank = text[from - 1] === ' ' ? 1 : 0;
    const line = `\n${' '.repeat(indent + 2)}${name}:${afterColon(value, { format, flow: false, indent: indent + 2 })}`;
    return [{ from: from - blank, to, insert: line }];
  }
  const end = endOfPair(text, behind);
  if (isFlow(map)) {
    const gap = separator(source, map);
    const manner = { format, flow: format !== 'json' || !gap.includes('\n'), indent: columnOfKey(source, behind) };
    return [{ from: end, to: end, insert: `,${gap}${name}:${afterColon(value, manner)}` }];
  }
  const indent = columnOf(text, startOf((items[0] ?? behind).key));
  return [lineBehind(text, end, `${' '.repeat(indent)}${name}:${afterColon(value, { format, flow: false, indent })}`)];
}

function withoutPair({ text }: Source, map: YAMLMap, pair: MapPair): TextEdit[] {
  const items = map.items as MapPair[];
  const index = items.indexOf(pair);
  const start = startOf(pair.key);
  const next = items[index + 1];
  const before = items[index - 1];
  if (isFlow(map)) {
    if (before !== undefined) return [{ from: endOfPair(text, before), to: endOfPair(text, pair), insert: '' }];
    return [{ from: start, to: next === undefined ? endOfPair(text, pair) : startOf(next.key), insert: '' }];
  }
  const isFirstOnLine = text.slice(lineStart(text, start), start).trim() === '';
  if (!isFirstOnLine && next !== undefined) return [{ from: start, to: startOf(next.key), insert: '' }];
  return [wholeLines(text, start, endOfPair(text, pair))];
}

function withoutItem(source: Source, list: YAMLSeq, index: number): TextEdit[] | null {
  const { text } = source;
  const item = list.items[index] as Node | undefined;
  if (item === undefined) return null;
  const before = list.items[index - 1] as Node | undefined;
  const next = list.items[index + 1] as Node | undefined;
  if (isFlow(list)) {
    if (before !== undefined) return [{ from: endOf(text, before), to: endOf(text, item), insert: '' }];
    return [{ from: startOf(item), to: next === undefined ? endOf(text, item) : startOf(next), insert: '' }];
  }
  if (before === undefined && next === undefined) return null;
  return [wholeLines(text, text.lastIndexOf('-', startOf(item)), endOf(text, item))];
}

function wholeLines(text: string, start: number, end: number): TextEdit {
  const from = lineStart(text, start);
  const to = lineEnd(text, end);
  if (to < text.length) return { from, to: to + 1, insert: '' };
  return { from: Math.max(0, from - 1), to, insert: '' };
}

function lineBehind(text: string, end: number, line: string): TextEdit {
  const at = lineEnd(text, end);
  return { from: at, to: at, insert: `\n${line}` };
}

/** Between two members in brackets: a blank, or a line break as between those that are there. */
function separator({ text }: Source, list: YAMLMap | YAMLSeq): string {
  const last = list.items.at(-1);
  const start = isPair(last) ? startOf((last as MapPair).key) : last ? startOf(last as Node) : 0;
  return /\n\s*$/.exec(text.slice(startOf(list), start))?.[0] ?? ' ';
}

function dashPad({ text }: Source, item: Node): string {
  const dash = text.lastIndexOf('-', startOf(item));
  return ' '.repeat(columnOf(text, dash));
}

function mannerAt(source: Source, list: YAMLSeq): Manner {
  const first = list.items[0] as Node | undefined;
  return {
    format: source.format,
    flow: isFlow(list),
    indent: first ? Math.max(0, columnOf(source.text, startOf(first)) - 2) : 0,
  };
}

function columnOfKey({ text }: Source, pair: MapPair): number {
  return columnOf(text, startOf(pair.key));
}

/** What both ends have in common stays. */
function smallest(text: string, { from, to, insert }: TextEdit): TextEdit {
  let start = 0;
  const most = Math.min(to - from, insert.length);
  while (start < most && text[from + start] === insert[start]) start += 1;
  let end = 0;
  while (end < most - start && text[to - 1 - end] === insert[insert.length - 1 - end]) end += 1;
  return { from: from + start, to: to - end, insert: insert.slice(start, insert.length - end) };
}

/** The edits, when they make of the text what was meant. */
export function checked(source: Source, edits: TextEdit[], meant: Plain): TextEdit[] | null {
  const found = edits.filter(({ from, to, insert }) => from !== to || insert !== '');
  if (source.text.length > CHECKED_CHARS) return found;
  const next = readSource(applyEdits(source.text, found), source.format);
  return next !== null && same(next.value, meant) ? found : null;
}

function plainOf(node: Node): Plain {
  return node.toJSON() as Plain;
}

function nested(path: Path, value: Plain): Plain {
  return path.reduceRight<Plain>((inner, step) => ({ [String(step)]: inner }), value);
}

export function withValue(root: Plain, path: Path, value: Plain): Plain {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(root) && typeof step === 'number')
    return step < root.length
      ? root.with(step, withValue(root[step] ?? null, rest, value))
      : [...root, withValue(null, rest, value)];
  const map = isRecord(root) ? root : {};
  return { ...map, [step]: withValue(map[step] ?? null, rest, value) };
}

export function withoutValue(root: Plain, path: Path): Plain {
  const [step, ...rest] = path;
  if (step === undefined) return null;
  if (Array.isArray(root) && typeof step === 'number')
    return rest.length === 0 ? root.toSpliced(step, 1) : root.with(step, withoutValue(root[step] ?? null, rest));
  if (!isRecord(root)) return root;
  if (rest.length === 0) return Object.fromEntries(Object.entries(root).filter(([key]) => key !== String(step)));
  return { ...root, [step]: withoutValue(root[step] ?? null, rest) };
}

export function isRecord(value: Plain | undefined): value is { [key: string]: Plain } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The order of members means nothing. */
export function same(one: Plain, other: Plain): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, index) => same(item, other[index] ?? null));
  if (!isRecord(one) || !isRecord(other)) return Object.is(one, other);
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => key in other && same(one[key] ?? null, other[key] ?? null))
  );
}
