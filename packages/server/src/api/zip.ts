/** Reads an uploaded zip into memory. Nothing is ever written by an entry's name; a name that would be unsafe anywhere is refused. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { fromBuffer, validateFileName, type Entry, type Options, type ZipFile } from 'yauzl';
import type { WorkflowFile } from '@pelorus/engine';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';

export interface UnpackedZip {
  /** Content of `workflow.json` at the root. */
  definition: Buffer;
  /** All other files. */
  files: WorkflowFile[];
}

const DEFINITION_NAME = 'workflow.json';
const openBuffer = promisify<Buffer, Options, ZipFile>(fromBuffer);

/** Throws `UNSAFE_ARCHIVE` for anything but plain files with safe relative names, within the limits. */
export async function unpackZip(bytes: Buffer): Promise<UnpackedZip> {
  const contents = await readEntries(bytes).catch((cause: unknown) => {
    throw cause instanceof ApiFailure
      ? cause
      : unsafe(`it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  });
  const definition = contents.get(DEFINITION_NAME);
  if (definition === undefined) throw unsafe(`its root holds no ${DEFINITION_NAME}`);
  contents.delete(DEFINITION_NAME);
  return { definition, files: [...contents].map(([name, content]) => toWorkflowFile(name, content)) };
}

async function readEntries(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await openBuffer(bytes, {
    lazyEntries: true,
    decodeStrings: true,
    validateEntrySizes: true,
    strictFileNames: true,
  });
  if (zip.entryCount > API_LIMITS.zipEntries)
    throw unsafe(`it has ${zip.entryCount} entries, more than ${API_LIMITS.zipEntries}`);
  const entries: Entry[] = [];
  for await (const entry of eachEntry(zip)) entries.push(entry);
  checkEntries(entries);
  const contents = new Map<string, Buffer>();
  for (const entry of entries)
    if (!entry.fileName.endsWith('/')) contents.set(entry.fileName, await readEntry(zip, entry));
  return contents;
}

async function* eachEntry(zip: ZipFile): AsyncIterable<Entry> {
  for (let count = 0; count < zip.entryCount; count += 1) {
    yield await new Promise<Entry>((resolve, reject) => {
      const settle = (finish: () => void) => {
        zip.removeAllListeners();
        finish();
      };
      zip.once('entry', (entry: Entry) => settle(() => resolve(entry)));
      zip.once('error', (error: Error) => settle(() => reject(error)));
      zip.once('end', () => settle(() => reject(new Error('it holds fewer entries than it says'))));
      zip.readEntry();
    });
  }
}

/** All names and sizes are looked at before a byte is inflated. */
function checkEntries(entries: Entry[]): void {
  const names = new Set<string>();
  let total = 0;
  for (const entry of entries) {
    const shown = JSON.stringify(entry.fileName.slice(0, 200));
    const wrong = unsafeName(entry) ?? unsafeKind(entry) ?? unsafeSize(entry);
    if (wrong !== null) throw unsafe(`entry ${shown} ${wrong}`);
    if (names.has(entry.fileName)) throw unsafe(`entry ${shown} is there twice`);
    names.add(entry.fileName);
    total += entry.uncompressedSize;
  }
  if (total > API_LIMITS.zipTotalBytes)
    throw unsafe(`its files are ${total} bytes together, more than ${API_LIMITS.zipTotalBytes}`);
  for (const name of names) {
    const parent = name
      .split('/')
      .slice(0, -1)
      .map((_, depth, steps) => steps.slice(0, depth + 1).join('/'))
      .find((folder) => names.has(folder));
    if (parent !== undefined) throw unsafe(`entry ${JSON.stringify(parent)} is both a file and a folder`);
  }
}

function unsafeName(entry: Entry): string | null {
  const name = entry.fileName;
  if (name === '' || name.length > 255) return 'has a name that is empty or longer than 255 characters';
  if (/[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed() || name.includes('\uFFFD'))
    return 'has a name with characters that are not text';
  if (
    name.split('/').some((step, at, steps) => step === '.' || step === '..' || (step === '' && at < steps.length - 1))
  )
    return 'has a name that leaves its folder';
  return validateFileName(name) === null ? null : `has an unsafe name`;
}

const FILE_TYPE_MASK = 0o170000;
const REGULAR_FILE = 0o100000;
const FOLDER = 0o040000;
const MADE_BY_UNIX = 3;
const MADE_BY_MACOS = 19;

/** Unix archives say what an entry is: only plain files and folders are taken. */
function unsafeKind(entry: Entry): string | null {
  if (entry.isEncrypted()) return 'is encrypted';
  const madeBy = entry.versionMadeBy >>> 8;
  if (madeBy !== MADE_BY_UNIX && madeBy !== MADE_BY_MACOS) return null;
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK;
  if (type === 0 || type === REGULAR_FILE) return null;
  return type === FOLDER && entry.fileName.endsWith('/')
    ? null
    : 'is a link, a device or something else that is not a plain file';
}

function unsafeSize(entry: Entry): string | null {
  if (entry.uncompressedSize > API_LIMITS.zipTotalBytes) return `is larger than ${API_LIMITS.zipTotalBytes} bytes`;
  if (entry.uncompressedSize < API_LIMITS.zipRatioFromBytes) return null;
  return entry.uncompressedSize / Math.max(1, entry.compressedSize) > API_LIMITS.zipRatio
    ? `inflates more than ${API_LIMITS.zipRatio} times`
    : null;
}

/** yauzl ends the stream with an error when there are more bytes than the entry says. */
async function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const openStream = promisify<Entry, NodeJS.ReadableStream>(zip.openReadStream.bind(zip));
  const chunks: Buffer[] = [];
  for await (const chunk of await openStream(entry)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export function toWorkflowFile(name: string, content: Buffer): WorkflowFile {
  return { name, sha256: createHash('sha256').update(content).digest('hex'), base64: content.toString('base64') };
}

function unsafe(reason: string, cause?: unknown): ApiFailure {
  return new ApiFailure('UNSAFE_ARCHIVE', `the zip file was refused: ${reason}`, cause === undefined ? {} : { cause });
}
