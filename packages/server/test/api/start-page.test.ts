/** The script of the page at the root, run against the API with as much of a browser around it as it touches. */
import vm from 'node:vm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { SignInLink } from '@pelorus/protocol';
import { START_PAGE } from '../../src/api/start-page.ts';
import { openApi, type ApiUnderTest } from './api-under-test.ts';
import { WAIT } from '../wait.ts';

const ADMIN_TOKEN = 'the-administrator-of-the-configuration';
const PASSWORD = 'correct horse battery';
const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };

let api: ApiUnderTest;
beforeEach(async ({ onTestFinished }) => {
  api = await openApi({ adminToken: ADMIN_TOKEN }, onTestFinished);
  await api.call('PUT', '/users/ann', { headers: admin, body: {} });
});

interface FakeElement {
  hidden: boolean;
  value: string;
  textContent: string;
  className: string;
  children: FakeElement[];
  listeners: ((event: object) => unknown)[];
}

interface Browser {
  element(id: string): FakeElement;
  /** Fills in fields and sends the form with that id. */
  submit(form: string, fields?: Record<string, string>): void;
  address(): string;
  cookie(): string | null;
}

/** Loads the page; ids that are not in its HTML are not found. */
function browse(address: string, cookie: string | null = null): Browser {
  const elements = new Map<string, FakeElement>();
  const byId = (id: string): FakeElement => {
    if (!START_PAGE.html.includes(`id="${id}"`)) throw new Error(`the page has no element ${id}`);
    const found = elements.get(id) ?? fakeElement();
    elements.set(id, found);
    return found;
  };
  let jar = cookie;
  const location = { href: address };
  const fetch = async (path: string, init: { method: string; headers: Record<string, string>; body?: string }) => {
    const response = await api.app.inject({
      method: init.method as 'GET',
      url: path,
      headers: {
        host: 'localhost',
        origin: 'http://localhost',
        ...init.headers,
        ...(jar === null ? {} : { cookie: jar }),
      },
      ...(init.body === undefined ? {} : { payload: init.body }),
    });
    const set = response.headers['set-cookie'];
    if (set !== undefined) jar = String(set).includes('Max-Age=0') ? null : (String(set).split(';', 1)[0] ?? null);
    return { ok: response.statusCode < 300, status: response.statusCode, text: async () => response.body };
  };
  const history = {
    replaceState: (_state: unknown, _title: string, to: string) => (location.href = `http://localhost${to}`),
  };
  const document = { getElementById: byId, createElement: fakeElement, title: '' };
  const script = /<script>([^]*)<\/script>/.exec(START_PAGE.html)?.[1] ?? '';
  vm.runInNewContext(script, { document, location, history, fetch, URL, JSON });
  return {
    element: byId,
    submit: (form, fields = {}) => {
      for (const [id, value] of Object.entries(fields)) byId(id).value = value;
      for (const listener of byId(form).listeners) listener({ preventDefault: () => undefined, target: byId(form) });
    },
    address: () => location.href,
    cookie: () => jar,
  };
}

function fakeElement(): FakeElement {
  const button = { disabled: false };
  const element: FakeElement & Record<string, unknown> = {
    ...{ hidden: true, value: '', textContent: '', className: '', children: [], listeners: [], dataset: {} },
    reset: () => undefined,
    focus: () => undefined,
    querySelector: () => button,
    addEventListener: (_name: string, listener: (event: object) => unknown) => element.listeners.push(listener),
    replaceChildren: (...children: FakeElement[]) => (element.children = children),
  };
  return element;
}

const shown = (browser: Browser) => ['out', 'in'].filter((id) => !browser.element(id).hidden);
const settled = (browser: Browser, section: string) =>
  vi.waitFor(() => expect(shown(browser)).toEqual([section]), WAIT);

async function linkFor(user: string): Promise<string> {
  const link = await api.call<SignInLink>('POST', `/users/${user}/sign-in-link`, {
    headers: { ...admin, host: 'localhost' },
  });
  return link.body.url;
}

describe('the page', () => {
  test('redeems the code of a link, takes it out of the address, sets a first password, signs out', async () => {
    await api.call('PUT', '/projects/sales', { headers: admin, body: {} });
    await api.call('PUT', '/projects/sales/members/ann', { headers: admin, body: { perm: 'operator' } });
    const page = browse(await linkFor('ann'));
    await settled(page, 'in');
    expect(page.address()).toBe('http://localhost/');
    expect(page.element('who').textContent).toBe('ann');
    expect(page.element('password-title').textContent).toBe('Set a password');
    expect(page.element('current-row').hidden).toBe(true);
    expect(page.element('projects').children.map(({ textContent }) => textContent)).toEqual(['sales: read, run']);

    page.submit('set-password', { new: PASSWORD, again: 'something else' });
    await vi.waitFor(() => expect(page.element('message').textContent).toBe('The two new passwords differ.'), WAIT);
    page.submit('set-password', { new: PASSWORD, again: PASSWORD });
    await vi.waitFor(() => expect(page.element('message').textContent).toMatch(/^The password is set/), WAIT);
    expect(page.element('password-title').textContent).toBe('Change the password');

    page.submit('logout');
    await settled(page, 'out');
    expect(page.cookie()).toBeNull();
  });

  test('says why a link does not work, and signs in with a password', async () => {
    const url = await linkFor('ann');
    const first = browse(url);
    await settled(first, 'in');
    first.submit('set-password', { new: PASSWORD, again: PASSWORD });
    await vi.waitFor(() => expect(first.element('message').textContent).toMatch(/^The password is set/), WAIT);

    const second = browse(url);
    await settled(second, 'out');
    expect(second.element('message')).toMatchObject({
      className: 'bad',
      textContent: expect.stringContaining('link') as string,
    });
    second.submit('login', { name: ' ann ', password: 'not the password' });
    await vi.waitFor(() => expect(second.element('message').textContent).toContain('do not fit'), WAIT);
    second.submit('login', { name: ' ann ', password: PASSWORD });
    await settled(second, 'in');

    const third = browse('http://localhost/', second.cookie());
    await settled(third, 'in');
    expect(third.element('who').textContent).toBe('ann');
  });

  test('offers the form to somebody who is not signed in', async () => {
    await settled(browse('http://localhost/'), 'out');
  });
});
