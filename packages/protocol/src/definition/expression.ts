/**
 * The closed grammar of `switch` conditions: literals, `${name}`, `== != < <= > >=`, `&& || !`, `( )`, `in [..]`,
 * `=~ "pattern"`. Nothing in it can reach code: a name is only ever looked up by the caller's function.
 *
 *   or         = and { "||" and }
 *   and        = comparison { "&&" comparison }
 *   comparison = unary [ ("==" | "!=" | "<" | "<=" | ">" | ">=") unary | "in" "[" unary { "," unary } "]" | "=~" text ]
 *   unary      = { "!" } primary
 *   primary    = number | text | "true" | "false" | "${" name "}" | "(" or ")"
 *
 * Two sides that are both numbers (or parameters that read as numbers) compare as numbers, all else as text; a text in
 * quotes is never a number. `=~` finds its RE2 pattern anywhere in the text, in linear time.
 */
import { RE2JS } from 're2js';
import { shorten } from './place.ts';

export type ExpressionValue = string | number | boolean;
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type Expression =
  | { kind: 'literal'; value: ExpressionValue }
  | { kind: 'name'; name: string }
  | { kind: 'not'; of: Expression }
  | { kind: 'and' | 'or'; of: Expression[] }
  | { kind: 'compare'; operator: Comparison; left: Expression; right: Expression }
  | { kind: 'in'; value: Expression; list: Expression[] }
  | { kind: 'matches'; value: Expression; pattern: string };

export type ParsedExpression =
  | { kind: 'expression'; expression: Expression }
  /** `offset` counts UTF-16 units from the start of the expression. */
  | { kind: 'syntax-error'; offset: number; message: string };

export type Evaluation = { kind: 'value'; value: boolean } | { kind: 'unknown-name'; name: string };

export const EXPRESSION_LIMITS = { characters: 10_000, depth: 64, patternCharacters: 1000 } as const;

/** Parses one expression; never throws. */
export function parseExpression(text: string): ParsedExpression {
  if (text.length > EXPRESSION_LIMITS.characters) {
    return { kind: 'syntax-error', offset: 0, message: `longer than ${EXPRESSION_LIMITS.characters} characters` };
  }
  try {
    return { kind: 'expression', expression: new ExpressionReader(text).whole() };
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error;
    return { kind: 'syntax-error', offset: error.offset, message: error.message };
  }
}

/**
 * Evaluates to true or false. `lookup` answers the value of `${name}`, or undefined when there is none, which ends the
 * evaluation as `unknown-name`, unless `&&` or `||` was already decided before it.
 */
export function evaluateExpression(
  expression: Expression,
  lookup: (name: string) => ExpressionValue | undefined,
): Evaluation {
  try {
    return { kind: 'value', value: isTrue(evaluate(expression, lookup)) };
  } catch (error) {
    if (!(error instanceof UnknownName)) throw error;
    return { kind: 'unknown-name', name: error.unknown };
  }
}

/** Names that the expression looks up, each once. */
export function namesIn(expression: Expression, into: Set<string> = new Set()): Set<string> {
  if (expression.kind === 'name') into.add(expression.name);
  for (const part of partsOf(expression)) namesIn(part, into);
  return into;
}

function partsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'not':
      return [expression.of];
    case 'and':
    case 'or':
      return expression.of;
    case 'compare':
      return [expression.left, expression.right];
    case 'in':
      return [expression.value, ...expression.list];
    case 'matches':
      return [expression.value];
  }
}

class UnknownName extends Error {
  readonly unknown: string;
  constructor(unknown: string) {
    super(unknown);
    this.unknown = unknown;
  }
}

/** A value and whether its text may count as a number: texts in quotes do not. */
interface Operand {
  value: ExpressionValue;
  quoted: boolean;
}

function evaluate(expression: Expression, lookup: (name: string) => ExpressionValue | undefined): Operand {
  switch (expression.kind) {
    case 'literal':
      return { value: expression.value, quoted: typeof expression.value === 'string' };
    case 'name': {
      const value: unknown = lookup(expression.name);
      // Whatever a careless lookup finds on a prototype is not a parameter.
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
        throw new UnknownName(expression.name);
      return { value, quoted: false };
    }
    case 'not':
      return truth(!isTrue(evaluate(expression.of, lookup)));
    case 'and':
      return truth(expression.of.every((part) => isTrue(evaluate(part, lookup))));
    case 'or':
      return truth(expression.of.some((part) => isTrue(evaluate(part, lookup))));
    case 'compare':
      return truth(
        compares(expression.operator, evaluate(expression.left, lookup), evaluate(expression.right, lookup)),
      );
    case 'in': {
      const value = evaluate(expression.value, lookup);
      return truth(expression.list.some((item) => compares('==', value, evaluate(item, lookup))));
    }
    case 'matches':
      return truth(
        RE2JS.compile(expression.pattern)
          .matcher(String(evaluate(expression.value, lookup).value))
          .find(),
      );
  }
}

