/** Writes zip files byte by byte, also such as no zip program would write. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  /** Text as UTF-8; bytes as they are. */
  name: string | Buffer;
  content: string | Buffer;
  /** Unix mode with its type bits; default a plain file. */
  mode?: number;
  /** Operating system that made it; default Unix. */
  madeBy?: number;
  /** What the directory says of the inflated size, when that is to be a lie. */
  claimedSize?: number;
  claimedCrc?: number;
  deflate?: boolean;
  /** Default 0 or 8. */
  method?: number;
  /** General purpose bits; default that the name is UTF-8. */
  flags?: number;
  /** Only in the header before the data. */
  headerName?: string;
  headerFlags?: number;
  headerMethod?: number;
  /** Bytes behind the deflated ones, counted as theirs. */
  trailing?: Buffer;
  /** Where the directory says that the header is; default where it is. */
  claimedOffset?: number;
  extra?: Buffer;
}

export interface ZipOptions {
  /** What the end says, when that is to be a lie. */
  entryCount?: number;
  directorySize?: number;
  directoryOffset?: number;
  comment?: Buffer;
  /** Before everything, counted in the offsets. */
  prefix?: Buffer;
  /** Between the directory and its end. */
  gap?: Buffer;
  /** With the 64-bit form of the end, which says this. */
  zip64?: { entryCount?: number; directorySize?: number; directoryOffset?: number; at?: number };
}

const NAME_IS_UTF8 = 0x0800;
const UNIX = 3;

export function zipOf(entries: ZipEntry[], options: ZipOptions = {}): Buffer {
  const prefix = options.prefix ?? Buffer.alloc(0);
  const parts: Buffer[] = [prefix];
  const directory: Buffer[] = [];
  let offset = prefix.length;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const headerName = Buffer.from(entry.headerName ?? name);
    const content = Buffer.from(entry.content);
    const deflated = entry.deflate === true ? deflateRawSync(content) : content;
    const stored = Buffer.concat([deflated, entry.trailing ?? Buffer.alloc(0)]);
    const extra = entry.extra ?? Buffer.alloc(0);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(entry.flags ?? NAME_IS_UTF8, 2);
    common.writeUInt16LE(entry.method ?? (entry.deflate === true ? 8 : 0), 4);
    common.writeUInt32LE(entry.claimedCrc ?? crc32(content), 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(entry.claimedSize ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const header = Buffer.from(common);
    header.writeUInt16LE(headerName.length, 22);
    if (entry.headerFlags !== undefined) header.writeUInt16LE(entry.headerFlags, 2);
    if (entry.headerMethod !== undefined) header.writeUInt16LE(entry.headerMethod, 4);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), header, headerName, stored);
    common.writeUInt16LE(extra.length, 24);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(entry.claimedOffset ?? offset, 10);
    directory.push(
      Buffer.from('PK\x01\x02', 'latin1'),
      Buffer.from([20, entry.madeBy ?? UNIX]),
      common,
      tail,
      name,
      extra,
    );
    offset += 4 + header.length + headerName.length + stored.length;
  }
  const index = Buffer.concat([...directory, options.gap ?? Buffer.alloc(0)]);
  const facts = {
    entryCount: entries.length,
    directorySize: index.length - (options.gap?.length ?? 0),
    directoryOffset: offset,
  };
  const large = options.zip64 === undefined ? [] : zip64End({ ...facts, at: offset + index.length, ...options.zip64 });
  return Buffer.concat([...parts, index, ...large, plainEnd({ ...facts, ...options }, options.comment)]);
}

interface End {
  entryCount: number;
  directorySize: number;
  directoryOffset: number;
}

function plainEnd({ entryCount, directorySize, directoryOffset }: End, comment: Buffer = Buffer.alloc(0)): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entryCount, 8);
  end.writeUInt16LE(entryCount, 10);
  end.writeUInt32LE(directorySize, 12);
  end.writeUInt32LE(directoryOffset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([end, comment]);
}

function zip64End({ entryCount, directorySize, directoryOffset, at }: End & { at: number }): Buffer[] {
  const end = Buffer.alloc(56);
  end.write('PK\x06\x06', 'latin1');
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(entryCount), 24);
  end.writeBigUInt64LE(BigInt(entryCount), 32);
  end.writeBigUInt64LE(BigInt(directorySize), 40);
  end.writeBigUInt64LE(BigInt(directoryOffset), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(at), 8);
  locator.writeUInt32LE(1, 16);
  return [end, locator];
}
