/** The process that masks, when its supervisor is gone. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AttemptId } from '@pelorus/protocol';
import { openLineChannel, type LineChannel } from '../src/line-channel.ts';
import { MASKER_CHANNEL_FD, type MaskerToSupervisor, type SupervisorToMasker } from '../src/masker/messages.ts';
import { eventually } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../src/masker/main.ts', import.meta.url));
const ATTEMPT = '1.0.1' as AttemptId;

let directory: string;
let masker: ChildProcess;
let channel: LineChannel<SupervisorToMasker>;
let heard: MaskerToSupervisor[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelorus-masker-'));
  heard = [];
  masker = spawn(process.execPath, [MAIN, directory], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  channel = openLineChannel<SupervisorToMasker, MaskerToSupervisor>(
    masker.stdio[MASKER_CHANNEL_FD] as Duplex,
    (messages) => heard.push(...messages),
    () => {},
  );
});

afterEach(async () => {
  if (masker.exitCode === null && masker.signalCode === null) {
    const gone = once(masker, 'exit');
    masker.kill('SIGKILL');
    await gone;
  }
  rmSync(directory, { recursive: true });
});

const logPath = (): string => join(directory, 'log');
const logged = (): string => (existsSync(logPath()) ? readFileSync(logPath(), 'utf8') : '');
const hasEnded = (): boolean => masker.exitCode !== null;

async function openedPipe(): Promise<string> {
  channel.send({ kind: 'open', attempt: ATTEMPT, secrets: ['hunter22'], logPath: logPath(), pipe: null });
  const opened = () => heard.find((message) => message.kind === 'opened');
  await eventually(() => opened() !== undefined, 'the pipe is open');
  return opened()!.pipe;
}

test('ends though nobody ever opened the pipe that it was to read', async () => {
  await openedPipe();
  channel.end();
  await eventually(hasEnded, 'it has ended');
});

test('goes on while somebody has a pipe open, and ends when nobody has', async () => {
  const writer = openSync(await openedPipe(), constants.O_WRONLY);
  channel.end();
  writeSync(writer, 'a ');
  await eventually(() => logged() === 'a ', 'the first word is in the log');
  expect(hasEnded()).toBe(false);
  writeSync(writer, 'hunter22 b');
  closeSync(writer);
  await eventually(hasEnded, 'it has ended');
  expect(logged()).toBe('a *** b');
});
