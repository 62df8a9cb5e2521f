import { stringify } from 'yaml';

/** A definition as a person would write it: scripts as blocks, no line folded. */
export function definitionYaml(definition: Record<string, unknown>): string {
  return stringify(definition, { lineWidth: 0, blockQuote: 'literal', aliasDuplicateObjects: false });
}
