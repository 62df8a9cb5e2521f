/**
 * Every error that the API answers is a row of this table: a stable code, the HTTP status and the sentence that
 * heads it. What happened to which thing is said by the message of the occurrence. `docs/api.md` mirrors the table;
 * a test compares the two.
 */
import type { ImportReport } from './operations.ts';
import type { DefinitionProblem } from './workflow.ts';

export interface ErrorRow {
  status: number;
  sentence: string;
}

export const ERRORS = {
  BAD_PARAMETER: { status: 400, sentence: 'A parameter is missing or not acceptable.' },
  MALFORMED_BODY: { status: 400, sentence: 'The body cannot be read.' },
  BAD_REQUEST: { status: 400, sentence: 'The request cannot be understood.' },
  UNKNOWN_TASK: { status: 400, sentence: 'The workflow has no task of that name.' },
  EMPTY_PLAN: { status: 400, sentence: 'The run would execute nothing.' },
  UNKNOWN_ENVIRONMENT: { status: 400, sentence: 'There is no environment of that name to run in.' },
  NOT_SIGNED_IN: { status: 401, sentence: 'A valid session or token is needed.' },
  SIGN_IN_FAILED: { status: 401, sentence: 'Name and password, or the code, are not right.' },
  CROSS_ORIGIN: { status: 403, sentence: 'Requests from other web sites are refused.' },
  FORBIDDEN: { status: 403, sentence: 'There is no permission to do this.' },
  FOREIGN_HOST: { status: 403, sentence: 'The Host header does not name this server.' },
  NO_SUCH_ROUTE: { status: 404, sentence: 'There is nothing at this path.' },
  PROJECT_NOT_FOUND: { status: 404, sentence: 'There is no such project.' },
  WORKFLOW_NOT_FOUND: { status: 404, sentence: 'There is no such workflow.' },
  VERSION_NOT_FOUND: { status: 404, sentence: 'The workflow has no such version.' },
  RUN_NOT_FOUND: { status: 404, sentence: 'There is no such run.' },
  TASK_NOT_FOUND: { status: 404, sentence: 'The run has no such task.' },
  ATTEMPT_NOT_FOUND: { status: 404, sentence: 'There is no such attempt.' },
  TASK_GROUP_NOT_FOUND: { status: 404, sentence: 'There is no such task group.' },
  BACKFILL_NOT_FOUND: { status: 404, sentence: 'There is no such backfill.' },
  SCHEDULE_NOT_FOUND: { status: 404, sentence: 'The workflow has no such schedule.' },
  DEADLINE_NOT_FOUND: { status: 404, sentence: 'The workflow has no such deadline.' },
  CALENDAR_NOT_FOUND: { status: 404, sentence: 'There is no such calendar.' },
  OPERATION_NOT_FOUND: { status: 404, sentence: 'There is no such bulk operation.' },
  WORKER_NOT_FOUND: { status: 404, sentence: 'There is no such worker.' },
  WORKER_GROUP_NOT_FOUND: { status: 404, sentence: 'There is no such worker group.' },
  ENVIRONMENT_NOT_FOUND: { status: 404, sentence: 'There is no such environment.' },
  SECRET_NOT_FOUND: { status: 404, sentence: 'There is no such secret.' },
  CONNECTION_NOT_FOUND: { status: 404, sentence: 'There is no such connection.' },
  FILE_NOT_FOUND: { status: 404, sentence: 'There is no such file.' },
  ALERT_CHANNEL_NOT_FOUND: { status: 404, sentence: 'There is no such alert channel.' },
  USER_NOT_FOUND: { status: 404, sentence: 'There is no such user.' },
  SESSION_NOT_FOUND: { status: 404, sentence: 'There is no such session, or not any more.' },
  TOKEN_NOT_FOUND: { status: 404, sentence: 'There is no such token.' },
  MEMBER_NOT_FOUND: { status: 404, sentence: 'The project has no such member.' },
  NOT_FOUND: { status: 404, sentence: 'There is no such thing.' },
  METHOD_NOT_ALLOWED: { status: 405, sentence: 'This path does not answer that method.' },
  NAME_TAKEN: { status: 409, sentence: 'The name is already in use.' },
  WRONG_STATE: { status: 409, sentence: 'This cannot be done in the present state.' },
  CONFLICT: { status: 409, sentence: 'The request conflicts with what is stored.' },
  PRECONDITION_FAILED: { status: 412, sentence: 'What this requires does not hold; nothing was changed.' },
  TOO_LARGE: { status: 413, sentence: 'The request is larger than the limit.' },
  URI_TOO_LONG: { status: 414, sentence: 'The address is longer than the limit.' },
  WRONG_CONTENT_TYPE: { status: 415, sentence: 'This path does not read that content type.' },
  RANGE_NOT_SATISFIABLE: { status: 416, sentence: 'The range lies outside of what there is.' },
  INVALID_DEFINITION: { status: 422, sentence: 'The definition is not valid; nothing was stored.' },
  INVALID_PARAMETERS: { status: 422, sentence: 'The start parameters do not fit the workflow; nothing was started.' },
  UNSAFE_ARCHIVE: { status: 422, sentence: 'The zip file was refused; nothing was stored.' },
  TOO_MANY_REQUESTS: { status: 429, sentence: 'Too many requests.' },
  HEADERS_TOO_LARGE: { status: 431, sentence: 'The request headers are larger than the limit.' },
  INTERNAL: { status: 500, sentence: 'The server made a mistake; it is in the server log.' },
  LOGS_UNAVAILABLE: { status: 503, sentence: 'The log store does not answer; the same request may work later.' },
  LOG_SEARCH_BUSY: { status: 503, sentence: 'The log could not be searched in time; the same request may work later.' },
  STORE_UNAVAILABLE: {
    status: 503,
    sentence: 'The store cannot be reached or is too busy; the same request may work later.',
  },
  NO_WORKER: { status: 503, sentence: 'There is no worker that could do this now.' },
  VAULT_CLOSED: { status: 503, sentence: 'The server has no key for secrets, or not the one that this needs.' },
  NOT_READY: { status: 503, sentence: 'The server is not ready.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERRORS, text);
}

/** Where in a request something is wrong: the JSON pointer into the body, or `?name` for a query parameter. */
export type RequestProblem = DefinitionProblem;

/** `application/problem+json` (RFC 9457) with the published trio `status`, `error`, `message`. */
export interface Problem {
  /** `urn:pelorus:error:<code in lower case>`. */
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  /** Reason phrase of the status, e.g. `Not Found`. */
  error: string;
  /** The same text as `detail`. */
  message: string;
  /** All that is wrong, when there may be several things. */
  errors?: RequestProblem[];
  /** The present state of the thing, with `WRONG_STATE`. */
  state?: string;
  /** The latest version of the workflow, or the schedule's revision, with `PRECONDITION_FAILED`; null: there is none. */
  version?: number | null;
  /** What became of each part of an import, of which nothing was stored. */
  report?: ImportReport;
  /** Seconds, with 503 and 429; also in the header `Retry-After`. */
  retryAfter?: number;
  /** When the store last answered this server, with `STORE_UNAVAILABLE` and `NOT_READY`. */
  lastContactAt?: string;
  /** The same as the age of what this server knows, seconds. */
  ageSeconds?: number;
}
