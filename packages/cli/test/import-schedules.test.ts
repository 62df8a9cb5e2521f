/** `pelorus import crontab` and `dolphinscheduler`, as a person uses them: files into a running server, and what was imported is run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPlace, type DevProcess, type Place } from './dev-process.ts';
import { endOf, importInto, type Imported } from './imports.ts';

// Each command is a process of its own, and the machine may be busy.
const SAMPLES = fileURLToPath(new URL('../../../samples/imports/', import.meta.url));

let place: Place;
let server: DevProcess;

beforeAll(async () => {
  place = await newPlace();
  server = await place.dev('--no-samples');
});
afterAll(async () => place.clear());

const imported = (...args: string[]): ReturnType<typeof importInto> => importInto(place, ...args);

function outcomes({ workflows }: Imported): (string | number | null)[][] {
  return workflows.map(({ name, version, result }) => [name.replace(/_[0-9a-f]{8}$/, ''), version, result]);
}

async function finished(project: string, workflow: string): Promise<{ id: number; state: string }> {
  const { id } = await server.client.runs.submit({ project, workflow, logicalDate: '2026-03-10T04:00:00Z' });
  return { id, state: await endOf(id, server) };
}

async function logOf(id: number, task: string): Promise<string> {
  return (await place.pelorus('logs', String(id), task)).stdout;
}

describe('a crontab', () => {
  const text = [
    'SHELL=/bin/bash',
    'GREETING="hello ${x}"',
    '# Counts the lines of its input.',
    '0 5 * * 1-5 wc -l > counted && cat counted && rm counted && echo "$GREETING" $[1+2] \\%%one%two%three',
    '@reboot never',
    '*/5 * * * * echo second',
  ].join('\n');

  test('is imported offline, runs as cron would run it, and is the same workflows when it is imported again', async () => {
    writeFileSync(join(place.directory, 'jobs'), text);
    const first = await imported('crontab', 'jobs', '--project', 'ops', '--timezone', 'Europe/Berlin');
    expect([first.code, outcomes(first.answer)]).toEqual([
      0,
      [
        ['wc', 1, 'created'],
        ['echo', 1, 'created'],
      ],
    ]);
    expect(first.answer.report.filter(({ outcome }) => outcome === 'unsupported')).toEqual([
      {
        item: 'line 5: @reboot never',
        outcome: 'unsupported',
        to: null,
        why: 'there is no schedule for the start of a machine',
      },
    ]);
    const name = first.answer.workflows[0]?.name ?? '';
    const { definition } = await server.client.workflows.get('ops', name);
    expect(definition).toMatchObject({
      description: 'Counts the lines of its input.',
      schedule: { cron: '0 5 * * 1-5', timezone: 'Europe/Berlin', misfire: 'skip', online: false },
    });
    const run = await finished('ops', name);
    expect([run.state, await logOf(run.id, 'wc')]).toEqual(['succeeded', '3\nhello ${x} 3 %\n']);

    writeFileSync(join(place.directory, 'jobs'), `# new\n0 1 * * * true\n${text.replace('0 5', '30 6')}`);
    const again = await imported('crontab', 'jobs', '--project', 'ops', '--timezone', 'Europe/Berlin');
    expect(outcomes(again.answer)).toEqual([
      ['true', 1, 'created'],
      ['wc', 2, 'changed'],
      ['echo', 1, 'unchanged'],
    ]);
  });

  test('written as files it passes lint; what is none has exit code 2', async () => {
    writeFileSync(join(place.directory, 'system'), '17 * * * * root run-parts /etc/cron.hourly\n@daily root true\n');
    const { answer } = await imported('crontab', 'system', '--system', '--out', 'cron-out');
    expect(outcomes(answer)).toEqual([
      ['run-parts', null, 'written'],
      ['true', null, 'written'],
    ]);
    expect(await place.pelorus('workflow', 'lint', 'cron-out')).toMatchObject({ code: 0 });
    writeFileSync(join(place.directory, 'empty'), '# nothing\n');
    const results = await Promise.all([
      place.pelorus('import', 'crontab', 'empty', '--dry-run'),
      place.pelorus('import', 'crontab', 'system', '--dry-run', '--timezone', 'Mars/Olympus'),
      place.pelorus('import', 'crontab', 'gone'),
    ]);
    expect(results.map(({ code }) => code)).toEqual([2, 2, 5]);
  });
});

