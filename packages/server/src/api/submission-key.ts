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
  return { idempotencyKey: header, requestHash: sha256(canonicalText(withoutBytes(request))) };
}

/** Uploaded bytes count by their hash: as JSON they would be many times as long. */
function withoutBytes(request: Record<string, unknown>): Record<string, unknown> {
  const { body } = request;
  if (Buffer.isBuffer(body)) return { ...request, body: sha256(body) };
  if (typeof body !== 'object' || body === null) return request;
  const members = Object.entries(body).map(([name, value]: [string, unknown]) => [name, bytesHashed(value)]);
  return { ...request, body: Object.fromEntries(members) as object };
}

function bytesHashed(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return sha256(value);
  const isFile = typeof value === 'object' && value !== null && 'bytes' in value && Buffer.isBuffer(value.bytes);
  return isFile ? { ...value, bytes: sha256(value.bytes as Buffer) } : value;
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** JSON with sorted keys: what was written in another order is the same. As deep as a body may be. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}
