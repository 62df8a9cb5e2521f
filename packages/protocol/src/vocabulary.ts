/**
 * The words, ids, limits and messages: everything but the definition's parser, and no library. Threads and processes
 * that only need these import them from here, so that they start without loading a parser they never call.
 */
export * from './access.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './executing.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './log-gaps.ts';
export * from './phrases.ts';
export * from './problem-phrases.ts';
export * from './routes.ts';
export * from './operations.ts';
export * from './schedules.ts';
export * from './socket-link.ts';
export * from './states.ts';
export * from './trace.ts';
export * from './wire.ts';
export * from './words.ts';
export * from './workflow.ts';
export { formatDuration, parseDuration } from './definition/duration.ts';
export { nearest } from './definition/nearest.ts';
