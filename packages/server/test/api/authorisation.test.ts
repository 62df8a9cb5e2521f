/** Who may do what, for every operation there is; and that this test would notice if it were otherwise. */
import { readFile, writeFile } from 'node:fs/promises';
import { API_BASE } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../src/api/route.ts';
import { ROUTES, urlOf } from '../../src/api/routes.ts';
import { ask } from './authorisation/matrix.ts';
import { EXPECTED, type Need } from './authorisation/table.ts';
import type { Place } from './authorisation/places.ts';
import { openWorld, type World } from './authorisation/world.ts';

test('every operation has a row that says who may, and no row is about an operation that there is not', () => {
  expect(Object.keys(EXPECTED).toSorted()).toEqual(ROUTES.map((route) => route.id).toSorted());
});

test('docs/permissions.md says so, for every operation', async () => {
  const file = new URL('../../../../docs/permissions.md', import.meta.url);
  const text = await readFile(file, 'utf8');
  const start = text.indexOf(TABLE_HEAD);
  const before = start === -1 ? text : text.slice(0, start);
  const table = [TABLE_HEAD, ...ROUTES.map(lineOf)].join('\n') + '\n';
  if (process.env['UPDATE_PERMISSIONS'] === '1') await writeFile(file, before + table);
  else expect(text.slice(before.length)).toBe(table);
});

const TABLE_HEAD = '| operation | request | who |\n|---|---|---|';
const NEEDS: Record<Need, string> = {
  ...{ anyone: 'anyone', 'signed-in': 'signed in', administrator: 'administrator' },
  ...{ read: '**r**', write: '**w**', execute: '**x**', own: 'owner' },
};

function lineOf(route: Route): string {
  const { needs, note, list } = EXPECTED[route.id] ?? { needs: 'anyone' };
  const path =
    urlOf(route)
      .replace(API_BASE, '')
      .replaceAll(/:(\w+)/g, '{$1}') || '/';
  const who = `${NEEDS[needs]}${list === true && note === undefined ? '; shows what may be read' : ''}`;
  return `| ${route.id} | \`${route.method} ${path}\` | ${who}${note === undefined ? '' : `; ${note}`} |`;
}

describe('a change that is sent with the cookie of a session', () => {
  let world: World;
  let own: Place;
  beforeAll(async () => {
    world = await openWorld();
    own = await world.makePlace('own');
  });
  afterAll(() => world.close());
  const origin = 'http://localhost:80';
  const changing = ROUTES.filter((route) => route.method !== 'GET').map((route) => [route.id, route] as const);

  const send = async (route: Route, headers: Record<string, string>) => {
    const { about, sent = {} } = EXPECTED[route.id]!;
    const request = about?.(own) ?? (typeof sent === 'function' ? sent(world) : sent);
    const before = world.dump();
    const answer = await ask(world.api.app, { route, sent: request, headers: { host: 'localhost:80', ...headers } });
    return { status: answer.status, unchanged: [...world.dump()].every(([table, rows]) => before.get(table) === rows) };
  };

  test.each(changing)('%s needs an Origin that is ours, and no second credential', async (id, route) => {
    const refusals = () => [...world.refusals()].find(([key]) => key === ` ${id}`)?.[1] ?? 0;
    const { cookie } = world;
    for (const headers of [{ cookie }, { cookie, origin: 'http://evil.example' }, { cookie, origin: 'null' }]) {
      const before = refusals();
      expect(await send(route, headers)).toEqual({ status: 403, unchanged: true });
      if (!('origin' in headers)) expect(refusals()).toBe(before + 1);
    }
    const both = { cookie, origin, ...world.as('owner') };
    expect(await send(route, both)).toEqual({ status: 400, unchanged: true });
    // The cookie itself is good: with an Origin it is not refused for want of one.
    if (EXPECTED[id]!.needs === 'administrator')
      expect(await send(route, { cookie, origin })).toEqual({ status: 403, unchanged: true });
  });

  test('is taken from a page of ours', async () => {
    const route = ROUTES.find(({ id }) => id === 'postRun')!;
    expect((await send(route, { cookie: world.cookie, origin })).status).toBe(201);
  });
});
