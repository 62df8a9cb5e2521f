export * from './live-run.ts';
export * from './loop.ts';
