export * from './live-run.ts';
export * from './loop.ts';
export * from './observer.ts';
export * from './worker-door.ts';
