/** Backfills, environments and worker groups on the command line, against a real `pelorus dev`. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BackfillPreview, BackfillSubmitted, BackfillView, EnvironmentView } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPlace, type DevProcess, type Place } from './dev-process.ts';

let place: Place;
let dev: DevProcess;
beforeAll(async () => {
  place = await newPlace();
  dev = await place.dev('--no-samples');
  await dev.client.projects.put('sales');
  await dev.client.request({
    method: 'PUT',
    path: '/projects/sales/workflows/nightly',
    json: {
      name: 'nightly',
      params: { limit: { type: 'integer', default: 5 } },
      tasks: { load: { run: 'echo "$GREETING" > /dev/null' }, publish: { run: 'true', needs: ['load'] } },
    },
  });
});
afterAll(async () => place.clear());

describe('backfill', () => {
  const create = ['backfill', 'create', 'sales/nightly'];

  test('create --dry-run shows the dates and makes nothing: both ends of a range, each day whole', async () => {
    const days = await place.json<BackfillPreview>(
      ...create,
      '--start',
      '2024-03-01',
      '--end',
      '2024-03-03',
      '--dry-run',
    );
    expect(days).toEqual({
      dates: ['2024-03-01T00:00:00.000Z', '2024-03-02T00:00:00.000Z', '2024-03-03T00:00:00.000Z'],
      zone: 'UTC',
      mode: 'serial',
      parallelism: 1,
      dependents: [],
      warnings: [],
    });
    const range = ['--start', '2024-03-01', '--end', '2024-03-01', '--dry-run'];
    const shown = await place.pelorus(...create, ...range, '--crontab', '0 */8 * * *', '--parallelism', '3');
    expect(shown).toEqual({
      code: 0,
      stdout:
        '3 dates, 3 at a time, reckoned in UTC\n' +
        '  2024-03-01T00:00:00+00:00\n  2024-03-01T08:00:00+00:00\n  2024-03-01T16:00:00+00:00\n',
      stderr: '',
    });
    const inZone = await place.pelorus(
      ...[...create, '--start', '2024-03-10', '--end', '2024-03-11', '--dry-run', '--zone', 'America/New_York'],
    );
    expect(inZone.stdout).toBe(
      '2 dates, one after the other, reckoned in America/New_York\n' +
        '  2024-03-10T00:00:00-05:00\n  2024-03-11T00:00:00-04:00\n',
    );
    expect(await place.json('backfill', 'list')).toEqual([]);
  });

  test('create, list and get', async () => {
    const submitted = await place.json<BackfillSubmitted>(
      ...create,
      ...['--date', '2024-03-08,2024-03-01', '--date', '2024-02-29T06:00:00Z'],
      ...['--parallelism', '2', '--order', 'descending', '--from-node', 'load', '--dep', 'post', '-p', 'limit=7'],
      ...['--failure-policy', 'continue', '--priority', 'high', '--workflow-version', '1'],
    );
    expect(submitted).toMatchObject({ dateCount: 3, warnings: [] });
    const id = String(submitted.id);
    const view = await place.json<BackfillView>('backfill', 'get', id);
    expect(view).toMatchObject({
      id: submitted.id,
      ...{ project: 'sales', workflow: 'nightly', version: 1, mode: 'parallel', parallelism: 2, order: 'descending' },
      options: {
        from: { task: ['load'], dep: 'post' },
        params: { limit: 7 },
        failurePolicy: 'continue',
        priority: 'high',
      },
    });
    expect(view.dates.map(({ date }) => date)).toEqual([
      '2024-03-08T00:00:00.000Z',
      '2024-03-01T00:00:00.000Z',
      '2024-02-29T06:00:00.000Z',
    ]);
    const shown = await place.pelorus('backfill', 'get', id);
    expect(shown.stdout).toMatch(/^workflow +sales\/nightly$/m);
    expect(shown.stdout).toMatch(/^mode +parallel, 2 at a time$/m);
    expect(shown.stdout).toMatch(/^2024-03-08T00:00:00\+00:00 +\w+ +\d+/m);
    expect((await place.pelorus('backfill', 'list', '-o', 'name')).stdout).toBe(`${id}\n`);
    expect((await place.pelorus('backfill', 'list', '--workflow', 'nightly', '--state', 'paused')).stdout).toBe(
      'no backfills\n',
    );
  });

  const save = (name: string, run: string) =>
    dev.client.request({
      method: 'PUT',
      path: `/projects/sales/workflows/${name}`,
      json: { name, params: { day: { type: 'string', default: '$[yyyyMMdd]' } }, tasks: { only: { run } } },
    });
  const steer = (what: string, id: number, ...flags: string[]) => place.pelorus('backfill', what, String(id), ...flags);

  test('pause, resume and stop say what it is by then; once it has ended they end with exit code 6', async () => {
    await save('slow', 'sleep 600');
    const { id, runs } = await place.json<BackfillSubmitted>(
      'backfill',
      'create',
      'sales/slow',
      '--date',
      '2024-03-01,2024-03-02',
    );
    expect(runs).toHaveLength(1);
    expect(await steer('pause', id)).toMatchObject({
      code: 0,
      stdout: `backfill ${id} paused (is paused): 1 pending, 1 running\n`,
    });
    expect((await steer('resume', id)).stdout).toBe(`backfill ${id} running: 1 pending, 1 running\n`);
    const stopped = await steer('stop', id, '--watch');
    expect(stopped).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`backfill ${id} stopped: 2 stopped`) as string,
    });
    for (const what of ['pause', 'resume', 'stop'])
      expect(await steer(what, id)).toMatchObject({ code: 6, stderr: expect.stringContaining('has ended') as string });
  });

  test('one that fails ends with exit code 3, and goes on where it failed when it is told to', async () => {
    const mended = join(place.directory, 'mended');
    await save('third', `test -e '${mended}' || test "$day" != 20240303`);
    const range = ['--start', '2024-03-01', '--end', '2024-03-05'];
    const failed = await place.pelorus('backfill', 'create', 'sales/third', ...range, '--watch', '-o', 'json');
    expect(failed.code).toBe(3);
    const view = JSON.parse(failed.stdout) as BackfillView;
    expect(view.dates.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'failed', 'stopped', 'stopped']);
    await writeFile(mended, '');
    const retried = await steer('retry', view.id, '--watch', '-o', 'json');
    expect(retried.code).toBe(0);
    const { counts, dates } = JSON.parse(retried.stdout) as BackfillView;
    expect(counts).toEqual({ succeeded: 5 });
    expect(dates.map(({ runs }) => runs)).toEqual([1, 1, 2, 1, 1]);
    expect((await steer('retry', view.id)).code).toBe(6);
  });

  test.each([
    ['no dates', [], '--start and --end, or --date'],
    ['half a range', ['--start', '2024-03-01'], '--start and --end, or --date'],
    ['no date', ['--start', 'soon', '--end', '2024-03-01'], '--start must be like'],
    ['a list and a range', ['--date', '2024-03-01', '--start', '2024-03-01'], 'cannot be used with'],
    ['no number', ['--date', '2024-03-01', '--parallelism', '0'], '--parallelism'],
    ['a parameter without a value', ['--date', '2024-03-01', '-p', 'limit'], '-p needs name=value'],
  ])('create refuses %s, with exit code 2', async (_name, flags, message) => {
    const { code, stderr } = await place.pelorus(...create, ...flags);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('2 for what is no number, 5 for one that is not there', async () => {
    expect((await place.pelorus('backfill', 'get', 'nightly')).code).toBe(2);
    expect((await place.pelorus('backfill', 'get', '4711')).code).toBe(5);
  });
});

