export * from './errors.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './routes.ts';
export * from './states.ts';
export * from './wire.ts';
export * from './workflow.ts';
export * from './definition/index.ts';
