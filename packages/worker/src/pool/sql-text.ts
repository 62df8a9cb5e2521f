/**
 * Cutting SQL text into statements and binding its `${name}`: enough of each dialect's lexical rules to know what is
 * a literal, a comment or a quoted name, and no more. A value never becomes part of the text:
 *
 *   where id = ${id}             → where id = ?
 *   where day = '${day}'         → where day = ?            (bound as text)
 *   where name like '${p}-%'     → where name like (? || '-%')
 *
 * `!{name}` is replaced textually, before anything else, by a value that the task's own list allows.
 */
import { invalidTask } from './task-failure.ts';

export type SqlDialect = 'sqlite' | 'postgres' | 'mysql';

export interface Binding {
  name: string;
  /** It stood inside quotes, so it is text whatever it looks like. */
  quoted: boolean;
}

export interface SqlStatement {
  /** With the driver's own placeholders. */
  text: string;
  bindings: Binding[];
}

const PLACEHOLDER = /\$\{([^{}]+)\}/g;

/** Puts the allowed values in place of `!{name}`. Throws a TaskFailure for a name or value that the list does not hold. */
export function fillRaw(text: string, params: Record<string, string>, allowed: Record<string, string[]>): string {
  return text.replace(/!\{([^{}]+)\}/g, (_whole, name: string) => {
    const values = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (!values) throw invalidTask(`!{${name}} is used but the task's raw list has no ${name}`);
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined) throw invalidTask(`there is no parameter named ${name}`);
    if (!values.includes(value))
      throw invalidTask(`the value of ${name} is not among those that the task's raw list allows`);
    return value;
  });
}

/** Cuts a text into statements, in order, without empty ones. */
export function splitStatements(text: string, dialect: SqlDialect): SqlStatement[] {
  const statements: SqlStatement[] = [];
  let current = new StatementBuilder(dialect);
  const finish = (): void => {
    const statement = current.build();
    if (statement) statements.push(statement);
    current = new StatementBuilder(dialect);
  };
  for (let at = 0; at < text.length;) {
    if (text[at] === ';' && !current.insideBlock()) {
      finish();
      at += 1;
      continue;
    }
    const end = tokenEnd(text, at, dialect);
    current.add(text.slice(at, end));
    at = end;
  }
  finish();
  return statements;
}

class StatementBuilder {
  readonly #dialect: SqlDialect;
  readonly #bindings: Binding[] = [];
  #text = '';
  #hasCode = false;
  /** The code without literals and comments, for telling where a trigger's body ends. */
  #skeleton = '';

  constructor(dialect: SqlDialect) {
    this.#dialect = dialect;
  }

  add(token: string): void {
    const kind = tokenKind(token);
    if (kind !== 'space' && kind !== 'comment') this.#hasCode = true;
    if (kind === 'code' || kind === 'space') this.#skeleton += token;
    if (kind === 'placeholder') this.#text += this.#bind(token.slice(2, -1), false);
    else this.#text += kind === 'literal' && token.startsWith("'") ? this.#literal(token) : token;
  }

  /** True in the body of a trigger or routine, whose semicolons end no statement of ours. */
  insideBlock(): boolean {
    const code = this.#skeleton.trim();
    if (!/^create\s+(or\s+replace\s+)?(temp\w*\s+)?(trigger|function|procedure)\b/i.test(code)) return false;
    if (!/\bbegin\b/i.test(code)) return false;
    return !/\bend$/i.test(code);
  }

  build(): SqlStatement | null {
    return this.#hasCode ? { text: this.#text.trim(), bindings: this.#bindings } : null;
  }

  #bind(name: string, quoted: boolean): string {
    this.#bindings.push({ name, quoted });
    if (this.#dialect !== 'postgres') return '?';
    return quoted ? `cast($${this.#bindings.length} as text)` : `$${this.#bindings.length}`;
  }

