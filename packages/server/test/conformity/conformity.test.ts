/**
 * Every operation of the API of a real `pelorus dev`, called with success and refused, and each answer held against the OpenAPI document
 * that the same server gives: its status, its content type, its body. An operation that is not called fails the test.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDocumentChecker, type DocumentChecker, type DocumentedOperation } from '../openapi/document-checker.ts';
import type { OpenApiDocument } from '../../src/api/openapi/document.ts';
import { WAIT } from '../wait.ts';
import { startDevServer, type DevServer } from './dev-server.ts';
import { STEPS, type Call, type World } from './calls.ts';

const POLL_MS = 100;
/** A stream of events is read for so long. */
const STREAM_MS = 400;

let server: DevServer;
let hook: Server;
let checker: DocumentChecker;

beforeAll(async () => {
  server = await startDevServer();
  hook = createServer((request, response) => {
    request.resume();
    response.end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const document = (await (await fetch(`${server.address}/api/v1/openapi.json`)).json()) as OpenApiDocument;
  checker = createDocumentChecker(document);
});
afterAll(async () => {
  hook.close();
  await server.stop();
});

/** The console's page, which is given to everybody. */
const NEVER_REFUSED = new Set(['getStartPage']);

test('every answer of every operation is as the OpenAPI document says', async () => {
  const world: World = {
    directory: server.directory,
    origin: server.address,
    hook: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`,
  };
  const problems: string[] = [];
  const called = new Map<string, Set<'success' | 'refusal'>>();
  for (const step of STEPS) {
    const call = typeof step === 'function' ? step(world) : step;
    const found = await problemsOf(call, world);
    problems.push(...found);
    // Later calls rest on earlier ones.
    if (problems.length >= 5) break;
    const kinds = called.get(call.id) ?? new Set();
    called.set(call.id, kinds.add(call.status < 400 ? 'success' : 'refusal'));
  }
  expect(problems).toEqual([]);
  const uncalled = checker.operations.flatMap(({ id }) =>
    (['success', 'refusal'] as const)
      .filter((kind) => called.get(id)?.has(kind) !== true && !(kind === 'refusal' && NEVER_REFUSED.has(id)))
      .map((kind) => `${id}: ${kind}`),
  );
  expect(uncalled, 'operations without a call in calls.ts').toEqual([]);
  expect(server.stderr()).not.toContain('request failed');
});

async function problemsOf(call: Call, world: World): Promise<string[]> {
  const operation = checker.operations.find((one) => one.id === call.id);
  if (operation === undefined) return [`there is no operation ${call.id}`];
  for (const endsAt = Date.now() + WAIT.timeout; ; await pause(POLL_MS)) {
    const answer = await send(operation, call);
    const problems = checker.problemsOf(operation, answer);
    if (answer.status !== call.status)
      problems.push(`${call.id} answered ${answer.status} rather than ${call.status}: ${textOf(answer.body)}`);
    if (problems.length > 0) return problems;
    const isJson = answer.contentType.includes('json');
    const body: unknown =
      isJson && answer.body.length > 0 ? JSON.parse(Buffer.from(answer.body).toString('utf8')) : null;
    if (call.until === undefined || call.until(body)) {
      Object.assign(world, call.learn?.({ body, headers: answer.headers }));
      return [];
    }
    if (Date.now() > endsAt) return [`${call.id} never came to what was waited for: ${textOf(answer.body)}`];
  }
}

interface Answered {
  status: number;
  contentType: string;
  headers: Headers;
  body: Uint8Array;
}

async function send(operation: DocumentedOperation, call: Call): Promise<Answered> {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(String(call.path?.[name])).replaceAll('%2F', '/'),
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {}))
    for (const one of [value].flat()) query.append(name, one);
  const bearer = call.token === undefined ? server.token : call.token;
  const isForm = call.body?.content instanceof FormData;
  const response = await fetch(`${server.address}${path}?${query.toString()}`, {
    method: operation.method,
    headers: {
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
      // Of a form, fetch writes it, with its boundary.
      ...(call.body === undefined || isForm ? {} : { 'content-type': call.body.type }),
      ...call.headers,
    },
    ...(call.json === undefined ? {} : { body: JSON.stringify(call.json) }),
    ...(call.body === undefined ? {} : { body: call.body.content }),
  });
  const contentType = response.headers.get('content-type') ?? '';
  const body = contentType.startsWith('text/event-stream')
    ? await beginningOf(response)
    : new Uint8Array(await response.arrayBuffer());
  return { status: response.status, contentType, headers: response.headers, body };
}

/** Of a stream that does not end. */
async function beginningOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reader = response.body?.getReader();
  const late = pause(STREAM_MS).then(() => ({ done: true, value: undefined }) as const);
  for (;;) {
    const read = await Promise.race([reader?.read(), late]);
    if (read === undefined || read.done) break;
    chunks.push(read.value);
  }
  await reader?.cancel();
  return Buffer.concat(chunks);
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body).toString('utf8').slice(0, 1000);
}
