export * from './port.ts';
export type { ProjectStore, VisibleProjects } from './projects-port.ts';
export { openSqliteStore } from './sqlite-store.ts';
export type { SqliteOptions } from './sqlite-store.ts';
