/**
 * The console's files, as its build left them: read once, held in memory, and given by their path. Names that hold the hash of their
 * content are kept by browsers for ever; the page itself is asked for anew each time.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';

export interface ConsoleFile {
  type: string;
  bytes: Buffer;
  /** As the build left them beside the file; absent where compressing gains nothing. */
  gzip?: Buffer;
  brotli?: Buffer;
  etag: string;
  isImmutable: boolean;
}

export interface ConsoleFiles {
  /** The page for every address of the console. */
  page: ConsoleFile;
  /** By path from the root of the server, such as `/assets/index-1a2b.js`. */
  files: ReadonlyMap<string, ConsoleFile>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
};

/** Everything in the console comes from its own server; style elements are those of its editor. */
export const CONSOLE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "worker-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
} as const;

/** Null when there is no build in that directory. */
export function readConsole(directory: string): ConsoleFiles | null {
  if (!existsSync(join(directory, 'index.html'))) return null;
  const files = new Map<string, ConsoleFile>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(directory, path).split(sep).join('/')}`, fileAt(path, type));
  }
  const page = files.get('/index.html');
  return page === undefined ? null : { page, files };
}

function isHashed(path: string): boolean {
  return /[\\/]assets[\\/][^\\/]+-[\w-]{8,}\.\w+$/.test(path);
}

function fileAt(path: string, type: string): ConsoleFile {
  const bytes = readFileSync(path);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
  const gzip = existsSync(`${path}.gz`) ? { gzip: readFileSync(`${path}.gz`) } : {};
  const brotli = existsSync(`${path}.br`) ? { brotli: readFileSync(`${path}.br`) } : {};
  return { type, bytes, etag, isImmutable: isHashed(path), ...gzip, ...brotli };
}

export interface ConsoleAnswer {
  status: 200 | 304;
  headers: Record<string, string>;
  body: Buffer | null;
}

/**
 * What a request for a page or file of the console is answered: of an address without an extension the page, whose script knows what to show there. Null: the console has nothing
 * at that path.
 */
export function answerFromConsole(
  { page, files }: ConsoleFiles,
  request: { path: string; acceptEncoding: string; ifNoneMatch: string },
): ConsoleAnswer | null {
  const file = files.get(request.path) ?? (isAddress(request.path) ? page : undefined);
  if (file === undefined) return null;
  const headers: Record<string, string> = {
    ...CONSOLE_HEADERS,
    'content-type': file.type,
    'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: file.etag,
    vary: 'accept-encoding',
  };
  if (request.ifNoneMatch.includes(file.etag)) return { status: 304, headers, body: null };
  const [encoding, body] = encodingFor(file, request.acceptEncoding);
  return { status: 200, headers: encoding === null ? headers : { ...headers, 'content-encoding': encoding }, body };
}

/** Files have extensions, addresses of pages have none in their last step; `/projects/a.b/workflows/c.d` has one all the same. */
function isAddress(path: string): boolean {
  return path === '/' || path.startsWith('/projects/') || !path.slice(path.lastIndexOf('/') + 1).includes('.');
}

function encodingFor({ bytes, gzip, brotli }: ConsoleFile, accepted: string): [string | null, Buffer] {
  const takes = (name: string): boolean =>
    new RegExp(`(?:^|[\\s,])${name}(?:$|[\\s,;])`).test(accepted) && !accepted.includes(`${name};q=0`);
  if (brotli && takes('br')) return ['br', brotli];
  if (gzip && takes('gzip')) return ['gzip', gzip];
  return [null, bytes];
}
