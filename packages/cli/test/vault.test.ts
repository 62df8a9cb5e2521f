/**
 * Secrets in a real `pelorus dev`: canaries are planted, tasks of every kind print them in every form they can think of, and then
 * everything is looked through: answers, files, command lines, what the process said.
 */
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { rm, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesBelow, unlessGone } from '../../worker/test/vanishing-files.ts';
import { newPlace, until, type DevProcess, type Place } from './dev-process.ts';

/** Others of every run of this test: nothing that is found was left behind by another. */
const someHex = (): string => randomBytes(5).toString('hex');
const BEGIN = `c${someHex()}`;
const CANARY = `${BEGIN}/sécret+"pass word"&<7>`;
const PASSWORD = `p-${someHex()}-0815`;
const KEY_BODY = `k${someHex()}`.repeat(12);
const LINES = `-----BEGIN KEY-----\n${KEY_BODY}\n-----END KEY-----\n`;
const CHANNEL_KEY = randomBytes(32);
const CHANNEL_SECRET = `whsec_${CHANNEL_KEY.toString('base64')}`;

let place: Place;
let dev: DevProcess;
beforeAll(async () => {
  place = await newPlace();
  dev = await place.dev('--no-samples');
  await dev.client.projects.put('vault');
});
afterAll(async () => {
  await place.clear();
});

/** What would give a canary away, whatever it is wrapped in. */
function formsOf(value: string): string[] {
  const inner = Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -2);
  return [
    value,
    encodeURIComponent(value),
    encodeURIComponent(value).replaceAll('%20', '+'),
    inner,
    Buffer.from(`x${value}`).toString('base64').replace(/=+$/, '').slice(2, -2),
    Buffer.from(`xx${value}`).toString('base64').replace(/=+$/, '').slice(3, -2),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(value)
      .slice(1, -1)
      .replace(/[^\0-\x7F]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  ];
}
const NEEDLES = [
  ...formsOf(CANARY),
  ...formsOf(PASSWORD),
  ...formsOf(KEY_BODY.slice(0, 40)),
  // Pieces that no form hides by chance.
  `${BEGIN}/s`,
  `${BEGIN}%2F`,
  PASSWORD.slice(0, 9),
  KEY_BODY.slice(0, 11),
  CHANNEL_SECRET.slice('whsec_'.length, -1),
  CHANNEL_KEY.toString('hex'),
  CHANNEL_KEY.toString('latin1'),
];

const found = (text: string): string[] => NEEDLES.filter((needle) => text.includes(needle));

/** In bytes of any kind. */
const foundIn = (bytes: Buffer): string[] => [
  ...new Set([...found(bytes.toString('latin1')), ...found(bytes.toString('utf8'))]),
];

/** Files of the data directory in which a canary is: database, its log of writes, task logs, journals, everything. */
function filesWithCanaries(): string[] {
  return filesBelow(place.data).flatMap((path) => {
    const needles = foundIn(unlessGone(() => readFileSync(path), Buffer.alloc(0)));
    return needles.length > 0 ? [`${path}: ${needles.join(', ')}`] : [];
  });
}

/** Canaries that some process's command line held at any moment of an action, and how many command lines were seen. */
async function watchingCommandLines(action: () => Promise<void>): Promise<{ seen: number; needles: string[] }> {
  const seen = new Set<string>();
  const look = () => {
    for (const line of commandLines().split('\n')) seen.add(line);
  };
  const timer = setInterval(look, 25);
  try {
    look();
    await action();
    look();
  } finally {
    clearInterval(timer);
  }
  return { seen: seen.size, needles: found([...seen].join('\n')) };
}

function commandLines(): string {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .join('\n');
}

const PRINT_ALL = `
printf '%s\\n' "$TOKEN"
printf '%s' "$TOKEN" | base64
printf 'x%s' "$TOKEN" | base64 -w0; echo
printf 'xx%s\\n' "$TOKEN" | base64 -w0; echo
printf '%s' "$TOKEN" >&2; echo >&2
set -x; : "$TOKEN"; set +x
printf '%s\\n' "$KEY" | while read -r line; do echo "> $line"; done
printf '%s' "$KEY" | base64
for i in 1 2 3; do printf '%s' "$TOKEN" | cut -c1-9 | tr -d '\\n'; sleep 0.05; printf '%s\\n' "$TOKEN" | cut -c10-; done
printf '%s' "$TOKEN" | base64 -w0 | cut -c1-9 | tr -d '\\n'; sleep 0.05; printf '%s' "$TOKEN" | base64 -w0 | cut -c10-
echo '\${setValue(second='"$TOKEN"')}'
touch started; while [ ! -e "$GO" ]; do sleep 0.05; done
# What a task writes into files of its own is its own affair, until it ends: then they go.
echo "token=$TOKEN" >> "$PELORUS_OUTPUT"; echo "$TOKEN" > left-behind
`;

