/** Keys of the schema and names of tasks, offered while a definition is typed. */
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { workflowJsonSchema } from '@pelorus/protocol';

type Schema = Record<string, unknown>;
const DEFINITIONS = workflowJsonSchema['$defs'] as Record<string, Schema>;

export function completeDefinition(context: CompletionContext): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const word = /[\w-]*$/.exec(before)?.[0] ?? '';
  if (word === '' && !context.explicit) return null;
  const from = context.pos - word.length;
  const lines = context.state.doc.sliceString(0, line.from).split('\n').slice(0, -1);
  const lead = before.slice(0, before.length - word.length);
  const path = pathAt(lines, lead.search(/\S|$/));
  if (
    /(?:needs|goto|success|failure|default):\s*\[[^\]]*$/.test(lead) ||
    /^\s*-\s*$/.test(lead) ||
    /task:\s*$/.test(lead)
  )
    return { from, options: taskNames(context.state.doc.toString()), validFor: /^[\w-]*$/ };
  if (/\btype:\s*$/.test(lead)) return { from, options: typeNames(), validFor: /^\w*$/ };
  const value = /([A-Za-z]+):\s*$/.exec(lead)?.[1];
  if (value !== undefined) {
    const options = wordsOf(schemaAt(path, lines)?.[value]);
    return options.length === 0 ? null : { from, options, validFor: /^\w*$/ };
  }
  if (!/^\s*(?:- )?$/.test(lead) && !/[{,]\s*$/.test(lead)) return null;
  const inFlow = /^\s*([\w-]+):\s*\{/.exec(lead)?.[1];
  const keys = schemaAt(inFlow === undefined ? path : [...path, inFlow], [...lines, lead]);
  if (keys === null) return null;
  return {
    from,
    options: Object.entries(keys).map(([label, schema]): Completion => {
      const info = schema['description'];
      return { label, type: 'property', apply: `${label}: `, ...(typeof info === 'string' ? { info } : {}) };
    }),
    validFor: /^\w*$/,
  };
}

/** Names of the maps around a line of that indentation. */
function pathAt(lines: readonly string[], indent: number): string[] {
  const path: string[] = [];
  let depth = indent;
  for (let index = lines.length - 1; index >= 0 && depth > 0; index -= 1) {
    const found = /^( *)(?:- )?([\w-]+):/.exec(lines[index] ?? '');
    if (found?.[1] === undefined || found[2] === undefined || found[1].length >= depth) continue;
    path.unshift(found[2]);
    depth = found[1].length;
  }
  return path;
}

function schemaAt(path: readonly string[], lines: readonly string[]): Record<string, Schema> | null {
  const [top, task, ...rest] = path;
  if (top === undefined) return workflowJsonSchema['properties'] as Record<string, Schema>;
  if (top === 'tasks') {
    if (task === undefined) return null;
    const keys = DEFINITIONS[`${typeOf(task, lines)}Keys`]?.['properties'] as Record<string, Schema> | undefined;
    return within(keys ?? null, rest);
  }
  return within(workflowJsonSchema['properties'] as Record<string, Schema>, path);
}

function within(keys: Record<string, Schema> | null, path: readonly string[]): Record<string, Schema> | null {
  let at = keys;
  for (const step of path) {
    const schema = at?.[step];
    at = (resolved(schema)['properties'] as Record<string, Schema> | undefined) ?? null;
  }
  return at;
}

function resolved(schema: Schema | undefined): Schema {
  const reference = schema?.['$ref'];
  if (typeof reference === 'string') return DEFINITIONS[reference.replace('#/$defs/', '')] ?? {};
  const choices = schema?.['anyOf'] as Schema[] | undefined;
  return choices?.find((choice) => 'properties' in choice) ?? schema ?? {};
}

function wordsOf(schema: Schema | undefined): Completion[] {
  const words = resolved(schema)['enum'] as unknown[] | undefined;
  if (words !== undefined) return words.map((word) => ({ label: String(word), type: 'enum' }));
  return schema?.['type'] === 'boolean' ? [{ label: 'true' }, { label: 'false' }] : [];
}

/** As written below the task's name, or behind it. */
function typeOf(task: string, lines: readonly string[]): string {
  const start = lines.findLastIndex((line) => new RegExp(`^\\s+${task.replaceAll('-', '\\-')}:`).test(line));
  for (const line of lines.slice(Math.max(0, start))) {
    const found = /\btype:\s*(\w+)/.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return 'shell';
}

function typeNames(): Completion[] {
  return Object.keys(DEFINITIONS)
    .filter((name) => name.endsWith('Keys'))
    .map((name): Completion => {
      const info = DEFINITIONS[name]?.['description'];
      return { label: name.slice(0, -4), type: 'enum', ...(typeof info === 'string' ? { info } : {}) };
    });
}

function taskNames(text: string): Completion[] {
  const tasks = /^tasks:[^\n]*\n([\s\S]*)/m.exec(text)?.[1] ?? '';
  const indent = /^( +)\S/m.exec(tasks)?.[1]?.length ?? 2;
  const names = tasks.matchAll(new RegExp(`^ {${indent}}([\\p{L}_][\\p{L}\\p{M}\\p{Nd}_-]*):`, 'gmu'));
  return [...names].map(([, label]) => ({ label: label ?? '', type: 'variable' }));
}
