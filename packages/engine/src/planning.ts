/**
 * What is decided before a run begins: when, with which tasks and parameters. The store's threads import it from here,
 * so that each starts without loading the rest of the engine.
 */
export { dayNumber, nextFire, parseCron, type Cron } from './cron/index.ts';
export * from './schedules/index.ts';
export { planRun } from './plan.ts';
export { resolveStartParameters } from './parameters/start-parameters.ts';
export { windowsOf } from './upstream.ts';