  /** A string literal with placeholders becomes the concatenation of its parts. */
  #literal(token: string): string {
    const parts: string[] = [];
    let end = 1;
    for (const match of token.matchAll(PLACEHOLDER)) {
      if (match.index > end) parts.push(`'${token.slice(end, match.index)}'`);
      parts.push(this.#bind(match[1] ?? '', true));
      end = match.index + match[0].length;
    }
    if (end === 1) return token;
    if (end < token.length - 1) parts.push(`'${token.slice(end, -1)}'`);
    if (parts.length === 1) return parts[0] ?? '';
    return this.#dialect === 'mysql' ? `concat(${parts.join(', ')})` : `(${parts.join(' || ')})`;
  }
}

type TokenKind = 'space' | 'comment' | 'literal' | 'placeholder' | 'code';

function tokenKind(token: string): TokenKind {
  if (/^\s/.test(token)) return 'space';
  if (token.startsWith('--') || token.startsWith('/*') || token.startsWith('#')) return 'comment';
  if (/^\$\{[^{}]+\}$/.test(token)) return 'placeholder';
  return /^(['"`[]|\$\w*\$)/.test(token) && token.length > 1 ? 'literal' : 'code';
}

/** Where the token that begins at `at` ends. */
function tokenEnd(text: string, at: number, dialect: SqlDialect): number {
  const first = text[at] ?? '';
  const next = text[at + 1] ?? '';
  if (/\s/.test(first)) return runEnd(text, at, /\S/g);
  if (first === '-' && next === '-') return runEnd(text, at, /\n/g);
  if (first === '#' && dialect === 'mysql') return runEnd(text, at, /\n/g);
  if (first === '/' && next === '*') return commentEnd(text, at, dialect === 'postgres');
  if (first === '$' && next === '{') return placeholderEnd(text, at);
  if (first === '$' && dialect === 'postgres') return dollarQuoteEnd(text, at);
  if (first === "'")
    return quoteEnd(text, at, first, dialect === 'mysql' || (dialect === 'postgres' && isEscapeString(text, at)));
  if (first === '"') return quoteEnd(text, at, first, dialect === 'mysql');
  if (first === '`' && dialect !== 'postgres') return quoteEnd(text, at, first, false);
  if (first === '[' && dialect === 'sqlite') return runEnd(text, at, /\]/g) + 1;
  return /\w/.test(first) ? runEnd(text, at, /\W/g) : at + 1;
}

function runEnd(text: string, at: number, stop: RegExp): number {
  stop.lastIndex = at + 1;
  return stop.exec(text)?.index ?? text.length;
}

function commentEnd(text: string, at: number, nested: boolean): number {
  let depth = 1;
  const marks = /\/\*|\*\//g;
  marks.lastIndex = at + 2;
  for (let match = marks.exec(text); match; match = marks.exec(text)) {
    if (match[0] === '*/') depth -= 1;
    else if (nested) depth += 1;
    if (depth === 0) return match.index + 2;
  }
  return text.length;
}

function placeholderEnd(text: string, at: number): number {
  const match = /^\$\{[^{}]+\}/.exec(text.slice(at, at + 256));
  return match ? at + match[0].length : at + 1;
}

function dollarQuoteEnd(text: string, at: number): number {
  const tag = /^\$([A-Za-z_]\w*)?\$/.exec(text.slice(at, at + 72))?.[0];
  if (tag === undefined) return at + 1;
  const end = text.indexOf(tag, at + tag.length);
  return end < 0 ? text.length : end + tag.length;
}

function quoteEnd(text: string, at: number, quote: string, backslash: boolean): number {
  for (let index = at + 1; index < text.length; index += 1) {
    if (backslash && text[index] === '\\') index += 1;
    else if (text[index] === quote && text[index + 1] === quote) index += 1;
    else if (text[index] === quote) return index + 1;
  }
  return text.length;
}

/** PostgreSQL's `E'…'`, in which a backslash escapes. */
function isEscapeString(text: string, at: number): boolean {
  return /(^|\W)e$/i.test(text.slice(Math.max(0, at - 2), at));
}
