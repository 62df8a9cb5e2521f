/** What is wrong with a channel before it is stored; the door asks. */
import type { AlertChannel } from '../store/index.ts';
import { isMailAddress } from './mail.ts';
import { parseTarget } from './webhook.ts';
import { secretBytes } from './webhook-signature.ts';

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;

/** A sentence for people, or null. `secret` undefined: not given. A name with an `@` would be taken for an address. */
export function problemOfChannel(
  channel: Pick<AlertChannel, 'name' | 'kind' | 'target'> & { secret?: string | null | undefined },
): string | null {
  const { name, kind, target, secret } = channel;
  if (!NAME.test(name)) return 'a channel name has letters, digits, dots, dashes and underscores, at most 100 of them';
  if (kind === 'email') {
    if (secret !== undefined && secret !== null) return 'an e-mail channel has no secret';
    return isMailAddress(target) ? null : `not an e-mail address: ${target}`;
  }
  const url = parseTarget(target);
  if (typeof url === 'string') return `${url}: ${target}`;
  if (secret === undefined || secret === null || secretBytes(secret) !== null) return null;
  return 'a webhook secret is whsec_ followed by base64 of 24 to 64 bytes';
}
