export * from './alerts.ts';
export {
  checkCron,
  civilDate,
  dayNumber,
  everFires,
  firesBetween,
  isZone,
  localTimeText,
  nextFire,
  parseCron,
  type CivilDate,
  type Cron,
  type ParsedCron,
} from './cron/index.ts';
export * from './schedules/index.ts';
export * from './apply.ts';
export * from './attempt-spec.ts';
export * from './decide.ts';
export * from './events.ts';
export * from './choose.ts';
export * from './graph.ts';
export { isNews } from './late-result.ts';
export * from './master-core.ts';
export * from './placement.ts';
export * from './plan.ts';
export * from './progress.ts';
export * from './records.ts';
export * from './run.ts';
export { type HostClock, type SharedClock, sharedClock } from './shared-clock.ts';
export * from './upstream.ts';
export * from './parameters/index.ts';
