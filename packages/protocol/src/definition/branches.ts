/** What logic tasks decide by, conditions and expressions, and which of their branches can never be taken. */
import type { TaskCondition, UpstreamCondition } from '../workflow.ts';
import { evaluateExpression, namesIn, parseExpression, type Expression } from './expression.ts';
import { membersOf, mismatch, top, type Member } from './members.ts';
import type { TaskReference } from './names.ts';
import { called, inside, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import {
  DEFINITIONS,
  list,
  mapped,
  objectSchema,
  readFields,
  textual,
  wholeOf,
  type Fields,
  type JsonSchema,
  type Shape,
  type Whole,
} from './shape.ts';
import { MAX_DEPTH } from './source.ts';
import { refuseUnknown } from './unknown-key.ts';

/** Maps and leaves of one condition. */
const MAX_CONDITIONS = 1000;

/** Conditions that may still come, and how many this one is inside of. */
interface Walk {
  budget: { left: number };
  depth: number;
}

export type Tree<Leaf> = { and: Tree<Leaf>[] } | { or: Tree<Leaf>[] } | { leaf: Leaf };

/** `{and: […]}`, `{or: […]}` or a leaf, inside one another. */
export function tree<F extends Fields, Leaf>(
  definitionName: string,
  expected: string,
  leafFields: F,
  build: (values: Whole<F>) => Leaf,
): Shape<Tree<Leaf>> {
  const schema: JsonSchema = { $ref: `#/$defs/${definitionName}` };
  const branch = (key: 'and' | 'or'): JsonSchema => ({
    type: 'object',
    properties: { [key]: { type: 'array', minItems: 1, items: schema } },
    required: [key],
    additionalProperties: false,
  });
  DEFINITIONS[definitionName] = { anyOf: [branch('and'), branch('or'), objectSchema(leafFields)] };
  const leafKeys = Object.keys(leafFields);

  function read(given: unknown, place: Place, log: ProblemLog, { budget, depth }: Walk): Tree<Leaf> | undefined {
    if (--budget.left < 0) {
      return budget.left === -1 ? log.problem(place, `more than ${MAX_CONDITIONS} conditions`) : undefined;
    }
    // Deeper than a text can be: a value that contains itself.
    if (depth > MAX_DEPTH) return log.problem(place, `more than ${MAX_DEPTH} conditions inside one another`);
    const value = top(given);
    const members = membersOf(value, place);
    if (members === null) return mismatch(place, expected, value, log);
    const key = members.has('and') ? 'and' : members.has('or') ? 'or' : null;
    if (key === null) {
      refuseUnknown(members, [...leafKeys, 'and', 'or'], log);
      const whole = wholeOf(readFields(leafFields, members, place, log));
      return whole === null ? undefined : { leaf: build(whole) };
    }
    for (const [other, member] of members) {
      if (other === key) continue;
      if (other === 'or' || leafKeys.includes(other))
        log.problem(
          member.place,
          `\`${other}\` cannot stand beside \`${key}\`; put it inside, or one level further`,
          'key',
        );
      else refuseUnknown(new Map([[other, member]]), ['and', 'or'], log);
    }
    const items = list(
      { schema, expected, read: (item, at, itemLog) => read(item, at, itemLog, { budget, depth: depth + 1 }) },
      { expected: 'a list of conditions', min: 1, max: MAX_CONDITIONS },
    );
    const parts = items.read(members.get(key)?.value, inside(place, key), log);
    if (parts === undefined) return undefined;
    return key === 'and' ? { and: parts } : { or: parts };
  }
  return {
    schema,
    expected,
    read: (value, place, log) => read(value, place, log, { budget: { left: MAX_CONDITIONS }, depth: 0 }),
  };
}

export function leavesOf<Leaf>(from: Tree<Leaf>): Leaf[] {
  if ('leaf' in from) return [from.leaf];
  return ('and' in from ? from.and : from.or).flatMap(leavesOf);
}

export function plainCondition(from: Tree<{ task: TaskReference; state: 'succeeded' | 'failed' }>): TaskCondition {
  if ('and' in from) return { and: from.and.map(plainCondition) };
  if ('or' in from) return { or: from.or.map(plainCondition) };
  return { task: from.leaf.task.name, state: from.leaf.state };
}

export function plainUpstream(
  from: Tree<{ workflow: string; task: string | null; window: string }>,
): UpstreamCondition {
  if ('and' in from) return { and: from.and.map(plainUpstream) };
  if ('or' in from) return { or: from.or.map(plainUpstream) };
  return from.leaf;
}

export function namesOf(references: TaskReference[]): string[] {
  return references.map((reference) => reference.name);
}

export function refuseBothBranches(success: TaskReference[], failure: TaskReference[], log: ProblemLog): void {
  const succeeding = new Set(namesOf(success));
  for (const { name: both, place } of failure) {
    if (succeeding.has(both))
      log.problem(
        place,
        `\`${both}\` is in \`success\` and in \`failure\`; a task that runs either way stands in neither`,
      );
  }
}

/** Predecessors up to which every combination of their ends is tried. */
const MAX_TRIED_TASKS = 10;

/** A branch that no combination of its predecessors' ends can reach is a mistake. */
export function refuseConstantCondition(
  when: Tree<{ task: TaskReference; state: 'succeeded' | 'failed' }>,
  success: TaskReference[],
  failure: TaskReference[],
  log: ProblemLog,
): void {
  const tasks = [...new Set(leavesOf(when).map(({ task }) => task.name))];
  if (tasks.length > MAX_TRIED_TASKS) return;
  const outcomes = new Set<boolean>();
  for (let bits = 0; bits < 2 ** tasks.length && outcomes.size < 2; bits++) {
    outcomes.add(holds(when, new Set(tasks.filter((_, index) => (bits >> index) & 1))));
  }
  const unreachable = outcomes.has(true) ? (outcomes.has(false) ? [] : failure) : success;
  const branch = outcomes.has(true) ? 'failure' : 'success';
  for (const { name: never, place } of unreachable)
    log.problem(place, `\`${never}\` is unreachable: \`when\` can never lead to the branch \`${branch}\``);
}

function holds(
  when: Tree<{ task: TaskReference; state: 'succeeded' | 'failed' }>,
  succeeded: ReadonlySet<string>,
): boolean {
  if ('and' in when) return when.and.every((part) => holds(part, succeeded));
  if ('or' in when) return when.or.some((part) => holds(part, succeeded));
  return succeeded.has(when.leaf.task.name) === (when.leaf.state === 'succeeded');
}

interface WrittenExpression {
  text: string;
  expression: Expression;
}

export function expression(): Shape<WrittenExpression> {
  const written = textual({ expected: 'an expression' });
  return mapped({ ...written, schema: { type: ['string', 'boolean', 'number'] } }, (source, place, log) => {
    const parsed = parseExpression(source);
    if (parsed.kind === 'expression') return { text: source, expression: parsed.expression };
    return log.problem(place, `${called(place)}: ${parsed.message} (character ${parsed.offset + 1})`);
  });
}

export function refuseUnreachableCases(
  cases: { when: WrittenExpression; place: Place }[],
  fallback: Member | undefined,
  log: ProblemLog,
): void {
  const earlier = new Map<string, number>();
  let always: number | null = null;
  for (const [index, { when, place }] of cases.entries()) {
    const at = inside(place, 'when');
    const same = earlier.get(when.text);
    if (always !== null) log.problem(at, `this case is unreachable: case ${always + 1} always holds`);
    else if (same !== undefined) log.problem(at, `this case is unreachable: case ${same + 1} has the same condition`);
    earlier.set(when.text, same ?? index);
    const constant = constantOf(when.expression);
    if (constant === false) log.problem(at, 'this case is unreachable: its condition never holds');
    if (constant === true) always ??= index;
  }
  if (always !== null && fallback !== undefined)
    log.problem(fallback.place, `\`default\` is unreachable: case ${always + 1} always holds`, 'key');
}

/** The value of an expression that looks nothing up; null for others. */
function constantOf(source: Expression): boolean | null {
  if (namesIn(source).size > 0) return null;
  const evaluation = evaluateExpression(source, () => undefined);
  return evaluation.kind === 'value' ? evaluation.value : null;
}
