/**
 * The published JSON Schema, put together from the shapes that read a definition. What no schema can say (the graph, what
 * a text means, what `defaults` completes) only the parser knows.
 */
import { LIMITS } from '../limits.ts';
import { NAME_PATTERN } from './names.ts';
import { DEFINITIONS, objectSchema, oneOf, type Field, type JsonSchema } from './shape.ts';
import { TASK_KINDS } from './task-kinds.ts';
import { COMMON_FIELDS, TASK_TYPES, taskDefaults } from './task-shape.ts';
import { WORKFLOW_FIELDS } from './workflow-shape.ts';

/** Schemas of keys of every task whose maps `defaults` can complete, without what they require. */
const COMPLETABLE: ReadonlyMap<string, JsonSchema> = new Map(
  Object.entries<Field<unknown>>(COMMON_FIELDS).flatMap(([key, { shape }]) => {
    const whole = resolved(shape.schema);
    const loose = withoutRequired(whole);
    return JSON.stringify(loose) === JSON.stringify(whole) ? [] : [[key, loose] as const];
  }),
);
/** Keys of which `defaults` can hold what a task cannot be without; if it does, a task alone cannot be judged. */
const ESSENTIAL_KEYS = [
  ...new Set([
    'run',
    'file',
    ...COMPLETABLE.keys(),
    ...TASK_KINDS.flatMap(({ fields }) => Object.keys(fields).filter((key) => fields[key]?.required)),
  ]),
];

function resolved(schema: JsonSchema): JsonSchema {
  const name = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/$defs/', '') : null;
  return name === null ? schema : (DEFINITIONS[name] ?? schema);
}

function withoutRequired(schema: unknown): JsonSchema {
  const copy = (value: unknown, isProperties: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => copy(item, false));
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(([key]) => isProperties || key !== 'required');
    return Object.fromEntries(kept.map(([key, item]) => [key, copy(item, !isProperties && key === 'properties')]));
  };
  return copy(schema, false) as JsonSchema;
}

/** Schemas of tasks by type, put into `$defs`. */
function taskSchemas(): { complete: JsonSchema; withDefaults: JsonSchema } {
  for (const { type, doc, fields, runOrFile } of TASK_KINDS) {
    const typeField = {
      type: {
        shape: oneOf([type]),
        doc: 'What kind of task it is.',
        required: false,
        absent: undefined,
        written: undefined,
      },
    };
    const {
      required: essential = [],
      properties,
      ...keys
    } = objectSchema({ ...typeField, ...COMMON_FIELDS, ...fields });
    const strict = properties as Record<string, JsonSchema>;
    const completable = [...COMPLETABLE.keys()].filter((key) => !Object.hasOwn(fields, key));
    const loose = Object.fromEntries(
      completable.map((key) => [key, { ...COMPLETABLE.get(key), description: strict[key]?.['description'] }]),
    );
    DEFINITIONS[`${type}Keys`] = {
      description: doc,
      ...keys,
      properties: { ...strict, ...loose },
      ...(runOrFile ? { not: { required: ['run', 'file'] } } : {}),
    };
    DEFINITIONS[`${type}Task`] = {
      $ref: `#/$defs/${type}Keys`,
      properties: Object.fromEntries(completable.map((key) => [key, strict[key]])),
      ...(Array.isArray(essential) && essential.length > 0 ? { required: essential } : {}),
      ...(runOrFile ? { anyOf: [{ required: ['run'] }, { required: ['file'] }] } : {}),
    };
  }
  const byType = (suffix: 'Keys' | 'Task'): JsonSchema => ({
    type: 'object',
    properties: {
      type: { enum: [...TASK_TYPES], description: 'What kind of task it is; `shell` when it has `run` and no type.' },
    },
    allOf: TASK_TYPES.map((type) => ({
      if: { properties: { type: { const: type } }, required: ['type'] },
      then: { $ref: `#/$defs/${type}${suffix}` },
    })),
    if: { not: { required: ['type'] } },
    then: suffix === 'Task' ? { $ref: '#/$defs/shellTask', required: ['run'] } : { $ref: '#/$defs/shellKeys' },
  });
  DEFINITIONS['task'] = byType('Task');
  DEFINITIONS['taskOverDefaults'] = byType('Keys');
  return { complete: { $ref: '#/$defs/task' }, withDefaults: { $ref: '#/$defs/taskOverDefaults' } };
}

/** Tasks are judged whole, unless `defaults` holds something that a task cannot be without. */
function tasksSchema(): JsonSchema {
  const { complete, withDefaults: loose } = taskSchemas();
  return {
    if: {
      properties: { defaults: { anyOf: ESSENTIAL_KEYS.map((key) => ({ required: [key] })) } },
      required: ['defaults'],
    },
    then: { properties: { tasks: { additionalProperties: loose } } },
    else: { properties: { tasks: { additionalProperties: complete } } },
  };
}

/** JSON Schema (2020-12) of a definition as people write it, for editors; made from the same shapes that read it. */
export const workflowJsonSchema = workflowSchema();

function workflowSchema(): JsonSchema {
  const { properties, ...workflow } = objectSchema(WORKFLOW_FIELDS);
  const tasks = {
    type: 'object',
    minProperties: 1,
    maxProperties: LIMITS.tasksPerWorkflow,
    propertyNames: { pattern: NAME_PATTERN },
    description: 'Task name → task.',
  };
  const judged = tasksSchema();
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Pelorus workflow',
    description:
      'A workflow: a directed acyclic graph of tasks. Durations are written 30s, 10m, 2h, 1d or as whole seconds.',
    ...workflow,
    properties: {
      ...(properties as JsonSchema),
      defaults: {
        ...taskDefaults.schema,
        description: 'Any key of a task but `type` and `needs`, put under each task; maps are merged key by key.',
      },
      tasks,
    },
    required: ['name', 'tasks'],
    ...judged,
    $defs: DEFINITIONS,
  };
}
