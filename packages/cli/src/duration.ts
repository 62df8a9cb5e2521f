import { usageFailure } from './failure.ts';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30s`, `10m`, `1h30m`, or whole seconds, in milliseconds; throws a usage failure that names `flag`. */
export function durationFlag(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const parts = [...text.matchAll(/(\d{1,9})(ms|s|m|h|d)/gy)];
  const complete = parts.reduce((length, part) => length + part[0].length, 0) === text.length;
  if (parts.length === 0 || !complete) throw usageFailure(`${flag} must be a duration like 30s, 10m or 2h, not "${text}"`);
  return parts.reduce((sum, part) => sum + Number(part[1]) * UNIT_MS[part[2] as keyof typeof UNIT_MS], 0);
}
