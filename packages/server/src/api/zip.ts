/**
 * Reads an uploaded zip into memory. Nothing is ever written by an entry's name; a name that would be unsafe anywhere is
 * refused. What is inflated never exceeds what the directory says, and that is looked at before the first byte is.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, inflateRaw, type InputType, type ZlibOptions } from 'node:zlib';
import { fromBuffer, validateFileName, type Entry, type Options, type ZipFile } from 'yauzl';
import type { WorkflowFile } from '@pelorus/engine';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';
import { directoryLie, type LocatedEntry } from './zip-directory.ts';

export interface UnpackedZip {
  /** Content of `workflow.json` at the root. */
  definition: Buffer;
  /** All other files. */
  files: WorkflowFile[];
}

const DEFINITION_NAME = 'workflow.json';
const openBuffer = promisify<Buffer, Options, ZipFile>(fromBuffer);
const inflate = promisify<InputType, ZlibOptions, { buffer: Buffer; engine: { bytesWritten: number } }>(
  inflateRaw as unknown as InflateWithEngine,
);
/** With the option `info`. */
type InflateWithEngine = (
  bytes: InputType,
  options: ZlibOptions,
  done: (error: Error | null, result: { buffer: Buffer; engine: { bytesWritten: number } }) => void,
) => void;

/** A definition with its files. Throws `UNSAFE_ARCHIVE`. */
export async function unpackZip(bytes: Buffer): Promise<UnpackedZip> {
  const contents = await readZip(bytes, API_LIMITS.zipEntries);
  const definition = contents.get(DEFINITION_NAME);
  if (definition === undefined) throw unsafe(`its root holds no ${DEFINITION_NAME}`);
  contents.delete(DEFINITION_NAME);
  return { definition, files: [...contents].map(([name, content]) => toWorkflowFile(name, content)) };
}

