/**
 * Whether a zip says one thing only. Programs that read zips take different parts of one for true (its end, its directory, the
 * header before each file, whatever lies between): an archive in which those disagree means different things to different
 * readers, and is refused. Pure.
 */
import type { Entry, LocalFileHeader } from 'yauzl';

/** An entry of the directory, with the header that stands before its data. */
export interface LocatedEntry {
  entry: Entry;
  header: LocalFileHeader;
}

/** The reason for refusing, or null. `directoryEnd` is where the reader was when it had read all entries. */
export function directoryLie(bytes: Buffer, entries: readonly LocatedEntry[], directoryEnd: number): string | null {
  const end = endOf(bytes, directoryEnd);
  if (end === null) return 'its directory does not end where it should';
  if (end.entryCount !== entries.length)
    return `its end speaks of ${end.entryCount} entries, its directory has ${entries.length}`;
  if (end.directoryOffset + end.directorySize !== directoryEnd)
    return 'its directory has another size than its end says';
  const lying = entries.find(({ entry, header }) => headerDiffers(entry, header));
  if (lying !== undefined) return `entry ${shown(lying)} has another header than the directory says`;
  const regions = entries
    .map((located) => ({ located, from: located.entry.relativeOffsetOfLocalHeader, to: dataEnd(located) }))
    .toSorted((left, right) => left.from - right.from);
  let free = 0;
  for (const { located, from, to } of regions) {
    if (from < free || to > end.directoryOffset) return `entry ${shown(located)} overlaps with something else`;
    free = to;
  }
  return null;
}

function shown({ entry }: LocatedEntry): string {
  return JSON.stringify(entry.fileName.slice(0, 200));
}

function dataEnd({ entry, header }: LocatedEntry): number {
  return header.fileDataStart + entry.compressedSize;
}

interface DirectoryEnd {
  entryCount: number;
  directorySize: number;
  directoryOffset: number;
}

const END = 0x06054b50;
const ZIP64_END = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;
const END_BYTES = 22;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR_BYTES = 20;

/** What stands behind the directory, to the last byte: the end, before it in large archives its 64-bit form and where that is. */
function endOf(bytes: Buffer, at: number): DirectoryEnd | null {
  if (at + END_BYTES > bytes.length) return null;
  const signature = bytes.readUInt32LE(at);
  if (signature === END) return plainEnd(bytes, at);
  if (signature !== ZIP64_END || at + ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_BYTES > bytes.length) return null;
  const locator = at + 12 + Number(bytes.readBigUInt64LE(at + 4));
  if (locator + ZIP64_LOCATOR_BYTES + END_BYTES > bytes.length || bytes.readUInt32LE(locator) !== ZIP64_LOCATOR)
    return null;
  if (Number(bytes.readBigUInt64LE(locator + 8)) !== at) return null;
  const plain = plainEnd(bytes, locator + ZIP64_LOCATOR_BYTES);
  const large: DirectoryEnd = {
    entryCount: Number(bytes.readBigUInt64LE(at + 32)),
    directorySize: Number(bytes.readBigUInt64LE(at + 40)),
    directoryOffset: Number(bytes.readBigUInt64LE(at + 48)),
  };
  if (plain === null) return null;
  const agrees =
    same(plain.entryCount, 0xffff, large.entryCount) &&
    same(plain.directorySize, 0xffffffff, large.directorySize) &&
    same(plain.directoryOffset, 0xffffffff, large.directoryOffset);
  return agrees ? large : null;
}

function plainEnd(bytes: Buffer, at: number): DirectoryEnd | null {
  if (bytes.readUInt32LE(at) !== END || at + END_BYTES + bytes.readUInt16LE(at + 20) !== bytes.length) return null;
  const onThisDisk = bytes.readUInt16LE(at + 8);
  const entryCount = bytes.readUInt16LE(at + 10);
  if (onThisDisk !== entryCount) return null;
  return { entryCount, directorySize: bytes.readUInt32LE(at + 12), directoryOffset: bytes.readUInt32LE(at + 16) };
}

/** A small field holds the value itself, or says that the large one does. */
function same(small: number, elsewhere: number, large: number): boolean {
  return small === elsewhere || small === large;
}

const ENCRYPTED = 0x0001;
const SIZES_FOLLOW = 0x0008;
const UTF8_NAME = 0x0800;
const MASKED = 0x2000;

function headerDiffers(entry: Entry, header: LocalFileHeader): boolean {
  const kept = ENCRYPTED | UTF8_NAME | MASKED;
  if ((entry.generalPurposeBitFlag & kept) !== (header.generalPurposeBitFlag & kept)) return true;
  if (entry.compressionMethod !== header.compressionMethod || !entry.fileNameRaw.equals(header.fileName)) return true;
  if ((header.generalPurposeBitFlag & SIZES_FOLLOW) !== 0) return false;
  return (
    entry.crc32 !== header.crc32 ||
    !same(header.compressedSize, 0xffffffff, entry.compressedSize) ||
    !same(header.uncompressedSize, 0xffffffff, entry.uncompressedSize)
  );
}
