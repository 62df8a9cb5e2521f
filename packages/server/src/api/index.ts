export type { ApiHints, ApiLog, ApiOptions } from './context.ts';
export { createApi } from './create-api.ts';
export { createLogReader, type LogLines, type LogQuery, type LogReader } from './logs.ts';
export { createStartLink } from './start-link.ts';
export { createRunHints, type RunHints } from './run-hints.ts';
export { readConsole, type ConsoleFiles } from './console.ts';
