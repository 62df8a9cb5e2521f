/** `${name}` and `$[…]` of DolphinScheduler in texts, and its properties as parameters. */
import { LIMITS } from '@pelorus/protocol';
import { builtInOf, refusedName } from '../parameters/names.ts';
import { namesIn, parseTemplate } from '../parameters/template.ts';
import { checkTimeExpression } from '../parameters/time-expression.ts';
import { byteLength, jsonText, shown, storableText, textOf, type Json } from './foreign-json.ts';
import type { ImportOutcome } from './report.ts';
import { isSecretKey } from './secrets.ts';

/** Tells of one item. */
export type Tell = (item: string, outcome: ImportOutcome, to: string | null, why: string | null) => void;

/** What stands for numbers that Pelorus does not have. */
export interface DsConstants {
  'system.workflow.definition.code'?: string;
  'system.task.definition.code'?: string;
  'system.project.code'?: string;
}

const RENAMED: Readonly<Record<string, string>> = {
  'system.task.definition.name': 'system.task.name',
  'system.workflow.definition.name': 'system.workflow.name',
};
const REFERENCE = /\$\{((?:sf\.)?system\.[A-Za-z.]{1,60})\}/g;
const TIME = /\$\[((?:[^\]'\n]|'[^'\n]*'){0,300})\]/g;

/** The text with names of built-ins and time expressions as Pelorus has them; what has no meaning is escaped and told of. */
export function translateText(text: string, constants: DsConstants, tell: Tell): string {
  if (!text.includes('$')) return text;
  return escapeUnclosed(text.replace(TIME, (source, inner: string) => timeOf(source, inner, tell))).replace(
    REFERENCE,
    (source, name: string) => builtInText(source, name, constants, tell),
  );
}

function builtInText(source: string, name: string, constants: DsConstants, tell: Tell): string {
  const constant = constants[name as keyof DsConstants];
  const renamed = RENAMED[name];
  if (renamed !== undefined) {
    tell(`expression ${source}`, 'mapped', `\${${renamed}}`, null);
    return `\${${renamed}}`;
  }
  if (constant !== undefined) {
    tell(`expression ${source}`, 'changed', constant, 'the number that it had in DolphinScheduler');
    return constant;
  }
  if (builtInOf(name) === null) tell(`expression ${source}`, 'unsupported', null, 'there is no such built-in');
  else tell(`expression ${source}`, 'mapped', source, null);
  return source;
}

function timeOf(source: string, inner: string, tell: Tell): string {
  if (!/[A-Za-z]/.test(inner)) return source;
  const expression = inner.replace(/([+-])0+(?=\d+$)/, '$1');
  const problem = /\$\{/.test(inner) ? null : checkTimeExpression(expression);
  if (problem === null) {
    tell(`expression ${shown(source)}`, 'mapped', `$[${expression}]`, null);
    return `$[${expression}]`;
  }
  tell(`expression ${shown(source)}`, 'unsupported', null, `left as it is: ${problem}`);
  return `$${source}`;
}

/** A `$[` that never ends would be a mistake. */
function escapeUnclosed(text: string): string {
  return text.replace(/(?<!\$)\$\[(?!(?:[^\]'\n]|'[^'\n]*'){0,300}\])/g, '$$$$[');
}

export interface DsScript {
  run: string;
  substitution: 'env' | 'text';
  why: string[];
}

/**
 * A script whose `${name}` DolphinScheduler puts in as text. `${setValue(…)}`, which it writes to its log, is none. Where the text cannot be read
 * as one with names in it, values arrive as environment variables.
 */
export function translateScript(text: string, constants: DsConstants, tell: Tell): DsScript {
  const run = translateText(text, constants, tell);
  const refers = namesIn(parseTemplate(run, 'script')).some((name) => builtInOf(name) === null);
  if (!refers) return { run, substitution: 'env', why: [] };
  if (parseTemplate(run, 'value').problems.length === 0) return { run, substitution: 'text', why: [] };
  return {
    run,
    substitution: 'env',
    why: ['it holds a `${` without a name: values arrive as environment variables only'],
  };
}

// ---- properties: [{prop, direct, type, value}]

export interface DsProperties {
  params: Record<string, string | number | boolean>;
  outputs: Record<string, 'string' | 'integer' | 'number' | 'boolean'>;
  /** Names with the text that they always have; null where it depends. */
  values: Map<string, string | null>;
  /** Names of lists. */
  lists: Set<string>;
}

const TYPES: Readonly<Record<string, 'string' | 'integer' | 'number' | 'boolean'>> = {
  VARCHAR: 'string',
  INTEGER: 'integer',
  LONG: 'integer',
  FLOAT: 'number',
  DOUBLE: 'number',
  DATE: 'string',
  TIME: 'string',
  TIMESTAMP: 'string',
  BOOLEAN: 'boolean',
  LIST: 'string',
};

/** `kind` begins each item: `global parameter` or `local parameter`. */
export function readProperties(list: readonly Json[], kind: string, constants: DsConstants, tell: Tell): DsProperties {
  const found: DsProperties = { params: {}, outputs: {}, values: new Map(), lists: new Set() };
  const params = new Map<string, string | number | boolean>();
  const outputs = new Map<string, DsProperties['outputs'][string]>();
  for (const property of list) {
    const name = storableText((textOf(property['prop']) ?? '').trim());
    const item = `${kind} ${shown(name || '?')}`;
    const type = (textOf(property['type']) ?? 'VARCHAR').toUpperCase();
    const refused = name === '__proto__' ? 'cannot be used' : refusedName(name);
    if (refused !== null) tell(item, 'unsupported', null, `the name ${refused}`);
    else if (type === 'FILE') tell(item, 'unsupported', null, 'files are not handed from task to task');
    else if (textOf(property['direct'])?.toUpperCase() === 'OUT' && kind.startsWith('local')) {
      outputs.set(name, TYPES[type] ?? 'string');
      tell(item, type === 'LIST' ? 'changed' : 'mapped', `outputs.${name}`, type === 'LIST' ? 'as text' : null);
    } else {
      if (type === 'LIST') found.lists.add(name);
      const value = valueOf(name, property['value'], type, { item, kind, constants, tell });
      if (value === null) continue;
      params.set(name, value);
      const isTemplate =
        typeof value === 'string' && parseTemplate(value, 'value').parts.some((part) => part.kind !== 'text');
      found.values.set(name, isTemplate ? null : String(value));
    }
  }
  return { ...found, params: Object.fromEntries(params), outputs: Object.fromEntries(outputs) };
}

interface Valuing {
  item: string;
  kind: string;
  constants: DsConstants;
  tell: Tell;
}

/** Null: it becomes no parameter, which was told. */
function valueOf(
  name: string,
  given: unknown,
  type: string,
  { item, kind, constants, tell }: Valuing,
): string | number | boolean | null {
  const text = storableText(
    typeof given === 'object' && given !== null ? (jsonText(given) ?? '') : (textOf(given) ?? ''),
  );
  const isLocal = kind.startsWith('local');
  if (isLocal && text === '') {
    tell(item, 'mapped', null, 'it is empty: the value that comes from before is seen');
    return null;
  }
  if (isLocal && text.trim() === `\${${name}}`) {
    tell(item, 'mapped', null, 'a task sees it without repeating it');
    return null;
  }
  if (byteLength(text) > LIMITS.parameterBytes) {
    tell(item, 'unsupported', null, 'its value is longer than a parameter may be');
    return null;
  }
  if (isSecretKey(name) && text !== '' && !/\$[{[]/.test(text)) {
    tell(
      item,
      'changed',
      `params.${name}`,
      `secrets are not kept in definitions: make the secret ${name}, which it names now`,
    );
    return `\${secret.${name}}`;
  }
  const typed = typedValue(text, type);
  const value = typed ?? wellFormed(translateText(text, constants, tell));
  tell(item, 'mapped', `params.${name}`, null);
  return value;
}

function typedValue(text: string, type: string): number | boolean | null {
  const kind = TYPES[type];
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : null;
  if (kind !== 'integer' && kind !== 'number') return null;
  const number = Number(text);
  return text !== '' && Number.isFinite(number) && Math.abs(number) < 2 ** 53 && String(number) === text
    ? number
    : null;
}

/** What cannot be read as a value with names in it is meant as it stands. */
function wellFormed(text: string): string {
  if (parseTemplate(text, 'value').problems.length === 0) return text;
  return text.replace(/(?<!\$)\$(?=\{)/g, '$$$$');
}
