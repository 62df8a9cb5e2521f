/** Passwords and tokens in foreign files: they are not kept in definitions. */

const SECRET = /passw(?:or)?d|passwd|secret|token|access.?key|^authorization$/i;

/** Whether what goes by this name is one. */
export function isSecretKey(key: string): boolean {
  return SECRET.test(key);
}

/** The value with `***` for each of them, also where a map has the key as `prop` and what it holds as `value`; `tell` gets the key. */
export function withoutSecrets(value: unknown, tell: (key: string) => void): unknown {
  return hidden(value, 0, tell);
}

function hidden(value: unknown, depth: number, tell: (key: string) => void): unknown {
  // Deeper things are cut off in any case.
  if (depth > 40 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => hidden(item, depth + 1, tell));
  const entries: [string, unknown][] = Object.entries(value);
  const named = entries.find(([key]) => key === 'prop')?.[1];
  const prop = typeof named === 'string' && isSecretKey(named) ? named : null;
  return Object.fromEntries(
    entries.map(([key, item]) => {
      const isHidden =
        typeof item === 'string' && item !== '' && (isSecretKey(key) || (prop !== null && key === 'value'));
      if (isHidden) tell(prop !== null && key === 'value' ? prop : key);
      return [key, isHidden ? '***' : hidden(item, depth + 1, tell)];
    }),
  );
}
