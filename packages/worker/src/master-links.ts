/**
 * Keeps one link to each master: dials, has the link served until it breaks, dials again with a back-off of its own, so that
 * a master that is away delays none of the others.
 *
 * Owns: which masters there are and the loops that dial them; not the links, which belong to whoever serves them.
 * Invariants: 1. there is at most one link per key; 2. a master that is not listed any more is not dialled again, but a link to it that
 * lives is kept until it breaks: a list can be wrong for a moment, and its runs must go on hearing of their attempts.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkerLink } from '@pelorus/protocol';

/** A master to be dialled. Two with the same key are the same master. */
export interface MasterAddress {
  key: string;
  connect: () => Promise<WorkerLink>;
}

/** `instead`: the end of another link, which leads to the same master; the address is not dialled before. */
export interface LinkEnd {
  instead: Promise<unknown> | null;
}

export interface MasterLinksOptions {
  /** Asked again every {@link LIST_AGAIN_MS}; what rejects changes nothing. */
  masters: () => Promise<MasterAddress[]>;
  /** Speaks over a link; resolves when it is gone. */
  serve: (link: WorkerLink) => Promise<LinkEnd>;
  log: { warn(fields: object, message: string): void };
  /** Ends everything. */
  signal: AbortSignal;
  /** Default {@link LIST_AGAIN_MS}. */
  listAgainMs?: number;
}

export const LIST_AGAIN_MS = 10_000;
/** While no master is known. */
const LIST_AGAIN_NONE_MS = 1_000;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 5_000;
const LINK_PROVEN_MS = 10_000;
const MASTERS_MAX = 100;

/** Resolves when the signal has come and every link is gone. Never rejects. */
export async function keepLinked(options: MasterLinksOptions): Promise<void> {
  const { signal, listAgainMs = LIST_AGAIN_MS } = options;
  /** What is to be dialled, by key. */
  let listed = new Map<string, MasterAddress>();
  const loops = new Map<string, Promise<void>>();
  while (!signal.aborted) {
    listed = (await listMasters(options)) ?? listed;
    for (const key of listed.keys()) {
      if (loops.has(key)) continue;
      const isListed = (): MasterAddress | undefined => listed.get(key);
      loops.set(
        key,
        keepOne(isListed, options).finally(() => loops.delete(key)),
      );
    }
    await sleep(listed.size === 0 ? Math.min(listAgainMs, LIST_AGAIN_NONE_MS) : listAgainMs, signal);
  }
  await Promise.all(loops.values());
}

async function listMasters({ masters, log }: MasterLinksOptions): Promise<Map<string, MasterAddress> | null> {
  try {
    const found = await masters();
    if (found.length > MASTERS_MAX)
      log.warn({ masters: found.length, limit: MASTERS_MAX }, 'too many masters: the others are not dialled');
    return new Map(found.slice(0, MASTERS_MAX).map((master) => [master.key, master]));
  } catch (error) {
    log.warn({ error: (error as Error).message }, 'the masters could not be listed');
    return null;
  }
}

async function keepOne(listed: () => MasterAddress | undefined, options: MasterLinksOptions): Promise<void> {
  const { signal, serve, log } = options;
  let pauseMs = RECONNECT_FIRST_MS;
  for (let master = listed(); master && !signal.aborted; master = listed()) {
    const openedAt = performance.now();
    const link = await dial(master, log);
    const end = link && (await serve(link));
    await end?.instead;
    if (performance.now() - openedAt > LINK_PROVEN_MS) pauseMs = RECONNECT_FIRST_MS;
    await sleep(pauseMs * (0.5 + Math.random()), signal);
    pauseMs = Math.min(pauseMs * 2, RECONNECT_MAX_MS);
  }
}

async function dial({ key, connect }: MasterAddress, log: MasterLinksOptions['log']): Promise<WorkerLink | null> {
  try {
    return await connect();
  } catch (error) {
    log.warn({ master: key, error: (error as Error).message }, 'no connection to a master');
    return null;
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
}
