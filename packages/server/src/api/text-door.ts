import type { RequestProblem } from '@pelorus/protocol';
import { API_LIMITS } from './limits.ts';
import { problemAt } from './problem.ts';

/**
 * Everything in a parsed value that no store can hold: NUL characters and lone surrogates, in keys and in texts; and
 * values nested too deep for anybody who walks them by recursion. Iterative for that reason.
 */
export function unstorableParts(value: unknown): RequestProblem[] {
  const problems: RequestProblem[] = [];
  const open: { value: unknown; pointer: string; depth: number }[] = [{ value, pointer: '', depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value === 'string') check(next.value, next.pointer, problems);
    if (typeof next.value !== 'object' || next.value === null || Buffer.isBuffer(next.value)) continue;
    if (next.depth >= API_LIMITS.valueDepth)
      return [problemAt('', `values may not be nested deeper than ${API_LIMITS.valueDepth} levels`)];
    for (const [key, inner] of Object.entries(next.value)) {
      const pointer = `${next.pointer}/${key}`;
      if (!Array.isArray(next.value)) check(key, pointer, problems);
      open.push({ value: inner, pointer, depth: next.depth + 1 });
    }
  }
  return problems;
}

function check(text: string, pointer: string, problems: RequestProblem[]): void {
  const what = unstorable(text);
  if (what !== null)
    problems.push(
      problemAt(
        pointer.toWellFormed().replaceAll('\0', '␀'),
        `${nameOf(pointer)} holds ${what}, which cannot be stored`,
      ),
    );
}

/** Null when the text can be stored. */
export function unstorable(text: string): string | null {
  if (text.includes('\0')) return 'a NUL character';
  return text.isWellFormed() ? null : 'half of a surrogate pair';
}

function nameOf(pointer: string): string {
  return pointer === '' ? 'the text' : pointer.slice(1).toWellFormed().replaceAll('\0', '␀');
}
