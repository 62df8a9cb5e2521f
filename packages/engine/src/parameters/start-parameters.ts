/** What may be given to a run as it is submitted. */
import type { ParameterDeclaration, ParameterValue, WorkflowDefinition } from '@pelorus/protocol';
import { defaultsOf, sourceOf, type ParameterSource } from './layer.ts';
import { PARAMETER_LIMITS } from './limits.ts';
import { isSecretName, refusedName } from './names.ts';
import { cycleText, referenceOrder } from './reference-order.ts';
import { isMissing } from './scope.ts';
import { notAdmitted, shorten, unstorable } from './values.ts';

export type StartParameters = { ok: true; params: Record<string, ParameterValue> } | { ok: false; problems: string[] };

/**
 * `given` as it came, or every problem with it, each a sentence. Names that the workflow does not declare are
 * allowed and delivered. Values may hold `${name}` and `$[…]`; those are checked against type and enum once they have a value.
 */
export function resolveStartParameters(
  definition: WorkflowDefinition,
  given: Readonly<Record<string, unknown>>,
): StartParameters {
  const entries = Object.entries(given);
  if (entries.length > PARAMETER_LIMITS.startParameters) {
    return {
      ok: false,
      problems: [`${entries.length} start parameters are more than ${PARAMETER_LIMITS.startParameters}`],
    };
  }
  const problems: string[] = [];
  const params: [string, ParameterValue][] = [];
  for (const [name, value] of entries) {
    const reason =
      refusedName(name) ??
      (isParameterValue(value) ? refusedValue(name, value, declarationOf(definition, name)) : NOT_A_VALUE);
    if (reason !== null) problems.push(`parameter \`${shorten(name)}\` ${reason}`);
    else if (isParameterValue(value)) params.push([name, value]);
  }
  const start: Record<string, ParameterValue> = Object.fromEntries(params);
  for (const [name, declaration] of Object.entries(definition.params)) {
    if (!Object.hasOwn(given, name) && isMissing(name, declaration, start))
      problems.push(`parameter \`${name}\` is required and was not given`);
  }
  problems.push(...circles(definition, params));
  return problems.length === 0 ? { ok: true, params: start } : { ok: false, problems };
}

const NOT_A_VALUE = 'must be a text, a finite number, true or false';

function isParameterValue(value: unknown): value is ParameterValue {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

function declarationOf(definition: WorkflowDefinition, name: string): ParameterDeclaration | undefined {
  return Object.hasOwn(definition.params, name) ? definition.params[name] : undefined;
}

function refusedValue(
  name: string,
  value: ParameterValue,
  declaration: ParameterDeclaration | undefined,
): string | null {
  const storable = typeof value === 'string' ? unstorable(value) : null;
  if (storable !== null) return storable;
  const source = sourceOf(name, value);
  const syntax = source.template?.problems[0];
  if (syntax !== undefined) return `cannot be read: ${syntax}`;
  if (source.refersTo.some(isSecretName) || source.constant?.includes('${secret.'))
    return 'names a secret, which only a definition may do';
  return declaration && source.constant !== null ? notAdmitted(declaration, source.constant) : null;
}

function circles(definition: WorkflowDefinition, given: [string, ParameterValue][]): string[] {
  const sources = new Map<string, ParameterSource>();
  for (const source of defaultsOf(definition.params)) sources.set(source.name, source);
  for (const [name, value] of given) sources.set(name, sourceOf(name, value));
  const { cycles } = referenceOrder(
    given.map(([name]) => name),
    (name) => sources.get(name)?.refersTo ?? null,
  );
  return cycles.map((cycle) => `parameters refer to one another in a circle: ${cycleText(cycle)}`);
}
