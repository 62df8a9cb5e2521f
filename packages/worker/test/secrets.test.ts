/** Secrets with real processes: how they reach a task, and everywhere that they must not be found. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptSpec, TaskAction } from '@pelorus/protocol';
import type { Worker } from '../src/index.ts';
import {
  eventually,
  HandMaster,
  isAlive,
  Scratch,
  script,
  scriptUntilThere,
  shell,
  specOf,
  startTestWorker,
  untilThere,
} from './fixture.ts';
import { filesBelow, filesHolding, unlessGone } from './vanishing-files.ts';

const CANARY = `Canary/7f3a"9c' $(touch INJECTED)\`x\`&;|\\ é🔑end`;
const LINES = `-----first line of it\nsecond: "line" \\ here\n\nlast line`;
const ALL = [CANARY, LINES, 'second: "line" \\ here'];

let scratch: Scratch;
let master: HandMaster;
let worker: Worker;
let count = 0;
let id = '';
let dir = '';

beforeAll(async () => {
  scratch = new Scratch();
  master = new HandMaster();
  worker = await startTestWorker(scratch, master, { logBytesPerAttempt: 200_000 });
});
beforeEach(() => {
  count += 1;
  id = `${count}.0.1`;
  dir = mkdtempSync(join(scratch.dir, 'test-'));
});
afterEach(() => {
  // Whatever the test did, none of it is anywhere in the worker's files or in the logs.
  expect(filesHolding(scratch.dataDir, ALL)).toEqual([]);
  expect(filesHolding(scratch.logDir, ALL)).toEqual([]);
});
afterAll(async () => {
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

/** Command lines of all processes that hold the secret. */
function commandLinesHolding(value: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return text.includes(value) ? [text] : [];
      } catch {
        return [];
      }
    });
}

/** Our processes above one. */
function parentsOf(pid: string): string[] {
  const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return Number(parent) === worker.supervisorPid ? [] : [parent, ...parentsOf(parent)];
}

const secretSpec = (action: TaskAction, more: Partial<AttemptSpec> = {}, attempt = id): AttemptSpec =>
  specOf(attempt, action, {
    secrets: { canary: CANARY, lines: LINES },
    ...more,
    env: { D: dir, C: '${secret.canary}', L: '${secret.lines}', ...more.env },
  });
const text = (run: string): TaskAction => ({ ...shell(run), substitution: 'text' }) as TaskAction;
const python = (run: string, substitution: 'env' | 'text' = 'env'): TaskAction => ({
  type: 'python',
  run,
  file: null,
  interpreter: 'python3',
  substitution,
});

async function run(action: TaskAction, more: Partial<AttemptSpec> = {}) {
  master.dispatch(secretSpec(action, more));
  return master.finished(id);
}
const lengthOf = (value: string): string => String(Buffer.byteLength(value));

