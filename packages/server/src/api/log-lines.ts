import { LIMITS } from '@pelorus/protocol/vocabulary';

/**
 * Cuts bytes into lines. Of a line longer than the limit only the beginning is kept, with a mark that says how much
 * is missing; bytes that are not UTF-8 become U+FFFD.
 */
export class LineCutter {
  private readonly kept: Buffer[] = [];
  private keptBytes = 0;
  private lineBytes = 0;
  private readonly onLine: OnLine;

  /** `onLine` gets a function that makes the text, so that lines nobody wants cost nothing; it holds during the call only. */
  constructor(onLine: OnLine) {
    this.onLine = onLine;
  }

  push(chunk: Buffer): void {
    let at = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, at)) {
      this.keep(chunk.subarray(at, end), false);
      this.finish(1);
      at = end + 1;
    }
    if (at < chunk.length) this.keep(chunk.subarray(at), true);
  }

  /** The last line, if it did not end. */
  end(): void {
    if (this.lineBytes > 0) this.finish(0);
  }

  private keep(bytes: Buffer, reused: boolean): void {
    this.lineBytes += bytes.length;
    const room = LIMITS.logLineBytes - this.keptBytes;
    if (room <= 0 || bytes.length === 0) return;
    const piece = bytes.subarray(0, room);
    this.kept.push(reused ? Buffer.from(piece) : piece);
    this.keptBytes += piece.length;
  }

  private finish(endBytes: 0 | 1): void {
    this.onLine(() => this.text(), this.lineBytes + endBytes);
    this.kept.length = 0;
    this.keptBytes = 0;
    this.lineBytes = 0;
  }

  private text(): string {
    const bytes = this.kept.length === 1 && this.kept[0] !== undefined ? this.kept[0] : Buffer.concat(this.kept);
    return lineText(bytes, this.lineBytes - this.keptBytes);
  }
}

/** `bytes`: how many the line has, its end included. */
type OnLine = (text: () => string, bytes: number) => void;

/** A line as it is shown: without its end, `missing` bytes of it left out. */
export function lineText(bytes: Buffer, missing: number): string {
  if (missing > 0) return `${bytes.toString('utf8')} … [${missing} more bytes in this line]`;
  return (bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes).toString('utf8');
}

const CARRIAGE_RETURN = 13;
