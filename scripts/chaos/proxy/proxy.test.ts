/** What the proxies do to bytes, frames and commits, on real sockets. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../../packages/worker/test/free-ports.ts';
import { chanceOf } from '../chance.ts';
import { startProxies, type Proxies } from './client.ts';
import { Edge } from './edge.ts';
import { MessageSplitter, asksToCommit } from './postgres-messages.ts';
import type { EdgeProtocol } from './toxics.ts';
import { FrameSplitter } from './websocket-frames.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** What takes this long hangs. */
const HANG_MS = 120_000;
const HOSTS = { listenHost: '127.0.0.1', targetHost: '127.0.0.1' };

/** A server that keeps what each connection says, and an edge before it. */
async function behindEdge(protocol: EdgeProtocol = 'http') {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    accepted.push(socket);
  });
  const targetPort = await listening(server);
  cleanups.push(async () => {
    for (const socket of accepted) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const edge = new Edge({ name: 'edge', protocol, ...HOSTS, listenPort: 0, targetPort }, chanceOf(7).next);
  const port = await edge.open();
  cleanups.push(() => edge.close());
  const dial = async (): Promise<{ near: Talk; far: Talk }> => {
    const count = accepted.length;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const near = talkOf(socket);
    cleanups.push(async () => socket.destroy());
    await once(socket, 'connect');
    await eventually(() => accepted.length > count);
    return { near, far: talkOf(accepted[count]!) };
  };
  return { edge, dial, port };
}

interface Talk {
  socket: Socket;
  heard(): string;
  ended(): boolean;
  closed(): boolean;
}

function talkOf(socket: Socket): Talk {
  let heard = '';
  let ended = false;
  let closed = false;
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.on('end', () => (ended = true));
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  return { socket, heard: () => heard, ended: () => ended, closed: () => closed };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function eventually(condition: () => boolean): Promise<void> {
  for (const endsAt = Date.now() + HANG_MS; !condition();) {
    if (Date.now() > endsAt) throw new Error(`never: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('an edge', () => {
  test('without toxics passes bytes, ends and resets on', async () => {
    const { dial } = await behindEdge();
    const { near, far } = await dial();
    near.socket.write('hello');
    await eventually(() => far.heard() === 'hello');
    far.socket.write('there');
    await eventually(() => near.heard() === 'there');
    near.socket.end('bye');
    await eventually(() => far.ended());
    expect(far.heard()).toBe('hellobye');
    far.socket.end('and you');
    await eventually(() => near.ended());
    expect(near.heard()).toBe('thereand you');

    const second = await dial();
    second.far.socket.resetAndDestroy();
    await eventually(() => second.near.closed());
  });

  test('with a delay delivers later and in order', async () => {
    const { edge, dial } = await behindEdge();
    const { near, far } = await dial();
    edge.add(1, { kind: 'delay', direction: 'up', ms: 60, jitterMs: 60 });
    const startedAt = performance.now();
    for (const letter of 'abcdefgh') {
      near.socket.write(letter);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await eventually(() => far.heard() === 'abcdefgh');
    expect(performance.now() - startedAt).toBeGreaterThan(60);
    expect(edge.counts.delayed).toBeGreaterThan(0);
  });

  test('with a bandwidth takes as long as the bytes need', async () => {
    const { edge, dial } = await behindEdge();
    const { near, far } = await dial();
    edge.add(1, { kind: 'bandwidth', direction: 'down', bytesPerSecond: 10_000 });
    const startedAt = performance.now();
    far.socket.write('x'.repeat(2_000));
    await eventually(() => near.heard().length === 2_000);
    far.socket.write('y');
    await eventually(() => near.heard().endsWith('y'));
    expect(performance.now() - startedAt).toBeGreaterThan(190);
  });

  test('a black hole on one way lets the other way through, and gives back what it held', async () => {
    const { edge, dial } = await behindEdge();
    const { near, far } = await dial();
    edge.add(1, { kind: 'black-hole', direction: 'up' });
    near.socket.write('lost?');
    far.socket.write('heard');
    await eventually(() => near.heard() === 'heard');
    expect(far.heard()).toBe('');
    edge.remove(1, false);
    await eventually(() => far.heard() === 'lost?');
  });

  test('a black hole hides that the other side is dead until it is over', async () => {
    const { edge, dial } = await behindEdge();
    const { near, far } = await dial();
    edge.add(1, { kind: 'black-hole', direction: 'both' });
    near.socket.resetAndDestroy();
    const other = await dial();
    other.near.socket.end();
    await eventually(() => near.closed() && edge.counts.connections === 2);
    expect([far.closed(), other.far.ended()]).toEqual([false, false]);
    edge.remove(1, false);
    await eventually(() => far.closed() && other.far.ended());
  });

  test('refuses, resets, and half-closes', async () => {
    const { edge, dial, port } = await behindEdge();
    const { near, far } = await dial();
    edge.strike({ kind: 'half-close', direction: 'up' });
    await eventually(() => far.ended());
    near.socket.write('into nothing');
    far.socket.write('still here');
    await eventually(() => near.heard() === 'still here');
    expect(far.heard()).toBe('');
    edge.strike({ kind: 'reset' });
    // Who has read an end reads no further, and so does not hear of a reset.
    await eventually(() => near.closed());
    edge.add(1, { kind: 'refuse' });
    const refused = talkOf(connect({ port, host: '127.0.0.1' }));
    await eventually(() => refused.closed());
    expect(edge.counts).toMatchObject({ connections: 1, refused: 1, resets: 1, halfCloses: 1 });
  });
});

const HEAD = 'GET /worker HTTP/1.1\r\nupgrade: websocket\r\n\r\n';

/** A text message; masked as clients must. */
function frame(text: string, masked: boolean): Buffer {
  const payload = Buffer.from(text);
  const mask = Buffer.from(masked ? [1, 2, 3, 4] : []);
  const length =
    payload.length < 126
      ? Buffer.from([payload.length])
      : Buffer.from([126, payload.length >> 8, payload.length & 255]);
  length[0]! |= masked ? 0x80 : 0;
  const body = masked ? payload.map((byte, at) => byte ^ mask[at % 4]!) : payload;
  return Buffer.concat([Buffer.from([0x81]), length, mask, body]);
}

describe('frames', () => {
  test('come out as they went in, however the stream is cut', () => {
    const long = 'z'.repeat(300);
    const ping = Buffer.from([0x89, 0]);
    const stream = Buffer.concat([Buffer.from(HEAD), frame('one', true), ping, frame(long, false), frame('', true)]);
    for (const size of [1, 2, 7, 64, stream.length]) {
      const splitter = new FrameSplitter();
      const pieces = [];
      for (let at = 0; at < stream.length; at += size) pieces.push(...splitter.push(stream.subarray(at, at + size)));
      expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(stream)).toBe(true);
      expect(pieces.map(({ kind, bytes }) => [kind, bytes.length])).toEqual([
        ['head', HEAD.length],
        ['data', 9],
        ['other', 2],
        ['data', 304],
        ['data', 6],
      ]);
    }
  });

  test('are duplicated and reordered whole', async () => {
    const { edge, dial } = await behindEdge('websocket');
    const { near, far } = await dial();
    near.socket.write(HEAD);
    edge.add(1, { kind: 'duplicate', direction: 'up', chance: 1 });
    near.socket.write(frame('twice', true));
    const twice = frame('twice', true).toString('latin1');
    await eventually(() => far.heard() === HEAD + twice + twice);
    edge.remove(1, false);

    far.socket.write(HEAD);
    edge.add(2, { kind: 'reorder', direction: 'down', chance: 1 });
    far.socket.write(Buffer.concat([frame('first', false), frame('second', false)]));
    const [first, second] = ['first', 'second'].map((text) => frame(text, false).toString('latin1'));
    await eventually(() => near.heard() === HEAD + second + first);
    expect(edge.counts).toMatchObject({ duplicated: 1, reordered: 1 });
  });

  test('that wait for a successor in vain go on alone', async () => {
    const { edge, dial } = await behindEdge('websocket');
    const { near, far } = await dial();
    near.socket.write(HEAD);
    edge.add(1, { kind: 'reorder', direction: 'up', chance: 1 });
    near.socket.write(frame('alone', true));
    await eventually(() => far.heard() === HEAD + frame('alone', true).toString('latin1'));
  });
});

/** A protocol message of PostgreSQL. */
function message(type: string, text: string): Buffer {
  const body = Buffer.from(`${text}\0`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

describe('commits', () => {
  test('are recognised, as simple queries and as parsed ones', () => {
    const splitter = new MessageSplitter('client');
    const startup = message('', 'user\0me\0');
    const stream = [startup, message('Q', 'begin'), message('P', 'name\0commit'), message('Q', 'COMMIT')];
    const messages = splitter.push(Buffer.concat(stream));
    expect(messages.map((each) => [each.type, asksToCommit(each)])).toEqual([
      ['', false],
      ['Q', false],
      ['P', true],
      ['Q', true],
    ]);
  });

  test('cut after: the server commits, the client never hears of it', async () => {
    const { edge, dial } = await behindEdge('postgres');
    const { near, far } = await dial();
    near.socket.write(message('', 'user\0me\0'));
    edge.add(1, { kind: 'cut-commit', moment: 'after', chance: 1 });
    near.socket.write(message('Q', 'commit'));
    await eventually(() => far.heard().endsWith('commit\0'));
    far.socket.write(message('C', 'COMMIT'));
    await eventually(() => near.closed());
    expect([near.heard(), edge.counts.cutAfterCommit]).toEqual(['', 1]);
  });

  test('cut before: the server never hears of it', async () => {
    const { edge, dial } = await behindEdge('postgres');
    const { near, far } = await dial();
    near.socket.write(message('', 'user\0me\0'));
    near.socket.write(message('Q', 'begin'));
    edge.add(1, { kind: 'cut-commit', moment: 'before', chance: 1 });
    near.socket.write(message('Q', 'commit'));
    await eventually(() => near.closed() && far.closed());
    expect([far.heard().includes('commit'), edge.counts.cutBeforeCommit]).toEqual([false, 1]);
  });
});

test("the proxies' process opens edges, takes orders, counts, and ends", async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const targetPort = await listening(server);
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const [listenPort] = await freePorts(1);
  const proxies: Proxies = await startProxies(
    [{ name: 'echo', protocol: 'http', ...HOSTS, listenPort: listenPort!, targetPort }],
    1,
  );
  cleanups.push(() => proxies.close());
  const near = talkOf(connect({ port: listenPort!, host: '127.0.0.1' }));
  cleanups.push(async () => near.socket.destroy());
  near.socket.write('echo');
  await eventually(() => near.heard() === 'echo');
  const remove = await proxies.add(['echo'], { kind: 'black-hole', direction: 'up' });
  near.socket.write('!');
  await remove({ reset: true });
  await eventually(() => near.closed());
  expect((await proxies.counts())['echo']).toMatchObject({ connections: 1 });
  await expect(proxies.add(['nowhere'], { kind: 'refuse' })).rejects.toThrow('there is no edge nowhere');
  await proxies.close();
  expect(() => process.kill(proxies.pid, 0)).toThrow('ESRCH');
});
