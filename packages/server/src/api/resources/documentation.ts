import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ANYONE } from '../access.ts';
import { openApiDocument } from '../openapi/document.ts';
import { readPage } from '../openapi/page.ts';
import { route, type Route } from '../route.ts';

export const documentAnswer = z
  .looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) })
  .meta({ id: 'OpenApi' });

/** Made of the table of routes, which these are part of: `routes` is called when somebody asks. */
export function documentationRoutes(routes: () => readonly Route[], urlOf: (route: Route) => string): readonly Route[] {
  /** Made once: the table does not change while the process lives. */
  let written: { text: string; etag: string } | null = null;
  let page: ReturnType<typeof readPage> | null = null;

  const getDocument = route({
    id: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    access: ANYONE,
    summary: 'This API as an OpenAPI 3.1 document',
    answers: { 200: documentAnswer, 304: null },
    handle: ({ ifNoneMatch }, { version }) => {
      const { text, etag } = (written ??= withTag(JSON.stringify(openApiDocument(routes(), urlOf, version))));
      const headers = { etag, 'cache-control': 'no-cache' };
      if (ifNoneMatch.some((tag) => tag === etag || tag === '*')) return { status: 304, headers };
      return { status: 200, headers, body: { text, type: 'application/json; charset=utf-8' } };
    },
  });

  const getPage = route({
    id: 'getDocs',
    method: 'GET',
    path: '/docs',
    access: ANYONE,
    summary: 'This API for people: everything there is, to read and to try',
    answers: { 200: { media: { 'text/html': 'text' } } },
    handle: () => {
      const { html, contentSecurityPolicy } = (page ??= readPage());
      const headers = { 'content-security-policy': contentSecurityPolicy, 'referrer-policy': 'no-referrer' };
      return { status: 200, headers, body: { text: html, type: 'text/html; charset=utf-8' } };
    },
  });

  return [getDocument, getPage];
}

function withTag(text: string): { text: string; etag: string } {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url')}"` };
}
