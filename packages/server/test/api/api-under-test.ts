/** A whole API over a real SQLite store in a scratch directory, and the hand of a master that moves its runs. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect } from 'vitest';
import type { AttemptRecord, Change, CommandOutcome, RunStatus, TaskRunRecord } from '@pelorus/engine';
import {
  commandIdOf,
  masterIdOf,
  runIdOf,
  workerIdOf,
  type AttemptState,
  type Problem,
  type RunState,
  type TaskRunState,
} from '@pelorus/protocol';
import { quickFolder } from '../../../worker/test/quick-folder.ts';
import { createApi, type ApiOptions } from '../../src/api/index.ts';
import { createPasswords } from '../../src/api/passwords.ts';
import { openDirectoryLogs } from '../../src/logs/index.ts';
import { openSqliteStore, type Store } from '../../src/store/index.ts';
import { createVault, parseKeys, type Vault } from '../../src/vault/index.ts';
import { makeEmptyDatabase } from '../store/sqlite-place.ts';

export interface Answered<Body> {
  status: number;
  headers: Record<string, unknown>;
  body: Body;
  text: string;
}

export interface Call {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** Sent as JSON unless it is text or bytes. */
  body?: unknown;
}

export interface ApiUnderTest {
  app: ReturnType<typeof createApi>;
  /** What it was made with, for another one over the same store. */
  options: ApiOptions;
  store: Store;
  folder: string;
  /** How often the master was told that there is a command. */
  commandsWritten: () => number;
  /** `path` below `/api/v1`, unless it begins with it. */
  call<Body = Problem>(method: string, path: string, call?: Call): Promise<Answered<Body>>;
  /** Creates the project and saves a definition in it. */
  save(project: string, name: string, definition: object): Promise<void>;
  /** Submits a run and gives its id. */
  run(project: string, workflow: string, more?: object): Promise<number>;
  setRun(run: number, state: RunState, more?: Partial<RunStatus>): Promise<void>;
  setTask(run: number, task: number, state: TaskRunState, more?: Partial<TaskRunRecord>): Promise<void>;
  setAttempt(run: number, task: number, n: number, state: AttemptState, more?: Partial<AttemptRecord>): Promise<void>;
  /** What its master made of a command. */
  endCommand(command: number, outcome: CommandOutcome): Promise<void>;
  /** Whatever else a master stores. */
  commit(change: Change): Promise<void>;
  writeLog(run: number, task: number, n: number, text: string | Uint8Array): Promise<void>;
}

/** With a key that is any 32 bytes. */
export function vaultOf(byte = 7): Vault {
  const keys = parseKeys(Buffer.alloc(32, byte).toString('base64'));
  if (typeof keys === 'string') throw new Error(keys);
  return createVault(keys);
}

export const NOW = Date.parse('2026-03-15T12:00:00Z');

/** Of the file; hooks that are added while hooks and tests run are never called. */
const closings: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closings) await close();
});

