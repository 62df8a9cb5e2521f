export * from './port.ts';
export { openSqliteStore } from './sqlite-store.ts';
export type { SqliteOptions } from './sqlite-store.ts';
