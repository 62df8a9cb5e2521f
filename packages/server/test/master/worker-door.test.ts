/** The door and those that dial it, over real sockets of 127.0.0.1. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  SOCKET_LINK_LIMITS,
  WIRE_VERSION,
  WORKER_SUBPROTOCOL,
  type MasterLink,
  type MasterToWorker,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { dialMaster, type DialOptions } from '@pelorus/worker';
import { DOOR_LIMITS, openWorkerDoor, type WorkerDoor, type WorkerDoorOptions } from '../../src/master/worker-door.ts';
import { WAIT } from '../wait.ts';

const TOKEN = 'a-token-of-this-test-0123456789abcdef';
const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Logged {
  fields: Record<string, unknown>;
  event: string;
}

/** A door, the links it let in, and what it logged. */
interface OpenDoor {
  door: WorkerDoor;
  url: string;
  port: number;
  links: MasterLink[];
  logged: Logged[];
  /** The raw socket of the last upgrade. */
  rawSocket: () => Socket;
}

async function open(more: Partial<WorkerDoorOptions> = {}, server: Server = createServer()): Promise<OpenDoor> {
  const links: MasterLink[] = [];
  const logged: Logged[] = [];
  const note = (fields: object, event: string) => void logged.push({ fields: { ...fields }, event });
  const sockets = new Set<Socket>();
  let last: Socket | null = null;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    last = socket;
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const door = openWorkerDoor({
    server,
    path: '/worker',
    tokens: [TOKEN],
    attach: (link) => links.push(link),
    log: { info: note, warn: note },
    ...more,
  });
  ends.push(async () => {
    await door.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  });
  const { port } = server.address() as AddressInfo;
  const rawSocket = (): Socket => {
    if (!last) throw new Error('nobody has connected');
    return last;
  };
  return { door, url: `ws://127.0.0.1:${port}/worker`, port, links, logged, rawSocket };
}

const until = (condition: () => boolean, what: string): Promise<void> =>
  vi.waitFor(() => expect(condition(), what).toBe(true), { ...WAIT, interval: 5 });

const warnings: Logged[] = [];
function dial(url: string, more: Partial<DialOptions> = {}) {
  warnings.length = 0;
  const warn = (fields: object, event: string) => void warnings.push({ fields: { ...fields }, event });
  return dialMaster({ url, token: TOKEN, log: { warn }, ...more });
}

/** Both ends of one link through the door. */
async function linked(opened: OpenDoor) {
  const worker = await dial(opened.url);
  ends.push(() => worker.close());
  await until(() => opened.links.length > 0, 'the door let it in');
  const master = opened.links.at(-1)!;
  const heardByMaster: WorkerToMaster[][] = [];
  const heardByWorker: MasterToWorker[][] = [];
  const gone = { master: 0, worker: 0 };
  master.onFrame((messages) => (messages === null ? (gone.master += 1) : heardByMaster.push(messages)));
  worker.onFrame((messages) => (messages === null ? (gone.worker += 1) : heardByWorker.push(messages)));
  return { worker, master, heardByMaster, heardByWorker, gone };
}

/** A peer that speaks WebSocket but is not ours. */
async function rawPeer(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, WORKER_SUBPROTOCOL, { headers: { authorization: `Bearer ${TOKEN}` } });
  ends.push(() => socket.terminate());
  socket.on('error', () => undefined);
  await new Promise((opened, failed) => socket.once('open', opened).once('close', failed));
  return socket;
}

const lease = (sentAt: number): MasterToWorker => ({ kind: 'lease', sentAt, leaseMs: 15_000, accepting: true });
const goodbye = (worker: string): WorkerToMaster => ({ kind: 'goodbye', worker: worker as never });

