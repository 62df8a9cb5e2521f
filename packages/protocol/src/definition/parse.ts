/** Text or value → validated, normalised definition, with everything that is wrong reported at once. */
import { LIMITS } from '../limits.ts';
import type { DefinitionProblem, WorkflowDefinition } from '../workflow.ts';
import { parseJsonSource } from './json-source.ts';
import { ROOT } from './place.ts';
import { ProblemLog, type DefinitionChecks } from './problem-log.ts';
import type { ParsedSource } from './source.ts';
import { utf8Length } from './stored-text.ts';
import { readWorkflow, type ReadOptions } from './workflow-shape.ts';
import { parseYamlSource } from './yaml-source.ts';

/** `workflowName` is the name when the document gives none. */
export interface DefinitionOptions extends DefinitionChecks, ReadOptions {}

export interface ParsedDefinition {
  /** Null exactly when there are problems. */
  definition: WorkflowDefinition | null;
  /** Sorted by position, without repetitions, at most `LIMITS.definitionProblems`; the last one then says how many more. */
  problems: DefinitionProblem[];
  /** What is allowed but probably not meant. */
  warnings: DefinitionProblem[];
}

/** Parses and validates the text of a definition file. Never throws. */
export function parseDefinition(
  source: string,
  format: 'yaml' | 'json',
  options: DefinitionOptions = {},
): ParsedDefinition {
  return fromText(source, format, options, (value, log) => readWorkflow(value, ROOT, options, log));
}

/** The same for a value that was parsed already, as in a JSON request; problems then have no line and column. Never throws. */
export function parseDefinitionValue(value: unknown, options: DefinitionOptions = {}): ParsedDefinition {
  return fromValue(options, (log) => readWorkflow(value, ROOT, options, log));
}

export function fromText(
  source: string,
  format: 'yaml' | 'json',
  checks: DefinitionChecks,
  read: (value: unknown, log: ProblemLog) => WorkflowDefinition | null,
): ParsedDefinition {
  if (source.length > LIMITS.definitionBytes || utf8Length(source) > LIMITS.definitionBytes) {
    const message = `the definition is longer than ${LIMITS.definitionBytes} bytes`;
    return { definition: null, problems: [{ pointer: '', line: null, column: null, message }], warnings: [] };
  }
  const parsed: ParsedSource = format === 'json' ? parseJsonSource(source) : parseYamlSource(source);
  const log = new ProblemLog(checks, parsed.root);
  for (const { place, message, offset } of parsed.problems) log.problem(place, message, 'value', offset);
  const definition = parsed.root === null ? null : read(parsed.root.value, log);
  return { definition: log.failed ? null : definition, ...log.report(source) };
}

export function fromValue(
  checks: DefinitionChecks,
  read: (log: ProblemLog) => WorkflowDefinition | null,
): ParsedDefinition {
  const log = new ProblemLog(checks, null);
  const definition = read(log);
  return { definition: log.failed ? null : definition, ...log.report(null) };
}