/** All files by name. Throws `UNSAFE_ARCHIVE` for anything but plain files with safe relative names, within the limits. */
export async function readZip(bytes: Buffer, entriesMax: number): Promise<Map<string, Buffer>> {
  return readEntries(bytes, entriesMax).catch((cause: unknown) => {
    throw cause instanceof ApiFailure
      ? cause
      : unsafe(`it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  });
}

async function readEntries(bytes: Buffer, entriesMax: number): Promise<Map<string, Buffer>> {
  const zip = await openBuffer(bytes, {
    lazyEntries: true,
    decodeStrings: true,
    validateEntrySizes: true,
    strictFileNames: true,
  });
  if (zip.entryCount > entriesMax) throw unsafe(`it has ${zip.entryCount} entries, more than ${entriesMax}`);
  // Whatever is wrong is reported by a call; an error told twice must not end the process.
  zip.on('error', () => undefined);
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(entry);
  checkEntries(entries);
  const located: LocatedEntry[] = [];
  for (const entry of entries) located.push({ entry, header: await zip.readLocalFileHeaderPromise(entry) });
  const lie = directoryLie(bytes, located, Number(zip.readEntryCursor));
  if (lie !== null) throw unsafe(lie);
  const contents = new Map<string, Buffer>();
  for (const each of located)
    if (!each.entry.fileName.endsWith('/')) contents.set(each.entry.fileName, await readEntry(bytes, each));
  return contents;
}

/** All names and sizes are looked at before a byte is inflated. */
function checkEntries(entries: Entry[]): void {
  const names = new Map<string, string>();
  let total = 0;
  for (const entry of entries) {
    const wrong = unsafeName(entry.fileName) ?? unsafeKind(entry) ?? unsafeSize(entry);
    if (wrong !== null) throw unsafe(`entry ${shown(entry.fileName)} ${wrong}`);
    const folded = foldedName(entry.fileName);
    const other = names.get(folded);
    if (other === entry.fileName) throw unsafe(`entry ${shown(other)} is there twice`);
    if (other !== undefined)
      throw unsafe(`entries ${shown(other)} and ${shown(entry.fileName)} have one name on some machines`);
    names.set(folded, entry.fileName);
    total += entry.uncompressedSize;
  }
  if (total > API_LIMITS.zipTotalBytes)
    throw unsafe(`its files are ${total} bytes together, more than ${API_LIMITS.zipTotalBytes}`);
  for (const folded of names.keys()) {
    const parent = foldersOf(folded).find((folder) => names.has(folder));
    if (parent !== undefined) throw unsafe(`entry ${shown(names.get(parent) ?? parent)} is both a file and a folder`);
  }
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

/** Equal for names that are one file where case, or the way in which a letter is composed, makes no difference. */
export function foldedName(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** `a/b/c` → `a`, `a/b`. */
export function foldersOf(name: string): string[] {
  const steps = name.split('/');
  return steps.slice(0, -1).map((_step, depth) => steps.slice(0, depth + 1).join('/'));
}

/** What is wrong with the name of an entry, or null. */
export function unsafeName(name: string): string | null {
  if (name === '' || name.length > 255) return 'has a name that is empty or longer than 255 characters';
  if (NOT_TEXT.test(name) || !name.isWellFormed() || name.includes('\uFFFD'))
    return 'has a name with characters that are not text';
  if (/[\\:]/.test(name)) return 'has a name with a backslash or a colon';
  if (
    name.split('/').some((step, at, steps) => step === '.' || step === '..' || (step === '' && at < steps.length - 1))
  )
    return 'has a name that leaves its folder';
  return validateFileName(name) === null ? null : `has an unsafe name`;
}

/** Control characters, ends of lines, and what turns the direction in which a name is shown. */
const NOT_TEXT = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const FILE_TYPE_MASK = 0o170000;
const REGULAR_FILE = 0o100000;
const FOLDER = 0o040000;

/** Archives of Unix say what an entry is, and some that claim to be of something else: only plain files and folders are taken. */
function unsafeKind(entry: Entry): string | null {
  if (entry.isEncrypted()) return 'is encrypted';
  if (!entry.canDecodeFileData()) return `is compressed by method ${entry.compressionMethod}, which is not read here`;
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK;
  if (type === 0 || type === REGULAR_FILE) return null;
  return type === FOLDER && entry.fileName.endsWith('/')
    ? null
    : 'is a link, a device or something else that is not a plain file';
}

function unsafeSize(entry: Entry): string | null {
  if (entry.uncompressedSize > API_LIMITS.zipTotalBytes) return `is larger than ${API_LIMITS.zipTotalBytes} bytes`;
  return inflatesTooMuch(entry.uncompressedSize, entry.compressedSize)
    ? `inflates more than ${API_LIMITS.zipRatio} times`
    : null;
}

/** What an entry of a zip would be refused for. */
export function inflatesTooMuch(inflatedBytes: number, deflatedBytes: number): boolean {
  if (inflatedBytes < API_LIMITS.zipRatioFromBytes) return false;
  return inflatedBytes / Math.max(1, deflatedBytes) > API_LIMITS.zipRatio;
}

/** The bytes of an entry: as many as the directory says, with the checksum that it says. */
async function readEntry(bytes: Buffer, { entry, header }: LocatedEntry): Promise<Buffer> {
  const stored = bytes.subarray(header.fileDataStart, header.fileDataStart + entry.compressedSize);
  const content = entry.compressionMethod === 0 ? stored : await inflated(stored, entry);
  if (content.length !== entry.uncompressedSize)
    throw unsafe(`entry ${shown(entry.fileName)} has ${content.length} bytes, not ${entry.uncompressedSize}`);
  if (crc32(content) !== entry.crc32) throw unsafe(`entry ${shown(entry.fileName)} does not have its checksum`);
  return content;
}

async function inflated(stored: Buffer, entry: Entry): Promise<Buffer> {
  const { buffer, engine } = await inflate(stored, {
    info: true,
    maxOutputLength: Math.max(1, entry.uncompressedSize),
  }).catch((cause: unknown) => {
    const grows = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw unsafe(
      `entry ${shown(entry.fileName)} ${grows ? 'inflates to more than it says' : 'cannot be inflated'}`,
      cause,
    );
  });
  if (engine.bytesWritten !== stored.length)
    throw unsafe(`entry ${shown(entry.fileName)} has something behind its end`);
  return buffer;
}

export function toWorkflowFile(name: string, content: Buffer): WorkflowFile {
  return { name, sha256: createHash('sha256').update(content).digest('hex'), base64: content.toString('base64') };
}

export function unsafe(reason: string, cause?: unknown): ApiFailure {
  return new ApiFailure('UNSAFE_ARCHIVE', `the zip file was refused: ${reason}`, cause === undefined ? {} : { cause });
}