describe('who is let in', () => {
  test('a worker with the token is linked, and both sides hear each other', async () => {
    const opened = await open();
    const { worker, master, heardByMaster, heardByWorker } = await linked(opened);
    worker.send([goodbye('w-1')]);
    master.send([lease(1)]);
    await until(() => heardByMaster.length > 0 && heardByWorker.length > 0, 'both were heard');
    expect(heardByMaster).toEqual([[goodbye('w-1')]]);
    expect(heardByWorker).toEqual([[lease(1)]]);
    expect(opened.door.connections).toBe(1);
  });

  test('while the token is changed, the old and the new one are both taken', async () => {
    const { url, links } = await open({ tokens: ['the-new-one', 'the-old-one'] });
    for (const token of ['the-new-one', 'the-old-one']) {
      const worker = await dial(url, { token });
      ends.push(() => worker.close());
    }
    expect(links).toHaveLength(2);
    await expect(dial(url, { token: 'another' })).rejects.toThrow(`${url} answered 401 Unauthorized`);
  });

  test.each([
    ['another token', { token: `${TOKEN}x` }, /answered 401/],
    ['a part of the token', { token: TOKEN.slice(0, -1) }, /answered 401/],
    ['no token', { token: ' ' }, /answered 401/],
  ])('%s is refused', async (_what, more, problem) => {
    const { url, links, logged } = await open();
    await expect(dial(url, more)).rejects.toThrow(problem);
    expect(links).toHaveLength(0);
    expect(logged).toEqual([{ fields: { from: '127.0.0.1' }, event: 'a worker without a valid token was refused' }]);
  });

  test('another path is refused before its token is looked at', async () => {
    const { port, links } = await open();
    await expect(dial(`ws://127.0.0.1:${port}/workers`)).rejects.toThrow(/answered 404/);
    expect(links).toHaveLength(0);
  });

  test('another subprotocol is refused', async () => {
    const { url, links } = await open();
    const status = await new Promise((answered) => {
      const socket = new WebSocket(url, 'pelorus.worker.v0', { headers: { authorization: `Bearer ${TOKEN}` } });
      socket.on('error', () => undefined);
      socket.on('unexpected-response', (_request, response) => answered(response.statusCode));
    });
    expect(status).toBe(400);
    expect(links).toHaveLength(0);
  });

  test('what is no upgrade to a WebSocket is refused and its socket closed', async () => {
    const { port, links } = await open();
    const status = await new Promise((answered, failed) => {
      const headers = { connection: 'upgrade', upgrade: 'h2c', authorization: `Bearer ${TOKEN}` };
      httpRequest({ port, path: '/worker', headers: { ...headers, 'sec-websocket-protocol': WORKER_SUBPROTOCOL } })
        .on('response', (response) => answered(response.statusCode))
        .on('error', failed)
        .end();
    });
    expect(status).toBe(400);
    expect(links).toHaveLength(0);
  });

  test('no more connections than the limit, and again one when one has left', async () => {
    const { url, door } = await open({ connectionsMax: 2 });
    const first = await dial(url);
    const second = await dial(url);
    await expect(dial(url)).rejects.toThrow(/answered 503/);
    first.close();
    await until(() => door.connections === 1, 'the first has left');
    const third = await dial(url);
    second.close();
    third.close();
  });

  test('a connection that breaks while it is refused harms nobody', async () => {
    const server = createServer();
    const { url } = await open({}, server);
    const broken = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => done(new Error('EPIPE')),
    });
    const closed = new Promise((resolve) => broken.once('close', resolve));
    server.emit('upgrade', { url: '/nowhere', headers: {}, socket: broken }, broken, Buffer.alloc(0));
    await closed;
    const worker = await dial(url);
    worker.close();
  });

  test('a door without a token, or with an empty one, is not opened', () => {
    const options = { server: createServer(), path: '/', attach: () => {}, log: { info: () => {}, warn: () => {} } };
    expect(() => openWorkerDoor({ ...options, tokens: [] })).toThrow('needs a token');
    expect(() => openWorkerDoor({ ...options, tokens: [TOKEN, ''] })).toThrow('needs a token');
  });

  test('a master that takes the connection and says nothing is given up', async () => {
    const mute = createServer().on('upgrade', () => undefined);
    await new Promise<void>((listening) => mute.listen(0, '127.0.0.1', listening));
    ends.push(
      () => mute.closeAllConnections(),
      () => void mute.close(),
    );
    const { port } = mute.address() as AddressInfo;
    await expect(dial(`ws://127.0.0.1:${port}/worker`, { timeoutMs: 150 })).rejects.toThrow();
  });

  test('a closed door hangs up on everybody and lets nobody in', async () => {
    const opened = await open();
    const { gone } = await linked(opened);
    await opened.door.close();
    await until(() => gone.master === 1 && gone.worker === 1, 'both ends heard of it');
    await expect(dial(opened.url, { timeoutMs: 200 })).rejects.toThrow();
  });
});

