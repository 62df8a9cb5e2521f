/** The bed's side of the proxies' process. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EdgeCounts, EdgePlace, ProxyAnswer, ProxyOrder, ProxyResult, Strike, Toxic } from './toxics.ts';

export interface Proxies {
  readonly pid: number;
  /** Puts a toxic on edges; the answer takes it away again (`reset`: connections do not outlive it). */
  add(edges: string[], toxic: Toxic): Promise<(options: { reset: boolean }) => Promise<void>>;
  /** How many connections there were to do it to. */
  strike(edges: string[], strike: Strike): Promise<number>;
  /** Takes away everything. */
  calm(): Promise<void>;
  /** By edge. */
  counts(): Promise<Record<string, EdgeCounts>>;
  close(): Promise<void>;
}

const ANSWER_MS = 10_000;

/** Starts the process and opens the edges in it; rejects when a port is taken. */
export async function startProxies(edges: EdgePlace[], seed: number): Promise<Proxies> {
  const child = fork(fileURLToPath(new URL('./main.ts', import.meta.url)), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  const ask = questions(child);
  const ids = { last: 0 };
  const proxies: Proxies = {
    pid: child.pid ?? 0,
    add: async (names, toxic) => {
      const id = (ids.last += 1);
      await ask({ kind: 'add', edges: names, id, toxic });
      return async ({ reset }) => void (await ask({ kind: 'remove', id, reset }));
    },
    strike: async (names, strike) => (await ask({ kind: 'strike', edges: names, strike })).struck ?? 0,
    calm: async () => void (await ask({ kind: 'calm' })),
    counts: async () => (await ask({ kind: 'count' })).counts ?? {},
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
  try {
    await ask({ kind: 'open', edges, seed });
  } catch (error) {
    await proxies.close();
    throw error;
  }
  return proxies;
}

function questions(child: ChildProcess): (order: ProxyOrder) => Promise<ProxyResult> {
  const waiting = new Map<number, (answer: ProxyAnswer) => void>();
  let last = 0;
  const failAll = (error: string): void => {
    for (const [request, settle] of waiting) settle({ request, ok: false, error });
  };
  child.on('message', (answer: ProxyAnswer) => waiting.get(answer.request)?.(answer));
  child.on('exit', () => failAll('the proxies have ended'));
  return (order) => {
    const request = (last += 1);
    return new Promise<ProxyResult>((resolve, reject) => {
      const timer = setTimeout(
        () => settle({ request, ok: false, error: `no answer to ${order.kind} within ${ANSWER_MS} ms` }),
        ANSWER_MS,
      );
      const settle = (answer: ProxyAnswer): void => {
        clearTimeout(timer);
        waiting.delete(request);
        if (answer.ok) resolve(answer.answer);
        else reject(new Error(answer.error));
      };
      waiting.set(request, settle);
      child.send({ ...order, request });
    });
  };
}
