export { openOpsPort, type OpsMaster, type OpsPort, type OpsPortOptions, type Readiness } from './port.ts';
export { createMasterClient, type MasterAnswer, type MasterClient, type MasterClientOptions } from './master-client.ts';
export { startTraces, wantsTraces } from './start-traces.ts';
export type { TraceFigures, Traces, TracesOptions } from './traces.ts';
export { createMetrics, type Metrics, type ObservedRequest, type WorkerFigures } from './metrics.ts';
