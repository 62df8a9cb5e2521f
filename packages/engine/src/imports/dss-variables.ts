/**
 * The variables of DataSphereStudio scripts, which its engine (Apache Linkis) replaces in the text before it runs it:
 * `run_date` and the dates reckoned from it, and whatever the flow, the node or a `@set` line gives a value. `${name+n}`
 * and `${name-n}` move a date by n of its own units (days, months, quarters, half years, years, hours) and a number by n.
 * Rules: `VariableUtils` and `CustomDateType` of apache/linkis.
 */
import { evaluateTimeExpression } from '../parameters/time-expression.ts';
import type { ImportOutcome } from './report.ts';

export interface DssScope {
  /** `yyyyMMdd` where the file fixes it; null: the day before the logical date. */
  runDate: string | null;
  /** Other names that have a value, with that value where it is always the same, else null. */
  values: ReadonlyMap<string, string | null>;
}

export interface VariableUse {
  /** As it stood in the text. */
  source: string;
  outcome: ImportOutcome;
  to: string | null;
  why: string | null;
}

export interface Translation {
  text: string;
  /** Each expression once. */
  uses: VariableUse[];
}

/**
 * `script` and `sql`: references to names stay what they are. `value`: of a parameter, where they would be looked up a second
 * time, which Linkis does not do, so they become literal text.
 */
export type DssText = 'script' | 'sql' | 'value';

/** The text with dates as `$[…]` or constants, and with everything escaped that only looks like a time expression. */
export function translateVariables(text: string, scope: DssScope, kind: DssText): Translation {
  if (!text.includes('$')) return { text, uses: [] };
  const uses = new Map<string, VariableUse>();
  let written = '';
  let from = 0;
  for (const match of text.matchAll(EXPRESSION)) {
    const [source, name = '', operator = '', right = ''] = match;
    written += escaped(text.slice(from, match.index), kind);
    from = match.index + source.length;
    const meaning = meaningOf({ source, name, operator, right }, scope, kind, written.endsWith('$'));
    written += meaning === null ? escaped(source, kind) : meaning.text;
    if (meaning?.use) uses.set(source, { source, ...meaning.use });
  }
  return { text: written + escaped(text.slice(from), kind), uses: [...uses.values()] };
}

/** As Linkis finds them; the lengths are bounded so that a long word costs no more than its length. */
const EXPRESSION = /\$\{\s{0,8}([A-Za-z][A-Za-z0-9_.]{0,62})\s{0,8}([+\-*/]?)\s{0,8}([A-Za-z0-9_.]{0,62})\s{0,8}\}/g;

function escaped(text: string, kind: DssText): string {
  return kind === 'value' ? text.replace(/\$(?=[{[])/g, '$$$$') : text.replaceAll('$[', '$$$$[');
}

interface Found {
  source: string;
  name: string;
  operator: string;
  right: string;
}

interface Meaning {
  text: string;
  use: Omit<VariableUse, 'source'> | null;
}

/** Null: it is none of ours, and stays. */
function meaningOf(found: Found, scope: DssScope, kind: DssText, afterDollar: boolean): Meaning | null {
  if (found.operator === '' && found.right !== '') return null;
  if (!scope.values.has(found.name)) {
    const date = DATES.get(found.name);
    if (date !== undefined) return dateMeaning(found, date, scope, afterDollar);
  }
  if (!scope.values.has(found.name) || kind === 'value') return null;
  return found.operator === '' ? { text: `\${${found.name}}`, use: null } : computed(found, scope);
}

// ---- dates

type DateVariable = { kind: 'date' | 'hour'; expression: (offset: number) => string };

/** A day, for trying an expression out: which one does not matter. */
const SOME_DAY = '20240229';

function dateMeaning(found: Found, date: DateVariable, scope: DssScope, afterDollar: boolean): Meaning {
  const leave = (why: string): Meaning => ({
    text: found.source,
    use: { outcome: 'unsupported', to: null, why },
  });
  const offset = offsetOf(found, scope);
  if (offset === null) return leave('a date is moved by + or - and a whole number');
  const expression = date.expression(offset);
  if (atRunDate(expression, SOME_DAY) === null) return leave('it moves the date too far');
  if (scope.runDate !== null) {
    const constant = constantOf(found.name, date, offset, scope.runDate);
    if (constant === null) return leave('the hour is only known when the task runs, and `run_date` is fixed here');
    return { text: constant, use: { outcome: 'changed', to: constant, why: 'the flow fixes `run_date`' } };
  }
  if (afterDollar) return leave('a `$` stands before it');
  return { text: `$[${expression}]`, use: { outcome: 'mapped', to: `$[${expression}]`, why: null } };
}

function offsetOf({ operator, right }: Found, scope: DssScope): number | null {
  if (operator === '') return 0;
  const amount = /^\d{1,6}$/.test(right) ? right : (scope.values.get(right) ?? '');
  if ((operator !== '+' && operator !== '-') || !/^\d{1,6}$/.test(amount)) return null;
  // Never -0.
  return operator === '+' ? Number(amount) : 0 - Number(amount);
}

function constantOf(name: string, date: DateVariable, offset: number, runDate: string): string | null {
  if (date.kind === 'date') return atRunDate(date.expression(offset), runDate);
  if (offset !== 0) return null;
  const day = atRunDate(name.endsWith('_std') ? "yyyy-MM-dd' '" : 'yyyyMMdd', runDate);
  return day === null ? null : `${day}$[HH]`;
}

const DAY_MS = 86_400_000;

/** The value of a time expression on the day after `runDate`, which is the logical date; null where either is impossible. */
function atRunDate(expression: string, runDate: string): string | null {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(runDate) ?? [];
  if (year === undefined) return null;
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day)) + DAY_MS;
  const evaluated = evaluateTimeExpression(expression, { at, zone: 'UTC' });
  return evaluated.ok ? evaluated.value : null;
}

