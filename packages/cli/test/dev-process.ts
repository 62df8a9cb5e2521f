/** Real processes for tests: `pelorus dev` in a directory of its own, and any other `pelorus` command beside it. */
import { execFile, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@pelorus/sdk';

const BIN = fileURLToPath(new URL('../bin/pelorus.mjs', import.meta.url));
const COMMANDS = fileURLToPath(new URL('./command-process.ts', import.meta.url));
/** They open the store, or stay. */
const IN_A_PROCESS = new Set(['dev', 'master', 'worker', 'api', 'db', 'doctor']);
/** What takes this long hangs: longer than what a slow machine needs. */
const HANG_MS = 120_000;
const SHARED_MAX = 4;
/** Processes of this test file that run one command after the other, and what waits for one. */
const shared = { count: 0, idle: [] as ChildProcess[], waiting: [] as ((child: ChildProcess) => void)[] };

export interface CommandRequest {
  directory: string;
  variables: Record<string, string | undefined>;
  input: string;
  words: string[];
}

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface DevProcess {
  readonly pid: number;
  readonly address: string;
  readonly client: Client;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export interface Place {
  /** Where the commands run; the data is in `.pelorus` there. */
  readonly directory: string;
  readonly data: string;
  dev(...args: string[]): Promise<DevProcess>;
  pelorus(...args: string[]): Promise<CommandResult>;
  /** What a command answers with `-o json`; rejects when it fails. */
  json<Answer>(...args: string[]): Promise<Answer>;
  /** With text on standard input, or with other variables. */
  pelorusWith(
    options: { input?: string; variables?: Record<string, string> },
    ...args: string[]
  ): Promise<CommandResult>;
  /** A command that a test signals while it runs. */
  interruptible(...args: string[]): Omit<DevProcess, 'address' | 'client' | 'pid'>;
  /** Ends what still runs, waits until no process of this place is left, deletes the directory. */
  clear(): Promise<void>;
}

/** A new empty directory with the processes that are started in it. */
export async function newPlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'pelorus-cli-'));
  const started: ChildProcess[] = [];
  const place: Place = {
    directory,
    data: join(directory, '.pelorus'),
    dev: async (...args) => {
      const child = spawn(process.execPath, [BIN, 'dev', '--port', '0', ...args], {
        cwd: directory,
        env: variables(directory, {}),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      started.push(child);
      return devProcess(child, place.data);
    },
    interruptible: (...args) => {
      const child = spawn(process.execPath, [BIN, ...args], {
        cwd: directory,
        env: variables(directory, {}),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      started.push(child);
      return watched(child);
    },
    pelorus: (...args) => command(directory, {}, args),
    json: async <Answer>(...args: string[]) => {
      const { code, stdout, stderr } = await place.pelorus(...args, '-o', 'json');
      if (code !== 0) throw new Error(`pelorus ${args.join(' ')} ended with ${code}: ${stderr}`);
      return JSON.parse(stdout) as Answer;
    },
    pelorusWith: (options, ...args) => command(directory, options, args),
    clear: async () => {
      for (const child of started) if (child.exitCode === null && child.signalCode === null) await endChild(child);
      await until(
        () => processesOf(directory).length === 0,
        () => `still running: ${killAll(processesOf(directory)).join('; ')}`,
      );
      await rm(directory, { recursive: true, force: true });
    },
  };
  return place;
}

/** Waits for a condition of the outside world; rejects with `otherwise` when it does not come true. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  otherwise: () => string,
  limitMs = HANG_MS,
): Promise<void> {
  for (const endsAt = Date.now() + limitMs; !(await condition());) {
    if (Date.now() > endsAt) throw new Error(otherwise());
    await pause(20);
  }
}

/** So that what one test left behind takes no time from the others. */
function killAll(processes: string[]): string[] {
  for (const each of processes) {
    try {
      process.kill(Number.parseInt(each, 10), 'SIGKILL');
    } catch {
      // It has gone by itself.
    }
  }
  return processes;
}

/** `pid command line` of every process that was started in `directory` or below, or works for it. */
export function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const belongs =
          commandLine.includes(directory) || readFileSync(`/proc/${pid}/environ`, 'utf8').includes(directory);
        return belongs && commandLine !== '' ? [`${pid} ${commandLine}`] : [];
      } catch {
        return [];
      }
    });
}

