/** What must not be shown of one attempt: its secrets, and the passwords in the addresses that it connects to. */
import type { AttemptSpec, Cause } from '@pelorus/protocol';
import { Mask } from './mask.ts';

const PASSWORD_PARAMETER = /pass|pwd|secret|token/i;

/** Null when there is nothing to hide, as with most attempts. */
export function maskOf(spec: AttemptSpec): Mask | null {
  const values = hiddenValues(spec);
  return values.length > 0 ? Mask.of(values) : null;
}

/** The values to hide, the same ones on every call. */
export function hiddenValues({ secrets, connection, action }: AttemptSpec): string[] {
  const values = secrets ? Object.values(secrets) : [];
  if (connection) values.push(...passwordsIn(connection.url));
  if (action.type === 'http' && action.url.includes('@')) values.push(...passwordsIn(action.url));
  return values;
}

/** The passwords in an address: as it is written there and as it is meant; user information and parameters such as `password`. */
export function passwordsIn(url: string): string[] {
  const parsed = URL.parse(url);
  const given = [...(parsed?.searchParams ?? [])].filter(([name]) => PASSWORD_PARAMETER.test(name));
  const texts = [parsed?.password ?? '', ...given.map(([, value]) => value)];
  // Taken from the text, too: an address that cannot be parsed, say because of a slash in the password, is shown in an error.
  for (const form of [
    /^[a-z][a-z0-9+.-]*:\/\/([^@:/?#\s]*:([^/?#\s]*)@)/i,
    /^[a-z][a-z0-9+.-]*:\/\/([^@:/?#\s]*:(\S*)@)/i,
  ]) {
    const [, userInformation = '', password = ''] = form.exec(url) ?? [];
    // With the name before it even a password that is too short to be looked for by itself is found in an address.
    if (password !== '') texts.push(password, userInformation);
  }
  return [...new Set([...texts, ...texts.map(decoded)])].filter((text) => text !== '');
}

/** A cause whose words may be shown. */
export function maskCause(cause: Cause, mask: Mask): Cause {
  if ('detail' in cause && typeof cause.detail === 'string') return { ...cause, detail: mask.text(cause.detail) };
  return cause;
}

/** Outputs whose values may be handed on; one whose very name holds a secret is left out. */
export function maskOutputs(outputs: Record<string, string>, mask: Mask): Record<string, string> {
  const kept = Object.entries(outputs).filter(([name]) => mask.text(name) === name);
  return Object.fromEntries(kept.map(([name, value]) => [name, mask.text(value)]));
}

/** Without percent-encoding; as it is where that is broken. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
