import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDefinition, parseDirectDefinition, workflowJsonSchema } from '../src/index.ts';

const handbook = readFileSync(new URL('../../../docs/definition.md', import.meta.url), 'utf8');
const examples = (language: string): string[] =>
  [...handbook.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '');

/** Every key and every word that the schema knows. */
function vocabulary(schema: unknown, into: Set<string> = new Set()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) vocabulary(item, into);
  if (typeof schema !== 'object' || schema === null) return into;
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'properties') for (const key of Object.keys(value as object)) into.add(key);
    if (keyword === 'enum' && Array.isArray(value)) for (const word of value) into.add(String(word));
    vocabulary(value, into);
  }
  return into;
}

describe('docs/definition.md', () => {
  it('speaks of every key and word of the schema', () => {
    const known = vocabulary(workflowJsonSchema);
    expect(known.size).toBeGreaterThan(100);
    const spoken = new Set(handbook.match(/[A-Za-z_]\w*/g));
    expect([...known].filter((word) => !spoken.has(word))).toEqual([]);
  });

  it('has only tables of keys that exist', () => {
    const known = vocabulary(workflowJsonSchema);
    const listed = [...handbook.matchAll(/^\| ((?:`\w+`(?:, | \(or )?)+)/gm)].flatMap(
      (row) => row[1]?.match(/\w+/g) ?? [],
    );
    expect(listed.length).toBeGreaterThan(60);
    expect(listed.filter((key) => key !== 'or' && !known.has(key))).toEqual([]);
  });

  it.each(examples('yaml').map((text) => ({ text })))('has examples that are valid: $text', ({ text }) => {
    expect(parseDefinition(text, 'yaml')).toMatchObject({ problems: [], warnings: [] });
  });

  it('has an example of the published form that is valid', () => {
    expect(examples('json').map((text) => parseDirectDefinition(text, { workflowName: 'w' }).problems)).toEqual([[]]);
  });
});
