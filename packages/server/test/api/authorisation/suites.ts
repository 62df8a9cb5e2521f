/** The two long suites about rights, in shares: each is a file of its own, and files are played side by side. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANYONE, SIGNED_IN, inProject, type Caller } from '../../../src/api/access.ts';
import type { Route } from '../../../src/api/route.ts';
import { ROUTES } from '../../../src/api/routes.ts';
import { casesOf, changes, check } from './matrix.ts';
import { EXPECTED } from './table.ts';
import type { Place } from './places.ts';
import { openWorld, type World } from './world.ts';

/** Share `index`, from 0, of `of`. */
export interface Share {
  index: number;
  of: number;
}

function partOf(routes: readonly Route[], { index, of }: Share): Route[] {
  return routes.filter((_route, place) => place % of === index);
}

interface Places {
  own: Place;
  foreign: Place;
}

async function makePlaces(world: World): Promise<Places> {
  return { own: await world.makePlace('own'), foreign: await world.makePlace('foreign') };
}

export const whoeverAsks = (share: Share): unknown =>
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

    test.each(partOf(ROUTES, share).map((route) => [route.id, route] as const))('%s', async (_id, route) => {
      const cases = casesOf(route, world, places);
      expect(cases.length).toBeGreaterThan(0);
      const violations: string[] = [];
      for (const [index, each] of cases.entries()) {
        if (!changes(each)) violations.push(...(await check(world.api.app, world, each)));
        else
          violations.push(...(await check(busy.api.app, busy, casesOf(route, busy, await makePlaces(busy))[index]!)));
      }
      expect(violations).toEqual([]);
    });
  });

export const theMatrixNotices = (share: Share): unknown =>
  describe('the matrix notices', () => {
    let world: World;
    /** Of those who only read. */
    let untouched: Places | undefined;
    beforeAll(async () => {
      world = await openWorld();
    });
    afterAll(() => world.close());

    const mutants = partOf(ROUTES, share).flatMap((route) =>
      mutantsOf(route).map((mutant) => [route.id, mutant.flaw, mutant] as const),
    );

    test.each(mutants)('%s %s', async (_id, _flaw, { route }) => {
      // What it lets through changes places made for it only; where it is about no place, a world of its own.
      const isContained = route.method === 'GET' || EXPECTED[route.id]?.about !== undefined;
      const at = isContained ? world : await openWorld();
      const app = await at.altered(ROUTES.map((each) => (each.id === route.id ? route : each)));
      const places = route.method === 'GET' ? (untouched ??= await makePlaces(world)) : await makePlaces(at);
      expect(await firstViolation(at, { app, route, places })).not.toBeNull();
      await app.close();
      if (!isContained) at.close();
    });

    test('nothing where there is no flaw', async () => {
      // What mutants let through is in their world for good.
      const clean = await openWorld();
      const places = await makePlaces(clean);
      const violations: string[] = [];
      for (const route of ROUTES)
        for (const each of casesOf(route, clean, places))
          if (each.principal.name === 'owner' && !changes(each))
            violations.push(...(await check(clean.api.app, clean, each)));
      clean.close();
      expect(violations).toEqual([]);
    });
  });

interface Altered {
  app: World['api']['app'];
  route: Route;
  places: Places;
}

async function firstViolation(world: World, { app, route, places }: Altered): Promise<string | null> {
  for (const each of casesOf(route, world, places).toReversed()) {
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
