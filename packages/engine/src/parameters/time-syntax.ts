/**
 * The grammar of `$[…]`:
 *
 *     expression := function "(" dated ["," sum] ")" [offset]        timestamp and year_week take no offset after them
 *                 | format [offset]
 *     dated      := function "(" … ")" [offset] | format [offset]
 *     offset     := ("+" | "-") sum                                  days; whole days are calendar days
 *     sum        := numbers, + - * / and parentheses
 *     format     := fields (yyyy yy M MM d dd H HH m mm s ss SSS), text in 'quotes', other characters as they are
 *
 * An offset begins at the first sign that a digit or a parenthesis follows, so the dashes of `yyyy-MM-dd-1` are
 * text and the last one is not. Unquoted ASCII letters are fields or mistakes, never text.
 */
import { PARAMETER_LIMITS } from './limits.ts';
import { add, divide, multiply, negate, rational, splitWhole, type Rational } from './rational.ts';

export type Field = 'yyyy' | 'yy' | 'MM' | 'M' | 'dd' | 'd' | 'HH' | 'H' | 'mm' | 'm' | 'ss' | 's' | 'SSS';
export type FormatPart = { field: Field } | { text: string };

/** Moves of the date, applied in order to the logical date. */
export type Step =
  | { kind: 'days'; amount: Rational }
  | { kind: 'months'; count: number }
  | { kind: 'month-first'; months: number }
  | { kind: 'month-last'; months: number }
  /** First and last day of a quarter (3), half year (6) or year (12), that many of them away. */
  | { kind: 'period-first'; length: 3 | 6 | 12; periods: number }
  | { kind: 'period-last'; length: 3 | 6 | 12; periods: number }
  | { kind: 'week-first'; weeks: number }
  | { kind: 'week-last'; weeks: number };

export interface TimeExpression {
  steps: Step[];
  format: FormatPart[];
  result: 'formatted' | 'year-week' | 'timestamp';
}

export type ParsedTimeExpression = { ok: true; expression: TimeExpression } | { ok: false; problem: string };

/** Reads the text between `$[` and `]`. A problem is a phrase without the expression itself. */
export function parseTimeExpression(source: string): ParsedTimeExpression {
  if (source.length > PARAMETER_LIMITS.expressionChars) {
    return { ok: false, problem: `it is longer than ${PARAMETER_LIMITS.expressionChars} characters` };
  }
  const reader: Reader = { source, at: 0, depth: 0, problem: null };
  const expression = readTop(reader);
  return reader.problem === null ? { ok: true, expression } : { ok: false, problem: reader.problem };
}

/** What goes wrong first is kept; after that every rule just returns. */
interface Reader {
  readonly source: string;
  at: number;
  depth: number;
  problem: string | null;
}

type Unit = 'days' | 'months' | 'weeks' | 'quarters' | 'half years' | 'years';
interface FunctionRule {
  /** What the second argument counts; null: there is none. */
  unit: Unit | null;
  amountRequired: boolean;
  steps(amount: Rational, count: number): Step[];
}

const days = (amount: Rational): Step[] => (amount.numerator === 0n ? [] : [{ kind: 'days', amount }]);

function periodRule(unit: Unit, length: 3 | 6 | 12, kind: 'period-first' | 'period-last'): FunctionRule {
  return { unit, amountRequired: false, steps: (_amount, periods) => [{ kind, length, periods }] };
}

const FUNCTIONS: Record<string, FunctionRule> = {
  add_months: { unit: 'months', amountRequired: true, steps: (_amount, count) => [{ kind: 'months', count }] },
  month_begin: {
    unit: 'days',
    amountRequired: false,
    steps: (amount) => [{ kind: 'month-first', months: 0 }, ...days(amount)],
  },
  month_end: {
    unit: 'days',
    amountRequired: false,
    steps: (amount) => [{ kind: 'month-last', months: 0 }, ...days(amount)],
  },
  week_begin: {
    unit: 'days',
    amountRequired: false,
    steps: (amount) => [{ kind: 'week-first', weeks: 0 }, ...days(amount)],
  },
  week_end: {
    unit: 'days',
    amountRequired: false,
    steps: (amount) => [{ kind: 'week-last', weeks: 0 }, ...days(amount)],
  },
  month_first_day: {
    unit: 'months',
    amountRequired: false,
    steps: (_amount, months) => [{ kind: 'month-first', months }],
  },
  month_last_day: {
    unit: 'months',
    amountRequired: false,
    steps: (_amount, months) => [{ kind: 'month-last', months }],
  },
  quarter_first_day: periodRule('quarters', 3, 'period-first'),
  quarter_last_day: periodRule('quarters', 3, 'period-last'),
  half_year_first_day: periodRule('half years', 6, 'period-first'),
  half_year_last_day: periodRule('half years', 6, 'period-last'),
  year_first_day: periodRule('years', 12, 'period-first'),
  year_last_day: periodRule('years', 12, 'period-last'),
  week_first_day: { unit: 'weeks', amountRequired: false, steps: (_amount, weeks) => [{ kind: 'week-first', weeks }] },
  week_last_day: { unit: 'weeks', amountRequired: false, steps: (_amount, weeks) => [{ kind: 'week-last', weeks }] },
  this_day: { unit: null, amountRequired: false, steps: () => [] },
  last_day: { unit: null, amountRequired: false, steps: () => [{ kind: 'days', amount: rational(-1n) }] },
};
const OUTER_FUNCTIONS = ['timestamp', 'year_week'] as const;
const FUNCTION_NAMES = [...Object.keys(FUNCTIONS), ...OUTER_FUNCTIONS];

