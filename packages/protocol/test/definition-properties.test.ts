import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { damagedDocuments, validDocuments } from './arbitrary-documents.ts';
import {
  normaliseForHash,
  parseDefinition,
  parseDefinitionValue,
  parseDirectDefinition,
  toPublishedNodes,
  workflowJsonSchema,
  type ParsedDefinition,
} from '../src/index.ts';

const validate = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: false }).compile(
  workflowJsonSchema,
);
const checkTemplate = (text: string): string | null => (text.endsWith('$[') ? 'not closed' : null);

/** What no schema says: other keys' values, other tasks, what a text means. */
const BEYOND_SCHEMAS = [
  /^cycle: /,
  /needs itself$/,
  /^unknown (?:predecessor|task) /,
  /is not a predecessor of/,
  /does not need/,
  /unreachable/,
  /is in `success` and in/,
  /is reserved: /,
  /not closed$/,
  / \(character \d+\)$/,
  /NUL character|surrogate|bytes long/,
  /relative path|must not contain `\.\.`|`\.` parts/,
  /not a known time zone/,
  /moment that does not exist/,
  /is before `start`|is shorter than `interval`/,
  /is not of the type|is not one of `enum`/,
  /must be from .* to /,
  /would never end$/,
  /`__proto__` cannot be|line breaks/,
];
/** Where `defaults` complete tasks, the schema cannot say that a task lacks something. */
const COMPLETED_BY_DEFAULTS = [/ lacks `/, / has neither `type` nor `run`/];

function expectConsistent({ definition, problems, warnings }: ParsedDefinition): void {
  expect(definition === null).toBe(problems.length > 0);
  for (const { pointer, line, column, message } of [...problems, ...warnings]) {
    expect(pointer).toMatch(/^(?:$|\/)/);
    expect(message).not.toMatch(/undefined|\[object|Symbol|\n/);
    expect((line === null) === (column === null)).toBe(true);
  }
}

describe('whatever is given', () => {
  it('an answer is a definition or problems, never neither, both or an exception', () => {
    const anything = fc.oneof(
      damagedDocuments,
      fc.anything(),
      fc.jsonValue(),
      fc.record({ name: fc.constant('w'), tasks: fc.dictionary(fc.string(), fc.jsonValue()) }),
    );
    fc.assert(
      fc.property(anything, (value) => {
        expectConsistent(parseDefinitionValue(value, { checkTemplate }));
        expectConsistent(parseDirectDefinition(value, { checkTemplate }));
      }),
      { numRuns: 200 },
    );
  });

  it('text in either format is answered too, and nearly always with positions', () => {
    const damagedText = fc
      .tuple(damagedDocuments, fc.nat(), fc.string({ maxLength: 3 }), fc.boolean(), fc.boolean())
      .map(([value, at, inserted, cuts, asYaml]) => {
        const text = (asYaml ? stringify(value) : JSON.stringify(value, null, 1)) ?? '';
        const from = at % (text.length + 1);
        return cuts ? text.slice(0, from) + inserted + text.slice(from) : text;
      });
    fc.assert(
      fc.property(fc.oneof(damagedText, fc.string()), (text) => {
        for (const format of ['yaml', 'json'] as const) {
          const parsed = parseDefinition(text, format, { checkTemplate });
          expectConsistent(parsed);
          for (const { line, message } of parsed.problems)
            expect(line !== null || /^and \d+ more$/.test(message)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('the direct form is answered', () => {
    const node = fc.record(
      {
        name: fc.constantFrom('a', 'b', 'c', 3),
        desc: fc.jsonValue(),
        type: fc.constantFrom('SHELL', 'VIRTUAL', 'X', null),
        parameter: fc.oneof(fc.jsonValue(), fc.record({ script: fc.string() })),
        dep: fc.oneof(fc.jsonValue(), fc.array(fc.constantFrom('a', 'b', 'c'))),
        extras: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const direct = fc.record({
      nodes: fc.oneof(fc.array(node), fc.jsonValue()),
      userDefParams: fc.oneof(fc.jsonValue(), fc.array(fc.record({ prop: fc.string(), value: fc.jsonValue() }))),
    });
    fc.assert(
      fc.property(direct, (value) => {
        expectConsistent(parseDirectDefinition(value, { workflowName: 'w' }));
        expectConsistent(parseDirectDefinition(JSON.stringify(value), { workflowName: 'w' }));
      }),
      { numRuns: 200 },
    );
  });
});

describe('valid documents', () => {
  it('are valid by parser and schema, as value, JSON and YAML, and mean the same', () => {
    fc.assert(
      fc.property(validDocuments, (document) => {
        const parsed = parseDefinitionValue(document, { checkTemplate });
        expect(parsed.problems).toEqual([]);
        expect(validate(document) || validate.errors).toBe(true);
        expect(parseDefinition(JSON.stringify(document), 'json').definition).toEqual(parsed.definition);
        expect(parseDefinition(stringify(document), 'yaml').definition).toEqual(parsed.definition);
      }),
      { numRuns: 100 },
    );
  });

  it('come back from the published form as the same tasks and parameters', () => {
    fc.assert(
      fc.property(validDocuments, (document) => {
        const { definition } = parseDefinitionValue(document);
        if (definition === null) throw new Error('not valid');
        const published = toPublishedNodes(definition);
        const again = parseDirectDefinition(JSON.parse(JSON.stringify(published)), { workflowName: definition.name });
        expect(again.problems).toEqual([]);
        expect(again.definition?.params).toEqual(definition.params);
        expect(again.definition?.tasks).toEqual(definition.tasks);
        if (again.definition) expect(toPublishedNodes(again.definition)).toEqual(published);
        expect(JSON.parse(normaliseForHash(definition))).toEqual(JSON.parse(JSON.stringify(definition)));
      }),
      { numRuns: 100 },
    );
  });
});

describe('the JSON Schema', () => {
  it('judges damaged documents as the parser does, as far as a schema can say', () => {
    const verdicts = { both: 0, neither: 0, beyond: 0 };
    fc.assert(
      fc.property(damagedDocuments, (document) => {
        const { problems } = parseDefinitionValue(document, { checkTemplate });
        const bySchema = validate(document);
        const isCompleted = typeof document === 'object' && document !== null && 'defaults' in document;
        const unsayable = isCompleted ? [...BEYOND_SCHEMAS, ...COMPLETED_BY_DEFAULTS] : BEYOND_SCHEMAS;
        const sayable = problems.filter(({ message }) => !unsayable.some((pattern) => pattern.test(message)));
        expect({ bySchema, problems: sayable }).toEqual({
          bySchema: sayable.length === 0 ? (problems.length === 0 ? true : bySchema) : false,
          problems: sayable,
        });
        verdicts[sayable.length > 0 ? 'both' : problems.length > 0 ? 'beyond' : 'neither']++;
      }),
      { numRuns: 1500 },
    );
    // The test would prove nothing if the damage hardly ever mattered, or always.
    expect(Math.min(verdicts.both, verdicts.neither, verdicts.beyond)).toBeGreaterThan(20);
  });

  it('is itself plain JSON', () => {
    expect(JSON.parse(JSON.stringify(workflowJsonSchema))).toEqual(workflowJsonSchema);
  });
});
