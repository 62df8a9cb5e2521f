/**
 * A small object store for tests that speaks the calls of S3 which logs use, and checks each signature by the published
 * recipe of Signature Version 4, written down here without the library that makes them.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3TestServer {
  endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  /** Key → content, in the order of keys. */
  objects(): [string, Buffer][];
  /** Requests answered so far, e.g. `PUT logs/…`. */
  readonly requests: string[];
  /** What becomes of the next requests: a status, a cut connection, or no answer at all. */
  trouble(kind: number | 'cut' | 'silence', count?: number): void;
  /** Changes bytes of the next body on its way in. */
  corruptNextBody(): void;
  close(): Promise<void>;
}

const REGION = 'test-region-1';

/** `pageKeys`: keys in one page of a listing. */
export async function startS3Server({ pageKeys = 1000 } = {}): Promise<S3TestServer> {
  const accessKeyId = 'TESTKEY';
  const secretAccessKey = 'a/secret+that=needs,encoding';
  const bucket = 'logs-bucket';
  const stored = new Map<string, Buffer>();
  const requests: string[] = [];
  let troubles: (number | 'cut' | 'silence')[] = [];
  let corrupt = false;

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      let body = Buffer.concat(parts);
      if (corrupt && body.length > 0) {
        body = Buffer.concat([Buffer.from([body[0]! ^ 1]), body.subarray(1)]);
        corrupt = false;
      }
      handle(request, response, body);
    });
  });

  function handle(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const url = new URL(request.url ?? '', 'http://x');
    requests.push(`${request.method} ${url.pathname.replace(`/${bucket}`, '')}${url.search === '' ? '' : '?'}`);
    const trouble = troubles.shift();
    if (trouble === 'cut') return void request.socket.destroy();
    if (trouble === 'silence') return;
    if (trouble !== undefined) return fail(response, trouble, 'InternalError');
    const refusal = refusalOf(request, url, body, { accessKeyId, secretAccessKey });
    if (refusal !== null) return fail(response, 403, refusal);
    const [, bucketName = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    if (bucketName !== bucket) return fail(response, 404, 'NoSuchBucket');
    const key = rest.join('/');
    if (key === '') return list(response, url.searchParams);
    switch (request.method) {
      case 'PUT':
        stored.set(key, body);
        return void response.writeHead(200).end();
      case 'DELETE':
        stored.delete(key);
        return void response.writeHead(204).end();
      case 'GET':
        return get(response, key, request.headers.range ?? null);
      default:
        return fail(response, 405, 'MethodNotAllowed');
    }
  }

  function get(response: ServerResponse, key: string, range: string | null): void {
    const content = stored.get(key);
    if (content === undefined) return fail(response, 404, 'NoSuchKey');
    const wanted = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
    if (wanted === null) return void response.writeHead(200).end(content);
    const from = Number(wanted[1]);
    if (from >= content.length) return fail(response, 416, 'InvalidRange');
    response.writeHead(206).end(content.subarray(from, Number(wanted[2]) + 1));
  }

  function list(response: ServerResponse, query: URLSearchParams): void {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter');
    const token = query.get('continuation-token');
    const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString();
    const contents: string[] = [];
    const folders = new Set<string>();
    let last = '';
    let truncated = false;
    for (const [key, content] of inOrder(stored)) {
      if (!key.startsWith(prefix) || key <= after) continue;
      const cut = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      const folder = cut === -1 ? null : key.slice(0, cut + 1);
      if (folder !== null && (folders.has(folder) || after.startsWith(folder))) {
        last = key;
        continue;
      }
      if (contents.length + folders.size >= Math.min(pageKeys, Number(query.get('max-keys')))) {
        truncated = true;
        break;
      }
      if (folder === null)
        contents.push(
          `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>${content.length}</Size></Contents>`,
        );
      else folders.add(folder);
      last = key;
    }
    // S3's own tokens hold characters that XML escapes.
    const next = truncated
      ? `<NextContinuationToken>${Buffer.from(last).toString('base64')}</NextContinuationToken>`
      : '';
    const common = [...folders].map((folder) => `<CommonPrefixes><Prefix>${folder}</Prefix></CommonPrefixes>`).join('');
    response
      .writeHead(200, { 'content-type': 'application/xml' })
      .end(
        `<?xml version="1.0"?><ListBucketResult><IsTruncated>${truncated}</IsTruncated>${next}${contents.join('')}${common}</ListBucketResult>`,
      );
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accessKeyId,
    secretAccessKey,
    bucket,
    requests,
    objects: () => inOrder(stored),
    trouble: (kind, count = 1) => {
      troubles = Array.from({ length: count }, () => kind);
    },
    corruptNextBody: () => {
      corrupt = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function inOrder(stored: Map<string, Buffer>): [string, Buffer][] {
  return [...stored].sort(([left], [right]) => (left < right ? -1 : 1));
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`);
}

/** The error code of S3 for a request that is not signed as it should be, or null. */
function refusalOf(
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  keys: { accessKeyId: string; secretAccessKey: string },
): string | null {
  const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (parts === null) return 'AuthorizationHeaderMalformed';
  const [, accessKeyId, day = '', region = '', signedHeaders = '', signature] = parts;
  if (accessKeyId !== keys.accessKeyId) return 'InvalidAccessKeyId';
  if (region !== REGION) return 'AuthorizationHeaderMalformed';
  const names = signedHeaders.split(';');
  if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) => names.includes(name))) return 'AccessDenied';
  const at = request.headers['x-amz-date'] as string;
  const sentAt = Date.parse(at.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!at.startsWith(day) || Math.abs(Date.now() - sentAt) > 900_000) return 'RequestTimeTooSkewed';
  const hash = request.headers['x-amz-content-sha256'] as string;
  if (hash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  // Both readings of the recipe: the text as it came, and decoded and encoded again.
  const raw = url.search.slice(1).split('&').toSorted().join('&');
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&');
  if (raw !== query) return 'SignatureDoesNotMatch';
  const headers = names.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}\n`).join('');
  const canonical = [request.method, url.pathname, query, headers, signedHeaders, hash].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${keys.secretAccessKey}`, day), region), 's3'), 'aws4_request');
  return hmac(key, text).toString('hex') === signature ? null : 'SignatureDoesNotMatch';
}
