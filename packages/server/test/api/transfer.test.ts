/** How bodies travel: in chunked pieces, encoded, announced with an expectation, cut off, with lies about their length. */
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Problem } from '@pelorus/protocol';
import { createBodyBudget } from '../../src/api/body-budget.ts';
import { API_LIMITS } from '../../src/api/limits.ts';
import { ApiFailure } from '../../src/api/problem.ts';
import { exchange } from '../fuzz/raw-http.ts';
import { WAIT } from '../wait.ts';
import { openApi } from './api-under-test.ts';

let port: number;

beforeAll(async () => {
  const api = await openApi();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
});

interface Sent {
  method?: string;
  path?: string;
  headers: string[];
  body?: string | Buffer;
  ends?: boolean;
}

async function send({ method = 'PUT', path = '/api/v1/projects/p', headers, body = '', ends = false }: Sent) {
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${headers.join('\r\n')}\r\n\r\n`;
  const pieces = [Buffer.from(head), Buffer.from(body)];
  const answer = await exchange(port, { pieces, ends, isHead: false }, WAIT.timeout);
  if (answer === null) return null;
  const isProblem = answer.headers.get('content-type') === 'application/problem+json; charset=utf-8';
  const text = answer.body.toString('utf8');
  const { code = null, message = '' } = isProblem ? (JSON.parse(text) as Problem) : {};
  return { status: answer.status, code, message };
}

const JSON_TYPE = 'content-type: application/json';
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

describe('a body', () => {
  test('in chunks is read as one with its length, with extensions and trailers left aside', async () => {
    const chunked = [JSON_TYPE, 'transfer-encoding: chunked'];
    expect(
      await send({ headers: chunked, body: `${chunk('{"descr')}${chunk('iption":"x"}')}0\r\n\r\n` }),
    ).toMatchObject({ status: 201 });
    expect(await send({ headers: chunked, body: '2;name=value\r\n{}\r\n0\r\ntrailer: x\r\n\r\n' })).toMatchObject({
      status: 200,
    });
    expect(await send({ headers: chunked, body: '0\r\n\r\n' })).toMatchObject({ status: 200 });
  });

  test('in chunks that never end is cut off at the limit', async () => {
    const piece = chunk(' '.repeat(64 * 1024));
    const body = piece.repeat(40);
    expect(await send({ headers: [JSON_TYPE, 'transfer-encoding: chunked'], body })).toMatchObject({
      status: 413,
      code: 'TOO_LARGE',
    });
  });

  test('that is compressed is refused, in whatever order codings are named', async () => {
    const body = gzipSync('{}');
    for (const coding of ['gzip', 'GZIP', 'br', 'deflate', 'identity, gzip', 'x-nothing'])
      expect(
        await send({ headers: [JSON_TYPE, `content-encoding: ${coding}`, `content-length: ${body.length}`], body }),
        coding,
      ).toMatchObject({
        status: 415,
        code: 'WRONG_CONTENT_TYPE',
        message: `bodies encoded as ${coding.toLowerCase()} are not read here; send it as it is`,
      });
    expect(
      await send({ headers: [JSON_TYPE, 'content-encoding: identity', 'content-length: 2'], body: '{}' }),
    ).toMatchObject({ status: 200 });
  });

  test('that is compressed on the way as well is refused', async () => {
    const headers = [JSON_TYPE, 'transfer-encoding: gzip, chunked'];
    expect(await send({ headers, body: `${chunk('{}')}0\r\n\r\n` })).toMatchObject({
      status: 415,
      message: 'the transfer coding gzip, chunked is not read here; send it whole or in chunks',
    });
  });

  test('announced with an expectation is read: 100-continue is met, others are not', async () => {
    for (const expectation of ['100-continue', '100-Continue', '200-ok', 'the unexpected'])
      expect(
        await send({ headers: [JSON_TYPE, 'content-length: 2', `expect: ${expectation}`], body: '{}' }),
        expectation,
      ).toMatchObject({ status: 200 });
    expect(
      await send({
        path: '/api/v1/projects/1x',
        headers: [JSON_TYPE, 'content-length: 2', 'expect: 100-continue'],
        body: '{}',
      }),
    ).toMatchObject({ status: 400, code: 'BAD_PARAMETER' });
  });

  test('with two lengths, or a length and chunks, is nobody’s', async () => {
    expect(await send({ headers: [JSON_TYPE, 'content-length: 2', 'content-length: 3'], body: '{}' })).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    });
    expect(
      await send({ headers: [JSON_TYPE, 'content-length: 2', 'transfer-encoding: chunked'], body: chunk('{}') }),
    ).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect(await send({ headers: [JSON_TYPE, 'content-length: -1'], body: '{}' })).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    });
    expect(
      await send({ headers: [JSON_TYPE, 'transfer-encoding: chunked'], body: 'xyz\r\n{}\r\n0\r\n\r\n' }),
    ).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  });

  test('that is cut off changes nothing and leaves the server as it was', async () => {
    const answer = await send({
      path: '/api/v1/projects/cut',
      headers: [JSON_TYPE, 'content-length: 100'],
      body: '{}',
      ends: true,
    });
    expect(answer === null || answer.status === 400).toBe(true);
    expect(await send({ method: 'GET', path: '/api/v1/projects/cut', headers: [] })).toMatchObject({ status: 404 });
  });

  test('in another charset is refused, and one that is too large is before it has come', async () => {
    const utf16 = Buffer.from('{"description":"x"}', 'utf16le');
    expect(
      await send({
        headers: ['content-type: application/json; charset=utf-16', `content-length: ${utf16.length}`],
        body: utf16,
      }),
    ).toMatchObject({ status: 400, code: 'MALFORMED_BODY' });
    expect(await send({ headers: [JSON_TYPE, 'content-length: 99999999'], body: '{' })).toMatchObject({
      status: 413,
      code: 'TOO_LARGE',
    });
  });

  test('of a GET is left aside', async () => {
    expect(
      await send({ method: 'GET', path: '/api/v1/projects', headers: [JSON_TYPE, 'content-length: 4'], body: '{no}' }),
    ).toMatchObject({ status: 200 });
  });
});

test('large bodies wait outside while others are read: what a server holds of them has a limit', async () => {
  const budget = createBodyBudget(100);
  const alone = budget.take(500);
  expect(() => budget.take(1)).toThrow(ApiFailure);
  alone();
  const [one, two] = [budget.take(60), budget.take(40)];
  expect(() => budget.take(1)).toThrow('bodies of 100 bytes are being read; one of 1 has no room beside them now');
  one();
  one();
  expect(() => budget.take(61)).toThrow(ApiFailure);
  budget.take(60)();
  two();
});

test('a body that has no room is a 429, and has it when the others are gone', async () => {
  const path = '/api/v1/projects/p/workflows/w/validate';
  const announced = 64 * 1024 * 1024;
  const slow = await Promise.all(
    Array.from({ length: API_LIMITS.bodiesInFlightBytes / announced }, async () => {
      const socket = connect({ port, host: '127.0.0.1' });
      await once(socket, 'connect');
      socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\n${JSON_TYPE}\r\ncontent-length: ${announced}\r\n\r\n{`);
      return socket;
    }),
  );
  const body = '{}'.padStart(API_LIMITS.parametersBodyBytes + 1);
  const small = { method: 'POST', path, headers: [JSON_TYPE, `content-length: ${body.length}`], body };
  const answered = (expected: object) =>
    vi.waitFor(async () => expect(await send(small)).toMatchObject(expected), WAIT);
  await answered({ status: 429, code: 'TOO_MANY_REQUESTS' });
  for (const socket of slow) socket.destroy();
  await answered({ status: 422 });
});