describe('mutual TLS', () => {
  const names = ['ca', 'server', 'worker', 'stranger'] as const;
  type Pem = Record<(typeof names)[number], { cert: string; key: string }>;

  function certificates(): Pem | null {
    const dir = mkdtempSync(join(tmpdir(), 'pelorus-tls-'));
    ends.push(() => rmSync(dir, { recursive: true }));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
    const make = (name: string, signedBy: string | null): void => {
      const alternative = ['-addext', 'subjectAltName=IP:127.0.0.1'];
      const signer = signedBy === null ? [] : ['-CA', `${signedBy}.crt`, '-CAkey', `${signedBy}.key`];
      const isCa = ['-addext', `basicConstraints=critical,CA:${signedBy === null ? 'TRUE' : 'FALSE'}`];
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
      openssl(
        'req',
        '-x509',
        ...key,
        '-out',
        `${name}.crt`,
        '-subj',
        `/CN=${name}`,
        '-days',
        '2',
        ...alternative,
        ...isCa,
        ...signer,
      );
    };
    try {
      openssl('version');
    } catch {
      return null;
    }
    make('ca', null);
    make('server', 'ca');
    make('worker', 'ca');
    make('stranger', null);
    const read = (name: string) => ({
      cert: readFileSync(join(dir, `${name}.crt`), 'utf8'),
      key: readFileSync(join(dir, `${name}.key`), 'utf8'),
    });
    return Object.fromEntries(names.map((name) => [name, read(name)])) as Pem;
  }

  test('only who shows a certificate of the authority comes in, and only to a master that shows one', async (context) => {
    const pem = certificates();
    if (pem === null) return context.skip('needs openssl: apt-get install openssl');
    const server = createTlsServer({ ...pem.server, ca: pem.ca.cert, requestCert: true, rejectUnauthorized: true });
    const { port, links } = await open({}, server);
    const url = `wss://127.0.0.1:${port}/worker`;
    const ca = pem.ca.cert;

    await expect(dial(url, { tls: { ca } })).rejects.toThrow();
    await expect(dial(url, { tls: { ca, ...pem.stranger } })).rejects.toThrow();
    await expect(dial(url, { tls: pem.worker })).rejects.toThrow(/self-signed|unable to/);
    await expect(dial(url, { token: 'another', tls: { ca, ...pem.worker } })).rejects.toThrow(/answered 401/);
    expect(links).toHaveLength(0);

    const worker = await dial(url, { tls: { ca, ...pem.worker } });
    await until(() => links.length === 1, 'it is linked');
    const heard: unknown[] = [];
    links[0]!.onFrame((messages) => heard.push(messages));
    worker.send([goodbye('w-tls')]);
    await until(() => heard.length > 0, 'it is heard');
    expect(heard).toEqual([[goodbye('w-tls')]]);
    worker.close();
  });
});

