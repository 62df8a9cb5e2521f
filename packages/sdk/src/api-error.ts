import type { ErrorCode, ImportReport, RequestProblem } from '@pelorus/protocol';

export interface ApiErrorFields {
  status: number;
  code: ErrorCode | 'UNREACHABLE' | 'NOT_PELORUS';
  message: string;
  errors?: RequestProblem[];
  state?: string | null;
  retryAfterMs?: number | null;
  ageMs?: number | null;
  report?: ImportReport | null;
}

/**
 * The server's refusal, or the failure to get an answer at all: then `status` is 0 and `code` is `UNREACHABLE`
 * (no connection; `cause` says why) or `NOT_PELORUS` (something answered that is not this API).
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ErrorCode | 'UNREACHABLE' | 'NOT_PELORUS';
  /** All that is wrong with the request or the definition; empty when there is no list. */
  readonly errors: RequestProblem[];
  /** Present state of the thing, when the code is `WRONG_STATE`. */
  readonly state: string | null;
  readonly retryAfterMs: number | null;
  /** How long ago the store last answered the server, when it cannot be reached: the age of what the server knows. */
  readonly ageMs: number | null;
  /** Of an import that stored nothing. */
  readonly report: ImportReport | null;

  constructor(fields: ApiErrorFields, options?: ErrorOptions) {
    super(fields.message, options);
    this.name = 'ApiError';
    this.status = fields.status;
    this.code = fields.code;
    this.errors = fields.errors ?? [];
    this.state = fields.state ?? null;
    this.retryAfterMs = fields.retryAfterMs ?? null;
    this.ageMs = fields.ageMs ?? null;
    this.report = fields.report ?? null;
  }
}
