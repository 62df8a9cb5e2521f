/** The page of a run: why it failed, its log, what may be done about it, and that it is live. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, keepPicture, openConsole, type ConsolePlace } from './browser.ts';

const BROKEN = `
failurePolicy: continue
tasks:
  extract: { run: echo extracted }
  enrich: { needs: [extract], run: "echo 'ERROR geo service refused'; exit 7" }
  load: { needs: [enrich], run: echo loaded }
`;
const SLOW = `
tasks:
  talk: { run: "i=0; while [ ! -e stop ]; do i=$((i+1)); echo spoken $i; sleep 0.1; done" }
  then: { needs: [talk], run: echo done }
`;
const LONG = `
tasks:
  count: { run: "seq -f 'number %.0f' 1 60000" }
`;
const LARGE = `tasks:\n${[...Array(400).keys()].map((i) => `  t${i}: { type: virtual, needs: [${i < 20 ? '' : `t${i - 20}`}] }`).join('\n')}\n`;

describe.skipIf(chromiumPath === null)('Page of a run, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
    await place.server.client.projects.put('demo');
  });
  afterAll(() => place?.close());

  async function start(workflow: string, tasks: string): Promise<number> {
    const { client } = place.server;
    const source = `name: ${workflow}\nproject: demo\n${tasks}`;
    await client.workflows.save('demo', workflow, { source, format: 'yaml' });
    return (await client.runs.submit({ project: 'demo', workflow })).id;
  }

  async function ended(id: number): Promise<void> {
    for await (const event of place.server.client.watchRun(id)) if (event.event === 'end') return;
  }

  test('a failed run says first which task failed and why, shows its log, and runs again what failed', async () => {
    const id = await start('broken', BROKEN);
    await ended(id);
    await place.visit({ at: `/runs/${id}` }, async (page) => {
      const cause = page.getByRole('region', { name: 'Cause of the failure' });
      await cause.getByText('enrich failed first:').waitFor();
      await cause.getByText('exit code 7').first().waitFor();
      await cause.getByText('ERROR geo service refused').waitFor();
      await page.getByRole('log').getByText('ERROR geo service refused').waitFor();
      await page.locator('[data-task=load][data-state=upstream_failed]').waitFor();
      await keepPicture(page, 'run-failed');

      await page.getByRole('button', { name: 'Re-run failed' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('listitem').filter({ hasText: 'extract' }).getByText('reuse').waitFor();
      await dialog.getByRole('listitem').filter({ hasText: 'enrich' }).getByText('run', { exact: true }).waitFor();
      await dialog.getByRole('button', { name: 'Run 2 tasks' }).click();
      await page.waitForURL((url) => url.pathname !== `/runs/${id}`);
      await page.locator('[data-task=extract][data-state=reused]').waitFor();
      await page.getByRole('link', { name: `#${id}` }).waitFor();
    });
  });

  test('the same in Chinese, on a phone', async () => {
    const id = await start('broken', BROKEN);
    await ended(id);
    await place.visit({ at: `/runs/${id}`, language: 'zh', width: 390, theme: 'dark' }, async (page) => {
      await page.getByText('enrich 最先失败').waitFor();
      await page.getByText('退出码 7').first().waitFor();
      await page.getByRole('button', { name: '查看日志' }).click();
      await page.getByRole('log').getByText('ERROR geo service refused').waitFor();
      await page.getByRole('button', { name: '重跑失败任务' }).waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      await keepPicture(page, 'run-failed-phone-zh-dark');
    });
  });

  test('a running task is followed live; pause can be taken back; a killed task shows at once', async () => {
    const id = await start('slow', SLOW);
    await place.visit({ at: `/runs/${id}?task=talk` }, async (page) => {
      const log = page.getByRole('log');
      await log
        .getByText(/^spoken \d+$/)
        .first()
        .waitFor();
      const lastSaid = async (): Promise<number> =>
        Number(/\d+/.exec(await log.locator('[data-index]').last().innerText())?.[0]);
      const said = await lastSaid();
      await expect.poll(lastSaid).toBeGreaterThanOrEqual(said + 10);

      await page.getByRole('button', { name: 'Pause' }).click();
      const dialog = page.getByRole('dialog', { name: /Pause run/ });
      await dialog.getByText('1 task is at work and will finish').waitFor();
      await dialog.getByText('1 task will not start').waitFor();
      await dialog.getByRole('button', { name: 'Pause' }).click();
      // News, which go by.
      await page.getByText('is being paused').waitFor();
      await page.getByText('Waiting for running tasks to finish').waitFor();
      await page.getByRole('button', { name: 'Resume' }).last().click();
      await page.getByRole('button', { name: 'Pause' }).waitFor();

      await page.getByRole('button', { name: 'Kill', exact: true }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Kill the task' }).click();
      await page.locator('[data-task=talk][data-state=killed]').waitFor();
      await page
        .getByText(/ended|failed|stopped/)
        .first()
        .waitFor();
    });
  });

  test('a long log opens at its end, is read backwards with few elements, searched, and jumped into', async () => {
    const id = await start('long', LONG);
    await ended(id);
    await place.visit({ at: `/runs/${id}?task=count` }, async (page) => {
      const log = page.getByRole('log');
      await log.getByText('number 60000', { exact: true }).waitFor();
      const shown = async () =>
        (await log.locator('[data-index]').allInnerTexts()).map((line) => Number(/^number (\d+)$/.exec(line)?.[1]));
      let numbers: number[] = [];
      await expect
        .poll(async () => {
          await log.evaluate((element) => (element.scrollTop = Math.max(0, element.scrollTop - 2000)));
          numbers = await shown();
          return Math.min(...numbers);
        })
        .toBeLessThan(55_000);
      expect(numbers.length).toBeLessThan(150);
      // None missing, none twice, across all pages that were read.
      expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index));

      await page.getByLabel('Search the log').fill('re:^number 777.$');
      await page.keyboard.press('Enter');
      await page.getByText('10 lines match').waitFor();
      await page.getByRole('button', { name: 'Show it where it stands' }).first().click();
      await log.getByText('number 7769', { exact: true }).waitFor();
      await log.getByText('number 7771', { exact: true }).waitFor();

      await page.getByRole('button', { name: 'To the beginning' }).click();
      await log.getByText('number 1', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'To the end' }).click();
      await log.getByText('number 60000', { exact: true }).waitFor();
    });
  });

  test('a large graph is walked through by the arrow keys, and what is chosen stands in the address', async () => {
    const id = await start('large', LARGE);
    await ended(id);
    await place.visit({ at: `/runs/${id}?view=graph` }, async (page) => {
      const graph = page.getByRole('application', { name: 'Graph of the tasks' });
      await graph.locator('canvas').waitFor();
      await graph.focus();
      for (const [key, task] of [
        ['ArrowRight', 't0'],
        ['ArrowRight', 't20'],
        ['ArrowLeft', 't0'],
      ] as const) {
        await page.keyboard.press(key);
        await page.waitForURL((url) => url.searchParams.get('task') === task);
        await page.getByRole('complementary', { name: `Task ${task}`, exact: true }).waitFor();
      }
      await keepPicture(page, 'run-large-graph');
      await page.reload();
      await page.getByRole('complementary', { name: 'Task t0' }).waitFor();
    });
  });

  test('the other views: bars against time, a table that is filtered in the address, the plan, memory beside store, another run', async () => {
    const first = await start('broken', BROKEN);
    const second = await start('broken', BROKEN);
    await Promise.all([ended(first), ended(second)]);
    await place.visit({ at: `/runs/${second}?view=gantt` }, async (page) => {
      await page.getByRole('region', { name: 'Tasks against time' }).getByText('enrich').waitFor();
      await tab(page, 'Table');
      await page.getByLabel('Find a task').fill('loa');
      await page.waitForURL(/find=loa/);
      await page.getByRole('cell', { name: 'enrich, which it needs, did not succeed' }).waitFor();
      await page.getByRole('checkbox', { name: 'Choose extract' }).waitFor({ state: 'detached' });
      await page.getByRole('checkbox', { name: 'Choose load' }).check();
      await page.getByRole('button', { name: 'Run 1 task', exact: true }).click();
      await page.getByRole('dialog').getByText('not selected').first().waitFor();
      await page.keyboard.press('Escape');
      await tab(page, 'Plan');
      await page.getByRole('region', { name: 'Tasks of the plan' }).getByText('extract').waitFor();
      await tab(page, 'Memory');
      await page.getByText('Memory and store agree.').waitFor();
      await tab(page, 'Compare');
      await page.getByLabel('Compare with').selectOption(String(first));
      await page.getByRole('link', { name: `#${first}`, exact: true }).waitFor();
      await page.waitForURL(new RegExp(`compare=${first}(?:&|$)`));
    });
  });
});

async function tab(page: Page, name: string): Promise<void> {
  await page.getByRole('tab', { name, exact: true }).click();
}
