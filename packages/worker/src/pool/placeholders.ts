/** `${name}` in the texts of http tasks. What a value is put into decides how it is written. */
import { invalidTask } from './task-failure.ts';

const PLACEHOLDER = /\$\{([^{}]+)\}/g;

/** Replaces each `${name}` by `write(value)`. Throws a {@link TaskFailure} for a name without a value. */
export function fillPlaceholders(
  text: string,
  params: Record<string, string>,
  write: (value: string, at: number) => string,
): string {
  return text.replace(PLACEHOLDER, (_whole, name: string, at: number) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined) throw invalidTask(`there is no parameter named ${name}`);
    return write(value, at);
  });
}

/** Fills placeholders in all texts of a JSON value, keys left alone; serialising it does the escaping. */
export function fillJson(value: unknown, params: Record<string, string>): unknown {
  if (typeof value === 'string') return fillPlaceholders(value, params, (text) => text);
  if (Array.isArray(value)) return value.map((one) => fillJson(one, params));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillJson(one, params)]));
}

/** A text as it stands inside the quotes of a JSON string. */
export function jsonEscape(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
