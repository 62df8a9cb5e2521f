/**
 * Brings what is stored under the first key: what older keys have sealed, so that these can be taken out of the configuration,
 * and connections and alert channels from before there was sealing.
 */
import type { ResealStore, SealedRow } from '../store/index.ts';
import { maskUrl } from './connection-url.ts';
import type { Vault } from './seal.ts';

export interface Resealed {
  /** Sealed anew. */
  resealed: number;
  /** Were plain text before. */
  plain: number;
  /** No key opens them. */
  closed: number;
}

const PAGE = 500;

/** Without a key nothing happens. Several processes may do it at the same time. */
export async function resealAll(store: ResealStore, vault: Vault): Promise<Resealed> {
  const found: Resealed = { resealed: 0, plain: 0, closed: 0 };
  if (!vault.isReady) return found;
  let after: SealedRow | null = null;
  for (;;) {
    const page: SealedRow[] = await store.listSealed(after, PAGE);
    const changes = page.flatMap((row) => changeOf(vault, row, found));
    if (changes.length > 0) await store.reseal(changes);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last;
  }
  // What was plain may have left copies behind.
  if (found.plain > 0) await store.purgeFreed();
  return found;
}

type ResealChange = Parameters<ResealStore['reseal']>[0][number];

function changeOf(vault: Vault, row: SealedRow, found: Resealed): ResealChange[] {
  if (row.plain)
    return [row.kind === 'connection' ? plainConnection(vault, row, found) : plainSecret(vault, row, found)];
  if (row.sealed === null || vault.isCurrent(row.sealed)) return [];
  const opened = vault.open(row.sealed, row);
  if (opened.kind === 'closed') {
    found.closed++;
    return [];
  }
  found.resealed++;
  return [{ from: row, url: row.url, sealed: vault.seal(opened.value, row) }];
}

function plainSecret(vault: Vault, row: SealedRow, found: Resealed): ResealChange {
  found.plain++;
  return { from: row, url: null, sealed: vault.seal(row.sealed ?? '', row) };
}

function plainConnection(vault: Vault, row: SealedRow, found: Resealed): ResealChange {
  const url = row.url ?? '';
  const shown = maskUrl(url);
  if (shown === url) return { from: row, url, sealed: null };
  found.plain++;
  return { from: row, url: shown, sealed: vault.seal(url, row) };
}
