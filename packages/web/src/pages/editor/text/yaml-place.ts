/** Where things of a definition stand in its text. JSON is read as the YAML that it is. */
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

export type Step = string | number;
export type Path = readonly Step[];
export type Plain = null | string | number | boolean | Plain[] | { [key: string]: Plain };

/** A text that can be edited by its nodes. */
export interface Source {
  text: string;
  format: 'yaml' | 'json';
  root: Node | null;
  /** The same as plain values. */
  value: Plain;
}

export type MapPair = Pair<Node, Node | null>;

/** What was read last: an edit, its check and what is then shown are about the same two texts, and reading a long one takes long. */
const known: { text: string; format: 'yaml' | 'json'; source: Source | null }[] = [];
const KNOWN_MAX = 3;

/** Null: the text is no YAML (or JSON) as yet. */
export function readSource(text: string, format: 'yaml' | 'json'): Source | null {
  const found = known.find((each) => each.format === format && each.text === text);
  if (found !== undefined) return found.source;
  const source = parseSource(text, format);
  known.unshift({ text, format, source });
  known.length = Math.min(known.length, KNOWN_MAX);
  return source;
}

function parseSource(text: string, format: 'yaml' | 'json'): Source | null {
  // Keys that stand twice are for the definition's own parser to refuse; here each key would be held against all others.
  const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false });
  if (document.errors.length > 0) return null;
  try {
    return { text, format, root: document.contents, value: document.toJS({ maxAliasCount: 1000 }) as Plain };
  } catch {
    return null;
  }
}

/** The pair of a map, or null. */
export function pairOf(map: Node | null | undefined, key: Step): MapPair | null {
  if (!isMap(map)) return null;
  for (const pair of map.items)
    if (isScalar(pair.key) && String(pair.key.value) === String(key)) return pair as MapPair;
  return null;
}

/** What stands at a path; undefined: nothing, or something behind an alias. */
export function nodeAt(root: Node | null, path: Path): Node | null | undefined {
  let at: Node | null | undefined = root;
  for (const step of path) {
    if (isSeq(at) && typeof step === 'number') at = at.items[step] as Node | undefined;
    else {
      const pair = pairOf(at, step);
      if (pair === null) return undefined;
      at = pair.value;
    }
    if (at === undefined) return undefined;
  }
  return at;
}

export function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** Behind the last character that belongs to it; line breaks at the end of a block are not counted unless they are part of the value. */
export function endOf(text: string, node: Node): number {
  if (isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1);
    if (isPair(last)) return endOfPair(text, last as MapPair);
    if (last !== undefined) return endOf(text, last as Node);
  }
  const end = node.range?.[1] ?? 0;
  if (!isBlockScalar(node)) return end;
  const header = text.slice(startOf(node), lineEnd(text, startOf(node)));
  if (/^[|>][^#]*\+/.test(header)) return text[end - 1] === '\n' ? end - 1 : end;
  return startOf(node) + text.slice(startOf(node), end).trimEnd().length;
}

export function endOfPair(text: string, pair: MapPair): number {
  if (pair.value !== null && !isEmptyScalar(pair.value)) return endOf(text, pair.value);
  return colonEnd(text, pair);
}

/** Behind the colon. */
export function colonEnd(text: string, pair: MapPair): number {
  return text.indexOf(':', pair.key.range?.[1] ?? 0) + 1;
}

/** `key:` with nothing behind it. */
export function isEmptyScalar(node: Node): boolean {
  return isScalar(node) && (node.range?.[0] ?? 0) === (node.range?.[1] ?? 0);
}

export function isBlockScalar(node: Node): boolean {
  return isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
}

export function isFlow(node: Node | null): node is YAMLMap | YAMLSeq {
  return isCollection(node) && node.flow === true;
}

export function isLink(node: Node | null | undefined): boolean {
  return isAlias(node);
}

export function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

/** Of the line that `at` stands in, without its line break. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

export function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}
