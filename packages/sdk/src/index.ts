export * from './api-error.ts';
export * from './client.ts';
export type * from './queries.ts';
export * from './sign-in.ts';
