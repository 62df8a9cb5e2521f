/** One text for one definition, whatever the order in which keys were written: what content hashes are made of. */
import type { WorkflowDefinition } from '../workflow.ts';

/** Canonical JSON of the definition: keys sorted by code unit, no spaces; the order of tasks counts, since runs refer to it. */
export function normaliseForHash(definition: WorkflowDefinition): string {
  return canonical(definition);
}

/** Put together as text: copies of every object with its keys sorted take longer. */
function canonical(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(canonical).join(',')}]`;
  let text = '';
  for (const key of Object.keys(value).sort()) {
    const item: unknown = Reflect.get(value, key);
    if (item !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(item)}`;
  }
  return `{${text}}`;
}