describe('a secret reaches', () => {
  test('a shell as variables, whatever it holds, in the environment, in parameters and where the text names it', async () => {
    const outcome = await run(
      shell(
        'printf %s "$C" | wc -c; printf %s "$L" | wc -c; printf %s "$P" | wc -c; printf %s "${secret.canary}" | wc -c; printf %s "<${secret.lines}>" | wc -c; : ${secret.my-key.x}; [ "$C" = "${secret.canary}" ] && [ ! -e INJECTED ]',
      ),
      {
        params: { P: 'a ${secret.canary}${secret.lines} z' },
        secrets: { canary: CANARY, lines: LINES, 'my-key.x': 'plain' },
      },
    );
    expect(outcome).toMatchObject({ state: 'succeeded', cause: null });
    const [c, l] = [Number(lengthOf(CANARY)), Number(lengthOf(LINES))];
    expect(scratch.log(id).split('\n').slice(0, 5).map(Number)).toEqual([c, l, c + l + 4, c, l + 2]);
  });

  test.each([
    [
      'env',
      python(
        'import os, sys\nv = "${secret.canary}"; b = """${secret.lines}"""\nsys.exit(0 if v == os.environ["C"] and b == os.environ["L"] else 3)',
      ),
    ],
    ['text', python('import os, sys\nsys.exit(0 if """${secret.plain}""" == "plain-text" else 3)', 'text')],
  ])('a python text, with substitution %s', async (_substitution, action) => {
    const outcome = await run(action, { secrets: { canary: CANARY, lines: LINES, plain: 'plain-text' } });
    expect(outcome).toMatchObject({ state: 'succeeded', cause: null });
  });

  test('an imported text as text, in a file that nobody else can read and that goes', async () => {
    master.dispatch(
      secretSpec(
        text("stat -c '%a %n' . $0; echo 'it is ${secret.word}' | wc -c; touch $D/up; " + untilThere('$D/go')),
        {
          secrets: { canary: CANARY, lines: LINES, word: 'Geheimnis-77' },
        },
      ),
    );
    await eventually(() => existsSync(join(dir, 'up')), 'it runs');
    const holding = filesHolding(scratch.dataDir, ['Geheimnis-77']);
    expect(holding).toEqual([join(scratch.dataDir, 'attempts', id, '.pelorus-task.sh')]);
    expect(lstatSync(holding[0] ?? '').mode & 0o777).toBe(0o400);
    expect(lstatSync(scratch.dataDir).mode & 0o077).toBe(0);
    writeFileSync(join(dir, 'go'), '');
    expect(await master.finished(id)).toMatchObject({ state: 'succeeded' });
    expect(filesHolding(scratch.dataDir, ['Geheimnis-77'])).toEqual([]);
    expect(scratch.log(id)).toBe(`700 .\n400 ./.pelorus-task.sh\n19\n`);
  });

  test('a script in its parameters, its environment and the literals of its text', async () => {
    const outcome = await run(
      script(
        'const a = "${secret.canary}", b = `<${secret.lines}>`, x = `${ctx.params.n}`; return { same: a === process.env.C && b === "<" + ctx.params.p + ">", n: x, shown: a }',
      ),
      { params: { p: '${secret.lines}', n: '5' } },
    );
    expect(outcome).toMatchObject({ state: 'succeeded', outputs: { same: 'true', n: '5', shown: '***' } });
  });

  test('SQL as a value that is bound', async () => {
    const url = `sqlite:${join(dir, 'x.db')}`;
    const sql: TaskAction = {
      type: 'sql',
      connection: 'c',
      run: "create table t (x); insert into t values (${secret.canary}), ('<${secret.lines}>'), (${p}); select length(x) as n, x, substr(x, 1, 3) as start from t",
      file: null,
      preStatements: [],
      postStatements: [],
      maxRows: 10,
      raw: {},
    };
    const outcome = await run(sql, { connection: { kind: 'sqlite', url }, params: { p: 'x ${secret.canary}' } });
    expect(outcome).toMatchObject({
      state: 'succeeded',
      outputs: { n: String(Array.from(CANARY).length), x: '***', start: 'Can' },
    });
    expect(scratch.log(id)).toContain('x ***');
    const stored = new DatabaseSync(join(dir, 'x.db')).prepare('select x from t').all();
    expect(stored.map((row) => row['x'])).toEqual([CANARY, `<${LINES}>`, `x ${CANARY}`]);
  });

  test.each([shell('echo ${secret.other}'), python('"${secret.other}"'), script('return {}')])(
    'nobody when it was not sent along: %j',
    async (action) => {
      const outcome = await run(action, { params: { p: '${secret.other}' } });
      expect(outcome).toMatchObject({
        state: 'failed',
        cause: { kind: 'invalid', detail: 'there is no secret named other' },
      });
    },
  );

  test('no text of a shell that we cannot quote for', async () => {
    const outcome = await run(shell('echo ${secret.canary}', { shell: 'fish' }));
    expect(outcome).toMatchObject({
      state: 'failed',
      cause: { kind: 'invalid', detail: expect.stringContaining('fish') },
    });
  });
});

