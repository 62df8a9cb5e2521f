/**
 * How the parameters reach each type of task, prepared once per task of a pinned definition:
 *
 * - shell, python: as environment variables. In the text only time expressions and built-ins are filled in, whose
 *   values pass a strict pattern; `${region}` is the shell's own. With `substitution: text` every known name is.
 * - sql, http, switch: `${name}` stays for whoever runs the task, who binds or encodes the value by place.
 * - script: parameters are an argument of the function; the text is left alone.
 * - sub_workflow: its parameters are filled in, and arrive in the child as they are.
 */
import {
  LIMITS,
  namesIn,
  parseExpression,
  type ParameterValue,
  type SqlAction,
  type TaskAction,
} from '@pelorus/protocol';
import { PARAMETER_LIMITS } from './limits.ts';
import { builtInOf, isReservedPrefix } from './names.ts';
import {
  fill,
  isKnown,
  isLeftToWorker,
  problem,
  render,
  renderValue,
  unknown,
  valueOf,
  type Rendering,
  type Scope,
} from './scope.ts';
import { escapeTemplate, isConstant, parseTemplate, withoutForeign, type Dialect } from './template.ts';

/** Null where the action is handed on as it is. */
export type ActionPlan = ((scope: Scope) => TaskAction) | null;

export function planAction(action: TaskAction): ActionPlan {
  switch (action.type) {
    case 'shell':
    case 'python': {
      const run = planScript(action.run, action.substitution);
      return run && ((scope) => ({ ...action, run: run(scope) }));
    }
    case 'sql':
      return planSql(action);
    case 'http':
      return planHttp(action);
    case 'switch': {
      const names = action.cases.flatMap(({ when }) => conditionNames(when));
      return names.length === 0 ? null : (scope) => (bindAll(scope, names, '`when`'), action);
    }
    case 'sub_workflow':
      return planSubWorkflow(action);
    case 'script':
    case 'virtual':
    case 'conditions':
    case 'dependent':
      return null;
  }
}

type TextPlan = ((scope: Scope) => string) | null;
type Reference = Parameters<Rendering['reference']>[0];

/** Words and dates: nothing in them means anything to a shell, to SQL or in a URL. Time expressions may hold spaces, which their author wrote. */
const SAFE_NAME = /^[\p{L}\p{M}\p{N}_.:-]*$/u;
export const SAFE_TIME = /^[\p{L}\p{M}\p{N}_.:/+ -]*$/u;

interface TextRule {
  dialect: Dialect;
  where: string;
  admit: RegExp | null;
  /** References for which this is false are text like any other. */
  isOurs?: (name: string) => boolean;
  reference: (scope: Scope, part: Reference) => string;
}

function planText(text: string, { dialect, where, admit, isOurs, reference }: TextRule): TextPlan {
  if (!text.includes('$')) return null;
  const parsed = parseTemplate(text, dialect);
  const template = isOurs ? withoutForeign(parsed, isOurs) : parsed;
  if (isConstant(template) && template.parts.every((part) => part.kind === 'text' && part.text === text)) return null;
  return (scope) =>
    render(scope, template, {
      where,
      maxChars: LIMITS.definitionFieldBytes,
      admit,
      reference: (part) => reference(scope, part),
    });
}

// ---- shell and python

function planScript(run: string | null, substitution: 'env' | 'text'): TextPlan {
  if (run === null) return null;
  const rule = { dialect: 'script', where: '`run`' } as const;
  if (substitution === 'text') return planText(run, { ...rule, admit: null, reference: textReference });
  return planText(run, {
    ...rule,
    admit: SAFE_TIME,
    isOurs: (name) => name.includes('.') && !isLeftToWorker(name),
    reference: scriptReference,
  });
}

/** A name with a dot is nothing to a shell, so it is ours: a built-in, or a mistake where it looks like one. */
function scriptReference(scope: Scope, part: Reference): string {
  const { name, source } = part;
  if (builtInOf(name) !== null) return safeBuiltIn(scope, name);
  if (isReservedPrefix(name) && scope.input.definition.parameterMode === 'strict') unknown(scope, '`run`', name);
  else if (scope.visible.has(name))
    problem(
      scope,
      `\`run\` refers to \`${source}\`, and a name with a dot cannot be an environment variable; rename it or set \`substitution: text\``,
    );
  return source;
}

function safeBuiltIn(scope: Scope, name: string): string {
  const value = valueOf(scope, name) ?? '';
  if (SAFE_NAME.test(value)) return value;
  problem(
    scope,
    `\`run\` refers to \`\${${name}}\`, whose value \`${value}\` may not be put into a script; pass it as a parameter`,
  );
  return '';
}

function textReference(scope: Scope, part: Reference): string {
  if (isReservedPrefix(part.name) && !isKnown(scope, part.name)) return fill(scope, part, '`run`');
  return isLeftToWorker(part.name) ? part.source : (valueOf(scope, part.name) ?? part.source);
}

// ---- sql and http: names stay, and are bound by the worker

function boundReference(where: string): (scope: Scope, part: Reference) => string {
  return (scope, part) => {
    bind(scope, part.name, where);
    return part.source;
  };
}