function truth(value: boolean): Operand {
  return { value, quoted: false };
}

/** False: `false`, 0 and empty, as value or as text. */
function isTrue({ value }: Operand): boolean {
  return value !== false && value !== 0 && value !== '' && value !== 'false' && value !== '0';
}

function compares(operator: Comparison, left: Operand, right: Operand): boolean {
  const order = orderOf(left, right);
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

const NUMERIC = /^\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*$/;
const WHOLE = /^\s*-?\d{1,1000}\s*$/;

function orderOf(left: Operand, right: Operand): number {
  if (isNumeric(left) && isNumeric(right)) {
    const [a, b] = [String(left.value), String(right.value)];
    // Ids of more than 15 digits would be equal to their neighbours as floating-point numbers.
    if (WHOLE.test(a) && WHOLE.test(b)) return sign(BigInt(a), BigInt(b));
    return sign(Number(left.value), Number(right.value));
  }
  return sign(String(left.value), String(right.value));
}

function sign<T extends string | number | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isNumeric({ value, quoted }: Operand): boolean {
  return typeof value === 'number' || (typeof value === 'string' && !quoted && NUMERIC.test(value));
}

class ExpressionSyntaxError extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

interface Token {
  kind: 'symbol' | 'number' | 'text' | 'name' | 'word' | 'end';
  text: string;
  offset: number;
}

const SPACE = /\s+/y;
const SYMBOL = /===?|!==?|=~|<=|>=|&&|\|\||[<>!()[\],]/y;
const NUMBER = /[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?![\p{L}\p{N}_])/uy;
const NAME = /\$\{([^{}$\s]{1,255})\}/y;
const TEXT = /"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'/y;
const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const COMPARISONS: ReadonlySet<string> = new Set<Comparison>(['==', '!=', '<', '<=', '>', '>=']);

/** Lives for one parse; recursion is bounded by `EXPRESSION_LIMITS.depth`. */
class ExpressionReader {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #next = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokenize();
  }

  whole(): Expression {
    const expression = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') fail(rest.offset, `unexpected \`${shorten(rest.text)}\``);
    return expression;
  }

  #or(): Expression {
    if (++this.#depth > EXPRESSION_LIMITS.depth)
      fail(this.#peek().offset, `more than ${EXPRESSION_LIMITS.depth} parentheses inside one another`);
    const expression = this.#chain('or', '||', () => this.#chain('and', '&&', () => this.#comparison()));
    this.#depth--;
    return expression;
  }

  #chain(kind: 'and' | 'or', symbol: string, part: () => Expression): Expression {
    const first = part();
    if (!this.#isSymbol(symbol)) return first;
    const of = [first];
    while (this.#takeSymbol(symbol)) of.push(part());
    return { kind, of };
  }

  #comparison(): Expression {
    const left = this.#unary();
    const token = this.#peek();
    if (token.kind === 'symbol' && COMPARISONS.has(token.text)) {
      this.#next++;
      const right = this.#unary();
      this.#refuseChain();
      return { kind: 'compare', operator: token.text as Comparison, left, right };
    }
    if (this.#takeSymbol('=~')) return { kind: 'matches', value: left, pattern: this.#pattern() };
    if (token.kind === 'word' && token.text === 'in') {
      this.#next++;
      return { kind: 'in', value: left, list: this.#list() };
    }
    return left;
  }

  #refuseChain(): void {
    const token = this.#peek();
    if (token.kind === 'symbol' && (COMPARISONS.has(token.text) || token.text === '=~'))
      fail(token.offset, 'comparisons cannot be chained; use `&&`');
  }

  #unary(): Expression {
    let negations = 0;
    while (this.#takeSymbol('!')) negations++;
    let expression = this.#primary();
    if (negations > 0) expression = { kind: 'not', of: expression };
    return negations > 0 && negations % 2 === 0 ? { kind: 'not', of: expression } : expression;
  }

  #primary(): Expression {
    const token = this.#peek();
    this.#next++;
    if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) };
    if (token.kind === 'text') return { kind: 'literal', value: token.text };
    if (token.kind === 'name') return { kind: 'name', name: token.text };
    if (token.kind === 'word' && (token.text === 'true' || token.text === 'false'))
      return { kind: 'literal', value: token.text === 'true' };
    if (token.kind === 'symbol' && token.text === '(') {
      const inner = this.#or();
      this.#expectSymbol(')');
      return inner;
    }
    if (token.kind === 'word')
      fail(
        token.offset,
        `\`${shorten(token.text)}\` means nothing here; write \${${shorten(token.text)}} for a parameter, "${shorten(token.text)}" for a text`,
      );
    return fail(
      token.offset,
      token.kind === 'end'
        ? 'a value is missing at the end'
        : `a value must stand here, not \`${shorten(token.text)}\``,
    );
  }

  #list(): Expression[] {
    this.#expectSymbol('[');
    const items: Expression[] = [];
    do items.push(this.#unary());
    while (this.#takeSymbol(','));
    this.#expectSymbol(']');
    return items;
  }

  #pattern(): string {
    const token = this.#peek();
    if (token.kind !== 'text') fail(token.offset, 'a pattern in quotes must stand after `=~`');
    if (token.text.length > EXPRESSION_LIMITS.patternCharacters)
      fail(token.offset, `a pattern may have at most ${EXPRESSION_LIMITS.patternCharacters} characters`);
    const wrong = patternError(token.text);
    if (wrong !== null) fail(token.offset, `bad pattern: ${wrong}`);
    this.#next++;
    return token.text;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', offset: this.#source.length };
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#peek();
    return token.kind === 'symbol' && token.text === symbol;
  }

  #takeSymbol(symbol: string): boolean {
    if (!this.#isSymbol(symbol)) return false;
    this.#next++;
    return true;
  }

  #expectSymbol(symbol: string): void {
    if (this.#takeSymbol(symbol)) return;
    const token = this.#peek();
    fail(
      token.offset,
      `\`${symbol}\` must stand here, not ${token.kind === 'end' ? 'the end' : `\`${shorten(token.text)}\``}`,
    );
  }

  #tokenize(): void {
    let at = 0;
    const match = (pattern: RegExp): RegExpExecArray | null => {
      pattern.lastIndex = at;
      return pattern.exec(this.#source);
    };
    while (at < this.#source.length) {
      const space = match(SPACE);
      if (space) {
        at += space[0].length;
        continue;
      }
      const [found, token] = this.#token(match, at);
      this.#tokens.push(token);
      at += found.length;
    }
  }

  #token(match: (pattern: RegExp) => RegExpExecArray | null, offset: number): [string, Token] {
    const name = match(NAME);
    if (name) return [name[0], { kind: 'name', text: name[1] ?? '', offset }];
    const text = match(TEXT);
    if (text) return [text[0], { kind: 'text', text: unquoted(text[1] ?? text[2] ?? '', offset), offset }];
    const number = match(NUMBER);
    if (number) return [number[0], { kind: 'number', text: number[0], offset }];
    const symbol = match(SYMBOL);
    if (symbol) {
      if (symbol[0] === '===' || symbol[0] === '!==')
        fail(offset, `\`${symbol[0]}\` is written \`${symbol[0].slice(0, 2)}\``);
      return [symbol[0], { kind: 'symbol', text: symbol[0], offset }];
    }
    const word = match(WORD);
    if (word) return [word[0], { kind: 'word', text: word[0], offset }];
    const character = String.fromCodePoint(this.#source.codePointAt(offset) ?? 0);
    if (character === '"' || character === "'") fail(offset, 'the text that begins here has no closing quote');
    if (character === '$') fail(offset, 'a parameter is written `${name}`');
    const hints: Record<string, string> = { '=': '; equality is `==`', '&': '; “and” is `&&`', '|': '; “or” is `||`' };
    return fail(offset, `\`${character}\` means nothing here${hints[character] ?? ''}`);
  }
}

function unquoted(text: string, offset: number): string {
  if (/(?<!\\)(?:\\\\)*\$\{/.test(text))
    fail(offset, 'a parameter inside quotes is not replaced; write `${name}` without quotes');
  return text.replace(/\\([^])/g, (whole, escaped: string) => {
    if (escaped === 'n') return '\n';
    if (escaped === 't') return '\t';
    // Anything else that is escaped stays as it is for a pattern: `\d`, `\.`.
    return /["'\\$]/.test(escaped) ? escaped : whole;
  });
}

function patternError(pattern: string): string | null {
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function fail(offset: number, message: string): never {
  throw new ExpressionSyntaxError(offset, message);
}
