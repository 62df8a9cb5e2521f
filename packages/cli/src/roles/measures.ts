/** What a process measures of itself, and the traces of its master's runs where the environment asks for them. */
import type { Master, MasterObserver } from '@pelorus/server/master';
import { createMetrics, startTraces, wantsTraces, type Metrics } from '@pelorus/server/ops';
import type { Logger } from 'pino';
import { processVariables } from '../environment.ts';
import { productVersion } from '../product-version.ts';

export function processMetrics(): Metrics {
  return createMetrics({ version: productVersion() });
}

export interface MasterMeasures {
  /** For the master as it starts. */
  observers: readonly MasterObserver[];
  /** Where its figures are, once it has started. */
  read(master: Master): void;
  /** Sends the spans that wait, for a few seconds at most. */
  stop(): Promise<void>;
}

/** The OpenTelemetry libraries read their variables (`OTEL_…`) themselves. */
export async function measureMaster(metrics: Metrics, log: Logger): Promise<MasterMeasures> {
  const { observer, read } = metrics.master();
  const traces = wantsTraces(processVariables()) ? await startTraces({ version: productVersion(), log }) : null;
  if (traces !== null) metrics.traces(() => traces.figures());
  return {
    observers: traces === null ? [observer] : [observer, traces.observer],
    read: (master) => read(() => master.figures()),
    stop: async () => traces?.stop(),
  };
}
