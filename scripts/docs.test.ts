/** What the documents say about the repository is true of it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDefinition } from '@pelorus/protocol';
import { importTableAsMarkdown } from './import-table.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...globSync('docs/**/*.md', { cwd: root }),
];

describe.each(documents)('%s', (file) => {
  test('names only paths that exist', () => {
    const named = [...read(file).matchAll(/`((?:packages|scripts|docs|samples|\.ci)\/[^`\s]*)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.flatMap(expandBraces).filter((path) => globSync(path, { cwd: root }).length === 0)).toEqual([]);
  });

  test('has only links that lead somewhere', () => {
    const links = [...withoutCode(read(file)).matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(links.filter((link) => !leadsSomewhere(file, link))).toEqual([]);
  });

  test('names only npm scripts that exist', () => {
    const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
    const named = [...read(file).matchAll(/npm run ([\w-]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test("README.md's workflow is valid, and spoiling it gives the errors quoted there", () => {
  const readme = read('README.md');
  const yaml = /^```yaml\n([\s\S]*?)^```/m.exec(readme)?.[1] ?? '';
  expect(parseDefinition(yaml, 'yaml').problems).toEqual([]);
  const spoilt = yaml.replace('needs: [check]', 'need: [chek]').replace('interval: 1s', 'interval: 1x');
  const problems = parseDefinition(spoilt, 'yaml').problems.map(
    ({ line, column, message, pointer }) => `  first.yaml:${line}:${column}: ${message}  (${pointer})`,
  );
  expect(problems).toHaveLength(2);
  for (const problem of problems) expect(readme).toContain(`\n${problem}\n`);
});

test('ARCHITECTURE.md quotes the import table as it is', () => {
  expect(read('ARCHITECTURE.md')).toContain(importTableAsMarkdown());
});

test('ARCHITECTURE.md names only tests that exist', () => {
  const named = [...read('ARCHITECTURE.md').matchAll(/`([^`]+\.ts)`: \*([^*]+)\*/g)];
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter(([, file = '', name = '']) => !read(file).includes(name)).map(([text]) => text)).toEqual([]);
});

test('every document of docs/ is reachable from its index', () => {
  const links = [...read('docs/README.md').matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => `docs/${match[1]}`);
  const unreachable = documents.filter(
    (file) => file.startsWith('docs/') && file !== 'docs/README.md' && !links.includes(file),
  );
  expect(unreachable).toEqual([]);
});

test('docs/decisions/dependencies.md lists exactly the dependencies', () => {
  const rows = [...read('docs/decisions/dependencies.md').matchAll(/^\| (`[^|]+`) \|/gm)].map(
    (match) => match[1] ?? '',
  );
  const listed = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
  const manifests = ['package.json', ...globSync('packages/*/package.json', { cwd: root })];
  const used = manifests.flatMap((manifest) => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(manifest)) as Record<
      string,
      object | undefined
    >;
    return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
  });
  expect(listed.toSorted()).toEqual([...new Set(used)].filter((name) => !name.startsWith('@pelorus/')).toSorted());
});

/** `a/{b,c}.ts` → `a/b.ts`, `a/c.ts`, so that one missing path among several is seen. */
function expandBraces(path: string): string[] {
  const match = /^(.*?)\{([^}]*)\}(.*)$/.exec(path);
  if (match === null) return [path];
  const [, before = '', choices = '', after = ''] = match;
  return choices.split(',').flatMap((choice) => expandBraces(`${before}${choice}${after}`));
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

function leadsSomewhere(file: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : join(dirname(file), path);
  if (!existsSync(join(root, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).includes(anchor);
}

/** As GitHub makes them from headings. */
function anchorsOf(markdown: string): string[] {
  const headings = [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
