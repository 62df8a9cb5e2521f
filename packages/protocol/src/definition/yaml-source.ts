/**
 * YAML 1.2 (core schema) with positions. Anchors, aliases and merge keys (`<<`) work; several documents, custom tags,
 * aliases of themselves and aliases that expand beyond all measure are refused.
 */
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type Document,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { called, inside, ROOT, shorten, type Place } from './place.ts';
import { parsePlainYaml } from './plain-yaml.ts';
import {
  inexactNumber,
  isInexact,
  MAX_DEPTH,
  REFUSED,
  scalarNode,
  setOwn,
  type ParsedSource,
  type SourceNode,
  type SourceProblem,
} from './source.ts';

/** Values that aliases may add to those that are written. */
const MAX_ALIASED_VALUES = 1_000_000;
const CORE_TAGS = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`).concat('!'),
);

/** Parses the text; all syntax errors are reported, and if there are none, everything that is refused beyond syntax. */
export function parseYamlSource(text: string): ParsedSource {
  const plain = parsePlainYaml(text);
  return plain === null ? parseAnyYaml(text) : { root: plain, problems: [] };
}

/** The same without the short way for plain documents. */
export function parseAnyYaml(text: string): ParsedSource {
  const composed = compose(text);
  if (composed.problems.length > 0 || composed.document === null) return { root: null, problems: composed.problems };
  const conversion = new Conversion();
  const root = conversion.node(composed.document.contents, ROOT, 0);
  return { root: conversion.refused ? null : root, problems: conversion.problems };
}

function compose(text: string): { document: Document.Parsed | null; problems: SourceProblem[] } {
  const problems: SourceProblem[] = [];
  const documents: Document.Parsed[] = [];
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false });
  const parser = new Parser();
  try {
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
      if (parser.stack.length <= MAX_DEPTH + 5) continue;
      return {
        document: null,
        problems: [syntaxProblem(parser.offset, `more than ${MAX_DEPTH} collections inside one another`)],
      };
    }
    for (const token of parser.end()) documents.push(...composer.next(token));
    documents.push(...composer.end(true, text.length));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { document: null, problems: [syntaxProblem(parser.offset, `cannot be read from here on: ${detail}`)] };
  }
  const [document = null, second] = documents;
  for (const { errors } of documents)
    problems.push(...errors.map((error) => syntaxProblem(error.pos[0], explained(error.message))));
  if (second && problems.length === 0)
    problems.push(syntaxProblem(second.range[0], 'a file holds one definition, but a second document begins here'));
  return { document, problems };
}

/** Adds what to do to the mistake that is made most. */
function explained(message: string): string {
  if (!/^Unexpected (?:flow-|scalar)/.test(message)) return message;
  return `${message}; inside \`{ }\` and \`[ ]\` a text that holds any of \`{ } [ ] ,\` must stand in quotes`;
}

function syntaxProblem(offset: number, message: string): SourceProblem {
  return { place: ROOT, offset, message: `YAML syntax: ${message}` };
}

/** Turns YAML nodes into source nodes, in document order, since an alias means the latest anchor before it. */
class Conversion {
  readonly problems: SourceProblem[] = [];
  /** True when the document cannot be looked at further. */
  refused = false;
  /** Null while the anchored node is being built: an alias to it would contain itself. */
  readonly #anchors = new Map<string, { node: SourceNode; valueCount: number } | null>();
  #valueCount = 0;
  #aliasedCount = 0;

