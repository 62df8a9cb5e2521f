/**
 * A master that a test plays by hand, behind a real WebSocket door that shares no code with Pelorus's own: what a worker says is held against
 * the published JSON Schema as it came.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { WebSocketServer, type WebSocket } from 'ws';
import type { AttemptId, AttemptReport, AttemptSpec, Cause, MasterToWorker, WorkerToMaster } from '@pelorus/protocol';
import { attemptOf, HANG_MS } from '../fixture.ts';

export const TOKEN = 'the-token-of-the-protocol-tests-0123456789';

const published = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../docs/schemas/worker-protocol.json'), 'utf8'),
) as { version: number; subprotocol: string };
const ajv = new Ajv2020({ strict: false });
const isFrame = {
  ofWorker: ajv.compile({ ...published, $ref: '#/$defs/WorkerFrame' }),
  ofMaster: ajv.compile({ ...published, $ref: '#/$defs/MasterFrame' }),
};

type Hello = Extract<WorkerToMaster, { kind: 'hello' }>;
type Heartbeat = Extract<WorkerToMaster, { kind: 'heartbeat' }>;

export interface HeardReport {
  report: AttemptReport;
  /** The connection it came over, counted from 1. */
  connection: number;
  /** When the worker sent the heartbeat before it, by its own clock: how late this process hears does not matter. */
  beforeAt: number;
}

