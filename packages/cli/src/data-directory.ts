/** The data directory of `pelorus dev` or of a worker: what is where in it, the token that opens its server, and emptying it. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EXIT } from './exit-codes.ts';
import { Failure, usageFailure } from './failure.ts';
import { isPostgres } from './settings.ts';

export interface DataDirectory {
  root: string;
  /** Where `pelorus.db` is; the same unless PELORUS_STORE says otherwise. Null: the store is a server. */
  store: string | null;
  worker: string;
  logs: string;
  /** Database of the connection `samples`. */
  samplesDatabase: string;
}

/** What Pelorus itself puts there, by the beginning of the name; nothing else is ever deleted. */
const OWN_ENTRIES = [
  /^pelorus\.db/,
  /^lock\.(db|pid)/,
  /^server\.json/,
  /^samples\.db/,
  /^token$/,
  /^secret\.key$/,
  /^worker$/,
  /^logs$/,
  /^reports$/,
];

export function dataDirectoryAt(root: string, storeUrl: string, directory: string): DataDirectory {
  const full = resolve(directory, root);
  return {
    root: full,
    store: isPostgres(storeUrl) ? null : folderOf(storeUrl, directory),
    worker: join(full, 'worker'),
    logs: join(full, 'logs'),
    samplesDatabase: join(full, 'samples.db'),
  };
}

function folderOf(storeUrl: string, directory: string): string {
  const file = resolve(directory, storeUrl.replace(/^sqlite:(\/\/)?/, ''));
  if (basename(file) !== 'pelorus.db')
    throw usageFailure(
      `the store must be a file named pelorus.db, not ${storeUrl}`,
      `PELORUS_STORE=sqlite:${join(dirname(file), 'pelorus.db')}`,
    );
  return dirname(file);
}

/** Creates it if it is not there. Throws a `Failure` where nothing can be written to it. */
export function makeDataDirectory(data: DataDirectory): void {
  try {
    for (const folder of new Set([data.root, data.store ?? data.root])) {
      mkdirSync(folder, { recursive: true });
      rmSync(mkdtempSync(join(folder, 'tmp-')), { recursive: true });
    }
  } catch (cause) {
    throw new Failure(
      {
        exitCode: EXIT.usage,
        what: `the data directory ${data.root} cannot be used`,
        why: cause instanceof Error ? cause.message : String(cause),
        todo: 'make it a folder that you may write to, or choose another with --data',
      },
      { cause },
    );
  }
}

/** Made on the first start and then kept, so that scripts and other terminals stay signed in. Mode 0600. */
export function adminTokenOf(data: DataDirectory): string {
  const file = join(data.root, 'token');
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}

const SECRET_KEY = 'secret.key';

/** Whether a start without a configured key has made one. */
export function holdsSecretKey(data: DataDirectory): boolean {
  return existsSync(join(data.root, SECRET_KEY));
}

/** For secrets, made on the first start. Without this file what is stored of them cannot be read any more. Mode 0600. */
export function secretKeyOf(data: DataDirectory): string {
  const file = join(data.root, SECRET_KEY);
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}

export function holdsData(data: DataDirectory): boolean {
  return ownEntries(data.root).length > 0;
}

/** Deletes what Pelorus has put there, and nothing else. Nobody may be using it. */
export function emptyDataDirectory(data: DataDirectory): void {
  if (data.store !== data.root) {
    throw new Failure({
      exitCode: EXIT.usage,
      what: '--reset empties the data directory, but the store is elsewhere',
      why: data.store === null ? 'it is a server' : `it is in ${data.store}`,
      todo: 'delete that yourself, if you mean it',
    });
  }
  for (const entry of ownEntries(data.root)) rmSync(join(data.root, entry), { recursive: true, force: true });
}

function ownEntries(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root).filter((entry) => OWN_ENTRIES.some((own) => own.test(entry)));
}
