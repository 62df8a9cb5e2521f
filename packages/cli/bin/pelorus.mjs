#!/usr/bin/env node
// The `pelorus` command. Plain JavaScript, because it must start on whatever Node (18 or later) finds it first.
//
// The program itself is TypeScript that needs Node 24 or later. A new enough Node imports it right here. An older one hands over
// to the runtime that npm installed for this platform (`node_modules/node-*`, see docs/decisions/0001-pinned-runtime.md):
// by replacing itself where it can (`process.execve`), otherwise by a child that shares the terminal, gets each signal once,
// dies when this process is killed, and whose exit code or signal becomes that of this process.
import { spawn } from 'node:child_process';
import module from 'node:module';
import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;
const LIFELINE = 'PELORUS_LAUNCHER';

const self = fileURLToPath(import.meta.url);
if (majorVersion(process.version) >= OLDEST_NODE) {
  await dieWithLauncher();
  keepCompiled();
  await import('../src/main.ts');
} else {
  const runtime = findRuntime(dirname(self));
  if (runtime === null) {
    console.error(
      `pelorus needs Node ${OLDEST_NODE} or later; this is ${process.version} (${process.execPath}),\n` +
        `and no runtime for ${process.platform}-${process.arch} is installed beside it.\n` +
        'Run `npm install` in the repository (without --omit=optional), or install a newer Node: https://nodejs.org',
    );
    process.exit(1);
  }
  handOver(runtime, [...process.execArgv, self, ...process.argv.slice(2)]);
}

/**
 * What was compiled is kept beside the installed packages, for this process, its threads and the processes that it starts: a start takes half the time. Where that folder
 * cannot be written, nothing is kept.
 */
function keepCompiled() {
  const folder = join(dirname(self), '..', '..', '..', 'node_modules', '.cache', 'compiled');
  process.env['NODE_COMPILE_CACHE'] ??= folder;
  module.enableCompileCache?.(process.env['NODE_COMPILE_CACHE']);
}

/** The `node` of the nearest `node_modules/node-<platform>` or `node-bin-<platform>`, upwards from `from`; null when there is none. */
function findRuntime(from) {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (let directory = from; ; directory = dirname(directory)) {
    for (const entry of listDirectory(join(directory, 'node_modules'))) {
      if (!/^node-(bin-)?(linux|darwin|win)-/.test(entry)) continue;
      const found = join(directory, 'node_modules', entry);
      const path = join(found, 'bin', name);
      if (fits(found) && isExecutable(path)) return path;
    }
    if (directory === dirname(directory)) return null;
  }
}

/** Whether a runtime package is for this machine and new enough. */
function fits(packageDirectory) {
  try {
    const { version, os, cpu } = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8'));
    const allows = (rule, actual) => rule === undefined || [rule].flat().includes(actual);
    return majorVersion(version) >= OLDEST_NODE && allows(os, process.platform) && allows(cpu, process.arch);
  } catch {
    return false;
  }
}

function listDirectory(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function majorVersion(version) {
  return Number.parseInt(version.replace(/^v/, ''), 10);
}

function handOver(runtime, args) {
  if (typeof process.execve === 'function') {
    process.removeAllListeners('warning');
    process.execve(runtime, [runtime, ...args], process.env);
  }
  const child = spawn(runtime, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [LIFELINE]: '3' },
  });
  const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  const forward = (signal) => {
    if (cameFromKeyboard(signal)) return;
    child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, forward);
  child.on('error', (error) => {
    console.error(`pelorus cannot start its runtime ${runtime}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const each of forwarded) process.removeListener(each, forward);
    process.kill(process.pid, signal);
  });
}

/** A key such as Ctrl-C signals the whole foreground group, the child included; it must not get it a second time. */
function cameFromKeyboard(signal) {
  if (signal !== 'SIGINT' && signal !== 'SIGQUIT') return false;
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foregroundGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foregroundGroup;
  } catch {
    return [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  }
}

/** In the child of `handOver`: the pipe closes when the launcher dies, even by SIGKILL, and so does this process. */
async function dieWithLauncher() {
  const descriptor = process.env[LIFELINE];
  if (descriptor === undefined) return;
  delete process.env[LIFELINE];
  const { Socket } = await import('node:net');
  const pipe = new Socket({ fd: Number(descriptor), readable: true, writable: false });
  pipe.on('error', () => {});
  pipe.on('close', () => process.kill(process.pid, 'SIGKILL'));
  pipe.resume();
  pipe.unref();
}
