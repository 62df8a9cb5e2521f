/**
 * What somebody does in their first hour, in both languages: draw a workflow, save and run it, watch it, read a log, break a task, see why,
 * run again from it, mend it, make up for three days, kill something, and find all of that in the audit.
 */
import type { Client } from '@pelorus/sdk';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, keepPicture, openConsole, type ConsolePlace } from './browser.ts';

/** What the buttons are called, and what is read. */
const WORDS = {
  en: {
    create: 'New workflow',
    addBehind: 'Add task behind hello',
    python: 'Python script',
    name: 'Name',
    script: 'Script',
    project: 'Project',
    save: 'Save',
    run: 'Run',
    savedVersion: (version: number, workflow: string) => `Version ${version} of ${workflow} is saved`,
    twoTasksRun: '2 tasks run',
    failedFirst: 'report failed first:',
    exitCode: 'Ended with exit code 3',
    rerunFrom: 'Re-run from here',
    runOne: 'Run 1 task',
    threeDays: 'Last 3 days',
    startBackfill: 'Start backfill of 3 dates',
    succeeded: 'succeeded',
    kill: 'Kill',
    killTask: 'Kill the task',
    audit: 'Audit',
    byBrowser: 'browser',
  },
  zh: {
    create: '新建工作流',
    addBehind: '在 hello 之后添加任务',
    python: 'Python 脚本',
    name: '名称',
    script: '脚本',
    project: '项目',
    save: '保存',
    run: '运行',
    savedVersion: (version: number, workflow: string) => `${workflow} 的版本 ${version} 已保存`,
    twoTasksRun: '运行 2 个任务',
    failedFirst: 'report 最先失败：',
    exitCode: '退出码 3',
    rerunFrom: '从此处重跑',
    runOne: '运行 1 个任务',
    threeDays: '最近 3 天',
    startBackfill: '开始补数（3 个日期）',
    succeeded: '成功',
    kill: '终止',
    killTask: '终止任务',
    audit: '审计',
    byBrowser: '浏览器',
  },
} as const;
type Words = (typeof WORDS)[keyof typeof WORDS];

describe.skipIf(chromiumPath === null)('The first hour with the console, in the browser', () => {
  let place: ConsolePlace;
  beforeAll(async () => {
    place = await openConsole();
  });
  afterAll(() => place?.close());

  test.each(['en', 'zh'] as const)('in %s', async (language) => {
    const words = WORDS[language];
    const { client } = place.server;
    const workflow = `journey_${language}`;
    await place.visit({ at: '/workflows', language }, async (page) => {
      await draw(page, words, workflow);
      const [first] = await runIt(page, words);
      await readLog(page, 'went well');
      await keepPicture(page, `journey-${language}-green`);

      await change(page, words, workflow, 'raise SystemExit(3)', 2);
      const [failed] = await runIt(page, words, 'failed');
      await page.getByText(words.failedFirst).waitFor();
      await page.getByText(words.exitCode).first().waitFor();
      await keepPicture(page, `journey-${language}-broken`);

      await task(page, 'report').click();
      await page.getByRole('button', { name: words.rerunFrom }).click();
      await page.getByRole('dialog').getByRole('button', { name: words.runOne }).click();
      await page.waitForURL((url) => url.pathname !== `/runs/${failed}`);
      await page.locator('[data-task=hello][data-state=reused]').waitFor();
      await page.locator('[data-task=report][data-state=failed]').waitFor();
      expect(await client.runs.get(runOf(page))).toMatchObject({ rerunOf: failed, mode: 'rerun-from' });
      expect(first).toBeLessThan(failed);

      await change(page, words, workflow, 'print("mended")', 3);
      await backfill(page, words, workflow, client);
      await kill(page, words, workflow, client);
      await readAudit(page, words, workflow);
    });
  });
});

