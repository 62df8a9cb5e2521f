/**
 * One edge of the cluster: a port that is dialled instead of the real one, and everything that can go wrong on the way.
 *
 * Owns: the listener, its connections, the toxics that are on. Invariants: 1. without toxics bytes arrive unchanged and in order;
 * 2. each direction holds at most {@link HELD_BYTES_MAX} and then reads no further; 3. an end or a reset of one side reaches the
 * other unless a toxic keeps it; 4. after `close` no socket is left.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { EdgeCounts, EdgePlace, Strike, Toxic } from './toxics.ts';
import { noCounts } from './toxics.ts';
import { FrameSplitter, type StreamPiece } from './websocket-frames.ts';
import { answersCommit, asksToCommit, isError, MessageSplitter } from './postgres-messages.ts';

type Way = 'up' | 'down';

const HELD_BYTES_MAX = 4 * 1024 * 1024;
/** A message that waits for its successor is let go after this long at the latest. */
const REORDER_WAIT_MS = 300;

export class Edge {
  readonly place: EdgePlace;
  readonly counts: EdgeCounts = noCounts();
  readonly chance: () => number;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #toxics = new Map<number, Toxic>();

  constructor(place: EdgePlace, chance: () => number) {
    this.place = place;
    this.chance = chance;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#onSocket(socket));
  }

  /** Resolves with the port that is listened on. */
  open(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.place.listenPort, this.place.listenHost, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.reset();
    await closed;
  }

  add(id: number, toxic: Toxic): void {
    this.#toxics.set(id, toxic);
    this.#nudge();
  }

