/**
 * Checks every source file against the import table, and pure units for clocks and chance. `node scripts/check-imports.ts`
 * prints each offence as `file:line: sentence` and exits with 1 when there is any. (dependency-cruiser cannot read TypeScript 7
 * projects and then passes silently; this parses with oxc.)
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { IMPORT_TABLE, TEST_FILES, type Unit } from './import-table.ts';

export interface Offence {
  file: string;
  line: number;
  sentence: string;
}

interface Import {
  specifier: string;
  /** Imported names; null when all of them are (`import * as x`, `export *`, `import()`). */
  names: string[] | null;
  typeOnly: boolean;
  offset: number;
}

const SOURCES = 'packages/*/{src,sim,test,bench,bin}/**/*.{ts,tsx,mjs}';
const CLOCKS = new Map([
  ['Date.now', 'the time'],
  ['Temporal.Now', 'the time'],
  ['Math.random', 'chance'],
]);
const root = join(import.meta.dirname, '..');
const exportsCache = new Map<string, Record<string, string>>();

if (import.meta.main) {
  const offences = checkRepository();
  for (const { file, line, sentence } of offences) console.log(`${file}:${line}: ${sentence}`);
  process.exitCode = offences.length === 0 ? 0 : 1;
}

/** All offences of the repository, by file. */
export function checkRepository(): Offence[] {
  return globSync(SOURCES, { cwd: root, exclude: ['**/dist/**'] })
    .toSorted()
    .flatMap((file) => checkFile(file, readFileSync(join(root, file), 'utf8')));
}

/** What one file does wrong. `file` is its path from the repository's root, `source` its text. */
export function checkFile(file: string, source: string): Offence[] {
  if (TEST_FILES.test(file)) return [];
  const unit = unitOf(file);
  const lineAt = (offset: number): number => source.slice(0, offset).split('\n').length;
  if (unit === null) return [{ file, line: 1, sentence: 'belongs to no unit of scripts/import-table.ts' }];
  const { imports, clocks } = read(file, source);
  const sentences = imports.flatMap((each) =>
    judge(file, unit, each).map((sentence) => ({ sentence, at: each.offset })),
  );
  if (unit.pure)
    sentences.push(
      ...clocks.map(({ what, offset }) => ({
        sentence: `${unit.name} is pure: ${what} is an argument here`,
        at: offset,
      })),
    );
  return sentences.map(({ sentence, at }) => ({ file, line: lineAt(at), sentence }));
}

function judge(file: string, unit: Unit, { specifier, names, typeOnly }: Import): string[] {
  if (unit.pure && (specifier.startsWith('node:') || specifier === 'temporal-polyfill/global')) {
    return [`${unit.name} is pure and may not import ${specifier}`];
  }
  const target = resolve(file, specifier);
  if (target === null) return [];
  if (TEST_FILES.test(target)) return [`${target} is for tests; nothing else may import it`];
  const other = unitOf(target);
  if (other === null) return [`${target} belongs to no unit of scripts/import-table.ts`];
  if (other.name === unit.name) return [];
  const offences: string[] = [];
  if (!unit.imports.includes(other.name)) {
    if (!unit.typesOf?.includes(other.name)) offences.push(`${unit.name} may not import ${other.name} (${specifier})`);
    else if (!typeOnly) offences.push(`${unit.name} may import only types of ${other.name} (${specifier})`);
  }
  for (const name of names ?? []) {
    if (!typeOnly && unit.never?.includes(name)) offences.push(`${unit.name} may never import ${name}`);
  }
  if (names === null && !typeOnly && unit.never && other.name === 'engine') {
    offences.push(`${unit.name} must import by name from ${other.name}, so that ${unit.never.join(' and ')} stay out`);
  }
  return offences;
}

/** The unit that owns a file, by the longest matching path; null for none. */
function unitOf(file: string): Unit | null {
  const claims = IMPORT_TABLE.flatMap((unit) => unit.paths.map((path) => ({ unit, path })));
  const owners = claims.filter(({ path }) => file === path || file.startsWith(`${path}/`));
  return owners.toSorted((a, b) => b.path.length - a.path.length)[0]?.unit ?? null;
}

/** The repository's file that a specifier means; null for libraries and modules of Node. */
function resolve(file: string, specifier: string): string | null {
  if (specifier.startsWith('.')) return relative(root, join(root, dirname(file), specifier));
  const ours = /^(?:@pelorus\/([a-z-]+)|(pelorus))(\/.+)?$/.exec(specifier);
  if (ours === null) return null;
  const folder = `packages/${ours[1] ?? 'cli'}`;
  const exported = exportsOf(folder)[`.${ours[3] ?? ''}`];
  return exported === undefined ? `${folder}/src/index.ts` : relative(root, join(root, folder, exported));
}

function exportsOf(folder: string): Record<string, string> {
  let found = exportsCache.get(folder);
  if (found === undefined) {
    const path = join(root, folder, 'package.json');
    const manifest = existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as { exports?: Record<string, string> })
      : {};
    found = manifest.exports ?? {};
    exportsCache.set(folder, found);
  }
  return found;
}

function read(file: string, source: string): { imports: Import[]; clocks: { what: string; offset: number }[] } {
  const imports: Import[] = [];
  const clocks: { what: string; offset: number }[] = [];
  const add = (specifier: string, names: string[] | null, typeOnly: boolean, offset: number): void => {
    imports.push({ specifier, names, typeOnly, offset });
  };
  const visitor = new Visitor({
    ImportDeclaration(node) {
      const named = node.specifiers.filter((each) => each.type === 'ImportSpecifier');
      const values = named.filter((each) => each.importKind !== 'type');
      const typeOnly =
        node.importKind === 'type' ||
        (named.length > 0 && named.length === node.specifiers.length && values.length === 0);
      const names = node.specifiers.some((each) => each.type === 'ImportNamespaceSpecifier')
        ? null
        : values.map((each) => (each.imported.type === 'Identifier' ? each.imported.name : each.imported.value));
      add(node.source.value, names, typeOnly, node.start);
    },
    ExportNamedDeclaration(node) {
      if (node.source === null) return;
      const values = node.specifiers.filter((each) => each.exportKind !== 'type');
      const names = values.map((each) => (each.local.type === 'Literal' ? each.local.value : each.local.name));
      add(node.source.value, names, node.exportKind === 'type' || values.length === 0, node.start);
    },
    ExportAllDeclaration(node) {
      add(node.source.value, null, node.exportKind === 'type', node.start);
    },
    ImportExpression(node) {
      if (node.source.type === 'Literal' && typeof node.source.value === 'string')
        add(node.source.value, null, false, node.start);
    },
    TSImportType(node) {
      add(node.source.value, null, true, node.start);
    },
    NewExpression(node) {
      if (node.callee.type !== 'Identifier') return;
      const [first] = node.arguments;
      if (node.callee.name === 'Date' && first === undefined) clocks.push({ what: 'the time', offset: node.start });
      if (
        node.callee.name === 'URL' &&
        first?.type === 'Literal' &&
        typeof first.value === 'string' &&
        /^\.{1,2}\/.*\.[cm]?[jt]s$/.test(first.value)
      ) {
        add(first.value, null, false, node.start);
      }
    },
    CallExpression(node) {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date')
        clocks.push({ what: 'the time', offset: node.start });
    },
    MemberExpression(node) {
      if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return;
      const what = CLOCKS.get(`${node.object.name}.${node.property.name}`);
      if (what !== undefined) clocks.push({ what, offset: node.start });
    },
  });
  visitor.visit(parseSync(file, source).program);
  return { imports, clocks };
}
