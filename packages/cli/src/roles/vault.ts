/** What opens and closes secrets in a service. */
import { createVault, parseKeys, resealAll, type Vault } from '@pelorus/server/vault';
import type { Store } from '@pelorus/server/store';
import type { Logger } from 'pino';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** Keys as `PELORUS_SECRET_KEY` has them; throws a `Failure` for what cannot be one. */
export function openVault(text: string): Vault {
  const keys = parseKeys(text);
  if (typeof keys !== 'string') return createVault(keys);
  throw new Failure({
    exitCode: EXIT.usage,
    what: `PELORUS_SECRET_KEY ${keys}`,
    todo: 'openssl rand -base64 32 makes one',
  });
}

/** Seals everything under the first key. A vault that cannot be read is no reason not to start: tasks that need it fail and say so. */
export async function sealUnderFirstKey(store: Store, vault: Vault, log: Logger): Promise<void> {
  try {
    const found = await resealAll(store, vault);
    if (found.resealed + found.plain > 0) log.info({ ...found }, 'secrets sealed under the first key');
    if (found.closed > 0) log.warn({ closed: found.closed }, 'secrets that no key of PELORUS_SECRET_KEY opens');
  } catch (err) {
    log.error({ err }, 'secrets could not be brought under the first key; the next start tries again');
  }
}
