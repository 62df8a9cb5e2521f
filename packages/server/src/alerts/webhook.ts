/**
 * Alerts by webhook. The target is a URL that somebody configured, so what it may reach is bounded: http and https only, no
 * redirects, no cloud metadata or other link-local addresses, this machine itself only in development. The address is judged
 * when the connection is made, so a name that changes its mind in between gains nothing. Answers are never shown, only their status.
 */
import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { AlertChannel } from '../store/index.ts';
import type { AlertMessage } from './alert-message.ts';
import type { DeliveryOptions, DeliveryOutcome, Try } from './deliver.ts';
import { secretBytes, signatureHeaders } from './webhook-signature.ts';

export async function postWebhook(
  channel: AlertChannel,
  message: AlertMessage,
  options: Pick<DeliveryOptions, 'allowLoopback'>,
  { at, signal }: Try,
): Promise<DeliveryOutcome> {
  const target = parseTarget(channel.target);
  if (typeof target === 'string') return { kind: 'failed', result: target };
  const key = channel.secret === null ? null : secretBytes(channel.secret);
  if (channel.secret !== null && key === null) {
    return { kind: 'failed', result: `the secret of channel ${channel.name} is not a Standard Webhooks secret` };
  }
  const body = bodyOf(message);
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Pelorus',
    ...(key ? signatureHeaders(key, { id: message.id, at, body }) : { 'webhook-id': message.id }),
  };
  try {
    const answer = await post(target, { method: 'POST', headers, signal }, body, options.allowLoopback === true);
    return outcomeOf(answer);
  } catch (error) {
    return { kind: 'retry', result: error instanceof Error ? error.message : String(error), notBeforeMs: 0 };
  }
}

function bodyOf({ type, occurredAt, details }: AlertMessage): string {
  return JSON.stringify({ type, timestamp: new Date(occurredAt).toISOString(), data: details });
}

/** A text says what is wrong with it. */
function parseTarget(text: string): URL | string {
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return 'not an http or https address';
  if (url.username !== '' || url.password !== '') return 'an address with a user or password in it; use the secret';
  return url;
}

interface Answer {
  status: number;
  retryAfter: string | undefined;
}

/** A connection of its own, so that nothing of one target is left for another. */
function post(url: URL, options: RequestOptions, body: string, allowLoopback: boolean): Promise<Answer> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !isAllowed(host, allowLoopback)) throw new ForbiddenAddress(host);
    const sent = send(url, { ...options, agent: false, lookup: guardedLookup(allowLoopback) });
    sent.on('error', reject);
    sent.on('response', (answer: IncomingMessage) => {
      answer.destroy();
      resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] });
    });
    sent.end(body);
  });
}

class ForbiddenAddress extends Error {
  constructor(address: string) {
    super(`webhooks may not be sent to ${address}`);
  }
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Resolves as Node does, and refuses a name when any of its addresses is refused. */
function guardedLookup(allowLoopback: boolean) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const refused = addresses.find(({ address }) => !isAllowed(address, allowLoopback));
      if (refused) return callback(new ForbiddenAddress(`${hostname} (${refused.address})`), []);
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? '', first?.family);
    });
  };
}

const NEVER = new BlockList();
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('224.0.0.0', 3, 'ipv4');
NEVER.addAddress('::', 'ipv6');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');
/** The metadata service of EC2 over IPv6. */
NEVER.addAddress('fd00:ec2::254', 'ipv6');
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Private networks are allowed: that is where most receivers of such a product are. */
export function isAllowed(address: string, allowLoopback: boolean): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  return !NEVER.check(address, family) && (allowLoopback || !LOOPBACK.check(address, family));
}

/** 2xx has it; 410 never wants it again (Standard Webhooks); redirects are not followed; anything else may change. */
function outcomeOf({ status, retryAfter }: Answer): DeliveryOutcome {
  const result = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: 'sent', result };
  if (status === 410) return { kind: 'failed', result: `${result}: the receiver is gone` };
  if (status >= 300 && status < 400) return { kind: 'failed', result: `${result}: redirects are not followed` };
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : 0;
  return { kind: 'retry', result, notBeforeMs: seconds * 1000 };
}