describe('DolphinScheduler', () => {
  test('2.0: outputs, a switch, conditions, and what is disabled, in one run', async () => {
    const { code, answer } = await imported(
      'dolphinscheduler',
      join(SAMPLES, 'dolphinscheduler-2.0.json'),
      '--project',
      'ds2',
    );
    expect([code, outcomes(answer), answer.problems]).toEqual([0, [['orders_daily', 1, 'created']], []]);
    const { id, state } = await finished('ds2', 'orders_daily');
    expect(state).toBe('succeeded');
    const tasks = (await server.client.runs.tasks(id)).items;
    expect(Object.fromEntries(tasks.map((task) => [task.name, task.state]))).toEqual({
      extract: 'succeeded',
      check_rows: 'succeeded',
      many: 'succeeded',
      few: 'skipped',
      both_ok_: 'succeeded',
      publish: 'succeeded',
      alarm: 'skipped',
      spark_totals: 'skipped',
      old_job: 'skipped',
    });
    expect(await Promise.all(['extract', 'many', 'publish'].map((task) => logOf(id, task)))).toEqual([
      'extract 20260309 of eu, 2026-03-09\n${setValue(rows=3)}\n',
      'many orders on 20260310: 3\n',
      'published 20260309 by publish\n',
    ]);
  });

  test('3.4: a workflow that runs another and waits for it by what were codes', async () => {
    const sample = join(SAMPLES, 'dolphinscheduler-3.4.json');
    const { answer } = await imported('dolphinscheduler', sample, '--project', 'ds3', '--datasource', '7=warehouse');
    expect(outcomes(answer)).toEqual([
      ['load_stock', 1, 'created'],
      ['stock_report', 1, 'created'],
    ]);
    const { id, state } = await finished('ds3', 'stock_report');
    expect(state).toBe('succeeded');
    expect(await logOf(id, 'send')).toBe('报告已发送 stock_report\n');
    const [child] = (await server.client.runs.list({ project: 'ds3', workflow: 'load_stock' })).items;
    expect(await Promise.all(['count', 'show'].map((task) => logOf(child?.id ?? 0, task)))).toEqual([
      'counting in south on 20260310\n#{setValue(total=42)}\n',
      'total 42\n',
    ]);

    const renamed = join(place.directory, 'renamed.json');
    writeFileSync(renamed, readFileSync(sample, 'utf8').replace('"stock report"', '"Stock report, daily"'));
    expect(
      outcomes((await imported('dolphinscheduler', sample, '--project', 'ds3', '--datasource', '7=warehouse')).answer),
    ).toEqual([
      ['load_stock', 1, 'unchanged'],
      ['stock_report', 1, 'unchanged'],
    ]);
    const after = await imported('dolphinscheduler', renamed, '--project', 'ds3', '--datasource', '7=warehouse');
    expect(outcomes(after.answer).at(-1)).toEqual(['stock_report', 2, 'changed']);
  });

  test('1.3 becomes files that pass lint; nothing that comes from elsewhere is written over', async () => {
    const sample = join(SAMPLES, 'dolphinscheduler-1.3.json');
    const written = await imported('dolphinscheduler', sample, '--out', 'ds-out', '--timezone', 'Asia/Shanghai');
    expect(outcomes(written.answer)).toEqual([['nightly', null, 'written']]);
    expect(await place.pelorus('workflow', 'lint', 'ds-out')).toMatchObject({ code: 0 });
    expect(readFileSync(join(place.directory, 'ds-out/nightly.yaml'), 'utf8')).toContain('timezone: Asia/Shanghai');

    await server.client.projects.put('mine');
    await server.client.workflows.save('mine', 'nightly', {
      source: 'name: nightly\ntasks: { a: { run: echo } }',
      format: 'yaml',
      files: [],
    });
    const { code, stderr } = await place.pelorus('import', 'dolphinscheduler', sample, '--project', 'mine');
    expect([code, stderr]).toEqual([
      6,
      expect.stringMatching(/^error: mine\/nightly exists and was not imported; nothing was stored$/m) as unknown,
    ]);
    const wrong = await place.pelorus('import', 'dolphinscheduler', sample, '--datasource', 'x');
    expect(wrong.code).toBe(2);
  });
});
