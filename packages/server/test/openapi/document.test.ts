import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Route } from '../../src/api/route.ts';
import { route } from '../../src/api/route.ts';
import { ANYONE } from '../../src/api/access.ts';
import { openApiDocument, type OpenApiDocument } from '../../src/api/openapi/document.ts';
import { ROUTES, urlOf } from '../../src/api/routes.ts';
import { openApi } from '../api/api-under-test.ts';
import { createDocumentChecker } from './document-checker.ts';

const document = openApiDocument(ROUTES, urlOf, '1.2.3');

test('is a valid OpenAPI 3.1 document, with every schema in it a valid schema', async () => {
  expect(await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)).toMatchObject(
    { valid: true },
  );
  expect(createDocumentChecker(document).compileAll()).toBeGreaterThan(200);
});

test('has every route of the table, each with its own id', () => {
  const { operations } = createDocumentChecker(document);
  expect(operations.map(({ id, method, path }) => `${id} ${method} ${path}`).toSorted()).toEqual(
    ROUTES.map((each) => `${each.id} ${each.method} ${urlOf(each).replaceAll(/:(\w+)/g, '{$1}')}`).toSorted(),
  );
  expect(new Set(ROUTES.map((each) => each.id)).size).toBe(ROUTES.length);
});

test('every parameter of a path is described, and every other one that the route reads', () => {
  for (const { path, operation } of createDocumentChecker(document).operations) {
    const inPath = operation.parameters
      .filter((parameter) => parameter.in === 'path')
      .map((parameter) => parameter.name);
    expect(inPath.toSorted(), path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).toSorted());
  }
  for (const each of ROUTES) {
    const written = document.paths[urlOf(each).replaceAll(/:(\w+)/g, '{$1}')]?.[each.method.toLowerCase()];
    const inQuery =
      written?.parameters.filter((parameter) => parameter.in === 'query').map((parameter) => parameter.name) ?? [];
    expect(inQuery, each.id).toEqual(expect.arrayContaining(Object.keys(each.schemas.query.shape)));
  }
});

test('who may is told, and what anyone may asks for no credentials', () => {
  expect(document.paths['/api/v1/runs/{run}']?.['get']).toMatchObject({ 'x-access': 'project:read' });
  expect(document.paths['/livez']?.['get']).toMatchObject({ 'x-access': 'anyone', security: [] });
  expect(document['security']).toEqual([{ bearer: [] }, { session: [] }]);
});

test('all content types of a body are described: JSON, forms, a file within one, definitions, bundles', () => {
  const bodyOf = (path: string, method: string) => document.paths[path]?.[method]?.requestBody?.content ?? {};
  const direct = bodyOf('/api/v1/executors/direct', 'post');
  expect(Object.keys(direct)).toEqual(['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data']);
  expect(direct['multipart/form-data']).toMatchObject({
    schema: { properties: { file: {}, projectName: { type: 'string' } } },
    encoding: { notifyMails: { contentType: 'application/json' }, file: { contentType: 'application/octet-stream' } },
  });
  const definition = bodyOf('/api/v1/projects/{project}/workflows/{workflow}', 'put');
  expect(definition['application/yaml']).toEqual({ schema: { $ref: '#/components/schemas/Definition' } });
  expect(definition['application/vnd.pelorus.bundle+json']).toEqual({
    schema: { $ref: '#/components/schemas/WorkflowBundle' },
  });
});

test('one name for two schemas is a mistake that shows', () => {
  const named = (schema: z.ZodType): Route =>
    route({
      id: 'x',
      method: 'GET',
      path: `/${String(schema.type)}`,
      access: ANYONE,
      summary: '',
      answers: { 200: z.strictObject({ inner: schema.meta({ id: 'Same' }) }) },
      handle: () => ({ status: 200 }),
    });
  expect(() => openApiDocument([named(z.int()), named(z.boolean())], urlOf, '1')).toThrow(
    /two schemas are called Same/,
  );
});

test('is served with its hash, and not again to who has it', async () => {
  const api = await openApi();
  const first = await api.call<OpenApiDocument>('GET', '/openapi.json');
  expect(first).toMatchObject({ status: 200, body: { openapi: '3.1.1', info: { version: '0.1.0-test' } } });
  expect(first.headers['content-type']).toBe('application/json; charset=utf-8');
  const etag = String(first.headers['etag']);
  expect(etag).toMatch(/^"[\w-]{43}"$/);
  expect(await api.call('GET', '/openapi.json', { headers: { 'if-none-match': `W/"x", ${etag}` } })).toMatchObject({
    status: 304,
    text: '',
    headers: { etag },
  });
  expect((await api.call('GET', '/openapi.json', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
});

test('the page for people runs its own script and nothing else', async () => {
  const api = await openApi();
  const { status, headers, text } = await api.call('GET', '/docs');
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
  const policy = String(headers['content-security-policy']);
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self';/,
  );
  for (const tag of ['style', 'script']) {
    const inner = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(text)?.[1] ?? '';
    expect(inner.length, tag).toBeGreaterThan(1000);
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(inner))).toString('base64');
    expect(policy).toContain(`'sha256-${hash}'`);
  }
  expect(text.match(/(?:src|href)="(?!#|data:)[^"]*"/g)).toBeNull();
  expect(text.match(/<script|<style|\son\w+=|\sstyle=/g)).toEqual(['<style', '<script']);
  const index = await api.call<{ docs: string; openapi: string }>('GET', '');
  expect(index.body).toMatchObject({ docs: '/api/v1/docs', openapi: '/api/v1/openapi.json' });
});
