/** The list of runs: filtered by what is typed and pressed, many handled at once, and usable on a phone. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, keepPicture, openConsole, type ConsolePlace } from './browser.ts';

const BROKEN = 'name: broken\ntasks:\n  a: { run: exit 3 }\n';
const FINE = 'name: fine\ntasks:\n  a: { type: virtual }\n';
const IDLE = 'name: idle\ntasks:\n  a: { run: sleep 600 }\n';

describe.skipIf(chromiumPath === null)('Runs, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
    const { client } = place.server;
    await client.projects.put('shop');
    for (const [name, source] of Object.entries({ broken: BROKEN, fine: FINE, idle: IDLE }))
      await client.workflows.save('shop', name, { format: 'yaml', source });
    for (const workflow of ['broken', 'broken', 'fine']) {
      const { id } = await client.runs.submit({ project: 'shop', workflow });
      for await (const { event } of client.watchRun(id)) if (event === 'end') break;
    }
  });
  afterAll(() => place?.close());

  test('runs that failed are chosen and run again at once, each with what became of it', async () => {
    await place.visit({ at: '/runs' }, async (page) => {
      await page.getByRole('button', { name: 'failed', exact: true }).click();
      await page.waitForURL('**/runs?state=failed');
      await expect.poll(() => shownRuns(page)).toBe(2);
      await page.getByRole('checkbox', { name: 'Select all shown' }).check();
      const bar = page.getByRole('toolbar', { name: 'Actions for the selected runs' });
      await bar.getByText('2 runs selected').waitFor();
      await bar.getByRole('button', { name: 'Re-run failed' }).click();
      const dialog = page.getByRole('dialog', { name: 'Re-run what failed' });
      await dialog.getByText('It would apply to 2 runs:').waitFor();
      await dialog.getByRole('button', { name: 'Re-run failed (2)' }).click();
      await dialog.getByText('2 done, 0 refused, 0 to do').waitFor();
      await dialog.getByRole('button', { name: 'Close' }).first().click();
      await bar.waitFor({ state: 'detached' });
      await expect.poll(() => shownRuns(page)).toBe(4);
    });
  });

  test('what was chosen under one filter is not handled under another', async () => {
    await place.visit({ at: '/runs?state=failed' }, async (page) => {
      await expect.poll(() => shownRuns(page)).toBeGreaterThan(0);
      await page.getByRole('checkbox', { name: 'Select all shown' }).check();
      await page.getByRole('toolbar').waitFor();
      await page.getByRole('searchbox').fill('fine');
      await page.waitForURL('**/runs?*q=fine');
      await page.getByRole('toolbar').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Clear', exact: true }).click();
      await page.waitForURL('**/runs');
      await expect.poll(() => page.getByRole('searchbox').inputValue()).toBe('');
      await page.getByRole('checkbox', { name: 'Select all shown', checked: false }).waitFor();
    });
  });

  test('on a phone, news and the bar of actions leave the navigation free', async () => {
    const { id } = await place.server.client.runs.submit({ project: 'shop', workflow: 'idle' });
    await place.visit({ at: `/runs/${id}`, width: 390 }, async (page) => {
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
      const news = await page.getByRole('group').filter({ hasText: 'is being paused' }).boundingBox();
      const navigation = await page.getByRole('navigation').boundingBox();
      expect(news!.y + news!.height).toBeLessThanOrEqual(navigation!.y);
      await keepPicture(page, 'run-news-phone');
      await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).click();
      await page.getByRole('checkbox', { name: `Select run ${id}` }).check();
      const bar = await page.getByRole('toolbar').boundingBox();
      expect(bar!.y + bar!.height).toBeLessThanOrEqual(navigation!.y);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      await keepPicture(page, 'runs-chosen-phone');
    });
    await place.server.client.runs.stop(id);
  });
});

/** Without the head. */
async function shownRuns(page: Page): Promise<number> {
  return (await page.getByRole('row').count()) - 1;
}