  /** Without effect when the toxic was never on this edge. */
  remove(id: number, reset: boolean): void {
    if (!this.#toxics.delete(id)) return;
    if (reset) for (const connection of this.#connections) connection.reset();
    this.#nudge();
  }

  calm(): void {
    this.#toxics.clear();
    this.#nudge();
  }

  /** How many connections there were to do it to. */
  strike(strike: Strike): number {
    const struck = this.#connections.size;
    for (const connection of this.#connections) {
      if (strike.kind === 'reset') {
        this.counts.resets += 1;
        connection.reset();
      } else {
        this.counts.halfCloses += 1;
        connection.halfClose(strike.direction);
      }
    }
    return struck;
  }

  /** Toxics of one kind that work on this way. */
  active<Kind extends Toxic['kind']>(kind: Kind, way: Way): Extract<Toxic, { kind: Kind }>[] {
    return [...this.#toxics.values()].filter(
      (toxic): toxic is Extract<Toxic, { kind: Kind }> =>
        toxic.kind === kind && (!('direction' in toxic) || toxic.direction === 'both' || toxic.direction === way),
    );
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  #onSocket(socket: Socket): void {
    if (this.active('refuse', 'up').length > 0) {
      this.counts.refused += 1;
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      return;
    }
    this.counts.connections += 1;
    this.#connections.add(new Connection(this, socket));
  }

  #nudge(): void {
    for (const connection of this.#connections) connection.nudge();
  }
}

class Connection {
  readonly #edge: Edge;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #commits: CommitCutter | null;
  #unheard: Way | null = null;
  #over = false;

  constructor(edge: Edge, near: Socket) {
    this.#edge = edge;
    this.#near = near;
    this.#far = connect({
      port: edge.place.targetPort,
      host: edge.place.targetHost,
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#commits = edge.place.protocol === 'postgres' ? new CommitCutter(edge, () => this.reset()) : null;
    this.#up = new Pipe(edge, 'up', near, this.#far, this.#transform('up'));
    this.#down = new Pipe(edge, 'down', this.#far, near, this.#transform('down'));
    this.#watch(near, 'up');
    this.#watch(this.#far, 'down');
  }

  nudge(): void {
    this.#up.pump();
    this.#down.pump();
    this.#passOnDeath();
  }

  reset(): void {
    for (const socket of [this.#near, this.#far]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  halfClose(way: Way): void {
    (way === 'up' ? this.#up : this.#down).cut();
  }

  #transform(way: Way): (chunk: Buffer) => StreamPiece[] {
    const commits = this.#commits;
    if (commits) return (chunk) => (way === 'up' ? commits.fromClient(chunk) : commits.fromServer(chunk));
    if (this.#edge.place.protocol !== 'websocket') return (bytes) => [{ kind: 'other', bytes }];
    const frames = new FrameSplitter();
    return (chunk) => frames.push(chunk);
  }

  /** `way` is the one on which the other side would hear of its death. */
  #watch(socket: Socket, way: Way): void {
    socket.on('error', () => {
      this.#unheard ??= way;
      this.#passOnDeath();
    });
    socket.on('close', () => this.#onClose());
  }

  /** Through a black hole nobody hears of a reset either. */
  #passOnDeath(): void {
    if (this.#unheard !== null && this.#edge.active('black-hole', this.#unheard).length === 0) this.reset();
  }

  #onClose(): void {
    if (!this.#near.destroyed || !this.#far.destroyed) return;
    if (this.#over) return;
    this.#over = true;
    this.#up.stop();
    this.#down.stop();
    this.#edge.forget(this);
  }
}

interface Queued {
  bytes: Buffer;
  dueAt: number;
}

/** One direction of one connection. */
class Pipe {
  readonly #edge: Edge;
  readonly #way: Way;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #transform: (chunk: Buffer) => StreamPiece[];
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  /** Waits for its successor, to go behind it. */
  #late: { bytes: Buffer; timer: NodeJS.Timeout } | null = null;
  #ended = false;
  #cut = false;
  #timer: NodeJS.Timeout | null = null;
  /** When the line is free again, of a bandwidth. */
  #freeAt = 0;

  constructor(edge: Edge, way: Way, from: Socket, to: Socket, transform: (chunk: Buffer) => StreamPiece[]) {
    this.#edge = edge;
    this.#way = way;
    this.#from = from;
    this.#to = to;
    this.#transform = transform;
    from.on('data', (chunk: Buffer) => this.#onData(chunk));
    from.on('end', () => {
      this.#releaseLate();
      this.#ended = true;
      this.pump();
    });
    to.on('drain', () => this.pump());
  }

  /** Half-closes: the other side sees an end, and nothing that comes later. */
  cut(): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#to.end();
    this.#from.resume();
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#late) clearTimeout(this.#late.timer);
    this.#queue.length = 0;
  }

  pump(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#cut || this.#to.destroyed) return;
    if (this.#edge.active('black-hole', this.#way).length > 0) {
      if (this.#queue.length > 0) this.#edge.counts.held += 1;
      return;
    }
    while (this.#queue.length > 0) {
      const now = performance.now();
      const dueAt = Math.max(this.#queue[0]!.dueAt, this.#freeAt);
      if (dueAt > now) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(dueAt - now));
        return;
      }
      if (this.#to.writableNeedDrain) return;
      this.#send(this.#queue.shift()!, now);
    }
    if (this.#queuedBytes < HELD_BYTES_MAX / 2) this.#from.resume();
    if (this.#ended && this.#late === null) this.#to.end();
  }

  #send({ bytes }: Queued, now: number): void {
    this.#queuedBytes -= bytes.length;
    this.#edge.counts.bytes += bytes.length;
    const slowest = Math.min(...this.#edge.active('bandwidth', this.#way).map((toxic) => toxic.bytesPerSecond));
    if (Number.isFinite(slowest)) this.#freeAt = now + (bytes.length / slowest) * 1000;
    this.#to.write(bytes);
  }

  #onData(chunk: Buffer): void {
    if (this.#cut) return;
    for (const piece of this.#transform(chunk)) this.#admit(piece);
    if (this.#queuedBytes > HELD_BYTES_MAX) this.#from.pause();
    this.pump();
  }

  #admit({ kind, bytes }: StreamPiece): void {
    if (kind !== 'data') return this.#enqueue(bytes);
    const { counts } = this.#edge;
    const swaps = this.#edge.active('reorder', this.#way);
    if (this.#late === null && swaps.some(({ chance }) => this.#edge.chance() < chance)) {
      this.#late = { bytes, timer: setTimeout(() => (this.#releaseLate(), this.pump()), REORDER_WAIT_MS) };
      return;
    }
    this.#enqueue(bytes);
    if (this.#late !== null) {
      counts.reordered += 1;
      this.#releaseLate();
    }
    if (this.#edge.active('duplicate', this.#way).some(({ chance }) => this.#edge.chance() < chance)) {
      counts.duplicated += 1;
      this.#enqueue(bytes);
    }
  }

  #releaseLate(): void {
    const late = this.#late;
    if (late === null) return;
    clearTimeout(late.timer);
    this.#late = null;
    this.#enqueue(late.bytes);
  }

  #enqueue(bytes: Buffer): void {
    const now = performance.now();
    const delays = this.#edge.active('delay', this.#way);
    const delayMs = delays.reduce((sum, { ms, jitterMs }) => sum + ms + jitterMs * this.#edge.chance(), 0);
    if (delayMs > 0) this.#edge.counts.delayed += 1;
    // In order, whatever the jitter.
    const dueAt = Math.max(now + delayMs, this.#queue.at(-1)?.dueAt ?? 0);
    this.#queue.push({ bytes, dueAt });
    this.#queuedBytes += bytes.length;
  }
}

/** Ends a connection around a COMMIT, so that whoever sent it cannot know what became of it. */
class CommitCutter {
  readonly #edge: Edge;
  readonly #reset: () => void;
  readonly #client = new MessageSplitter('client');
  readonly #server = new MessageSplitter('server');
  /** From the COMMIT on nothing of the server reaches the client. */
  #swallowing = false;

  constructor(edge: Edge, reset: () => void) {
    this.#edge = edge;
    this.#reset = reset;
  }

  fromClient(chunk: Buffer): StreamPiece[] {
    const pieces: StreamPiece[] = [];
    for (const message of this.#client.push(chunk)) {
      const moment = asksToCommit(message) ? this.#moment() : null;
      if (moment === 'before') {
        this.#edge.counts.cutBeforeCommit += 1;
        this.#reset();
        return [];
      }
      if (moment === 'after') this.#swallowing = true;
      pieces.push({ kind: 'other', bytes: message.bytes });
    }
    return joined(pieces);
  }

  fromServer(chunk: Buffer): StreamPiece[] {
    const messages = this.#server.push(chunk);
    if (!this.#swallowing) return joined(messages.map(({ bytes }) => ({ kind: 'other', bytes })));
    if (messages.some((message) => answersCommit(message) || isError(message))) {
      this.#edge.counts.cutAfterCommit += 1;
      this.#reset();
    }
    return [];
  }

  #moment(): 'before' | 'after' | null {
    if (this.#swallowing) return null;
    const cut = this.#edge.active('cut-commit', 'up').find(({ chance }) => this.#edge.chance() < chance);
    return cut?.moment ?? null;
  }
}

function joined(pieces: StreamPiece[]): StreamPiece[] {
  return pieces.length < 2 ? pieces : [{ kind: 'other', bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)) }];
}