const PYTHON = `
import os, json, time, urllib.parse, base64
token = os.environ['TOKEN']
print(token, repr(token), json.dumps(token), json.dumps({'a': {'b': token}}, ensure_ascii=False))
print(urllib.parse.quote(token), urllib.parse.quote_plus(token), urllib.parse.quote(token, safe=''))
print(base64.b64encode(b'user:' + token.encode()).decode(), base64.urlsafe_b64encode(token.encode()).decode())
for text in (token, urllib.parse.quote(token, safe='')):
    os.write(1, text[:7].encode()); time.sleep(0.05); os.write(1, text[7:].encode() + b'\\n')
while not os.path.exists(os.environ['GO']): time.sleep(0.02)
open(os.environ['PELORUS_OUTPUT'], 'a').write('quoted=' + urllib.parse.quote(token, safe='') + chr(10))
raise SystemExit('failed with ' + token)
`;

const SCRIPT = `const { token } = ctx.params;
console.log(token, JSON.stringify({ token }), encodeURIComponent(token), Buffer.from(token).toString('base64'));
ctx.log(token);
process.stdout.write(token.slice(0, 5));
await new Promise((resolve) => setTimeout(resolve, 50));
process.stdout.write(token.slice(5) + '\\n');
return { token, list: JSON.stringify([token]) };`;

