import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode, type ImportReport, type Problem, type RequestProblem } from '@pelorus/protocol';
import { API_LIMITS } from './limits.ts';

export interface FailureDetail {
  errors?: RequestProblem[];
  /** Present state of the thing that refused. */
  state?: string;
  /** Of a workflow, as it is now. */
  version?: number | null;
  retryAfterSeconds?: number;
  /** Of an import that stored nothing. */
  report?: ImportReport;
  /** For the audit of a refusal: what it was about, as a path. Not shown to the client. */
  about?: string;
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

/** The 400 for what a request holds. */
export function badParameters(errors: RequestProblem[]): ApiFailure {
  return failureWith('BAD_PARAMETER', errors);
}

/** The first problems in the message, more of them in the list. */
export function failureWith(code: ErrorCode, errors: RequestProblem[]): ApiFailure {
  const shown = errors.slice(0, PROBLEMS_IN_MESSAGE).map((problem) => problem.message);
  const rest = errors.length - shown.length;
  return new ApiFailure(code, shown.join('; ') + (rest > 0 ? `; and ${rest} more` : ''), {
    errors: errors.slice(0, API_LIMITS.problemsShown),
  });
}

const PROBLEMS_IN_MESSAGE = 5;

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
    ...(detail.version === undefined ? {} : { version: detail.version }),
    ...(detail.report === undefined ? {} : { report: detail.report }),
    ...(detail.retryAfterSeconds === undefined ? {} : { retryAfter: detail.retryAfterSeconds }),
  };
}