/** Without a line of it being typed but the script. */
async function draw(page: Page, words: Words, workflow: string): Promise<void> {
  await page.getByRole('link', { name: words.create }).first().click();
  await task(page, 'hello').click();
  await page.getByRole('button', { name: words.addBehind }).click();
  await page.getByRole('menuitem', { name: words.python }).click();
  await task(page, 'python').waitFor();
  const name = page.getByLabel(words.name, { exact: true });
  await name.fill('report');
  await name.press('Enter');
  await task(page, 'report').waitFor();
  await page.getByLabel(words.script, { exact: true }).fill('print("went well")');
  await page.keyboard.press('Control+s');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(words.project).selectOption('samples');
  await dialog.getByLabel(words.name).fill(workflow);
  await dialog.getByRole('button', { name: words.save }).click();
  await page.waitForURL(`**/projects/samples/workflows/${workflow}/edit*`);
}

/** From the editor; watches until both tasks have ended, without loading anything again. */
async function runIt(page: Page, words: Words, last: 'succeeded' | 'failed' = 'succeeded'): Promise<[number]> {
  await page.getByRole('button', { name: words.run, exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(words.twoTasksRun).waitFor();
  await dialog.getByRole('button', { name: words.run, exact: true }).click();
  await page.waitForURL('**/runs/*');
  await page.locator('[data-task=hello][data-state=succeeded]').waitFor();
  await page.locator(`[data-task=report][data-state=${last}]`).waitFor();
  return [runOf(page)];
}

async function readLog(page: Page, line: string): Promise<void> {
  await task(page, 'report').click();
  await page.getByRole('log').getByText(line).waitFor();
}

async function change(page: Page, words: Words, workflow: string, script: string, version: number): Promise<void> {
  await page.goto(new URL(`/projects/samples/workflows/${workflow}/edit?task=report`, page.url()).href);
  await page.getByLabel(words.script, { exact: true }).fill(script);
  await page.keyboard.press('Control+s');
  await page.getByText(words.savedVersion(version, workflow)).waitFor();
}

async function backfill(page: Page, words: Words, workflow: string, client: Client): Promise<void> {
  await page.goto(new URL(`/backfills/new?project=samples&workflow=${workflow}`, page.url()).href);
  await page.getByRole('button', { name: words.threeDays }).click();
  await page.getByRole('button', { name: words.startBackfill }).click();
  await page.waitForURL(/\/backfills\/\d+$/);
  const id = Number(new URL(page.url()).pathname.split('/').at(-1));
  await page.locator('main header').getByText(words.succeeded, { exact: true }).waitFor();
  const { items } = await client.runs.list({ project: 'samples', workflow, execType: 'COMPLEMENT_DATA' });
  expect(items.map(({ state, version }) => [state, version])).toEqual(
    Array.from({ length: 3 }, () => ['succeeded', 3]),
  );
  expect((await client.backfills.get(id)).counts).toEqual({ succeeded: 3 });
}

async function kill(page: Page, words: Words, workflow: string, client: Client): Promise<void> {
  const name = `${workflow}_long`;
  const source = `name: ${name}\ntasks:\n  wait: { run: echo waiting; sleep 600 }\n`;
  await client.workflows.save('samples', name, { format: 'yaml', source });
  const { id } = await client.runs.submit({ project: 'samples', workflow: name });
  await page.goto(new URL(`/runs/${id}?task=wait`, page.url()).href);
  await page.locator('[data-task=wait][data-state=running]').waitFor();
  await page.getByRole('button', { name: words.kill, exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: words.killTask }).click();
  await page.locator('[data-task=wait][data-state=killed]').waitFor();
}

/** All that was done, by whom and how. */
async function readAudit(page: Page, words: Words, workflow: string): Promise<void> {
  await page.goto(new URL('/admin?tab=audit&user=admin&project=samples', page.url()).href);
  const table: Locator = page.getByRole('table', { name: words.audit });
  await table
    .getByRole('row', { name: new RegExp(`${words.byBrowser}.*putWorkflow.*${workflow}`) })
    .first()
    .waitFor();
  const rows = (await table.locator('tbody tr').allInnerTexts()).filter((row) => row.includes(words.byBrowser));
  for (const action of ['putWorkflow', 'postRun', 'rerunRun', 'postBackfill', 'killTask'])
    expect(rows.filter((row) => row.includes(action)).length, action).toBeGreaterThan(0);
  await keepPicture(page, `${workflow}-audit`);
}

function task(page: Page, name: string): Locator {
  return page.locator(`[data-task="${name}"]`);
}

function runOf(page: Page): number {
  return Number(new URL(page.url()).pathname.split('/').at(-1));
}