describe('canaries', () => {
  let run = 0;
  const heard: string[] = [];
  const alerts: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/hook') {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        alerts.push({ headers: request.headers, body });
        response.end();
      });
      return;
    }
    heard.push(String(request.headers['authorization']), decodeURIComponent(request.url ?? ''));
    response.end(JSON.stringify({ echo: request.headers['authorization'], url: request.url }));
  });

  const portOf = (): number => (server.address() as AddressInfo).port;

  test('would be found', async () => {
    for (const wrapped of [CANARY, encodeURIComponent(CANARY), Buffer.from(`..${PASSWORD}`).toString('base64')]) {
      await writeFile(join(place.data, 'planted'), `some text ${wrapped} around`);
      expect(filesWithCanaries()).toHaveLength(1);
      await rm(join(place.data, 'planted'));
    }
    const sleeper = spawn('sh', ['-c', 'read line', PASSWORD], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(sleeper, 'spawn');
    const { needles } = await watchingCommandLines(() =>
      until(
        () => found(commandLines()).length > 0,
        () => 'not seen',
      ),
    );
    expect(needles).not.toEqual([]);
    const gone = once(sleeper, 'exit');
    sleeper.stdin.end();
    await gone;
  });

  test('are planted without an argument of any command holding one', async () => {
    const set = (name: string, input: string) =>
      place.pelorusWith({ input }, 'secret', 'set', name, '--project', 'vault', '--stdin');
    expect(await set('token', CANARY)).toMatchObject({ code: 0, stdout: 'secret token of vault set\n' });
    expect(await set('password', PASSWORD)).toMatchObject({ code: 0 });
    expect(await set('key', LINES)).toMatchObject({ code: 0 });
    const listed = await place.pelorus('secret', 'list', '--project', 'vault', '-o', 'json');
    expect((JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name)).toEqual([
      'key',
      'password',
      'token',
    ]);
    expect(found(listed.stdout)).toEqual([]);
    const database = join(place.directory, 'target.db');
    const db = new DatabaseSync(database);
    db.exec('create table t (x text)');
    db.close();
    const connection = await place.pelorusWith(
      { input: `postgres://etl:${PASSWORD}@127.0.0.1:9/dwh` },
      ...['connection', 'set', 'dwh', '--project', 'vault', '--stdin'],
    );
    expect(connection).toMatchObject({ code: 0 });
    expect(connection.stdout).toContain('postgres://etl:***@127.0.0.1:9/dwh');
    await dev.client.connections.put('vault', 'lite', { kind: 'sqlite', url: `sqlite:${database}` });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const channel = await place.pelorusWith(
      { input: CHANNEL_SECRET },
      ...['alert', 'set', 'hook', '--webhook', `http://127.0.0.1:${portOf()}/hook`, '--secret-stdin'],
    );
    expect(channel).toMatchObject({ code: 0 });
    expect(found(channel.stdout + channel.stderr)).toEqual([]);
  });

  test('are used by tasks of every kind, which print them as they like', async () => {
    const go = join(place.directory, 'go');
    const port = portOf();
    const definition = {
      name: 'leaky',
      failurePolicy: 'continue',
      notify: { when: 'all', to: ['hook'] },
      tasks: {
        shell: { run: PRINT_ALL, env: { TOKEN: '${secret.token}', KEY: '${secret.key}', GO: go } },
        inline: { run: `echo "\${secret.token}" | cat` },
        python: { type: 'python', run: PYTHON, env: { TOKEN: '${secret.token}', GO: go } },
        script: { type: 'script', run: SCRIPT, params: { token: '${secret.token}' } },
        http: {
          type: 'http',
          method: 'POST',
          url: `http://127.0.0.1:${port}/x?token=\${secret.token}`,
          headers: { authorization: 'Bearer ${secret.password}' },
          body: { deep: { token: '${secret.token}' } },
          outputs: { echo: '$.echo', url: '$.url' },
        },
        insert: { type: 'sql', connection: 'lite', run: 'insert into t values (${secret.password})' },
        select: {
          type: 'sql',
          connection: 'lite',
          run: 'select ${secret.token} as token, 1 as one',
        },
        refused: { type: 'sql', connection: 'dwh', run: 'select 1' },
        after: { run: 'echo "got $token and $second"', needs: ['shell'], trigger: 'all_done' },
      },
    };
    const saved = await dev.client.request<{ warnings: unknown[] }>({
      method: 'PUT',
      path: '/projects/vault/workflows/leaky',
      json: definition,
    });
    expect(saved.warnings).toEqual([]);
    const commands = await watchingCommandLines(async () => {
      run = (await dev.client.runs.submit({ project: 'vault', workflow: 'leaky' })).id;
      const started = () => filesBelow(place.data).some((path) => path.endsWith('/started'));
      await until(started, () => 'the shell task did not start');
      // While tasks go on: nothing in a file.
      const early = filesWithCanaries();
      await writeFile(go, '');
      expect(early).toEqual([]);
      const ended = async () => ['succeeded', 'failed', 'stopped'].includes((await dev.client.runs.get(run)).state);
      await until(ended, () => `run ${run} did not end`);
    });
    expect(commands.needles).toEqual([]);
    expect(commands.seen).toBeGreaterThan(1);
    const { items } = await dev.client.runs.tasks(run);
    expect(Object.fromEntries(items.map(({ name, state }) => [name, state]))).toEqual({
      shell: 'succeeded',
      inline: 'succeeded',
      python: 'failed',
      script: 'succeeded',
      http: 'succeeded',
      insert: 'succeeded',
      select: 'succeeded',
      refused: 'failed',
      after: 'succeeded',
    });
    // They got the real thing.
    expect(heard).toContain(`Bearer ${PASSWORD}`);
    expect(heard.join('\n')).toContain(CANARY);
    await until(
      () => alerts.length > 0,
      () => 'no alert came',
    );
    expect(alerts.map(({ headers, body }) => headers['webhook-signature'] === signatureOf(headers, body))).toEqual([
      true,
    ]);
    expect(found(JSON.stringify(alerts))).toEqual([]);
    const db = new DatabaseSync(join(place.directory, 'target.db'));
    expect(db.prepare('select x from t').all()).toEqual([{ x: PASSWORD }]);
    db.close();
  });

  /** Every path that is read with GET, as the server itself lists them. */
  async function pathsToRead(attempts: string[]): Promise<string[]> {
    const document = await dev.client.request<{ paths: Record<string, Record<string, unknown>> }>({
      method: 'GET',
      path: '/openapi.json',
    });
    const values: Record<string, string> = {
      project: 'vault',
      projectCode: 'vault',
      workflow: 'leaky',
      version: '1',
      other: '1',
      run: String(run),
      execId: String(run),
      attempt: attempts[0] ?? '',
      jobId: attempts[0] ?? '',
      worker: (await dev.client.workers.list()).items[0]?.id ?? '',
      backfill: '1',
      operation: '1',
      path: 'none',
      schedule: 'default',
      deadline: 'none',
    };
    const named: Record<string, string> = { secrets: 'token', connections: 'lite', 'alert-channels': 'hook' };
    return Object.entries(document.paths)
      .filter(([path, methods]) => 'get' in methods && path.startsWith('/api/v1'))
      .map(([path]) =>
        path.slice('/api/v1'.length).replaceAll(/([^/]+)\/\{(\w+)\}/g, (_, before: string, name: string) => {
          const value = name === 'name' ? (named[before] ?? 'none') : values[name];
          if (value === undefined) throw new Error(`give a value for {${name}} of ${path}`);
          return `${before}/${value}`;
        }),
      )
      .map((path) => (path.endsWith('query-executing-workflow') ? `${path}?id=${run}` : path));
  }

  test('are in no answer of the API', async () => {
    const { items } = await dev.client.runs.tasks(run);
    const attempts = items.flatMap((task) => task.attempts.map(({ id }) => id));
    expect(attempts).toHaveLength(9);
    const paths = [
      ...(await pathsToRead(attempts)),
      '/runs?project=vault',
      '/audit?limit=1000',
      ...attempts.flatMap((id) => [
        `/attempts/${id}/logs?size=1000`,
        `/attempts/${id}/logs?tail=1000`,
        `/attempts/${id}/logs?query=a`,
        `/attempts/${id}/logs?follow=true`,
        `/attempts/${id}/logs/download`,
        `/executors/${id}/logs?size=1000`,
        `/executors/${id}/logs?query=re:.`,
      ]),
    ];
    let log = '';
    for (const path of paths) {
      const { status, text } = await answerOf(path);
      expect({ path, status, found: found(text) }).toEqual({ path, status: ABSENT.test(path) ? 404 : 200, found: [] });
      if (path.includes('/logs')) log += text;
    }
    expect(log).toContain('***');
    const outputs = Object.fromEntries(items.map((task) => [task.name, task.outputs]));
    expect(outputs).toMatchObject({
      shell: { token: '***', second: '***' },
      script: { token: '***' },
      select: { token: '***', one: '1' },
    });
  });

  test('are in no file, no command line and nothing that the process said', async () => {
    // What tasks leave behind is removed soon after their end.
    await until(
      () => !filesBelow(place.data).some((path) => path.endsWith('/left-behind')),
      () => 'the work directory of a task with secrets is still there',
    );
    expect(filesWithCanaries()).toEqual([]);
    // The database was looked through together with what is not in its main file yet.
    const looked = filesBelow(place.data).map((path) => path.slice(place.data.length + 1));
    expect(looked).toEqual(expect.arrayContaining(['pelorus.db', 'pelorus.db-wal']));
    expect(looked.filter((path) => path.endsWith('.log')).length).toBeGreaterThanOrEqual(9);
    expect(found(commandLines())).toEqual([]);
    expect(found(dev.stdout() + dev.stderr())).toEqual([]);
    const key = join(place.data, 'secret.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
  });

  test('a connection is tried on the worker, and what it says holds no password', async () => {
    const lite = await place.pelorus('connection', 'test', 'lite', '--project', 'vault');
    expect(lite).toMatchObject({ code: 0, stdout: expect.stringMatching(/^connection lite of vault works/) as string });
    const dwh = await place.pelorus('connection', 'test', 'dwh', '--project', 'vault');
    expect(dwh.code).not.toBe(0);
    expect(dwh.stderr).toContain('connection dwh of vault does not work');
    expect(found(dwh.stdout + dwh.stderr)).toEqual([]);
  });

  const inline = async () => {
    const { id } = await dev.client.runs.submit({ project: 'vault', workflow: 'leaky', select: ['inline'] });
    const state = async () => (await dev.client.runs.get(id)).state;
    await until(
      async () => ['succeeded', 'failed'].includes(await state()),
      () => `run ${id} did not end`,
    );
    const { items } = await dev.client.runs.tasks(id);
    return { state: await state(), cause: items.find(({ name }) => name === 'inline')?.cause };
  };

  test('another start reads them with the same key, and under a new first key', async () => {
    await endDev();
    expect(filesWithCanaries()).toEqual([]);
    dev = await place.dev('--no-samples');
    expect((await inline()).state).toBe('succeeded');
    await endDev();
    await writeFile(join(place.directory, 'pelorus.config.yaml'), 'secretKey: another key of at least 32 characters\n');
    dev = await place.dev('--no-samples');
    expect(dev.stderr()).toContain('secrets sealed under the first key');
    expect((await inline()).state).toBe('succeeded');
    expect(filesWithCanaries()).toEqual([]);
    server.close();
  });

  test('without their key tasks that need them fail and say so; giving the value again is enough', async () => {
    await endDev();
    await rm(join(place.data, 'secret.key'));
    await writeFile(
      join(place.directory, 'pelorus.config.yaml'),
      'secretKey: a third key that knows nothing of the others\n',
    );
    dev = await place.dev('--no-samples');
    const { state, cause } = await inline();
    expect(state).toBe('failed');
    expect(JSON.stringify(cause)).toMatch(/secret token was sealed under key [0-9a-f]{12}/);
    expect((await dev.client.secrets.get('vault', 'token')).readable).toBe(false);
    await dev.client.secrets.put('vault', 'token', { value: CANARY });
    expect((await inline()).state).toBe('succeeded');
    expect(filesWithCanaries()).toEqual([]);
  });
});

