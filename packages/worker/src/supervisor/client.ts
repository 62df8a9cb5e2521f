/** The agent's side of the socket: find a living supervisor of this data directory or start one, and attach to it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HeldAttempt, SupervisorOrder } from '../core.ts';
import { openLineChannel, type LineChannel } from '../line-channel.ts';
import { hostEnvironment } from '../task-environment.ts';
import { supervisorCacheEnvironment } from './compile-cache.ts';
import type { SupervisorArgument } from './main.ts';
import { SUPERVISOR_VERSION, type AgentToSupervisor, type LimitsKind, type SupervisorToAgent } from './messages.ts';
import { supervisorSocketPath } from './socket-path.ts';

export interface SupervisorListener {
  onMessages(messages: SupervisorToAgent[]): void;
  /** The supervisor is gone, or has let go of this agent. */
  onClose(): void;
}

export interface SupervisorConnection {
  pid: number;
  held: HeldAttempt[];
  /** Boot clock. */
  renewedAt: number | null;
  limits: LimitsKind;
  order(order: SupervisorOrder): void;
  shutdown(killTasks: boolean): void;
  /** Lets go of the supervisor, which stays. */
  close(): void;
}

/** A host that is busy takes its time to start a process. */
const START_LIMIT_MS = 60_000;
/** A predecessor that was just killed may still seem attached for a moment. */
const REFUSED_LIMIT_MS = 3_000;
/** A supervisor that is stopped accepts connections and says nothing. */
const ANSWER_LIMIT_MS = 5_000;
const RETRY_MS = 15;
const RESPAWN_MS = 1_000;

/**
 * Attaches to the supervisor of `argument.dataDir`, starting one if none answers.
 * Throws when another worker uses the directory, or when no supervisor can be started.
 */
export async function connectSupervisor(
  argument: SupervisorArgument,
  listener: SupervisorListener,
): Promise<SupervisorConnection> {
  mkdirSync(argument.dataDir, { recursive: true, mode: 0o700 });
  const socketPath = supervisorSocketPath(argument.dataDir);
  const startedAt = performance.now();
  let spawned: ChildProcess | null = null;
  let spawnedAt = -Infinity;
  let refusedSince = Infinity;
  for (;;) {
    const socket = await connectSocket(socketPath);
    const answer = socket && (await attach(socket, argument, listener));
    if (answer && 'order' in answer) return answer;
    refusedSince = answer ? Math.min(refusedSince, performance.now()) : Infinity;
    if (!socket && (spawned === null || hasEnded(spawned)) && performance.now() - spawnedAt > RESPAWN_MS) {
      // On a busy machine one takes its time: a second one beside it would only make that longer.
      spawned = spawnSupervisor(argument);
      spawnedAt = performance.now();
    }
    if (answer && performance.now() - refusedSince > REFUSED_LIMIT_MS) {
      throw new Error(
        `another worker (process ${answer.agentPid}) uses ${argument.dataDir}; stop it or choose another data directory`,
      );
    }
    if (performance.now() - startedAt > START_LIMIT_MS) {
      throw new Error(
        `no supervisor could be started for ${argument.dataDir}; see ${join(argument.dataDir, 'supervisor.log')}`,
      );
    }
    await pause(RETRY_MS);
  }
}

function connectSocket(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
  });
}

/** Resolves with the connection, with the refusal, or with null when the supervisor went away meanwhile. */
function attach(
  socket: Socket,
  argument: SupervisorArgument,
  listener: SupervisorListener,
): Promise<SupervisorConnection | { agentPid: number } | null> {
  return new Promise((resolve, reject) => {
    let attached = false;
    const limit = setTimeout(() => channel.destroy(), ANSWER_LIMIT_MS);
    const channel: LineChannel<AgentToSupervisor> = openLineChannel<AgentToSupervisor, SupervisorToAgent>(
      socket,
      (messages) => {
        const [first, ...others] = messages;
        if (attached) return listener.onMessages(messages);
        clearTimeout(limit);
        if (first?.kind === 'refused') return resolve({ agentPid: first.agentPid });
        if (first?.kind !== 'attached') return channel.destroy();
        if (first.version !== SUPERVISOR_VERSION) return reject(otherVersion(first, channel));
        attached = true;
        resolve(connectionOf(first, channel));
        if (others.length > 0) queueMicrotask(() => listener.onMessages(others));
      },
      () => {
        clearTimeout(limit);
        if (attached) listener.onClose();
        else resolve(null);
      },
    );
    channel.send({ kind: 'attach', agentPid: process.pid, settings: argument.settings });
  });
}

function connectionOf(
  first: Extract<SupervisorToAgent, { kind: 'attached' }>,
  channel: LineChannel<AgentToSupervisor>,
): SupervisorConnection {
  return {
    pid: first.pid,
    held: first.held,
    renewedAt: first.renewedAt,
    limits: first.limits,
    order: (order) => channel.send({ kind: 'order', order }),
    shutdown: (killTasks) => channel.send({ kind: 'shutdown', killTasks }),
    close: () => channel.end(),
  };
}

function otherVersion(first: { version: number; pid: number }, channel: LineChannel<AgentToSupervisor>): Error {
  channel.send({ kind: 'shutdown', killTasks: false });
  channel.end();
  return new Error(
    `the supervisor (process ${first.pid}) is of version ${first.version}, this worker needs ${SUPERVISOR_VERSION}; it ends when its tasks have ended, then start again`,
  );
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

function spawnSupervisor(argument: SupervisorArgument): ChildProcess {
  const main = new URL(`./main${extname(import.meta.url)}`, import.meta.url);
  const log = openSync(join(argument.dataDir, 'supervisor.log'), 'a', 0o600);
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];
  const child = spawn(process.execPath, [...flags, fileURLToPath(main), JSON.stringify(argument)], {
    detached: true,
    cwd: '/',
    env: { ...hostEnvironment(process.env), ...supervisorCacheEnvironment(argument.dataDir) },
    stdio: ['ignore', log, log],
  });
  child.on('error', () => {});
  child.unref();
  closeSync(log);
  return child;
}
