/**
 * Texts with `${name}` and `$[time expression]` in them, taken apart once. Values are put in as they are and never
 * looked at again, so what a value holds cannot become a reference or an expression: `${name}` comes before `$[…]`
 * because the names inside an expression are filled in before it is evaluated, not by reading the result twice.
 *
 * `$$[` is a literal `$[`, and in values `$${` a literal `${`. `$[…]` without any letter is no time expression (each has at least one
 * field) and stays as it is: bash's `$[1+2]` and JSON paths such as `$[0]`.
 */
import { PARAMETER_LIMITS } from './limits.ts';
import { checkTimeExpression } from './time-expression.ts';

export type InnerPart = { kind: 'text'; text: string } | { kind: 'reference'; name: string; source: string };
export type TemplatePart =
  | InnerPart
  | { kind: 'time'; inner: Extract<TemplatePart, { kind: 'text' | 'reference' }>[]; source: string };

export interface Template {
  parts: TemplatePart[];
  /** Syntax errors, as sentences; what they are about stands in `parts` as text. */
  problems: string[];
}

/**
 * How `${` is read. `value`: everything up to `}` is a name. `bound`: the same, but the reference stays in the text for
 * the worker (SQL, HTTP), so there is no escape. `script`: the text belongs to a shell or to Python, whose own
 * `${x:-y}` is left alone; only a plain name between the braces is a reference, and `$$` is the shell's.
 */
export type Dialect = 'value' | 'bound' | 'script';

/**
 * Null, or a sentence that names the first bad `$[…]` or `${…}` and its line. Pass `script` for the text of a shell or
 * Python task, where `${` belongs to the language.
 */
export function checkTemplate(text: string, dialect: Dialect = 'value'): string | null {
  if (!text.includes('$')) return null;
  return parseTemplate(text, dialect).problems[0] ?? null;
}

