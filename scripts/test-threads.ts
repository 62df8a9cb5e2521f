/**
 * The tests open about a thousand SQLite stores, each with two or three threads, and each thread reads a hundred modules: more than
 * half of a small test. Before the first test the modules of each kind of thread become one file, and `redirect-threads.mjs`
 * hands that to whoever starts one.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';

const SOURCES = join(import.meta.dirname, '..', 'packages', 'server', 'src');
const THREADS = [
  'store/sqlite-writer',
  'store/sqlite-reader',
  'store/lease-thread',
  'api/definitions/parse-thread',
  'api/log-search-thread',
];

/** For vitest: resolves with what removes the files again. Where they cannot be made, which is told, threads start from the sources. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'pelorus-threads-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await bundle(folder);
  } catch (error) {
    console.warn('threads start from the sources:', error);
    return remove;
  }
  const urlOf = (...path: string[]): string => pathToFileURL(join(...path)).href;
  const made = THREADS.map((name) => [urlOf(SOURCES, `${name}.ts`), urlOf(folder, `${basename(name)}.js`)]);
  process.env['TEST_THREADS'] = JSON.stringify(Object.fromEntries(made));
  return remove;
}

async function bundle(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      target: 'esnext',
      rolldownOptions: {
        input: Object.fromEntries(THREADS.map((name) => [basename(name), join(SOURCES, `${name}.ts`)])),
        output: { entryFileNames: '[name].js' },
      },
    },
  });
}
