/**
 * The few calls of the S3 protocol that logs need, path-style, on any store that speaks it. Each request is signed together
 * with the hash of its body, has a time limit, and is tried again when the network or the other side fails.
 */
import { AwsV4Signer } from 'aws4fetch';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { LogStoreError } from './port.ts';

export interface S3Place {
  /** `https://host[:port]`, without a path. */
  endpoint: string;
  region: string;
  bucket: string;
  /** Empty, or ends with a slash. */
  prefix: string;
}

export interface S3Options extends S3Place {
  accessKeyId: string;
  secretAccessKey: string;
  /** Tries of one call before it fails; default 4. */
  tries?: number;
  /** Of one try; default 10,000. */
  requestTimeoutMs?: number;
  /** Pause before the second try, doubled for each further one; default 100. */
  retryMs?: number;
}

export interface S3Object {
  key: string;
  sizeBytes: number;
}

export interface S3Page {
  objects: S3Object[];
  /** What follows the prefix up to the next slash. */
  folders: string[];
  /** To go on; null: that was all. */
  next: string | null;
}

export interface S3Client {
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Bytes of a range; null when there is no such object. */
  get(key: string, offset: number, length: number): Promise<Uint8Array | null>;
  /** Keys below a prefix in the order of their bytes; with `byFolder` only one level. */
  list(request: { prefix: string; byFolder?: boolean; startAfter?: string; next?: string | null }): Promise<S3Page>;
  /** Of an object that is not there: nothing. */
  delete(key: string): Promise<void>;
}

const TRIES = 4;
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_MS = 100;
const PAGE_KEYS = 1000;
/** Of an answer that lists keys, or tells of an error. */
const ANSWER_BYTES = 4 * 1024 * 1024;

/** Keys are below the place's prefix. Every call rejects with `LogStoreError`. */
export function createS3Client(options: S3Options): S3Client {
  const { endpoint, bucket, prefix } = options;
  const urlOf = (key: string): URL => new URL(`${endpoint}/${bucket}/${prefix}${key}`);

  return {
    put: async (key, bytes) => {
      await call(options, { method: 'PUT', url: urlOf(key), body: bytes });
    },
    get: async (key, offset, length) => {
      const range = `bytes=${offset}-${offset + length - 1}`;
      const answer = await call(options, { method: 'GET', url: urlOf(key), headers: { range } });
      if (answer.status === 404) return null;
      // Behind its end.
      if (answer.status === 416) return new Uint8Array();
      const bytes = answer.status === 206 ? answer.bytes : answer.bytes.subarray(offset, offset + length);
      if (bytes.length > length) throw new LogStoreError(`${key}: the object store sent more than was asked for`);
      return bytes;
    },
    list: async ({ prefix: below, byFolder, startAfter, next }) => {
      const query = {
        'list-type': '2',
        'max-keys': String(PAGE_KEYS),
        prefix: prefix + below,
        ...(byFolder === true ? { delimiter: '/' } : {}),
        ...(startAfter === undefined ? {} : { 'start-after': prefix + startAfter }),
        ...(next === undefined || next === null ? {} : { 'continuation-token': next }),
      };
      const url = new URL(`${endpoint}/${bucket}?${queryText(query)}`);
      return pageOf((await call(options, { method: 'GET', url })).bytes, prefix, prefix + below);
    },
    delete: async (key) => {
      await call(options, { method: 'DELETE', url: urlOf(key) });
    },
  };
}

/** As it is signed, which is stricter than what `URLSearchParams` writes: some servers take the text as it came. */
function queryText(query: Record<string, string>): string {
  const encoded = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return Object.entries(query)
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
}

interface S3Request {
  method: 'GET' | 'PUT' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  body?: Uint8Array;
}

interface S3Answer {
  status: number;
  bytes: Uint8Array;
}

async function call(options: S3Options, request: S3Request): Promise<S3Answer> {
  const tries = options.tries ?? TRIES;
  for (let n = 1; ; n += 1) {
    const outcome = await tryOnce(options, request);
    if ('bytes' in outcome) return outcome;
    if (!outcome.mayPass || n >= tries) throw new LogStoreError(outcome.reason, { cause: outcome.cause });
    await pause((options.retryMs ?? RETRY_MS) * 2 ** (n - 1) * (0.5 + Math.random()));
  }
}

interface Refusal {
  reason: string;
  /** The same again may succeed. */
  mayPass: boolean;
  cause?: unknown;
}

async function tryOnce(options: S3Options, request: S3Request): Promise<S3Answer | Refusal> {
  const where = `${options.endpoint}/${options.bucket}`;
  try {
    const response = await fetch(await signed(options, request), {
      signal: AbortSignal.timeout(options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const isAbsent = response.status === 404 && request.method !== 'PUT' && codeIn(bytes) !== 'NoSuchBucket';
    if (response.ok || isAbsent || response.status === 416) return { status: response.status, bytes };
    const mayPass = response.status >= 500 || response.status === 429 || response.status === 408;
    return { reason: `the object store at ${where} answered ${response.status} ${codeIn(bytes)}`.trim(), mayPass };
  } catch (cause) {
    return { reason: `the object store at ${where} does not answer: ${reasonOf(cause)}`, mayPass: true, cause };
  }
}

async function signed(options: S3Options, { method, url, headers, body }: S3Request): Promise<Request> {
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    // Signed, so that bytes which changed on the way are refused.
    headers: {
      ...headers,
      'x-amz-content-sha256': createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    },
    accessKeyId: options.accessKeyId,
    secretAccessKey: options.secretAccessKey,
    region: options.region,
    service: 's3',
  });
  const { url: signedUrl, headers: signedHeaders } = await signer.sign();
  return new Request(signedUrl, {
    method,
    headers: signedHeaders,
    redirect: 'error',
    ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
  });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return 'it took too long';
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}

/** `AccessDenied` and its like; an answer that says none has none. */
function codeIn(bytes: Uint8Array): string {
  return /<Code>(\w+)<\/Code>/.exec(textOf(bytes))?.[1] ?? '';
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, ANSWER_BYTES)).toString('utf8');
}

/** Our own keys, whose characters XML leaves alone; what else is in the bucket below the prefix does not match and is passed over. */
function pageOf(bytes: Uint8Array, prefix: string, below: string): S3Page {
  const text = textOf(bytes);
  if (!text.includes('<ListBucketResult'))
    throw new LogStoreError('the object store did not list what it was asked for');
  const objects = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].flatMap(([, entry = '']) => {
    const key = /<Key>([\w./-]+)<\/Key>/.exec(entry)?.[1];
    const size = /<Size>(\d+)<\/Size>/.exec(entry)?.[1];
    return key === undefined || size === undefined || !key.startsWith(prefix)
      ? []
      : [{ key: key.slice(prefix.length), sizeBytes: Number(size) }];
  });
  const folders = [...text.matchAll(/<CommonPrefixes>\s*<Prefix>([\w./-]+)<\/Prefix>/gs)].flatMap(([, folder = '']) =>
    folder.startsWith(below) ? [folder.slice(below.length, -1)] : [],
  );
  const next = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(text)?.[1];
  return { objects, folders, next: next === undefined ? null : unescapeXml(next) };
}

const XML_ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:(\w+)|#(\d+)|#x([\da-f]+));/gi, (whole, name?: string, decimal?: string, hex?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    return XML_ENTITIES[name ?? ''] ?? whole;
  });
}
