/** What can be known to be wrong with a definition's parameters before any run. Disabled tasks are not looked into: nothing is delivered to them. */
import type {
  ParameterDeclaration,
  ParameterValue,
  TaskAction,
  TaskDefinition,
  WorkflowDefinition,
} from '@pelorus/protocol';
import { conditionNames, rawNamesIn, SAFE_TIME } from './delivery.ts';
import { defaultsOf, layerOf, sourceOf, type ParameterSource } from './layer.ts';
import { builtInOf, isReservedPrefix, isSecretName, refusedName } from './names.ts';
import { cycleText, referenceOrder } from './reference-order.ts';
import { namesIn, parseTemplate, type Dialect, type Template } from './template.ts';
import { evaluateTimeExpression } from './time-expression.ts';
import { notAdmitted, textOf, unstorable } from './values.ts';

export interface ParameterProblem {
  /** RFC 6901, into the definition as a person writes it: `/tasks/load/run`. */
  pointer: string;
  /** A sentence. */
  message: string;
}

/**
 * Syntax: every bad `$[…]` and `${…}` in the texts that are read as templates, and time expressions whose value could
 * not be put into the task's text.
 */
export function checkDefinitionTemplates(definition: WorkflowDefinition): ParameterProblem[] {
  const problems: ParameterProblem[] = [];
  for (const text of templatesOf(definition)) {
    for (const message of text.template.problems) problems.push({ pointer: text.pointer, message });
    if (text.isPlaced)
      for (const message of misplaced(text.template)) problems.push({ pointer: text.pointer, message });
  }
  return problems;
}

/**
 * Names nobody may give, defaults that their own declaration does not admit, parameters that refer to one another in
 * a circle, and references that cannot have a value. In a strict workflow a name is unknown when neither the workflow
 * nor the task declares it, it is no built-in, it is not in `alsoKnown` (parameters of the project, or given at
 * submit) and the task has no predecessor whose output it could be; so a parameter that only a start gives is declared
 * (`required: true`). Names of the system that do not exist are unknown everywhere.
 */
export function checkDefinitionParameters(
  definition: WorkflowDefinition,
  alsoKnown: ReadonlySet<string> = new Set(),
): ParameterProblem[] {
  const problems: ParameterProblem[] = [];
  const add = (pointer: string, message: string): void => void problems.push({ pointer, message });
  for (const [name, declaration] of Object.entries(definition.params)) checkDeclaration(name, declaration, add);
  checkCircles(definition, add);
  for (const task of definition.tasks) if (!task.disabled) checkTask(task, add);
  checkUnknownNames(definition, alsoKnown, add);
  return problems;
}

type Add = (pointer: string, message: string) => void;

function checkDeclaration(name: string, declaration: ParameterDeclaration, add: Add): void {
  const at = pointer('params', name);
  const reasons = [
    refusedName(name),
    ...(declaration.enum ?? []).map((value) => notAdmitted({ type: declaration.type, required: false }, textOf(value))),
  ];
  if (declaration.default !== undefined) reasons.push(refusedValue(name, declaration.default, declaration));
  for (const reason of reasons) if (reason !== null) add(at, `parameter \`${name}\` ${reason}`);
}

function refusedValue(name: string, value: ParameterValue, declaration: ParameterDeclaration | null): string | null {
  const { constant } = sourceOf(name, value);
  const storable = unstorable(textOf(value));
  return storable ?? (declaration && constant !== null ? notAdmitted(declaration, constant) : null);
}

function checkTask(task: TaskDefinition, add: Add): void {
  for (const [name, value] of Object.entries(task.params)) {
    const reason = refusedName(name) ?? refusedValue(name, value, null);
    if (reason !== null) add(pointer('tasks', task.name, 'params', name), `parameter \`${name}\` ${reason}`);
  }
  if (task.action.type !== 'sql') return;
  const { raw } = task.action;
  for (const { pointer: at, text } of sqlTexts(task, task.action)) {
    for (const name of rawNamesIn(text))
      if (!Object.hasOwn(raw, name)) add(at, `\`!{${name}}\`: \`raw\` declares no values for it`);
  }
}