describe('files', () => {
  test('go up, down and away; a run keeps what it was submitted with', async () => {
    await writeFile(join(place.directory, 'hello.sh'), 'echo "one"\n');
    const cli = (...args: string[]) => place.pelorus('file', ...args, '--project', 'vault');
    expect(await cli('put', 'hello.sh', '--path', 'lib/hello.sh')).toMatchObject({ code: 0 });
    expect((await cli('get', 'lib/hello.sh')).stdout).toBe('echo "one"\n');
    await dev.client.request({
      method: 'PUT',
      path: '/projects/vault/workflows/greet',
      json: { name: 'greet', tasks: { a: { run: 'sh lib/hello.sh', files: ['lib/hello.sh'] } } },
    });
    const first = await dev.client.runs.submit({ project: 'vault', workflow: 'greet' });
    await until(
      async () => (await dev.client.runs.get(first.id)).state === 'succeeded',
      () => 'no success',
    );
    await writeFile(join(place.directory, 'hello.sh'), 'echo "two"\n');
    await cli('put', 'hello.sh', '--path', 'lib/hello.sh');
    const again = await dev.client.runs.repeat(first.id);
    const fresh = await dev.client.runs.submit({ project: 'vault', workflow: 'greet' });
    const said = async (id: number) => {
      await until(
        async () => (await dev.client.runs.get(id)).state === 'succeeded',
        () => 'no success',
      );
      return (await dev.client.attempts.logs(`${id}.0.1`)).content;
    };
    expect([await said(first.id), await said(again.id), await said(fresh.id)]).toEqual([['one'], ['one'], ['two']]);
    expect((await cli('delete', 'lib/hello.sh')).code).toBe(0);
    expect((await cli('list', '-o', 'name')).stdout).toBe('');
    expect((await cli('get', 'lib/hello.sh')).code).toBe(5);
  });
});

