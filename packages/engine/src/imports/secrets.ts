/** Passwords and tokens in foreign files: they are not kept in definitions. */

const SECRET = /passw(?:or)?d|passwd|secret|token|access.?key/i;

/** Whether what goes by this name is one. */
export function isSecretKey(key: string): boolean {
  return SECRET.test(key);
}

/** The value with `***` for each of them; `tell` gets its key. */
export function withoutSecrets(value: unknown, tell: (key: string) => void): unknown {
  return hidden(value, 0, tell);
}

function hidden(value: unknown, depth: number, tell: (key: string) => void): unknown {
  // Deeper things are cut off in any case.
  if (depth > 40 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => hidden(item, depth + 1, tell));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => {
      const isHidden = typeof item === 'string' && item !== '' && isSecretKey(key);
      if (isHidden) tell(key);
      return [key, isHidden ? '***' : hidden(item, depth + 1, tell)];
    }),
  );
}
