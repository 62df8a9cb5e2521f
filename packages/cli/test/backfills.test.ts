/** A year of dates on real processes: one date fails, `kill -9` strikes in the middle, and every date has its run all the same. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackfillView, RunView } from '@pelorus/protocol';
import type { Client } from '@pelorus/sdk';
import { afterAll, describe, expect, test } from 'vitest';
import { startServer } from '../../worker/test/database-servers.ts';
import { newCluster } from './cluster-place.ts';
import { newPlace, until } from './dev-process.ts';

/** Half past two each night in New York, which there is not on 10 March 2024. */
const YEAR = {
  ...{ project: 'sales', workflow: 'daily', zone: 'America/New_York' },
  startDate: '2023-06-01T06:30:00Z',
  endDate: '2024-05-31T06:30:00Z',
};
const DAYS = 366;
const FAILING = '2023-06-12';

/** Each execution leaves a line; that of 12 June fails until it has been mended, and those of May wait until they are let go. */
async function saveDaily(client: Client, directory: string): Promise<void> {
  await client.projects.put('sales');
  const at = (name: string): string => `'${join(directory, name)}'`;
  const run = `echo "$day" >> ${at('ledger')}
    case $day in *-05-*) until test -e ${at('let-go')}; do sleep 0.1; done;; esac
    test "$day" != ${FAILING} || test -e ${at('mended')}`;
  await client.request({
    method: 'PUT',
    path: '/projects/sales/workflows/daily',
    json: { name: 'daily', params: { day: { type: 'string', default: '$[yyyy-MM-dd]' } }, tasks: { note: { run } } },
  });
}

const doneOf = ({ counts }: BackfillView): number => (counts.succeeded ?? 0) + (counts.failed ?? 0);
const look = (client: Client, id: number): Promise<BackfillView> => client.backfills.get(id, { limit: 1000 });

async function reached(client: Client, id: number, is: (backfill: BackfillView) => boolean): Promise<BackfillView> {
  let seen = await look(client, id);
  await until(
    async () => is((seen = await look(client, id))),
    () => `backfill ${id} is ${seen.state}: ${JSON.stringify(seen.counts)}`,
    240_000,
  );
  return seen;
}

async function allRuns(client: Client): Promise<RunView[]> {
  const runs: RunView[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.runs.list({
      execType: 'COMPLEMENT_DATA',
      limit: 500,
      ...(cursor === undefined ? {} : { cursor }),
    });
    runs.push(...page.items);
    cursor = page.nextCursor;
  }
  return runs;
}

function tally(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Every date of the preview had one run, but for the one that failed, which had two; and each run was executed once. */
async function expectOneRunEach(client: Client, directory: string, dates: string[]): Promise<void> {
  const expected = new Map(dates.map((date) => [date, date.startsWith(FAILING) ? 2 : 1]));
  const runs = await allRuns(client);
  expect(tally(runs.map(({ logicalDate }) => new Date(logicalDate).toISOString()))).toEqual(expected);
  const lines = (await readFile(join(directory, 'ledger'), 'utf8')).trim().split('\n');
  const days = new Map(dates.map((date) => [date.slice(0, 10), expected.get(date)!]));
  expect(tally(lines)).toEqual(days);
}

test('one process: kill -9 in the middle, paused, resumed, and begun again where it failed', async () => {
  const place = await newPlace();
  try {
    let dev = await place.dev('--no-samples');
    await saveDaily(dev.client, place.directory);
    const request = { ...YEAR, mode: 'parallel', parallelism: 8, continueAfterFailure: true } as const;
    const { dates } = await dev.client.backfills.preview(request);
    expect(dates).toHaveLength(DAYS);
    expect(dates.filter((date) => date.startsWith('2024-03-1')).slice(0, 2)).toEqual([
      '2024-03-10T07:00:00.000Z',
      '2024-03-11T06:30:00.000Z',
    ]);
    const { id } = await dev.client.backfills.submit(request);
    await reached(dev.client, id, (backfill) => doneOf(backfill) > 100);
    dev.signal('SIGKILL');
    await dev.ended;
    dev = await place.dev('--no-samples');
    await dev.client.backfills.pause(id);
    await writeFile(join(place.directory, 'let-go'), '');
    const paused = await reached(dev.client, id, ({ counts }) => (counts.running ?? 0) === 0);
    expect(paused.state).toBe('paused');
    expect(doneOf(paused) + (paused.counts.pending ?? 0)).toBe(DAYS);
    await dev.client.backfills.resume(id);
    const ended = await reached(dev.client, id, ({ endedAt }) => endedAt !== null);
    expect(ended).toMatchObject({ state: 'failed', counts: { succeeded: DAYS - 1, failed: 1 } });
    expect(ended.dates.map(({ date }) => date)).toEqual(dates);
    await writeFile(join(place.directory, 'mended'), '');
    await dev.client.backfills.retry(id);
    const mended = await reached(dev.client, id, ({ endedAt }) => endedAt !== null);
    expect(mended).toMatchObject({ state: 'succeeded', counts: { succeeded: DAYS } });
    await expectOneRunEach(dev.client, place.directory, dates);
  } finally {
    await place.clear();
  }
});

const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('a cluster', () => {
  test('kill -9 of one of two masters in the middle, descending: the other goes on, no date is lost or doubled', async () => {
    const cluster = await newCluster(server!.url, { masters: 2 });
    try {
      const [api, first] = await Promise.all([cluster.api(), cluster.master(0), cluster.master(1), cluster.worker(0)]);
      await saveDaily(api.client, cluster.directory);
      await writeFile(join(cluster.directory, 'let-go'), '');
      const request = {
        ...YEAR,
        mode: 'parallel',
        parallelism: 8,
        order: 'descending',
        continueAfterFailure: true,
      } as const;
      const { dates } = await api.client.backfills.preview(request);
      const { id } = await api.client.backfills.submit(request);
      await reached(api.client, id, (backfill) => doneOf(backfill) > 100);
      await first.kill('SIGKILL');
      const ended = await reached(api.client, id, ({ endedAt }) => endedAt !== null);
      expect(ended).toMatchObject({ state: 'failed', counts: { succeeded: DAYS - 1, failed: 1 } });
      expect(ended.dates.map(({ date }) => date)).toEqual(dates);
      await writeFile(join(cluster.directory, 'mended'), '');
      await api.client.backfills.retry(id);
      expect(await reached(api.client, id, ({ endedAt }) => endedAt !== null)).toMatchObject({ state: 'succeeded' });
      await expectOneRunEach(api.client, cluster.directory, dates);
    } finally {
      await cluster.clear();
    }
  });
});
