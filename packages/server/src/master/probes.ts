/**
 * Connections tried on a worker: a question to one of those that are connected, outside of any run.
 *
 * Owns: which connected workers can be asked, and the questions under way. Invariant: each question ends once, by its answer, by
 * the end of its link, by its caller or by the clock. Nothing of it is stored, so nothing is sent again.
 */
import type { Connection } from '@pelorus/engine';
import type { MasterLink, WorkerToMaster } from '@pelorus/protocol';
import { randomUUID } from 'node:crypto';

export interface Probed {
  ok: boolean;
  /** What came back, for people. */
  detail: string;
  tookMs: number;
  /** The worker's name. */
  worker: string;
}

/** What the worker is given, and how much longer its answer is waited for. */
const PROBE_MS = 9_000;
const ANSWER_GRACE_MS = 800;
/** Questions under way, over all workers. */
const PROBES_MAX = 100;

interface Asked {
  link: number;
  settle(probed: Probed): void;
  worker: string;
}

export class Probes {
  readonly #workers = new Map<number, { name: string; link: MasterLink; draining: boolean }>();
  readonly #asked = new Map<string, Asked>();
  #turn = 0;

  /** Takes what is for it; true when nobody else needs to see the message. */
  hears(id: number, link: MasterLink, message: WorkerToMaster): boolean {
    switch (message.kind) {
      case 'hello':
        if (message.features.includes('probe'))
          this.#workers.set(id, { name: message.name, link, draining: message.load.draining });
        return false;
      case 'heartbeat': {
        const worker = this.#workers.get(id);
        if (worker) worker.draining = message.load.draining;
        return false;
      }
      case 'probe-result': {
        const asked = this.#asked.get(message.id);
        const { ok, detail, tookMs } = message;
        if (asked?.link === id) asked.settle({ ok, detail, tookMs, worker: asked.worker });
        return true;
      }
      default:
        return false;
    }
  }

  linkDown(id: number): void {
    this.#workers.delete(id);
    for (const asked of this.#asked.values()) {
      if (asked.link === id)
        asked.settle({ ok: false, detail: 'the worker was lost before it answered', tookMs: 0, worker: asked.worker });
    }
  }

  /** Null when no worker can be asked. Rejects with the signal's reason. */
  async ask({ kind, url }: Connection, signal: AbortSignal): Promise<Probed | null> {
    signal.throwIfAborted();
    const chosen = this.#next();
    if (chosen === null || this.#asked.size >= PROBES_MAX) return null;
    const [link, worker] = chosen;
    const id = randomUUID();
    const startedAt = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<Probed>();
    const late = setTimeout(() => {
      const tookMs = Math.round(performance.now() - startedAt);
      resolve({ ok: false, detail: `no answer within ${tookMs / 1000} s`, tookMs, worker: worker.name });
    }, PROBE_MS + ANSWER_GRACE_MS);
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#asked.set(id, { link, settle: resolve, worker: worker.name });
    try {
      worker.link.send([{ kind: 'probe', id, connection: { kind, url }, timeoutMs: PROBE_MS }]);
      return await promise;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', onAbort);
      this.#asked.delete(id);
    }
  }

  /** In turn; one that takes nothing new is asked only when there is no other. */
  #next(): [number, { name: string; link: MasterLink }] | null {
    const all = [...this.#workers];
    const open = all.filter(([, worker]) => !worker.draining);
    const among = open.length > 0 ? open : all;
    return among[this.#turn++ % Math.max(1, among.length)] ?? null;
  }
}
