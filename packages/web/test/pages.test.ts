/**
 * Every page and every dialog that is opened often, as they are seen with something on them: without a serious finding of axe in both themes, on a screen and on a phone, with a
 * title in the language that was chosen, and a picture of each in `test-artefacts/console/`.
 */
import axe, { type AxeResults } from 'axe-core';
import type { Client } from '@pelorus/sdk';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, keepPicture, openConsole, type ConsolePlace } from './browser.ts';

const WORKFLOW = '/projects/shop/workflows/orders';
const PAGES: Readonly<Record<string, string>> = {
  home: '/',
  workflows: '/workflows',
  'workflow-new': '/workflows/new?project=shop',
  workflow: WORKFLOW,
  'workflow-history': `${WORKFLOW}?tab=history`,
  'workflow-runs': `${WORKFLOW}?tab=runs`,
  'workflow-versions': `${WORKFLOW}?tab=versions`,
  'workflow-schedule': `${WORKFLOW}?tab=schedule`,
  editor: `${WORKFLOW}/edit`,
  'editor-table': `${WORKFLOW}/edit?view=table`,
  runs: '/runs',
  run: '/runs/1?view=graph&task=load',
  'run-gantt': '/runs/1?view=gantt',
  'run-table': '/runs/1?view=table&task=load',
  'run-plan': '/runs/1?view=plan',
  schedules: '/schedules',
  backfills: '/backfills',
  'backfill-new': '/backfills/new?project=shop&workflow=orders',
  backfill: '/backfills/1',
  'operations-workers': '/operations',
  'operations-masters': '/operations?tab=masters',
  'operations-waiting': '/operations?tab=waiting',
  'operations-groups': '/operations?tab=groups',
  'operations-environments': '/operations?tab=environments',
  'operations-alerts': '/operations?tab=alerts',
  'operations-system': '/operations?tab=system',
  'admin-projects': '/admin',
  'admin-members': '/admin?tab=members&project=shop',
  'admin-secrets': '/admin?tab=secrets&project=shop',
  'admin-connections': '/admin?tab=connections&project=shop',
  'admin-files': '/admin?tab=files&project=shop',
  'admin-channels': '/admin?tab=channels',
  'admin-users': '/admin?tab=users',
  'admin-tokens': '/admin?tab=tokens',
  'admin-audit': '/admin?tab=audit',
  account: '/account',
  'not-found': '/nowhere',
};
type Press = readonly [role: 'button' | 'checkbox' | 'menuitem', name: string | RegExp];
/** Each with what is pressed, one after the other, until it is open. */
const DIALOGS: Readonly<Record<string, readonly [address: string, ...presses: Press[]]>> = {
  palette: ['/', ['button', /^Search or jump/]],
  shortcuts: ['/', ['button', 'Keyboard shortcuts']],
  'run-workflow': [WORKFLOW, ['button', 'Run']],
  'delete-workflow': [WORKFLOW, ['button', 'More actions'], ['menuitem', 'Delete…']],
  import: ['/workflows', ['button', /^Import/], ['menuitem', /^Import/]],
  'save-workflow': ['/workflows/new?project=shop', ['button', 'Save']],
  'rerun-failed': ['/runs/1', ['button', 'Re-run failed']],
  'bulk-rerun': ['/runs?state=failed', ['checkbox', 'Select all shown'], ['button', 'Re-run failed']],
  'new-schedule': ['/schedules', ['button', 'New schedule']],
  'new-calendar': ['/schedules?tab=calendars', ['button', 'New calendar']],
  'new-task-group': ['/operations?tab=waiting', ['button', 'New task group']],
  'new-environment': ['/operations?tab=environments', ['button', 'New environment']],
  'new-project': ['/admin', ['button', 'New project']],
  'new-member': ['/admin?tab=members&project=shop', ['button', 'Add a member']],
  'new-secret': ['/admin?tab=secrets&project=shop', ['button', 'New secret']],
  'new-connection': ['/admin?tab=connections&project=shop', ['button', 'New connection']],
  'upload-files': ['/admin?tab=files&project=shop', ['button', 'Upload files']],
  'new-channel': ['/admin?tab=channels', ['button', 'New channel']],
  'new-user': ['/admin?tab=users', ['button', 'New user']],
  'new-token': ['/admin?tab=tokens', ['button', 'New token']],
};
/** How many browsers look at the pages at a time. */
const LANES = 3;
/** For machines that have much else to do; alone it takes less than a minute. */
const ALL_OF_THEM = { timeout: 600_000 };

