/** Schedules, what holds them still, and backfills: made, driven and seen in the browser, checked against the API. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openConsole, type ConsolePlace } from './browser.ts';

const BROKEN = `name: broken
tasks:
  a: { type: shell, run: exit 3 }
`;
const NIGHTLY = `name: nightly
schedule: { cron: "0 2 * * *", timezone: Europe/Berlin, online: false }
tasks:
  a: { type: shell, run: echo a }
`;

describe.skipIf(chromiumPath === null)('Schedules and backfills, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
    const { client } = place.server;
    await client.projects.put('shop');
    await client.workflows.save('shop', 'broken', { source: BROKEN, format: 'yaml' });
    await client.workflows.save('shop', 'nightly', { source: NIGHTLY, format: 'yaml' });
  });
  afterAll(() => place?.close());

  test('a schedule is switched online and tells when it starts next', async () => {
    await place.visit({ at: '/schedules' }, async (page) => {
      const online = page.getByRole('switch', { name: 'nightly / default is online' });
      expect(await online.getAttribute('aria-checked')).toBe('false');
      await online.click();
      await page.getByRole('cell', { name: /Europe\/Berlin/ }).waitFor();
      await page.locator('[role=switch][aria-checked=true]').waitFor();
    });
    const schedule = await place.server.client.schedules.get('shop', 'nightly', 'default');
    expect(schedule.online).toBe(true);
  });

  test('a new schedule shows what is wrong as one types, then its next times, and is stored', async () => {
    await place.visit({ at: '/schedules?project=shop' }, async (page) => {
      await page.getByRole('button', { name: 'New schedule' }).click();
      const dialog = page.getByRole('dialog', { name: 'New schedule' });
      await dialog.getByLabel('Workflow', { exact: true }).fill('broken');
      await dialog.getByLabel('Name', { exact: true }).fill('hourly');
      await dialog.getByLabel('Time zone').fill('Asia/Shanghai');
      await dialog.getByLabel('Cron expression').fill('0 * * *');
      await dialog
        .getByText(/it has 4 fields/)
        .first()
        .waitFor();
      await dialog.getByRole('button', { name: 'Save', disabled: true }).waitFor();
      await dialog.getByLabel('Cron expression').fill('30 4 * * *');
      await dialog
        .getByText(/ 04:30$/)
        .nth(9)
        .waitFor();
      await dialog.getByLabel('Online').uncheck();
      await dialog.getByText(/^Advanced/).click();
      await dialog.getByLabel('Wait for other workflows').fill('nightly, samples/hello');
      await dialog.getByLabel('Priority').selectOption('high');
      await dialog.getByLabel('Time limit').fill('1h30m');
      await dialog.getByLabel('Notify').selectOption('FAILURE');
      await dialog.getByLabel('Recipients').fill('ops@example.com');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page.getByText('hourly').first().waitFor();
    });
    expect(await place.server.client.schedules.get('shop', 'broken', 'hourly')).toMatchObject({
      cron: '30 4 * * *',
      zone: 'Asia/Shanghai',
      online: false,
      dependsOn: ['nightly', 'samples/hello'],
      priority: 'high',
      timeoutMs: 5_400_000,
      notifyType: 'FAILURE',
      notifyMails: ['ops@example.com'],
    });
  });

  test('what others do with schedules and backfills is seen before the page asks again by the clock', async () => {
    const { client } = place.server;
    await place.visit({ at: '/schedules' }, async (page) => {
      await page.getByRole('switch', { name: 'nightly / default is online' }).waitFor();
      await client.schedules.put('shop', 'nightly', 'news', { cron: '0 3 * * *', zone: 'UTC' });
      const seen = page.getByRole('switch', { name: 'nightly / news is online' });
      await seen.waitFor();
      await client.schedules.delete('shop', 'nightly', 'news');
      await seen.waitFor({ state: 'detached' });
      await page
        .getByRole('button', { name: /nightly \/ default/ })
        .last()
        .click();
      await page.getByRole('menuitem', { name: /^Deadlines/ }).click();
      await client.deadlines.put('shop', 'nightly', 'by-six', { cron: '0 6 * * *', zone: 'UTC' });
      await page.getByRole('dialog').getByText('by-six').waitFor();
    });
    await place.visit({ at: '/schedules?tab=calendars' }, async (page) => {
      await page.getByRole('button', { name: 'New calendar' }).first().waitFor();
      await client.calendars.put('feasts', { days: ['2030-01-01'] });
      await page.getByText('feasts').waitFor();
    });
    await place.visit({ at: '/backfills?project=shop' }, async (page) => {
      await page.getByRole('combobox').first().waitFor();
      const dates = ['2026-01-01T00:00:00Z'];
      const { id } = await client.backfills.submit({ project: 'shop', workflow: 'nightly', dates });
      await page.locator(`a[href$="/backfills/${id}"]`).first().waitFor();
    });
  });

  test('schedules are paused with a reason that every page shows, and resumed', async () => {
    await place.visit({ at: '/schedules' }, async (page) => {
      await page.getByRole('button', { name: 'Pause all schedules' }).click();
      await page.getByLabel('Reason (everybody sees it)').fill('moving house');
      await page.getByRole('dialog').getByRole('button', { name: 'Pause all schedules' }).click();
      await page.getByText('Reason: moving house').waitFor();
      expect((await place.server.client.maintenance.get()).paused).toBe(true);
      await page.getByRole('link', { name: 'Workflows' }).click();
      await page.getByText('Reason: moving house').waitFor();
      await page.getByRole('button', { name: 'Resume schedules' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Resume schedules' }).click();
      await page.getByText('Reason: moving house').waitFor({ state: 'detached' });
      expect((await place.server.client.maintenance.get()).paused).toBe(false);
    });
  });

  test('the wizard lists the dates that run, marks where clocks change, outlives a reload, and a backfill that failed begins again', async () => {
    await place.visit({ at: '/backfills/new?project=shop&workflow=broken' }, async (page) => {
      // As its schedule, which was made in the browser before.
      await page.getByRole('radio', { name: 'By cron', checked: true }).waitFor();
      expect(await page.getByLabel('Time zone').inputValue()).toBe('Asia/Shanghai');
      await page.getByRole('radio', { name: 'Every day' }).check();
      await page.getByLabel('Time zone').fill('Europe/Berlin');
      await page.getByLabel('Time of day').fill('08:00');
      await page.getByLabel('First day').fill('2026-03-28');
      await page.getByLabel('Last day, inclusive').fill('2026-03-30');
      await page.getByText('GMT+1 → GMT+2').waitFor();
      const listed = page.getByRole('listitem').getByText(/ 08:00$/);
      await expect.poll(() => listed.count()).toBe(3);
      await page.waitForURL(/end=2026-03-30/);
      await page.reload();
      await page.getByText('GMT+1 → GMT+2').waitFor();
      expect(await page.getByLabel('Time zone').inputValue()).toBe('Europe/Berlin');
      await page.getByRole('button', { name: 'Start backfill of 3 dates' }).click();
      await page.getByText('3 dates · 1 failed, 2 stopped').waitFor();
      await page.getByRole('button', { name: 'Retry' }).click();
      await page.getByRole('menuitem', { name: /never started/ }).click();
      await page.getByLabel('Continue with the others if one fails').check();
      await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
      await page.getByText('3 dates · 3 failed').waitFor();
      const id = Number(/\d+$/.exec(new URL(page.url()).pathname)?.[0]);
      const { dates } = await place.server.client.backfills.get(id);
      expect(dates.map(({ date, state }) => [date, state])).toEqual([
        ['2026-03-28T07:00:00.000Z', 'failed'],
        ['2026-03-29T06:00:00.000Z', 'failed'],
        ['2026-03-30T06:00:00.000Z', 'failed'],
      ]);
    });
  });

  test('home names the cause of a failure first and leads to its log', async () => {
    const { client } = place.server;
    const { id } = await client.runs.submit({ project: 'shop', workflow: 'broken' });
    await expect.poll(async () => (await client.runs.get(id)).state).toBe('failed');
    await place.visit({ at: '/' }, async (page) => {
      await page.getByText('Ended with exit code 3').first().waitFor();
      await page.getByRole('link', { name: `Log of a in run ${id}` }).click();
      await page.waitForURL(new RegExp(`/runs/${id}\\?task=a`));
    });
  });
});
