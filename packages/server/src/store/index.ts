export * from './access-port.ts';
export * from './port.ts';
export type { ProjectStore, VisibleProjects } from './projects-port.ts';
export type { ChangedRuns, ChangedRunsRequest, EventStore } from './events-port.ts';
export * from './vault-port.ts';
export type { EndedRuns, LogRows, StoredLog } from './log-port.ts';
export { openPostgresStore } from './postgres-store.ts';
export { openSqliteStore } from './sqlite-store.ts';
export type { SqliteOptions } from './sqlite-store.ts';
