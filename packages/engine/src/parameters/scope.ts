/**
 * What one task of one run can refer to, while it is being resolved.
 *
 * Owns the visible parameters (the winner of each name), the built-ins that were asked for and the problems found.
 * 1. Precedence is settled as the scope is built: a name has one source from then on.
 * 2. A value put into a text is never read again as a template.
 * 3. Nothing here throws: whatever a person or a task can write ends as a value or as a problem.
 * 4. `${secret.…}` and the work directory's path stay as they are written, for the worker; a value that comes from
 *    outputs or from start parameters cannot bring one in.
 */
import {
  LIMITS,
  type ParameterDeclaration,
  type ParameterValue,
  type WorkflowDefinition,
} from '@pelorus/protocol/vocabulary';
import { builtInOf, isParameterName, isReservedPrefix, isSecretName, type BuiltIn } from './names.ts';
import { constantSource, defaultsOf, layerOf, type ParameterSource } from './layer.ts';
import { PARAMETER_LIMITS } from './limits.ts';
import { cycleText, referenceOrder } from './reference-order.ts';
import type { InnerPart, Template } from './template.ts';
import { evaluateTimeExpression } from './time-expression.ts';
import { notAdmitted, unstorable } from './values.ts';

export interface RunFacts {
  id: number;
  project: string;
  workflow: string;
  /** Epoch ms; built-ins and time expressions are relative to it. */
  logicalDateAt: number;
  /** IANA name. */
  zone: string;
  submittedAt: number;
}
export interface PredecessorOutputs {
  task: string;
  /** Epoch ms; decides between predecessors that give the same name. */
  endedAt: number;
  outputs: Record<string, string>;
}
export interface ScopeInput {
  definition: Pick<WorkflowDefinition, 'params' | 'parameterMode'>;
  task: { name: string; params: Record<string, ParameterValue> };
  start: Record<string, ParameterValue>;
  predecessors: readonly PredecessorOutputs[];
  project: Record<string, ParameterValue>;
  run: RunFacts;
  attempt: string;
}

type Origin = 'project' | 'workflow' | 'output' | 'task' | 'start';
interface Visible {
  origin: Origin;
  source: ParameterSource;
  text: string | null;
}

export interface Scope {
  readonly input: ScopeInput;
  readonly visible: ReadonlyMap<string, Visible>;
  readonly problems: string[];
  /** Built-ins that texts left for the worker refer to: name → value. */
  readonly bound: Map<string, string>;
}

/** Settles precedence and resolves every visible parameter. */
export function scopeOf(input: ScopeInput): Scope {
  const scope: Scope = { input, visible: visibleIn(input), problems: [], bound: new Map() };
  resolveAll(scope);
  checkDeclarations(scope);
  return scope;
}

function visibleIn(input: ScopeInput): Map<string, Visible> {
  const visible = new Map<string, Visible>();
  const put = (origin: Origin, sources: readonly ParameterSource[]): void => {
    for (const source of sources) visible.set(source.name, { origin, source, text: source.constant });
  };
  put('project', layerOf(input.project));
  put('workflow', defaultsOf(input.definition.params));
  put('output', outputsByName(input.predecessors));
  put('task', layerOf(input.task.params));
  put('start', layerOf(input.start));
  return visible;
}

/** Of several that give one name: the first to finish among those that are not empty, else the first to finish. */
function outputsByName(predecessors: readonly PredecessorOutputs[]): ParameterSource[] {
  const giving = predecessors.filter(({ outputs }) => !isEmpty(outputs));
  if (giving.length === 0) return [];
  const values = new Map<string, string>();
  for (const { outputs } of giving.toSorted((left, right) => left.endedAt - right.endedAt)) {
    for (const [name, value] of Object.entries(outputs)) {
      if (!values.get(name) && isParameterName(name) && !isReservedPrefix(name) && (value !== '' || !values.has(name)))
        values.set(name, value);
    }
  }
  return Array.from(values, ([name, value]) => constantSource(name, value));
}

export function isEmpty(record: Record<string, unknown>): boolean {
  for (const name in record) if (Object.hasOwn(record, name)) return false;
  return true;
}

function resolveAll(scope: Scope): void {
  const { order, cycles } = referenceOrder(scope.visible.keys(), (name) => {
    const entry = scope.visible.get(name);
    return entry?.source.template ? entry.source.refersTo : null;
  });
  for (const cycle of cycles) problem(scope, `parameters refer to one another in a circle: ${cycleText(cycle)}`);
  for (const name of order) {
    const entry = scope.visible.get(name);
    if (entry?.source.template) entry.text = renderValue(scope, entry.source.template, `parameter \`${name}\``);
  }
  for (const [name, { origin, text }] of scope.visible) {
    if (text === null) continue;
    const reason = unstorable(text) ?? (isData(origin) && text.includes(SECRET) ? ONLY_DEFINITIONS : null);
    if (reason !== null) problem(scope, `parameter \`${name}\` ${reason}`);
  }
}

/** What a task or a submitter said, as against what a definition or a project says. */
function isData(origin: Origin): boolean {
  return origin === 'output' || origin === 'start';
}

function checkDeclarations(scope: Scope): void {
  const { definition, start } = scope.input;
  if (isEmpty(definition.params)) return;
  for (const [name, declaration] of Object.entries(definition.params)) {
    if (isMissing(name, declaration, start)) problem(scope, `parameter \`${name}\` is required and was not given`);
    const entry = scope.visible.get(name);
    if (!entry || entry.origin === 'task' || entry.text === null) continue;
    const reason = notAdmitted(declaration, entry.text);
    if (reason !== null) problem(scope, `parameter \`${name}\` ${reason}`);
  }
}

