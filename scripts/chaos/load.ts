/**
 * The load: scenarios that a client plays against the APIs, each a run of one shape with what people do to it, side by side until the
 * storm is over. Owns the client's own record: what it asked for, under which key, and what it was told.
 */
import { createServer } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isTerminalRun, isTerminalTaskRun, type RunState } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import type { Chance } from './chance.ts';
import { appendToLedger } from './ledger.ts';
import type { Submission } from './oracle.ts';
import type { PatientClient } from './patient-client.ts';
import { definitions, GROUPS, PROJECT, type Shape } from './workloads.ts';

/** A kill that was accepted, for its latency. */
export interface KillAsked {
  run: number;
  /** Null: of the whole run. */
  task: string | null;
  atMs: number;
}

export interface LoadRecord {
  submissions: Submission[];
  /** Ids of commands that were accepted. */
  commands: number[];
  kills: KillAsked[];
  /** Scenarios that ended otherwise than by their run's end. */
  troubles: string[];
}

export interface Load {
  readonly record: LoadRecord;
  /** Runs that have not ended as far as the client knows. */
  readonly underWay: number;
  /** Starts nothing more; resolves when the scenarios have ended, or were aborted. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface LoadOptions {
  client: PatientClient;
  chance: Chance;
  directory: string;
  /** Where HTTP tasks reach the bed. */
  host: string;
  /** Where HTTP tasks' executions and shell tasks' lines go. */
  ledger: string;
  /** Scenarios side by side, at most. */
  width: number;
  /** Scenarios that begin in a second, at most. */
  rate: number;
  longTenths: number;
  shapes: readonly Shape[];
  signal: AbortSignal;
}

/** How often each shape is chosen. */
const WEIGHTS: Record<Shape, number> = {
  chain: 4,
  fan: 4,
  retries: 2,
  long: 4,
  endless: 1,
  kill: 1,
  stop: 1,
  pause: 2,
  again: 2,
  nested: 2,
  mixed: 3,
  group: 2,
  serial: 1,
};
const POLL_MS = 1_000;