describe('an http task', () => {
  let server: Server;
  let base = '';
  const heard: { url: string; token: string; body: string }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        heard.push({ url: request.url ?? '', token: request.headers['x-token']?.toString() ?? '', body });
        response.statusCode = request.url?.startsWith('/bad') ? 500 : 200;
        response.end(JSON.stringify({ echo: body, url: request.url }));
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());
  const http = (url: string, more: Partial<Extract<TaskAction, { type: 'http' }>> = {}): TaskAction => ({
    type: 'http',
    method: 'POST',
    url,
    headers: {},
    body: null,
    expect: { status: [], body: null },
    extract: {},
    ...more,
  });

  test('sends it in address, header and body, each written as it must be, and shows it nowhere', async () => {
    const outcome = await run(
      http(`${base}/x?k=\${secret.canary}`, {
        headers: { 'x-token': 'Bearer ${secret.token}' },
        body: { deep: ['<${secret.canary}>', '${p}'] },
        extract: { echo: '$.echo', url: '$.url' },
      }),
      { secrets: { canary: CANARY, lines: LINES, token: 'Tok-1234' }, params: { p: '${secret.lines}' } },
    );
    expect(heard.at(-1)).toEqual({
      url: `/x?k=${encodeURIComponent(CANARY).replaceAll("'", '%27')}`,
      token: 'Bearer Tok-1234',
      body: JSON.stringify({ deep: [`<${CANARY}>`, LINES] }),
    });
    expect(outcome).toMatchObject({
      state: 'succeeded',
      outputs: { echo: '{"deep":["<***>","***"]}', url: '/x?k=***' },
    });
    expect(scratch.log(id)).toMatch(/\*\*\*/);
  });

  test.each([
    ['/bad/${secret.canary}', /^http:.*\/bad\/\*\*\* answered 500/],
    ['not a url ${secret.canary}', /^"not a url \*\*\*" is not a URL$/],
  ])('does not show it in what went wrong: %s', async (path, detail) => {
    const outcome = await run(http(path.startsWith('/') ? base + path : path));
    expect(outcome.cause).toMatchObject({ detail: expect.stringMatching(detail) });
  });

  test('does not show the password in its address', async () => {
    const outcome = await run(http(`${base.replace('//', '//user:pa55-word@')}/x`));
    expect(JSON.stringify(outcome)).not.toContain('pa55-word');
    expect(scratch.log(id)).not.toContain('pa55-word');
    expect(outcome.state).toBe('failed');
  });
});

