/** The instants that the `start` and `end` of a schedule mean, as they are written. Pure. */
import { dayNumber, firstInstantOf } from '../cron/index.ts';

const PARTS =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[Tt ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.(?<fraction>\d{1,9}))?)?(?<offset>[Zz]|[-+]\d{2}:\d{2})?)?$/;

/**
 * Epoch ms; null when the text is no date and no time. Without an offset it is a local time of the zone; a date alone means its
 * first instant as a start and its last as an end.
 */
export function scheduleBound(text: string, zone: string, side: 'start' | 'end'): number | null {
  const parts = PARTS.exec(text)?.groups;
  if (!parts) return null;
  const [year, month, day] = parts['date']!.split('-').map(Number) as [number, number, number];
  const midnight = dayNumber({ year, month, day }) * 86_400;
  const { hour, minute, second = '0', fraction = '', offset } = parts;
  if (hour === undefined)
    return side === 'start'
      ? firstInstantOf(zone, midnight) * 1000
      : firstInstantOf(zone, midnight + 86_400) * 1000 - 1;
  const local = midnight + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
  if (offset === undefined) return firstInstantOf(zone, local) * 1000 + ms;
  return (local - offsetSeconds(offset)) * 1000 + ms;
}

function offsetSeconds(text: string): number {
  if (text === 'Z' || text === 'z') return 0;
  const [hours, minutes] = text.slice(1).split(':').map(Number) as [number, number];
  return (text.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60);
}
