/**
 * Tries connections in processes of their own, so that a server which does not answer holds up no task. A process that does not
 * answer in time is ended: what hangs in a driver cannot be called back.
 */
import { join } from 'node:path';
import type { ProbeEnd } from '../core.ts';
import type { Connection, PoolToSupervisor, ProbeResult } from '../pool/messages.ts';
import { CallPool, type PoolProcess } from './call-pool.ts';
import { signalProcess } from './process-table.ts';

export interface ProbeOrder {
  id: string;
  connection: Connection;
  timeoutMs: number;
}

/** The agent takes no more than this at a time. */
const PROBES_MAX = 4;
/** Of the time allowed, this much is left for a driver to give up by itself and for the answer's way. */
const STEP_FRACTION = 0.8;

export class ProbeRunner {
  readonly #pool: CallPool;
  readonly #answer: (end: ProbeEnd) => void;
  readonly #running = new Map<PoolProcess, (result: ProbeResult) => void>();
  readonly #waiting = new Set<(result: ProbeResult) => void>();

  constructor(dataDir: string, env: Record<string, string>, answer: (end: ProbeEnd) => void) {
    this.#answer = answer;
    const listener = {
      onMessage: (process: PoolProcess, message: PoolToSupervisor) => {
        if (message.kind !== 'probed') return;
        this.#running.get(process)?.(message.result);
        this.#pool.release(process);
      },
      onExit: (process: PoolProcess) =>
        this.#running.get(process)?.({ ok: false, detail: 'the process that tried it ended' }),
      onBroken: (problem: string) => {
        for (const settle of this.#waiting) settle({ ok: false, detail: problem });
      },
    };
    this.#pool = new CallPool(join(dataDir, 'probes'), env, PROBES_MAX, listener, { keepIdle: 0 });
  }

  /** Answers once, within the time allowed. */
  probe({ id, connection, timeoutMs }: ProbeOrder): void {
    const startedAt = performance.now();
    let mine: PoolProcess | null = null;
    const settle = (result: ProbeResult): void => {
      if (!this.#waiting.delete(settle)) return;
      clearTimeout(limit);
      this.#pool.withdraw(take);
      if (mine) this.#running.delete(mine);
      this.#answer({ id, ...result, tookMs: Math.round(performance.now() - startedAt) });
    };
    const take = (process: PoolProcess): void => {
      mine = process;
      this.#running.set(process, settle);
      const leftMs = timeoutMs - (performance.now() - startedAt);
      process.send({ kind: 'probe', connection, timeoutMs: Math.max(1, Math.floor(leftMs * STEP_FRACTION)) });
    };
    const limit = setTimeout(() => {
      settle({ ok: false, detail: `no answer within ${timeoutMs} ms` });
      if (!mine) return;
      this.#pool.retire(mine);
      signalProcess(mine, 'SIGKILL');
    }, timeoutMs);
    this.#waiting.add(settle);
    this.#pool.acquire(take);
  }

  /** Called about once a second. */
  tick(): void {
    this.#pool.trimIdle(Date.now());
  }

  close(): void {
    this.#pool.close();
  }
}
