import type { AlertRecord } from '@pelorus/engine';
import { createHmac, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Alerts, sendTest, startAlerts } from '../../src/alerts/index.ts';
import type { DeliveryOptions } from '../../src/alerts/index.ts';
import { retryDelayMs, TRIES_MAX } from '../../src/alerts/retry-delay.ts';
import type { AlertChannel, AlertDelivery, Fence, Store } from '../../src/store/index.ts';
import { createVault, sealChannelSecret, type Vault } from '../../src/vault/index.ts';
import type { Place } from '../store/contract.ts';
import { alertOfEnd, AT, master, startedRun, withWorkflow } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { type Hook, type MailServer, mailServer, type WebhookReceiver, webhookReceiver } from './receivers.ts';
import { PATIENCE_MS, WAIT } from '../wait.ts';

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

describe('alerts', () => {
  let place: Place;
  let store: Store;
  let fence: Fence;
  let smtp: MailServer;
  let receiver: WebhookReceiver;
  let alerts: Alerts | null;
  let now: number;
  beforeEach(async () => {
    now = AT + 1_000_000;
    place = await makeSqlitePlace();
    store = await place.open();
    await withWorkflow(store);
    fence = await master(store, 'm1');
    [smtp, receiver] = await Promise.all([mailServer(), webhookReceiver()]);
    alerts = null;
  });
  afterEach(async () => {
    await alerts?.stop();
    await store.close();
    await Promise.all([place.remove(), smtp.close(), receiver.close()]);
  });

  const options = (): DeliveryOptions => ({
    smtp: smtp.url,
    from: 'Pelorus <pelorus@example.org>',
    baseUrl: 'https://pelorus.example.org',
    allowLoopback: true,
    timeLimitMs: PATIENCE_MS,
  });
  const serve = async (more: Partial<DeliveryOptions> & { vault?: Vault } = {}) => {
    const log = { info: () => undefined, warn: () => undefined };
    alerts = await startAlerts({ ...options(), ...more, store, log, clock: () => now, random: () => 0.5 });
  };
  const tell = async (more: Partial<AlertRecord> = {}): Promise<AlertRecord> => {
    const alert = alertOfEnd(await startedRun(store, fence), more);
    await store.commit(fence, [{ kind: 'alert', alert }]);
    alerts?.hint();
    return alert;
  };
  const channel = (more: Partial<AlertChannel> = {}) =>
    store.saveAlertChannel({
      name: 'ops',
      kind: 'webhook',
      target: `${receiver.url}/hook?team=ops`,
      secret: null,
      events: [],
      user: 'ann',
      at: AT,
      ...more,
    });
  const deliveries = (): Promise<AlertDelivery[]> => store.listAlerts({ limit: 1000 });
  /** Waits until the newest delivery is as described. */
  const settled = (as: Partial<AlertDelivery>) =>
    vi.waitFor(async () => expect((await deliveries())[0]).toMatchObject(as), WAIT);

  describe('by e-mail', () => {
    test('say in subject and text what failed, where, why, how long it took and where to look', async () => {
      await serve();
      const alert = await tell();
      await settled({ state: 'sent', attempts: 1, nextAt: null, doneAt: now });
      expect((await deliveries())[0]!.result).toMatch(/^250 /);
      expect(smtp.mails).toHaveLength(1);
      const { from, to, text } = smtp.mails[0]!;
      expect({ from, to }).toEqual({ from: 'pelorus@example.org', to: ['ann@example.org'] });
      const [head, body] = [text.slice(0, text.indexOf('\n\n')), text.slice(text.indexOf('\n\n') + 2)];
      expect(head).toContain('To: ann@example.org');
      expect(head).toContain(`Message-ID: <${alert.run}.run-failed@example.org>`);
      expect(head).toContain('Auto-Submitted: auto-generated');
      expect(
        body
          .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
          .replaceAll('=\n', ''),
      ).toContain(`Run:           ${alert.run} (DIRECT, submitted by ann)`);
      for (const fact of [
        'Workflow:      sales/nightly, version 1',
        'State:         failed',
        'First failure: task load: exit code 3',
        'Logical date:  2026-09-21T14:13:19.000Z',
        'Duration:      5 ms',
        `Address:       https://pelorus.example.org/runs/${alert.run}`,
      ])
        expect(body.replaceAll('=\n', '')).toContain(fact);
    });

    test('go to each recipient on its own', async () => {
      await serve();
      await tell({ recipients: ['a@example.org', 'b@example.org'] });
      await vi.waitFor(() => expect(smtp.mails).toHaveLength(2), WAIT);
      expect(smtp.mails.flatMap(({ to }) => to).toSorted()).toEqual(['a@example.org', 'b@example.org']);
    });

    test('names cannot make headers or further recipients of their own', async () => {
      await serve();
      await tell({
        workflow: 'x\r\nBcc: evil@example.org\r\n\r\nbody',
        recipients: ['ann@example.org', 'a@b.org, c@d.org', 'x <e@f.org>'],
      });
      await vi.waitFor(
        async () => expect((await deliveries()).every(({ state }) => state !== 'pending')).toBe(true),
        WAIT,
      );
      expect(smtp.mails.map(({ to }) => to)).toEqual([['ann@example.org']]);
      expect(smtp.mails[0]!.text.slice(0, smtp.mails[0]!.text.indexOf('\n\n'))).not.toMatch(/^Bcc:/m);
      expect((await deliveries()).map(({ result }) => result)).toEqual([
        'not an e-mail address: x <e@f.org>',
        'not an e-mail address: a@b.org, c@d.org',
        expect.stringMatching(/^250/) as string,
      ]);
    });

    test('an address that the server will never take is given up at once; one that it cannot take now is tried again', async () => {
      smtp.refuse = (address) =>
        address.startsWith('never')
          ? { code: 550, text: 'no such user' }
          : address.startsWith('later')
            ? { code: 451, text: 'greylisted' }
            : null;
      await serve();
      await tell({ recipients: ['never@example.org'] });
      await settled({ state: 'failed', attempts: 1 });
      expect((await deliveries())[0]!.result).toContain('no such user');
      await tell({ recipients: ['later@example.org'] });
      await settled({ state: 'pending', attempts: 1, nextAt: now + 5_500 });
      expect((await deliveries())[0]!.result).toContain('greylisted');
      smtp.refuse = () => null;
      now += 5_500;
      alerts!.hint();
      await settled({ state: 'sent', attempts: 2 });
    });

    test('a server that is not there is tried again; none configured is an end with that reason', async () => {
      await serve({ smtp: 'smtp://127.0.0.1:1' });
      await tell();
      await settled({ state: 'pending', attempts: 1, nextAt: now + 5_500 });
      expect((await deliveries())[0]!.result).toContain('ECONNREFUSED');
      await alerts!.stop();
      await serve({ smtp: null });
      await tell();
      await settled({ state: 'failed', result: 'no mail server is configured' });
      await expect(startAlerts({ ...options(), smtp: 'https://x', store, log: console })).rejects.toThrow('smtp://');
    });
  });

  test('a store that is away is told of once in ten seconds, with how often it was not there', async () => {
    let looks = 0;
    const away = new Proxy(store, {
      get: (target, name) =>
        name === 'nextAlertAt'
          ? async () => {
              looks++;
              throw new Error('it is away');
            }
          : Reflect.get(target, name),
    });
    const told: [object, string][] = [];
    const log = { info: () => undefined, warn: (fields: object, message: string) => void told.push([fields, message]) };
    alerts = await startAlerts({ ...options(), store: away, log, clock: () => now, random: () => 0.5 });
    const lookAgain = async (): Promise<void> => {
      const before = looks;
      alerts!.hint();
      await vi.waitFor(() => expect(looks).toBeGreaterThan(before), WAIT);
      // What a look ends with is told after it.
      await new Promise(setImmediate);
    };
    for (let i = 0; i < 20; i++) await lookAgain();
    const untold = looks - 1;
    now += 10_000;
    await lookAgain();
    const message = 'the outbox of alerts could not be read';
    expect(told).toEqual([
      [{ reason: 'it is away' }, message],
      [{ reason: 'it is away', othersBefore: untold }, message],
    ]);
  });

  describe('by webhook', () => {
    /** As a receiver would check it, by the specification alone. */
    const verify = (hook: Hook, secret: string): boolean => {
      const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = hook.headers;
      const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
      const signed = `${String(id)}.${String(timestamp)}.${hook.body}`;
      return signature === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    };

    test('are signed with a secret that the store has sealed; under a key that is not there they wait and say so', async () => {
      const secret = newSecret();
      const vault = createVault([{ id: 'k1', bytes: Buffer.alloc(32, 1) }]);
      await channel({ secret: sealChannelSecret(vault, 'ops', secret) });
      await serve();
      await tell({ recipients: ['ops'] });
      await settled({ state: 'pending', attempts: 1, result: expect.stringContaining('PELORUS_SECRET_KEY') as string });
      expect(await alerts!.test('ops', new AbortController().signal)).toMatchObject({
        delivered: false,
        detail: 'the secret of alert channel ops cannot be read: there is no PELORUS_SECRET_KEY',
      });
      expect(receiver.hooks).toEqual([]);
      await alerts!.stop();
      now += 3_600_000;
      await serve({ vault });
      await settled({ state: 'sent', attempts: 2 });
      expect(verify(receiver.hooks[0]!, secret)).toBe(true);
    });

    test('carry the facts as JSON and a Standard Webhooks signature', async () => {
      const secret = newSecret();
      await channel({ secret });
      await serve();
      const alert = await tell({ recipients: ['ops'] });
      await settled({ state: 'sent', attempts: 1, result: 'HTTP 204' });
      const [hook] = receiver.hooks;
      expect(hook!.path).toBe('/hook?team=ops');
      expect(hook!.headers).toMatchObject({
        'content-type': 'application/json',
        'webhook-id': alert.id,
        'webhook-timestamp': String(Math.floor(now / 1000)),
      });
      expect(verify(hook!, secret)).toBe(true);
      expect(verify({ ...hook!, body: `${hook!.body} ` }, secret)).toBe(false);
      expect(verify(hook!, newSecret())).toBe(false);
      expect(JSON.parse(hook!.body)).toEqual({
        type: 'run.failed',
        timestamp: new Date(alert.at).toISOString(),
        data: {
          summary: `sales/nightly run ${alert.run} failed: task load – exit code 3`,
          project: 'sales',
          workflow: 'nightly',
          workflowVersion: 1,
          run: alert.run,
          execType: 'DIRECT',
          submitUser: 'ann',
          state: 'failed',
          cause: { kind: 'exit', code: 3 },
          firstFailure: { task: 'load', cause: { kind: 'exit', code: 3 } },
          task: null,
          timeoutMs: null,
          logicalDate: '2026-09-21T14:13:19.000Z',
          startedAt: new Date(AT + 5).toISOString(),
          endedAt: new Date(AT + 10).toISOString(),
          durationMs: 5,
          url: `https://pelorus.example.org/runs/${alert.run}`,
        },
      });
    });

    test('are tried again with the same id, a new timestamp and a signature over it', async () => {
      const secret = newSecret();
      await channel({ secret });
      const statuses = [500, 503, 200];
      receiver.answer = (_hook, response) =>
        void response.writeHead(statuses.shift()!).end('details that nobody is shown');
      await serve();
      const alert = await tell({ recipients: ['ops'] });
      await settled({ state: 'pending', attempts: 1, result: 'HTTP 500', nextAt: now + 5_500 });
      alerts!.hint();
      now += 5_499;
      alerts!.hint();
      await settled({ attempts: 1 });
      now += 1;
      alerts!.hint();
      await settled({ state: 'pending', attempts: 2, result: 'HTTP 503', nextAt: now + 11_000 });
      now += 11_000;
      alerts!.hint();
      await settled({ state: 'sent', attempts: 3, result: 'HTTP 200' });
      expect(receiver.hooks.map(({ headers }) => headers['webhook-id'])).toEqual([alert.id, alert.id, alert.id]);
      expect(new Set(receiver.hooks.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
      expect(receiver.hooks.every((hook) => verify(hook, secret))).toBe(true);
    });

    test('are given up after a bounded number of tries, and that can be seen', async () => {
      await channel();
      receiver.answer = (_hook, response) => void response.writeHead(500).end();
      await serve();
      await tell({ recipients: ['ops'] });
      for (let attempts = 1; attempts < TRIES_MAX; attempts++) {
        const nextAt = now + retryDelayMs(attempts, 0.5, 0);
        await settled({ state: 'pending', attempts, result: 'HTTP 500', nextAt });
        now = nextAt;
        alerts!.hint();
      }
      await settled({
        state: 'failed',
        attempts: TRIES_MAX,
        nextAt: null,
        result: `HTTP 500; given up after ${TRIES_MAX} tries`,
      });
      expect(receiver.hooks).toHaveLength(TRIES_MAX);
    });

    test('wait as long as the receiver asks', async () => {
      await channel();
      receiver.answer = (_hook, response) => void response.writeHead(429, { 'retry-after': '600' }).end();
      await serve();
      await tell({ recipients: ['ops'] });
      await settled({ state: 'pending', result: 'HTTP 429', nextAt: now + 660_000 });
    });

    test.each([
      [410, 'HTTP 410: the receiver is gone'],
      [302, 'HTTP 302: redirects are not followed'],
    ])('an answer of %i ends it', async (status, result) => {
      const elsewhere = await webhookReceiver();
      await channel();
      receiver.answer = (_hook, response) => void response.writeHead(status, { location: elsewhere.url }).end();
      await serve();
      await tell({ recipients: ['ops'] });
      await settled({ state: 'failed', attempts: 1, result });
      expect(elsewhere.hooks).toEqual([]);
      await elsewhere.close();
    });

    test('a receiver that never answers keeps nobody else waiting', async () => {
      await channel();
      receiver.answer = () => undefined;
      await serve();
      const { run } = await tell({ recipients: ['ops'] });
      await vi.waitFor(() => expect(receiver.hooks).toHaveLength(1), WAIT);
      await tell({ recipients: ['ann@example.org'] });
      await vi.waitFor(() => expect(smtp.mails).toHaveLength(1), WAIT);
      const hanging = (await deliveries()).find(({ alert }) => alert.run === run);
      expect(hanging).toMatchObject({ state: 'pending', attempts: 1, result: null });
    });

    test('a receiver that never answers costs its time limit', async () => {
      await channel();
      receiver.answer = () => undefined;
      await serve({ timeLimitMs: 50 });
      await tell({ recipients: ['ops'] });
      await settled({ state: 'pending', attempts: 1, result: 'no answer within 50 ms', nextAt: now + 5_500 });
    });

    test('an answer without end is cut off', async () => {
      await channel();
      receiver.answer = (_hook, response) => {
        response.writeHead(200);
        const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
        response.on('close', () => clearInterval(more));
      };
      await serve();
      await tell({ recipients: ['ops'] });
      await settled({ state: 'sent', result: 'HTTP 200' });
    });

    test('do not reach this machine unless that is allowed, by address or by name', async () => {
      await serve({ allowLoopback: false });
      const { port } = new URL(receiver.url);
      for (const host of [
        '127.0.0.1',
        'localhost',
        '[::1]',
        '[::ffff:127.0.0.1]',
        '2130706433',
        '169.254.169.254',
        '0.0.0.0',
      ]) {
        await channel({ target: `http://${host}:${port}/` });
        await tell({ recipients: ['ops'] });
        await settled({
          state: 'pending',
          attempts: 1,
          result: expect.stringMatching(/^webhooks may not be sent to /) as string,
        });
      }
      expect(receiver.hooks).toEqual([]);
    });
  });

  describe('channels', () => {
    test('that are gone, or do not take the event, settle the delivery with the reason', async () => {
      await channel({ events: ['run-succeeded'] });
      await serve();
      await tell({ recipients: ['ops', 'nobody'] });
      await vi.waitFor(
        async () =>
          expect((await deliveries()).map(({ state, result }) => [state, result])).toEqual([
            ['failed', 'there is no alert channel nobody'],
            ['skipped', 'channel ops does not take run-failed'],
          ]),
        WAIT,
      );
      await channel({ events: ['run-failed'] });
      await tell({ recipients: ['ops'] });
      await settled({ state: 'sent' });
    });

    test('of kind e-mail send to their address', async () => {
      await channel({ kind: 'email', target: 'team@example.org' });
      await serve();
      await tell({ recipients: ['ops'] });
      await settled({ state: 'sent' });
      expect(smtp.mails.map(({ to }) => to)).toEqual([['team@example.org']]);
    });

    test('can be tried out: a message that says it is a test, past the outbox and the events', async () => {
      const base = { name: 'ops', secret: null, events: ['run-succeeded' as const] };
      const hook = { ...base, kind: 'webhook' as const, target: receiver.url };
      expect(await sendTest(hook, options())).toEqual({ kind: 'sent', result: 'HTTP 204' });
      expect(JSON.parse(receiver.hooks[0]!.body)).toMatchObject({ type: 'test', data: { channel: 'ops' } });
      expect(await sendTest({ ...base, kind: 'email', target: 'team@example.org' }, options())).toMatchObject({
        kind: 'sent',
      });
      expect(smtp.mails[0]!.text).toContain('Subject: [Pelorus] test of alert channel ops');
      expect(await sendTest({ ...hook, target: 'ftp://x' }, options())).toEqual({
        kind: 'failed',
        result: 'not an http or https address',
      });
      expect(await sendTest({ ...hook, secret: 'whsec_short' }, options())).toMatchObject({ kind: 'failed' });
      expect(await deliveries()).toEqual([]);
    });

    test('the service tries one out by its name, as the door asks', async () => {
      await channel({ events: ['run-succeeded'] });
      await serve();
      const { signal } = new AbortController();
      expect(await alerts!.test('ops', signal)).toEqual({ delivered: true, detail: 'HTTP 204' });
      expect(await alerts!.test('nobody', signal)).toEqual({
        delivered: false,
        detail: 'there is no alert channel nobody',
      });
      receiver.answer = () => undefined;
      const given = AbortSignal.timeout(50);
      expect(await alerts!.test('ops', given)).toMatchObject({ delivered: false });
    });
  });

  describe('at least once', () => {
    test('what a sender had claimed when it died is sent by another when its lease is over, under the same id', async () => {
      await channel();
      await tell({ recipients: ['ops'] });
      const [claimed] = await store.claimAlerts(now, 60_000, 10);
      await serve();
      now += 59_999;
      alerts!.hint();
      now += 1;
      alerts!.hint();
      await settled({ state: 'sent', attempts: 2 });
      expect(receiver.hooks.map(({ headers }) => headers['webhook-id'])).toEqual([claimed!.alert.id]);
    });

    test('stopping gives up what is under way at once, and it is tried again later', async () => {
      await channel();
      receiver.answer = () => undefined;
      // Longer than any test may take.
      await serve({ timeLimitMs: 3_600_000 });
      await tell({ recipients: ['ops'] });
      await vi.waitFor(() => expect(receiver.hooks).toHaveLength(1), WAIT);
      await alerts!.stop();
      expect((await deliveries())[0]).toMatchObject({ state: 'pending', attempts: 1, nextAt: now + 60_000 });
      receiver.answer = (_hook, response) => void response.writeHead(200).end();
      now += 60_000;
      await serve();
      await settled({ state: 'sent', attempts: 2 });
    });

    test('one that was claimed too often without an end is given up', async () => {
      await tell({ recipients: ['ann@example.org'] });
      for (let i = 0; i < TRIES_MAX; i++) await store.claimAlerts((now += 1), 1, 1);
      now += 1;
      await serve();
      await settled({ state: 'failed', result: 'given up: no try of it came to an end' });
      expect(smtp.mails).toEqual([]);
    });

    test('two senders on one store send 200 alerts once each', async () => {
      await channel();
      const run = await startedRun(store, fence);
      await store.commit(
        fence,
        Array.from({ length: 200 }, (_, i) => ({
          kind: 'alert' as const,
          alert: alertOfEnd(run, { id: `a${i}`, recipients: ['ops'] }),
        })),
      );
      await serve();
      const second = await startAlerts({
        ...options(),
        store,
        log: { info: () => undefined, warn: () => undefined },
        clock: () => now,
      });
      await vi.waitFor(
        async () => expect((await deliveries()).filter(({ state }) => state === 'sent')).toHaveLength(200),
        WAIT,
      );
      await second.stop();
      const ids = receiver.hooks.map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids).size).toBe(200);
      expect(ids).toHaveLength(200);
    });
  });
});