function bind(scope: Scope, name: string, where: string): void {
  if (isLeftToWorker(name) || scope.visible.has(name)) return;
  if (builtInOf(name) !== null) scope.bound.set(name, valueOf(scope, name) ?? '');
  else if (scope.input.definition.parameterMode === 'strict') unknown(scope, where, name);
}

function bindAll(scope: Scope, names: readonly string[], where: string): void {
  for (const name of names) bind(scope, name, where);
}

/** The parameters that a `switch` condition looks up; none where it cannot be parsed, which is refused at save. */
export function conditionNames(when: string): string[] {
  const parsed = parseExpression(when);
  return parsed.kind === 'expression' ? [...namesIn(parsed.expression)] : [];
}

function planBound(text: string, where: string): TextPlan {
  return planText(text, { dialect: 'bound', where, admit: SAFE_TIME, reference: boundReference(where) });
}

function planSql(action: SqlAction): ActionPlan {
  const run = action.run === null ? null : planBound(action.run, '`run`');
  const pre = action.preStatements.map((text, index) => planBound(text, `\`preStatements\` ${index + 1}`));
  const post = action.postStatements.map((text, index) => planBound(text, `\`postStatements\` ${index + 1}`));
  const raw = [action.run ?? '', ...action.preStatements, ...action.postStatements].flatMap(rawNamesIn);
  if (run === null && raw.length === 0 && ![...pre, ...post].some(Boolean)) return null;
  return (scope) => {
    for (const name of raw) checkRaw(scope, action, name);
    const settle = (texts: string[], plans: TextPlan[]): string[] =>
      texts.map((text, index) => plans[index]?.(scope) ?? text);
    return {
      ...action,
      run: run ? run(scope) : action.run,
      preStatements: settle(action.preStatements, pre),
      postStatements: settle(action.postStatements, post),
    };
  };
}

/** The names in `!{…}`. */
export function rawNamesIn(statement: string): string[] {
  return Array.from(statement.matchAll(/!\{([^}]*)\}/g), (match) => match[1] ?? '');
}

function checkRaw(scope: Scope, action: SqlAction, name: string): void {
  const allowed = Object.hasOwn(action.raw, name) ? action.raw[name] : undefined;
  if (!allowed) return problem(scope, `\`!{${name}}\`: \`raw\` declares no values for it`);
  bind(scope, name, `\`!{${name}}\``);
  const value = valueOf(scope, name);
  if (value === null) return problem(scope, `\`!{${name}}\`: there is no such parameter`);
  if (!allowed.includes(value))
    problem(scope, `\`!{${name}}\`: the value \`${value.slice(0, 60)}\` is not among those that \`raw\` allows`);
}

function planHttp(action: Extract<TaskAction, { type: 'http' }>): ActionPlan {
  const url = planBound(action.url, '`url`');
  const headers = Object.entries(action.headers).map(([name, text]) => ({
    name,
    text,
    plan: planBound(text, `header \`${name}\``),
  }));
  const body = planJson(action.body, 0);
  if (!url && !body && !headers.some(({ plan }) => plan)) return null;
  return (scope) => ({
    ...action,
    url: url ? url(scope) : action.url,
    headers: Object.fromEntries(headers.map(({ name, text, plan }) => [name, plan ? plan(scope) : text])),
    body: body ? body(scope) : action.body,
  });
}

/** Null where no text in the value needs anything. Keys are never changed. */
function planJson(value: unknown, depth: number): ((scope: Scope) => unknown) | null {
  if (typeof value === 'string') return planBound(value, '`body`');
  if (depth > PARAMETER_LIMITS.bodyNesting)
    return (scope) => problem(scope, `\`body\` is nested more than ${PARAMETER_LIMITS.bodyNesting} deep`);
  if (Array.isArray(value)) {
    const plans = value.map((item: unknown) => planJson(item, depth + 1));
    return plans.some(Boolean)
      ? (scope) => value.map((item: unknown, index) => (plans[index] ? plans[index](scope) : item))
      : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const entries = Object.entries(value).map(([key, item]) => ({
    key,
    item: item as unknown,
    plan: planJson(item, depth + 1),
  }));
  if (!entries.some(({ plan }) => plan)) return null;
  return (scope) => Object.fromEntries(entries.map(({ key, item, plan }) => [key, plan ? plan(scope) : item]));
}

// ---- sub-workflows

/** What was filled in becomes a start parameter of the child, which reads it as a template again: so it is escaped. */
function planSubWorkflow(action: Extract<TaskAction, { type: 'sub_workflow' }>): ActionPlan {
  const entries = Object.entries(action.params).map(([name, value]) => ({
    name,
    value,
    plan: planParameter(name, value),
  }));
  if (!entries.some(({ plan }) => plan)) return null;
  return (scope) => ({
    ...action,
    params: Object.fromEntries(entries.map(({ name, value, plan }) => [name, plan ? plan(scope) : value])),
  });
}

function planParameter(name: string, value: ParameterValue): TextPlan {
  if (typeof value !== 'string' || !value.includes('$')) return null;
  const template = parseTemplate(value, 'value');
  return (scope) => escapeTemplate(renderValue(scope, template, `parameter \`${name}\` of the sub-workflow`));
}
