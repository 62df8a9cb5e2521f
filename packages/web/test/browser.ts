/**
 * The console in a real browser on a real server: `pelorus dev` in a directory of its own, and the machine's Chromium. Where there
 * is none, its tests are skipped by name; with `browser` in `PELORUS_TEST_REQUIRE` they fail instead. A visit that fails leaves a
 * picture in `test-artefacts/`, and one on whose page a script threw, or the content policy was offended, has failed.
 */
import { newPlace, type DevProcess, type Place } from '../../cli/test/dev-process.ts';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** What the build left. */
export const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const ARTEFACTS = fileURLToPath(new URL('../../../test-artefacts/', import.meta.url));
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Of one step of a visit: long, for machines that have much else to do. */
const STEP_MS = 120_000;

/** Null: this machine has none. */
export const chromiumPath: string | null = findChromium();

export interface Visit {
  /** From the root; default `/`. */
  at?: string;
  language?: 'en' | 'zh';
  theme?: 'light' | 'dark';
  /** In CSS pixels; default 1440. At 390 it is a phone, 844 high. */
  width?: 1440 | 390;
  /** Default true: as the administrator. */
  signedIn?: boolean;
}

export interface ConsolePlace {
  readonly server: DevProcess;
  /** The sign-in link that the server said at its start; works once, and was used to sign in. */
  readonly firstLink: string;
  /** A browser of its own for what `use` does; closed afterwards. */
  visit<Result>(options: Visit, use: (page: Page) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Starts the server and the browser. Rejects with a sentence when the console has not been built. */
export async function openConsole(): Promise<ConsolePlace> {
  if (chromiumPath === null) throw new Error('needs browser: apt-get install chromium');
  if (!existsSync(join(DIST, 'index.html')))
    throw new Error('packages/web/dist is missing: run `node scripts/build-console.mjs` first, as `npm test` does.');
  const place: Place = await newPlace();
  try {
    const server = await place.dev('--no-open');
    const firstLink = /^ {2}Console +(\S+\?code=\S+)/m.exec(server.stdout())?.[1];
    if (firstLink === undefined) throw new Error(`pelorus dev gave no sign-in link:\n${server.stdout()}`);
    const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
    const browser = await chromium.launch({ executablePath: chromiumPath, args, timeout: STEP_MS });
    const cookies = await signInBy(firstLink, browser);
    return {
      server,
      firstLink,
      visit: (options, use) =>
        visit(browser, server.address, options.signedIn === false ? null : cookies, options, use),
      close: async () => {
        await browser.close();
        await place.clear();
      },
    };
  } catch (error) {
    await place.clear();
    throw error;
  }
}

/** What is seen of a page may be there before it hears keys: then nothing is left to be done. */
export async function idle(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
}

/** Keeps a picture of what is seen. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await mkdir(join(ARTEFACTS, 'console'), { recursive: true });
  await page.screenshot({ path: join(ARTEFACTS, 'console', `${name}.png`), animations: 'disabled' });
}

type Cookies = Exclude<BrowserContextOptions['storageState'], string | undefined>;

/** As whoever starts Pelorus for the first time: by the link that it says. */
async function signInBy(link: string, browser: Browser): Promise<Cookies> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(link, { timeout: STEP_MS });
    await page.getByRole('navigation').waitFor({ timeout: STEP_MS });
    return await context.storageState();
  } finally {
    await context.close();
  }
}

async function visit<Result>(
  browser: Browser,
  address: string,
  cookies: Cookies | null,
  { at = '/', language = 'en', theme = 'light', width = 1440 }: Visit,
  use: (page: Page) => Promise<Result>,
): Promise<Result> {
  const context = await browser.newContext({
    viewport: { width, height: width === 390 ? 844 : 900 },
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    reducedMotion: 'reduce',
    storageState: {
      cookies: cookies?.cookies ?? [],
      origins: [
        {
          origin: address,
          localStorage: [
            { name: 'pelorus.theme', value: theme },
            { name: 'pelorus.language', value: language },
          ],
        },
      ],
    },
  });
  context.setDefaultTimeout(STEP_MS);
  const page = await context.newPage();
  const offences = offencesOf(page);
  try {
    await page.goto(new URL(at, address).href);
    const result = await use(page);
    expect(offences, 'errors of the page').toEqual([]);
    return result;
  } catch (error) {
    const name = (expect.getState().currentTestName ?? 'visit').replaceAll(/[^\w一-鿿]+/g, '-').slice(0, 120);
    await mkdir(ARTEFACTS, { recursive: true });
    await page.screenshot({ path: join(ARTEFACTS, `failed-${name}.png`) }).catch(() => undefined);
    throw error;
  } finally {
    await context.close();
  }
}

/** What scripts of the page threw, and what its content policy refused. */
function offencesOf(page: Page): string[] {
  const offences: string[] = [];
  page.on('pageerror', (error) => offences.push(error.stack ?? error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content[- ]Security[- ]Policy|Minified React error/i.test(message.text()))
      offences.push(message.text());
  });
  return offences;
}

/** As `PELORUS_CHROMIUM` says, or the first of the known names in the PATH. */
function findChromium(): string | null {
  const told = process.env['PELORUS_CHROMIUM'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = told ? [told] : PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find(isExecutable) ?? null;
  if (found === null && (process.env['PELORUS_TEST_REQUIRE'] ?? '').split(',').includes('browser'))
    throw new Error(
      `no browser: ${told ? `PELORUS_CHROMIUM is ${told}` : `none of ${PROGRAMS.join(', ')} is in the PATH`}`,
    );
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