  node(yaml: ParsedNode | null, place: Place, depth: number): SourceNode {
    if (yaml === null) return scalarNode(0, null);
    const offset = yaml.range[0];
    if (isAlias(yaml)) return this.#alias(yaml.source, offset, place);
    if (yaml.tag !== undefined && !CORE_TAGS.has(yaml.tag))
      this.#problem(
        place,
        offset,
        `the tag \`${shorten(yaml.tag)}\` of ${called(place)} is not allowed; only plain YAML values are`,
      );
    const countBefore = this.#valueCount++;
    if (yaml.anchor !== undefined) this.#anchors.set(yaml.anchor, null);
    const node =
      depth >= MAX_DEPTH && !isScalar(yaml)
        ? this.#refuse(place, offset, `more than ${MAX_DEPTH} collections inside one another`)
        : this.#content(yaml, place, depth);
    if (yaml.anchor !== undefined) this.#anchors.set(yaml.anchor, { node, valueCount: this.#valueCount - countBefore });
    return node;
  }

  #content(yaml: ParsedNode, place: Place, depth: number): SourceNode {
    if (isMap(yaml)) return this.#map(yaml, place, depth);
    if (isSeq(yaml)) {
      const items = yaml.items.map((item, index) => this.node(item, inside(place, index), depth + 1));
      return { offset: yaml.range[0], value: items.map((item) => item.value), members: null, items, written: null };
    }
    return isScalar(yaml) ? this.#scalar(yaml, place) : scalarNode(yaml.range[0], null);
  }

  #scalar(yaml: Scalar.Parsed, place: Place): SourceNode {
    const offset = yaml.range[0];
    const { value } = yaml;
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return scalarNode(offset, value);
    if (typeof value !== 'number') return scalarNode(offset, yaml.source);
    const written = yaml.source;
    if (!Number.isFinite(value))
      return this.#refuse(
        place,
        offset,
        `${called(place)} is \`${shorten(written)}\`, which is not a number that can be stored; put it in quotes to keep it as text`,
      );
    if (isInexact(value, written)) return this.#refuse(place, offset, inexactNumber(place, written));
    return scalarNode(offset, value, String(value) === written ? null : written);
  }

  #map(yaml: YAMLMap.Parsed, place: Place, depth: number): SourceNode {
    const members: NonNullable<SourceNode['members']> = new Map();
    const own = new Set<string>();
    for (const { key, value } of yaml.items) {
      if (isMergeKey(key)) {
        this.#merge(this.node(value, inside(place, '<<'), depth + 1), members, place);
        continue;
      }
      const keyOffset = key.range[0];
      const text = this.#keyText(key);
      if (text === null) {
        this.#problem(place, keyOffset, `a key of ${called(place)} is a collection; keys are text`);
        continue;
      }
      const at = inside(place, text);
      const node = this.node(value ?? null, at, depth + 1);
      if (value === null) node.offset = keyOffset;
      if (own.has(text)) this.#problem(at, keyOffset, `\`${shorten(text)}\` is given twice in the same map`);
      else members.set(text, { keyOffset, node });
      own.add(text);
    }
    const values: Record<string, unknown> = {};
    for (const [key, member] of members) setOwn(values, key, member.node.value);
    return { offset: yaml.range[0], value: values, members, items: null, written: null };
  }

  /** Adds what `<<` brings: earlier keys win over later ones, and keys of the map itself over all. */
  #merge(merged: SourceNode, members: NonNullable<SourceNode['members']>, place: Place): void {
    for (const node of merged.items ?? [merged]) {
      if (node.members === null) {
        if (node.value === REFUSED) return;
        this.#problem(inside(place, '<<'), merged.offset, '`<<` must name a map or a list of maps');
        return;
      }
      for (const [key, member] of node.members) if (!members.has(key)) members.set(key, member);
    }
  }

  #keyText(key: ParsedNode): string | null {
    if (isAlias(key)) {
      const value = this.#anchors.get(key.source)?.node.value;
      return typeof value === 'string' ? value : null;
    }
    if (!isScalar(key)) return null;
    if (key.anchor !== undefined) this.node(key, ROOT, 0);
    return typeof key.value === 'string' ? key.value : key.source;
  }

  #alias(name: string, offset: number, place: Place): SourceNode {
    const anchor = this.#anchors.get(name);
    if (anchor === undefined)
      return this.#refuse(
        place,
        offset,
        `the alias \`*${shorten(name)}\` has no anchor \`&${shorten(name)}\` before it`,
      );
    if (anchor === null)
      return this.#refuse(place, offset, `the alias \`*${shorten(name)}\` stands inside the value that it names`);
    if (this.refused) return scalarNode(offset, REFUSED);
    this.#valueCount += anchor.valueCount;
    this.#aliasedCount += anchor.valueCount;
    if (this.#aliasedCount > MAX_ALIASED_VALUES) {
      this.refused = true;
      this.#problem(place, offset, `the aliases of this document expand to more than ${MAX_ALIASED_VALUES} values`);
    }
    return anchor.node;
  }

  #refuse(place: Place, offset: number, message: string): SourceNode {
    this.#problem(place, offset, message);
    return scalarNode(offset, REFUSED);
  }

  #problem(place: Place, offset: number, message: string): void {
    this.problems.push({ place, offset, message });
  }
}

function isMergeKey(key: ParsedNode): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.value === '<<';
}
