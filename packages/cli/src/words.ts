/** Causes, durations and instants as people read them. */
import type { RunState, TaskRunState } from '@pelorus/protocol';

export { causeText, durationText } from '@pelorus/protocol/vocabulary';

/** `12 s ago` on a terminal, RFC 3339 otherwise; `-` for null. */
export function instantText(instant: string | null, relativeTo: number | null): string {
  if (instant === null) return '-';
  if (relativeTo === null) return instant;
  const seconds = Math.round((relativeTo - Date.parse(instant)) / 1_000);
  if (seconds < 0) return `in ${agoText(-seconds)}`;
  return `${agoText(seconds)} ago`;
}

/** An instant as clocks of a zone show it: `2024-03-01T00:00:00+08:00`. */
export function localText(instant: string, zone: string): string {
  const [day, time, offset = ''] = clockOf(zone).format(Date.parse(instant)).split(' ');
  return `${day}T${time}${offset.replace('GMT', '').replace('\u2212', '-')}`;
}

/** One takes a tenth of a millisecond to make, and lists show thousands of instants. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone);
  if (known !== undefined) return known;
  const [two, format] = ['2-digit', 'longOffset'] as const;
  const parts = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
  const made = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, ...parts, timeZoneName: format });
  clocks.set(zone, made);
  return made;
}

function agoText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Time between two instants of an answer; to `now` when the second is not there yet; null when the first is not. */
export function elapsedMs(startedAt: string | null, endedAt: string | null, now: number): number | null {
  if (startedAt === null) return null;
  return Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt));
}

export type Tone = 'good' | 'bad' | 'busy' | 'warn' | 'quiet';

const TONES: Record<RunState | TaskRunState, Tone> = {
  succeeded: 'good',
  forced_success: 'good',
  reused: 'good',
  failed: 'bad',
  dependency_failed: 'bad',
  upstream_failed: 'bad',
  killed: 'bad',
  stopped: 'bad',
  running: 'busy',
  killing: 'warn',
  stopping: 'warn',
  pausing: 'warn',
  paused: 'warn',
  retry_wait: 'warn',
  queued: 'quiet',
  waiting: 'quiet',
  pending: 'quiet',
  delayed: 'quiet',
  dispatched: 'quiet',
  skipped: 'quiet',
};

export function toneOf(state: RunState | TaskRunState): Tone {
  return TONES[state];
}