describe('environment', () => {
  const set = (...args: string[]) => place.pelorus('environment', 'set', ...args);
  const variables = async (name: string) => (await place.json<EnvironmentView>('environment', 'get', name)).variables;

  test('set changes what is named and leaves the rest', async () => {
    expect(await set('spark', '--var', 'A=1', '--var', 'B=x=y z', '--description', 'of the spark jobs')).toEqual({
      code: 0,
      stdout: 'environment spark created: 2 variables\n',
      stderr: '',
    });
    expect((await set('spark', '--var', 'A=2', '--unset', 'B', '--var', 'C=')).stdout).toBe(
      'environment spark changed: 2 variables\n',
    );
    expect(await place.json('environment', 'get', 'spark')).toMatchObject({
      ...{ name: 'spark', description: 'of the spark jobs', variables: { A: '2', C: '' } },
    });
    const list = await place.pelorus('environment', 'list');
    expect(list.stdout).toMatch(/^spark +2 +\S+ +\S+ +of the spark jobs$/m);
  });

  test('what get shows is what set --from-file reads, values with line ends and quotes too', async () => {
    const odd = { EMPTY: '', QUOTED: '"as it is"', LINES: 'one\ntwo\r\nthree', HASH: '#no comment', TAIL: ' blanks ' };
    await dev.client.environments.put('odd', { variables: odd, description: 'odd ones' });
    const { stdout } = await place.pelorus('environment', 'get', 'odd');
    await writeFile(join(place.directory, 'odd.env'), `${stdout}\n# a comment\n`);
    await set('copy', '--var', 'GONE=1');
    expect((await set('copy', '--from-file', 'odd.env')).code).toBe(0);
    expect(await variables('copy')).toEqual(odd);
    const piped = await place.pelorusWith({ input: 'ONLY=this\n' }, 'environment', 'set', 'copy', '--from-file', '-');
    expect(piped.stdout).toBe('environment copy changed: 1 variable\n');
    expect(await variables('copy')).toEqual({ ONLY: 'this' });
  });

  test('refuses what does not go together or is not there', async () => {
    await set('small', '--var', 'A=1');
    const refused = await Promise.all([
      set('small', '--var', 'A'),
      set('small', '--var', 'A=1', '--unset', 'A'),
      set('small', '--from-file', 'odd.env', '--var', 'A=1'),
      set('small', '--unset', 'NOT_THERE'),
      set('small', '--from-file', 'nowhere.env'),
      place.pelorus('environment', 'get', 'nowhere'),
    ]);
    expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 5, 5, 5]);
    expect(await variables('small')).toEqual({ A: '1' });
    expect((await place.pelorus('environment', 'delete', 'small')).stdout).toBe('environment small deleted\n');
    expect((await place.pelorus('environment', 'delete', 'small')).code).toBe(5);
  });
});

