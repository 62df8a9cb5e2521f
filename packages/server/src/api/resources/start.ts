/** The page for signing in, also by a link. */
import { ANYONE } from '../access.ts';
import { route, type Route } from '../route.ts';
import { z } from 'zod';
import { START_PAGE } from '../start-page.ts';

const start = route({
  id: 'getStartPage',
  method: 'GET',
  path: '/',
  root: true,
  access: ANYONE,
  summary: 'The page for signing in; the code of a sign-in link is redeemed by its script, not by asking for the page',
  answers: { 200: { media: { 'text/html': 'text' } } },
  query: z.looseObject({ code: z.string().max(255).optional() }),
  handle: () => ({
    status: 200,
    headers: START_PAGE.headers,
    body: { text: START_PAGE.html, type: 'text/html; charset=utf-8' },
  }),
});

export const startRoutes: readonly Route[] = [start];
