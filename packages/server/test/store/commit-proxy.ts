/** Between a store and its PostgreSQL server: a TCP proxy that knows a COMMIT when it sees one, and can do something about it. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * What becomes of the next COMMIT of a master: it is kept back until `release`; lost on its way, and the connection with it; or
 * carried out, and the connection is lost before the answer arrives.
 */
export type Fate = 'hold' | 'lose' | 'swallow the answer';

export interface CommitProxy {
  /** As that of the server, through the proxy. */
  readonly url: string;
  /** COMMITs of masters that met a fate so far. */
  readonly met: number;
  /** For COMMITs of masters from now on: the first whose answer is not null is its fate. */
  fate: () => Fate | null;
  release(): void;
  /** Breaks every connection. */
  cut(): void;
  /** Connections that are made from now on lead to another server. */
  moveTo(serverUrl: string): void;
  /** From now on nothing arrives in either direction, and nobody hears of it. */
  swallowAll(): void;
  close(): Promise<void>;
}

/** As `application_name` stands in the first message of a connection. */
const MASTER = 'application_name\0pelorus master\0';
/** A message of type Q, with its length. */
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0');

export async function startCommitProxy(serverUrl: string): Promise<CommitProxy> {
  let target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  const proxy: { met: number; fate: () => Fate | null } = { met: 0, fate: () => null };
  let isHole = false;
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    if (isHole) {
      sockets.add(client);
      return void client
        .on('error', () => undefined)
        .on('close', () => sockets.delete(client))
        .resume();
    }
    const database = connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true });
    const end = (): void => {
      client.destroy();
      database.destroy();
    };
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      // Whoever hangs up in the hole hears nothing of the other side, not even that it has heard.
      socket.on('end', () => {
        if (!isHole) end();
      });
      socket.on('close', () => {
        sockets.delete(socket);
        if (!isHole) end();
      });
    }
    let isMaster: boolean | null = null;
    let swallowing = false;
    client.on('data', (chunk: Buffer) => {
      if (isHole) return;
      isMaster ??= chunk.includes(MASTER);
      const at = isMaster ? chunk.indexOf(COMMIT) : -1;
      const fate = at < 0 ? null : proxy.fate();
      if (fate === null) return void database.write(chunk);
      proxy.met++;
      // What it is to end has come with it, and arrives.
      if (at > 0) database.write(chunk.subarray(0, at));
      if (fate === 'lose') return end();
      if (fate === 'hold') {
        client.pause();
        held.push(() => {
          database.write(chunk.subarray(at));
          client.resume();
        });
        return;
      }
      swallowing = true;
      database.write(chunk.subarray(at));
    });
    database.on('data', (chunk) => {
      if (swallowing) {
        if (chunk.includes('COMMIT\0') || chunk.includes('ROLLBACK\0')) end();
      } else if (!isHole) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(serverUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    get met() {
      return proxy.met;
    },
    get fate() {
      return proxy.fate;
    },
    set fate(fate) {
      proxy.fate = fate;
    },
    release: () => held.splice(0).forEach((go) => go()),
    moveTo: (other) => void (target = new URL(other)),
    swallowAll: () => void (isHole = true),
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