/** `yyyyMMdd`, also of text with dashes; null for what is no date. */
export function runDateOf(text: string): string | null {
  const compact = /^\d{4}-\d{2}-\d{2}$/.test(text.trim()) ? text.trim().replaceAll('-', '') : text.trim();
  return atRunDate('yyyyMMdd-1', compact) === compact ? compact : null;
}

/** True of `run_date` and every date that is reckoned from it: a flow cannot give them another value. */
export function isDateVariable(name: string): boolean {
  return DATES.has(name);
}

const PERIODS = [
  ['month', 'month_first_day', 'month_last_day'],
  ['quarter', 'quarter_first_day', 'quarter_last_day'],
  ['half_year', 'half_year_first_day', 'half_year_last_day'],
  ['year', 'year_first_day', 'year_last_day'],
] as const;

const DATES: ReadonlyMap<string, DateVariable> = new Map(dateVariables());

function* dateVariables(): Generator<[string, DateVariable]> {
  for (const [std, day, month, hour] of [
    ['', 'yyyyMMdd', 'yyyyMM', 'yyyyMMddHH'],
    ['_std', 'yyyy-MM-dd', 'yyyy-MM', 'yyyy-MM-dd HH'],
  ] as const) {
    yield [`run_date${std}`, dated((n) => moved(day, n - 1))];
    yield [`run_today${std}`, dated((n) => moved(day, n))];
    for (const [period, begin, end] of PERIODS) {
      const before = `add_months(${day},-1)`;
      yield [`run_${period}_begin${std}`, dated((n) => `${begin}(${day}-1,${n})`)];
      yield [`run_${period}_end${std}`, dated((n) => `${end}(${day}-1,${n})`)];
      yield [`run_last_${period}_begin${std}`, dated((n) => `${begin}(${day}-1,${n - 1})`)];
      yield [`run_last_${period}_end${std}`, dated((n) => `${end}(${day}-1,${n - 1})`)];
      // "now": counted from the month before `run_today`.
      yield [`run_${period}_now_begin${std}`, dated((n) => `${begin}(${before},${n})`)];
      yield [`run_${period}_now_end${std}`, dated((n) => `${end}(${before},${n})`)];
      yield [`run_last_${period}_now_begin${std}`, dated((n) => `${begin}(${before},${n - 1})`)];
      yield [`run_last_${period}_now_end${std}`, dated((n) => `${end}(${before},${n - 1})`)];
    }
    yield [`run_mon${std}`, dated((n) => `month_first_day(${month}-1,${n})`)];
    yield [`run_mon_start${std}`, dated((n) => `month_first_day(${month}-1,${n})`)];
    yield [`run_mon_end${std}`, dated((n) => `year_last_day(add_months(${month}-1,${n}),0)`)];
    yield [`run_last_mon_now${std}`, dated((n) => `month_first_day(${month}-1,${n - 1})`)];
    for (const name of ['run_today_h', 'run_today_hour']) {
      const expression = (n: number): string => (n === 0 ? hour : `${hour}${n < 0 ? '-' : '+'}${Math.abs(n)}/24`);
      yield [`${name}${std}`, { kind: 'hour', expression }];
    }
  }
}

function dated(expression: (offset: number) => string): DateVariable {
  return { kind: 'date', expression };
}

function moved(format: string, days: number): string {
  return days === 0 ? format : `${format}${days > 0 ? '+' : ''}${days}`;
}

// ---- numbers and text

function computed(found: Found, scope: DssScope): Meaning {
  const { source, name, operator, right } = found;
  const left = scope.values.get(name) ?? null;
  const value = left === null ? null : arithmetic(left, operator, scope.values.get(right) ?? right);
  if (value === null) {
    const why = `\`${name}\` is not a number that is known now`;
    return { text: source, use: { outcome: 'unsupported', to: null, why } };
  }
  const why = 'reckoned now: another value of it at the start of a run changes nothing here';
  return { text: escaped(value, 'script'), use: { outcome: 'changed', to: value, why } };
}

const NUMBER = /^-?\d{1,15}(?:\.\d{1,15})?$/;

/** Numbers are reckoned with; `+` joins text. */
function arithmetic(left: string, operator: string, right: string): string | null {
  if (!NUMBER.test(left)) return operator === '+' && right !== '' ? left + right : null;
  if (!NUMBER.test(right)) return null;
  const result = reckoned(Number(left), operator, Number(right));
  return Number.isFinite(result) && Math.abs(result) < 1e15 ? String(result) : null;
}

function reckoned(left: number, operator: string, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    default:
      return left / right;
  }
}

/** `#@set name=value` and `--@set name=value` of a script; lines that are written otherwise are no such lines. */
export function setLines(script: string, kind: 'script' | 'sql'): { name: string; value: string }[] {
  const mark = kind === 'sql' ? '--@set' : '#@set';
  return script.split('\n').flatMap((line) => {
    const written = line.trim();
    if (!written.startsWith(mark)) return [];
    const [name = '', value, ...more] = written.slice(mark.length).replace(/;$/, '').split('=');
    return value === undefined || more.length > 0 ? [] : [{ name: name.trim(), value: value.trim() }];
  });
}
