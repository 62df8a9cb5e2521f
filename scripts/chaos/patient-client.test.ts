/** What the storm's client takes for an answer, and what it reports. */
import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { createPatientClient } from './patient-client.ts';

const servers: { close(): void; closeAllConnections(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const problem = (status: number, code: string): string => JSON.stringify({ status, code, message: code });

test('it goes from one API to the next until one answers, and counts what it got', async () => {
  const away = await serving((request) => request.socket.destroy());
  let asked = 0;
  const busy = await serving((_request, response) => {
    asked += 1;
    if (asked < 3) response.writeHead(503, { 'retry-after': '1' }).end(problem(503, 'STORE_UNAVAILABLE'));
    else response.end('{"status":"ready"}');
  });
  const client = createPatientClient([away, busy], 'token', new AbortController().signal);
  expect(await client.ask((api, signal) => api.ready(signal))).toEqual({ status: 'ready' });
  expect(client.counts).toEqual({ requests: 5, ok: 1, refused: 0, unavailable: 2, timeouts: 0, unreachable: 2 });
  expect(client.violations).toEqual([]);
});

test('a refusal is an answer', async () => {
  const url = await serving((_request, response) => response.writeHead(409).end(problem(409, 'WRONG_STATE')));
  const client = createPatientClient([url], 'token', new AbortController().signal);
  await expect(client.ask((api, signal) => api.runs.stop(1, { signal }))).rejects.toMatchObject({ status: 409 });
});

test('5xx that are not 503 with Retry-After are violations', async () => {
  const answers: [number, Record<string, string>][] = [
    [500, {}],
    [503, {}],
    [200, {}],
  ];
  const url = await serving((_request, response) => {
    const [status, headers] = answers.shift()!;
    response.writeHead(status, headers).end(status === 200 ? '{}' : problem(status, 'INTERNAL'));
  });
  const client = createPatientClient([url], 'token', new AbortController().signal);
  await client.ask((api, signal) => api.ready(signal));
  expect(client.violations.map(({ status, path }) => `${status} ${path}`)).toEqual(['500 /readyz', '503 /readyz']);
});

test('it gives up when the storm is called off', async () => {
  const url = await serving(() => undefined);
  const stop = new AbortController();
  const client = createPatientClient([url], 'token', stop.signal);
  const answer = client.ask((api, signal) => api.ready(signal));
  stop.abort(new Error('called off'));
  await expect(answer).rejects.toThrow('called off');
});