export class MasterByHand {
  readonly id: string;
  readonly hellos: Hello[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly heard: HeardReport[] = [];
  /** Kinds of all messages, by connection. */
  readonly kinds: string[][] = [];
  /** What broke the rules of the protocol. */
  readonly offences: string[] = [];
  /** Answers heartbeats. */
  renews = true;
  welcomes = true;
  acknowledges = true;
  leaseMs = HANG_MS;
  version = published.version;
  /** When the last heartbeat, or hello, was answered. Epoch, milliseconds. */
  renewedAt = 0;
  saidGoodbye = false;
  onReport: (report: AttemptReport) => void = () => {};
  #server = createServer();
  #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => published.subprotocol });
  #socket: WebSocket | null = null;
  #waiters = new Set<() => void>();
  #port = 0;

  constructor(id = 'm-1') {
    this.id = id;
  }

  async open(): Promise<void> {
    this.#server = createServer();
    this.#server.on('upgrade', (request, socket, head) => {
      const { authorization, 'sec-websocket-protocol': offered } = request.headers;
      if (authorization !== `Bearer ${TOKEN}`) this.offences.push(`authorization: ${authorization ?? 'none'}`);
      if (offered !== published.subprotocol) this.offences.push(`subprotocol: ${offered ?? 'none'}`);
      if (request.url !== '/worker') this.offences.push(`path: ${request.url ?? 'none'}`);
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#attach(opened));
    });
    await new Promise<void>((listening) => this.#server.listen(this.#port, '127.0.0.1', listening));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Hangs up, and lets nobody in until {@link open}. */
  async close(): Promise<void> {
    this.hangUp();
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise((closed) => this.#server.close(closed));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  get hello(): Hello {
    const hello = this.hellos.at(-1);
    if (!hello) throw new Error('no hello was heard');
    return hello;
  }

  hangUp(): void {
    this.#socket?.terminate();
  }

  send(...messages: MasterToWorker[]): void {
    if (!isFrame.ofMaster(messages))
      throw new Error(`the test breaks the rules: ${ajv.errorsText(isFrame.ofMaster.errors)}`);
    this.sendAnything(messages);
  }

  /** Sends what the schemas need not know. */
  sendAnything(frame: unknown): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  dispatch(...specs: AttemptSpec[]): void {
    this.send(...specs.map((spec) => ({ kind: 'dispatch' as const, spec })));
  }

  kill(attempt: string, graceMs = 1_000, cause: Cause = { kind: 'killed_by', user: 'somebody' }): void {
    this.send({ kind: 'kill', attempt: attemptOf(attempt), graceMs, cause });
  }

  query(...attempts: string[]): void {
    this.send({ kind: 'query', attempts: attempts.map(attemptOf) });
  }

  ack(report: AttemptReport, verdict: 'stored' | 'unknown' = 'stored'): void {
    this.send({ kind: 'ack', attempt: report.attempt, sequence: report.sequence, verdict });
  }

  reportsOf(attempt: string): AttemptReport[] {
    return this.heard.filter(({ report }) => report.attempt === attempt).map(({ report }) => report);
  }

  kindsOf(attempt: string): string[] {
    return this.reportsOf(attempt).map(({ kind }) => kind);
  }

  /** Resolves with the `count`th report of that kind. */
  async report<Kind extends AttemptReport['kind']>(
    attempt: string,
    kind: Kind,
    { count = 1 } = {},
  ): Promise<Extract<AttemptReport, { kind: Kind }>> {
    const found = (): Extract<AttemptReport, { kind: Kind }>[] =>
      this.reportsOf(attempt).filter(
        (report): report is Extract<AttemptReport, { kind: Kind }> => report.kind === kind,
      );
    await this.until(
      () => found().length >= count,
      () => `${count} × ${kind} of ${attempt}; heard ${JSON.stringify(this.reportsOf(attempt))}`,
    );
    return found()[count - 1]!;
  }

  /** Waits until the worker has sent so many more heartbeats. */
  async beats(count: number): Promise<void> {
    const target = this.heartbeats.length + count;
    await this.until(
      () => this.heartbeats.length >= target,
      () => `${count} heartbeats`,
    );
  }

  async until(condition: () => boolean, what: () => string): Promise<void> {
    const deadline = performance.now() + HANG_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`did not come within ${HANG_MS} ms: ${what()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, 50);
        const waiters = this.#waiters;
        function wake(): void {
          clearTimeout(timer);
          waiters.delete(wake);
          resolve();
        }
        waiters.add(wake);
      });
    }
  }

  #attach(socket: WebSocket): void {
    this.#socket = socket;
    const kinds: string[] = [];
    const connection = this.kinds.push(kinds);
    socket.on('error', () => undefined);
    socket.on('message', (text: Buffer) => {
      this.#hear(socket, text.toString(), kinds, connection);
      this.#wake();
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = null;
      this.#wake();
    });
  }

  #hear(socket: WebSocket, text: string, kinds: string[], connection: number): void {
    const frame: unknown = JSON.parse(text);
    if (!isFrame.ofWorker(frame)) {
      this.offences.push(`${ajv.errorsText(isFrame.ofWorker.errors).slice(0, 500)} in ${text.slice(0, 500)}`);
      return;
    }
    for (const message of frame as WorkerToMaster[]) {
      kinds.push(message.kind);
      this.#hearOne(socket, message, connection);
    }
  }

  #hearOne(socket: WebSocket, message: WorkerToMaster, connection: number): void {
    const say = (answer: MasterToWorker): void => socket.send(JSON.stringify([answer]));
    switch (message.kind) {
      case 'hello':
        this.hellos.push(message);
        if (!this.welcomes) return;
        this.renewedAt = Date.now();
        return say({ kind: 'welcome', master: this.id as never, version: this.version, leaseMs: this.leaseMs });
      case 'heartbeat':
        this.heartbeats.push(message);
        if (!this.renews) return;
        this.renewedAt = Date.now();
        return say({ kind: 'lease', sentAt: message.sentAt, leaseMs: this.leaseMs, accepting: true });
      case 'report': {
        const { report } = message;
        this.heard.push({ report, connection, beforeAt: this.heartbeats.at(-1)?.sentAt ?? 0 });
        this.onReport(report);
        const { attempt, sequence } = report;
        if (this.acknowledges && report.kind !== 'accepted' && report.kind !== 'never_seen')
          say({ kind: 'ack', attempt, sequence, verdict: 'stored' });
        return;
      }
      case 'goodbye':
        this.saidGoodbye = true;
        return;
      case 'log':
      case 'probe-result':
        return;
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}

export const idOf = (text: string): AttemptId => attemptOf(text);
