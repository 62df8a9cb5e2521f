/** How the api role asks a master over its operations port. Every wait and answer is bounded; failures are values. */
import type { RunId } from '@pelorus/protocol';
import { z } from 'zod';
import type { ConnectionTest } from '../master/index.ts';
import type { LiveRun } from '../master/live-run.ts';
import { OPS_LIMITS, OPS_PATHS } from './paths.ts';

export type MasterAnswer<Value> =
  | { kind: 'answer'; value: Value }
  /** It lives, and the run is not its own: it has ended, or another master has taken it over. */
  | { kind: 'not-owner' }
  /** It lives and has no worker that could do this. */
  | { kind: 'no-worker' }
  /** No answer that could be used; `detail` says why, for the log. */
  | { kind: 'unreachable'; detail: string };

export interface MasterClient {
  /** `opsUrl` as the master has published it. `signal` ends it early, as `unreachable`. */
  liveRun(opsUrl: string, run: RunId, signal?: AbortSignal): Promise<MasterAnswer<LiveRun>>;
  testConnection(
    opsUrl: string,
    connection: { projectId: number; name: string },
    signal?: AbortSignal,
  ): Promise<MasterAnswer<ConnectionTest>>;
}

export interface MasterClientOptions {
  /** The bearer token of the masters' operations ports. */
  token: string;
  /** For a live run, from the first byte to the last. Default 1 s. */
  timeoutMs?: number;
  /** Default 256 MiB. */
  answerBytesMax?: number;
}

export function createMasterClient(options: MasterClientOptions): MasterClient {
  const { token, timeoutMs = 1_000, answerBytesMax = OPS_LIMITS.answerBytes } = options;
  const authorization = `Bearer ${token}`;

  async function ask(
    address: { opsUrl: string; path: string },
    request: { method: string; headers?: Record<string, string>; body?: string },
    until: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<{ status: number; body: unknown } | string> {
    const late = AbortSignal.timeout(until.timeoutMs);
    const signal = until.signal === undefined ? late : AbortSignal.any([late, until.signal]);
    try {
      const response = await fetch(address.opsUrl.replace(/\/+$/, '') + address.path, {
        ...request,
        headers: { ...request.headers, authorization, accept: 'application/json' },
        redirect: 'error',
        signal,
      });
      return { status: response.status, body: await readJson(response, answerBytesMax) };
    } catch (error) {
      if (late.aborted) return `no answer within ${until.timeoutMs} ms`;
      return sentenceOf(error);
    }
  }

  return {
    liveRun: async (opsUrl, run, signal) => {
      const address = { opsUrl, path: `${OPS_PATHS.liveRun}?id=${run}` };
      const got = await ask(address, { method: 'GET' }, { timeoutMs, signal });
      if (typeof got === 'string') return { kind: 'unreachable', detail: got };
      if (got.status === 404 && codeOf(got.body) === 'RUN_NOT_FOUND') return { kind: 'not-owner' };
      const parsed = got.status === 200 ? liveRunShape.safeParse(got.body) : null;
      if (!parsed?.success || parsed.data.spec.id !== run || parsed.data.status.run !== run) return unusable(got);
      // Its rows come from a program that made them from the same records; what they are made of is not gone into.
      return { kind: 'answer', value: parsed.data as unknown as LiveRun };
    },
    testConnection: async (opsUrl, connection, signal) => {
      const body = JSON.stringify({ projectId: connection.projectId, name: connection.name });
      const got = await ask(
        { opsUrl, path: OPS_PATHS.testConnection },
        { method: 'POST', headers: { 'content-type': 'application/json' }, body },
        { timeoutMs: OPS_LIMITS.connectionTestMs, signal },
      );
      if (typeof got === 'string') return { kind: 'unreachable', detail: got };
      if (got.status === 503 && codeOf(got.body) === 'NO_WORKER') return { kind: 'no-worker' };
      const parsed = got.status === 200 ? connectionTestShape.safeParse(got.body) : null;
      return parsed?.success ? { kind: 'answer', value: parsed.data } : unusable(got);
    },
  };
}

const liveRunShape = z.looseObject({
  master: z.string(),
  since: z.number().optional(),
  version: z.int(),
  spec: z.looseObject({ id: z.int(), projectId: z.int(), project: z.string(), workflow: z.string() }),
  status: z.looseObject({ run: z.int(), version: z.int(), state: z.string() }),
  tasks: z.array(
    z.looseObject({
      name: z.string(),
      type: z.string(),
      state: z.string(),
      record: z.looseObject({ run: z.int(), task: z.int(), state: z.string() }).nullable(),
      attempt: z.looseObject({ run: z.int(), task: z.int(), n: z.int(), state: z.string() }).nullable(),
    }),
  ),
});

const connectionTestShape = z.object({
  ok: z.boolean(),
  detail: z.string(),
  tookMs: z.number(),
  worker: z.string().nullable(),
});

async function readJson(response: Response, bytesMax: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop cancels the body, and with it the connection.
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
}

const problemShape = z.looseObject({ code: z.string(), message: z.string().optional() });

function codeOf(body: unknown): string | null {
  return problemShape.safeParse(body).data?.code ?? null;
}

function unusable({ status, body }: { status: number; body: unknown }): { kind: 'unreachable'; detail: string } {
  const problem = problemShape.safeParse(body).data;
  const detail = problem === undefined ? 'not what a master answers' : (problem.message ?? problem.code);
  return { kind: 'unreachable', detail: `status ${status}: ${detail.slice(0, 500)}` };
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // `fetch failed` says nothing; its cause does.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