/** `whenDone`: of the test alone, where each has its own; absent: of the file. */
export async function openApi(
  options: Partial<ApiOptions> = {},
  whenDone: (close: () => Promise<void>) => void = (close) => closings.push(close),
): Promise<ApiUnderTest> {
  const folder = await mkdtemp(path.join(quickFolder(), 'pelorus-api-'));
  await makeEmptyDatabase(path.join(folder, 'data'));
  const store = await openSqliteStore(path.join(folder, 'data'));
  let written = 0;
  const all: ApiOptions = {
    store,
    logs: openDirectoryLogs({ folder: path.join(folder, 'logs'), writtenInPlace: true }),
    hints: {
      commandWritten: () => {
        written += 1;
      },
    },
    clock: () => NOW,
    log: { info: () => undefined, warn: () => undefined, error: (fields) => console.error(fields) },
    version: '0.1.0-test',
    metrics: async () => 'up 1\n',
    vault: vaultOf(),
    storeKind: 'sqlite',
    passwords: createPasswords({ memory: 8, passes: 1, parallelism: 1 }),
    ...('adminToken' in options ? {} : { user: 'admin' }),
    ...options,
  };
  const app = createApi(all);
  await app.ready();
  whenDone(async () => {
    await app.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function call<Body>(
    method: string,
    at: string,
    { query = {}, headers = {}, body }: Call = {},
  ): Promise<Answered<Body>> {
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    const response = await app.inject({
      method: method as 'GET',
      url: at.startsWith('/api/') || /^\/(livez|readyz|metrics)$/.test(at) ? at : `/api/v1${at}`,
      query,
      headers: { ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: raw ? body : JSON.stringify(body) }),
    });
    const json = response.headers['content-type']?.includes('json') === true;
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      body: (json && response.body !== '' ? JSON.parse(response.body) : null) as Body,
    };
  }

  const fence = { master: masterIdOf('test-master'), token: 'token' };
  await store.registerMaster({ id: fence.master, token: fence.token, host: 'here' });
  const commit = async (change: Change): Promise<void> => {
    await store.commit(fence, [change]);
  };
  let version = 1;

  return {
    app,
    options: all,
    store,
    folder,
    commandsWritten: () => written,
    call,
    save: async (project, name, definition) => {
      await call('PUT', `/projects/${project}`, { body: {} });
      const saved = await call('PUT', `/projects/${project}/workflows/${name}`, { body: definition });
      if (saved.status > 201) throw new Error(saved.text);
    },
    run: async (project, workflow, more = {}) => {
      const { body, text } = await call<{ id: number }>('POST', '/runs', { body: { project, workflow, ...more } });
      if (typeof body.id !== 'number') throw new Error(text);
      return body.id;
    },
    setRun: (run, state, more = {}) =>
      commit({
        kind: 'run',
        status: {
          run: runIdOf(run),
          version: ++version,
          state,
          cause: null,
          firstFailure: null,
          waitReason: null,
          owner: fence.master,
          startedAt: NOW - 90_500,
          endedAt: null,
          ...more,
        },
      }),
    setTask: (run, task, state, more = {}) =>
      commit({
        kind: 'task-run',
        record: {
          run: runIdOf(run),
          task,
          version: ++version,
          state,
          cause: null,
          waitReason: null,
          attempts: 0,
          retries: 0,
          wakeAt: null,
          readyAt: null,
          startedAt: null,
          endedAt: null,
          outputs: null,
          ...more,
        },
      }),
    setAttempt: (run, task, n, state, more = {}) =>
      commit({
        kind: 'attempt',
        record: {
          run: runIdOf(run),
          task,
          n,
          version: ++version,
          state,
          cause: null,
          worker: workerIdOf('worker-1'),
          dispatchedAt: NOW - 80_000,
          startedAt: NOW - 79_000,
          endedAt: null,
          kill: null,
          ...more,
        },
      }),
    endCommand: (command, outcome) => commit({ kind: 'command-done', command: commandIdOf(command), outcome, at: NOW }),
    commit,
    writeLog: async (run, task, n, text) => {
      await mkdir(path.join(folder, 'logs', String(run)), { recursive: true });
      await writeFile(path.join(folder, 'logs', String(run), `${run}.${task}.${n}.log`), text);
    },
  };
}

/** `a → b → d`, `a → c → d`. */
export const DIAMOND = {
  name: 'diamond',
  tasks: {
    a: { run: 'echo a' },
    b: { run: 'echo b', needs: ['a'] },
    c: { run: 'echo c', needs: ['a'] },
    d: { run: 'echo d', needs: ['b', 'c'] },
  },
};

/** Vitest's matchers are of type any; these stand for what they match. */
export const anyNumber: unknown = expect.any(Number);
export const anyText: unknown = expect.any(String);
export const containing = (text: string): unknown => expect.stringContaining(text);
export const matching = (pattern: RegExp | string): unknown => expect.stringMatching(pattern);
export const having = (members: object): unknown => expect.objectContaining(members);
export const including = (items: unknown[]): unknown => expect.arrayContaining(items);
