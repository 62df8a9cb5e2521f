/**
 * Server-sent events over fetch, and their resumption: who reads a stream to its end has missed nothing, however often the
 * connection was lost in between.
 */
import { ApiError } from './api-error.ts';
import type { Opener, QueryValue } from './transport.ts';

/** As it came over the wire; `data` not parsed. */
export interface RawEvent {
  /** Of this event, or the last one before it that had an id. */
  id: string | null;
  /** `message` when it has no name. */
  event: string;
  data: string;
}

export interface WatchOptions {
  signal?: AbortSignal;
  /** The connection was lost or refused for now; it is tried again. */
  onInterruption?: (error: unknown) => void;
  /** How long the server may stay away before the last error is thrown. Default 120,000. */
  patienceMs?: number;
  /** The event after which to go on, from an earlier watch. */
  lastEventId?: string;
}

export interface StreamRequest {
  path: string;
  query?: Record<string, QueryValue>;
  /** The event after which there are no more. */
  isLast?: (event: RawEvent) => boolean;
}

const PATIENCE_MS = 120_000;
const FIRST_RETRY_MS = 250;
const RETRY_MS = 2_000;
const RETRY_MAX_MS = 15_000;
/** The server says something every 15 s. */
const SILENCE_MS = 45_000;

/**
 * The events of a stream, across as many connections as it takes; ends after the last one, or when the server says that
 * there are no more. Throws `ApiError` for a refusal that will not pass, and when the server stays away too long; the signal's reason
 * when it is aborted.
 */
export async function* resumedEvents(
  open: Opener,
  request: StreamRequest,
  options: WatchOptions = {},
): AsyncIterable<RawEvent> {
  const { signal, onInterruption, patienceMs = PATIENCE_MS } = options;
  const place = { id: options.lastEventId ?? null, retryMs: RETRY_MS };
  let silentSince: number | null = null;
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    const idle = new IdleLimit(signal);
    let error: Error | null = null;
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (place.id !== null) headers['last-event-id'] = place.id;
      const { path, query } = request;
      const response = await open({
        method: 'GET',
        path,
        headers,
        signal: idle.signal,
        ...(query === undefined ? {} : { query }),
      });
      if (response.status === 204) return;
      for await (const event of eventsOf(response, place, () => idle.touch())) {
        silentSince = null;
        failures = 0;
        yield event;
        if (request.isLast?.(event) === true) return;
      }
    } catch (cause) {
      signal?.throwIfAborted();
      if (!mayPass(cause)) throw cause;
      error = cause instanceof Error ? cause : new Error(String(cause), { cause });
    } finally {
      idle.end();
    }
    silentSince ??= Date.now();
    if (error !== null && Date.now() - silentSince > patienceMs) throw error;
    onInterruption?.(error);
    await sleep(retryAfterMs(error) ?? pauseMs(failures, place.retryMs), signal);
    failures += 1;
  }
}

/** A stream that broke off is no `ApiError`; of refusals these pass. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof ApiError)) return true;
  return error.code === 'UNREACHABLE' || error.status === 429 || error.status === 503;
}

/** A connection that worked is tried again soon, and later ones less and less often. */
function pauseMs(failures: number, retryMs: number): number {
  return failures === 0 ? Math.min(FIRST_RETRY_MS, retryMs) : Math.min(retryMs * 2 ** (failures - 1), RETRY_MAX_MS);
}

function retryAfterMs(error: unknown): number | null {
  return error instanceof ApiError ? error.retryAfterMs : null;
}

/** Aborts what has said nothing for a while, and when the signal of the whole does. */
class IdleLimit {
  private readonly controller = new AbortController();
  private readonly outer: AbortSignal | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly onAbort = (): void => this.controller.abort(this.outer?.reason);

  constructor(outer: AbortSignal | undefined) {
    this.outer = outer;
    outer?.addEventListener('abort', this.onAbort);
    this.touch();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  touch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(new Error('the server has gone silent')), SILENCE_MS);
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener('abort', this.onAbort);
    // Whoever stopped reading in the middle has no use for the rest.
    this.controller.abort();
  }
}

function sleep(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      if (signal?.aborted === true) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(wake, durationMs);
    signal?.addEventListener('abort', wake);
  });
}

/** The events of one connection; `place` follows the ids and the pause that the server asks for. */
async function* eventsOf(
  response: Response,
  place: { id: string | null; retryMs: number },
  onBytes: () => void,
): AsyncIterable<RawEvent> {
  let name = '';
  let data: string[] = [];
  // An id counts only once its event is complete: half an event has not been had.
  let id: string | null = place.id;
  for await (const line of linesOf(response, onBytes)) {
    if (line === '') {
      place.id = id;
      if (data.length > 0) yield { id, event: name === '' ? 'message' : name, data: data.join('\n') };
      name = '';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
    else if (field === 'id') id = value;
    else if (field === 'retry' && /^\d{1,7}$/.test(value)) place.retryMs = Number(value);
  }
}

/** What comes after the last line end is cut off: half an event is none. */
async function* linesOf(response: Response, onBytes: () => void): AsyncIterable<string> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let parts: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const lines = decoder.decode(value, { stream: true }).split('\n');
      for (let i = 0; i < lines.length - 1; i++) {
        parts.push(lines[i]!);
        const line = parts.join('');
        parts = [];
        yield line.endsWith('\r') ? line.slice(0, -1) : line;
      }
      parts.push(lines.at(-1)!);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
