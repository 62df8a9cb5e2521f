/**
 * Cuts one direction of a WebSocket connection into frames (RFC 6455, 5.2) without looking into them: masked or not, what comes out is
 * byte for byte what went in.
 */

export interface StreamPiece {
  /** `data` is a whole message (FIN set, text or binary): the only kind that may be duplicated or reordered. */
  kind: 'head' | 'data' | 'other';
  bytes: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const TEXT = 1;
const BINARY = 2;

export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #inHead = true;

  /** The pieces that `chunk` completes, in order; the rest is kept for the next one. */
  push(chunk: Buffer): StreamPiece[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: StreamPiece[] = [];
    for (let piece = this.#next(); piece !== null; piece = this.#next()) pieces.push(piece);
    return pieces;
  }

  /** What a stream that ended in the middle of a frame leaves. */
  rest(): Buffer {
    return this.#rest;
  }

  #next(): StreamPiece | null {
    if (this.#inHead) {
      const end = this.#rest.indexOf(HEAD_END);
      if (end < 0) return null;
      this.#inHead = false;
      return { kind: 'head', bytes: this.#take(end + HEAD_END.length) };
    }
    const length = frameLength(this.#rest);
    if (length === null || this.#rest.length < length) return null;
    const first = this.#rest[0]!;
    const opcode = first & 0x0f;
    const whole = (first & 0x80) !== 0;
    const kind = whole && (opcode === TEXT || opcode === BINARY) ? 'data' : 'other';
    return { kind, bytes: this.#take(length) };
  }

  #take(length: number): Buffer {
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }
}

/** Of the frame that begins here, header included; null while that cannot be told. */
function frameLength(bytes: Buffer): number | null {
  if (bytes.length < 2) return null;
  const second = bytes[1]!;
  const maskBytes = (second & 0x80) === 0 ? 0 : 4;
  const short = second & 0x7f;
  if (short < 126) return 2 + maskBytes + short;
  if (short === 126) return bytes.length < 4 ? null : 4 + maskBytes + bytes.readUInt16BE(2);
  return bytes.length < 10 ? null : 10 + maskBytes + Number(bytes.readBigUInt64BE(2));
}