function readTop(reader: Reader): TimeExpression {
  const name = functionAhead(reader);
  if (name !== 'timestamp' && name !== 'year_week') {
    const dated = readDated(reader, false);
    return finish(reader, { ...dated, result: 'formatted' });
  }
  openFunction(reader, name);
  const dated = readDated(reader, true);
  if (reader.source[reader.at] === ',') {
    fail(
      reader,
      name === 'year_week'
        ? 'year_week takes one argument; weeks begin on Monday (ISO 8601)'
        : 'timestamp takes one argument',
    );
  }
  closeFunction(reader, name);
  if (name === 'timestamp' && !isSortableSecond(dated.format)) {
    fail(
      reader,
      'timestamp needs year, month, day, hour, minute and second in that order: yyyyMMddHHmmss, each of them a field or digits',
    );
  }
  return finish(reader, { ...dated, result: name === 'timestamp' ? 'timestamp' : 'year-week' });
}

function finish(reader: Reader, expression: TimeExpression): TimeExpression {
  skipSpace(reader);
  if (reader.at < reader.source.length)
    fail(
      reader,
      `nothing may follow ${quote(reader.source.slice(0, reader.at))}: ${quote(reader.source.slice(reader.at))}`,
    );
  return expression;
}

interface Dated {
  steps: Step[];
  format: FormatPart[];
}

function readDated(reader: Reader, insideFunction: boolean): Dated {
  skipSpace(reader);
  const name = functionAhead(reader);
  const dated = name === null ? { steps: [], format: readFormat(reader, insideFunction) } : readFunction(reader, name);
  skipSpace(reader);
  if (reader.problem !== null || !offsetAhead(reader)) return dated;
  return { ...dated, steps: [...dated.steps, ...days(readOffset(reader))] };
}

function readFunction(reader: Reader, name: string): Dated {
  const rule = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!rule) {
    fail(reader, name === 'timestamp' || name === 'year_week' ? `${name} must stand outermost` : unknownFunction(name));
    return { steps: [], format: [] };
  }
  openFunction(reader, name);
  if (reader.problem !== null) return { steps: [], format: [] };
  const dated = readDated(reader, true);
  const amount = readAmount(reader, name, rule);
  closeFunction(reader, name);
  const count = amount.denominator === 1n ? Number(amount.numerator) : 0;
  return { ...dated, steps: [...dated.steps, ...rule.steps(amount, count)] };
}

function readAmount(reader: Reader, name: string, rule: FunctionRule): Rational {
  const zero = rational(0n);
  if (reader.problem !== null) return zero;
  if (reader.source[reader.at] !== ',') {
    if (rule.amountRequired)
      fail(reader, `${name} needs a second argument, the number of ${rule.unit}: ${name}(yyyyMMdd,-1)`);
    return zero;
  }
  if (rule.unit === null) {
    fail(reader, `${name} takes one argument, the format`);
    return zero;
  }
  reader.at++;
  const amount = readSum(reader);
  if (reader.problem !== null) return zero;
  if (rule.unit !== 'days' && amount.denominator !== 1n) fail(reader, `${name} counts whole ${rule.unit}`);
  return withinRange(reader, amount, rule.unit);
}

/** In days for days and weeks, else in months. */
const UNIT_SIZE: Record<Unit, number> = { days: 1, weeks: 7, months: 1, quarters: 3, 'half years': 6, years: 12 };

