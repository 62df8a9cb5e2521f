/**
 * The process that the output of attempts with secrets passes through, one for all of them. It belongs to no attempt's process
 * group, so that nothing that ends a task cuts off its last words, and outlives the supervisor that started it: when
 * that is gone it goes on until nobody writes to any of its pipes. A pipe that nobody has opened by then never says so: those are
 * looked at again and again.
 */
import { execFile } from 'node:child_process';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { AttemptId } from '@pelorus/protocol';
import { openLineChannel } from '../line-channel.ts';
import { Mask } from '../secrets/mask.ts';
import { MaskedOutput } from './masked-output.ts';
import { MASKER_CHANNEL_FD, type MaskerToSupervisor, type SupervisorToMasker } from './messages.ts';

type Open = Extract<SupervisorToMasker, { kind: 'open' }>;

/** Node cannot make named pipes; the program that can makes several at a time, before the last one is given away. */
const PIPES_AT_ONCE = 16;
const PIPES_LOW = 8;

const pipesDirectory = process.argv[2] ?? dirname(process.cwd());
const streams = new Map<AttemptId, MaskedOutput>();
/** Attempts of one workflow have the same secrets, and making a mask takes about as long as a small task. */
const masks = new Map<string, Mask | null>();
const MASKS_MAX = 32;
/** Long enough for a shell that was told to start to open its pipe. */
const UNUSED_CHECK_MS = 5_000;
const waiting: Open[] = [];
const pipes: string[] = [];
let pipeCount = 0;
let makingPipes = false;
let orphaned = false;

process.title = 'pelorus-masker';
// Only its supervisor's end and that of all output end it.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

const channel = openLineChannel<MaskerToSupervisor, SupervisorToMasker>(
  new Socket({ fd: MASKER_CHANNEL_FD, readable: true, writable: true }),
  (messages) => messages.forEach(onMessage),
  () => {
    orphaned = true;
    setInterval(endUnused, UNUSED_CHECK_MS);
    endIfDone();
  },
);
channel.send({ kind: 'ready' });
makePipes();

function onMessage(message: SupervisorToMasker): void {
  if (message.kind === 'finish') {
    streams.get(message.attempt)?.drain();
    return channel.send({ kind: 'drained', attempt: message.attempt });
  }
  if (message.pipe !== null) return open(message, message.pipe);
  waiting.push(message);
  serveWaiting();
}

function serveWaiting(): void {
  while (waiting.length > 0 && pipes.length > 0) {
    const message = waiting.shift();
    const pipe = pipes.shift();
    if (message && pipe !== undefined) open(message, pipe);
  }
  if (pipes.length < PIPES_LOW) makePipes();
}

function open(message: Open, pipe: string): void {
  const { attempt, secrets, logPath } = message;
  try {
    const output = new MaskedOutput({
      attempt,
      pipe,
      logPath,
      mask: secrets ? maskOf(secrets) : null,
      hidden: secrets === null,
      onEnd: () => {
        if (streams.get(attempt) === output) streams.delete(attempt);
        endIfDone();
      },
    });
    streams.set(attempt, output);
    channel.send({ kind: 'opened', attempt, pipe });
  } catch (error) {
    fail(message, (error as Error).message);
  }
}

function maskOf(secrets: string[]): Mask | null {
  const key = JSON.stringify(secrets);
  const known = masks.get(key);
  masks.delete(key);
  const mask = known === undefined ? Mask.of(secrets) : known;
  masks.set(key, mask);
  for (const oldest of masks.keys()) if (masks.size > MASKS_MAX) masks.delete(oldest);
  return mask;
}

function makePipes(): void {
  if (makingPipes) return;
  makingPipes = true;
  const names = Array.from({ length: PIPES_AT_ONCE }, () => join(pipesDirectory, `${process.pid}-${(pipeCount += 1)}`));
  execFile('mkfifo', ['-m', '600', '--', ...names], (error) => {
    makingPipes = false;
    if (error) for (const message of waiting.splice(0)) fail(message, `mkfifo: ${error.message}`);
    else pipes.push(...names);
    if (waiting.length > 0) serveWaiting();
  });
}

function fail({ attempt }: Open, detail: string): void {
  channel.send({ kind: 'failed', attempt, detail });
}

function endUnused(): void {
  for (const output of [...streams.values()]) output.endIfUnused();
}

function endIfDone(): void {
  if (!orphaned || streams.size > 0) return;
  process.exit(0);
}
