/**
 * A client that does not give up: each request goes to one API after the other until one gives an answer that counts. It keeps what
 * every answer was, and what no API may answer.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError, createClient, type Client } from '@pelorus/sdk';

export interface AnswerCounts {
  requests: number;
  ok: number;
  /** 4xx. */
  refused: number;
  /** 503 with `Retry-After`. */
  unavailable: number;
  /** No answer in time: the outcome is unknown. */
  timeouts: number;
  /** Connection refused or lost. */
  unreachable: number;
}

/** An answer that is wrong whatever has happened. */
export interface Violation {
  status: number;
  method: string;
  path: string;
  detail: string;
}

export interface PatientClient {
  readonly counts: AnswerCounts;
  readonly violations: Violation[];
  /** Resolves with the first answer below 400; rejects with the `ApiError` of a refusal (4xx), or when `signal` aborts. */
  ask<Answer>(request: (client: Client, signal: AbortSignal) => Promise<Answer>): Promise<Answer>;
}

const REQUEST_MS = 5_000;
const RETRY_MS = 250;
const VIOLATIONS_MAX = 200;

export function createPatientClient(urls: string[], token: string, signal: AbortSignal): PatientClient {
  const counts: AnswerCounts = { requests: 0, ok: 0, refused: 0, unavailable: 0, timeouts: 0, unreachable: 0 };
  const violations: Violation[] = [];
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const retryAfter = response.headers.get('retry-after');
    if (
      response.status >= 500 &&
      !(response.status === 503 && /^\d+$/.test(retryAfter ?? '')) &&
      violations.length < VIOLATIONS_MAX
    )
      violations.push({
        status: response.status,
        method: init?.method ?? 'GET',
        path: new URL(input as string).pathname,
        detail: (await response.clone().text()).slice(0, 500),
      });
    return response;
  };
  const clients = urls.map((baseUrl) => createClient({ baseUrl, token, fetch: watched }));
  let turn = 0;
  return {
    counts,
    violations,
    ask: async (request) => {
      for (;;) {
        signal.throwIfAborted();
        turn += 1;
        counts.requests += 1;
        const limit = AbortSignal.timeout(REQUEST_MS);
        try {
          const answer = await request(clients[turn % clients.length]!, AbortSignal.any([limit, signal]));
          counts.ok += 1;
          return answer;
        } catch (error) {
          signal.throwIfAborted();
          if (limit.aborted) counts.timeouts += 1;
          else if (!(error instanceof ApiError)) counts.unreachable += 1;
          else if (error.status === 0) counts.unreachable += 1;
          else if (error.status >= 500) counts.unavailable += 1;
          else {
            counts.refused += 1;
            if (error.status !== 429) throw error;
          }
        }
        await pause(RETRY_MS * (0.5 + Math.random()), undefined, { signal });
      }
    },
  };
}
