/** Untrusted values through a zod schema, with problems that a person can act on. */
import { z } from 'zod';
import type { RequestProblem } from '@pelorus/protocol';
import { API_LIMITS } from './limits.ts';
import { nearestName } from './nearest.ts';
import { badParameters, problemAt } from './problem.ts';
import { unstorableParts } from './text-door.ts';

/** The parsed value; throws the 400 that names every problem. */
export function parseInput<Output>(schema: z.ZodType<Output>, input: unknown): Output {
  const unstorable = unstorableParts(input);
  if (unstorable.length > 0) throw badParameters(unstorable);
  const result = schema.safeParse(input, { error: sentence });
  if (result.success) return result.data;
  throw badParameters(
    result.error.issues.slice(0, API_LIMITS.problemsShown).flatMap((issue) => toProblems(schema, issue)),
  );
}

function toProblems(schema: z.ZodType, issue: z.core.$ZodIssue): RequestProblem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, API_LIMITS.problemsShown).map((key) => unknownName(shapeAt(schema, path), path, key));
  return [problemAt(pointerOf(path), `${path.length === 0 ? 'the body' : path.join('.')} ${issue.message}`)];
}

function unknownName(known: string[], path: string[], key: string): RequestProblem {
  const nearest = nearestName(key, known);
  const hint = nearest === null ? '' : `; did you mean ${nearest}?`;
  return problemAt(pointerOf([...path, key]), `${[...path, key].join('.')} is not known here${hint}`);
}

function pointerOf(path: string[]): string {
  return path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Names that the object schema at `path` knows. */
function shapeAt(schema: z.ZodType, path: string[]): string[] {
  let at: unknown = schema;
  for (const step of path) {
    const shape = unwrapped(at);
    at = shape instanceof z.ZodObject ? shape.shape[step] : undefined;
  }
  const last = unwrapped(at);
  return last instanceof z.ZodObject ? Object.keys(last.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let at = schema;
  while (
    at instanceof z.ZodOptional ||
    at instanceof z.ZodDefault ||
    at instanceof z.ZodNullable ||
    at instanceof z.ZodPipe
  ) {
    at = at instanceof z.ZodPipe ? at.out : at.unwrap();
  }
  return at;
}

/** What is wrong, to follow the name of the parameter. */
const sentence: z.core.$ZodErrorMap = (issue) => {
  if (
    issue.input === undefined &&
    (issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union')
  )
    return 'is required';
  if (Array.isArray(issue.input) && issue.code === 'invalid_type')
    return `must be ${withArticle(issue.expected)}, given once`;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${withArticle(issue.expected)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return bound('least', issue.origin, issue.minimum, issue.inclusive !== false);
    case 'too_big':
      return bound('most', issue.origin, issue.maximum, issue.inclusive !== false);
    case 'invalid_format':
      return 'does not have the expected form';
    default:
      return 'is not acceptable';
  }
};

function bound(side: 'least' | 'most', origin: string, limit: number | bigint, inclusive: boolean): string {
  const strict = side === 'least' ? 'more than' : 'less than';
  const amount = `${inclusive ? `at ${side}` : strict} ${limit}`;
  if (origin === 'string') return `must have ${amount} characters`;
  if (origin === 'array' || origin === 'set') return `must have ${amount} entries`;
  return `must be ${amount}`;
}

function withArticle(expected: string): string {
  const words: Record<string, string> = {
    int: 'an integer',
    number: 'a number',
    array: 'an array',
    object: 'an object',
    record: 'an object',
    string: 'a text',
    boolean: 'true or false',
  };
  return words[expected] ?? expected;
}