describe('the log of a task with secrets', () => {
  const FORMS = String.raw`
import os, json, base64, urllib.parse as u
for v in (os.environ["C"], os.environ["L"]):
    print("raw", v)
    print("url", u.quote(v), u.quote(v, safe=""), u.quote_plus(v), u.quote_plus(v).lower() if v.isascii() else "")
    print("json", json.dumps(v), json.dumps(v, ensure_ascii=False), json.dumps({"x": [v]}))
    print("b64", *[base64.b64encode(b"abc"[:n] + v.encode() + b"yz") for n in range(3)])
    print("b64url", *[base64.urlsafe_b64encode(b"abc"[:n] + v.encode()) for n in range(3)])
    print("mime", base64.encodebytes(b"x" * 50 + v.encode() + b"y" * 20).decode())
    print("lines", [line for line in v.split("\n")])
print("done")
`;

  test('holds no form of one', async () => {
    expect(await run(python(FORMS))).toMatchObject({ state: 'succeeded' });
    const log = scratch.log(id);
    expect(log).toMatch(/raw \*\*\*\n/);
    expect(log).toMatch(/done\n$/);
    for (const piece of [
      'Canary',
      '7f3a',
      'second',
      'first line',
      'INJECTED',
      'last line',
      'Q2FuYXJ5',
      'ZmlyQ',
      'N2YzY',
    ])
      expect(log).not.toContain(piece);
  });

  test('holds nothing that is written piece by piece either, nor what a child in another session says', async () => {
    const code = `import os, sys
for b in os.environb[b"C"] + b"\\n" + os.environb[b"L"] + b"\\n": os.write(1, bytes([b]))
os.write(2, b"err " + os.environb[b"C"][:9]); os.write(1, os.environb[b"C"][9:] + b"\\n")`;
    writeFileSync(join(dir, 'pieces.py'), code);
    const outcome = await run(
      shell('python3 "$D/pieces.py"; setsid sh -c \'echo "child $C"\'; env | grep -c . >/dev/null; echo end'),
    );
    expect(outcome.state).toBe('succeeded');
    expect(scratch.log(id)).toBe('***\n***\nerr ***\nchild ***\nend\n');
  });

  test('holds everything else as it was, bytes that are no text too', async () => {
    const bytes = Buffer.from(Array.from({ length: 150_000 }, (_none, index) => (index * 7919 + (index >> 8)) & 255));
    writeFileSync(join(dir, 'bytes'), bytes);
    await run(shell('cat "$D/bytes"'));
    expect(readFileSync(join(scratch.logDir, String(count), `${id}.log`)).equals(bytes)).toBe(true);
  });

  test('shows what was said before anything more is said, without a line break', async () => {
    master.dispatch(secretSpec(shell(`printf "what now? "; ${untilThere('$D/go')}; echo "$C"`)));
    await eventually(() => scratch.log(id) === 'what now? ', 'the question is in the log');
    writeFileSync(join(dir, 'go'), '');
    await master.finished(id);
    expect(scratch.log(id)).toBe('what now? ***\n');
  });

  test('is cut like any other when it grows too long', async () => {
    const outcome = await run(
      shell('i=0; while [ $i -lt 40000 ]; do echo "line $i $C"; i=$((i+1)); done; echo the last'),
    );
    expect(outcome.state).toBe('succeeded');
    const log = scratch.log(id);
    expect(log.length).toBeLessThan(260_000);
    expect(log).toMatch(/^line 0 \*\*\*\n/);
    expect(log).toContain('bytes are missing here');
  });

  test('that cannot be written fails nothing', async () => {
    // The directory of the run is a file: no log can be made below it.
    writeFileSync(join(scratch.logDir, String(count)), '');
    expect(await run(shell('echo "$C"; head -c 300000 /dev/zero; exit 7'))).toMatchObject({
      cause: { kind: 'exit', code: 7 },
    });
  });

  test('ends with the last word of a task that is killed, and nothing that has the pipe open holds that up', async () => {
    master.dispatch(
      secretSpec(
        shell(
          'trap "echo bye \\"\\$C\\"; exit 0" TERM; setsid sh -c \'echo $$ >$D/child; while :; do echo "$L"; done\' & while :; do sleep 0.05; done',
        ),
      ),
    );
    await eventually(() => existsSync(join(dir, 'child')) && scratch.log(id).length > 0, 'it runs');
    const child = Number(readFileSync(join(dir, 'child'), 'utf8'));
    master.kill(id, 20_000);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(isAlive(child)).toBe(false);
    expect(scratch.log(id)).toContain('bye');
  });

  test('a child that goes on writing does not hold up the end of its task', async () => {
    const outcome = await run(
      shell(
        'setsid sh -c \'echo $$ >$D/child; while :; do echo "$C"; done\' & while [ ! -s $D/child ]; do :; done; echo over; exit 3',
      ),
    );
    expect(outcome).toMatchObject({ cause: { kind: 'exit', code: 3 } });
    const child = Number(readFileSync(join(dir, 'child'), 'utf8'));
    await eventually(() => !isAlive(child), 'the child is gone');
  });

  test('is whole when SIGKILL ends the group in the middle of it', async () => {
    master.dispatch(secretSpec(shell('trap \'\' TERM; echo begin; while :; do echo "$C and $L"; done')));
    await eventually(() => scratch.log(id).length > 100, 'it runs');
    master.kill(id, 300);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(readdirSync(join(scratch.dataDir, 'pipes')).length).toBeLessThanOrEqual(24);
  });
});

describe('what a task with secrets hands on', () => {
  test('is masked, by its file and by its log; what it declares still fits', async () => {
    const outcome = await run(
      shell(
        'printf "a=%s\\nb<<END\\n%s\\nEND\\nn=42\\n" "x $K y" "$L" >>$PELORUS_OUTPUT; echo "\\${setValue(c=<$K>)} \\${setValue(d=plain)}"; echo "$K=1" >>$PELORUS_OUTPUT',
      ),
      {
        env: { K: '${secret.key}' },
        secrets: { canary: CANARY, lines: LINES, key: 'Key_1234' },
        outputs: { n: { type: 'integer' } },
      },
    );
    expect(outcome).toMatchObject({
      state: 'succeeded',
      outputs: { a: 'x *** y', b: '***', c: '<***>', d: 'plain', n: '42' },
    });
    expect(Object.keys(outcome.outputs).toSorted()).toEqual(['a', 'b', 'c', 'd', 'n']);
    expect(filesHolding(scratch.dataDir, ['Key_1234'])).toEqual([]);
  });

  test('is masked where it is wrong', async () => {
    const outcome = await run(shell('echo "n=no $C" >>$PELORUS_OUTPUT'), { outputs: { n: { type: 'integer' } } });
    expect(outcome.cause).toEqual({ kind: 'invalid', detail: 'output n is declared integer, the task gave "no ***"' });
  });

  test('is masked in the errors of scripts, what native code prints too', async () => {
    const outcome = await run(
      script(
        `(await import('node:child_process')).execFileSync('sh', ['-c', 'echo "native $C"'], { stdio: 'inherit' }); console.log('said', process.env.C); throw new Error('cannot use ' + process.env.C)`,
      ),
    );
    expect(outcome.cause).toEqual({ kind: 'error', detail: 'Error: cannot use ***' });
    expect(scratch.log(id)).toContain('said ***');
    expect(scratch.log(id)).toContain('native ***');
  });
});

