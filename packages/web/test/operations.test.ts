/** Operations, administration and the own account, done in the browser and looked up through the API. */
import type { Client } from '@pelorus/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openConsole, type ConsolePlace } from './browser.ts';

describe.skipIf(chromiumPath === null)('Operations and administration, in the browser', () => {
  let place: ConsolePlace;
  let client: Client;
  beforeAll(async () => {
    place = await openConsole();
    ({ client } = place.server);
    await client.projects.put('shop');
  });
  afterAll(() => place?.close());

  test('a worker says what it can; it is drained with a reason, which everybody sees, and taken back', async () => {
    await expect.poll(async () => (await client.workers.list()).items.length).toBe(1);
    const [worker] = (await client.workers.list()).items;
    await place.visit({ at: '/operations' }, async (page) => {
      await page.getByRole('link', { name: worker!.name, exact: true }).click();
      await page.getByText('Runs shell, python, script, http, sql · tests connections · ').waitFor();
      await page.getByRole('button', { name: 'Drain', exact: true }).click();
      const dialog = page.getByRole('dialog', { name: `Drain ${worker!.name}?` });
      await dialog.getByLabel('Reason').fill('new kernel');
      await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
      await page.getByText('Drained by admin: new kernel').waitFor();
      expect((await client.workers.get(worker!.name)).drain).toMatchObject({ reason: 'new kernel', by: 'admin' });
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByRole('button', { name: 'Drain', exact: true }).waitFor();
      await expect.poll(async () => (await client.workers.get(worker!.name)).drain).toBeNull();
    });
  });

  test('a task that waits for room in its task group says so, and goes on when the group is made larger', async () => {
    await client.taskGroups.put('narrow', { size: 1 });
    await client.workflows.save('shop', 'crowd', { format: 'yaml', source: CROWD });
    const { id } = await client.runs.submit({ project: 'shop', workflow: 'crowd' });
    await place.visit({ at: '/operations?tab=waiting' }, async (page) => {
      const row = page.getByRole('row', { name: /narrow/ });
      await row.getByText('Full: 1 task is waiting for room.').waitFor();
      await row.getByRole('button', { name: 'Change narrow' }).click();
      await page.getByLabel('Size').fill('2');
      await page.getByRole('button', { name: 'Save' }).click();
      await row.getByText('Nothing is waiting.').waitFor();
    });
    await client.runs.stop(id, { waitMs: 20_000 });
  });

  test('an environment is checked line by line while it is typed, and saved', async () => {
    await place.visit({ at: '/operations?tab=environments' }, async (page) => {
      await page.getByRole('button', { name: 'New environment' }).click();
      await page.getByLabel('Name', { exact: true }).fill('staging');
      await page.getByLabel('Variables', { exact: true }).fill('REGION=eu-1\nwrong');
      await page.getByText('Line 2 is not NAME=value.').waitFor();
      await page.getByRole('button', { name: 'Save', disabled: true }).waitFor();
      await page.getByLabel('Variables', { exact: true }).fill('REGION=eu-1\nURL=http://a/?b=c');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('cell', { name: /URL=http:\/\/a\/\?b=c/ }).waitFor();
      expect((await client.environments.get('staging')).variables).toEqual({ REGION: 'eu-1', URL: 'http://a/?b=c' });
    });
  });

  test('a project, a person in it, and the link by which that person comes in with these rights only', async () => {
    const link = await place.visit({ at: '/admin' }, async (page) => {
      await page.getByRole('button', { name: 'New project' }).click();
      await page.getByLabel('Name', { exact: true }).fill('sales');
      await page.getByLabel('Description').fill('What was sold');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('cell', { name: /What was sold/ }).waitFor();
      await page.getByRole('tab', { name: 'Users' }).click();
      await page.getByRole('button', { name: 'New user' }).click();
      await page.getByLabel('Name', { exact: true }).fill('bob');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('row', { name: /bob/ }).waitFor();
      await page.goto(new URL('/admin?tab=members&project=sales', page.url()).href);
      await page.getByRole('button', { name: 'Add a member' }).click();
      await page.getByLabel('User', { exact: true }).fill('bob');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByLabel('Role of bob').selectOption('editor');
      await page.getByText('The role of bob is changed').waitFor();
      expect((await client.projects.members('sales')).items.map(({ user, role }) => [user, role])).toEqual([
        ['admin', 'owner'],
        ['bob', 'editor'],
      ]);
      await page.goto(new URL('/admin?tab=users', page.url()).href);
      await page.getByRole('button', { name: 'Sign-in link for bob' }).click();
      return page.getByRole('dialog').locator('code').innerText();
    });
    await place.visit({ signedIn: false, at: link }, async (page) => {
      await page.getByRole('button', { name: 'Account: bob' }).waitFor();
      await page.goto(new URL('/admin', page.url()).href);
      await page.getByRole('link', { name: 'sales', exact: true }).waitFor();
      const tabs = ['Projects', 'Members', 'Secrets', 'Connections', 'Files', 'Tokens'];
      await expect.poll(() => page.getByRole('tab').allInnerTexts()).toEqual(tabs);
      // Of a project of one's own one may read the audit.
      await page.getByRole('button', { name: 'New project' }).click();
      await page.getByLabel('Name', { exact: true }).fill('bobs');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('tab', { name: 'Audit' }).click();
      await page.getByRole('row', { name: /bob.*putProject.*projects\/bobs.*done/ }).waitFor();
      await page.goto(new URL('/account', page.url()).href);
      await page.getByLabel('New password').fill('short but long enough');
      await page.getByRole('button', { name: 'Set a password' }).click();
      await page.getByText('The password is set.').waitFor();
      await page.getByLabel('Current password').waitFor();
    });
    expect((await client.users.get('bob')).hasPassword).toBe(true);
  });

  test('a secret goes in and is never shown; a connection is tested with its result; a file goes up, down and away', async () => {
    await place.visit({ at: '/admin?tab=secrets&project=shop' }, async (page) => {
      await page.getByRole('button', { name: 'New secret' }).click();
      await page.getByLabel('Name', { exact: true }).fill('token');
      await page.getByLabel('Value').fill('quite-hidden-indeed');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('row', { name: /token can be used/ }).waitFor();
      expect(await page.content()).not.toContain('quite-hidden-indeed');

      await page.getByRole('tab', { name: 'Connections' }).click();
      await page.getByRole('button', { name: 'New connection' }).click();
      await page.getByLabel('Name', { exact: true }).fill('nowhere');
      await page.getByLabel('Address').fill('postgres://a:geheim-passwort@127.0.0.1:1/x');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('cell', { name: 'postgres://a:***@127.0.0.1:1/x' }).waitFor();
      await page.getByRole('button', { name: 'Test nowhere' }).click();
      await page.getByText('does not work:').waitFor();

      await page.getByRole('tab', { name: 'Files' }).click();
      await page.getByRole('button', { name: 'Upload files' }).click();
      const dialog = page.getByRole('dialog');
      await dialog
        .getByLabel('Files')
        .setInputFiles({ name: 'a.sql', mimeType: 'text/plain', buffer: Buffer.from('select 1;\n') });
      await dialog.getByLabel('Folder').fill('/sql/');
      await dialog.getByRole('button', { name: 'Upload files' }).click();
      await page.getByRole('cell', { name: 'sql/a.sql', exact: true }).waitFor();
      const coming = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download sql/a.sql' }).click();
      expect((await coming).suggestedFilename()).toBe('a.sql');
      await page.getByRole('button', { name: 'Delete sql/a.sql' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('This project has no files').waitFor();
    });
  });

  test('a token is shown once, works, and ends', async () => {
    const token = await place.visit({ at: '/account' }, async (page) => {
      await page.getByRole('button', { name: 'New token' }).click();
      await page.getByLabel('Name', { exact: true }).fill('nightly');
      await page.getByLabel('Rights', { exact: true }).selectOption('viewer');
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      const made = page.getByRole('dialog', { name: 'The token nightly' });
      const text = await made.locator('code').innerText();
      await made.getByRole('button', { name: 'Close' }).last().click();
      await page.getByRole('row', { name: /nightly viewer/ }).waitFor();
      expect(await page.content()).not.toContain(text);
      return text;
    });
    const me = (): Promise<Response> =>
      fetch(new URL('/api/v1/me', place.server.address), { headers: { authorization: `Bearer ${token}` } });
    expect((await me()).status).toBe(200);
    await place.visit({ at: '/admin?tab=tokens' }, async (page) => {
      await page.getByRole('button', { name: 'Revoke nightly' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await page.getByText('There are no tokens').waitFor();
    });
    expect((await me()).status).toBe(401);
  });

  test('a session is ended from another browser, whose page asks to sign in', async () => {
    await client.users.put('cid');
    const link = async (): Promise<string> => (await client.users.createSignInLink('cid')).url;
    await place.visit({ signedIn: false, at: await link() }, async (page) => {
      await page.getByRole('button', { name: 'Account: cid' }).waitFor();
      await page.goto(new URL('/account', page.url()).href);
      const sessions = page.getByRole('table', { name: 'Sessions' });
      await sessions.getByText('this browser').waitFor();
      await place.visit({ signedIn: false, at: await link() }, async (other) => {
        await other.getByRole('button', { name: 'Account: cid' }).waitFor();
        await page.reload();
        await sessions.getByRole('button', { name: /^End the session from/ }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
        await page.getByRole('dialog').waitFor({ state: 'hidden' });
        await sessions.getByRole('button', { name: /^End the session from/ }).waitFor({ state: 'detached' });
        expect(await other.evaluate(async () => (await fetch('/api/v1/me')).status)).toBe(401);
      });
    });
    expect((await client.users.sessions('cid')).items).toHaveLength(1);
  });

  test('the audit is filtered by what the address says, and a refusal has its code', async () => {
    await client.workflows.get('shop', 'no-such').catch(() => undefined);
    await place.visit({ at: '/admin?tab=audit&action=drainWorker' }, async (page) => {
      await page.getByRole('cell', { name: 'drainWorker' }).waitFor();
      const actions = page.getByRole('table', { name: 'Audit' }).getByRole('row').locator('td:nth-child(3)');
      expect(new Set(await actions.allInnerTexts())).toEqual(new Set(['drainWorker']));
      await page.getByRole('button', { name: 'Clear filters' }).click();
      await page.getByRole('cell', { name: 'putProject' }).first().waitFor();
      expect(new URL(page.url()).searchParams.has('action')).toBe(false);
      await page.getByLabel('Who').fill('nobody-of-this-name');
      await page.keyboard.press('Enter');
      await page.getByText('No matching entries').waitFor();
      expect(new URL(page.url()).searchParams.get('user')).toBe('nobody-of-this-name');
    });
  });
});

const CROWD = `name: crowd
tasks:
  a: { run: sleep 600, taskGroup: narrow }
  b: { run: sleep 600, taskGroup: narrow }
`;