async function devProcess(child: ChildProcess, data: string): Promise<DevProcess> {
  const streams = watched(child);
  const said = (): string => `${streams.stdout()}${streams.stderr()}`;
  await until(
    () => /^ {2}API /m.test(streams.stdout()) || child.exitCode !== null,
    () => `pelorus dev did not start:\n${said()}`,
  );
  if (child.exitCode !== null) throw new Error(`pelorus dev ended with ${child.exitCode}:\n${said()}`);
  const { address, token } = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as {
    address: string;
    token: string;
  };
  return { ...streams, pid: child.pid ?? 0, address, client: createClient({ baseUrl: address, token }) };
}

function watched(child: ChildProcess): Omit<DevProcess, 'address' | 'client' | 'pid'> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = once(child, 'close').then(
    ([code, signal]: (number | NodeJS.Signals | null)[]) => signal ?? code ?? -1,
  ) as DevProcess['ended'];
  return { ended, stdout: () => out, stderr: () => err, signal: (name) => void child.kill(name) };
}

async function endChild(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  await Promise.race([exit, pause(15_000)]);
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await exit;
  }
}

function command(
  directory: string,
  { input = '', variables: more = {} }: { input?: string; variables?: Record<string, string> },
  words: string[],
): Promise<CommandResult> {
  const request: CommandRequest = { directory, variables: variables(directory, more), input, words };
  return IN_A_PROCESS.has(words[0] ?? '') ? inProcessOfItsOwn(request) : inSharedProcess(request);
}

function inProcessOfItsOwn({ directory, variables: env, input, words }: CommandRequest): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [BIN, ...words],
      { cwd: directory, env, maxBuffer: 64 * 1024 ** 2 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
      },
    );
    child.stdin?.end(input);
  });
}

/** The first of a few that is free; they end with this process. */
async function inSharedProcess(request: CommandRequest): Promise<CommandResult> {
  const child = await takeShared();
  child.ref();
  child.channel?.ref();
  const answer = Promise.race([
    once(child, 'message').then(([result]) => result as CommandResult),
    once(child, 'exit').then(([code]) => {
      throw new Error(`pelorus ${request.words.join(' ')} ended its process with ${String(code)}`);
    }),
  ]);
  child.send(request);
  const result = await answer;
  child.removeAllListeners();
  child.unref();
  child.channel?.unref();
  const next = shared.waiting.shift();
  if (next) next(child);
  else shared.idle.push(child);
  return result;
}

async function takeShared(): Promise<ChildProcess> {
  const free = shared.idle.pop();
  if (free !== undefined) return free;
  if (shared.count === SHARED_MAX) return new Promise((resolve) => shared.waiting.push(resolve));
  shared.count++;
  return fork(COMMANDS, {
    execArgv: [],
    env: variables(tmpdir(), {}),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Without the settings of whoever runs the tests; and the worker takes tasks however little memory is free. */
function variables(directory: string, more: Record<string, string>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PELORUS_') && name !== 'NO_COLOR' && name !== 'FORCE_COLOR',
  );
  return { ...Object.fromEntries(own), PELORUS_WORKER_RESERVED_MEMORY: '0', ...ownHome(directory), ...more };
}

/** Where `pelorus login` keeps what it gets: never where that of whoever runs the tests is. */
function ownHome(directory: string): Record<string, string> {
  return { XDG_CONFIG_HOME: join(directory, 'config') };
}

/** Lines of a file, none when it is not there. */
export function linesOf(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}
