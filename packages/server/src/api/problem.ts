import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode, type Problem, type RequestProblem } from '@pelorus/protocol';

export interface FailureDetail {
  errors?: RequestProblem[];
  /** Present state of the thing that refused. */
  state?: string;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An expected refusal: a row of the error table with what happened this time. The error handler turns it into the answer. */
export class ApiFailure extends Error {
  readonly code: ErrorCode;
  readonly detail: FailureDetail;
  constructor(code: ErrorCode, message: string, detail: FailureDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'ApiFailure';
    this.code = code;
    this.detail = detail;
  }
}

/** A 400 whose message names every problem. */
export function badParameters(errors: RequestProblem[]): ApiFailure {
  const shown = errors.slice(0, 5).map((problem) => problem.message);
  const rest = errors.length - shown.length;
  return new ApiFailure('BAD_PARAMETER', shown.join('; ') + (rest > 0 ? `; and ${rest} more` : ''), { errors });
}

export function badParameter(name: string, message: string): ApiFailure {
  return badParameters([problemAt(`/${name}`, message)]);
}

export function problemAt(pointer: string, message: string): RequestProblem {
  return { pointer, line: null, column: null, message };
}

export function toProblem(code: ErrorCode, message: string, detail: FailureDetail = {}): Problem {
  const row = ERRORS[code];
  return {
    type: `urn:pelorus:error:${code.toLowerCase()}`,
    title: row.sentence,
    status: row.status,
    detail: message,
    code,
    error: STATUS_CODES[row.status] ?? 'Error',
    message,
    ...(detail.errors === undefined ? {} : { errors: detail.errors }),
    ...(detail.state === undefined ? {} : { state: detail.state }),
    ...(detail.retryAfterSeconds === undefined ? {} : { retryAfter: detail.retryAfterSeconds }),
  };
}
