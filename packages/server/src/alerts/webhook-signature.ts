/** Standard Webhooks (https://www.standardwebhooks.com, specification v1): symmetric signatures. */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** The specification's bounds on a secret, in bytes. */
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** The secret's bytes; null for a text that is not `whsec_` and base64 of 24 to 64 bytes. */
export function secretBytes(secret: string): Buffer | null {
  if (!secret.startsWith(PREFIX)) return null;
  const base64 = secret.slice(PREFIX.length);
  const bytes = Buffer.from(base64, 'base64');
  const isCanonical = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  return isCanonical && bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES ? bytes : null;
}

/** The three headers. `at` in epoch ms; it is sent in whole seconds, and signed with the id and the body. */
export function signatureHeaders(
  key: Buffer,
  message: { id: string; at: number; body: string },
): Record<string, string> {
  const timestamp = String(Math.floor(message.at / 1000));
  const signature = createHmac('sha256', key).update(`${message.id}.${timestamp}.${message.body}`).digest('base64');
  return { 'webhook-id': message.id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