describe.skipIf(chromiumPath === null)('Pages of the console, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
    await furnish(place.server.client);
  });
  afterAll(() => place?.close());

  test('no page has a serious finding of axe, light or dark, on a screen or a phone', ALL_OF_THEM, async () => {
    const findings: string[] = [];
    await inLanes(PAGES, (lane) =>
      place.visit({ at: '/account' }, async (page) => {
        for (const [name, address] of lane) {
          await page.setViewportSize({ width: 1440, height: 900 });
          await open(page, address);
          // Each theme and each width once: what axe finds depends on either, hardly on both.
          for (const look of ['light-1440', 'dark-390'] as const) {
            await putOn(page, look);
            findings.push(...(await seriousFindings(page)).map((finding) => `${name} ${look}: ${finding}`));
            await keepPicture(page, `${name}-${look}`);
          }
        }
      }),
    );
    expect(findings).toEqual([]);
  });

  test('no dialog has a serious finding of axe on a phone in the dark, or is larger than it', ALL_OF_THEM, async () => {
    const findings: string[] = [];
    await inLanes(DIALOGS, (lane) =>
      place.visit({ at: '/account' }, async (page) => {
        for (const [name, [address, ...presses]] of lane) {
          await page.setViewportSize({ width: 1440, height: 900 });
          await open(page, address);
          for (const [role, text] of presses) await page.getByRole(role, { name: text }).first().click();
          const dialog = page.getByRole('dialog');
          await dialog.waitFor();
          await keepPicture(page, `dialog-${name}-light-1440`);
          await putOn(page, 'dark-390');
          findings.push(...(await seriousFindings(page)).map((finding) => `${name}: ${finding}`));
          await keepPicture(page, `dialog-${name}-dark-390`);
          const box = await dialog.boundingBox();
          if (box === null || box.x < 0 || box.y < 0 || box.x + box.width > 390 || box.y + box.height > 844)
            findings.push(`${name}: at ${JSON.stringify(box)} on a phone`);
        }
      }),
    );
    expect(findings).toEqual([]);
  });

  test('every page speaks Chinese, and nothing is wider than a phone', ALL_OF_THEM, async () => {
    const wrong: string[] = [];
    await inLanes(PAGES, (lane) =>
      place.visit({ language: 'zh', width: 390, at: '/account' }, async (page) => {
        for (const [name, address] of lane) {
          await open(page, address);
          const seen = await page.evaluate(() => ({
            title: document.querySelector('h1, main h2')?.textContent ?? '',
            tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            keys: (document.querySelector('main') as HTMLElement).innerText.match(
              /\b(?:action|tabs|problem|state)\.[a-zA-Z]+\b/g,
            ),
          }));
          const isName = ['orders', '#1'].some((text) => seen.title.includes(text));
          if (!isName && !/[一-鿿]/.test(seen.title)) wrong.push(`${name}: titled ${seen.title || 'nothing'}`);
          if (seen.tooWide > 0) wrong.push(`${name}: ${seen.tooWide} px too wide`);
          if (seen.keys !== null) wrong.push(`${name}: shows ${seen.keys.join(', ')}`);
          await keepPicture(page, `${name}-zh-390`);
        }
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('the page to sign in has no serious finding either', async () => {
    await place.visit({ signedIn: false }, async (page) => {
      await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
      for (const look of ['light-1440', 'dark-390'] as const) {
        await putOn(page, look);
        expect(await seriousFindings(page)).toEqual([]);
        await keepPicture(page, `sign-in-${look}`);
      }
    });
  });
});

async function inLanes<Item>(
  items: Readonly<Record<string, Item>>,
  look: (lane: [name: string, item: Item][]) => Promise<void>,
): Promise<void> {
  const all = Object.entries(items);
  await Promise.all(
    Array.from({ length: LANES }, (_, lane) => look(all.filter((_page, index) => index % LANES === lane))),
  );
}

/** Ready when nothing says that it is loading. */
async function open(page: Page, address: string): Promise<void> {
  await page.goto(new URL(address, page.url()).href);
  await page.locator('main').locator('h1, h2').first().waitFor();
  await page.waitForFunction(() => document.querySelector('main .animate-spin, main .animate-pulse') === null);
  const failure = page
    .locator('main [role=alert]')
    .getByText(/Something went wrong|出错了|You have no access|您没有查看权限/);
  expect(await failure.count(), `${address} could not be shown`).toBe(0);
}

type Look = `${'light' | 'dark'}-${1440 | 390}`;

async function putOn(page: Page, look: Look): Promise<void> {
  const [theme, width] = look.split('-');
  await page.setViewportSize({ width: Number(width), height: width === '390' ? 844 : 900 });
  await page.evaluate((theme) => {
    document.documentElement.dataset['theme'] = theme ?? 'light';
    localStorage.setItem('pelorus.theme', theme ?? 'light');
  }, theme);
  // What is painted is that of the new theme and width from the second frame on.
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
  });
}

/** Evaluated past the page's content policy, which allows no foreign script. */
async function seriousFindings(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const isThere = await page.evaluate(() => 'axe' in globalThis);
  if (!isThere) await session.send('Runtime.evaluate', { expression: axe.source });
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { resultTypes: ['violations'] })`,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  const { violations } = result.value as AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html }) => html.slice(0, 160))
          .join(' · ')}`,
    );
}