/** Saves the workflows and starts the scenarios. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const { client, chance, signal, width, rate, directory, shapes } = options;
  const flags = join(directory, 'flags');
  mkdirSync(flags, { recursive: true });
  writeFileSync(options.ledger, '', { mode: 0o666 });
  const door = await openHttpDoor(options);
  await saveWorkflows(options, flags, door.url);
  const deck = shapes.flatMap((shape) => Array.from({ length: WEIGHTS[shape] }, () => shape));
  const player = new Player({ client, flags, signal });
  const over = new AbortController();
  const isOver = AbortSignal.any([over.signal, signal]);
  let nextAt = performance.now();
  const turn = async (): Promise<void> => {
    const now = performance.now();
    // What could not be begun in time is not made up for at once.
    nextAt = Math.max(nextAt + 1000 / rate, now);
    await pause(nextAt - now, undefined, { signal: isOver }).catch(() => undefined);
  };
  const lane = async (): Promise<void> => {
    for (await turn(); !isOver.aborted; await turn())
      await player.play(chance.pick(deck), `k-${chance.whole(0, 2 ** 40).toString(36)}`);
  };
  const lanes = Array.from({ length: width }, lane);
  return {
    record: player.record,
    get underWay() {
      return player.underWay;
    },
    finish: async () => {
      over.abort();
      await Promise.all(lanes);
    },
    close: door.close,
  };
}

class Player {
  readonly record: LoadRecord = { submissions: [], commands: [], kills: [], troubles: [] };
  underWay = 0;
  readonly #client: PatientClient;
  readonly #flags: string;
  readonly #signal: AbortSignal;

  constructor({ client, flags, signal }: { client: PatientClient; flags: string; signal: AbortSignal }) {
    this.#client = client;
    this.#flags = flags;
    this.#signal = signal;
  }

  /** One run with all that is done to it; never rejects. */
  async play(shape: Shape, key: string): Promise<void> {
    this.underWay += 1;
    try {
      await this.#scenario(shape, key);
    } catch (error) {
      if (!this.#signal.aborted) {
        this.record.troubles.push(`${shape} ${key}: ${error instanceof Error ? error.message : String(error)}`);
        await pause(POLL_MS);
      }
    } finally {
      this.underWay -= 1;
    }
  }

  async #scenario(shape: Shape, key: string): Promise<void> {
    const submission = this.#expect(key, shape, ['succeeded']);
    const { id } = await this.#client.ask((client, signal) =>
      client.runs.submit(
        { project: PROJECT, workflow: shape, params: { nonce: key }, extras: { key } },
        { idempotencyKey: key, signal },
      ),
    );
    submission.run = id;
    switch (shape) {
      case 'kill':
        submission.mayEnd = ['failed', 'stopped'];
        await this.#untilTask(id, 'victim');
        await this.#command(id, 'victim', (client, signal) => client.runs.killTask(id, 'victim', { signal }));
        break;
      case 'stop':
        submission.mayEnd = ['stopped'];
        await this.#untilTask(id, 'a');
        await this.#command(id, null, (client, signal) => client.runs.stop(id, { signal }));
        break;
      case 'pause':
        await this.#command(id, undefined, (client, signal) => client.runs.pause(id, { signal }));
        await this.#until(id, (state) => state === 'paused');
        await this.#command(id, undefined, (client, signal) => client.runs.resume(id, { signal }));
        break;
      case 'again':
        submission.mayEnd = ['failed'];
        break;
      default:
    }
    submission.told = await this.#until(id, isTerminalRun);
    if (shape === 'again' && submission.told === 'failed') await this.#again(id, key);
  }

  async #again(id: number, nonce: string): Promise<void> {
    writeFileSync(join(this.#flags, nonce), '');
    const key = `${nonce}-again`;
    const submission = this.#expect(key, 'again', ['succeeded']);
    const rerun = await this.#client.ask((client, signal) =>
      client.runs.rerun(id, {}, { idempotencyKey: key, signal }),
    );
    submission.run = rerun.id;
    submission.told = await this.#until(rerun.id, isTerminalRun);
  }

  #expect(key: string, workflow: string, mayEnd: RunState[]): Submission {
    const submission: Submission = { key, workflow, run: null, mayEnd, told: null };
    this.record.submissions.push(submission);
    return submission;
  }

  /** `task`: of a kill; undefined: it is none. A refusal because it cannot apply any more is no trouble. */
  async #command(
    run: number,
    task: string | null | undefined,
    send: Parameters<typeof this.sendCommand>[0],
  ): Promise<void> {
    try {
      const { command } = await this.sendCommand(send);
      this.record.commands.push(command);
      if (task !== undefined) this.record.kills.push({ run, task, atMs: Date.now() });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
  }

  sendCommand(
    send: (
      client: Parameters<Parameters<PatientClient['ask']>[0]>[0],
      signal: AbortSignal,
    ) => Promise<{ command: number }>,
  ) {
    return this.#client.ask(send);
  }

  /** Until the task runs (or cannot any more). */
  async #untilTask(run: number, name: string): Promise<void> {
    for (;;) {
      const { items } = await this.#client.ask((client, signal) => client.runs.tasks(run, {}, signal));
      const state = items.find((task) => task.name === name)?.state ?? 'pending';
      if (state === 'running' || isTerminalTaskRun(state)) return;
      await this.#breathe();
    }
  }

  /** The state that was waited for, or a final one. */
  async #until(run: number, wanted: (state: RunState) => boolean): Promise<RunState> {
    for (;;) {
      const { state } = await this.#client.ask((client, signal) => client.runs.get(run, signal));
      if (wanted(state) || isTerminalRun(state)) return state;
      await this.#breathe();
    }
  }

  #breathe(): Promise<void> {
    return pause(POLL_MS * (0.7 + 0.6 * Math.random()), undefined, { signal: this.#signal });
  }
}

async function saveWorkflows(
  { client, ledger, longTenths }: LoadOptions,
  flags: string,
  httpUrl: string,
): Promise<void> {
  await client.ask((api, signal) => api.projects.put(PROJECT, {}, signal));
  for (const [name, size] of GROUPS) await client.ask((api, signal) => api.taskGroups.put(name, { size }, signal));
  for (const [name, definition] of definitions({ ledger, httpUrl, flags, longTenths })) {
    const input = { source: JSON.stringify(definition), format: 'json' as const };
    await client.ask((api, signal) => api.workflows.save(PROJECT, name, input, signal));
  }
}

/** What HTTP tasks call: the call is the execution. */
async function openHttpDoor({ ledger, host }: LoadOptions): Promise<{ url: string; close: () => Promise<void> }> {
  let calls = 0;
  const server = createServer((request, response) => {
    let attempt = '';
    request.setEncoding('utf8').on('data', (text: string) => (attempt += text));
    request.on('end', () => {
      const execution = `http-${(calls += 1)}`;
      if (/^\d+\.\d+\.\d+$/.test(attempt)) {
        appendToLedger(ledger, { word: 'start', attempt, execution });
        appendToLedger(ledger, { word: 'end', attempt, execution });
      }
      response.end('kept');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://${host}:${port}/carry-out`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
