import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode, type Problem } from '@pelorus/protocol';

/** A refusal of the operations port: a row of the error table with what happened this time. */
export class OpsRefusal extends Error {
  readonly code: ErrorCode;
  readonly headers: Record<string, string>;
  constructor(code: ErrorCode, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'OpsRefusal';
    this.code = code;
    this.headers = code === 'NOT_SIGNED_IN' ? { 'www-authenticate': 'Bearer realm="pelorus-ops"' } : headers;
  }
}

/** As a problem document (RFC 9457), like those of the API. */
export function refusalBody({ code, message }: OpsRefusal): { status: number; body: Problem } {
  const { status, sentence } = ERRORS[code];
  return {
    status,
    body: {
      type: `urn:pelorus:error:${code.toLowerCase()}`,
      title: sentence,
      status,
      detail: message,
      code,
      error: STATUS_CODES[status] ?? 'Error',
      message,
    },
  };
}
