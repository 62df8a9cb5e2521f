/** Workflows: found, drawn, written, saved, run; and what happens when two save at once. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, idle, keepPicture, openConsole, type ConsolePlace } from './browser.ts';

const NIGHTLY = `# about all of it
name: nightly
project: samples
labels: { team: data }
params:
  day: { type: integer, default: 7, enum: [7, 8] }   # which day
tasks:
  fetch: { run: echo fetched }   # the first
  check:
    needs: [fetch]
    run: test "$day" = 7
`;

describe.skipIf(chromiumPath === null)('Workflows in the console, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
    const { client } = place.server;
    await client.projects.put('samples');
    await client.workflows.save('samples', 'nightly', { source: NIGHTLY, format: 'yaml' });
  });
  afterAll(() => place?.close());

  test('a workflow is drawn, saved and run, without a line of it being typed', async () => {
    await place.visit({ at: '/workflows' }, async (page) => {
      await page.getByRole('link', { name: 'New workflow' }).click();
      await task(page, 'hello').click();
      await page.getByRole('button', { name: 'Add task behind hello' }).click();
      await page.getByRole('menuitem', { name: 'Python script' }).click();
      await task(page, 'python').waitFor();
      await page.getByLabel('Name', { exact: true }).fill('report');
      await page.getByLabel('Name', { exact: true }).press('Enter');
      await task(page, 'report').waitFor();
      await page.getByLabel('Script', { exact: true }).fill('print("one")\nprint("two")\n');
      await page.keyboard.press('Control+s');
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Project').selectOption('samples');
      await dialog.getByLabel('Name').fill('drawn');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.waitForURL('**/projects/samples/workflows/drawn/edit*');
      expect((await place.server.client.workflows.get('samples', 'drawn')).source).toBe(`name: drawn
description: ""
tasks:
  hello:
    run: echo "hello"
  report:
    type: python
    needs: [hello]
    run: |
      print("one")
      print("two")
`);
      await keepPicture(page, 'editor');
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await dialog.getByText('2 tasks run').waitFor();
      await dialog.getByRole('button', { name: 'Run', exact: true }).click();
      await page.waitForURL('**/runs/*');
    });
  });

  test('a value changed in the form is a line changed in the text; undo takes it back', async () => {
    await place.visit({ at: '/projects/samples/workflows/nightly/edit?task=fetch' }, async (page) => {
      await page.getByLabel('Script', { exact: true }).fill('echo other');
      await page.getByLabel('Script', { exact: true }).blur();
      const changed = NIGHTLY.replace('echo fetched', 'echo other');
      await expect.poll(() => text(page)).toBe(changed);
      await page.getByRole('button', { name: /^Undo/ }).click();
      await expect.poll(() => text(page)).toBe(NIGHTLY);
    });
  });

  test('a problem stands at its line, in the list and on its task', async () => {
    await place.visit({ at: '/projects/samples/workflows/nightly/edit' }, async (page) => {
      await task(page, 'check').click();
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('    timeuot: 5m');
      const list = page.getByRole('list', { name: 'Problems' });
      await list.getByText('did you mean `timeout`').waitFor();
      await page.locator('.cm-lint-marker-error').waitFor();
      await task(page, 'check').getByText('1 problem').waitFor();
    });
  });

  test('what was not saved is offered again, and leaving is asked about', async () => {
    await place.visit({ at: '/projects/samples/workflows/nightly/edit' }, async (page) => {
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('# kept');
      await page.getByText('unsaved changes').waitFor();
      await page.getByRole('link', { name: 'Runs' }).click();
      await page.getByRole('heading', { name: 'Leave without saving?' }).waitFor();
      await expect
        .poll(() => page.evaluate(() => Object.keys(localStorage).some((key) => key.startsWith('pelorus.draft'))))
        .toBe(true);
      await page.getByRole('button', { name: 'Leave', exact: true }).click();
      await page.waitForURL('**/runs');
      await page.goto(new URL('/projects/samples/workflows/nightly/edit', page.url()).href);
      await page.getByRole('button', { name: 'Restore them' }).click();
      await expect.poll(() => text(page)).toBe(`${NIGHTLY}# kept`);
    });
  });

  test('of two who save at once nobody loses anything', async () => {
    const { client } = place.server;
    const mine = NIGHTLY.replace('echo fetched', 'echo mine');
    const theirs = NIGHTLY.replace('team: data', 'team: theirs');
    await place.visit({ at: '/projects/samples/workflows/nightly/edit' }, async (page) => {
      await task(page, 'fetch').click();
      await page.getByLabel('Script', { exact: true }).fill('echo mine');
      await client.workflows.save('samples', 'nightly', { source: theirs, format: 'yaml' });
      await page.keyboard.press('Control+s');
      await page.getByRole('heading', { name: 'Somebody has saved this workflow meanwhile' }).waitFor();
      await page.getByRole('dialog').locator('.cm-line').first().waitFor();
      await page.getByRole('button', { name: 'Take theirs' }).click();
      await expect.poll(() => text(page)).toBe(theirs);
      await page.getByRole('button', { name: /^Undo/ }).click();
      await expect.poll(() => text(page)).toBe(mine);
      await page.keyboard.press('Control+s');
      await page.getByText('Version 3 of nightly is saved').waitFor();
    });
    expect((await client.workflows.get('samples', 'nightly')).source).toBe(mine);
    await client.workflows.save('samples', 'nightly', { source: NIGHTLY, format: 'yaml' });
  });

  test('a remark alone makes no version and is saved; who began before that is told', async () => {
    const { client } = place.server;
    const { version } = await client.workflows.get('samples', 'nightly');
    await place.visit({ at: '/projects/samples/workflows/nightly/edit' }, async (page) => {
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('# a remark');
      await page.keyboard.press('Control+s');
      await page.getByText(`The text of version ${version} is saved`).waitFor();
      await page.getByText(`version ${version} · saved`).waitFor();
      expect(await client.workflows.get('samples', 'nightly')).toMatchObject({
        version,
        source: `${NIGHTLY}# a remark`,
      });
      await client.workflows.save('samples', 'nightly', { source: `# theirs\n${NIGHTLY}`, format: 'yaml' });
      await page.keyboard.type(' of mine');
      await page.keyboard.press('Control+s');
      await page.getByRole('heading', { name: 'Somebody has saved this workflow meanwhile' }).waitFor();
    });
    await client.workflows.save('samples', 'nightly', { source: NIGHTLY, format: 'yaml' });
  });

  test('the page of a workflow shows its runs by task, and what changed between versions', async () => {
    const { client } = place.server;
    const { id } = await client.runs.submit({ project: 'samples', workflow: 'nightly', params: { day: 8 } });
    await expect.poll(async () => (await client.runs.get(id)).state).toBe('failed');
    await place.visit({ at: '/projects/samples/workflows/nightly?tab=history' }, async (page) => {
      const cell = page.getByRole('button', { name: `check in run ${id}: failed` });
      await cell.focus();
      await page.getByText(`check in run ${id}: failed`).waitFor();
      await keepPicture(page, 'workflow-history');
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/runs/${id}?task=check`);
      await page.goBack();
      await page.getByRole('tab', { name: 'Versions' }).click();
      await page.getByRole('link', { name: 'Version 2' }).click();
      await page.getByText('From version 1 to 2').waitFor();
      await page.getByText('theirs').waitFor();
    });
  });

  test('the list is filtered by what is typed, and the address keeps it', async () => {
    await place.visit({ at: '/workflows' }, async (page) => {
      await page.getByRole('link', { name: 'nightly', exact: true }).waitFor();
      await idle(page);
      await page.keyboard.press('/');
      await page.locator('[type=search]:focus').waitFor();
      await page.keyboard.type('nigh');
      await page.waitForURL('**/workflows?q=nigh');
      await page.getByRole('link', { name: 'nightly', exact: true }).waitFor();
      await expect.poll(() => page.getByRole('row').count()).toBe(2);
      await page.getByRole('link', { name: 'team=data' }).click();
      await page.waitForURL('**/workflows?label=*');
      await page.getByRole('link', { name: 'nightly', exact: true }).waitFor();
    });
  });
});

function task(page: Page, name: string) {
  return page.locator(`[data-task="${name}"]`);
}

/** Of the code editor. */
function text(page: Page): Promise<string> {
  return page.evaluate(() => [...document.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n'));
}
