/** Untrusted values through a zod schema, with problems that a person can act on. */
import { z } from 'zod';
import { problemPhrase, type RequestProblem } from '@pelorus/protocol';
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
  const problem = problemPhrase('not_known', { place: [...path, key].join('.') });
  const message = nearest === null ? problem : problemPhrase('meant', { problem, meant: nearest });
  return problemAt(pointerOf([...path, key]), message);
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
    return behindName(problemPhrase('required', NO_NAME));
  if (Array.isArray(issue.input) && issue.code === 'invalid_type')
    return behindName(problemPhrase('given_once', { ...NO_NAME, expected: withArticle(issue.expected) }));
  switch (issue.code) {
    case 'invalid_type':
      return behindName(problemPhrase('must_be', { ...NO_NAME, expected: withArticle(issue.expected) }));
    case 'invalid_value': {
      const values = issue.values.map(String).join(', ');
      if (issue.values.length === 1) return behindName(problemPhrase('must_be', { ...NO_NAME, expected: values }));
      return behindName(problemPhrase('one_of', { ...NO_NAME, values }));
    }
    case 'too_small':
      return bound(issue.origin, amountOf('least', issue.minimum, issue.inclusive !== false));
    case 'too_big':
      return bound(issue.origin, amountOf('most', issue.maximum, issue.inclusive !== false));
    case 'invalid_format':
      return behindName(problemPhrase('wrong_form', NO_NAME));
    default:
      return behindName(problemPhrase('not_acceptable', NO_NAME));
  }
};

/** The name of the parameter comes before it later. */
const NO_NAME = { place: '' };

function behindName(problem: string): string {
  return problem.trimStart();
}

function amountOf(side: 'least' | 'most', bounding: number | bigint, inclusive: boolean): string {
  const limit = `${bounding}`;
  if (side === 'least') return problemPhrase(inclusive ? 'at_least' : 'more_than', { limit });
  return problemPhrase(inclusive ? 'at_most' : 'less_than', { limit });
}

function bound(origin: string, amount: string): string {
  if (origin === 'string') return behindName(problemPhrase('characters', { ...NO_NAME, amount }));
  if (origin === 'array' || origin === 'set') return behindName(problemPhrase('entries', { ...NO_NAME, amount }));
  return behindName(problemPhrase('must_be', { ...NO_NAME, expected: amount }));
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
