/**
 * Cuts one direction of a PostgreSQL connection into protocol messages (version 3, without TLS). Each has a type of one letter and
 * a length, but for what a client says first.
 */

export interface PostgresMessage {
  /** Empty: a first message of the client, which has no type. */
  type: string;
  bytes: Buffer;
}

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

export class MessageSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #untyped: boolean;

  /** `client`: the first messages have no type. */
  constructor(side: 'client' | 'server') {
    this.#untyped = side === 'client';
  }

  push(chunk: Buffer): PostgresMessage[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: PostgresMessage[] = [];
    for (let message = this.#next(); message !== null; message = this.#next()) messages.push(message);
    return messages;
  }

  #next(): PostgresMessage | null {
    const lengthAt = this.#untyped ? 0 : 1;
    if (this.#rest.length < lengthAt + 4) return null;
    const length = lengthAt + this.#rest.readUInt32BE(lengthAt);
    if (this.#rest.length < length) return null;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    if (!this.#untyped) return { type: String.fromCharCode(bytes[0]!), bytes };
    const code = bytes.length >= 8 ? bytes.readUInt32BE(4) : 0;
    this.#untyped = code === SSL_REQUEST || code === GSS_REQUEST;
    return { type: '', bytes };
  }
}

/** A client's request to commit, as a simple query or as a statement that is parsed. */
export function asksToCommit({ type, bytes }: PostgresMessage): boolean {
  if (type === 'Q') return isCommit(bytes.toString('utf8', 5, bytes.length - 1));
  if (type !== 'P') return false;
  const nameEnd = bytes.indexOf(0, 5);
  const textEnd = bytes.indexOf(0, nameEnd + 1);
  return nameEnd > 0 && textEnd > 0 && isCommit(bytes.toString('utf8', nameEnd + 1, textEnd));
}

/** The server's word that the transaction is over. */
export function answersCommit({ type, bytes }: PostgresMessage): boolean {
  return type === 'C' && /^(COMMIT|ROLLBACK)$/.test(bytes.toString('latin1', 5, bytes.length - 1));
}

/** How the server ended a transaction that it could not commit. */
export function isError({ type }: PostgresMessage): boolean {
  return type === 'E';
}

function isCommit(text: string): boolean {
  return /^\s*(commit|end)\b/i.test(text);
}
