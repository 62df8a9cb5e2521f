/** Where logs go, as one setting says it. */
import path from 'node:path';
import type { S3Place } from './s3-client.ts';

export type LogPlace = { kind: 'directory'; folder: string } | ({ kind: 's3' } & S3Place) | { kind: 'database' };

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[\w.-]+(\/[\w.-]+)*$/;

/**
 * Reads `dir:<folder>`, `s3://<bucket>[/<prefix>][?endpoint=…&region=…]` or `database`; a relative folder is below `base`.
 * A text answers what is wrong with it.
 */
export function parseLogPlace(text: string, base: string): LogPlace | string {
  if (text === 'database') return { kind: 'database' };
  if (text.startsWith('dir:')) {
    const folder = text.slice('dir:'.length);
    return folder === '' ? 'dir: needs a folder' : { kind: 'directory', folder: path.resolve(base, folder) };
  }
  if (text.startsWith('s3:')) return parseS3(text);
  return 'must be dir:<folder>, s3://<bucket>/<prefix>?endpoint=…&region=… or database';
}

function parseS3(text: string): LogPlace | string {
  const url = URL.parse(text);
  if (url === null || !BUCKET.test(url.hostname))
    return 'must be s3://<bucket>/<prefix>; the bucket is missing, or no name of one';
  if (url.username !== '' || url.password !== '')
    return 'keys do not belong here: set PELORUS_LOG_S3_KEY and PELORUS_LOG_S3_SECRET';
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  if (prefix !== '' && !PREFIX.test(prefix)) return 'the prefix may hold letters, digits, - _ . and single slashes';
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'endpoint' && name !== 'region');
  if (unknown !== undefined) return `there is no option ${unknown}; there are endpoint and region`;
  const region = url.searchParams.get('region') ?? 'us-east-1';
  const endpoint = url.searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`;
  const parsed = URL.parse(endpoint);
  const isHttp = parsed?.protocol === 'http:' || parsed?.protocol === 'https:';
  if (parsed === null || !isHttp || parsed.pathname !== '/' || parsed.search !== '')
    return 'endpoint must be http(s)://<host>[:<port>]';
  return {
    kind: 's3',
    endpoint: parsed.origin,
    region,
    bucket: url.hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
  };
}
