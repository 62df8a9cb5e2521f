/** Makes requests that create runs safe to send twice (header `Idempotency-Key`). */
import { createHash } from 'node:crypto';
import { badParameters, problemAt } from './problem.ts';
import type { SubmissionKey } from './submit.ts';

/** The key, and a hash by which another request under the same key is told apart. Throws the 400 for a key that is none. */
export function submissionKey(header: string | string[] | undefined, request: Record<string, unknown>): SubmissionKey {
  if (header === undefined) return { idempotencyKey: null, requestHash: '' };
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(header)) {
    const message = 'the header Idempotency-Key must hold 1 to 255 visible ASCII characters, given once';
    throw badParameters([problemAt('', message)]);
  }
  return { idempotencyKey: header, requestHash: createHash('sha256').update(canonicalText(request)).digest('hex') };
}

/** JSON with sorted keys: what was written in another order is the same. As deep as a body may be. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}
