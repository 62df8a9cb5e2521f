/** Instants and spans for people: relative where that says more, the whole instant on hover and to readers of screens. */
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { language, locale } from '../i18n/index.ts';

const SECOND = ['second', 1000, 1000] as const;
/** Each from how many ms on, and how many ms one of it is. */
const UNITS = [
  ['day', 172_800_000, 86_400_000],
  ['hour', 3_600_000, 3_600_000],
  ['minute', 60_000, 60_000],
  SECOND,
] as const;

/** `3 min ago`, `in 40 hr`, `in 2 days`; never `tomorrow`, which a span of hours does not tell. */
export function relativeTime(at: number, now: number): string {
  const [unit, , ms] = UNITS.find(([, from]) => Math.abs(at - now) >= from) ?? SECOND;
  const count = Math.trunc((at - now) / ms);
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: count === 0 ? 'auto' : 'always', style: 'short' });
  return format.format(count, unit);
}

/** In the zone of the browser unless another is given, with the zone's name. */
export function absoluteTime(at: number | string, zone?: string): string {
  return new Intl.DateTimeFormat(locale(), {
    dateStyle: 'medium',
    timeStyle: 'long',
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(new Date(at));
}

const SPAN_WORDS = {
  en: { ms: 'ms', s: 's', min: 'min', h: 'h', d: 'd' },
  zh: { ms: '毫秒', s: '秒', min: '分', h: '小时', d: '天' },
} as const;

/** `1 h 5 min`, `4.2 s`, `230 ms`. */
export function span(ms: number): string {
  const words = SPAN_WORDS[language()];
  const part = (value: number, unit: keyof typeof words, digits = 0): string =>
    `${value.toLocaleString(locale(), { maximumFractionDigits: digits })} ${words[unit]}`;
  if (ms < 1000) return part(ms, 'ms');
  if (ms < 60_000) return part(ms / 1000, 's', 1);
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${part(minutes, 'min')} ${part(Math.floor((ms % 60_000) / 1000), 's')}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${part(hours, 'h')} ${part(minutes % 60, 'min')}`;
  return `${part(Math.floor(hours / 24), 'd')} ${part(hours % 24, 'h')}`;
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
