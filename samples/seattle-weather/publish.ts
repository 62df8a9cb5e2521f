/** Writes the report twice, for reading (Markdown) and for a browser (HTML), and gives back the figures in its headline. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

interface Month {
  month: string;
  days: number;
  precipitation: number;
  tempMax: number;
  tempMin: number;
  wetDays: number;
}

export default async function publish(ctx: { params: Record<string, string>; log: (line: string) => void }) {
  const value = (name: string): string => {
    const text = ctx.params[name];
    if (text === undefined || text === '') throw new Error(`aggregate gave no ${name}`);
    return text;
  };
  const months: Month[] = JSON.parse(value('months'));
  const headline = {
    year: value('year'),
    days: value('days_loaded'),
    wettestMonth: value('wettest_month'),
    wettestMonthMm: String(Math.max(...months.map((month) => month.precipitation))),
    totalMm: value('total_precipitation'),
    meanTempMax: value('mean_temp_max'),
    hottestDay: value('hottest_day'),
  };

  const directory = ctx.params['publish_to'] || join(dirname(value('database')), 'reports', `seattle-weather-${headline.year}`);
  await mkdir(directory, { recursive: true });
  const report = join(directory, 'report.md');
  const markdown = asMarkdown(headline, months);
  await writeFile(report, markdown);
  await writeFile(join(directory, 'report.html'), asHtml(headline, months));

  for (const line of markdown.trimEnd().split('\n')) ctx.log(line);
  return {
    wettest_month: headline.wettestMonth,
    wettest_month_mm: headline.wettestMonthMm,
    total_mm: headline.totalMm,
    mean_temp_max: headline.meanTempMax,
    hottest_day: headline.hottestDay,
    report,
  };
}

type Headline = Record<'year' | 'days' | 'wettestMonth' | 'wettestMonthMm' | 'totalMm' | 'meanTempMax' | 'hottestDay', string>;
const COLUMNS = ['Month', 'Days', 'Rain mm', 'Wet days', 'Mean max °C', 'Mean min °C'];

function cells(month: Month): string[] {
  return [month.month, `${month.days}`, month.precipitation.toFixed(1), `${month.wetDays}`, month.tempMax.toFixed(1), month.tempMin.toFixed(1)];
}

function sentence(head: Headline): string {
  return `${head.days} days, ${head.totalMm} mm of rain; wettest month ${head.wettestMonth} (${head.wettestMonthMm} mm); `
    + `mean daily maximum ${head.meanTempMax} °C; hottest day ${head.hottestDay}.`;
}

function asMarkdown(head: Headline, months: Month[]): string {
  const rows = months.map((month) => `| ${cells(month).join(' | ')} |`);
  return [`# Seattle weather ${head.year}`, '', sentence(head), '', `| ${COLUMNS.join(' | ')} |`, `|${' --- |'.repeat(COLUMNS.length)}`, ...rows, ''].join('\n');
}

function asHtml(head: Headline, months: Month[]): string {
  const row = (tag: string, texts: string[]): string => `<tr>${texts.map((text) => `<${tag}>${text}</${tag}>`).join('')}</tr>`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Seattle weather ${head.year}</title>
<style>body{font:16px/1.5 system-ui;margin:2rem}td,th{padding:.2rem .8rem;text-align:right}th:first-child,td:first-child{text-align:left}</style>
<h1>Seattle weather ${head.year}</h1>
<p>${sentence(head)}</p>
<table>
${row('th', COLUMNS)}
${months.map((month) => row('td', cells(month))).join('\n')}
</table>
</html>
`;
}
