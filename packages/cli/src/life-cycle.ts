/**
 * The order in which `pelorus dev` ends, and why:
 *
 *   1. api     takes no new connection; requests in flight are answered. Nobody can ask for more work.
 *   2. worker  drains: it takes nothing new, and what runs may finish, for `drainMs` at most. The master must still be
 *              there, for it makes the results durable and acknowledges them.
 *   3. worker  says goodbye. Tasks that still run belong to the supervisor, a process of its own: they go on until their
 *              lease ends, and the next start takes them over with what they have done.
 *   4. master  commits what it has decided. From here on nothing changes.
 *   5. traces  what waits for the collector is sent, for a few seconds at most.
 *   6. logs    what the worker has sent is stored; what it could not send stays on its disk.
 *   7. alerts  gives up tries under way; what is in the outbox stays there and goes out after the next start.
 *   8. store   closes, and gives up the data directory.
 *
 * Each step happens even when the one before failed. Killing the process instead, at any moment, loses nothing: these
 * steps only save the next start work.
 */
export interface Services {
  api: { close(): Promise<unknown> };
  worker: { readonly usedSlots: number; readonly supervisorPid: number; drain(): Promise<void>; stop(): Promise<void> };
  master: { stop(): Promise<void> };
  traces: { stop(): Promise<void> };
  logs: { stop(): Promise<void> };
  alerts: { stop(): Promise<void> };
  store: { close(): Promise<void> };
}

export interface ShutdownOptions {
  /** How long running attempts may go on before they are left to the supervisor. */
  drainMs: number;
  /** Waits; rejects never. */
  pause: (durationMs: number) => Promise<void>;
  onError: (step: string, error: unknown) => void;
}

export interface ShutdownReport {
  /** Attempts that were still running, and go on without this process. */
  leftRunning: number;
  supervisorPid: number;
}

/** Requests in flight are given this long. */
const API_CLOSE_MS = 5_000;

/** A log store that does not answer is not waited for longer. */
const LOGS_CLOSE_MS = 5_000;

/** Of any other step: what does not end by then is left, and the next begins. */
const STEP_MS = 15_000;

/** Ends everything in order; never rejects. */
export async function shutDown(services: Services, options: ShutdownOptions): Promise<ShutdownReport> {
  const step = async (name: string, action: () => Promise<unknown>): Promise<void> => {
    let isDone = false;
    const late = options.pause(STEP_MS).then(() => {
      if (!isDone) throw new Error(`it has not ended within ${STEP_MS} ms`);
    });
    await Promise.race([action(), late]).catch((error: unknown) => options.onError(name, error));
    isDone = true;
  };
  await step('api', () => Promise.race([services.api.close(), options.pause(API_CLOSE_MS)]));
  await Promise.race([services.worker.drain(), options.pause(options.drainMs)]).catch((error: unknown) =>
    options.onError('worker', error),
  );
  const report = { leftRunning: services.worker.usedSlots, supervisorPid: services.worker.supervisorPid };
  await step('worker', () => services.worker.stop());
  await step('master', () => services.master.stop());
  await step('traces', () => services.traces.stop());
  await step('logs', () => Promise.race([services.logs.stop(), options.pause(LOGS_CLOSE_MS)]));
  await step('alerts', () => services.alerts.stop());
  await step('store', () => services.store.close());
  return report;
}
