/**
 * JSON Schemas of zod schemas, with everything that has a name put once into the components of the document.
 *
 * Owns: the components gathered so far. Invariant: one name never stands for two different schemas.
 */
import { z } from 'zod';

export type JsonSchema = { readonly [key: string]: unknown };

export interface Components {
  /** As sent (`input`) or as answered (`output`); named parts are references. */
  schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema;
  /** Takes a JSON Schema with `$defs` as the component `name`, its parts as `name.part`; gives the reference to it. */
  adopt(name: string, schema: JsonSchema): JsonSchema;
  /** What a reference to a component stands for; any other schema as it is. */
  resolved(schema: JsonSchema): JsonSchema;
  all(): Record<string, JsonSchema>;
}

const REFERENCE = '#/components/schemas/';

export function createComponents(): Components {
  const components = new Map<string, { schema: JsonSchema; text: string }>();

  function keep(name: string, schema: JsonSchema): void {
    const text = JSON.stringify(schema);
    const earlier = components.get(name);
    if (earlier !== undefined && earlier.text !== text)
      throw new Error(`two schemas are called ${name}: ${earlier.text.slice(0, 300)} and ${text.slice(0, 300)}`);
    components.set(name, { schema, text });
  }

  /** Its `$defs` become components; references to them, and to itself, follow. */
  function hoisted(schema: JsonSchema, nameOf: (part: string) => string): JsonSchema {
    const { $defs, $schema: _dialect, $id: _id, ...rest } = schema;
    const parts = Object.entries(($defs ?? {}) as Record<string, JsonSchema>);
    const rename = (reference: string) => REFERENCE + nameOf(reference.replace(/^#\/\$defs\//, ''));
    for (const [part, value] of parts) {
      const { id: _name, ...unnamed } = withReferences(value, rename) as Record<string, unknown>;
      keep(nameOf(part), unnamed);
    }
    return withReferences(rest, rename) as JsonSchema;
  }

  return {
    schemaOf: (schema, io) =>
      hoisted(z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' }), (part) =>
        // A part without a name of its own: it refers to itself, as any JSON value does.
        part.startsWith('__schema') ? 'JsonValue' : part,
      ),
    adopt: (name, schema) => {
      keep(
        name,
        hoisted(schema, (part) => `${name}.${part}`),
      );
      return { $ref: REFERENCE + name };
    },
    resolved: (schema) => {
      const name = typeof schema['$ref'] === 'string' ? schema['$ref'].slice(REFERENCE.length) : null;
      return name === null ? schema : (components.get(name)?.schema ?? schema);
    },
    all: () =>
      Object.fromEntries(
        [...components]
          .toSorted(([left], [right]) => (left < right ? -1 : 1))
          .map(([name, { schema }]) => [name, schema]),
      ),
  };
}

/** A copy in which every `$ref` within the document is renamed. Names of properties are not mistaken for keywords. */
function withReferences(value: unknown, rename: (reference: string) => string, names = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (!names && key === '$ref' && typeof inner === 'string') return [key, rename(inner)];
      if (!names && LITERAL.has(key)) return [key, inner];
      return [key, withReferences(inner, rename, !names && NAMED.has(key))];
    }),
  );
}

/** Keywords whose members are named by the schema's author. */
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  'dependentRequired',
]);
/** Keywords whose values are data. */
const LITERAL: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'example']);