describe('frames', () => {
  test('what is sent in one turn travels as one frame, in order', async () => {
    const { worker, master, heardByMaster, heardByWorker } = await linked(await open());
    for (let count = 0; count < 1000; count++) master.send([lease(count)]);
    for (let count = 0; count < 1000; count++) worker.send([goodbye(`w-${count}`)]);
    await until(() => heardByWorker.length > 0 && heardByMaster.length > 0, 'heard');
    expect(heardByWorker).toEqual([Array.from({ length: 1000 }, (_, count) => lease(count))]);
    expect(heardByMaster).toEqual([Array.from({ length: 1000 }, (_, count) => goodbye(`w-${count}`))]);
  });

  test('more than fits one frame is cut into several, so that none is too long for the other side', async () => {
    const opened = await open();
    const { worker, heardByMaster, gone } = await linked(opened);
    const base64 = Buffer.alloc(96 * 1024, 'x').toString('base64');
    const pieces = 300;
    expect(pieces * base64.length).toBeGreaterThan(2 * DOOR_LIMITS.frameBytes);
    for (let offset = 0; offset < pieces; offset++)
      worker.send([{ kind: 'log', worker: 'w-1' as never, attempt: '1.0.1' as never, offset, base64 }]);
    await until(() => heardByMaster.flat().length === pieces, 'all came');
    expect(heardByMaster.flat().map((message) => message.kind === 'log' && message.offset)).toEqual([
      ...Array(pieces).keys(),
    ]);
    const longest = Math.max(...heardByMaster.map((frame) => JSON.stringify(frame).length));
    expect(longest).toBeLessThan(SOCKET_LINK_LIMITS.frameChars + 2 * base64.length);
    expect(gone).toEqual({ master: 0, worker: 0 });
  });

  test('what was sent before a close arrives before the end', async () => {
    const { worker, heardByMaster, gone } = await linked(await open());
    worker.send([goodbye('w-1')]);
    worker.close();
    await until(() => gone.master === 1 && gone.worker === 1, 'both ends heard of it');
    expect(heardByMaster).toEqual([[goodbye('w-1')]]);
  });

  test('a frame that is too long ends the link', async () => {
    const opened = await open();
    const peer = await rawPeer(opened.url);
    let heard: unknown = 'nothing';
    opened.links[0]!.onFrame((messages) => (heard = messages));
    const code = new Promise((closed) => peer.once('close', closed));
    peer.send(JSON.stringify([{ kind: 'padding', text: 'x'.repeat(DOOR_LIMITS.frameBytes) }]));
    expect(await code).toBe(1009);
    await until(() => heard === null, 'the master heard of it');
  });

  test.each([
    ['no JSON', 'hello', /a frame could not be read/],
    ['no array', '{"kind":"goodbye"}', /a frame must be an array of messages/],
    ['a message without a kind', '[{}]', /message 0 has no kind/],
    ['a greeting without its parts', `[{"kind":"hello","version":${WIRE_VERSION}}]`, /message 0 \(hello\), worker/],
  ])('a frame that is %s ends the link, and the peer is told why', async (_what, text, reason) => {
    const opened = await open();
    const peer = await rawPeer(opened.url);
    let heard: unknown = 'nothing';
    opened.links[0]!.onFrame((messages) => (heard = messages));
    const closed = new Promise<[number, string]>((resolve) =>
      peer.once('close', (code, why) => resolve([code, why.toString()])),
    );
    peer.send(text);
    const [code, why] = await closed;
    expect(code).toBe(1008);
    expect(why).toMatch(reason);
    await until(() => heard === null, 'the master heard of it');
    expect(opened.logged.at(-1)).toMatchObject({ event: 'hung up on a worker' });
  });

  test('one message that cannot be read does not delay the others, a hundred end the link', async () => {
    const opened = await open();
    const peer = await rawPeer(opened.url);
    const heard: unknown[] = [];
    opened.links[0]!.onFrame((messages) => heard.push(messages));
    const broken = { kind: 'report', worker: 'w-1', report: { kind: 'accepted', attempt: 'one', sequence: 1 } };
    peer.send(JSON.stringify([goodbye('w-1'), broken, goodbye('w-2')]));
    await until(() => heard.length > 0, 'heard');
    expect(heard).toEqual([[goodbye('w-1'), goodbye('w-2')]]);
    expect(opened.logged.at(-1)).toMatchObject({
      event: 'a message of a worker was passed over',
      fields: { reason: expect.stringMatching(/^message 1 \(report\), report\.attempt: /) },
    });
    const code = new Promise((closed) => peer.once('close', closed));
    peer.send(JSON.stringify(Array.from({ length: SOCKET_LINK_LIMITS.refusedMax }, () => broken)));
    expect(await code).toBe(1008);
  });
});

describe('versions', () => {
  const hello = (version: number): WorkerToMaster => ({
    kind: 'hello',
    worker: 'w-1' as never,
    name: 'n',
    host: 'h',
    version,
    features: [],
    groups: [],
    load: {
      slots: 1,
      usedSlots: 0,
      loadAverage: -1,
      cpuCount: 1,
      freeMemoryBytes: 0,
      totalMemoryBytes: 0,
      busy: false,
      draining: false,
    },
    attempts: [],
    supersedes: [],
  });
  const welcome = (version: number): MasterToWorker => ({
    kind: 'welcome',
    master: 'm-1' as never,
    version,
    leaseMs: 15_000,
  });

  test.each([WIRE_VERSION - 1, WIRE_VERSION, WIRE_VERSION + 1])('version %i is spoken with', async (version) => {
    const { worker, master, heardByMaster, heardByWorker } = await linked(await open());
    worker.send([hello(version)]);
    master.send([welcome(version)]);
    await until(() => heardByMaster.length > 0 && heardByWorker.length > 0, 'both were heard');
    expect([heardByMaster, heardByWorker]).toEqual([[[hello(version)]], [[welcome(version)]]]);
  });

  test('a worker of a version too far away is hung up on, and told why', async () => {
    const opened = await open();
    const { worker, heardByMaster, gone } = await linked(opened);
    worker.send([hello(WIRE_VERSION + 2)]);
    await until(() => gone.master === 1 && gone.worker === 1, 'both ends heard of it');
    expect(heardByMaster).toEqual([]);
    const reason = `a frame could not be read: the other side speaks version ${WIRE_VERSION + 2}, this one ${WIRE_VERSION} and its neighbours`;
    expect(opened.logged.at(-1)).toMatchObject({ event: 'hung up on a worker' });
    expect(String(opened.logged.at(-1)?.fields['reason'])).toContain(reason);
    expect(warnings).toMatchObject([{ event: 'a master hung up', fields: { code: 1008 } }]);
    expect(String(warnings[0]?.fields['reason'])).toContain(reason.slice(0, 100));
  });

  test('a master of a version too far away is hung up on', async () => {
    const { master, heardByWorker, gone } = await linked(await open());
    master.send([welcome(WIRE_VERSION + 2)]);
    await until(() => gone.master === 1 && gone.worker === 1, 'both ends heard of it');
    expect(heardByWorker).toEqual([]);
  });

  test('kinds and members that a newer peer added are passed over', async () => {
    const opened = await open();
    const peer = await rawPeer(opened.url);
    const heard: unknown[] = [];
    opened.links[0]!.onFrame((messages) => heard.push(messages));
    peer.send(
      JSON.stringify([
        { kind: 'of-the-future', what: 1 },
        { ...goodbye('w-1'), reason: 'later' },
      ]),
    );
    await until(() => heard.length > 0, 'heard');
    expect(heard).toEqual([[goodbye('w-1')]]);
  });
});

