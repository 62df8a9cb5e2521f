/** One try to tell one recipient: finds out how, and says what came of it. Never throws for what the world does. */
import { randomUUID } from 'node:crypto';
import type { AlertChannel, AlertDelivery, AlertStore } from '../store/index.ts';
import { type AlertMessage, messageOfAlert, messageOfTest } from './alert-message.ts';
import { sendMail } from './mail.ts';
import { postWebhook } from './webhook.ts';

export interface DeliveryOptions {
  /** `smtp://user:password@host:port` or `smtps://…`; null: there is no mail server, and mails fail with that reason. */
  smtp: string | null;
  /** What mails say they are from. */
  from: string;
  /** Under which people reach the product, without a slash at its end; null: messages name no address. */
  baseUrl: string | null;
  /** Lets webhooks reach this machine itself; for development. Default false. */
  allowLoopback?: boolean;
  /** For one try, in ms. Default 15 s. */
  timeLimitMs?: number;
}

export type DeliveryOutcome =
  /** `result` is for people: what the other side answered, or why it did not work. */
  | { kind: 'sent'; result: string }
  | { kind: 'skipped'; result: string }
  /** Trying again cannot help. */
  | { kind: 'failed'; result: string }
  | { kind: 'retry'; result: string; notBeforeMs: number };

export interface Try {
  /** Epoch ms. */
  at: number;
  signal: AbortSignal;
}

const TIME_LIMIT_MS = 15_000;

export async function deliver(
  { alert, recipient }: AlertDelivery,
  store: Pick<AlertStore, 'loadAlertChannel'>,
  options: DeliveryOptions,
  now: Try,
): Promise<DeliveryOutcome> {
  const message = messageOfAlert(alert, options.baseUrl);
  if (recipient.includes('@'))
    return withTimeLimit(options, now, (limited) => sendMail(recipient, message, options, limited));
  const channel = await loadChannel(store, recipient);
  if (typeof channel === 'string') return { kind: 'retry', result: channel, notBeforeMs: 0 };
  if (channel === null) return { kind: 'failed', result: `there is no alert channel ${recipient}` };
  if (channel.events.length > 0 && !channel.events.includes(alert.event)) {
    return { kind: 'skipped', result: `channel ${recipient} does not take ${alert.event}` };
  }
  return sendThrough(channel, message, options, now);
}

async function loadChannel(
  store: Pick<AlertStore, 'loadAlertChannel'>,
  name: string,
): Promise<AlertChannel | null | string> {
  try {
    return await store.loadAlertChannel(name);
  } catch (error) {
    return `the channel could not be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function sendThrough(
  channel: AlertChannel,
  message: AlertMessage,
  options: DeliveryOptions,
  now: Try,
): Promise<DeliveryOutcome> {
  return withTimeLimit(options, now, (limited) =>
    channel.kind === 'email'
      ? sendMail(channel.target, message, options, limited)
      : postWebhook(channel, message, options, limited),
  );
}

/** For the test button and command: sends a message that says it is a test, now, past the outbox and the channel's `events`. */
export function sendTest(
  channel: AlertChannel,
  options: DeliveryOptions & { at?: number; signal?: AbortSignal },
): Promise<DeliveryOutcome> {
  const { at = Date.now(), signal = new AbortController().signal } = options;
  return sendThrough(channel, messageOfTest(channel.name, `test.${randomUUID()}`, at), options, { at, signal });
}

/** The signal that `send` gets ends when the caller's does, or when time is up. */
async function withTimeLimit(
  options: DeliveryOptions,
  now: Try,
  send: (limited: Try) => Promise<DeliveryOutcome>,
): Promise<DeliveryOutcome> {
  const limitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
  const expiry = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([now.signal, expiry]);
  const outcome = await send({ at: now.at, signal });
  return expiry.aborted && outcome.kind === 'retry'
    ? { ...outcome, result: `no answer within ${limitMs} ms` }
    : outcome;
}
