/** A real `pelorus dev` in a directory of its own: API, master, worker and store as they are started by everybody. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../cli/bin/pelorus.mjs', import.meta.url));
const START_MS = 120_000;
const STOP_MS = 120_000;

export interface DevServer {
  address: string;
  /** The administrator's. */
  token: string;
  directory: string;
  /** What it has written on standard error so far. */
  stderr(): string;
  stop(): Promise<void>;
}

export async function startDevServer(): Promise<DevServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'pelorus-conformity-'));
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PELORUS_'));
  // The worker takes tasks however little memory is free.
  const env = { ...Object.fromEntries(own), PELORUS_WORKER_RESERVED_MEMORY: '0' };
  const child = spawn(process.execPath, [BIN, 'dev', '--port', '0', '--no-samples'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    await Promise.race([ended, pause(STOP_MS)]);
    child.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  for (const endsAt = Date.now() + START_MS; !/^ {2}API /m.test(out); await pause(20)) {
    if (child.exitCode === null && Date.now() < endsAt) continue;
    await stop();
    throw new Error(`pelorus dev did not start:\n${out}${err}`);
  }
  const written = await readFile(path.join(directory, '.pelorus', 'server.json'), 'utf8');
  const { address, token } = JSON.parse(written) as { address: string; token: string };
  return { address, token, directory, stderr: () => err, stop };
}