/** What is not there in this test; errors are answers too. */
const ABSENT = /^\/(?:backfills|bulk)\/1(?:\/|$)|\/none(?:\/|$)|\/workflows\/[^/]+\/schedule(?:s\/default)?(?:\/|$)/;

/** Of a stream: its first event, or all of it when the log has ended. */
async function answerOf(path: string): Promise<{ status: number; text: string }> {
  const { address, token } = JSON.parse(readFileSync(join(place.data, 'server.json'), 'utf8')) as Record<
    string,
    string
  >;
  const stop = new AbortController();
  const answer = await fetch(`${address}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
  });
  if (!(answer.headers.get('content-type') ?? '').startsWith('text/event-stream') || path.includes('follow'))
    return { status: answer.status, text: Buffer.from(await answer.arrayBuffer()).toString('utf8') };
  let text = '';
  for await (const piece of answer.body ?? []) {
    text += Buffer.from(piece).toString('utf8');
    if (/^data: .*\n\n/m.test(text)) break;
  }
  stop.abort();
  return { status: answer.status, text };
}

/** As Standard Webhooks says. */
function signatureOf(headers: IncomingHttpHeaders, body: string): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', CHANNEL_KEY).update(signed).digest('base64')}`;
}

async function endDev(): Promise<void> {
  dev.signal('SIGINT');
  await dev.ended;
}
