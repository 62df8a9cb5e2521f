/** The store on PostgreSQL. Apart from the rest, because its driver takes time to load and most processes use SQLite. */
export { migratePostgresSchema, postgresSchema, type SchemaStatus } from './postgres-schema.ts';
export { openPostgresStore } from './postgres-store.ts';
