/** Sends every request of the table as everybody, and says where what comes of it is not what the table says. */
import type { AddressInfo } from 'node:net';
import { urlOf } from '../../../src/api/routes.ts';
import type { Route } from '../../../src/api/route.ts';
import type { createApi } from '../../../src/api/index.ts';
import { EXPECTED, type Expectation, type Need, type Sent } from './table.ts';
import { MARKS, type Place } from './places.ts';
import type { Principal } from './principals.ts';
import type { World } from './world.ts';

type App = ReturnType<typeof createApi>;

/** The table's bits: what a right is in the bits of a member. */
const BIT_OF = { execute: 1, read: 2, write: 4, own: 8 } as const satisfies Partial<Record<Need, number>>;

export interface Case {
  title: string;
  route: Route;
  expected: Expectation;
  principal: Principal;
  sent: Sent;
  /** What the answer has to be; in a mixed request of its own. */
  status: number;
  isMixed: boolean;
}

/** The status that the table demands. */
function statusFor(expected: Expectation, principal: Principal, place: Place | null): number {
  const { needs, status = 200, refusal = 403, only } = expected;
  if (needs === 'anyone') return status;
  if (!principal.signedIn) return 401;
  if (only !== undefined && !only(principal)) return refusal;
  if (needs === 'signed-in' || principal.administrator) return status;
  if (needs === 'administrator') return 403;
  const bits = place?.side === 'own' ? principal.bits : 0;
  return (bits & BIT_OF[needs]) === 0 ? 403 : status;
}

/** Every principal with every place; `mixed` ones come from who has all rights in `own`. */
export function casesOf(route: Route, world: World, places: { own: Place; foreign: Place }): Case[] {
  const expected = EXPECTED[route.id];
  if (expected === undefined) return [];
  const { about, sent, mixed } = expected;
  const cases: Case[] = [];
  const add = (principal: Principal, what: Sent, place: Place | null, where: string) =>
    cases.push({
      title: `${route.id} as ${principal.name} ${where}`,
      ...{ route, expected, principal, sent: what, isMixed: false },
      status: statusFor(expected, principal, place),
    });
  for (const principal of world.principals) {
    if (about === undefined)
      add(principal, typeof sent === 'function' ? sent(world) : (sent ?? {}), null, 'about no project');
    else for (const place of [places.own, places.foreign]) add(principal, about(place), place, `in ${place.side}`);
  }
  const owner = world.principals.find(({ name }) => name === 'owner')!;
  for (const { title, status, ...what } of [
    ...(mixed?.(places.own, places.foreign) ?? []),
    ...pathMixed(route, about, places),
  ])
    cases.push({
      title: `${route.id} as owner, mixed: ${title}`,
      ...{ route, expected, principal: owner, sent: what, isMixed: true, status },
    });
  return cases;
}

/** The path names `own`, but what is in it is of `foreign`. Where that would make something new in `own`, it may. */
function pathMixed(route: Route, about: Expectation['about'], { own, foreign }: { own: Place; foreign: Place }) {
  if (about === undefined || !/:project\/.*:/.test(route.path)) return [];
  const sent = about(foreign);
  const params = { ...sent.params, project: own.project };
  const status = EXPECTED[route.id]?.made ?? (route.method === 'PUT' ? 201 : 404);
  return [{ ...sent, params, title: 'the path of one project, the name of the other', status }];
}

/** A request that is answered with what it changed needs something of its own to change. */
export function changes({ route, status }: Case): boolean {
  return route.method !== 'GET' && status < 400;
}

export async function check(app: App, world: World, each: Case): Promise<string[]> {
  const { route, principal, title, status, isMixed } = each;
  const before = changes(each) && !isMixed ? null : world.dump();
  const refusedBefore = refusalsOf(world, principal, route);
  const { sent, expected } = each;
  const answer = await ask(app, { route, sent, headers: principal.headers, isStream: expected.stream === true });
  const wrong: string[] = [];
  if (answer.status !== status)
    wrong.push(`answered ${answer.status} instead of ${status}: ${answer.text.slice(0, 300)}`);
  const refused = answer.status === 401 || answer.status === 403;
  if (refused && refusalsOf(world, principal, route) !== refusedBefore + 1)
    wrong.push('refused, but the audit does not say so');
  if (before !== null) wrong.push(...changedIn(before, world.dump(), isMixed ? MARKS.foreign : ''));
  wrong.push(...toldBeyond(each, answer.text));
  return wrong.map((what) => `${title}: ${what}`);
}

/** Rows that hold `mark` are what they were. */
function changedIn(before: Map<string, string>, after: Map<string, string>, mark: string): string[] {
  const changed = [...after].filter(
    ([table, rows]) => rows !== before.get(table) && differs(before.get(table)!, rows, mark),
  );
  return changed.length === 0 ? [] : [`changed ${changed.map(([table]) => table).join(', ')}`];
}

function differs(before: string, after: string, mark: string): boolean {
  if (mark === '') return true;
  const marked = (rows: string) =>
    (JSON.parse(rows) as unknown[]).map((row) => JSON.stringify(row)).filter((row) => row.includes(mark));
  const now = new Set(marked(after));
  return marked(before).some((row) => !now.has(row));
}

function refusalsOf(world: World, principal: Principal, route: Route): number {
  // Whose credentials are not valid is nobody.
  return world.refusals().get(`${principal.user} ${route.id}`) ?? 0;
}

const MARKED = new RegExp(`\\b(?:${Object.values(MARKS).join('|')})[\\w-]*`, 'g');

/** Names of what the principal may not read, other than those in the request itself, must not be in the answer. */
function toldBeyond({ principal, sent, expected }: Case, text: string): string[] {
  if (principal.administrator) return [];
  const asked = JSON.stringify(sent);
  const words = text.match(MARKED) ?? [];
  const mayRead = (principal.bits & BIT_OF.read) !== 0;
  const unseen = words.filter((word) => {
    if (asked.includes(word)) return false;
    return word.startsWith(MARKS.foreign) || (!mayRead && expected.tells !== true);
  });
  return unseen.length === 0 ? [] : [`told of ${[...new Set(unseen)].join(', ')}`];
}

/** What is answered, of an answer that never ends the beginning. */
export async function ask(
  app: App,
  request: { route: Route; sent: Sent; headers: Record<string, string>; isStream?: boolean },
): Promise<{ status: number; text: string }> {
  const { route, sent, isStream = false } = request;
  const { params = {}, query = {}, body, bytes } = sent;
  const path = urlOf(route).replaceAll(/:(\w+)/g, (_all, name: string) => encodeURIComponent(String(params[name])));
  const url = `${path}?${new URLSearchParams(query).toString()}`;
  const payload = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
  const type = bytes === undefined ? 'application/json' : 'application/octet-stream';
  const headers = { ...(payload === undefined ? {} : { 'content-type': type }), ...request.headers };
  if (isStream) return beginningOf(app, url, headers);
  const answer = await app.inject({
    method: route.method,
    url,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, text: answer.body };
}

/** By a real connection: streams are written past the framework. */
async function beginningOf(app: App, url: string, headers: Record<string, string>) {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const controller = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${port}${url}`, { headers, signal: controller.signal });
  try {
    if (answer.status !== 200) return { status: answer.status, text: await answer.text() };
    const first = await answer.body?.getReader().read();
    return { status: answer.status, text: Buffer.from(first?.value ?? []).toString() };
  } finally {
    controller.abort();
  }
}
