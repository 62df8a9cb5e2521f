/** package-lock.json fits the manifests, so that `npm ci` works in a fresh clone, wherever that is. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const root = join(import.meta.dirname, '..');
const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
const lock = read('package-lock.json') as {
  packages: Record<string, Manifest & { resolved?: string; link?: boolean }>;
};
const manifests = ['package.json', ...globSync('packages/*/package.json', { cwd: root })];

test.each(manifests)('the lock has the dependencies of %s', (file) => {
  const folder = dirname(file) === '.' ? '' : dirname(file);
  expect(dependenciesOf(lock.packages[folder])).toEqual(dependenciesOf(read(file) as Manifest));
});

test('versions of dependencies are exact', () => {
  const wanted = manifests.flatMap((file) =>
    Object.entries(
      Object.assign({}, ...Object.values(dependenciesOf(read(file) as Manifest))) as Record<string, string>,
    ),
  );
  expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test('the lock names no registry', () => {
  const resolved = Object.values(lock.packages).flatMap((entry) =>
    entry.link || !entry.resolved ? [] : [entry.resolved],
  );
  expect(resolved).toEqual([]);
});

function dependenciesOf(manifest: Manifest | undefined): Required<Manifest> {
  const { dependencies = {}, devDependencies = {}, optionalDependencies = {} } = manifest ?? {};
  return { dependencies, devDependencies, optionalDependencies };
}
