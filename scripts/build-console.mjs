// Builds the console when its sources, or what it is made of, are not those of the last build. Runs before `npm start` and `npm test`; costs
// milliseconds when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const web = join(root, 'packages', 'web');
const stampFile = join(web, 'dist', '.sources');
const SOURCES = ['packages/web/src', 'packages/web/public', 'packages/sdk/src', 'packages/protocol/src'];
const FILES = [
  'packages/web/index.html',
  'packages/web/vite.config.ts',
  'packages/web/package.json',
  'package-lock.json',
];

const sources = hashOfSources();
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== sources) build();

/** Of names and contents, tests left out. */
function hashOfSources() {
  const hash = createHash('sha256');
  const found = SOURCES.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.includes('.test.'))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  for (const file of [...found, ...FILES.map((name) => join(root, name))].sort())
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

function build() {
  const startedAt = Date.now();
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: web,
    encoding: 'utf8',
  });
  if (status !== 0) {
    console.error(`${stdout}${stderr}\nThe console could not be built; what is wrong stands above.`);
    process.exit(1);
  }
  compress(join(web, 'dist'));
  writeFileSync(stampFile, sources);
  console.log(`Console built in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
}

/** Beside each text, so that no server spends time on it. */
function compress(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(?:js|css|html|svg|json)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    if (bytes.length < 1024) continue;
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  }
}
