/** One text for one definition, whatever the order in which keys were written: what content hashes are made of. */
import type { WorkflowDefinition } from '../workflow.ts';

/** Canonical JSON of the definition: keys sorted by code unit, no spaces; the order of tasks counts, since runs refer to it. */
export function normaliseForHash(definition: WorkflowDefinition): string {
  return JSON.stringify(sorted(definition));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
