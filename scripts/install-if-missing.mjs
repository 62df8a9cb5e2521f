// Installs the dependencies when they are missing or are not those of package-lock.json. Runs before `npm start` and `npm test`,
// on the system's own Node, so that a fresh clone needs no other command. Costs milliseconds when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const missing = firstMissing();
if (missing !== null) install(missing);

/** What package-lock.json asks for and node_modules does not have, in words; null when everything is there. */
function firstMissing() {
  const installedList = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedList)) return 'node_modules';
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(installedList);
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') || entry.optional || entry.devOptional || entry.peer) continue;
    const found = installed[path];
    if (found === undefined || found.version !== entry.version) return path.slice('node_modules/'.length);
  }
  return null;
}

function readPackages(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

function install(missing) {
  const fresh = missing === 'node_modules';
  console.log(
    fresh ? 'Installing dependencies, once: npm ci …' : `Dependencies have changed (${missing}): npm install …`,
  );
  const startedAt = Date.now();
  const ok = (fresh && npm('ci')) || npm('install');
  if (!ok) {
    console.error(
      'The dependencies could not be installed; npm says why above. Pelorus needs them: run `npm install` when that is mended.',
    );
    process.exit(1);
  }
  console.log(`Installed in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
}

/** Runs the npm that called us, with the Node that it runs on: `node` of node_modules may vanish while npm works. */
function npm(command) {
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  const [program, first] = cli && node && existsSync(cli) ? [node, [cli]] : ['npm', []];
  const { status } = spawnSync(program, [...first, command, ...options], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0;
}