/** A text that comes out of a template as `text` itself, whatever it holds. */
export function escapeTemplate(text: string): string {
  if (!text.includes('$')) return text;
  return text.replace(/\$(?=[{[])/g, '$$$$');
}

export function parseTemplate(text: string, dialect: Dialect): Template {
  const scan: Scan = {
    text,
    dialect,
    at: 0,
    lastBrace: text.lastIndexOf('}'),
    lastBracket: text.lastIndexOf(']'),
    parts: [],
    problems: [],
  };
  for (let next = text.indexOf('$'); next !== -1; next = text.indexOf('$', scan.at)) {
    pushText(scan, text.slice(scan.at, next));
    scan.at = next;
    readDollar(scan);
  }
  pushText(scan, text.slice(scan.at));
  return { parts: scan.parts, problems: scan.problems };
}

interface Scan {
  readonly text: string;
  readonly dialect: Dialect;
  at: number;
  /** Where the last `}` and `]` stand, so that many unclosed openings cost one search. */
  readonly lastBrace: number;
  readonly lastBracket: number;
  readonly parts: TemplatePart[];
  readonly problems: string[];
}

function readDollar(scan: Scan): void {
  const { text, at } = scan;
  if (text.startsWith('$$[', at) || (scan.dialect === 'value' && text.startsWith('$${', at)))
    return literal(scan, text.slice(at + 1, at + 3), 3);
  if (text.startsWith('$[', at)) return readTime(scan);
  if (text.startsWith('${', at)) return readReference(scan);
  literal(scan, '$', 1);
}

function literal(scan: Scan, value: string, length: number): void {
  pushText(scan, value);
  scan.at += length;
}

const PLAIN_REFERENCE = /\$\{([\p{L}_][\p{L}\p{M}\p{Nd}_.-]*)\}/uy;

function readReference(scan: Scan): void {
  const { text, at } = scan;
  PLAIN_REFERENCE.lastIndex = at;
  const plain = PLAIN_REFERENCE.exec(text);
  if (plain) {
    scan.parts.push({ kind: 'reference', name: plain[1]!, source: plain[0] });
    scan.at += plain[0].length;
    return;
  }
  if (scan.dialect === 'script') return literal(scan, '${', 2);
  const end = scan.lastBrace < at ? -1 : text.indexOf('}', at);
  if (end === -1) return broken(scan, () => `\`${excerpt(text, at)}\` has no closing \`}\``);
  const name = text.slice(at + 2, end);
  const source = text.slice(at, end + 1);
  if (name.trim() === '') return broken(scan, () => `\`${excerpt(source, 0)}\` names no parameter`, source.length);
  scan.parts.push({ kind: 'reference', name, source });
  scan.at = end + 1;
}

function readTime(scan: Scan): void {
  const { text, at } = scan;
  const end = scan.lastBracket < at ? null : endOfTime(text, at + 2);
  if (end === null)
    return broken(
      scan,
      () =>
        `\`${excerpt(text, at)}\` has no closing \`]\` within ${PARAMETER_LIMITS.expressionChars} characters; ${ESCAPE_HINT}`,
    );
  const inner = text.slice(at + 2, end);
  const parts = innerParts(inner);
  const hasReference = parts.some((part) => part.kind === 'reference');
  if (!hasReference && !/[A-Za-z]/.test(inner)) return literal(scan, text.slice(at, end + 1), end + 1 - at);
  const problem = hasReference ? null : checkTimeExpression(inner);
  if (problem !== null) return broken(scan, () => `${problem}; ${ESCAPE_HINT}`, end + 1 - at);
  scan.parts.push({ kind: 'time', inner: parts, source: text.slice(at, end + 1) });
  scan.at = end + 1;
}

const ESCAPE_HINT = 'a literal `$[` is written `$$[`';

/** The `]` that closes, past those in single quotes; null when there is none near enough. */
function endOfTime(text: string, from: number): number | null {
  const limit = Math.min(text.length, from + PARAMETER_LIMITS.expressionChars + 1);
  let quoted = false;
  for (let at = from; at < limit; at++) {
    const char = text[at];
    if (char === "'") quoted = !quoted;
    else if (char === ']' && !quoted) return at;
  }
  const unquoted = text.slice(from, limit).indexOf(']');
  return unquoted === -1 ? null : from + unquoted;
}

function innerParts(inner: string): InnerPart[] {
  const parts: InnerPart[] = [];
  let from = 0;
  for (const match of inner.matchAll(/\$\{([\p{L}_][\p{L}\p{M}\p{Nd}_.-]*)\}/gu)) {
    if (match.index > from) parts.push({ kind: 'text', text: inner.slice(from, match.index) });
    parts.push({ kind: 'reference', name: match[1]!, source: match[0] });
    from = match.index + match[0].length;
  }
  if (from < inner.length) parts.push({ kind: 'text', text: inner.slice(from) });
  return parts;
}

function broken(scan: Scan, problem: () => string, length = 2): void {
  if (scan.problems.length < PARAMETER_LIMITS.problemsPerDetail)
    scan.problems.push(`${problem()} (line ${lineOf(scan.text, scan.at)})`);
  literal(scan, scan.text.slice(scan.at, scan.at + length), length);
}

function lineOf(text: string, at: number): number {
  let line = 1;
  for (let next = text.indexOf('\n'); next !== -1 && next < at; next = text.indexOf('\n', next + 1)) line++;
  return line;
}

function excerpt(text: string, at: number): string {
  const piece = text.slice(at, at + PARAMETER_LIMITS.quotedChars).split('\n', 1)[0] ?? '';
  return at + PARAMETER_LIMITS.quotedChars < text.length ? `${piece}…` : piece;
}

function pushText(scan: Scan, text: string): void {
  if (text === '') return;
  const last = scan.parts.at(-1);
  if (last?.kind === 'text') last.text += text;
  else scan.parts.push({ kind: 'text', text });
}

/** Every name that the template refers to, those inside time expressions included; each once. */
export function namesIn(template: Template): string[] {
  const names = new Set<string>();
  for (const part of template.parts) {
    if (part.kind === 'reference') names.add(part.name);
    else if (part.kind === 'time')
      for (const inner of part.inner) if (inner.kind === 'reference') names.add(inner.name);
  }
  return [...names];
}

/** True when the template is its own value. */
export function isConstant(template: Template): boolean {
  return template.problems.length === 0 && template.parts.every((part) => part.kind === 'text');
}

/** References whose name is not ours become text; those inside time expressions stay. */
export function withoutForeign(template: Template, isOurs: (name: string) => boolean): Template {
  const parts: TemplatePart[] = [];
  for (const part of template.parts) {
    const next: TemplatePart =
      part.kind === 'reference' && !isOurs(part.name) ? { kind: 'text', text: part.source } : part;
    const last = parts.at(-1);
    if (next.kind === 'text' && last?.kind === 'text')
      parts[parts.length - 1] = { kind: 'text', text: last.text + next.text };
    else parts.push(next);
  }
  return { parts, problems: template.problems };
}
