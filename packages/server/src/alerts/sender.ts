/**
 * The service that empties the outbox of alerts.
 *
 * Owns: the timer that looks for what is due, and the tries under way. The outbox is the store's.
 *
 * Invariants
 * 1. A delivery is claimed before it is tried, and settled after: a sender that dies in between costs a repetition after
 *    `LEASE_MS`, with the same id. At least once, never silently lost.
 * 2. At most `TRIES_AT_ONCE` tries are under way; each ends within its time limit, which is shorter than the lease.
 * 3. A delivery is tried at most `TRIES_MAX` times; then it has failed, and stays visible.
 */
import type { AlertDelivery, AlertStore } from '../store/index.ts';
import { ClosedChannel, createVault, openChannel, type Vault } from '../vault/index.ts';
import { deliver, sendTest } from './deliver.ts';
import type { DeliveryOptions, DeliveryOutcome } from './deliver.ts';
import { problemOfSmtp } from './mail.ts';
import { retryDelayMs, TRIES_MAX } from './retry-delay.ts';

const LEASE_MS = 60_000;
const TRIES_AT_ONCE = 16;
/** Nobody tells this service of a new alert; reading the outbox's index costs microseconds. */
const POLL_MS = 1_000;
const FAILURES_TOLD_MS = 10_000;

export interface AlertLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface AlertsOptions extends DeliveryOptions {
  store: AlertStore;
  log: AlertLog;
  /** Epoch ms. */
  clock?: () => number;
  /** Opens the secrets of channels. Default: without a key. */
  vault?: Vault;
  /** In [0, 1). */
  random?: () => number;
}

export interface Alerts {
  /** Looks at once instead of at the next poll. */
  hint(): void;
  /** Sends a test through a channel, now, past the outbox; `detail` is for people. Ends with `signal`, or when time is up. */
  test(channel: string, signal: AbortSignal): Promise<{ delivered: boolean; detail: string }>;
  /** Takes nothing new; tries under way are given up, and come back when their leases are over. */
  stop(): Promise<void>;
}

/** Serves the outbox until `stop`. Rejects when the address of the mail server cannot be one. */
export async function startAlerts(options: AlertsOptions): Promise<Alerts> {
  const problem = options.smtp === null ? null : problemOfSmtp(options.smtp);
  if (problem !== null) throw new Error(problem);
  const sender = new AlertSender(options);
  sender.hint();
  return sender;
}

class AlertSender implements Alerts {
  private readonly options: AlertsOptions;
  private readonly clock: () => number;
  private readonly random: () => number;
  private readonly stopping = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  private looking: Promise<void> | null = null;
  private lookAgain = false;
  private failures = { at: -Infinity, untold: 0 };
  private readonly poll: NodeJS.Timeout;

  constructor(options: AlertsOptions) {
    this.options = { ...options, store: withOpenChannels(options.store, options.vault ?? createVault([])) };
    this.clock = options.clock ?? Date.now;
    this.random = options.random ?? Math.random;
    this.poll = setInterval(() => this.hint(), POLL_MS);
    this.poll.unref();
  }

  hint(): void {
    if (this.stopping.signal.aborted) return;
    if (this.looking) {
      this.lookAgain = true;
      return;
    }
    this.looking = this.look()
      .catch((error: unknown) => this.lookFailed(error))
      .finally(() => {
        this.looking = null;
        if (!this.lookAgain) return;
        this.lookAgain = false;
        this.hint();
      });
  }

  /** While the store is away every look fails: one line every few seconds is enough, and says how many there were before it. */
  private lookFailed(error: unknown): void {
    const now = this.clock();
    const { at, untold } = this.failures;
    if (now >= at && now < at + FAILURES_TOLD_MS) {
      this.failures.untold++;
      return;
    }
    this.failures = { at: now, untold: 0 };
    const reason = error instanceof Error ? error.message : String(error);
    const others = untold > 0 ? { othersBefore: untold } : {};
    this.options.log.warn({ reason, ...others }, 'the outbox of alerts could not be read');
  }

  /** A claim is a write: it is made only when something is due. */
  private async look(): Promise<void> {
    const free = TRIES_AT_ONCE - this.underWay.size;
    if (free <= 0) return;
    const dueAt = await this.options.store.nextAlertAt();
    if (dueAt === null || dueAt > this.clock() || this.stopping.signal.aborted) return;
    const claimed = await this.options.store.claimAlerts(this.clock(), LEASE_MS, free);
    for (const delivery of claimed) this.start(delivery);
  }

