export { checkCron, isZone, localTimeText } from './check-cron.ts';
export { parseCron, type Cron, type ParsedCron } from './cron.ts';
export { everFires, firesBetween, firstInstantOf, nextFire } from './fires.ts';
export { civilDate, dayNumber, type CivilDate } from './calendar.ts';
export { localSecondAt, steadyStretches } from './local-time.ts';