/** A required parameter is given at start; its default, the project and outputs do not stand in for that. */
export function isMissing(
  name: string,
  declaration: ParameterDeclaration,
  start: Record<string, ParameterValue>,
): boolean {
  return declaration.required && !Object.hasOwn(start, name);
}

export function problem(scope: Scope, sentence: string): void {
  if (scope.problems.length < PARAMETER_LIMITS.problemsPerDetail && !scope.problems.includes(sentence))
    scope.problems.push(sentence);
}

// ---- looking up

/** Null where no parameter and no built-in has the name, and for what only the worker knows. */
export function valueOf(scope: Scope, name: string): string | null {
  const entry = scope.visible.get(name);
  if (entry) return entry.text ?? '';
  const builtIn = builtInOf(name);
  return builtIn === null ? null : builtInText(scope, builtIn);
}

/** True of what the worker fills in where the text stands. */
export function isLeftToWorker(name: string): boolean {
  return isSecretName(name) || builtInOf(name) === 'path';
}

export function isKnown(scope: Scope, name: string): boolean {
  return scope.visible.has(name) || builtInOf(name) !== null || isSecretName(name);
}

function builtInText(scope: Scope, builtIn: BuiltIn): string | null {
  const { run, task, attempt } = scope.input;
  switch (builtIn) {
    case 'biz-date':
      return timeText(scope, 'yyyyMMdd-1', 'system.biz.date');
    case 'biz-curdate':
      return timeText(scope, 'yyyyMMdd', 'system.biz.curdate');
    case 'datetime':
      return timeText(scope, 'yyyyMMddHHmmss', 'system.datetime');
    case 'project':
      return run.project;
    case 'workflow':
      return run.workflow;
    case 'run':
      return String(run.id);
    case 'task':
      return task.name;
    case 'attempt':
      return attempt;
    case 'path':
      return null;
  }
}

/** Never null: a bad expression is a problem and an empty text. */
export function timeText(scope: Scope, expression: string, where: string): string {
  const { logicalDateAt: at, zone } = scope.input.run;
  const evaluated = evaluateTimeExpression(expression, { at, zone });
  if (evaluated.ok) return evaluated.value;
  problem(scope, `${where}: ${evaluated.problem}`);
  return '';
}

// ---- rendering

/** How a text takes what it refers to. */
export interface Rendering {
  /** Names the text in problems. */
  where: string;
  maxChars: number;
  reference(part: Extract<InnerPart, { kind: 'reference' }>): string;
  /** What a `$[…]` may come out as; null admits everything. */
  admit: RegExp | null;
}

export function render(scope: Scope, template: Template, rendering: Rendering): string {
  let text = '';
  for (const sentence of template.problems) problem(scope, `${rendering.where}: ${sentence}`);
  for (const part of template.parts) {
    if (part.kind === 'text') text += part.text;
    else text += part.kind === 'reference' ? rendering.reference(part) : renderTime(scope, part, rendering);
    if (text.length > rendering.maxChars) {
      problem(scope, `${rendering.where} becomes longer than ${rendering.maxChars} characters`);
      return '';
    }
  }
  return text;
}

function renderTime(
  scope: Scope,
  part: Extract<Template['parts'][number], { kind: 'time' }>,
  { where, admit }: Rendering,
): string {
  let expression = '';
  for (const inner of part.inner) {
    if (inner.kind === 'text') expression += inner.text;
    else {
      const value = valueOf(scope, inner.name);
      if (value === null && scope.input.definition.parameterMode === 'lenient') return part.source;
      if (value === null) {
        unknown(scope, where, inner.name);
        return '';
      }
      expression += value;
    }
  }
  const text = timeText(scope, expression, where);
  if (admit === null || admit.test(text)) return text;
  problem(
    scope,
    `${where}: \`${part.source}\` comes out as \`${text}\`, which may not be put into this text; make it a parameter`,
  );
  return '';
}

const SECRET = '${secret.';
const ONLY_DEFINITIONS = 'names a secret, which only a definition may do';

/**
 * A value of a parameter or of `env`: everything filled in. More secrets in the value than the definition names mean
 * that data was put together to look like one.
 */
export function renderValue(scope: Scope, template: Template, where: string): string {
  let secrets = 0;
  const text = render(scope, template, {
    where,
    maxChars: MAX_VALUE_CHARS,
    admit: null,
    reference: (part) => {
      if (isSecretName(part.name)) secrets++;
      else secrets += secretsIn(scope, part.name);
      return fill(scope, part, where);
    },
  });
  if (text.includes(SECRET) && countOf(text, SECRET) > secrets) problem(scope, `${where} ${ONLY_DEFINITIONS}`);
  return text;
}
const MAX_VALUE_CHARS = LIMITS.parameterBytes;

export function fill(scope: Scope, part: Extract<InnerPart, { kind: 'reference' }>, where: string): string {
  if (isLeftToWorker(part.name)) return part.source;
  const value = valueOf(scope, part.name);
  if (value !== null) return value;
  if (scope.input.definition.parameterMode === 'strict') unknown(scope, where, part.name);
  return part.source;
}

export function unknown(scope: Scope, where: string, name: string): void {
  problem(scope, `${where} refers to \`\${${name}}\`, and there is no such parameter`);
}

/** Secrets that a parameter of the definition names; data names none. */
function secretsIn(scope: Scope, name: string): number {
  const entry = scope.visible.get(name);
  return entry?.text && !isData(entry.origin) ? countOf(entry.text, SECRET) : 0;
}

function countOf(text: string, piece: string): number {
  return text.split(piece).length - 1;
}
