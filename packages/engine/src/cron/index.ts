export { parseCron, type Cron, type ParsedCron } from './cron.ts';
export { everFires, firesBetween, nextFire } from './fires.ts';
