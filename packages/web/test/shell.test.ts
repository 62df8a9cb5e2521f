/** What surrounds the pages: signing in, languages, themes, keyboard. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, DIST, idle, openConsole, type ConsolePlace } from './browser.ts';

describe.skipIf(chromiumPath === null)('Shell of the console, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
  });
  afterAll(() => place?.close());

  test('a sign-in link signs in once, and leaves no code in the address', async () => {
    const { url } = await place.server.client.users.createSignInLink('admin');
    await place.visit({ signedIn: false, at: url }, async (page) => {
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
      expect(new URL(page.url()).search).toBe('');
      await page.reload();
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
    });
    await place.visit({ signedIn: false, at: place.firstLink }, async (page) => {
      await page.getByText('That sign-in link has been used').waitFor();
      await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    });
  });

  test('a wrong password is refused with a sentence; the right one opens the page that was asked for', async () => {
    await place.server.client.users.put('ann', { password: 'correct horse battery' });
    await place.visit({ signedIn: false, at: '/workflows' }, async (page) => {
      await page.getByLabel('Name').fill('ann');
      await page.getByLabel('Password', { exact: true }).fill('wrong');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('alert').waitFor();
      await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('heading', { name: 'Workflows', level: 1 }).waitFor();
      await page.getByRole('button', { name: 'Account' }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    });
  });

  test('language and theme are chosen in the head, at once and for the next time', async () => {
    await place.visit({}, async (page) => {
      await page.getByRole('button', { name: 'Language' }).click();
      await page.getByRole('menuitemradio', { name: '中文' }).click();
      await page.getByRole('link', { name: '工作流', exact: true }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: '主题' }).click();
      await page.getByRole('menuitemradio', { name: '深色' }).click();
      await page.keyboard.press('Escape');
      const seen = () =>
        page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset['theme']]);
      expect(await seen()).toEqual(['zh-CN', 'dark']);
      expect(await page.evaluate(() => [localStorage['pelorus.language'], localStorage['pelorus.theme']])).toEqual([
        'zh',
        'dark',
      ]);
    });
  });

  test('while the server cannot reach its database a banner says so, and how old what is shown may be', async () => {
    await place.visit({}, async (page) => {
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
      const problem = { code: 'STORE_UNAVAILABLE', message: 'the store is away', retryAfter: 1, ageSeconds: 125 };
      const maintenance = '**/api/v1/maintenance';
      await page.route(maintenance, (route) => route.fulfill({ status: 503, json: problem }));
      await page.reload();
      const banner = page.getByRole('status').filter({ hasText: 'The server cannot reach its database' });
      await banner.waitFor();
      expect(await banner.textContent()).toContain('It last heard from it 2 min ago');
      await page.unroute(maintenance);
      await banner.waitFor({ state: 'detached' });
    });
  });

  test('the palette finds pages and workflows, and goes there by keyboard alone', async () => {
    await place.visit({}, async (page) => {
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
      await jump(page, 'seattle', 'seattle-weather');
      await page.waitForURL(/\/projects\/samples\/workflows\/seattle-weather/);
      await jump(page, 'Schedules', 'Schedules');
      await page.waitForURL(/\/schedules$/);
    });
  });

  test('shortcuts: a question mark lists them, g and a letter goes', async () => {
    await place.visit({}, async (page) => {
      await page.getByRole('navigation', { name: 'Main' }).waitFor();
      await idle(page);
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      // Within a second of each other, whatever else the machine does.
      await Promise.all([page.keyboard.press('g'), page.keyboard.press('o')]);
      await page.waitForURL(/\/operations/);
    });
  });

  test('the first page loads at most 250 kB of script, gzipped', async () => {
    await place.visit({ at: '/account' }, async (page) => {
      await page.locator('main h1').waitFor();
      await idle(page);
      const scripts = new Set<string>();
      page.on('response', (response) => {
        const { pathname } = new URL(response.url());
        // The palette comes of its own, two seconds after the page; on a slow machine that is before its end.
        if (pathname.endsWith('.js') && !pathname.includes('/palette-')) scripts.add(pathname);
      });
      await page.goto(place.server.address);
      await page.locator('main h1').waitFor();
      await page.waitForFunction(() => document.querySelector('main .animate-spin, main .animate-pulse') === null);
      await idle(page);
      const sizes = [...scripts].map(
        (path) => [path, gzipSync(readFileSync(join(DIST, path)), { level: 9 }).length] as const,
      );
      expect(sizes.length).toBeGreaterThan(1);
      const total = sizes.reduce((sum, [, size]) => sum + size, 0);
      console.log(`first page: ${total} bytes of script in ${sizes.length} files`);
      expect(total, sizes.map(([path, size]) => `${path} ${size}`).join('\n')).toBeLessThanOrEqual(250_000);
    });
  });

  test('an address that there is not says so, and offers a way back', async () => {
    await place.visit({ at: '/nowhere' }, async (page) => {
      await page.getByText('Not found').waitFor();
    });
  });
});

/** By the palette, without the mouse. */
async function jump(page: Page, text: string, option: string): Promise<void> {
  await idle(page);
  await page.keyboard.press('Control+k');
  // The page behind it may have comboboxes as well.
  await page.locator('[cmdk-input]:focus').waitFor();
  await page.keyboard.type(text);
  await page.getByRole('option', { name: option, selected: true }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('[cmdk-input]').waitFor({ state: 'detached' });
}