/** Something on every page: runs that succeeded, failed and wait, a schedule, a backfill, and what a project can have. */
async function furnish(client: Client): Promise<void> {
  await client.projects.put('shop', { description: 'Orders and deliveries' });
  await client.users.put('ann', { email: 'ann@example.com' });
  await client.projects.putMember('shop', 'ann', { perm: 'operator' });
  await client.secrets.put('shop', 'warehouse_password', { value: 'not shown anywhere' });
  await client.connections.put('shop', 'warehouse', { kind: 'postgres', url: 'postgres://etl:secret@127.0.0.1:1/dwh' });
  await client.files.put('shop', 'scripts/load.sql', new TextEncoder().encode('select 1;\n'));
  await client.alertChannels.put('ops', { kind: 'email', target: 'ops@example.com', events: ['run-failed'] });
  await client.environments.put('staging', { description: 'The small cluster', variables: { REGION: 'eu-1' } });
  await client.taskGroups.put('warehouse', { size: 1 });
  await client.workflows.save('shop', 'orders', { format: 'yaml', source: ORDERS });
  await client.workflows.save('shop', 'orders', {
    format: 'yaml',
    source: `${ORDERS}\ndescription: Orders of a day\n`,
  });
  const failed = await client.runs.submit({ project: 'shop', workflow: 'orders' });
  await ended(client, failed.id);
  const ok = await client.runs.submit({ project: 'samples', workflow: 'hello' });
  await ended(client, ok.id);
  await client.backfills.submit({
    project: 'samples',
    workflow: 'hello',
    startDate: '2026-01-01T00:00:00Z',
    endDate: '2026-01-03T00:00:00Z',
  });
}

async function ended(client: Client, run: number): Promise<void> {
  for await (const { event } of client.watchRun(run)) if (event === 'end') return;
}

const ORDERS = `name: orders
labels: { team: sales }
schedule: { cron: '0 6 * * 1-5', timezone: Europe/Berlin }
tasks:
  fetch:
    run: echo "fetched 3 orders"
  check:
    needs: [fetch]
    run: test 3 -gt 2
  load:
    needs: [check]
    run: echo "table orders is locked" >&2; exit 3
  report:
    needs: [load]
    run: echo done
`;
