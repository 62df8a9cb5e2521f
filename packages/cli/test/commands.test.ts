import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPlace, until, type DevProcess, type Place } from './dev-process.ts';

// Each command is a process of its own, and the machine may be busy.
let place: Place;
let server: DevProcess;

beforeAll(async () => {
  place = await newPlace();
  server = await place.dev();
});
afterAll(async () => place.clear());

function write(name: string, text: string): string {
  const file = join(place.directory, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return name;
}

const FAILING = `name: failing
project: cases
tasks:
  fine: { run: echo fine }
  breaks: { run: "echo on the way; exit 7", needs: [fine] }
  after: { run: echo never, needs: [breaks] }
`;

describe('exit codes', () => {
  test('0 and the outputs, when a watched run succeeds', async () => {
    const { code, stdout } = await place.pelorus('run', 'hello', '--watch');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S+Z {2}greet {2}succeeded/m);
    expect(stdout).toMatch(/✔ samples\/hello run \d+ succeeded after .*\n {2}greet\.greeting = hello, world\n$/);
  });

  test('3 and the cause of the failure first, when a run fails', async () => {
    const { code, stdout } = await place.pelorus('run', write('failing.yaml', FAILING), '--wait');
    const run = /run (\d+)/.exec(stdout)?.[1];
    expect(code).toBe(3);
    expect(stdout.split('\n').slice(1)).toEqual([
      '  breaks  failed  exit code 7',
      '  after  upstream_failed  breaks did not succeed',
      `  log: pelorus logs ${run} breaks`,
      '',
    ]);
    const log = await place.pelorus('logs', String(run), 'breaks');
    expect(log).toEqual({ code: 0, stdout: 'on the way\n', stderr: '' });
  });

  test('5 for a workflow, a run and a task that do not exist', async () => {
    await place.pelorus('run', 'hello', '--wait');
    const results = await Promise.all([
      place.pelorus('run', 'nothere'),
      place.pelorus('run', 'samples/nothere'),
      place.pelorus('runs', 'get', '999999'),
      place.pelorus('logs', '@latest', 'nothere'),
      place.pelorus('run', 'nothere.yaml'),
    ]);
    expect(results.map(({ code }) => code)).toEqual([5, 5, 5, 5, 5]);
    for (const { stderr } of results) expect(stderr).toMatch(/^error: .+/);
  });

  test('2 for wrong usage', async () => {
    const results = await Promise.all([
      place.pelorus('runs', 'list', '--limit', 'many'),
      place.pelorus('run'),
      place.pelorus('runz'),
      place.pelorus('run', 'hello', '-p', 'name'),
      place.pelorus('runs', 'get', 'one'),
      place.pelorus('run', 'hello', '--watch', '--wait'),
    ]);
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  test('6 for stopping a run that has ended', async () => {
    const { stdout } = await place.pelorus('run', 'hello', '--wait', '-o', 'name');
    const { code, stderr } = await place.pelorus('runs', 'stop', stdout.trim());
    expect(code).toBe(6);
    expect(stderr).toContain('succeeded');
  });

  test('7 and how to start one, when no server answers', async () => {
    const { code, stderr } = await place.pelorus('runs', 'list', '--server', 'http://127.0.0.1:9');
    expect(code).toBe(7);
    expect(stderr.split('\n')).toHaveLength(4);
    expect(stderr).toContain('pelorus dev');
  });

  test('4 with a wrong token', async () => {
    const { code } = await place.pelorusWith(
      { variables: { PELORUS_SERVER: server.address, PELORUS_TOKEN: 'wrong' } },
      'runs',
      'list',
    );
    expect(code).toBe(4);
  });

  test('8 when a run takes longer than --timeout, and the run goes on', async () => {
    const slow = write('slow.yaml', 'name: slow\nproject: cases\ntasks:\n  sleep: { run: sleep 1000 }\n');
    const { code, stderr } = await place.pelorus('run', slow, '--wait', '--timeout', '200ms');
    expect(code).toBe(8);
    expect(stderr).toContain('it goes on');
    const stopped = await place.pelorus('runs', 'stop', '@latest', '--wait', '-o', 'json');
    expect(stopped.code).toBe(0);
    expect(JSON.parse(stopped.stdout)).toMatchObject({ state: 'stopped' });
  });
});

describe('an invalid definition', () => {
  const INVALID = `name: bad
project: cases
tasks:
  a: { run: echo 1, needs: [c] }
  b: { run: echo 2, needs: [a, nosuch] }
  c: { run: echo 3, needs: [b], retri: { max: 1 } }
  d: { run: 'echo $[add_months(yyyyMMdd)]' }
`;

  test.each([
    ['apply', ['apply', '-f']],
    ['run', ['run']],
    ['lint', ['workflow', 'lint']],
  ])('%s names all that is wrong by file, line and column, with exit code 2', async (_name, command) => {
    const file = write('bad.yaml', INVALID);
    const { code, stdout, stderr } = await place.pelorus(...command, file);
    const places = [...`${stdout}${stderr}`.matchAll(/bad\.yaml:(\d+):(\d+): (.*)/g)].map((match) => [
      `${match[1]}:${match[2]}`,
      match[3] ?? '',
    ]);
    expect(code).toBe(2);
    expect(places).toEqual([
      ['4:29', expect.stringContaining('a → b → c → a')],
      ['5:32', expect.stringContaining('nosuch')],
      ['6:33', expect.stringContaining('did you mean `retry`')],
      ['7:13', expect.stringContaining('add_months')],
    ]);
  });

  test('is not stored', async () => {
    await place.pelorus('apply', '-f', write('bad.yaml', INVALID));
    const { code } = await place.pelorus('workflow', 'get', 'cases/bad');
    expect(code).toBe(5);
  });

  test('in a folder keeps the valid ones from being saved too', async () => {
    write('folder/bad.yaml', INVALID);
    write('folder/good.yaml', 'name: good\nproject: cases\ntasks:\n  a: { run: "true" }\n');
    expect((await place.pelorus('apply', '-f', 'folder')).code).toBe(2);
    expect((await place.pelorus('workflow', 'get', 'cases/good')).code).toBe(5);
  });

  test('names a file that is missing', async () => {
    const { code, stderr } = await place.pelorus(
      'apply',
      '-f',
      write('gone.yaml', 'name: gone\ntasks:\n  a: { type: shell, file: gone.sh }\n'),
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /gone\.yaml:3:\d+: file gone\.sh is named here but was not sent, and the project has no such file/,
    );
  });
});

describe('output', () => {
  test('json: stdout holds one value and nothing else, for every command', async () => {
    const run = (await place.pelorus('run', 'hello', '--wait', '-o', 'name')).stdout.trim();
    const commands = [
      ['runs', 'list'],
      ['runs', 'get', run],
      ['runs', 'plan', run],
      ['runs', 'live', run],
      ['workflow', 'list'],
      ['workflow', 'get', 'hello'],
      ['workflow', 'history', 'hello'],
      ['workflow', 'graph', 'fan-out'],
      ['workflow', 'export', 'hello'],
      ['worker', 'list'],
      ['config', 'view'],
      ['doctor'],
      ['version'],
      ['api', 'GET', `/runs/${run}`],
      ['run', 'hello'],
      ['run', 'hello', '--dry-run'],
      ['run', 'hello', '--watch'],
    ];
    const answers = await Promise.all(commands.map((command) => place.pelorus(...command, '-o', 'json')));
    for (const [index, { code, stdout, stderr }] of answers.entries()) {
      const command = commands[index]?.join(' ');
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
      expect(JSON.parse(stdout), command).toBeTruthy();
    }
    const checks = JSON.parse(answers[commands.findIndex(([command]) => command === 'doctor')]!.stdout) as object[];
    expect(checks.at(-1)).toEqual({
      check: 'limits',
      result: expect.stringMatching(/^(ok|note)$/),
      detail: expect.stringMatching(/^a worker started from here limits /),
    });
  });

  test('ndjson: one line per transition of a watched run, the result last', async () => {
    const { stdout } = await place.pelorus('run', 'seattle-weather', '--watch', '-o', 'ndjson');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({
      kind: 'result',
      state: 'succeeded',
      outputs: { publish: { wettest_month: '2015-12' } },
    });
    for (const task of ['extract', 'check', 'load', 'aggregate', 'publish'])
      expect(lines).toContainEqual(expect.objectContaining({ kind: 'task', task, state: 'succeeded' }));
  });

  test('a table has no colour when it is piped, and instants as RFC 3339', async () => {
    const { stdout } = await place.pelorus('runs', 'list');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/);
  });
});

describe('run', () => {
  const CHAIN =
    'name: chain\nproject: cases\ntasks:\n  a: { run: "true" }\n  b: { run: "true", needs: [a] }\n  c: { run: "true", needs: [b] }\n';
  const planned = (stdout: string) =>
    (JSON.parse(stdout) as { tasks: { name: string; plan: string }[] }).tasks
      .filter((task) => task.plan === 'run')
      .map((task) => task.name);

  test.each([
    [['--from-node', 'b'], ['b']],
    [
      ['--from-node', 'b', '--dep', 'pre'],
      ['a', 'b'],
    ],
    [
      ['--from-node', 'b', '--dep', 'post'],
      ['b', 'c'],
    ],
    [
      ['--tasks', 'a,c'],
      ['a', 'c'],
    ],
  ])('%j executes %j', async (flags, expected) => {
    await place.pelorus('apply', '-f', write('chain.yaml', CHAIN));
    const { stdout } = await place.pelorus('run', 'cases/chain', ...flags, '--dry-run', '-o', 'json');
    expect(planned(stdout)).toEqual(expected);
  });

  test('takes the logical date', async () => {
    const file = write('dated.yaml', 'name: dated\nproject: cases\ntasks:\n  a: { run: "echo $[yyyyMMdd]" }\n');
    const { stdout } = await place.pelorus('run', file, '--date', '2024-03-15', '--wait', '-o', 'name');
    expect((await place.pelorus('logs', stdout.trim(), 'a')).stdout).toBe('20240315\n');
  });

  test('--failure-policy continue runs what does not depend on the failure', async () => {
    const file = write(
      'policy.yaml',
      'name: policy\nproject: cases\ntasks:\n  bad: { run: exit 1 }\n  slow: { run: sleep 1 }\n',
    );
    const { stdout } = await place.pelorus('run', file, '--failure-policy', 'continue', '--wait', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'failed', counts: { failed: 1, succeeded: 1 } });
  });

  test('reads a definition from standard input, and saves files that a definition brings along', async () => {
    const piped = await place.pelorusWith(
      { input: '{"name":"piped","tasks":{"a":{"run":"true"}}}' },
      'apply',
      '-f',
      '-',
      '--project',
      'cases',
      '-o',
      'name',
    );
    expect(piped).toEqual({ code: 0, stdout: 'cases/piped\n', stderr: '' });
    write('with/step.sh', 'cat words/list.txt\n');
    write('with/words/list.txt', 'from a file\n');
    const file = write(
      'with/flow.yaml',
      'name: with-files\nproject: cases\ntasks:\n  a: { type: shell, file: step.sh, files: [words/list.txt] }\n',
    );
    const { stdout } = await place.pelorus('run', file, '--wait', '-o', 'name');
    expect((await place.pelorus('logs', stdout.trim(), 'a')).stdout).toBe('from a file\n');
  });
});

