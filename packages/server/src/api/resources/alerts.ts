/** Where people are told about runs, and what they have been told. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ALERT_EVENTS } from '@pelorus/engine';
import type { AlertTested } from '@pelorus/protocol';
import { ADMINISTRATOR, SIGNED_IN, type Caller } from '../access.ts';
import { alertPage, alertTestedAnswer, channelAnswer, channelPage } from '../answers/alerts.ts';
import { StoreError, type AlertChannelRow, type ApiStore } from '../../store/port.ts';
import { sealChannelSecret } from '../../vault/index.ts';
import { confidentialBody } from '../body.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadRun } from '../lookup.ts';
import { nearestName } from '../nearest.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { cursor, limit, newName, runId, someName } from '../schemas.ts';
import { alertChannelView, alertView } from '../views.ts';

const channelPath = z.strictObject({ name: someName });

const listChannels = route({
  id: 'listChannels',
  method: 'GET',
  path: '/alert-channels',
  access: SIGNED_IN,
  summary: 'Where alerts can be sent',
  answers: { 200: channelPage },
  handle: async (_input, { store, caller }) => {
    const rows = await store.listAlertChannels();
    return ok({ items: rows.map((row) => alertChannelView(row, isAdministrator(caller))), nextCursor: null });
  },
});

const getChannel = route({
  id: 'getChannel',
  method: 'GET',
  path: '/alert-channels/:name',
  access: SIGNED_IN,
  summary: 'One alert channel; its secret is never given back',
  answers: { 200: channelAnswer },
  params: channelPath,
  handle: async ({ params }, { store, caller }) =>
    ok(alertChannelView(await loadChannel(store, params.name), isAdministrator(caller))),
});

function isAdministrator({ identity }: Caller): boolean {
  return identity?.administrator === true;
}

async function loadChannel(store: ApiStore, name: string): Promise<AlertChannelRow> {
  const channels = await store.listAlertChannels();
  const found = channels.find((channel) => channel.name === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    channels.map((channel) => channel.name),
  );
  throw new ApiFailure(
    'ALERT_CHANNEL_NOT_FOUND',
    `there is no alert channel ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

const channelBody = z.strictObject({
  kind: z.enum(['email', 'webhook']),
  target: z.string().min(1).max(2048),
  /** Standard Webhooks: 24 to 64 bytes. */
  secret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, 'must be whsec_ and the base64 text of 24 to 64 bytes')
    .optional(),
  events: z.array(z.enum(ALERT_EVENTS)).max(ALERT_EVENTS.length).default([]),
});

type ChannelBody = z.output<typeof channelBody>;

const putChannel = route({
  id: 'putChannel',
  method: 'PUT',
  path: '/alert-channels/:name',
  access: ADMINISTRATOR,
  summary: 'Create or change an alert channel; a secret that is made for it is shown this once',
  answers: { 200: channelAnswer, 201: channelAnswer },
  params: z.strictObject({ name: newName }),
  body: confidentialBody(channelBody),
  handle: async ({ params, body }, { store, user, clock, vault }) => {
    checkTarget(body);
    const existing = (await store.listAlertChannels()).find((channel) => channel.name === params.name);
    const secret = secretFor(body, existing);
    const { kind, target, events } = body;
    const row = await store.saveAlertChannel({
      ...{ name: params.name, kind, target, events: [...new Set(events)], user, at: clock() },
      ...(secret.kind === 'keep'
        ? {}
        : { secret: secret.value && sealChannelSecret(vault, params.name, secret.value) }),
    });
    const view = alertChannelView(row, true);
    const json = secret.kind === 'made' ? { ...view, secret: secret.value } : view;
    return { status: existing === undefined ? 201 : 200, body: { json } };
  },
});

function checkTarget({ kind, target }: ChannelBody): void {
  if (kind === 'email') {
    if (!z.email().safeParse(target).success || target.length > 320)
      throw badParameter('target', 'target of an email channel must be an e-mail address');
    return;
  }
  const url = URL.canParse(target) ? new URL(target) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw badParameter('target', 'target of a webhook channel must be a http or https address');
  if (url.username !== '' || url.password !== '')
    throw badParameter('target', 'target must not hold a user name or a password');
}

type Secret = { kind: 'keep' } | { kind: 'given' | 'made'; value: string } | { kind: 'none'; value: null };

function secretFor({ kind, secret }: ChannelBody, existing: AlertChannelRow | undefined): Secret {
  if (kind === 'email') {
    if (secret !== undefined) throw badParameter('secret', 'secret belongs to webhook channels only');
    return { kind: 'none', value: null };
  }
  if (secret !== undefined) return { kind: 'given', value: secret };
  if (existing?.kind === 'webhook' && existing.hasSecret) return { kind: 'keep' };
  return { kind: 'made', value: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}` };
}

const SECRET_BYTES = 32;

const deleteChannel = route({
  id: 'deleteChannel',
  method: 'DELETE',
  path: '/alert-channels/:name',
  access: ADMINISTRATOR,
  summary: 'Delete an alert channel; what is still to be sent through it fails',
  answers: { 204: null },
  params: channelPath,
  handle: async ({ params }, { store }) => {
    try {
      await store.deleteAlertChannel(params.name);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NOT_FOUND') await loadChannel(store, params.name);
      throw error;
    }
    return { status: 204 };
  },
});

const testChannel = route({
  id: 'testChannel',
  method: 'POST',
  path: '/alert-channels/:name/test',
  access: ADMINISTRATOR,
  summary: 'Send a test through an alert channel and say what became of it',
  answers: { 200: alertTestedAnswer },
  params: channelPath,
  handle: async ({ params, signal }, { store, hints }) => {
    await loadChannel(store, params.name);
    if (hints.testAlertChannel === undefined)
      throw new ApiFailure('NOT_READY', 'this process sends no alerts', {
        retryAfterSeconds: API_LIMITS.retryAfterSeconds,
      });
    const answer: AlertTested = await hints.testAlertChannel(params.name, signal);
    return ok(answer);
  },
});

const listAlerts = route({
  id: 'listAlerts',
  method: 'GET',
  path: '/alerts',
  access: SIGNED_IN,
  summary: 'What people have been told, one item for each recipient, newest first',
  answers: { 200: alertPage },
  query: z.strictObject({
    run: runId.optional(),
    state: z.enum(['pending', 'sent', 'failed', 'skipped']).optional(),
    limit: limit(API_LIMITS.runPageDefault),
    cursor,
  }),
  handle: async ({ query }, context) => {
    if (query.run !== undefined) await loadRun(context, query.run);
    const before = readCursor(query.cursor, 1)?.[0];
    const rows = await context.store.listAlerts({
      projectIds: await context.caller.visibleProjects(),
      ...(query.run === undefined ? {} : { run: query.run }),
      ...(query.state === undefined ? {} : { state: query.state }),
      ...(before === undefined ? {} : { before }),
      limit: query.limit + 1,
    });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.id]) : null;
    return ok({ items: items.map(alertView), nextCursor });
  },
});

export const alertRoutes: readonly Route[] = [
  listChannels,
  getChannel,
  putChannel,
  deleteChannel,
  testChannel,
  listAlerts,
];
