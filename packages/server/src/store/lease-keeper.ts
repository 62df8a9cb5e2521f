/** The main thread's end of the thread that keeps a master's lease while its event loop is held up. */
import { Worker } from 'node:worker_threads';
import type { LeaseThreadData, LoopNews } from './lease-thread.ts';
import type { Fence, LeaseKeeper } from './port.ts';

/** `failed` is told when the thread ends by itself; the event loop goes on renewing alone then. */
export function startLeaseKeeper(settings: LeaseThreadData, failed: (error: Error) => void): LeaseKeeper {
  const script = new URL(`./lease-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  const thread = new Worker(script, { workerData: settings, name: 'lease-thread' });
  thread.on('error', (error) => failed(error instanceof Error ? error : new Error(String(error))));
  thread.unref();
  const tell = (fence: Fence, renewed: boolean): void => thread.postMessage({ fence, renewed } satisfies LoopNews);
  return {
    sign: (fence) => tell(fence, false),
    renewed: (fence) => tell(fence, true),
    close: async () => void (await thread.terminate()),
  };
}
