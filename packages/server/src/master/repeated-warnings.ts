/** Warnings of what is tried again and again while the store is away: each kind once in ten seconds, with how many there were before it. */

export const WARNINGS_EVERY_MS = 10_000;

type Warn = (fields: object, message: string) => void;

/** `clock` in milliseconds; a kind is its message. */
export function repeatedWarnings(warn: Warn, clock: () => number): Warn {
  const told = new Map<string, { at: number; untold: number }>();
  return (fields, message) => {
    const now = clock();
    const last = told.get(message);
    if (last && now < last.at + WARNINGS_EVERY_MS) {
      last.untold++;
      return;
    }
    told.set(message, { at: now, untold: 0 });
    warn(last && last.untold > 0 ? { ...fields, othersBefore: last.untold } : fields, message);
  };
}
