import { RE2JS } from 're2js';
import { z } from 'zod';
import { LIMITS, formatAttemptId, parseAttemptId, type LogPage } from '@pelorus/protocol';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { loadRun } from './lookup.ts';
import { ApiFailure, badParameter } from './problem.ts';
import { integer } from './schemas.ts';

export const logQuery = z.strictObject({
  from: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(0),
  size: integer({ min: 1, max: LIMITS.logPageLines }).default(100),
  query: z.string().max(API_LIMITS.logQueryLength).optional(),
});

/** One page of an attempt's log; throws `ATTEMPT_NOT_FOUND`. */
export async function readLog(
  context: ApiContext,
  attemptId: string,
  query: z.output<typeof logQuery>,
  signal: AbortSignal,
): Promise<LogPage> {
  const startedAt = performance.now();
  const matches = matcherOf(query.query);
  const attempt = parseAttemptId(attemptId);
  const known = attempt === null ? null : await context.store.getAttempt(formatAttemptId(attempt));
  if (attempt === null || known === null)
    throw new ApiFailure('ATTEMPT_NOT_FOUND', `there is no attempt ${attemptId}; its form is <run>.<task>.<n>`);
  const { spec } = await loadRun(context, attempt.run);
  const mask = await context.masks.of(spec.projectId);
  const { total, lines } = await context.logs.read(attempt, { from: query.from, size: query.size, matches }, signal);
  return {
    total,
    length: lines.length,
    took: Math.round(performance.now() - startedAt),
    content: mask ? lines.map((line) => mask.text(line)) : lines,
  };
}

const EXPRESSION_PREFIX = 're:';

/** Null for no query. `re:` begins an expression that takes linear time, whatever it says. */
function matcherOf(query: string | undefined): ((line: string) => boolean) | null {
  if (query === undefined || query === '') return null;
  if (!query.startsWith(EXPRESSION_PREFIX)) return (line) => line.includes(query);
  try {
    const expression = RE2JS.compile(query.slice(EXPRESSION_PREFIX.length));
    return (line) => expression.matcher(line).find();
  } catch (error) {
    throw badParameter(
      'query',
      `query is not a regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
