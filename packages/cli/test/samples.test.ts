import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linesOf, newPlace, type Place } from './dev-process.ts';

const RECORDS = fileURLToPath(new URL('../../../samples/seattle-weather/seattle-weather.csv', import.meta.url));
// Each command is a process of its own, and the machine may be busy.
let place: Place;

beforeAll(async () => {
  place = await newPlace();
  await place.dev();
});
afterAll(async () => place.clear());

interface Result {
  id: number;
  state: string;
  counts: Record<string, number>;
  outputs: Record<string, Record<string, string>>;
}

async function runSample(...args: string[]): Promise<{ code: number; result: Result }> {
  const { code, stdout } = await place.pelorus('run', ...args, '--wait', '-o', 'json');
  return { code, result: JSON.parse(stdout) as Result };
}

describe('hello', () => {
  test('greets whom the parameter names', async () => {
    const { code, result } = await runSample('hello', '-p', "name=Ada; echo 'x' $(id)");
    expect({ code, state: result.state, outputs: result.outputs }).toEqual({
      code: 0,
      state: 'succeeded',
      outputs: { greet: { greeting: "hello, Ada; echo 'x' $(id)" } },
    });
    const { stdout } = await place.pelorus('logs', String(result.id), 'greet');
    expect(stdout).toBe("hello, Ada; echo 'x' $(id)\n");
  });
});

describe('seattle-weather', () => {
  test.each(['2012', '2013', '2014', '2015'])('publishes the figures of %s that the records give', async (year) => {
    const { code, result } = await runSample('samples/seattle-weather', '-p', `year=${year}`);
    const published = result.outputs['publish'] ?? {};
    const expected = figuresOf(year);
    expect({ code, state: result.state, counts: result.counts }).toEqual({
      code: 0,
      state: 'succeeded',
      counts: { succeeded: 5 },
    });
    expect(published).toMatchObject({ wettest_month: expected.wettestMonth, hottest_day: expected.hottestDay });
    expect(Number(published['wettest_month_mm'])).toBeCloseTo(expected.wettestMonthMm, 1);
    expect(Number(published['total_mm'])).toBeCloseTo(expected.totalMm, 1);
    expect(Number(published['mean_temp_max'])).toBeCloseTo(expected.meanTempMax, 2);

    const report = readFileSync(published['report'] ?? '', 'utf8');
    expect(report.split('\n')[0]).toBe(`# Seattle weather ${year}`);
    expect([...report.matchAll(/^\| (\d{4}-\d{2}) \| (\d+) \|/gm)].map((row) => [row[1], Number(row[2])])).toEqual(
      expected.daysByMonth,
    );
    expect(published['report']).toBe(join(place.data, 'reports', `seattle-weather-${year}`, 'report.md'));
  });

  test('refuses a year of which there are no records', async () => {
    const { code, stderr } = await place.pelorus('run', 'seattle-weather', '-p', 'year=2011');
    expect(code).toBe(2);
    expect(stderr).toContain('2011');
  });
});

describe('fan-out', () => {
  test('executes each of its 202 tasks once, the first before and the last after all others', async () => {
    const marks = join(place.directory, 'marks');
    const { code, result } = await runSample('fan-out', '-p', `marks=${marks}`);
    expect({ code, state: result.state, counts: result.counts }).toEqual({
      code: 0,
      state: 'succeeded',
      counts: { succeeded: 202 },
    });
    const executed = linesOf(marks);
    expect([executed[0], executed.at(-1)]).toEqual(['start', 'join']);
    const work = Array.from({ length: 200 }, (_, index) => `work-${String(index + 1).padStart(3, '0')}`);
    expect(executed.slice(1, -1).sort()).toEqual(work);
  });
});

/** The year's figures straight from the records, by other means than the sample's SQL. */
function figuresOf(year: string) {
  const days = readFileSync(RECORDS, 'utf8')
    .split('\n')
    .slice(1)
    .filter((line) => line.startsWith(year))
    .map((line) => {
      const [date = '', precipitation, tempMax] = line.split(',');
      return { date, month: date.slice(0, 7), precipitation: Number(precipitation), tempMax: Number(tempMax) };
    });
  const rainByMonth = new Map<string, number>();
  const daysByMonth = new Map<string, number>();
  for (const { month, precipitation } of days) {
    rainByMonth.set(month, (rainByMonth.get(month) ?? 0) + precipitation);
    daysByMonth.set(month, (daysByMonth.get(month) ?? 0) + 1);
  }
  const [wettestMonth, wettestMonthMm] = [...rainByMonth].reduce((most, one) => (one[1] > most[1] ? one : most));
  const hottest = days.reduce((most, day) => (day.tempMax > most.tempMax ? day : most));
  return {
    wettestMonth,
    wettestMonthMm,
    totalMm: days.reduce((sum, day) => sum + day.precipitation, 0),
    meanTempMax: days.reduce((sum, day) => sum + day.tempMax, 0) / days.length,
    hottestDay: hottest.date,
    daysByMonth: [...daysByMonth],
  };
}