// ---- circles

function checkCircles(definition: WorkflowDefinition, add: Add): void {
  const shared = byName(defaultsOf(definition.params));
  const refersTo = (own: Map<string, ParameterSource>) => (name: string) =>
    (own.get(name) ?? shared.get(name))?.refersTo ?? null;
  const none = new Map<string, ParameterSource>();
  for (const cycle of referenceOrder(shared.keys(), refersTo(none)).cycles)
    add(pointer('params', cycle[0] ?? ''), circleSentence(cycle));
  for (const task of definition.tasks) {
    const own = byName(layerOf(task.params));
    const referring = [...own.values()].filter((source) => source.refersTo.length > 0).map(({ name }) => name);
    if (task.disabled || referring.length === 0) continue;
    for (const cycle of referenceOrder(referring, refersTo(own)).cycles) {
      const through = cycle.find((name) => own.has(name));
      if (through !== undefined) add(pointer('tasks', task.name, 'params', through), circleSentence(cycle));
    }
  }
}

function circleSentence(cycle: string[]): string {
  const text = `parameters refer to one another in a circle: ${cycleText(cycle)}`;
  return cycle.length === 2 ? `${text}; a task sees the parameters of its workflow without repeating them` : text;
}

function byName(sources: readonly ParameterSource[]): Map<string, ParameterSource> {
  return new Map(sources.map((source) => [source.name, source]));
}

// ---- unknown names

function checkUnknownNames(definition: WorkflowDefinition, alsoKnown: ReadonlySet<string>, add: Add): void {
  if (definition.parameterMode === 'lenient') return;
  const known = new Set([...alsoKnown, ...Object.keys(definition.params)]);
  const referringDefaults = defaultsOf(definition.params).filter(({ refersTo }) => refersTo.length > 0);
  const inDefaults = new Map<string, { parameter: string; name: string }>();
  for (const task of definition.tasks) {
    if (task.disabled) continue;
    const isUnknown = (name: string): boolean => {
      if (builtInOf(name) !== null || isSecretName(name) || Object.hasOwn(task.params, name) || known.has(name))
        return false;
      return task.needs.length === 0 || isReservedPrefix(name);
    };
    for (const { pointer: at, name } of referencesOf(task)) if (isUnknown(name)) add(at, unknownSentence(name));
    for (const { name: parameter, refersTo } of referringDefaults) {
      if (Object.hasOwn(task.params, parameter)) continue;
      for (const name of refersTo) if (isUnknown(name)) inDefaults.set(`${parameter} ${name}`, { parameter, name });
    }
  }
  for (const { parameter, name } of inDefaults.values()) add(pointer('params', parameter), unknownSentence(name));
}

function unknownSentence(name: string): string {
  return `\`\${${name}}\`: there is no such parameter; one that only a start gives is declared with \`required: true\``;
}

/** References whose name must have a value when the task is resolved. */
function referencesOf(task: TaskDefinition): { pointer: string; name: string }[] {
  const found: { pointer: string; name: string }[] = [];
  for (const { pointer: at, template, dialect } of taskTemplates(task)) {
    const inside = dialect === 'script' ? namesThatScriptsNeed(template) : namesIn(template);
    for (const name of inside) found.push({ pointer: at, name });
  }
  if (task.action.type === 'switch') {
    for (const [index, { when }] of task.action.cases.entries()) {
      for (const name of conditionNames(when))
        found.push({ pointer: pointer('tasks', task.name, 'cases', String(index), 'when'), name });
    }
  }
  return found;
}

/** A script's `${x}` is its own, but for the system's names and what stands in a time expression. */
function namesThatScriptsNeed(template: Template): string[] {
  return template.parts.flatMap((part) => {
    if (part.kind === 'reference') return isReservedPrefix(part.name) ? [part.name] : [];
    return part.kind === 'time' ? part.inner.flatMap((inner) => (inner.kind === 'reference' ? [inner.name] : [])) : [];
  });
}

// ---- every text that is read as a template

interface TemplateText {
  pointer: string;
  template: Template;
  dialect: Dialect;
  /** The value of a time expression is put into a text that something else reads. */
  isPlaced: boolean;
}

