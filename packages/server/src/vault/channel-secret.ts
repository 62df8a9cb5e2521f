/** Secrets of alert channels: what webhooks are signed with. */
import type { AlertChannel } from '../store/index.ts';
import type { Vault } from './seal.ts';

function placeOf(name: string) {
  return { kind: 'alert-channel', projectId: 0, name } as const;
}

/** Throws `NoKey`. */
export function sealChannelSecret(vault: Vault, name: string, secret: string): string {
  return vault.seal(secret, placeOf(name));
}

/** No key opens the secret of a channel. */
export class ClosedChannel extends Error {}

/** The channel with its secret in the open. Throws `ClosedChannel` where no key opens it. Those from before there was sealing are as they are. */
export function openChannel(vault: Vault, channel: AlertChannel): AlertChannel {
  const { name, secret } = channel;
  if (secret === null || secret.startsWith('whsec_')) return channel;
  const opened = vault.open(secret, placeOf(name));
  if (opened.kind === 'closed') throw new ClosedChannel(`the secret of alert channel ${name} ${opened.reason}`);
  return { ...channel, secret: opened.value };
}
