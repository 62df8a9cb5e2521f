/**
 * Collects everything that is wrong with one definition. Owns the problems and warnings of one parse; positions and
 * pointers are worked out at the end, only for what is reported.
 */
import { LIMITS } from '../limits.ts';
import type { DefinitionProblem } from '../workflow.ts';
import { keysOf, pointerOf, ROOT, type Place } from './place.ts';
import { LineIndex, type SourceNode } from './source.ts';

/**
 * `script`: the text of shell and python tasks, where `${…}` belongs to the script's own language. `bound`: SQL and HTTP,
 * where the worker puts the values in. `value`: everything else.
 */
export type TemplateKind = 'value' | 'bound' | 'script';

/** What a definition is checked with, beyond its own shape. */
export interface DefinitionChecks {
  /**
   * Given every text that may hold `${…}` or `$[…]`; answers what is wrong with it, or null. `kind` says how `${` is read.
   */
  checkTemplate?: (text: string, kind: TemplateKind) => string | null;
  /** Given a schedule's cron expression; answers what is wrong with it, or null. */
  checkCron?: (cron: string) => string | null;
}

interface Finding {
  place: Place;
  /** Whether the key or the value is what is wrong. */
  aspect: 'key' | 'value';
  message: string;
  /** Known already when the text was parsed. */
  offset: number | null;
}

export class ProblemLog {
  readonly checks: DefinitionChecks;
  readonly #problems: Finding[] = [];
  readonly #warnings: Finding[] = [];
  readonly #root: SourceNode | null;

  constructor(checks: DefinitionChecks, root: SourceNode | null) {
    this.checks = checks;
    this.#root = root;
  }

  get failed(): boolean {
    return this.#problems.length > 0;
  }

  /** `aspect: 'key'` points to the key instead of the value: for unknown keys and for things that are missing inside. */
  problem(place: Place, message: string, aspect: 'key' | 'value' = 'value', offset: number | null = null): undefined {
    this.#problems.push({ place, aspect, message, offset });
  }

  warning(place: Place, message: string, aspect: 'key' | 'value' = 'value'): void {
    this.#warnings.push({ place, aspect, message, offset: null });
  }

  /** How the number at `place` was written, when that is not how it prints; null otherwise. */
  writtenNumber(place: Place): string | null {
    return this.#root === null ? null : nodeAt(this.#root, place).node.written;
  }

  /** Everything found, sorted by position, without repetitions, cut off at the limit. `text` null: no positions. */
  report(text: string | null): { problems: DefinitionProblem[]; warnings: DefinitionProblem[] } {
    const lines = text === null ? null : new LineIndex(text);
    return { problems: this.#listed(this.#problems, lines), warnings: this.#listed(this.#warnings, lines) };
  }

  #listed(findings: Finding[], lines: LineIndex | null): DefinitionProblem[] {
    const seen = new Set<string>();
    const placed: { finding: Finding; offset: number | null }[] = [];
    for (const finding of findings) {
      const offset = lines === null ? null : (finding.offset ?? this.#offsetOf(finding));
      // One mistake behind an alias or in `defaults` is met once per use; by position it is the same.
      const identity = `${offset ?? pointerOf(finding.place)} ${finding.message}`;
      if (seen.has(identity)) continue;
      seen.add(identity);
      placed.push({ finding, offset });
    }
    if (lines !== null) placed.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
    const fits = placed.length <= LIMITS.definitionProblems;
    const shown = fits ? placed : placed.slice(0, LIMITS.definitionProblems - 1);
    const list = shown.map(({ finding, offset }): DefinitionProblem => {
      const position = lines === null || offset === null ? { line: null, column: null } : lines.at(offset);
      return { pointer: pointerOf(finding.place), ...position, message: finding.message };
    });
    if (!fits)
      list.push({ pointer: '', line: null, column: null, message: `and ${placed.length - shown.length} more` });
    return list;
  }

  #offsetOf({ place, aspect }: Finding): number | null {
    if (this.#root === null) return null;
    const { node, keyOffset } = nodeAt(this.#root, place);
    return aspect === 'key' && keyOffset !== null ? keyOffset : node.offset;
  }
}

/** The node at a place, or the deepest one on the way to it that exists. */
function nodeAt(root: SourceNode, place: Place): { node: SourceNode; keyOffset: number | null } {
  let found: { node: SourceNode; keyOffset: number | null } = { node: root, keyOffset: null };
  if (place === ROOT) return found;
  for (const key of keysOf(place)) {
    const member = found.node.members?.get(String(key));
    const item = typeof key === 'number' ? found.node.items?.[key] : undefined;
    if (member) found = member;
    else if (item) found = { node: item, keyOffset: null };
    else break;
  }
  return found;
}
