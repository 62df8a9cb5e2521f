import { ApiFailure } from './problem.ts';

export interface ByteRange {
  from: number;
  length: number;
}

/**
 * The one range that a header `Range` names, within `size` bytes; null: all of it, also for what may be ignored (other units, several
 * ranges, nonsense), see RFC 9110 section 14.2. Throws the 416 for a range that begins behind the end.
 */
export function readByteRange(header: string | null, size: number): ByteRange | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(' ', '') ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return null;
  if (first === '') return within(Math.max(0, size - Number(last)), size - 1, size);
  return Number(last || size) < Number(first)
    ? null
    : within(Number(first), last === '' ? size - 1 : Number(last), size);
}

function within(from: number, last: number, size: number): ByteRange {
  const length = Math.min(last, size - 1) - from + 1;
  if (length > 0) return { from, length };
  throw new ApiFailure('RANGE_NOT_SATISFIABLE', `there are ${size} bytes, and none of them is in that range`);
}