  private start(delivery: AlertDelivery): void {
    const done = this.tryOnce(delivery)
      .catch((error: unknown) => {
        this.options.log.warn({ delivery: delivery.id, error }, 'what became of an alert could not be stored');
      })
      .finally(() => {
        this.underWay.delete(done);
        this.hint();
      });
    this.underWay.add(done);
  }

  private async tryOnce(delivery: AlertDelivery): Promise<void> {
    const { store, log } = this.options;
    const { signal } = this.stopping;
    const outcome: DeliveryOutcome =
      delivery.attempts > TRIES_MAX
        ? { kind: 'failed', result: delivery.result ?? 'given up: no try of it came to an end' }
        : await deliver(delivery, store, this.options, { at: this.clock(), signal });
    if (signal.aborted && outcome.kind !== 'sent') return;
    const fields = { alert: delivery.alert.id, recipient: delivery.recipient, attempt: delivery.attempts };
    if (outcome.kind === 'sent') log.info(fields, 'alert sent');
    else log.warn({ ...fields, result: outcome.result }, `alert ${outcome.kind}`);
    await store.settleAlert(delivery.id, this.settlement(delivery, outcome));
  }

  private settlement(delivery: AlertDelivery, outcome: DeliveryOutcome): Parameters<AlertStore['settleAlert']>[1] {
    const at = this.clock();
    const { kind, result } = outcome;
    if (kind !== 'retry') return { state: kind, result, nextAt: null, at };
    if (delivery.attempts >= TRIES_MAX) {
      return { state: 'failed', result: `${result}; given up after ${delivery.attempts} tries`, nextAt: null, at };
    }
    const delayMs = retryDelayMs(delivery.attempts, this.random(), outcome.notBeforeMs);
    return { state: 'pending', result, nextAt: at + delayMs, at };
  }

  test(name: string, signal: AbortSignal): Promise<{ delivered: boolean; detail: string }> {
    return testChannel(name, this.options, { at: this.clock(), signal });
  }

  async stop(): Promise<void> {
    clearInterval(this.poll);
    this.stopping.abort(new Error('the sender of alerts is stopping'));
    await this.looking;
    await Promise.all(this.underWay);
  }
}

/** The test of {@link Alerts}, for a process that sends nothing else. */
export function createChannelTest(
  options: DeliveryOptions & { store: Pick<AlertStore, 'loadAlertChannel'>; vault: Vault; clock: () => number },
): Alerts['test'] {
  const { store, vault, clock } = options;
  const loadAlertChannel = channelsOpened(store, vault);
  return (name, signal) => testChannel(name, { ...options, store: { loadAlertChannel } }, { at: clock(), signal });
}

async function testChannel(
  name: string,
  options: DeliveryOptions & { store: Pick<AlertStore, 'loadAlertChannel'> },
  now: { at: number; signal: AbortSignal },
): Promise<{ delivered: boolean; detail: string }> {
  const channel = await options.store.loadAlertChannel(name).catch(sentenceOfClosed);
  if (typeof channel === 'string') return { delivered: false, detail: channel };
  if (!channel) return { delivered: false, detail: `there is no alert channel ${name}` };
  const { kind, result } = await sendTest(channel, { ...options, ...now });
  return { delivered: kind === 'sent', detail: result };
}

function sentenceOfClosed(error: unknown): string {
  if (error instanceof ClosedChannel) return error.message;
  throw error;
}

/** What is sealed in the store is opened for the try that needs it. */
function withOpenChannels(store: AlertStore, vault: Vault): AlertStore {
  return {
    claimAlerts: (...claim) => store.claimAlerts(...claim),
    nextAlertAt: () => store.nextAlertAt(),
    settleAlert: (...settled) => store.settleAlert(...settled),
    loadAlertChannel: channelsOpened(store, vault),
  };
}

function channelsOpened(store: Pick<AlertStore, 'loadAlertChannel'>, vault: Vault): AlertStore['loadAlertChannel'] {
  return async (name) => {
    const channel = await store.loadAlertChannel(name);
    return channel && openChannel(vault, channel);
  };
}