test('worker-group: described, listed with its workers, forgotten', async () => {
  const group = (...args: string[]) => place.pelorus('worker-group', ...args);
  expect((await group('set', 'gpu', '--description', 'machines with cards')).code).toBe(0);
  expect((await group('list', '-o', 'name')).stdout).toBe('default\ngpu\n');
  expect((await group('list')).stdout).toMatch(/^gpu +0 +0 +0 +machines with cards$/m);
  const [worker] = (await dev.client.workers.list()).items;
  expect((await group('get', 'default')).stdout).toContain(worker?.id ?? 'no worker');
  expect((await group('get', 'gpu')).stdout).toMatch(/^description +machines with cards$[^]*^no workers$/m);
  expect((await group('delete', 'gpu')).stdout).toBe('worker group gpu is not described any more\n');
  expect((await group('get', 'gpu')).code).toBe(5);
});

test('bash completes commands, flags and the names of things', async () => {
  await dev.client.environments.put('completed', { variables: {} });
  const { stdout: script } = await place.pelorus('completion', 'bash');
  await writeFile(join(place.directory, 'completion.sh'), script);
  // In place of the program on the path: its name is all that the script knows.
  const bin = new URL('../bin/pelorus.mjs', import.meta.url).pathname;
  const complete = async (line: string): Promise<string[]> => {
    const asked = `pelorus() { "${process.execPath}" "${bin}" "$@"; }; . ./completion.sh
COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _pelorus; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const options = { cwd: place.directory, env: { ...process.env, PELORUS_SERVER: '', PELORUS_TOKEN: '' } };
    const { stdout } = await promisify(execFile)('bash', ['-c', asked], options);
    return stdout.split('\n').filter((word) => word !== '');
  };
  expect(await complete("pelorus backfill ''")).toEqual(expect.arrayContaining(['create', 'list', 'get', 'stop']));
  expect(await complete('pelorus backfill create --para')).toEqual(['--param', '--parallelism']);
  expect(await complete('pelorus backfill create sales/nig')).toEqual(['sales/nightly']);
  expect(await complete('pelorus environment get comp')).toEqual(['completed']);
  expect(await complete('pelorus worker-group get def')).toEqual(['default']);
});
