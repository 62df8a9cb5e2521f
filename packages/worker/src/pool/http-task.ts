/** `http` attempts, on the runtime's own fetch. The attempt's timeout and a kill come through the abort signal. */
import { join } from 'node:path';
import type { HttpAction } from '@pelorus/protocol';
import type { CallContext } from './call-context.ts';
import { parseJsonPath, valueAtPath } from './json-path.ts';
import { fillJson, fillPlaceholders, jsonEscape } from './placeholders.ts';
import { failedTask, invalidTask } from './task-failure.ts';

export const HTTP_LIMITS = {
  /** A larger answer fails the attempt. */
  answerBytes: 16 * 1024 * 1024,
  /** Of an answer's body this much is logged. */
  loggedBytes: 4096,
} as const;

const BODYLESS = new Set(['GET', 'HEAD']);

/** Sends the request, checks the answer, resolves with the extracted outputs. */
export async function runHttp(call: CallContext, action: HttpAction): Promise<Record<string, unknown>> {
  const params = { ...call.spec.params, 'system.task.execute.path': join(call.call.directory, 'work') };
  const url = requestUrl(action.url, params);
  const headers = requestHeaders(action.headers, params);
  const body = requestBody(action, headers, params);
  const method = action.method.toUpperCase();
  if (body !== null && BODYLESS.has(method)) throw invalidTask(`a ${method} request cannot have a body`);
  const startedAt = performance.now();
  const answer = await fetch(url, { method, headers, body, signal: call.signal, redirect: 'follow' });
  const text = await readLimited(answer);
  const where = `${url.origin}${url.pathname}`;
  call.log.line(
    `${method} ${where}: ${answer.status} in ${Math.round(performance.now() - startedAt)} ms, ${text.length} characters`,
  );
  if (text !== '') call.log.line(call.showable(text).slice(0, HTTP_LIMITS.loggedBytes));
  await checkAnswer(action, answer.status, text, where);
  return extractOutputs(action.extract, text);
}

/** A placeholder that begins the URL stands for its beginning and is taken as it is; all others are percent-encoded. */
function requestUrl(template: string, params: Record<string, string>): URL {
  const text = fillPlaceholders(template.trim(), params, (value, at) => (at === 0 ? value : encodeURIComponent(value)));
  const url = URL.parse(text);
  if (!url) throw invalidTask(`${JSON.stringify(text)} is not a URL`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalidTask(`${url.protocol} is neither http: nor https:`);
  return url;
}

function requestHeaders(templates: Record<string, string>, params: Record<string, string>): Headers {
  const headers = new Headers();
  for (const [name, template] of Object.entries(templates)) {
    const value = fillPlaceholders(template, params, (text) => text);
    if (/[\r\n\0]/.test(value)) throw invalidTask(`the header ${name} would hold a line break`);
    try {
      headers.set(name, value);
    } catch {
      throw invalidTask(`${JSON.stringify(name)} with its value is not a header`);
    }
  }
  return headers;
}

function requestBody(action: HttpAction, headers: Headers, params: Record<string, string>): string | null {
  if (action.body === null || action.body === undefined) return null;
  if (typeof action.body !== 'string') {
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return JSON.stringify(fillJson(action.body, params));
  }
  const type = headers.get('content-type') ?? '';
  const json = type === '' ? /^\s*[[{]/.test(action.body) : /\bjson\b/i.test(type);
  if (json && type === '') headers.set('content-type', 'application/json');
  const form = type.startsWith('application/x-www-form-urlencoded');
  const write = json ? jsonEscape : form ? encodeURIComponent : (value: string) => value;
  return fillPlaceholders(action.body, params, write);
}

async function readLimited(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | null = answer.body;
  if (!body) return '';
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > HTTP_LIMITS.answerBytes) throw failedTask(`the answer is larger than ${HTTP_LIMITS.answerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function checkAnswer({ expect }: HttpAction, status: number, text: string, where: string): Promise<void> {
  const welcome = expect.status.length > 0 ? expect.status.includes(status) : status >= 200 && status < 300;
  if (!welcome) {
    throw failedTask(
      `${where} answered ${status}, expected ${expect.status.length > 0 ? expect.status.join(' or ') : '2xx'}`,
    );
  }
  if (expect.body === null || (await bodyMatches(expect.body, text))) return;
  throw failedTask(
    `the answer of ${where} does not ${expect.body.startsWith('re:') ? 'match' : 'contain'} ${JSON.stringify(expect.body)}`,
  );
}

/** `re:` introduces a regular expression, matched in linear time anywhere in the text; anything else must be contained. */
async function bodyMatches(expected: string, text: string): Promise<boolean> {
  if (!expected.startsWith('re:')) return text.includes(expected);
  const { RE2JS } = await import('re2js');
  try {
    return RE2JS.compile(expected.slice(3)).matcher(text).find();
  } catch (error) {
    throw invalidTask(`${JSON.stringify(expected)} is not a regular expression: ${(error as Error).message}`);
  }
}

function extractOutputs(extract: Record<string, string>, text: string): Record<string, unknown> {
  const entries = Object.entries(extract);
  if (entries.length === 0) return {};
  const answer = parseAnswer(text);
  return Object.fromEntries(
    entries.map(([name, path]) => {
      const steps = parseJsonPath(path);
      if (!steps) throw invalidTask(`${JSON.stringify(path)} is not a JSON path`);
      const value = valueAtPath(answer, steps);
      if (value === undefined) throw failedTask(`the answer has nothing at ${path}, which the output ${name} needs`);
      return [name, value];
    }),
  );
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failedTask('the answer is not JSON, so nothing can be taken out of it');
  }
}