test('no command line and no file of the worker holds a secret while its task runs', async () => {
  const wait = `echo $$ >$D/pid; touch $D/up; ${untilThere('$D/go')}`;
  master.dispatch(
    secretSpec(shell(`echo "$C"; echo "\${secret.lines}"; ${wait}`)),
    secretSpec(
      script(
        `const fs = await import('node:fs'); (await import('node:child_process')).execFileSync('sh', ['-c', 'echo "$C"'], { stdio: 'inherit' }); fs.writeFileSync(process.env.D + '/up2', ''); ${scriptUntilThere(join(dir, 'go'))}`,
      ),
      {},
      `${count}.1.1`,
    ),
  );
  await eventually(() => existsSync(join(dir, 'up')) && existsSync(join(dir, 'up2')), 'both run');
  expect(filesHolding(scratch.dataDir, ALL)).toEqual([]);
  expect(filesHolding(scratch.logDir, ALL)).toEqual([]);
  for (const value of [CANARY, 'Canary/7f3a', 'second: "line"']) expect(commandLinesHolding(value)).toEqual([]);
  const pid = readFileSync(join(dir, 'pid'), 'utf8').trim();
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('Canary/7f3a');
  expect(lstatSync(`/proc/${pid}/environ`).mode & 0o777).toBe(0o400);
  for (const other of [String(worker.supervisorPid), ...parentsOf(pid)])
    expect(readFileSync(`/proc/${other}/environ`, 'utf8')).not.toContain('Canary/7f3a');
  const isOpenToOthers = (path: string): boolean => (unlessGone(() => lstatSync(path).mode, 0) & 0o077) !== 0;
  expect(filesBelow(join(scratch.dataDir, 'attempts')).filter(isOpenToOthers)).toEqual([]);
  writeFileSync(join(dir, 'go'), '');
  expect(await master.finished(id)).toMatchObject({ state: 'succeeded' });
  expect(await master.finished(`${count}.1.1`)).toMatchObject({ state: 'succeeded' });
});

test('a disk that is full of logs fails no task', async () => {
  const full = new Scratch();
  const remote = new HandMaster();
  const short = await startTestWorker(full, remote, { logRoomBytes: Number.MAX_SAFE_INTEGER });
  mkdirSync(join(full.logDir, '1'), { recursive: true });
  symlinkSync('/dev/full', join(full.logDir, '1', '1.0.1.log'));
  const talks =
    'set -e; i=0; while [ $i -lt 3000 ]; do echo "line $i of many"; i=$((i+1)); done; echo v=1 >>$PELORUS_OUTPUT';
  remote.dispatch(specOf('1.0.1', shell(talks)), specOf('2.0.1', shell(talks)));
  for (const attempt of ['1.0.1', '2.0.1'])
    expect(await remote.finished(attempt)).toMatchObject({ state: 'succeeded', outputs: { v: '1' } });
  expect(full.log('2.0.1').split('\n')).toHaveLength(3001);
  await short.stop({ stopTasks: true });
  full.remove();
});

test('the error of a connection does not show its password', async () => {
  const sql: TaskAction = {
    type: 'sql',
    connection: 'c',
    run: 'select 1',
    file: null,
    preStatements: [],
    postStatements: [],
    maxRows: 10,
    raw: {},
  };
  for (const [kind, scheme] of [
    ['postgres', 'postgres'],
    ['mysql', 'mysql'],
  ] as const) {
    count += 1;
    id = `${count}.0.1`;
    const outcome = await run(sql, { connection: { kind, url: `${scheme}://u:Pa55-wordX@127.0.0.1:1/d` } });
    expect(outcome.cause).toMatchObject({
      kind: 'error',
      detail: expect.stringContaining('nothing listens at 127.0.0.1:1'),
    });
    expect(JSON.stringify(outcome) + scratch.log(id)).not.toContain('Pa55-wordX');
  }
});