describe('peers that do not read, or do not speak', () => {
  const ack = (sequence: number): MasterToWorker => ({
    kind: 'ack',
    attempt: '1.0.1' as never,
    sequence,
    verdict: 'stored',
  });

  test('a worker that stops reading holds no more than the window of a master, and gets everything when it reads again', async () => {
    const opened = await open();
    const peer = await rawPeer(opened.url);
    const raw = opened.rawSocket();
    const master = opened.links[0]!;
    peer.pause();
    const cause = { kind: 'error', detail: 'x'.repeat(2_000) } as const;
    const count = 20_000;
    let most = 0;
    for (let at = 0; at < count; at++) {
      master.send([{ kind: 'kill', attempt: `1.0.${at + 1}` as never, graceMs: at, cause }]);
      if (at % 500 === 0) await new Promise(setImmediate);
      most = Math.max(most, raw.writableLength);
    }
    expect(most).toBeGreaterThan(SOCKET_LINK_LIMITS.windowBytes / 2);
    expect(most).toBeLessThan(SOCKET_LINK_LIMITS.windowBytes + 2 * SOCKET_LINK_LIMITS.frameChars);
    const got: number[] = [];
    peer.on('message', (text: Buffer) => {
      for (const { graceMs } of JSON.parse(text.toString()) as { graceMs: number }[]) got.push(graceMs);
    });
    peer.resume();
    await until(() => got.length === count, 'all came');
    expect(got).toEqual([...Array(count).keys()]);
  });

  test('a worker for which too many messages wait is hung up on', async () => {
    const opened = await open();
    const peer = await rawPeer(opened.url);
    const master = opened.links[0]!;
    let heard: unknown = 'nothing';
    master.onFrame((messages) => (heard = messages));
    peer.pause();
    for (let at = 0; at <= DOOR_LIMITS.unsentMessages; at++) master.send([ack(at)]);
    await until(() => heard === null, 'the master heard of it');
    expect(opened.logged.at(-1)).toMatchObject({ event: 'hung up on a worker' });
    expect(opened.logged.at(-1)?.fields['reason']).toMatch(/^the other side does not read: \d+ messages wait$/);
    await until(() => opened.door.connections === 0, 'it is gone');
    // It is over: nothing that is sent now does anything.
    master.send([ack(0)]);
    master.close();
  });

  test('a connection that says nothing is hung up on, one that speaks is not', async () => {
    const opened = await open({ silenceMs: 2_000 });
    const talker = await linked(opened);
    const chatter = setInterval(() => talker.worker.send([goodbye('w-1')]), 20);
    ends.push(() => clearInterval(chatter));
    const mute = await rawPeer(opened.url);
    const closedAfter = performance.now();
    await new Promise((closed) => mute.once('close', closed));
    expect(performance.now() - closedAfter).toBeGreaterThan(1_500);
    await until(() => opened.door.connections === 1, 'it is gone');
    expect(talker.gone).toEqual({ master: 0, worker: 0 });
    clearInterval(chatter);
    await until(() => talker.gone.master === 1 && talker.gone.worker === 1, 'it is silent too');
    expect(opened.logged.filter(({ event }) => event === 'hung up on a worker that said nothing')).toHaveLength(2);
  });
});
