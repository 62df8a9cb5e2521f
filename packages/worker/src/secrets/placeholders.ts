/**
 * `${secret.name}` in the texts of an attempt. A value is put in once and what it holds is never read as a placeholder.
 */
import type { AttemptSpec, TaskAction } from '@pelorus/protocol';
import { literalEscaped } from './forms.ts';

const PLACEHOLDER = /\$\{secret\.([^{}\s]+)\}/g;
const BEGINNING = '${secret.';

export type Secrets = Readonly<Record<string, string>>;
const NONE: Secrets = Object.freeze({});

/** What was sent with an attempt: name → value, without the `secret.` of the placeholder. */
export function secretsOf(spec: AttemptSpec): Secrets {
  return spec.secrets ?? NONE;
}

/** True of a text that holds a placeholder. */
export function namesSecret(text: string): boolean {
  return text.includes(BEGINNING) && text.search(PLACEHOLDER) >= 0;
}

/** The names in a text, each once, in order. */
export function secretNames(text: string): string[] {
  return text.includes(BEGINNING)
    ? [...new Set(Array.from(text.matchAll(PLACEHOLDER), (match) => match[1] ?? ''))]
    : [];
}

/** Replaces each placeholder whose secret is known by `write(value, name)`. */
export function fillSecrets(
  text: string,
  secrets: Secrets,
  write: (value: string, name: string) => string = (value) => value,
): string {
  if (!text.includes(BEGINNING)) return text;
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    return value === undefined ? whole : write(value, name);
  });
}

/**
 * A sentence about the secrets that an attempt names and was not given, or null. The text of a `script` is left out: there
 * a template may hold an expression that only looks like a placeholder.
 */
export function missingSecrets({ action, params, env, secrets = NONE }: AttemptSpec): string | null {
  const texts = [...textsOf(action), ...Object.values(params), ...Object.values(env)];
  const missing = new Set(texts.flatMap(secretNames).filter((name) => !Object.hasOwn(secrets, name)));
  if (missing.size === 0) return null;
  return `there is no secret named ${[...missing].join(', ')}`;
}

function textsOf(action: TaskAction): string[] {
  switch (action.type) {
    case 'shell':
    case 'python':
      return [action.run ?? ''];
    case 'sql':
      return [action.run ?? '', ...action.preStatements, ...action.postStatements];
    case 'http':
      return [action.url, ...Object.values(action.headers), ...leavesOf(action.body)];
    default:
      return [];
  }
}

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value === null || typeof value !== 'object' ? [] : Object.values(value).flatMap(leavesOf);
}

/** Values of parameters or variables with their secrets. */
export function fillValues(values: Record<string, string>, secrets: Secrets): Record<string, string> {
  if (!Object.values(values).some(namesSecret)) return values;
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, fillSecrets(text, secrets)]));
}

/**
 * An attempt of a pool process with its secrets in place. `http` and `sql` treat `${secret.name}` as they do any parameter (encoded,
 * escaped or bound by place), so secrets join the parameters there; in a script's text they become escapes of its string literals.
 */
export function fillCallSpec(spec: AttemptSpec): AttemptSpec {
  const secrets = secretsOf(spec);
  const params = fillValues(spec.params, secrets);
  const env = fillValues(spec.env, secrets);
  const { action } = spec;
  if (action.type !== 'script') {
    const named = Object.entries(secrets).map(([name, value]) => [`secret.${name}`, value] as const);
    return { ...spec, env, params: { ...params, ...Object.fromEntries(named) } };
  }
  if (action.run === null) return { ...spec, params, env };
  const run = fillSecrets(action.run, secrets, (value) => literalEscaped(value, 'javascript'));
  return { ...spec, params, env, action: { ...action, run } };
}
