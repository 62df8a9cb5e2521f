/** Instants and spans for people: relative where that says more, the whole instant on hover and to readers of screens. */
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { locale } from '../i18n/index.ts';

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** `3 min ago`, `in 2 days`. */
export function relativeTime(at: number, now: number): string {
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'short' });
  const [unit, ms] = UNITS.find(([, size]) => Math.abs(at - now) >= size) ?? UNITS[3];
  return format.format(Math.trunc((at - now) / ms), unit);
}

/** In the zone of the browser unless another is given, with the zone's name. */
export function absoluteTime(at: number | string, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), {
    dateStyle: 'medium',
    timeStyle: 'long',
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(new Date(at));
}

/** `1 h 5 min`, `4.2 s`, `230 ms`. */
export function span(ms: number): string {
  const number = (value: number, digits = 0): string =>
    value.toLocaleString(locale(), { maximumFractionDigits: digits });
  if (ms < 1000) return `${number(ms)} ms`;
  if (ms < 60_000) return `${number(ms / 1000, 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${number(minutes)} min ${number(Math.floor((ms % 60_000) / 1000))} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${number(hours)} h ${number(minutes % 60)} min`;
  return `${number(Math.floor(hours / 24))} d ${number(hours % 24)} h`;
}

/** Now, again every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Time({ at, zone }: { at: string | null; zone?: string }): ReactNode {
  const { t } = useTranslation();
  const now = useNow(10_000);
  if (at === null) return <span className="text-ink-3">{t('time.never')}</span>;
  return (
    <time dateTime={at} title={absoluteTime(at, zone)}>
      {relativeTime(Date.parse(at), now)}
    </time>
  );
}
