/** Every way in which a command ends badly: an exit code and three lines – what, why, and what to do about it. */
import type { DefinitionProblem } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import { EXIT, type ExitCode } from './exit-codes.ts';

export interface FailureFields {
  exitCode: ExitCode;
  what: string;
  why?: string;
  /** What the person can do now, usually a command. */
  todo?: string;
  /** Already formatted, one per line, e.g. `flow.yaml:3:5: …`. */
  details?: string[];
}

/** Thrown by commands for failures that a person can do something about; anything else thrown is a bug. */
export class Failure extends Error {
  readonly fields: FailureFields;
  constructor(fields: FailureFields, options?: ErrorOptions) {
    super(fields.what, options);
    this.name = 'Failure';
    this.fields = fields;
  }
}

export function usageFailure(what: string, todo?: string): Failure {
  return new Failure({ exitCode: EXIT.usage, what, ...(todo === undefined ? {} : { todo }) });
}

/** The three lines, and the details between the first and the second. */
export function failureText(failure: FailureFields, heading: string): string {
  const lines = [`${heading} ${failure.what}`, ...(failure.details ?? []).map((detail) => `  ${detail}`)];
  if (failure.why !== undefined) lines.push(`  why: ${failure.why}`);
  if (failure.todo !== undefined) lines.push(`  try: ${failure.todo}`);
  return `${lines.join('\n')}\n`;
}

/** `file:line:column: message`, as editors and terminals make it clickable. */
export function problemText(file: string, problem: DefinitionProblem): string {
  const place = problem.line === null ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
  return `${place}: ${problem.message}${problem.pointer === '' ? '' : `  (${problem.pointer})`}`;
}

/** Turns whatever was thrown into what the person reads; the server's refusals by their status. */
export function failureOf(thrown: unknown): FailureFields {
  if (thrown instanceof Failure) return thrown.fields;
  if (thrown instanceof ApiError) return apiFailure(thrown);
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    exitCode: EXIT.unexpected,
    what: `unexpected: ${error.message}`,
    details: (error.stack ?? '')
      .split('\n')
      .slice(1, 6)
      .map((line) => line.trim()),
    todo: 'report this with the lines above; it is a mistake in Pelorus',
  };
}

function apiFailure(error: ApiError): FailureFields {
  const fields: FailureFields = { exitCode: exitCodeOf(error), what: error.message };
  if (error.errors.length > 0)
    fields.details = error.errors.map((problem) =>
      problemText(problem.pointer === '' ? 'request' : problem.pointer, { ...problem, pointer: '' }),
    );
  const todo = todoOf(error);
  if (error.code === 'UNREACHABLE') fields.why = 'the server is not running, or is somewhere else';
  else if (error.state !== null && !error.message.includes(error.state)) fields.why = `its state is ${error.state}`;
  if (todo !== null) fields.todo = todo;
  return fields;
}

function exitCodeOf(error: ApiError): ExitCode {
  if (error.code === 'UNREACHABLE' || error.code === 'NOT_PELORUS' || error.status === 503) return EXIT.unreachable;
  if (error.status === 401 || error.status === 403) return EXIT.forbidden;
  if (error.status === 404) return EXIT.notFound;
  if (error.status === 409 || error.status === 412) return EXIT.conflict;
  return error.status >= 500 ? EXIT.unexpected : EXIT.usage;
}

function todoOf(error: ApiError): string | null {
  switch (error.code) {
    case 'UNREACHABLE':
      return 'start one with `pelorus dev`, or name another with --server or PELORUS_SERVER';
    case 'NOT_PELORUS':
      return 'name the right server with --server or PELORUS_SERVER';
    case 'NOT_SIGNED_IN':
      return '`pelorus login`, or give a token with PELORUS_TOKEN or PELORUS_TOKEN_FILE';
    case 'WORKFLOW_NOT_FOUND':
    case 'PROJECT_NOT_FOUND':
      return 'pelorus workflow list';
    case 'RUN_NOT_FOUND':
      return 'pelorus runs list';
    case 'TASK_NOT_FOUND':
    case 'ATTEMPT_NOT_FOUND':
    case 'UNKNOWN_TASK':
      return 'pelorus runs get <run> shows the tasks and their attempts';
    case 'INTERNAL':
      return 'look into the log of the server';
    default:
      return error.retryAfterMs === null ? null : `the same again in ${Math.ceil(error.retryAfterMs / 1000)} s`;
  }
}
