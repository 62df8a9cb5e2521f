import { RE2JS } from 're2js';
import { z } from 'zod';
import type { AttemptRecord } from '@pelorus/engine';
import {
  LIMITS,
  formatAttemptId,
  parseAttemptId,
  type AttemptKey,
  type AttemptLogPage,
  type LogPage,
} from '@pelorus/protocol';
import type { Mask } from '../vault/index.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { noteOn } from './log-late.ts';
import type { Wanted } from './log-search.ts';
import type { LogLines, LogQuery } from './logs.ts';
import { loadRun } from './lookup.ts';
import { ApiFailure, badParameter } from './problem.ts';
import { flag, integer } from './schemas.ts';
import { eventStream } from './sse.ts';
import type { Answer } from './route.ts';

const offset = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const size = integer({ min: 1, max: LIMITS.logPageLines });
const text = z.string().max(API_LIMITS.logQueryLength);

export const logQuery = z.strictObject({
  from: offset.default(0),
  size: size.default(100),
  query: text.optional(),
});

export const attemptLogQuery = z.strictObject({
  from: offset.optional(),
  size: size.optional(),
  query: text.optional(),
  tail: size.optional(),
  offset: offset.optional(),
  follow: flag.optional(),
});
type AttemptLogQuery = z.output<typeof attemptLogQuery>;

/** One page of an attempt's log, by lines; throws `ATTEMPT_NOT_FOUND`. */
export async function readLog(
  context: ApiContext,
  attemptId: string,
  query: z.output<typeof logQuery>,
  signal: AbortSignal,
): Promise<LogPage> {
  const startedAt = performance.now();
  const page = pageByLines(query);
  const attempt = await loadAttempt(context, attemptId);
  const { total, lines } = await readLines(context, attempt, page, signal);
  return { total: total ?? lines.length, length: lines.length, took: sinceMs(startedAt), content: lines };
}

/** One page of an attempt's log, by lines, by offset or from its end; or, with `follow`, the log as it is written. */
export async function readAttemptLog(
  context: ApiContext,
  attemptId: string,
  request: { query: AttemptLogQuery; lastEventId: string | null; signal: AbortSignal },
): Promise<AttemptLogPage | Answer> {
  const startedAt = performance.now();
  const { query, signal } = request;
  if (query.follow === true) return followLog(context, attemptId, query, request.lastEventId);
  const page = pageOf(query);
  const attempt = await loadAttempt(context, attemptId);
  const { lines, total, startByte, endByte, sizeBytes } = await readLines(context, attempt, page, signal);
  const took = sinceMs(startedAt);
  return { total, length: lines.length, took, content: lines, startByte, endByte, sizeBytes };
}

/** The text of an attempt's whole log, to be kept. */
export async function downloadLog(context: ApiContext, attemptId: string, signal: AbortSignal): Promise<Answer> {
  const { key, record, mask } = await loadAttempt(context, attemptId);
  const note = await noteNow(context, key, record);
  const pieces = context.logs.pieces(key, signal);
  return {
    status: 200,
    headers: { 'content-disposition': `attachment; filename="${formatAttemptId(key)}.log"` },
    body: { type: 'text/plain; charset=utf-8', pieces: withNote(mask ? masked(pieces, mask) : pieces, note) },
  };
}

async function* masked(pieces: AsyncIterable<Uint8Array>, mask: Mask): AsyncGenerator<Uint8Array> {
  const stream = mask.stream();
  for await (const piece of pieces) {
    const shown = stream.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    if (shown.length > 0) yield shown;
  }
  yield stream.end();
}

async function* withNote(pieces: AsyncIterable<Uint8Array>, note: string | null): AsyncGenerator<Uint8Array> {
  let last = 0x0a;
  for await (const piece of pieces) {
    last = piece.at(-1) ?? last;
    yield piece;
  }
  if (note !== null) yield Buffer.from(`${last === 0x0a ? '' : '\n'}${note}\n`);
}

interface LoadedAttempt {
  key: AttemptKey;
  record: AttemptRecord;
  /** Null: nothing in it has to be hidden. */
  mask: Mask | null;
}

