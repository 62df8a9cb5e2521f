/** Finds the name that a person probably meant: the candidate with the fewest edits, if few enough. */
import { problemPhrase } from '../problem-phrases.ts';

/** Candidates looked at for one suggestion; beyond that a suggestion is not worth the time. */
const MAX_CANDIDATES = 20_000;

/**
 * The candidate nearest to `written`, or null when none is near. Case, `_` and `-` do not count as differences,
 * so `failure_policy` finds `failurePolicy`.
 */
export function nearest(written: string, candidates: Iterable<string>): string | null {
  const wanted = fold(written);
  let best: string | null = null;
  let bestEdits = Infinity;
  let looked = 0;
  for (const candidate of candidates) {
    if (++looked > MAX_CANDIDATES) break;
    const folded = fold(candidate);
    const allowed = Math.min(bestEdits - 1, Math.floor(Math.max(wanted.length, folded.length) / 2));
    if (Math.abs(wanted.length - folded.length) > allowed) continue;
    const edits = editDistance(wanted, folded, allowed);
    if (edits > allowed) continue;
    best = candidate;
    bestEdits = edits;
    if (edits === 0) break;
  }
  return best;
}

/** `, did you mean \`x\`?` or an empty text. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  const found = nearest(written, candidates);
  return found === null ? '' : problemPhrase('did_you_mean', { problem: '', meant: found });
}

function fold(text: string): string {
  return text.slice(0, 100).toLowerCase().replace(/[_-]/g, '');
}

/** Levenshtein distance with swapped neighbours as one edit; stops early and returns `limit + 1` when it is exceeded. */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      row.push(edits);
      if (edits < least) least = edits;
    }
    if (least > limit + 1) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