describe('logs', () => {
  test('of a task: all, the last lines, the lines that match', async () => {
    const file = write('talk.yaml', 'name: talk\nproject: cases\ntasks:\n  say: { run: "seq 1 2500; echo end" }\n');
    const run = (await place.pelorus('run', file, '--wait', '-o', 'name')).stdout.trim();
    expect((await place.pelorus('logs', run, 'say')).stdout.split('\n')).toHaveLength(2502);
    expect((await place.pelorus('logs', run, 'say', '--tail', '2')).stdout).toBe('2500\nend\n');
    expect((await place.pelorus('logs', run, 'say', '--grep', 're:^99.$', '--tail', '3')).stdout).toBe(
      '997\n998\n999\n',
    );
    expect((await place.pelorus('logs', run, '--tail', '1')).stdout).toBe('say | end\n');
  });

  test('-f goes on until the task has ended', async () => {
    const gate = join(place.directory, 'gate');
    const file = write(
      'follow.yaml',
      `name: follow\nproject: cases\ntasks:\n  say: { run: "echo one; until [ -e ${gate} ]; do sleep 0.05; done; echo two" }\n`,
    );
    const run = (await place.pelorus('run', file, '-o', 'name')).stdout.trim();
    const following = place.pelorus('logs', run, 'say', '-f');
    await until(
      async () => (await place.pelorus('logs', run, 'say')).stdout === 'one\n',
      () => 'the task has not written',
    );
    write('gate', '');
    expect(await following).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: '' });
  });
});

describe('pelorus dev', () => {
  test('writes address and token for nobody else to read', () => {
    const file = join(place.data, 'server.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ address: server.address, pid: server.pid });
  });

  test('wants the token', async () => {
    const answer = await fetch(`${server.address}/api/v1/runs`);
    expect(answer.status).toBe(401);
  });

  test('a second one on the same data directory is refused, and says by whom it is in use', async () => {
    const { code, stderr } = await place.pelorus('dev', '--port', '0');
    expect(code).toBe(6);
    expect(stderr).toContain(`process ${server.pid}`);
  });

  test('--reset wants --yes where nobody can be asked', async () => {
    const { code, stderr } = await place.pelorus('dev', '--reset');
    expect(code).toBe(2);
    expect(stderr).toContain('--yes');
  });

  test('warns about a PELORUS_ name that nothing reads, with the nearest known one', async () => {
    const { code, stderr } = await place.pelorusWith({ variables: { PELORUS_SERVR: 'x' } }, 'runs', 'list');
    expect(code).toBe(0);
    expect(stderr).toBe('warning: PELORUS_SERVR is not a setting of Pelorus; did you mean PELORUS_SERVER?\n');
  });
});