async function loadAttempt(context: ApiContext, attemptId: string): Promise<LoadedAttempt> {
  const key = parseAttemptId(attemptId);
  const record = key === null ? null : await context.store.getAttempt(formatAttemptId(key));
  if (key === null || record === null)
    throw new ApiFailure('ATTEMPT_NOT_FOUND', `there is no attempt ${attemptId}; its form is <run>.<task>.<n>`);
  const { spec } = await loadRun(context, key.run);
  return { key, record, mask: await context.masks.of(spec.projectId) };
}

async function readLines(
  context: ApiContext,
  { key, record, mask }: LoadedAttempt,
  query: LogQuery,
  signal: AbortSignal,
): Promise<LogLines> {
  const page = await context.logs.read(key, query, await noteNow(context, key, record), signal);
  return mask ? { ...page, lines: page.lines.map((line) => mask.text(line)) } : page;
}

async function noteNow({ logs, clock }: ApiContext, key: AttemptKey, record: AttemptRecord): Promise<string | null> {
  const options = { logs: logs.store, now: clock() };
  // Of most logs it is known that nothing is missing without a look.
  if (noteOn(record, null, options) === null) return null;
  return noteOn(record, await logs.stat(key), options);
}

function pageByLines({ from, size: count, query }: z.output<typeof logQuery>): LogQuery {
  const wanted = wantedOf(query);
  return wanted === null ? { kind: 'lines', from, size: count } : { kind: 'search', from, size: count, wanted };
}

function pageOf({ from, size: count, query, tail, offset: at }: AttemptLogQuery): LogQuery {
  if (tail === undefined && at === undefined) return pageByLines({ from: from ?? 0, size: count ?? 100, query });
  const other = tail === undefined ? 'offset' : 'tail';
  if (from !== undefined)
    throw badParameter('from', `from counts lines from the beginning; it does not go with ${other}`);
  if (query !== undefined && query !== '')
    throw badParameter('query', `query looks through the whole log; it does not go with ${other}`);
  if (tail === undefined) return { kind: 'offset', offset: at ?? 0, size: count ?? 100 };
  if (count !== undefined) throw badParameter('size', 'size does not go with tail, which says how many lines');
  return { kind: 'tail', before: at ?? null, size: tail };
}

async function followLog(
  context: ApiContext,
  attemptId: string,
  query: AttemptLogQuery,
  lastEventId: string | null,
): Promise<Answer> {
  const { tail, offset: at } = query;
  if (query.from !== undefined) throw badParameter('from', 'from does not go with follow; begin with offset or tail');
  if (query.size !== undefined) throw badParameter('size', 'size does not go with follow');
  if (tail !== undefined && at !== undefined)
    throw badParameter('tail', 'follow begins with tail or at offset, not both');
  const wanted = wantedOf(query.query);
  const { key, mask } = await loadAttempt(context, attemptId);
  const from = readOffset(lastEventId) ?? (await beginning(context, key, { tail, offset: at }));
  return eventStream(context.followers.follow({ attempt: key, from, wanted, mask }));
}

function readOffset(lastEventId: string | null): number | null {
  return lastEventId !== null && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : null;
}

async function beginning(
  { logs }: ApiContext,
  key: AttemptKey,
  { tail, offset: at }: { tail: number | undefined; offset: number | undefined },
): Promise<number> {
  const opened = await logs.open(key);
  if (opened === null) return 0;
  const { text: log } = opened;
  if (tail !== undefined) return log.offsetAt(await logs.tailPosition(log, tail, log.length));
  return log.offsetAt(await logs.linePosition(log, log.positionAt(at ?? 0)));
}

function sinceMs(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}

const EXPRESSION_PREFIX = 're:';

/** Null for no query. `re:` begins an expression that takes linear time, whatever it says. */
function wantedOf(query: string | undefined): Wanted | null {
  if (query === undefined || query === '') return null;
  if (!query.startsWith(EXPRESSION_PREFIX)) return { kind: 'text', pattern: query };
  const pattern = query.slice(EXPRESSION_PREFIX.length);
  compile(pattern);
  return { kind: 'expression', pattern };
}

function compile(pattern: string): RE2JS {
  const expression = parseExpression(pattern);
  const steps = expression.programSize();
  if (steps > API_LIMITS.logExpressionSteps)
    throw badParameter(
      'query',
      `query is too large an expression: up to ${steps} steps for each character, at most ${API_LIMITS.logExpressionSteps}; repeat less in it`,
    );
  return expression;
}

function parseExpression(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw badParameter(
      'query',
      `query is not a regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
