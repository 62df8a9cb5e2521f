/** The masters that a worker dials: names are looked up again and again, so that masters may come and go behind one name. */
import { dialMaster, type MasterAddress } from '@pelorus/worker';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import type { TlsSettings } from '../service-settings.ts';

export interface DialSettings {
  /** `ws://host:port` or `wss://host:port`. */
  urls: string[];
  token: string;
  tls: TlsSettings;
}

/** Of each name all its addresses; those it had before while it cannot be looked up. */
export function mastersByName({ urls, token, tls }: DialSettings, log: Logger): () => Promise<MasterAddress[]> {
  const known = new Map<string, string[]>();
  const addressesOf = async (host: string): Promise<string[]> => {
    const bare = host.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0) return [bare];
    try {
      const found = await lookup(bare, { all: true });
      known.set(host, found.map(({ address }) => address).toSorted());
    } catch (error) {
      log.warn({ host, error: error instanceof Error ? error.message : String(error) }, 'a master cannot be looked up');
    }
    return known.get(host) ?? [];
  };
  const trust = {
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key }),
  };
  return async () => {
    const found = await Promise.all(
      urls.map(async (url) => {
        const addresses = await addressesOf(new URL(url).hostname);
        return addresses.map((address) => ({
          key: `${new URL(url).origin} (${address})`,
          connect: () => dialMaster({ url: `${new URL(url).origin}/worker`, address, token, tls: trust, log }),
        }));
      }),
    );
    return found.flat();
  };
}