function* templatesOf(definition: WorkflowDefinition): Generator<TemplateText> {
  for (const source of defaultsOf(definition.params)) yield* ofSource(pointer('params', source.name), source);
  for (const task of definition.tasks) if (!task.disabled) yield* taskTemplates(task);
}

function* taskTemplates(task: TaskDefinition): Generator<TemplateText> {
  for (const source of layerOf(task.params))
    yield* ofSource(pointer('tasks', task.name, 'params', source.name), source);
  for (const source of layerOf(task.env)) yield* ofSource(pointer('tasks', task.name, 'env', source.name), source);
  yield* actionTemplates(task, task.action);
}

function* actionTemplates(task: TaskDefinition, action: TaskAction): Generator<TemplateText> {
  switch (action.type) {
    case 'shell':
    case 'python':
      if (action.run !== null)
        yield* ofText(pointer('tasks', task.name, 'run'), action.run, 'script', action.substitution === 'env');
      return;
    case 'sql':
      for (const { pointer: at, text } of sqlTexts(task, action)) yield* ofText(at, text, 'bound', true);
      return;
    case 'http':
      yield* ofText(pointer('tasks', task.name, 'url'), action.url, 'bound', true);
      for (const [name, text] of Object.entries(action.headers))
        yield* ofText(pointer('tasks', task.name, 'headers', name), text, 'bound', true);
      yield* ofJson(pointer('tasks', task.name, 'body'), action.body);
      return;
    case 'sub_workflow':
      for (const source of layerOf(action.params))
        yield* ofSource(pointer('tasks', task.name, 'params', source.name), source);
      return;
    case 'script':
    case 'switch':
    case 'virtual':
    case 'conditions':
    case 'dependent':
      return;
  }
}

function* ofSource(at: string, { template }: ParameterSource): Generator<TemplateText> {
  if (template) yield { pointer: at, template, dialect: 'value', isPlaced: false };
}

function* ofText(at: string, text: string, dialect: Dialect, isPlaced: boolean): Generator<TemplateText> {
  if (text.includes('$')) yield { pointer: at, template: parseTemplate(text, dialect), dialect, isPlaced };
}

/** Depth first with a list of what is left, so that depth costs no stack. */
function* ofJson(at: string, body: unknown): Generator<TemplateText> {
  const left: { at: string; value: unknown }[] = [{ at, value: body }];
  for (let next = left.pop(); next; next = left.pop()) {
    if (typeof next.value === 'string') yield* ofText(next.at, next.value, 'bound', true);
    else if (typeof next.value === 'object' && next.value !== null) {
      for (const [key, value] of Object.entries(next.value).toReversed())
        left.push({ at: `${next.at}${pointer(key)}`, value });
    }
  }
}

function sqlTexts(
  task: TaskDefinition,
  action: Extract<TaskAction, { type: 'sql' }>,
): { pointer: string; text: string }[] {
  const list = (key: 'preStatements' | 'postStatements') =>
    action[key].map((text, index) => ({ pointer: pointer('tasks', task.name, key, String(index)), text }));
  const run = action.run === null ? [] : [{ pointer: pointer('tasks', task.name, 'run'), text: action.run }];
  return [...run, ...list('preStatements'), ...list('postStatements')];
}

/** What a format puts around its fields is the same at any date, so any date shows it. */
const ANY_DATE = { at: 1_710_510_300_000, zone: 'UTC' };

function misplaced(template: Template): string[] {
  return template.parts.flatMap((part) => {
    if (part.kind !== 'time' || part.inner.some((inner) => inner.kind === 'reference')) return [];
    const evaluated = evaluateTimeExpression(
      part.inner.map((inner) => (inner.kind === 'text' ? inner.text : '')).join(''),
      ANY_DATE,
    );
    if (!evaluated.ok || SAFE_TIME.test(evaluated.value)) return [];
    return [
      `\`${part.source}\` comes out as \`${evaluated.value}\`, which may not be put into this text; make it a parameter`,
    ];
  });
}

function pointer(...steps: string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
