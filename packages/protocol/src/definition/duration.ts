/** Durations as people write them (`90`, `30s`, `10m`, `2h`, `1d`, `1h30m`, `250ms`) and as the engine keeps them: milliseconds. */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** Source of the regular expression that every written duration matches; also the JSON Schema's pattern. */
export const DURATION_PATTERN =
  '^(?=.)(?:\\d{1,15}|(?:\\d{1,15}d)?(?:\\d{1,15}h)?(?:\\d{1,15}m)?(?:\\d{1,15}s)?(?:\\d{1,15}ms)?)$';
const DURATION = new RegExp(DURATION_PATTERN);

/**
 * Milliseconds of a written duration; a bare number (or digits as text) is whole seconds.
 * Null for anything else, negative numbers and fractions included.
 */
export function parseDuration(written: string | number): number | null {
  if (typeof written === 'number') return Number.isSafeInteger(written) && written >= 0 ? safe(written * 1000) : null;
  if (!DURATION.test(written)) return null;
  if (/^\d+$/.test(written)) return safe(Number(written) * 1000);
  let total = 0;
  for (const [, digits, unit] of written.matchAll(/(\d+)(ms|[dhms])/g)) {
    total += Number(digits) * (UNITS.find(([name]) => name === unit)?.[1] ?? 0);
  }
  return safe(total);
}

/** The shortest text that `parseDuration` reads back as the same milliseconds, e.g. `1h30m`; `0s` for zero. */
export function formatDuration(durationMs: number): string {
  let rest = Math.max(0, Math.round(durationMs));
  let text = '';
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}

function safe(durationMs: number): number | null {
  return Number.isSafeInteger(durationMs) ? durationMs : null;
}
