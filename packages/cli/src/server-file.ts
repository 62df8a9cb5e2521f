/** `<data>/server.json`: where the `pelorus dev` of this data directory listens, and the token that opens it. Mode 0600. */
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ServerFile {
  address: string;
  token: string;
  pid: number;
}

/** Null when there is none, or none that can be understood. */
export function readServerFile(dataDirectory: string): ServerFile | null {
  try {
    return parseServerFile(JSON.parse(readFileSync(join(dataDirectory, 'server.json'), 'utf8')));
  } catch {
    return null;
  }
}

/** Replaces the file in one step; nobody else can read it at any moment. */
export function writeServerFile(dataDirectory: string, content: ServerFile): void {
  const file = join(dataDirectory, 'server.json');
  const fresh = `${file}.${content.pid}`;
  writeFileSync(fresh, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}

/** Takes the file away, unless another process has written its own meanwhile. */
export function removeServerFile(dataDirectory: string, pid: number): void {
  if (readServerFile(dataDirectory)?.pid === pid) rmSync(join(dataDirectory, 'server.json'), { force: true });
}

function parseServerFile(value: unknown): ServerFile | null {
  if (typeof value !== 'object' || value === null) return null;
  const { address, token, pid } = value as Record<string, unknown>;
  if (typeof address !== 'string' || !URL.canParse(address) || typeof token !== 'string' || typeof pid !== 'number')
    return null;
  return { address, token, pid };
}
