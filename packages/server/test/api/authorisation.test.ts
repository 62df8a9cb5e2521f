/** Who may do what, for every operation there is; and that this test would notice if it were otherwise. */
import { readFile, writeFile } from 'node:fs/promises';
import { API_BASE } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANYONE, SIGNED_IN, inProject, type Caller } from '../../src/api/access.ts';
import type { Route } from '../../src/api/route.ts';
import { ROUTES, urlOf } from '../../src/api/routes.ts';
import { ask, casesOf, changes, check } from './authorisation/matrix.ts';
import { EXPECTED, type Need } from './authorisation/table.ts';
import { openWorld, type Place, type World } from './authorisation/world.ts';

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

interface Places {
  own: Place;
  foreign: Place;
}

async function makePlaces(world: World): Promise<Places> {
  return { own: await world.makePlace('own'), foreign: await world.makePlace('foreign') };
}

describe('whoever asks', () => {
  let world: World;
  let busy: World;
  let places: Places;
  beforeAll(async () => {
    [world, busy] = [await openWorld(), await openWorld()];
    places = await makePlaces(world);
  });
  afterAll(() => {
    world.close();
    busy.close();
  });

  test.each(ROUTES.map((route) => [route.id, route] as const))('%s', async (_id, route) => {
    const cases = casesOf(route, world, places);
    expect(cases.length).toBeGreaterThan(0);
    const violations: string[] = [];
    for (const [index, each] of cases.entries()) {
      if (!changes(each)) violations.push(...(await check(world.api.app, world, each)));
      else violations.push(...(await check(busy.api.app, busy, casesOf(route, busy, await makePlaces(busy))[index]!)));
    }
    expect(violations).toEqual([]);
  });
});

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

describe('the matrix notices', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  const mutants = ROUTES.flatMap((route) => mutantsOf(route).map((mutant) => [route.id, mutant.flaw, mutant] as const));

  test.each(mutants)('%s %s', async (_id, _flaw, { route }) => {
    // What it lets through changes places made for it only; where it is about no place, a world of its own.
    const isContained = route.method === 'GET' || EXPECTED[route.id]?.about !== undefined;
    const at = isContained ? world : await openWorld();
    const app = await at.altered(ROUTES.map((each) => (each.id === route.id ? route : each)));
    expect(await firstViolation(at, app, route)).not.toBeNull();
    await app.close();
    if (!isContained) at.close();
  });

  test('nothing where there is no flaw, after all of them', async () => {
    const places = await makePlaces(world);
    const violations: string[] = [];
    for (const route of ROUTES)
      for (const each of casesOf(route, world, places))
        if (each.principal.name === 'owner' && !changes(each))
          violations.push(...(await check(world.api.app, world, each)));
    expect(violations).toEqual([]);
  });
});

async function firstViolation(world: World, app: World['api']['app'], route: Route): Promise<string | null> {
  const cases = casesOf(route, world, await makePlaces(world));
  for (const each of cases.toReversed()) {
    if (changes(each)) continue;
    const [violation] = await check(app, world, each);
    if (violation !== undefined) return violation;
  }
  return null;
}

interface Mutant {
  flaw: string;
  route: Route;
}

function mutantsOf(route: Route): Mutant[] {
  const expected = EXPECTED[route.id];
  switch (route.access.who) {
    case 'anyone':
      return [];
    case 'administrator':
      return [{ flaw: 'open to whoever is signed in', route: { ...route, access: SIGNED_IN } }];
    case 'signed-in': {
      const open = { flaw: 'open to anyone', route: { ...route, access: ANYONE } };
      return expected?.list === true || expected?.about !== undefined ? [open, everythingAllowed(route)] : [open];
    }
    case 'member': {
      const other = route.access.right === 'read' ? 'execute' : 'read';
      return [
        { flaw: `asking for the right to ${other}`, route: { ...route, access: inProject(other) } },
        everythingAllowed(route),
        {
          flaw: 'acting on what it loads without asking',
          route: withCaller({ ...route, access: SIGNED_IN }, (caller) => ({ ...caller, admit: async () => undefined })),
        },
      ];
    }
  }
}

function everythingAllowed(route: Route): Mutant {
  const all = (caller: Caller): Caller => ({
    ...caller,
    admit: async () => undefined,
    demand: async () => undefined,
    may: async () => true,
    visibleProjects: async () => null,
  });
  return {
    flaw: 'allowing everything to whoever is signed in',
    route: withCaller({ ...route, access: SIGNED_IN }, all),
  };
}

function withCaller(route: Route, change: (caller: Caller) => Caller): Route {
  return {
    ...route,
    run: (request, signal, context) => route.run(request, signal, { ...context, caller: change(context.caller) }),
  };
}
