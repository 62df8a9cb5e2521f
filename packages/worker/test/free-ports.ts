import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below those that the system gives to connections, and to whoever asks for any port. */
const PORTS = { from: 15_000, upTo: 32_000 };

/** Ports of 127.0.0.1 for who listens a while later, or again and again: nobody gets one meanwhile who has not chosen it. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = randomInt(PORTS.from, PORTS.upTo);
    const server = held.has(port) ? null : await listeningOn(port);
    if (server) held.set(port, server);
  }
  await Promise.all([...held.values()].map((server) => new Promise((closed) => server.close(closed))));
  return [...held.keys()];
}

/** Null where somebody else does. */
async function listeningOn(port: number): Promise<Server | null> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return null;
  }
}
