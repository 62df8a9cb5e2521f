/** The launcher on an old Node, in a directory that looks like an installation: itself, a runtime package and a `main.ts`. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MAIN = `
import { writeFileSync, appendFileSync } from 'node:fs';
const [kind, path] = process.argv.slice(2);
if (kind === 'print') console.log(JSON.stringify({ major: Number.parseInt(process.version.slice(1)), args: process.argv.slice(2) }));
if (kind === 'exit') process.exit(Number(path));
if (kind === 'die') process.kill(process.pid, 'SIGTERM');
if (kind === 'wait') {
  setInterval(() => {}, 1000);
  process.on('SIGINT', () => appendFileSync(path, 'SIGINT '));
  process.on('SIGTERM', () => setTimeout(() => process.exit(7), 100)); // leaves time for a signal too many
  writeFileSync(path, process.pid + ' ');
}
`;

const oldNode = findOldNode();
const directory = mkdtempSync(join(tmpdir(), 'pelorus-launcher-'));
const launcher = join(directory, 'packages', 'cli', 'bin', 'pelorus.mjs');

beforeAll(() => {
  mkdirSync(join(directory, 'packages', 'cli', 'bin'), { recursive: true });
  mkdirSync(join(directory, 'packages', 'cli', 'src'));
  copyFileSync(join(import.meta.dirname, '..', 'packages', 'cli', 'bin', 'pelorus.mjs'), launcher);
  writeFileSync(join(directory, 'packages', 'cli', 'src', 'main.ts'), MAIN);
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  installRuntime('node-linux-x64-for-another-machine', { os: 'aix' });
  installRuntime('node-linux-this', {});
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe.each([
  ['a current Node runs the program itself', process.execPath],
  ['an old Node hands over to the installed runtime', oldNode],
])('%s', (_, node) => {
  test('with the same arguments', (context) => {
    const output = execFileSync(node ?? context.skip(NO_OLD_NODE), [launcher, 'print', 'a b', '--x=1'], {
      encoding: 'utf8',
    });
    const { major, args } = JSON.parse(output) as { major: number; args: string[] };
    expect(major).toBeGreaterThanOrEqual(24);
    expect(args).toEqual(['print', 'a b', '--x=1']);
  });

  test('and ends as the program ends', async (context) => {
    const program = node ?? context.skip(NO_OLD_NODE);
    expect(await ending(start(program, 'exit', '3'))).toEqual([3, null]);
    expect(await ending(start(program, 'die'))).toEqual([null, 'SIGTERM']);
  });

  test('each signal arrives once, and SIGKILL leaves nothing behind', async (context) => {
    const program = node ?? context.skip(NO_OLD_NODE);
    const path = join(mkdtempSync(join(directory, 'signals-')), 'log');

    const first = start(program, 'wait', path);
    await until(() => existsSync(path) && /^\d+ /.test(readFileSync(path, 'utf8')));
    first.kill('SIGINT');
    await until(() => readFileSync(path, 'utf8').includes('SIGINT'));
    first.kill('SIGTERM');
    expect(await ending(first)).toEqual([7, null]);
    expect(readFileSync(path, 'utf8')).toMatch(/^\d+ SIGINT $/);

    rmSync(path);
    const second = start(program, 'wait', path);
    await until(() => existsSync(path) && /^\d+ /.test(readFileSync(path, 'utf8')));
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    second.kill('SIGKILL');
    await until(() => !isAlive(pid));
  });
});

test('Ctrl-C on a terminal reaches the program once', async (context) => {
  if (oldNode === null) return context.skip(NO_OLD_NODE);
  if (!existsSync('/usr/bin/script')) return context.skip('needs script: apt-get install bsdutils');
  const path = join(mkdtempSync(join(directory, 'terminal-')), 'log');
  const command = [oldNode, launcher, 'wait', path].join(' ');
  const terminal = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'ignore', 'inherit'] });
  await until(() => existsSync(path) && /^\d+ /.test(readFileSync(path, 'utf8')));
  terminal.stdin.write('\u0003');
  await until(() => readFileSync(path, 'utf8').includes('SIGINT'));
  process.kill(Number.parseInt(readFileSync(path, 'utf8'), 10), 'SIGTERM');
  await once(terminal, 'exit');
  expect(readFileSync(path, 'utf8')).toMatch(/^\d+ SIGINT $/);
});

test('says what to do when there is no runtime', async (context) => {
  const program = oldNode ?? context.skip(NO_OLD_NODE);
  const bare = mkdtempSync(join(tmpdir(), 'pelorus-bare-'));
  copyFileSync(launcher, join(bare, 'pelorus.mjs'));
  const child = spawn(program, [join(bare, 'pelorus.mjs')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const chunks: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  expect(await ending(child)).toEqual([1, null]);
  expect(chunks.join('')).toMatch(
    /^pelorus needs Node 24 or later; this is v\d+.*\n.*no runtime for .*\n.*npm install/,
  );
  rmSync(bare, { recursive: true });
});

const NO_OLD_NODE = 'needs a Node from 18 to 22.14 on the PATH, besides the pinned one';

/** A Node on the PATH that is too old for the program and cannot replace itself; null when there is none. */
function findOldNode(): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const node = join(folder, 'node');
    if (!existsSync(node)) continue;
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' });
    if (Number.parseInt(version.slice(1), 10) < 22) return node;
  }
  return null;
}

function installRuntime(name: string, limits: { os?: string }): void {
  const folder = join(directory, 'node_modules', name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '26.0.0', ...limits }));
  symlinkSync(process.execPath, join(folder, 'bin', 'node'));
}

function start(node: string, ...args: string[]): ChildProcess {
  return spawn(node, [launcher, ...args], { stdio: 'ignore' });
}

async function ending(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return [child.exitCode, child.signalCode];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
