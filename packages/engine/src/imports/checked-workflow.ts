/** A definition that an importer made, as the workflow that is saved. */
import { parseDefinitionValue } from '@pelorus/protocol';
import { checkCron } from '../cron/index.ts';
import { checkDefinitionParameters, checkDefinitionTemplates } from '../parameters/check-definition.ts';
import { checkTemplate } from '../parameters/template.ts';
import { definitionYaml } from './definition-yaml.ts';
import type { ImportedWorkflow, ImportProblem } from './report.ts';

/** The last look at what an importer put together: it must be a definition that the server takes. */
export function checkedWorkflow(
  definition: Record<string, unknown>,
): { workflow: ImportedWorkflow } | { problems: ImportProblem[] } {
  const name = String(definition['name']);
  const parsed = parseDefinitionValue(definition, { checkTemplate, checkCron });
  const problems =
    parsed.definition === null
      ? parsed.problems
      : [...checkDefinitionTemplates(parsed.definition), ...checkDefinitionParameters(parsed.definition)];
  if (problems.length > 0)
    return { problems: problems.map((one) => ({ item: `${name}${one.pointer}`, message: one.message })) };
  const files = [...new Set(parsed.definition?.tasks.flatMap((task) => task.files) ?? [])];
  return { workflow: { name, definition, source: definitionYaml(definition), files } };
}