function withinRange(reader: Reader, amount: Rational, unit: Unit): Rational {
  const { whole } = splitWhole(amount);
  const size = Number(whole < 0n ? -whole : whole) * UNIT_SIZE[unit];
  const countsDays = unit === 'days' || unit === 'weeks';
  if (size <= (countsDays ? PARAMETER_LIMITS.offsetDays : PARAMETER_LIMITS.offsetMonths)) return amount;
  fail(reader, 'it moves the date by more than 10,000 years');
  return rational(0n);
}

function openFunction(reader: Reader, name: string): void {
  reader.at += name.length + 1;
  deeper(reader);
}

function closeFunction(reader: Reader, name: string): void {
  skipSpace(reader);
  if (reader.problem !== null) return;
  if (reader.source[reader.at] !== ')') fail(reader, `${name}( is not closed`);
  reader.at++;
  reader.depth--;
}

/** The name of the function that begins here, known or not; null when a format does. */
function functionAhead(reader: Reader): string | null {
  FUNCTION_START.lastIndex = reader.at;
  return FUNCTION_START.exec(reader.source)?.[1] ?? null;
}
const FUNCTION_START = /([A-Za-z_][A-Za-z0-9_]*)\(/y;

function unknownFunction(name: string): string {
  return `there is no function ${quote(name)}; there are ${FUNCTION_NAMES.join(', ')}`;
}

// ---- formats

const FIELDS: ReadonlySet<string> = new Set<Field>([
  'yyyy',
  'yy',
  'MM',
  'M',
  'dd',
  'd',
  'HH',
  'H',
  'mm',
  'm',
  'ss',
  's',
  'SSS',
]);
const isField = (text: string): text is Field => FIELDS.has(text);
const FIELD_HINTS: Record<string, string> = {
  Y: 'the year is yyyy',
  y: 'the year is yyyy or yy',
  D: 'the day is dd',
  d: 'the day is dd or d',
  h: 'the hour is HH, 0 to 23',
  H: 'the hour is HH or H',
  M: 'the month is MM or M',
  m: 'the minute is mm or m',
  s: 'the second is ss or s',
  S: 'milliseconds are SSS',
};
/** Characters that mean something here or elsewhere; as text they stand in quotes. */
const MUST_BE_QUOTED = new Set(['*', '(', ')', '[', ']', '{', '}', '"', '$', '\\', '`', ',']);

function readFormat(reader: Reader, insideFunction: boolean): FormatPart[] {
  const { source } = reader;
  const parts: FormatPart[] = [];
  let hasField = false;
  while (reader.problem === null && reader.at < source.length) {
    const char = source[reader.at]!;
    if (insideFunction && (char === ',' || char === ')')) break;
    if (offsetAhead(reader)) break;
    if (char === "'") pushText(parts, readQuoted(reader));
    else if (/[A-Za-z]/.test(char)) {
      const field = readField(reader);
      if (field) parts.push({ field });
      hasField = true;
    } else if (MUST_BE_QUOTED.has(char) || char < ' ' || char === '\u007f')
      fail(reader, `${quote(char)} may stand in a format only in quotes`);
    else {
      pushText(parts, char);
      reader.at++;
    }
  }
  if (!hasField) fail(reader, 'a format is missing, such as yyyyMMdd');
  const dangling = /[+-]$/.exec(source.slice(0, reader.at).trimEnd());
  if (dangling) fail(reader, `a number is missing after ${quote(dangling[0])}; as text it stands in quotes`);
  return endsInBareSpace(reader) ? trimEnd(parts) : parts;
}

function endsInBareSpace(reader: Reader): boolean {
  return /\s/.test(reader.source[reader.at - 1] ?? '');
}

function readField(reader: Reader): Field | null {
  const letter = reader.source[reader.at]!;
  let end = reader.at;
  while (reader.source[end] === letter) end++;
  const run = reader.source.slice(reader.at, end);
  reader.at = end;
  if (isField(run)) return run;
  const hint = FIELD_HINTS[letter];
  fail(
    reader,
    `${quote(run)} is not a field of a format${hint ? `; ${hint}` : "; letters meant as text stand in quotes, as in 'T'"}`,
  );
  return null;
}

/** Java's rule: text between single quotes, and two of them are one. */
function readQuoted(reader: Reader): string {
  const { source } = reader;
  if (source.startsWith("''", reader.at)) {
    reader.at += 2;
    return "'";
  }
  let text = '';
  for (let at = reader.at + 1; at < source.length; at++) {
    if (source[at] !== "'") text += source[at];
    else if (source[at + 1] === "'") {
      text += "'";
      at++;
    } else {
      reader.at = at + 1;
      return text;
    }
  }
  fail(reader, 'a single quote is not closed');
  return text;
}

function pushText(parts: FormatPart[], text: string): void {
  const last = parts.at(-1);
  if (last && 'text' in last) last.text += text;
  else parts.push({ text });
}

function trimEnd(parts: FormatPart[]): FormatPart[] {
  const last = parts.at(-1);
  if (last && 'text' in last) last.text = last.text.trimEnd();
  return parts;
}

/** True when the formatted text, its digits alone, is yyyyMMddHHmmss. */
function isSortableSecond(format: FormatPart[]): boolean {
  const starts: Partial<Record<Field, number>> = { yyyy: 0, MM: 4, dd: 6, HH: 8, mm: 10, ss: 12 };
  let digits = 0;
  for (const part of format) {
    if ('text' in part) digits += part.text.replace(/[^0-9]/g, '').length;
    else if (starts[part.field] !== digits) return false;
    else digits += part.field.length;
  }
  return digits === 14;
}

// ---- offsets and sums

const OFFSET_START = /[+-][\s+-]*[0-9.(]/y;

function offsetAhead(reader: Reader): boolean {
  OFFSET_START.lastIndex = reader.at;
  return OFFSET_START.test(reader.source);
}

function readOffset(reader: Reader): Rational {
  const { source, at } = reader;
  if (/^[+-]\s*0[0-9]/.test(source.slice(at))) {
    fail(reader, `${quote(source.slice(at))} would be a number of days; text stands in quotes, as in '-01'`);
    return rational(0n);
  }
  const amount = readSum(reader);
  return reader.problem === null ? withinRange(reader, amount, 'days') : amount;
}

function readSum(reader: Reader): Rational {
  let sum = readProduct(reader);
  for (;;) {
    skipSpace(reader);
    const operator = reader.source[reader.at];
    if (reader.problem !== null || (operator !== '+' && operator !== '-')) return sum;
    reader.at++;
    const right = readProduct(reader);
    sum = add(sum, operator === '+' ? right : negate(right));
  }
}

function readProduct(reader: Reader): Rational {
  let product = readSigned(reader);
  for (;;) {
    skipSpace(reader);
    const operator = reader.source[reader.at];
    if (reader.problem !== null || (operator !== '*' && operator !== '/')) return product;
    reader.at++;
    const right = readSigned(reader);
    if (reader.problem !== null) return product;
    const next = operator === '*' ? multiply(product, right) : divide(product, right);
    if (next === null) fail(reader, 'it divides by zero');
    else product = next;
  }
}

function readSigned(reader: Reader): Rational {
  let negative = false;
  for (skipSpace(reader); ; skipSpace(reader)) {
    const char = reader.source[reader.at];
    if (char !== '+' && char !== '-') break;
    if (char === '-') negative = !negative;
    reader.at++;
  }
  const value = readNumber(reader);
  return negative ? negate(value) : value;
}

function readNumber(reader: Reader): Rational {
  if (reader.source[reader.at] === '(') return readParenthesised(reader);
  NUMBER.lastIndex = reader.at;
  const match = NUMBER.exec(reader.source);
  if (!match) {
    const found = reader.source.slice(reader.at);
    fail(reader, found === '' ? 'a number is missing at the end' : `a number is expected at ${quote(found)}`);
    return rational(0n);
  }
  const [text, whole = '', decimals = ''] = match;
  if (text.length > PARAMETER_LIMITS.numberDigits) fail(reader, `${quote(text)} has too many digits`);
  reader.at += text.length;
  return rational(BigInt(whole + decimals), 10n ** BigInt(decimals.length));
}
const NUMBER = /([0-9]+)(?:\.([0-9]+))?/y;

function readParenthesised(reader: Reader): Rational {
  reader.at++;
  deeper(reader);
  if (reader.problem !== null) return rational(0n);
  const value = readSum(reader);
  skipSpace(reader);
  if (reader.problem === null && reader.source[reader.at] !== ')') fail(reader, 'a parenthesis is not closed');
  reader.at++;
  reader.depth--;
  return value;
}

function deeper(reader: Reader): void {
  if (++reader.depth > PARAMETER_LIMITS.expressionNesting)
    fail(reader, `it is nested more than ${PARAMETER_LIMITS.expressionNesting} deep`);
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.source[reader.at] ?? '')) reader.at++;
}

function fail(reader: Reader, problem: string): void {
  reader.problem ??= problem;
}

function quote(text: string): string {
  return `\`${text}\``;
}
