/** The way in for the first administrator: there is no password that comes with the product. */
import type { ApiStore } from '../store/port.ts';
import { StoreError } from '../store/port.ts';
import { ADMIN_USER } from './authenticate.ts';
import { newSecret, secretHash } from './credentials.ts';

/**
 * A new sign-in link for the administrator, valid until it is used, until a newer one is made or the password is set; the
 * path and query of its address. Null when that account has been disabled: others are in charge then.
 */
export async function createStartLink(store: ApiStore, at: number): Promise<string | null> {
  const code = newSecret();
  const own = store.audited(() => ({ user: 'pelorus', via: 'none', address: '', action: 'start', at }));
  try {
    await own.createSignInLink({ user: ADMIN_USER, hash: secretHash(code), expiresAt: null, by: 'pelorus', at });
    return `/?code=${code}`;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'CONFLICT') return null;
    throw error;
  }
}
