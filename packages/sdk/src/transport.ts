import { isErrorCode, type Problem } from '@pelorus/protocol/vocabulary';
import { ApiError } from './api-error.ts';

export interface ClientOptions {
  /** For instance `http://127.0.0.1:8080`; with or without `/api/v1`. */
  baseUrl: string;
  token?: string;
  /** Absent: the global one. */
  fetch?: typeof fetch;
}

export type QueryValue = string | number | boolean | undefined | readonly (string | number)[];

export interface RequestOptions {
  method: string;
  /** Below `/api/v1`, e.g. `/runs`; a path that begins with `/livez` or `/readyz` is taken from the root. */
  path: string;
  query?: Record<string, QueryValue>;
  /** Sent as JSON, unless `body` is given. */
  json?: unknown;
  body?: string | FormData | Uint8Array<ArrayBuffer>;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Sends one request and gives the parsed answer; throws `ApiError` for every refusal. */
export type Transport = <Answer>(request: RequestOptions) => Promise<Answer>;

/** Sends one request and gives its answer unread; throws `ApiError` for every refusal. */
export type Opener = (request: RequestOptions) => Promise<Response>;

export function createTransport(options: ClientOptions): Transport {
  const fetchAnswer = fetcher(options);
  return async <Answer>(request: RequestOptions): Promise<Answer> => {
    const { response, url } = await fetchAnswer(request);
    return parseAnswer<Answer>(response, url);
  };
}

export function createOpener(options: ClientOptions): Opener {
  const fetchAnswer = fetcher(options);
  return async (request) => {
    const { response, url } = await fetchAnswer(request);
    if (!response.ok) await parseAnswer(response, url);
    return response;
  };
}

function fetcher(options: ClientOptions): (request: RequestOptions) => Promise<{ response: Response; url: string }> {
  const root = options.baseUrl.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  const send = options.fetch ?? globalThis.fetch;
  return async (request) => {
    const url = root + pathOf(request.path) + queryText(request.query ?? {});
    const response = await send(url, initOf(request, options.token)).catch((cause: unknown) => {
      if (request.signal?.aborted === true) throw cause;
      throw new ApiError(
        { status: 0, code: 'UNREACHABLE', message: `no answer from ${root}: ${reasonOf(cause)}` },
        { cause },
      );
    });
    return { response, url };
  };
}

function pathOf(path: string): string {
  return /^\/(livez|readyz|metrics)$/.test(path) ? path : `/api/v1${path}`;
}

/** Repeats the name for each value of an array; leaves out what is undefined. */
function queryText(query: Record<string, QueryValue>): string {
  const parts = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values: readonly (string | number | boolean)[] = typeof value === 'object' ? value : [value];
    return values.map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`);
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function initOf(request: RequestOptions, token: string | undefined): RequestInit {
  const headers: Record<string, string> = { accept: 'application/json', ...request.headers };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  const body = request.body ?? (request.json === undefined ? undefined : JSON.stringify(request.json));
  if (typeof body === 'string') headers['content-type'] = request.contentType ?? 'application/json';
  if (body instanceof Uint8Array) headers['content-type'] = request.contentType ?? 'application/octet-stream';
  return {
    method: request.method,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
}

/** The parsed body; throws `ApiError` for a refusal, and for what is no answer of this API. */
export async function parseAnswer<Answer>(response: Response, url: string): Promise<Answer> {
  const text = await response.text();
  const value = parseJson(text);
  if (response.ok) {
    if (value === undefined && text !== '') throw notPelorus(response, url);
    return value as Answer;
  }
  const problem = value as Partial<Problem> | null | undefined;
  if (problem === null || typeof problem !== 'object' || !isErrorCode(problem.code)) throw notPelorus(response, url);
  throw new ApiError({
    status: response.status,
    code: problem.code,
    message: problem.message ?? problem.title ?? response.statusText,
    errors: problem.errors ?? [],
    state: problem.state ?? null,
    retryAfterMs: problem.retryAfter === undefined ? null : problem.retryAfter * 1000,
    ageMs: problem.ageSeconds === undefined ? null : problem.ageSeconds * 1000,
    report: problem.report ?? null,
  });
}

function notPelorus(response: Response, url: string): ApiError {
  return new ApiError({
    status: response.status,
    code: 'NOT_PELORUS',
    message: `${url} answered ${response.status}, but not as Pelorus does; is this the right address?`,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
